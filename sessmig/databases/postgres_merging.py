"""What PostgreSQL does for a row account: compares values, knows their kinds, and keeps rows of the time before a step.

Decides nothing; what has to be compared and kept it is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessmig.databases.wire import Wire
from sessmig.merge import Kind

_JSON = (114, 3802)
"""The types json and jsonb (pg_type.dat)."""
_TEXT = "SELECT oid::bigint FROM pg_catalog.pg_type WHERE typcategory = 'S' AND oid IN ({})"


def unlike(left: str, right: str, kind: Kind) -> str:
    """Write the condition that two values differ.

    `json` itself has no equality, and `jsonb` has one by value; text may be of a type (citext) or collation that
    takes A for a.
    """
    if kind == "json":
        left, right = f"CAST({left} AS jsonb)", f"CAST({right} AS jsonb)"
    elif kind == "text":
        left, right = f'CAST({left} AS text) COLLATE "C"', f'CAST({right} AS text) COLLATE "C"'
    return f"{left} IS DISTINCT FROM {right}"


def kinds(wire: Wire, sql: str) -> tuple[Kind, ...]:
    """Return of what kind each column of a query's answer is."""
    types = wire.types(sql)
    texts = {row[0] for row in wire.query(_TEXT.format(", ".join(map(str, types)) or "0")).rows}
    return tuple("json" if oid in _JSON else "text" if oid in texts else "" for oid in types)


def keep(wire: Wire, name: str, query: str, key: Sequence[str]) -> str:
    """Put the rows of a query into a temporary table; a hash join needs no index on it."""
    wire.command(f'CREATE TEMPORARY TABLE "{name}" AS {query}')
    return f'pg_temp."{name}"'
