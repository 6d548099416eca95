"""Lists the tables of a PostgreSQL database from its catalogue, without waiting for whoever has locked one.

Knows the catalogue; decides nothing about what becomes of rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from sessmig.databases.wire import Wire
from sessmig.model import Cell
from sessmig.rows import Column, Table

# Whether the rows of a table `c` stand in others, on other nodes too: Citus has given it such a trigger.
DISTRIBUTED = """EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
    WHERE g.tgrelid = c.oid AND p.proname = 'citus_truncate_trigger'
)"""
# pg_relation_size waits for whoever has locked a table, or is about to: a lock of our own that they wait for would then
# be a deadlock. So these tables do not tell their size.
_TABLES = f"""
WITH locked AS MATERIALIZED (
    SELECT l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
)
SELECT c.oid::bigint, n.nspname, c.relname, c.relfilenode::bigint,
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
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  )
ORDER BY n.nspname, c.relname"""
_TRIGGERS = """
SELECT DISTINCT t.tgrelid::bigint, p.prosrc
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal"""


# A table that others inherit from shows their rows too; what they lose is not its own.
_HELD = """
SELECT l.relation::bigint
FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation AND NOT (c.relkind = 'r' AND c.relhassubclass)
WHERE l.locktype = 'relation' AND l.granted AND l.pid = pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
  AND l.mode IN ('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"""


def held(wire: Wire, asked: Collection[int]) -> frozenset[int]:
    """Return those tables on which this session holds a lock that keeps all others from writing."""
    return frozenset(int(str(oid)) for (oid,) in wire.query(_HELD).rows).intersection(asked)


def tables(wire: Wire, schema: str) -> tuple[Table, ...]:
    """Return every user table; one of `schema` is named without it."""
    found = [_table(row, schema) for row in wire.query(_TABLES).rows]
    reached = _reached(wire, found)
    sizes = {table.identity: table.size for table in found}
    parents = {table.identity: table.parent for table in found}
    for table in found:
        above = table.parent
        while above in sizes:  # a partitioned table holds what its partitions hold; a foreign one does not tell
            size = sizes[above]
            sizes[above] = None if size is None or table.size is None else size + table.size
            above = parents[above]
    return tuple(replace(t, size=sizes[t.identity], reaches=reached.get(t.identity, ())) for t in found)


def _reached(wire: Wire, found: Sequence[Table]) -> dict[int, tuple[int, ...]]:
    """Find the tables that the functions of each table's triggers name."""
    names: dict[str, set[int]] = {}
    for table in found:
        names.setdefault(table.name.rpartition(".")[2].lower(), set()).add(table.identity)
    reached: dict[int, set[int]] = {}
    for identity, body in wire.query(_TRIGGERS).rows:
        # A name in a longer text costs nothing but a count of a table that nobody touches.
        written = (names.get(word, set()) for word in _words(str(body)))
        reached.setdefault(int(str(identity)), set()).update(*written)
    return {identity: tuple(sorted(others)) for identity, others in reached.items()}


@lru_cache(maxsize=1_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _table(row: Sequence[Cell], schema: str) -> Table:
    texts = (None if c is None else str(c) for c in row[:-1])
    identity, space, name, storage, size, columns, key, follows, parent = texts
    found = _columns(str(columns or "[]"))
    names = {str(column.identity): column.name for column in found}
    return Table(
        identity=int(str(identity)),
        name=str(name) if space == schema else f"{space}.{name}",
        sql=f"{_quoted(str(space))}.{_quoted(str(name))}",
        columns=found,
        key=tuple(names[number] for number in str(key or "").split()),
        storage=int(str(storage)),
        size=None if size is None else int(str(size)),
        follows=tuple(json.loads(str(follows or "[]"))),
        parent=None if parent is None else int(str(parent)),
        is_counted=str(row[-1]) in ("True", "t", "true"),
    )


@lru_cache(maxsize=10_000)
def _columns(text: str) -> tuple[Column, ...]:
    """Read a table's columns; before a step and after it most are the same."""
    return tuple(Column(number, name) for number, name in json.loads(text))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
