"""Rules on what stands beside a step that moves rows: its account, its checks, its way back.

Knows which changes of rows need a proof, and which drops; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sessmig import script
from sessmig.lint.change import Change
from sessmig.lint.finding import Found, Rule
from sessmig.lint.flow import sources, sources_behind
from sessmig.lint.leaving import is_asked
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement
from sessmig.merge import Merge


def _unaccounted(sheet: Sheet) -> Iterator[Found]:
    accounts = [(_taken(sheet, merge), merge) for merge in sheet.merges]
    for change in sheet.changes:
        tables = sources(change) - sheet.temporary - {change.target}
        if not tables:
            continue
        behind = {
            name
            for source in sources_behind(sheet, sources(change))
            for name in (*_names(sheet, source), *sheet.former(source))
        }
        if any(taken & behind and _is_into(sheet, merge, change) for taken, merge in accounts):
            continue
        beside = sheet.verify.name if sheet.verify else f"{sheet.path.stem}.verify.sql"
        what = f"rows of {', '.join(sorted(tables))} are copied into {change.target}, and no merge accounts for them"
        yield Found(change.line, what, f"Write into {beside}: -- merge: SOURCE into TARGET on KEY comparing COLUMN, …")


def _taken(sheet: Sheet, merge: Merge) -> set[str]:
    """Return the tables whose rows a merge accounts for, whatever they are called before and after."""
    read = _read(sheet, merge, merge.source) | (_read(sheet, merge, merge.after) if merge.after else set())
    return sheet.tables.behind(read)


def _is_into(sheet: Sheet, merge: Merge, change: Change) -> bool:
    """Whether a merge's target is the table that a copy goes to, or gives its rows."""
    return bool({*_names(sheet, change.target)} & _read(sheet, merge, merge.target))


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
    first = _first(sheet)
    # What is to be gone can be asked for before it goes.
    proving = ("check",) if any(_moving(sheet)) else ("check", "require")
    if first is None or sheet.merges or any(block.verb in proving for block in sheet.blocks):
        return
    beside = f"{sheet.path.stem}.verify.sql"
    lacking = f"{beside} holds no check and no merge" if sheet.verify else f"there is no {beside}"
    yield Found(first[0], f"{first[1]}, and {lacking}", is_whole=True)


def _one_way(sheet: Sheet) -> Iterator[Found]:
    first = _first(sheet)
    if first and not sheet.rollback and not sheet.has("irreversible"):
        yield Found(first[0], f"{first[1]}, and there is no {sheet.path.stem}.rollback.sql", is_whole=True)


def _first(sheet: Sheet) -> tuple[int, str] | None:
    """Return the line of the first statement by which rows can go missing or change, and what it does."""
    moving = [(c.line, f"this step changes rows ({c.verb} {c.target})") for c in islice(_moving(sheet), 1)]
    return min([*moving, *islice(_taking(sheet), 1)], default=None)


def _taking(sheet: Sheet) -> Iterator[tuple[int, str]]:
    """Yield the statements that take whole tables or columns away, or bring rows that no file shows."""
    for statement in sheet.statements:
        head = statement.head
        if head[:1] not in (("DROP",), ("ALTER",), ("TRUNCATE",), ("COPY",)):
            continue
        act = script.act(statement.text, sheet.dialect)
        names = [statement.bare(name) for name in act.tables]
        lost = [n for n in names if n not in sheet.temporary and (n not in sheet.made or n in sheet.remade)]
        if lost and (head[:2] == ("DROP", "TABLE") or head[:1] == ("TRUNCATE",)):
            yield statement.line, f"this step takes rows away ({' '.join(head[:1])} {', '.join(lost)})"
        elif head[:2] == ("DROP", "SCHEMA") and act.cascades:
            yield statement.line, "this step takes tables away (DROP SCHEMA … CASCADE)"
        elif head[:2] == ("ALTER", "TABLE") and act.dropped_columns and lost:
            yield statement.line, f"this step takes values away (DROP COLUMN {', '.join(act.dropped_columns)})"
        elif head[:1] == ("COPY",) and any(t.word == "FROM" and not t.depth for t in statement.terms):
            yield statement.line, "this step brings rows that no file here shows (COPY … FROM)"


def _moving(sheet: Sheet) -> Iterator[Change]:
    """Yield the changes by which rows can go missing or change: not a plain INSERT … VALUES, which does or fails."""
    for change in sheet.changes:
        is_plain = change.verb == "INSERT" and not change.query and not change.conflict
        if not is_plain or "CONFLICT" in change.words:
            yield change


def _empty(sheet: Sheet) -> Iterator[Found]:
    if sheet.is_empty:
        yield Found(1, "the file is empty: it is taken for done, and does nothing", is_whole=True)


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
    Rule("empty-file", "Write its statements; or a remark that says why there are none.", _empty),
)
