"""Counts the values that dropping a table of SQLite's takes out of other tables, as their foreign keys say.

With foreign keys on, DROP TABLE deletes all rows first, and ON DELETE SET NULL or SET DEFAULT then writes to whoever
refers to them; no count of rows shows it. See https://sqlite.org/foreignkeys.html#fk_schemacommands
Decides nothing about whether that is a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sessmig.databases.sqlite_known import Known
from sessmig.databases.sqlite_names import folded
from sessmig.databases.sqlite_tables import Tables
from sessmig.errors import DatabaseError
from sessmig.model import Answer
from sessmig.quoting import quoted
from sessmig.rows import Table, Unset

_SETTING = ("SET NULL", "SET DEFAULT")

_Query = Callable[..., Answer]
_Key = tuple[str, list[tuple[str, str]]]
"""What ON DELETE says, and the key's columns, each with the one that it refers to."""


def unset_by_drop(query: _Query, tables: Tables, table: Table) -> tuple[Unset, ...]:
    """Return what dropping a table would set in others, column by column."""
    if not tables.have_keys() or not int(str(query("PRAGMA foreign_keys").rows[0][0])):
        return ()
    wanted = {(folded(table.name), does) for does in _SETTING}
    # A step may drop some thousand tables, one after the other.
    children = [child for child in tables.refresh() if not wanted.isdisjoint(child.parents)]
    return tuple(
        found for child in children if child.identity != table.identity for found in _unset(query, table, child)
    )


def _unset(query: _Query, table: Table, child: Known) -> Iterator[Unset]:
    defaults = {
        str(row[1]): str(row[4] or "NULL") for row in query(f"PRAGMA main.table_xinfo({quoted(child.name)})").rows
    }
    found: dict[str, Unset] = {}
    for does, key in _keys(query, table, child):
        # As SQLite compares them: by the affinity and the collation of the one that is referred to.
        met = " AND ".join(f"p.{quoted(other)} = c.{quoted(own)}" for own, other in key)
        changed = ", ".join(
            f"count(CASE WHEN c.{quoted(own)} IS NOT ({defaults[own] if does == 'SET DEFAULT' else 'NULL'}) THEN 1 END)"
            for own, _ in key
        )
        asked = f"FROM {child.full_name} AS c WHERE EXISTS (SELECT 1 FROM {table.own} AS p WHERE {met})"
        try:
            (numbers,) = query(f"SELECT {changed} {asked}").rows
        except DatabaseError as error:
            if error.is_contention:  # a moment later it can be asked
                raise
            continue  # what refers to no such column is never set
        for (own, _), number in zip(key, numbers, strict=True):
            values = int(str(number))
            if values and (own not in found or found[own].values < values):
                found[own] = Unset(child.identity, own, values, f"ON DELETE {does}")
    yield from found.values()


def _keys(query: _Query, table: Table, child: Known) -> list[_Key]:
    """Return the foreign keys of a table by which the other's rows set something."""
    keys: dict[str, _Key] = {}
    for number, place, parent, own, other, _, does, *_ in query(
        f"PRAGMA main.foreign_key_list({quoted(child.name)})"
    ).rows:
        if folded(str(parent)) != folded(table.name) or does not in _SETTING:
            continue
        # A key that names no columns refers to the other's primary key.
        named = table.key[int(str(place))] if other is None and int(str(place)) < len(table.key) else other
        keys.setdefault(str(number), (str(does), []))[1].append((str(own), str(named)))
    return list(keys.values())
