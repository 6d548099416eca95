"""What PostgreSQL does for a row account: compares values, knows their kinds, and keeps rows of the time before a step.

Decides nothing; what has to be compared and kept it is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessmig.databases.wire import Wire
from sessmig.merge import Kind
from sessmig.model import Cell

_JSON = (114, 3802)
"""The types json and jsonb (pg_type.dat)."""
_NUMBERS: dict[Cell, Kind] = {20: "number", 21: "number", 23: "number", 1700: "number", 700: "float", 701: "float"}
# Geometric types compare areas, an interval takes a month for 30 days, and what an array, a range, a composite or an
# extension's type is made of may be one of these, or citext.
_KINDS = """
SELECT t.oid::bigint, CASE WHEN t.typcategory = 'S' THEN 'text' ELSE 'exact' END
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE t.oid IN ({}) AND (
    t.typcategory IN ('S', 'G', 'T', 'C', 'R') OR (t.typcategory = 'A' AND e.typcategory <> 'N')
    OR (t.typcategory = 'U' AND t.oid >= 16384)
)"""


def unlike(left: str, right: str, kind: Kind) -> str:
    """Write the condition that two values differ.

    `json` itself has no equality, and `jsonb` has one by value; text may be of a type (citext) or collation that
    takes A for a. What a type takes for equal may still read otherwise. Between an exact number and a float the server
    compares floats: but a float, as it is written, is the only one that reads so.
    """
    if kind == "json":
        left, right = f"CAST({left} AS jsonb)", f"CAST({right} AS jsonb)"
    elif kind == "number":
        left, right = f"CAST(CAST({left} AS text) AS numeric)", f"CAST(CAST({right} AS text) AS numeric)"
    elif kind == "exact":
        return f"({left} IS DISTINCT FROM {right} OR {unlike(left, right, 'text')})"
    elif kind == "text":
        left, right = f'CAST({left} AS text) COLLATE "C"', f'CAST({right} AS text) COLLATE "C"'
    return f"{left} IS DISTINCT FROM {right}"


def kinds(wire: Wire, sql: str) -> tuple[Kind, ...]:
    """Return of what kind each column of a query's answer is."""
    types = wire.types(sql)
    found: dict[Cell, Kind] = {**_NUMBERS, **dict.fromkeys(_JSON, "json")}
    asked = wire.query(_KINDS.format(", ".join(map(str, types)) or "0"))
    found |= {oid: "text" if kind == "text" else "exact" for oid, kind in asked.rows}
    return tuple(found.get(oid, "") for oid in types)


def keep(wire: Wire, name: str, query: str, key: Sequence[str]) -> str:
    """Put the rows of a query into a temporary table; a hash join needs no index on it."""
    wire.command(f'CREATE TEMPORARY TABLE "{name}" AS {query}')
    return f'pg_temp."{name}"'
