"""The rule on keys that are another thing at every run.

Knows which columns are keys as far as the files tell; docs/lint/changing-key.md says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.lint.change import Change
from sessmig.lint.copying import arms
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Term

_CHANGING = {
    *("RANDOM", "RANDOMBLOB", "GEN_RANDOM_UUID", "GEN_RANDOM_BYTES", "NOW", "CURRENT_TIMESTAMP", "CURRENT_TIME"),
    *("CURRENT_DATE", "LOCALTIMESTAMP", "LOCALTIME", "CLOCK_TIMESTAMP", "STATEMENT_TIMESTAMP", "TIMEOFDAY"),
    *(
        "TRANSACTION_TIMESTAMP",
        "UUID_GENERATE_V1",
        "UUID_GENERATE_V1MC",
        "UUID_GENERATE_V4",
        "UUIDV4",
        "UUIDV7",
        "UUID",
    ),
}


def _changing(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        keys = _keys(sheet, change)
        for column, terms in (*_inserted(change), *_set(change)):
            cause = _cause(terms)
            if cause and (column in keys or column == "id" or column.endswith("_id")):
                told = f"{cause.text} is part of the key {change.target}.{column}: every run gives another"
                yield Found(change.statement.line_of(cause), told)


def _keys(sheet: Sheet, change: Change) -> set[str]:
    """Return the columns of a table by which rows are known, as its definition or a merge says."""
    found = set(sheet.tables.shape(change.target).keys)
    for merge in sheet.merges:
        if change.statement.bare(merge.target) == change.target:
            found |= {change.statement.bare(pair[1]) for pair in merge.keys}
    return found


def _inserted(change: Change) -> Iterator[tuple[str, Sequence[Term]]]:
    """Yield each column of an INSERT … SELECT with what is put into it."""
    for arm in arms(change):
        yield from zip(change.columns or (), arm, strict=False)


def _set(change: Change) -> Iterator[tuple[str, Sequence[Term]]]:
    """Yield each column that an UPDATE sets, with what it is set to."""
    if change.verb != "UPDATE":
        return
    own = change.terms
    depth = own[0].depth
    start = next((n for n, t in enumerate(own) if t.word == "SET" and t.depth == depth), len(own))
    ends = [n for n, t in enumerate(own) if n > start and t.depth == depth and t.word in ("FROM", "WHERE", "RETURNING")]
    part: list[Term] = []
    for term in [*own[start + 1 : (ends or [len(own)])[0]], Term("sign", ",", 0, depth, 0)]:
        if term.text == "," and term.depth == depth:
            if len(part) > 2 and part[1].text == "=":
                yield change.statement.bare(part[0].text), part[2:]
            part = []
        else:
            part.append(term)


def _cause(terms: Sequence[Term]) -> Term | None:
    """Return what makes an expression another at every run; text of a query within it is not looked at."""
    if any(term.word == "SELECT" for term in terms):
        return None
    for term in terms:
        if term.word in _CHANGING or (term.kind == "string" and term.text.lower() == "'now'"):
            return term
    return None


RULES = (
    Rule(
        "changing-key",
        "Take the key from the row itself; a new one comes from the database's own numbering.",
        _changing,
    ),
)
