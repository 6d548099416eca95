"""Tells where in a statement a word in double quotes can only be a name, and where SQLite may read it as a text.

Knows the places of names in SQL; knows nothing of which names there are.
"""

from __future__ import annotations

from sessmig.lint.statement import Statement, Term

# What stands before an operand. Anything else before a name in quotes makes it an alias, a table or a column.
_BEFORE_OPERAND = {
    *("SELECT", "DISTINCT", "ALL", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "GLOB", "MATCH", "REGEXP", "BETWEEN"),
    *("IS", "CASE", "WHEN", "THEN", "ELSE", "BY", "HAVING", "ON", "RETURNING", "DEFAULT", "LIMIT", "OFFSET", "ESCAPE"),
}
_OPERATORS = set("=<>!|+-*/%&~(,")


def is_surely_a_name(statement: Statement, term: Term) -> bool:
    """Whether nothing but a name can stand where this one stands: SQLite reads no text there."""
    if not term.number:
        return True
    terms = statement.terms
    before = terms[term.number - 1]
    behind = terms[term.number + 1].text if term.number + 1 < len(terms) else ""
    if behind in (".", "(") or before.text == ".":
        return True
    if before.word in _BEFORE_OPERAND:
        return before.word == "ON" and statement.head[:1] == ("CREATE",) and not term.depth  # an index's table
    if before.text not in _OPERATORS or before.kind != "sign":
        return True
    return before.text in "(," and _is_column(statement, term, before, behind)


def _is_column(statement: Statement, term: Term, before: Term, behind: str) -> bool:
    """Whether it stands in a list of columns, or is what an UPDATE sets."""
    if behind == "=" and any(c.verb == "UPDATE" and c.terms[0].depth == term.depth for c in statement.changes):
        place = next((t.number for t in statement.terms if t.word in ("WHERE", "FROM") and t.depth == term.depth), None)
        return place is None or term.number < place
    if not term.depth:
        return False
    opening = next(t for t in reversed(statement.terms[: term.number]) if t.depth < term.depth)
    if any(t.word in ("SELECT", "VALUES", "CASE") for t in statement.inner(opening.number)):
        return False
    if statement.head[:1] == ("CREATE",) and not opening.depth:
        return True  # the columns of a table or an index
    owner = [t.word for t in statement.terms[max(0, opening.number - 3) : opening.number]]
    if {"KEY", "UNIQUE", "CONFLICT", "INTO", "REFERENCES"} & set(owner):
        return True
    # The list of a table expression, WITH x ("a", "b") AS (…), or of an UPDATE, SET ("a", "b") = (…).
    closing = opening.number + len(statement.inner(opening.number)) + 1
    next_word = statement.terms[closing + 1] if closing + 1 < len(statement.terms) else before
    return next_word.word == "AS" or owner[-1:] == ["SET"]
