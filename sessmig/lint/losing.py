"""Rules on statements that take more away than they seem to.

Knows UPDATE, DELETE, DROP and how SQLite's tables are made anew; docs/lint/ says why each is a rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig import script
from sessmig.lint.change import Change
from sessmig.lint.finding import Found, Rule
from sessmig.lint.sheet import Sheet


def _everywhere(sheet: Sheet) -> Iterator[Found]:
    added = _added(sheet)
    for change in sheet.changes:
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
    """A table, or a column of one, that is dropped in the file that copies from it."""
    copied = {source: c for c in sheet.changes if c.query for source in c.statement.sources(c.scope)}
    for name, statement in sheet.dropped:
        if name in copied and name not in sheet.rebuilt:
            told = f"{name} is dropped in the step that copies from it (line {copied[name].line})"
            yield Found(statement.line, told)
    for statement in sheet.statements:
        if statement.head[:2] == ("ALTER", "TABLE"):
            act = script.act(statement.text, sheet.dialect)
            table = statement.bare(act.tables[0]) if act.tables else ""
            if act.dropped_columns and table in copied:
                columns = ", ".join(act.dropped_columns)
                told = f"{table}.{columns} is dropped in the step that copies from it (line {copied[table].line})"
                yield Found(statement.line, told)


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
    for name, statement in sheet.dropped:
        if name in sheet.rebuilt and (dependents := sheet.tables.dependents(name)):
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
