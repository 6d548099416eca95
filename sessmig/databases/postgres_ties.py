"""Reads which tables of PostgreSQL hang together, so that a lock on one is one on another: keys, children, indexes.

Reads the catalogue; which statement reaches along which tie, it does not know.
"""

from __future__ import annotations

import json

from sessmig.databases.scripting import Tie
from sessmig.databases.wire import Wire
from sessmig.model import Cell

_TIES = """
SELECT t.kind, t.name, t.one::regclass::text, t.other::regclass::text,
       a.relname, a.relnamespace::regnamespace::text, pg_table_is_visible(a.oid),
       b.relname, b.relnamespace::regnamespace::text, pg_table_is_visible(b.oid),
       array_to_json(t.columns)::text, array_to_json(t.others)::text
FROM (
    SELECT 'key' AS kind, conrelid AS one, confrelid AS other, conname AS name,
           ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns,
           ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = confrelid AND attnum = ANY (confkey)) AS others
    FROM pg_constraint WHERE contype = 'f'
    UNION ALL SELECT 'child', inhrelid, inhparent, '', NULL, NULL FROM pg_inherits
    UNION ALL SELECT 'index', indexrelid, indrelid, '', NULL, NULL FROM pg_index
) AS t JOIN pg_class AS a ON a.oid = t.one JOIN pg_class AS b ON b.oid = t.other
WHERE a.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
ORDER BY 1, 3, 4, 2"""


def ties(wire: Wire) -> tuple[Tie, ...]:
    """Return what hangs together now."""
    return tuple(
        Tie(
            str(kind),
            str(one),
            str(other),
            _names(*place[:3]),
            _names(*place[3:6]),
            str(name),
            frozenset(json.loads(str(place[6] or "[]"))),
            frozenset(json.loads(str(place[7] or "[]"))),
        )
        for kind, name, one, other, *place in wire.query(_TIES).rows
    )


def _names(name: Cell, schema: Cell, is_seen: Cell) -> tuple[tuple[str, ...], ...]:
    full = (str(schema).strip('"'), str(name))
    return (full, full[1:]) if is_seen in (True, "t") else (full,)
