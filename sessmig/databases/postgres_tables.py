"""Lists the tables of a PostgreSQL database from its catalogue, without waiting for whoever has locked one.

Knows the catalogue; decides nothing about what becomes of rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from sessmig.databases.wire import Wire
from sessmig.quoting import quoted
from sessmig.rows import Column, Table

# Whether the rows of a table `c` stand in others, on other nodes too: Citus has given it such a trigger.
DISTRIBUTED = """EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    WHERE g.tgrelid = c.oid AND p.proname = 'citus_truncate_trigger'
)"""
# pg_relation_size waits for whoever has locked a table, or is about to: a lock of our own that they wait for would then
# be a deadlock. So these tables do not tell their size.
TABLES = f"""
WITH locked AS MATERIALIZED (
    SELECT l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
)
SELECT pg_catalog.json_build_array(
       c.oid::bigint, n.nspname, c.relname, c.relfilenode::bigint,
       CASE
           WHEN c.relkind = 'p' THEN 0
           WHEN c.relkind = 'r' AND c.oid NOT IN (SELECT relation FROM locked) THEN pg_catalog.pg_relation_size(c.oid)
       END,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT pg_catalog.array_to_string((i.indkey::int2[])[:i.indnkeyatts - 1], ' ')
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisprimary),
       (SELECT pg_catalog.json_agg(DISTINCT f.confrelid::bigint)
        FROM pg_catalog.pg_constraint AS f
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confdeltype = 'c'),
       (SELECT h.inhparent::bigint FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = c.oid AND c.relispartition),
       c.relkind <> 'f' AND pg_catalog.current_setting('track_counts') = 'on' AND NOT {DISTRIBUTED}
)::text
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  ){{}}
ORDER BY n.nspname, c.relname"""
_TRIGGERS = """
SELECT DISTINCT t.tgrelid::bigint, p.prosrc
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal"""


# A table that others inherit from shows their rows too; what they lose is not its own.
HOLDING = """
SELECT l.relation::bigint
FROM {} AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND NOT (c.relkind = 'r' AND c.relhassubclass)
WHERE l.mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""
_HELD = f"""{HOLDING.format("pg_catalog.pg_locks")}
  AND l.locktype = 'relation' AND l.granted AND l.pid = pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())"""


def hold(wire: Wire, table: Table) -> None:
    """Lock a table against all others; a foreign one cannot be locked, and stands elsewhere."""
    # Only what has no storage of its own may be one.
    asked = "SELECT relkind = 'f' FROM pg_catalog.pg_class WHERE oid = $1::oid"
    if table.storage or wire.query(asked, (table.identity,)).rows[0][0] is not True:
        wire.command(f"LOCK TABLE {table.sql} IN ACCESS EXCLUSIVE MODE")


def held(wire: Wire, asked: Collection[int]) -> frozenset[int]:
    """Return those tables on which this session holds a lock that keeps all others from writing."""
    return frozenset(int(str(oid)) for (oid,) in wire.query(_HELD).rows).intersection(asked)


def some_tables(wire: Wire, schema: str, asked: Collection[int]) -> tuple[Table, ...]:
    """Return those of some tables that are user tables, without what hangs on them."""
    oids = "{" + ",".join(map(str, asked)) + "}"
    found = wire.query(TABLES.format(" AND c.oid = ANY ($1::oid[])"), (oids,)).rows
    return read_tables(schema, (str(row) for (row,) in found))


def read_tables(schema: str, rows: Iterable[str]) -> tuple[Table, ...]:
    """Read what `TABLES` has answered, without what hangs on the tables."""
    return tuple(_table(row, schema) for row in rows)


def tables(wire: Wire, schema: str) -> tuple[Table, ...]:
    """Return every user table; one of `schema` is named without it."""
    found = [_table(str(row), schema) for (row,) in wire.query(TABLES.format("")).rows]
    reached = _reached(wire, found)
    if not reached and not any(table.parent for table in found):
        return tuple(found)
    sizes = {table.identity: table.size for table in found}
    parents = {table.identity: table.parent for table in found}
    for table in found:
        above = table.parent
        while above in sizes:  # a partitioned table holds what its partitions hold; a foreign one does not tell
            size = sizes[above]
            sizes[above] = None if size is None or table.size is None else size + table.size
            above = parents[above]
    return tuple(_with(table, sizes[table.identity], reached.get(table.identity, ())) for table in found)


def _with(table: Table, size: int | None, reaches: tuple[int, ...]) -> Table:
    same = table.size == size and table.reaches == reaches
    return table if same else replace(table, size=size, reaches=reaches)


def _reached(wire: Wire, found: Sequence[Table]) -> dict[int, tuple[int, ...]]:
    """Find the tables that the functions of each table's triggers name."""
    triggers = wire.query(_TRIGGERS).rows
    if not triggers:
        return {}
    names: dict[str, set[int]] = {}
    for table in found:
        names.setdefault(table.name.rpartition(".")[2].lower(), set()).add(table.identity)
    reached: dict[int, set[int]] = {}
    for identity, body in triggers:
        # A name in a longer text costs nothing but a count of a table that nobody touches.
        written = (names.get(word, set()) for word in _words(str(body)))
        reached.setdefault(int(str(identity)), set()).update(*written)
    return {identity: tuple(sorted(others)) for identity, others in reached.items()}


@lru_cache(maxsize=1_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


@lru_cache(maxsize=20_000)
def _table(row: str, schema: str) -> Table:
    """Read a table; before a step and after it most are the same, and then they are the same objects."""
    identity, space, name, storage, size, columns, key, follows, parent, is_counted = json.loads(row)
    found = tuple(Column(number, called) for number, called in columns or ())
    names = {str(column.identity): column.name for column in found}
    return Table(
        identity=identity,
        name=name if space == schema else f"{space}.{name}",
        sql=f"{quoted(space)}.{quoted(name)}",
        columns=found,
        key=tuple(names[number] for number in (key or "").split()),
        storage=storage,
        size=size,
        follows=tuple(follows or ()),
        parent=parent,
        is_counted=is_counted,
        holds_rows=is_counted or bool(storage),
        only="ONLY " if storage else "",
    )
