"""Rules on what stands beside a step that moves rows: its account, its checks, its way back.

Knows which changes of rows need a proof; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig.lint.change import Change
from sessmig.lint.copying import is_asked
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement
from sessmig.merge import Merge


def _unaccounted(sheet: Sheet) -> Iterator[Found]:
    accounts = [(_read(sheet, merge, merge.source), merge) for merge in sheet.merges]
    for change in sheet.changes:
        sources = _sources(change) - sheet.temporary - {change.target}
        if not sources or any(_accounts_for(sheet, merge, taken, change, sources) for taken, merge in accounts):
            continue
        beside = sheet.verify.name if sheet.verify else f"{sheet.path.stem}.verify.sql"
        what = f"rows of {', '.join(sorted(sources))} are copied into {change.target}, and no merge accounts for them"
        yield Found(change.line, what, f"Write into {beside}: -- merge: SOURCE into TARGET on KEY comparing COLUMN, …")


def _sources(change: Change) -> set[str]:
    """Return the tables whose rows are copied: of the query itself, or of its WITH list, if it reads that."""
    statement, query = change.statement, change.query
    if change.verb == "MERGE":
        using = next(term for term in change.own if term.word == "USING")
        name = statement.name(using.number + 1)[0]
        return {name} if name and name not in statement.expressions else statement.sources(change.scope)
    depth = query[0].depth if query else 0
    own = statement.sources([term for term in query if term.depth == depth])
    if own or not any(term.word == "FROM" and term.depth == depth for term in query):
        return own
    # It reads its WITH list, in which rows may be taken out too.
    taken = {other.target for other in statement.changes if other.verb == "DELETE" and other is not change}
    return statement.sources(change.scope) | taken


def _accounts_for(sheet: Sheet, merge: Merge, taken: set[str], change: Change, sources: set[str]) -> bool:
    """Whether a merge speaks of a copy; where its target is a query, which may read much, of its source too."""
    if not {*_names(sheet, change.target)} & _read(sheet, merge, merge.target):
        return False
    return not merge.target.startswith("(") or bool(taken & {name for s in sources for name in _names(sheet, s)})


def _read(sheet: Sheet, merge: Merge, side: str) -> set[str]:
    """Return the tables whose rows one side of a merge gives; those that a condition only asks are none of them."""
    statement = Statement(side, merge.line, sheet.dialect)
    if not side.startswith("("):
        return {statement.bare(side)}
    reading = [term for term in statement.terms if term.word in ("FROM", "JOIN")]
    return statement.sources([term for term in reading if not is_asked(statement.terms, term)])


def _names(sheet: Sheet, table: str) -> Iterator[str]:
    """Yield the names that a table has in a step, the one it is renamed to too."""
    yield table
    yield from (new for old, new, _ in sheet.renamed if old == table)


def _unverified(sheet: Sheet) -> Iterator[Found]:
    first = next(_moving(sheet), None)
    if first is None or sheet.merges or any(block.verb == "check" for block in sheet.blocks):
        return
    beside = f"{sheet.path.stem}.verify.sql"
    lacking = f"{beside} holds no check and no merge" if sheet.verify else f"there is no {beside}"
    yield Found(first.line, f"this step changes rows ({first.verb} {first.target}), and {lacking}", is_whole=True)


def _one_way(sheet: Sheet) -> Iterator[Found]:
    first = next(_moving(sheet), None)
    if first and not sheet.rollback and not sheet.has("irreversible"):
        what = f"this step changes rows ({first.verb} {first.target}), and there is no {sheet.path.stem}.rollback.sql"
        yield Found(first.line, what, is_whole=True)


def _moving(sheet: Sheet) -> Iterator[Change]:
    """Yield the changes by which rows can go missing or change: not a plain INSERT … VALUES, which does or fails."""
    for change in sheet.changes:
        is_plain = change.verb == "INSERT" and not change.query and not change.conflict
        if not is_plain or "CONFLICT" in change.words:
            yield change


RULES = (
    Rule("copy-without-merge", "Write a merge into the verify file.", _unaccounted),
    Rule(
        "data-without-verify",
        "Write what must hold afterwards: a merge for rows that move, a check for the rest.",
        _unverified,
        kinds=("migration",),
    ),
    Rule(
        "data-without-rollback",
        "Write it, or say in the migration's file why there is none: -- sessmig: irreversible REASON.",
        _one_way,
        kinds=("migration",),
    ),
)
