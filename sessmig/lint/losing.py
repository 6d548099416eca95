"""Rules on statements that take more away than they seem to.

Knows UPDATE, DELETE, DROP and how SQLite's tables are made anew; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig import script
from sessmig.lint.change import Change
from sessmig.lint.finding import Found, Rule
from sessmig.lint.flow import copied_from
from sessmig.lint.keys import set_columns
from sessmig.lint.sheet import Sheet
from sessmig.lint.statement import Statement


def _everywhere(sheet: Sheet) -> Iterator[Found]:
    added = _added(sheet)
    for change in (*sheet.changes, *sheet.bodies):
        if change.verb not in ("UPDATE", "DELETE") or "WHERE" in change.words:
            continue
        if change.verb == "UPDATE" and all((change.target, column) in added for column in _set(change)):
            continue  # it fills what the step has just added: nothing is overwritten
        yield Found(change.line, f"{change.verb} of every row of {change.target}")


def _added(sheet: Sheet) -> set[tuple[str, str]]:
    """Return the columns that a file adds to tables."""
    found = set()
    for statement in sheet.statements:
        if statement.head[:2] != ("ALTER", "TABLE"):
            continue
        table = statement.bare(script.outline(statement.text, sheet.dialect).target)
        for term in statement.terms:
            if term.word == "ADD" and not term.depth:
                rest = [
                    t for t in statement.terms[term.number + 1 :] if t.word not in ("COLUMN", "IF", "NOT", "EXISTS")
                ]
                found |= {(table, statement.bare(t.text)) for t in rest[:1]}
    return found


def _set(change: Change) -> Iterator[str]:
    """Yield the columns that an UPDATE sets."""
    own = change.own
    start = next((n for n, term in enumerate(own) if term.word == "SET"), len(own))
    for before, term, behind in zip(own[start:], own[start + 1 :], own[start + 2 :], strict=False):
        if term.word in ("FROM", "WHERE"):
            return
        if (before.word == "SET" or before.text == ",") and behind.text == "=":
            yield change.statement.bare(term.text)
        elif before.word == "SET" or (before.text == "," and term.text == "("):
            yield "("  # a list of columns, which is not looked into


def _dropping(sheet: Sheet) -> Iterator[Found]:
    """A table, or a column of one, that is dropped or emptied in the file that copies from it."""
    copied = {source: c for c in sheet.changes for source in copied_from(c, is_wide=True)}
    for name, statement in sheet.dropped:
        former = sheet.former(name)
        found = [copied[old] for old in sorted(former) if old in copied]
        if found and not former & sheet.rebuilt:
            yield Found(statement.line, f"{name} is dropped in the step that copies from it (line {found[0].line})")
    for statement in sheet.statements:
        if statement.head[:1] not in (("ALTER",), ("TRUNCATE",)):
            continue
        act = script.act(statement.text, sheet.dialect)
        tables = [statement.bare(name) for name in act.tables]
        if statement.head[:2] == ("ALTER", "TABLE") and act.dropped_columns:
            columns = [statement.bare(column) for column in act.dropped_columns]
            if change := copied.get(tables[0]) or _filling(sheet, tables[0], columns):
                named = f"{tables[0]}.{', '.join(act.dropped_columns)}"
                yield Found(statement.line, f"{named} is dropped in the step that copies from it (line {change.line})")
        for name in tables if act.verb == "TRUNCATE" else ():
            if (change := _before(sheet, name, statement)) is not None:
                yield Found(statement.line, f"{name} is emptied in the step that copies from it (line {change.line})")
    yield from _emptied(sheet)


def _filling(sheet: Sheet, table: str, columns: Sequence[str]) -> Change | None:
    """Return the UPDATE of a table that fills a column of it from one of these."""
    for change in sheet.changes:
        if change.verb == "UPDATE" and change.target == table:
            read = [t for _, terms in set_columns(change) for t in terms if t.is_name]
            if any(change.statement.bare(t.text) in columns for t in read):
                return change
    return None


def _emptied(sheet: Sheet) -> Iterator[Found]:
    """Yield each DELETE that takes all rows of a table that was copied from, or hands its rows to a copy."""
    for change in sheet.changes:
        if change.verb != "DELETE":
            continue
        name, statement = change.target, change.statement
        if any(other.query and name in copied_from(other) for other in statement.changes if other is not change):
            yield Found(change.line, f"the rows of {name} are deleted by the statement that copies them")
        elif _is_all(change) and (copy := _before(sheet, name, statement)) is not None:
            yield Found(change.line, f"{name} is emptied in the step that copies from it (line {copy.line})")


def _is_all(change: Change) -> bool:
    """Whether a DELETE has no condition, or one that always holds."""
    where = next((n for n, term in enumerate(change.own) if term.word == "WHERE"), len(change.own))
    condition = "".join(term.text.upper() for term in change.own[where + 1 :] if term.text != ";")
    return condition in ("", "TRUE", "1", "1=1")


def _before(sheet: Sheet, table: str, statement: Statement) -> Change | None:
    """Return the copy that takes rows from a table before a statement."""
    places = {id(other): place for place, other in enumerate(sheet.statements)}
    earlier = (c for c in sheet.changes if places[id(c.statement)] < places[id(statement)])
    return next((c for c in earlier if table in copied_from(c)), None)


def _old_first(sheet: Sheet) -> Iterator[Found]:
    for old, new, place in sheet.renamed:
        for statement in sheet.statements[place + 1 :]:
            is_table = statement.head[:1] == ("CREATE",) and "TABLE" in statement.head[:4]
            if is_table and statement.bare(script.outline(statement.text, sheet.dialect).target) == old:
                told = f"{old} is renamed to {new} before it is made anew: what refers to it then refers to {new}"
                yield Found(sheet.statements[place].line, told)
                break


def _cascading(sheet: Sheet) -> Iterator[Found]:
    if sheet.has("foreign-keys-off"):
        return
    gone: set[str] = set()
    for name, statement in sheet.dropped:
        dependents = [other for other in sheet.tables.dependents(name) if other not in gone]
        gone.add(name)
        if name in sheet.rebuilt | sheet.remade and dependents:
            told = f"{name} is made anew while foreign keys are on, and {', '.join(dependents)} refers to it"
            yield Found(statement.line, told)


RULES = (
    Rule("without-where", "Say which rows: WHERE …; if every row is meant, say so and why by a waiver.", _everywhere),
    Rule(
        "drop-with-copy",
        "Drop it in a later migration, held back by -- sessmig: wait 14 days after VERSION.",
        _dropping,
        kinds=("migration",),
    ),
    Rule(
        "rename-old-first",
        "Make the new table under another name, copy, drop the old one, and rename the new one.",
        _old_first,
        dialects=("sqlite",),
    ),
    Rule(
        "rebuild-cascades",
        "Put -- sessmig: foreign-keys-off at the file's top.",
        _cascading,
        dialects=("sqlite",),
    ),
)
