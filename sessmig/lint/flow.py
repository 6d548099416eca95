"""Tells which tables a change takes its rows or values from.

Knows INSERT, UPDATE, MERGE and their like; what is only asked (EXISTS, IN) is no source.
"""

from __future__ import annotations

from sessmig.lint.change import Change
from sessmig.lint.leaving import is_asked
from sessmig.lint.sheet import Sheet


def copied_from(change: Change, *, is_wide: bool = False) -> set[str]:
    """Return the tables that a change copies rows or values from.

    Args:
        change: what is looked at.
        is_wide: whether tables count too that a query of rows only asks.
    """
    statement = change.statement
    if change.verb == "UPDATE":
        depth = change.terms[0].depth
        where = next((t.number for t in change.own if t.word == "WHERE"), change.terms[-1].number + 1)
        read = [t for t in change.scope if t.word in ("FROM", "JOIN") and (t.number < where or t.depth < depth)]
        return statement.sources([t for t in read if not is_asked(statement.terms, t)]) - {change.target}
    if is_wide and change.query:
        return statement.sources(change.scope)
    return sources(change)


def sources(change: Change) -> set[str]:
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


def sources_behind(sheet: Sheet, tables: set[str]) -> set[str]:
    """Return tables, and those that the file itself fills them from; a view is what it reads."""
    filled: dict[str, set[str]] = {}
    for change in (c for s in sheet.statements for c in s.changes):
        if change.target in sheet.made or change.verb in ("CREATE TABLE", "SELECT INTO"):
            filled.setdefault(change.target, set()).update(sources(change))
    found: set[str] = set()
    fresh = set(tables)
    while fresh:
        found |= sheet.tables.behind(fresh)
        fresh = {source for name in found for source in filled.get(name, ())} - found
    return found
