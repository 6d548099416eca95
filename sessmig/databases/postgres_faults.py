"""Looks in PostgreSQL for what is wrong whatever a step meant: sequences, indexes, constraints.

Reads the catalogue and the tables it is told of; knows nothing of what was there before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from sessmig.databases.wire import Wire
from sessmig.model import Cell
from sessmig.quoting import literal
from sessmig.rows import Fault, Table

_USER = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
# An index that another session is building is not valid yet: it has locked the table against any that we could make.
INDEXES = f"""
SELECT i.indexrelid::bigint AS oid, n.nspname AS space, x.relname AS name, c.relname AS table,
       x.relkind = 'I' AS is_partitioned, EXISTS (
           SELECT FROM pg_catalog.pg_locks AS l
           WHERE l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
             AND l.pid <> pg_catalog.pg_backend_pid()
       ) AS is_being_built
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND {_USER}{{}}
ORDER BY 2, 3"""
# A partition's constraint is one with its table's; what is NOT ENFORCED (PostgreSQL 18) is not meant to be validated.
# pg_get_constraintdef would say it too, but wait for whoever has locked the table.
CONSTRAINTS = f"""
SELECT k.oid::bigint AS oid, n.nspname AS space, c.relname AS table, k.conname AS name,
       pg_catalog.format('%I.%I', n.nspname, c.relname) AS table_sql, pg_catalog.quote_ident(k.conname) AS name_sql
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT k.convalidated AND k.conislocal AND c.relpersistence <> 't' AND {_USER}
  AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true){{}}
ORDER BY 2, 3, 4"""
# What belongs to a partition belongs to its whole table. The server asks the conditions in whatever order it likes, and
# of the rights on a sequence only a sequence may be asked.
_SEQUENCES = """
WITH touched AS (
    SELECT DISTINCT coalesce(pg_catalog.pg_partition_root(t.oid), t.oid) AS oid
    FROM pg_catalog.unnest((SELECT $1::oid[])) AS t (oid)
), link AS (
    SELECT d.objid AS sequence, d.refobjid AS owner, d.refobjsubid AS number
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjid IN (SELECT oid FROM touched)
    UNION
    SELECT d.refobjid, e.adrelid, e.adnum
    FROM pg_catalog.pg_attrdef AS e
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND e.adrelid IN (SELECT oid FROM touched)
)
SELECT s.oid::bigint, sn.nspname || '.' || s.relname, pg_catalog.format('%I.%I', sn.nspname, s.relname),
       c.oid::bigint, a.attnum, cn.nspname || '.' || c.relname, a.attname,
       pg_catalog.format('%I.%I', cn.nspname, c.relname), pg_catalog.quote_ident(a.attname),
       q.seqincrement, a.attidentity <> '', pg_catalog.pg_get_expr(e.adbin, e.adrelid)
FROM link
JOIN pg_catalog.pg_class AS s ON s.oid = link.sequence AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace AS sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid AND NOT q.seqcycle
JOIN pg_catalog.pg_class AS c ON c.oid = link.owner AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = link.number
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = c.oid AND e.adnum = a.attnum
WHERE CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
      IN ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype, 'pg_catalog.int8'::regtype,
          'pg_catalog.numeric'::regtype)
  AND CASE WHEN s.relkind = 'S' THEN pg_catalog.has_sequence_privilege(s.oid, 'SELECT') END
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
  AND NOT pg_catalog.row_security_active(c.oid)
