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
# Words that SQLite takes for no name (https://sqlite.org/lang_keywords.html, tokenize.c), and those that are types.
_KEYWORDS = {
    *("ADD", "ALL", "ALTER", "AND", "AS", "AUTOINCREMENT", "BETWEEN", "CASE", "CHECK", "COLLATE", "COMMIT"),
    *("CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE", "DISTINCT", "DROP", "ELSE", "ESCAPE", "EXISTS"),
    *("FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INDEX", "INSERT", "INTO", "IS", "ISNULL", "JOIN", "LIMIT"),
    *("NOT", "NOTHING", "NOTNULL", "NULL", "ON", "OR", "ORDER", "PRIMARY", "REFERENCES", "RETURNING", "SELECT"),
    *("SET", "TABLE", "THEN", "TO", "TRANSACTION", "UNION", "UNIQUE", "UPDATE", "USING", "VALUES", "WHEN"),
    "WHERE",
}
_TYPES = {
    *("BIGINT", "BLOB", "BOOL", "BOOLEAN", "CHAR", "CHARACTER", "CLOB", "DATE", "DATETIME", "DECIMAL", "DOUBLE"),
    *("FLOAT", "INT", "INTEGER", "JSON", "NUMERIC", "REAL", "SMALLINT", "TEXT", "TIME", "TIMESTAMP", "TINYINT"),
    "VARCHAR",
}
_BEFORE_TABLE = {"TABLE", "INTO", "EXISTS", "REFERENCES", "ON", "UPDATE", "FROM", "JOIN"}


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


def may_name_a_column(statement: Statement, term: Term) -> bool:
    """Whether a word without quotes may be a column's name: no keyword, no function, no type behind a column."""
    terms = statement.terms
    before = terms[term.number - 1] if term.number else term
    behind = terms[term.number + 1].text if term.number + 1 < len(terms) else ""
    if term.word in _KEYWORDS or (behind == "(" and before.word not in _BEFORE_TABLE and term.word not in _TYPES):
        return False
    if term.word not in _TYPES or before.word in (_BEFORE_OPERAND | {"SET", "ADD", "COLUMN", "TO"}):
        return True
    is_cast = before.word == "AS" and any(t.word == "CAST" for t in terms[: term.number])
    return before.kind == "sign" or (before.word == "AS" and not is_cast)
