"""Values that go from a table while its rows stay: dropping the one that they refer to sets them to NULL or a default.

Knows when that is a loss: of a table that stood before the step, or that stands in such a one's place at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sessmig import looks
from sessmig.declared import Declared
from sessmig.evidence import Evidence
from sessmig.rows import Loss, Table
from sessmig.stands import Unsetting

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


def unsettings(
    database: Database, table: Table, tables: Mapping[int, Table], seen: Evidence, line: int
) -> Iterator[Unsetting]:
    """Look at what a DROP TABLE will set in other tables.

    Args:
        database: where it will be dropped.
        table: what will be.
        tables: those that stand now.
        seen: what the guard has seen until now.
        line: where the statement stands.
    """
    found = database.unset_by_drop(table)
    for unset in found:
        child = tables[unset.table]
        kept = {
            other.identity
            for other in tables.values()
            if other.identity not in (*seen.before, child.identity)
            and (written := _column(other, unset.column))
            and all((one.table, one.column) != (other.identity, written) for one in found)
            and _holds_as_many(database, child, unset.column, other, written)
        }
        identity = next((column.identity for column in child.columns if column.name == unset.column), 0)
        yield Unsetting(unset, identity, table.name, line, frozenset(kept))


def _column(table: Table, name: str) -> str:
    return next((column.name for column in table.columns if column.name.lower() == name.lower()), "")


def _holds_as_many(database: Database, table: Table, column: str, other: Table, written: str) -> bool:
    (own,), (there,) = looks.values(database, table, [column]), looks.values(database, other, [written])
    return own is not None and there is not None and there >= own


def unset_losses(seen: Evidence, declared: Declared) -> list[Loss]:
    """Return the values that went so and are not declared."""
    stands_for = {other: old for old in seen.drops for *_, other in seen.links(old)}
    found: dict[tuple[int, int, str], Loss] = {}
    for one in seen.unset:
        unset = one.unset
        identity = stands_for.get(unset.table, unset.table)
        if not _is_lost(one, identity, seen) or _is_declared(one, identity, seen, declared):
            continue
        table = seen.before[identity].name if unset.table != identity else seen.name(identity)
        place = identity, one.line, unset.column.lower()
        # A table and the one that is made in its place refer to what is dropped; the value is lost once.
        if place not in found or (found[place].rows or 0) < unset.values:
            by = f"{unset.does} from {one.parent}", f"DROP TABLE in line {one.line}"
            found[place] = Loss("values unset", table, unset.values, unset.column, by, line=one.line)
    return list(found.values())


def _is_lost(one: Unsetting, identity: int, seen: Evidence) -> bool:
    """Tell whether the table stays, and no copy in its place was made while the values were there."""
    if identity not in seen.before:
        return False
    heirs = [other for *_, other in seen.links(identity)]
    return (identity in seen.after or bool(heirs)) and one.kept.isdisjoint(heirs)


def _is_declared(one: Unsetting, identity: int, seen: Evidence, declared: Declared) -> bool:
    """Tell whether its name or its column's is declared, as it was before the step, is now, or was in between."""
    tables = [known[i] for known in (seen.before, seen.after) for i in {identity, one.unset.table} if i in known]
    names = {one.unset.column}
    names |= {column.name for table in tables for column in table.columns if column.identity == one.column}
    return any(declared.names_column(table, name) for table in tables for name in names)
