"""The rule on NOT IN and its like, which hold for no row once a NULL is among the values.

Knows how it is written; which columns are never NULL, `columns` tells. docs/lint/not-in-nullable.md says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.lint.columns import parted, read_columns
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term

_QUERY = ("SELECT", "WITH")
# What ends, to the left, the condition that an IN belongs to.
_BEFORE = {
    *("AND", "OR", "WHERE", "ON", "HAVING", "WHEN", "THEN", "ELSE", "SELECT", "CASE", "BY", "CHECK", "FILTER", "USING"),
    *("IN", "SET", "RETURNING"),
}


def _not_in(sheet: Sheet) -> Iterator[Found]:
    for statement in sheet.statements:
        terms = statement.terms
        for term in terms[:-2]:
            said = _denied(statement, term)
            opening = term.number + 1
            if not said or terms[opening].text != "(":
                continue
            inner = statement.inner(opening)
            if inner and inner[0].word in _QUERY:
                if _may_be_null(sheet, statement, inner):
                    told = f"{said} (SELECT …) holds for no row at all once a NULL is among them"
                    yield Found(statement.line_of(terms[term.number - 1]), told)
            elif any(len(part) == 1 and part[0].word == "NULL" for part in parted(inner)):
                yield Found(statement.line_of(terms[term.number - 1]), f"{said} (…, NULL) holds for no row at all")


def _denied(statement: Statement, term: Term) -> str:
    """Return how a list or query behind a term is denied: by NOT IN, or as <> ALL; '' where it is not."""
    terms = statement.terms
    if term.word == "ALL" and term.number > 1:
        signs = terms[term.number - 2].text + terms[term.number - 1].text
        return f"{signs} ALL" if signs in ("<>", "!=") else ""
    if term.word != "IN" or not term.number:
        return ""
    return "NOT IN" if terms[term.number - 1].word == "NOT" or _is_in_not(statement, term) else ""


def _is_in_not(statement: Statement, term: Term) -> bool:
    """Whether a NOT stands before the condition, or before parentheses around it."""
    depth, is_ended = term.depth, False
    terms = statement.terms
    for other in reversed(terms[: term.number]):
        before = terms[other.number - 1].word if other.number else ""
        if other.depth < depth:
            if terms[other.number + 1].word in _QUERY or other.text != "(":
                return False
            if before == "NOT":
                return True
            if before and before not in _BEFORE:
                return False  # a function's
            depth, is_ended = other.depth, before in _BEFORE
        elif other.depth == depth and not is_ended:
            if other.word == "NOT":
                return before != "IS"
            is_ended = other.word in _BEFORE or other.text == ","
        if is_ended and not depth:
            return False
    return False


def _may_be_null(sheet: Sheet, statement: Statement, inner: Sequence[Term]) -> bool:
    """Whether these files do not tell that what is selected is never NULL."""
    words = [t.word for t in inner]
    if any(words[n : n + 3] == ["IS", "NOT", "NULL"] for n in range(len(words))):
        return False
    columns = read_columns(statement, inner, sheet.tables.columns)
    return not columns or not all(is_filled for _, is_filled in columns)


RULES = (
    Rule(
        "not-in-nullable",
        "Write NOT EXISTS (SELECT 1 … WHERE …), or leave NULL out: WHERE COLUMN IS NOT NULL.",
        _not_in,
        kinds=("migration", "rollback", "verify"),
    ),
)