ORDER BY 6, 7, 2"""
# Whether the answer may have a row for a relation `c`: what that costs is mostly to plan it.
NUMBERED = """(
    c.relispartition
    OR EXISTS (SELECT FROM pg_catalog.pg_attrdef AS e WHERE e.adrelid = c.oid)
    OR EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
          AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
          AND EXISTS (SELECT FROM pg_catalog.pg_sequence AS q WHERE q.seqrelid = d.objid)
    )
)"""
_PLAIN = re.compile(r"\(?nextval\('(?:[^']|'')+'::regclass\)\)?(?:::\w+)?")


def faults(
    wire: Wire,
    touched: Collection[Table],
    *,
    indexes: Iterable[Sequence[object]] | None = None,
    constraints: Iterable[Sequence[object]] | None = None,
) -> Iterator[Fault]:
    """Find sequences of the touched tables that stand behind their columns, indexes and constraints not valid.

    Args:
        wire: the connection.
        touched: whose sequences are looked at.
        indexes: the answer to `INDEXES`, where that is known.
        constraints: the answer to `CONSTRAINTS`.
    """
    yield from _indexes(wire.query(INDEXES.format("")).rows if indexes is None else indexes)
    yield from _constraints(wire.query(CONSTRAINTS.format("")).rows if constraints is None else constraints)
    if touched:
        yield from _sequences(wire, touched)


def _indexes(found: Iterable[Sequence[object]]) -> Iterator[Fault]:
    for *names, is_partitioned, is_being_built in found:
        if is_being_built:
            continue
        oid, space, name, table = map(str, names)
        yield Fault(
            kind="index not valid",
            subject=f"{name} on {table}",
            found="a partition has no such index yet: ALTER INDEX ... ATTACH PARTITION"
            if is_partitioned
            else "no query uses it, and a unique one may be violated: REINDEX it, or drop it and make it again",
            places=(frozenset((f"#{oid}", f"{space}.{name}")),),
            is_warning=bool(is_partitioned),
        )


def _constraints(found: Iterable[Sequence[object]]) -> Iterator[Fault]:
    for row in found:
        oid, space, table, name, table_sql, name_sql = map(str, row)
        yield Fault(
            kind="constraint not validated",
            subject=f"{name} on {table}",
            found=f"older rows may violate it: ALTER TABLE {table_sql} VALIDATE CONSTRAINT {name_sql}",
            places=(frozenset((f"#{oid}", f"{space}.{table}.{name}")),),
            is_warning=True,
        )


def _sequences(wire: Wire, touched: Collection[Table]) -> Iterator[Fault]:
    oids = "{" + ",".join(str(table.identity) for table in touched) + "}"
    for row in wire.query(_SEQUENCES, (oids,)).rows:
        *names, step, is_identity, default = row
        # What an expression makes of the sequence's values is another number: nextval('s') * 1000 + 7.
        if is_identity or default is None or _PLAIN.fullmatch(str(default)):
            fault = _behind(wire, names, int(str(step)), is_warning=default is None and not is_identity)
            if fault:
                yield fault


def _behind(wire: Wire, names: list[Cell], step: int, *, is_warning: bool) -> Fault | None:
    """Find out whether the sequence will give a value that the column has already."""
    oid, sequence, sequence_sql, table_oid, number, table, column, table_sql, column_sql = map(str, names)
    last, is_called = wire.query(f"SELECT last_value, is_called FROM {sequence_sql}").rows[0]
    following = int(str(last)) + (step if is_called else 0)
    utmost, direction = ("max", "up") if step > 0 else ("min", "down")
    # By steps of ten it passes by what others have numbered between.
    met = "" if abs(step) == 1 else f" WHERE (({column_sql})::numeric - ({following})) % ({step}) = 0"
    found = wire.query(f"SELECT {utmost}({column_sql})::bigint FROM {table_sql}{met}").rows[0][0]
    values = 0 if found is None else (int(str(found)) - following) // step + 1
    if values <= 0:
        return None
    return Fault(
        kind="sequence behind its column",
        subject=f"{table}.{column}".removeprefix("public."),
        found=f"the next value of {sequence} is {following}, and {column} goes {direction} to {found!s} already: "
        f"SELECT setval({literal(sequence_sql)}, {found!s})",
        places=(frozenset((f"#{oid}", sequence)), frozenset((f"#{table_oid}.{number}", f"{table}.{column}"))),
        number=values,
        is_warning=is_warning,
    )
