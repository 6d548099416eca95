"""The rule on keys that are another thing at every run.

Knows which columns are keys as far as the files tell; docs/lint/changing-key.md says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sessmig.lint.change import Change
from sessmig.lint.columns import parted
from sessmig.lint.copying import arms, listed
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement, Term

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
# SQLite's functions that mean the time of the run where no more than so many arguments are given.
_OF_NOW = {"DATETIME": 0, "DATE": 0, "TIME": 0, "JULIANDAY": 0, "UNIXEPOCH": 0, "STRFTIME": 1}
_BEHIND_LIST = {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT"}


def _changing(sheet: Sheet) -> Iterator[Found]:
    for change in sheet.changes:
        keys, named = _keys(sheet, change), _named(change)
        for column, terms in (*_inserted(change), *set_columns(change)):
            cause = _cause(change.statement, terms, named)
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


def set_columns(change: Change) -> Iterator[tuple[str, Sequence[Term]]]:
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


def _cause(statement: Statement, terms: Sequence[Term], named: Mapping[str, Term]) -> Term | None:
    """Return what makes an expression another at every run; of a query within it, what that selects is looked at.

    Args:
        statement: where it stands.
        terms: the expression.
        named: columns of other queries of the statement, with what makes them so.
    """
    skipped: int | None = None
    has_query = any(term.word == "SELECT" for term in terms)
    for term in terms:
        if skipped is not None and (term.depth < skipped or (term.depth == skipped and term.word == "SELECT")):
            skipped = None
        if skipped is None and term.word in _BEHIND_LIST and has_query and any(_is_select(t, term) for t in terms):
            skipped = term.depth
        if skipped is None and (
            _is_changing(statement, term) or (term.is_name and not (has_query and term.depth > terms[0].depth))
        ):
            found = term if _is_changing(statement, term) else named.get(statement.bare(term.text))
            if found:
                return found
    return None


def _is_select(term: Term, behind: Term) -> bool:
    return term.word == "SELECT" and term.depth == behind.depth and term.number < behind.number


def _is_changing(statement: Statement, term: Term) -> bool:
    if term.kind == "string":
        return term.text.lower() == "'now'"
    behind = statement.terms[term.number + 1] if term.number + 1 < len(statement.terms) else term
    if term.word in _OF_NOW and behind.text == "(":
        return len(list(parted(statement.inner(behind.number)))) <= _OF_NOW[term.word]
    return term.word in _CHANGING


def _named(change: Change) -> dict[str, Term]:
    """Return the columns that the queries of a WITH list or a FROM make anew at every run, with what makes them so."""
    found: dict[str, Term] = {}
    statement = change.statement
    selects = [t for t in change.scope if t.word == "SELECT"]
    for select in sorted(selects, key=lambda t: -t.depth):
        for part in listed(statement, select):
            is_called = len(part) > 2 and part[-1].is_name and part[-2].word == "AS"
            if is_called and (cause := _cause(statement, part[:-2], found)):
                found.setdefault(statement.bare(part[-1].text), cause)
    return found


RULES = (
    Rule(
        "changing-key",
        "Take the key from the row itself; a new one comes from the database's own numbering.",
        _changing,
    ),
)
