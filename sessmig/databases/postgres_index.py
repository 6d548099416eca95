"""Asks PostgreSQL's catalogue for indexes: whether they are there, valid, as they were asked for, or being built.

Changes nothing, and knows nothing of what is then done about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sessmig.databases.wire import Wire
from sessmig.index_act import IndexAct
from sessmig.model import Cell

_HERE = "(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
# Whoever works on an index beside writers has its table locked so; a VACUUM has too, but no line in the progress view.
_BUILDERS = f"""
    SELECT l.pid FROM pg_catalog.pg_stat_progress_create_index AS p
    JOIN pg_catalog.pg_locks AS l ON l.pid = p.pid
    WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.database = {_HERE}
      AND l.relation = i.indrelid AND l.pid <> pg_catalog.pg_backend_pid()"""
_FOUND = f"""
SELECT x.oid::bigint, pg_catalog.format('%I.%I', n.nspname, x.relname), i.indrelid::bigint,
       pg_catalog.format('%I.%I', tn.nspname, t.relname), i.indisvalid AND i.indisready,
       (SELECT min(b.pid) FROM ({_BUILDERS}) AS b)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE """
# The name of a new index has no schema: it stands in that of its table. Longer names are cut, as the server cuts them.
_OF_TABLE = f"""{_FOUND} x.relname = CAST((pg_catalog.parse_ident($2))[1] AS name)
  AND x.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1))"""
_NAMED = f"{_FOUND} x.oid = pg_catalog.to_regclass($1)"
_SCOPES = {
    "INDEX": """
    SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)
       OR indexrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)))""",
    "TABLE": """
    SELECT pg_catalog.to_regclass($1)::oid
    UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))""",
    "SCHEMA": """
    SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = CAST((pg_catalog.parse_ident($1))[1] AS name)""",
    "DATABASE": "SELECT oid FROM pg_catalog.pg_class WHERE $1::text IS NOT NULL",
}
# What REINDEX CONCURRENTLY builds and takes away bears such names until it is done.
_LEFTOVERS = f"""
WITH scope (oid) AS (SCOPE), tables AS (
    SELECT oid FROM scope
    UNION SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid IN (SELECT oid FROM scope) AND reltoastrelid <> 0
)
{_FOUND} i.indrelid IN (SELECT oid FROM tables) AND NOT (i.indisvalid AND i.indisready)
  AND x.relname ~ '_cc(new|old)[0-9]*$' AND NOT EXISTS ({_BUILDERS})
ORDER BY 2"""
_LIKE = "sessmig_like"


@dataclass(frozen=True, slots=True)
class Index:
    """An index as the catalogue has it; names are quoted, and with their schema."""

    identity: int
    sql: str
    table: int
    table_sql: str
    is_valid: bool
    """It is ready for every write and every query."""
    builder: int | None
    """The process of another session that works on an index of its table now."""


def made(wire: Wire, act: IndexAct) -> Index | None:
    """Find the index of the name that a CREATE INDEX gives, in the schema of its table."""
    return _index(wire.query(_OF_TABLE, (act.table, act.name)).rows)


def named(wire: Wire, name: str) -> Index | None:
    """Find an index by its name, as a statement writes it."""
    return _index(wire.query(_NAMED, (name,)).rows)


def table_of(wire: Wire, name: str) -> int | None:
    """Return the identity of the table of this name, as a statement writes it."""
    found = wire.query("SELECT pg_catalog.to_regclass($1)::oid::bigint", (name,)).rows[0][0]
    return None if found is None else int(str(found))


def leftovers(wire: Wire, act: IndexAct) -> list[Index]:
    """Find what a REINDEX that was broken off has left, and nobody is working on."""
    rows = wire.query(_LEFTOVERS.replace("SCOPE", _SCOPES[act.kind]), (act.name,)).rows
    return [index for row in rows if (index := _index([row]))]


def definition(wire: Wire, index: Index) -> str:
    """Return how an index is defined, in the server's words."""
    return str(wire.query(f"SELECT pg_catalog.pg_get_indexdef({index.identity}::oid)").rows[0][0])


def is_as_asked(wire: Wire, index: Index, act: IndexAct) -> bool:
    """Tell whether an index is what the statement would make.

    The server is asked, which knows what two ways of writing mean: it makes such an index on an empty copy.

    Raises:
        DatabaseError: it cannot be told.
    """
    unique = "UNIQUE " if act.is_unique else ""
    with _undone(wire):
        wire.command(f"CREATE TEMPORARY TABLE {_LIKE} (LIKE {index.table_sql})")
        wire.command(f"CREATE {unique}INDEX {_LIKE}_index ON pg_temp.{_LIKE} {act.behind}")
        sql = f"SELECT pg_catalog.pg_get_indexdef('pg_temp.{_LIKE}_index'::pg_catalog.regclass)"
        asked = str(wire.query(sql).rows[0][0])
    return _meaning(asked, f".{_LIKE} ") == _meaning(definition(wire, index), f" {index.table_sql} ")


def _meaning(text: str, table: str) -> tuple[str, str]:
    """Return what a definition says beside the names of index and table."""
    head, _, rest = text.partition(f"{table}USING ")
    return " ".join(head.split()[:2]), rest


@contextmanager
def _undone(wire: Wire) -> Iterator[None]:
    wire.command("BEGIN")
    try:
        yield
    finally:
        if wire.is_open:
            wire.command("ROLLBACK")


def _index(rows: list[tuple[Cell, ...]] | tuple[tuple[Cell, ...], ...]) -> Index | None:
    if not rows:
        return None
    identity, sql, table, table_sql, is_valid, builder = rows[0]
    pid = None if builder is None else int(str(builder))
    return Index(int(str(identity)), str(sql), int(str(table)), str(table_sql), bool(is_valid), pid)
