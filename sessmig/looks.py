"""Asks a database how many rows there are, and which of them are missing in a copy.

Knows the questions; what the answers mean, the guard decides. A question that cannot be asked has no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sessmig.errors import DatabaseError
from sessmig.model import Cell
from sessmig.quoting import quoted
from sessmig.rows import Table
from sessmig.stands import Keys

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

KEYS = 5
"""How many keys are shown."""
_SMALL = 1 << 30
"""Tables of more bytes than this are not counted."""
_AT_ONCE = 50


def is_small(table: Table) -> bool:
    """Tell whether a table may be counted."""
    return table.size is None or table.size <= _SMALL


def counts(database: Database, tables: Iterable[Table]) -> dict[int, int]:
    """Count the rows of each table, but for those that are too big or may not be read."""
    return _each(database, [table for table in tables if is_small(table)], "SELECT count(*) FROM {}")


def filled(database: Database, tables: Iterable[Table]) -> dict[int, bool]:
    """Tell of each table whether it holds a row."""
    found = _each(database, tables, "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) AS one")
    return {identity: bool(rows) for identity, rows in found.items()}


def _each(database: Database, tables: Iterable[Table], query: str) -> dict[int, int]:
    asked, found = list(tables), dict[int, int]()
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        rows = _ask(database, "SELECT " + ", ".join(f"({query.format(table.own)})" for table in some))
        if rows:
            found |= {table.identity: _number(value) for table, value in zip(some, rows[0], strict=True)}
        elif len(some) > 1:  # one of them may not be read
            for table in some:
                found |= _each(database, [table], query)
    return found


def keys(database: Database, table: Table) -> Keys:
    """Return the keys of a table's first rows."""
    if not table.key:
        return ()
    columns = ", ".join(map(quoted, table.key))
    return _ask(database, f"SELECT {columns} FROM {table.own} ORDER BY {columns} LIMIT {KEYS}") or ()


def values(database: Database, table: Table, columns: Sequence[str]) -> tuple[int | None, ...]:
    """Count the values of columns that are not NULL."""
    if not columns or not is_small(table):
        return (None,) * len(columns)
    asked = ", ".join(f"count({quoted(column)})" for column in columns)
    rows = _ask(database, f"SELECT {asked} FROM {table.own}")
    return tuple(_number(value) for value in rows[0]) if rows else (None,) * len(columns)


def missing(database: Database, table: Table, copy: Table) -> tuple[int | None, Keys]:
    """Count the rows of a table whose key is not in a copy of it, and show the first of them.

    Keys with a NULL in them, which SQLite allows, are compared by their number; and so is a table without a key.
    """
    pair = table.own, copy.own
    if table.key:
        for compared in ("o.{0} = c.{0}", "CAST(o.{0} AS TEXT) = CAST(c.{0} AS TEXT)"):
            found = _without_equal(database, table.key, *pair, compared)
            if found is not None:
                return found
    rows = _ask(database, "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})".format(*pair))
    return (max(0, _number(rows[0][0]) - _number(rows[0][1])), ()) if rows else (None, ())


def _without_equal(
    database: Database, key: Sequence[str], table: str, copy: str, compared: str
) -> tuple[int, Keys] | None:
    names = [quoted(name) for name in key]
    on = " AND ".join(compared.format(name) for name in names)
    whole, null = " AND ".join(f"o.{n} IS NOT NULL" for n in names), " OR ".join(f"{n} IS NULL" for n in names)
    # A left join is what both databases do with an index, or a hash, whichever there is.
    lacking = f"FROM {table} AS o LEFT JOIN {copy} AS c ON {on} WHERE c.{names[0]} IS NULL AND {whole}"
    # Where the copy has another type, two keys may be one there ('1' and '01', as numbers).
    met = f"SELECT DISTINCT {', '.join(f'c.{n}' for n in names)} FROM {table} AS o JOIN {copy} AS c ON {on}"
    rows = _ask(
        database,
        f"SELECT (SELECT count(*) {lacking}), (SELECT count(*) FROM {table} AS o WHERE {whole}), "
        f"(SELECT count(*) FROM ({met}) AS met), "
        f"(SELECT count(*) FROM {table} WHERE {null}), (SELECT count(*) FROM {copy} WHERE {null})",
    )
    if rows is None:
        return None
    number, keyed, found, nulls, others = map(_number, rows[0])
    shown = _ask(database, f"SELECT {', '.join(f'o.{n}' for n in names)} {lacking} LIMIT {KEYS}") if number else ()
    return number + max(0, keyed - number - found) + max(0, nulls - others), shown or ()


def _ask(database: Database, sql: str) -> Keys | None:
    """Ask where nothing can be written and a failure leaves no trace; None if it cannot be asked."""
    try:
        with database.read_only():
            return database.query(sql).rows
    except DatabaseError as error:
        if error.is_contention:  # a moment later it can
            raise
        return None


def _number(value: Cell) -> int:
    return int(str(value))
