"""Has PostgreSQL do and check at a step's end what is deferred to the commit.

Knows how constraints are declared; decides nothing and prints nothing.
"""

from __future__ import annotations

from sessmig.databases.wire import Wire

SETTLE = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL IMMEDIATE"
"""Twice, as what is done by the first may be deferred again: by a trigger that says SET CONSTRAINTS itself."""
# SET CONSTRAINTS means all constraints of a name in a schema, and may not defer one that is not deferrable.
_NAMES = """
WITH named AS (
    SELECT pg_catalog.format('%I.%I', n.nspname, k.conname) AS name,
           bool_or(k.condeferrable) AS is_deferrable,
           bool_or(k.condeferred) AND bool_and(k.condeferrable) AS is_deferred
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
    WHERE k.conname IN (SELECT d.conname FROM pg_catalog.pg_constraint AS d WHERE d.condeferrable)
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND (n.oid = pg_catalog.pg_my_temp_schema() OR n.nspname NOT LIKE 'pg\\_temp\\_%')
    GROUP BY n.nspname, k.conname
)
SELECT string_agg(name, ', ') FILTER (WHERE is_deferrable), string_agg(name, ', ') FILTER (WHERE is_deferred)
FROM named"""


def settle(wire: Wire, *, shared: bool) -> None:
    """Do now what is deferred; it stays done.

    After `ALL IMMEDIATE` a constraint that is made later could not be deferred either. So where other steps follow in
    the same transaction, the constraints are named, and given back how they are declared.

    Args:
        wire: the connection, in a transaction.
        shared: other steps follow in the same transaction.
    """
    if not shared:
        wire.command(SETTLE)
        return
    ((deferrable, deferred),) = wire.query(_NAMES).rows
    if deferrable is not None:
        wire.command(f"SET CONSTRAINTS {deferrable!s} IMMEDIATE; SET CONSTRAINTS {deferrable!s} IMMEDIATE")
    if deferred is not None:
        wire.command(f"SET CONSTRAINTS {deferred!s} DEFERRED")
