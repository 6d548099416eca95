"""Says what a step did to the rows of each table, and by what.

A pure function of what the guard has seen; asks no database and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig.evidence import Evidence
from sessmig.rows import Effect

_GUESS = "a trigger or function"


def effects(seen: Evidence) -> tuple[Effect, ...]:
    """Return the effect on each table whose rows were touched, by name; a partitioned table as a whole."""
    replaced = {seen.successor(identity) for identity in seen.drops}
    found = [
        effect
        for top, members in seen.trees().items()
        if top not in replaced and (effect := _effect(seen, top, members))
    ]
    return tuple(sorted(found, key=lambda effect: effect.table))


def _effect(seen: Evidence, top: int, members: list[int]) -> Effect | None:
    before, after = seen.rows_before.get(top), seen.rows_after.get(seen.successor(top) or top)
    if top not in seen.before:
        return _made(seen, top)
    if top not in seen.after:
        return _replaced(seen, top, after)
    taken = [seen.emptied(member) for member in members]
    gone = sum(rows or 0 for _, rows in filter(None, taken))
    deleted = seen.deleted(members) + gone
    told = [seen.change(member) for member in members]
    is_touched = any(taken) or any(c.inserted or c.updated or c.deleted for c in told)
    is_touched |= any(member in seen.course.tallies for member in members)
    if not (is_touched or (before is not None and after is not None and before != after)):
        return None
    inserted, updated = _inserted(seen, members, before, after, deleted), _updated(seen, members)
    if before is None and after is not None and inserted is not None and not any(taken):
        before = after - inserted + deleted
    if updated is None and inserted is not None:
        updated = max(0, seen.said(members, "INSERT", "UPDATE", "REPLACE") - inserted)
    by = tuple(reasons(seen, members)) if deleted - gone else ()
    by += tuple(f"TRUNCATE in line {line}" if line else "TRUNCATE" for line, _ in filter(None, taken[:1]))
    return Effect(seen.name(top), before, after, inserted, updated, deleted, by)


def _inserted(seen: Evidence, members: list[int], before: int | None, after: int | None, deleted: int) -> int | None:
    told = [seen.change(member).inserted for member in members if seen.change(member).inserted is not None]
    if told:
        arrived = sum(number or 0 for number in told)
        return arrived - max(0, sum(map(seen.counted, members)) - deleted) if len(members) > 1 else arrived
    return None if before is None or after is None else max(0, after - before + deleted)


def _updated(seen: Evidence, members: list[int]) -> int | None:
    told = [seen.change(member).updated for member in members]
    return None if not any(number is not None for number in told) else sum(number or 0 for number in told)


def _made(seen: Evidence, top: int) -> Effect:
    after = seen.rows_after.get(top)
    said = seen.said([top], "INSERT", "UPDATE", "REPLACE")
    deleted = seen.tally(top).rows["DELETE"]
    inserted = None if after is None else after + deleted
    return Effect(seen.name(top), None, after, inserted, max(0, said - inserted) if said and inserted else 0, deleted)


def _replaced(seen: Evidence, top: int, after: int | None) -> Effect:
    """A table that was dropped, or made anew with its rows."""
    drop, before, links = seen.drops.get(top), seen.rows_before.get(top), seen.links(top)
    by = (f"DROP TABLE in line {drop.line}",) if drop and drop.line else ()
    gone = drop.deleted if drop else 0
    if not links:
        gone += (drop.rows if drop else before) or 0
        inserted = None if before is None else max(0, gone - before)
        return Effect(seen.name(top), before, None, inserted, None, gone, by)
    gone += sum((copied.missing or 0) + seen.gone_later(copied, other) for _, copied, other in links)
    inserted = None if before is None or after is None else max(0, after - before + gone)
    name = seen.name(links[-1][2])  # as the one in its place is called now
    return Effect(name, before, after, inserted, None, gone, by if gone else ())


def reasons(seen: Evidence, members: list[int], missing: int = 0) -> Iterator[str]:
    """Say what took rows of a table away."""
    deleted, own = seen.deleted(members) or missing, 0
    for member in members:
        tally = seen.tally(member)
        own += tally.rows["DELETE"]
        if tally.lines:
            yield tally.deleted_by
    if deleted <= own:
        return
    parents = [seen.name(parent) for parent in _followed(seen, members)]
    if parents:
        yield f"cascade from {' and '.join(parents)}"
    elif any(seen.tally(member).replacing for member in members):
        yield "REPLACE"
    elif merging := [seen.tally(member).merging for member in members if seen.tally(member).merging]:
        yield f"MERGE in line {merging[0]}"
    elif seen.course.hidden:
        yield f"DELETE within a WITH in line {seen.course.hidden[0]}"
    else:
        yield _GUESS


def _followed(seen: Evidence, members: list[int]) -> list[int]:
    """Return the tables that lost rows, or were dropped, and took rows of these along."""
    found: dict[int, None] = {}
    for member in members:
        for tables in (seen.before, seen.after):
            for parent in tables[member].follows if member in tables else ():
                # A table that an extension has made is none of those that are looked at.
                if (
                    parent not in members
                    and (parent in seen.before or parent in seen.after)
                    and _has_lost(seen, parent)
                ):
                    found[parent] = None
    names: dict[str, int] = {seen.name(parent): parent for parent in reversed(found)}
    return list(reversed(names.values()))


def _has_lost(seen: Evidence, identity: int) -> bool:
    made_anew = {seen.successor(dropped) for dropped in seen.drops}
    return bool(seen.deleted([identity])) or identity not in seen.after or identity in made_anew


def line_of(seen: Evidence, members: list[int], asked: frozenset[int] = frozenset()) -> int:
    """Return the line of the statement that took the first rows away, itself or by a cascade; 0 if none is known."""
    for member in members:
        tally = seen.tally(member)
        if tally.lines:
            return tally.lines[0]
        if member in seen.drops:
            return seen.drops[member].line
    for parent in _followed(seen, members):
        if parent not in asked and (line := line_of(seen, [parent], asked | {*members, parent})):
            return line
    told = [seen.tally(member) for member in members]
    replacing = [line for tally in told if (line := tally.replacing or tally.merging)]
    return replacing[0] if replacing else next(iter(seen.course.hidden), 0)
