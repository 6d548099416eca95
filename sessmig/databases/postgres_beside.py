"""Finds what stands in a PostgreSQL database and not in a dump: what a restore would leave beside what it brings.

Knows the catalogue and the list that pg_restore makes of a dump; drops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from sessmig.databases.saving import Beside
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError

_HEAD = re.compile(r"^\d+; \d+ \d+ ", re.MULTILINE)
_OURS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
_SHOWN = "CASE n.nspname WHEN current_schema() THEN '' ELSE n.nspname || '.' END"
_FREE = """NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.{0}'::regclass AND d.objid = {1}.oid AND d.deptype IN ('e', 'i', 'a')
        AND d.refclassid IN ('pg_catalog.pg_extension'::regclass, 'pg_catalog.pg_class'::regclass)
        AND ({2} OR d.deptype = 'e')
  )"""
# The kind, the schema and the name as pg_restore lists them; the name for people, and for SQL; the owner of a foreign
# key. What belongs to a table (its sequence, its row's type) or to an extension goes and comes with that.
_STANDING = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                      WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
       n.nspname, c.relname || ' ', {_SHOWN} || c.relname, format('%I.%I', n.nspname, c.relname), ''
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND c.relpersistence <> 't' AND {_OURS}
  AND {_FREE.format("pg_class", "c", "c.relkind = 'S'")}
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
       n.nspname, p.proname || '(', {_SHOWN} || p.proname,
       format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)), ''
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE {_OURS} AND {_FREE.format("pg_proc", "p", "false")}
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i'
  )
UNION ALL
SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END,
       n.nspname, t.typname || ' ', {_SHOWN} || t.typname, format('%I.%I', n.nspname, t.typname), ''
FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
WHERE (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND {_OURS}
  AND {_FREE.format("pg_type", "t", "false")}
UNION ALL
SELECT 'SCHEMA', '-', n.nspname || ' ', n.nspname, format('%I', n.nspname), ''
FROM pg_catalog.pg_namespace AS n
WHERE n.oid >= 16384 AND n.nspname <> 'public' AND {_OURS} AND {_FREE.format("pg_namespace", "n", "false")}
UNION ALL
SELECT 'FK CONSTRAINT', n.nspname, c.relname || ' ' || f.conname || ' ', {_SHOWN} || c.relname || '.' || f.conname,
       format('%I.%I', n.nspname, c.relname), format('%I', f.conname)
FROM pg_catalog.pg_constraint AS f
JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 AND {_OURS}
ORDER BY 4, 1"""
_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")
_FOREIGN_KEY = "FK CONSTRAINT"


def beside(wire: Wire, listed: str) -> tuple[Beside, ...]:
    """Return what the list of a dump does not name.

    Args:
        wire: of the database.
        listed: what `pg_restore --list` printed.
    """
    known = "\n" + _HEAD.sub("", listed)
    found: list[Beside] = []
    for row in wire.query(_STANDING).rows:
        kind, schema, tag, shown, quoted, part = (str(cell) for cell in row)
        name = f"{schema} {tag}".replace("\n", " ").replace("\r", " ")
        if f"\n{kind} {name}" not in known:
            found.append(Beside(kind, shown, _drop(kind, quoted, part), quoted))
    tables = {one.sql for one in found if one.kind == "TABLE"}  # whose foreign keys go with them
    return tuple(one for one in found if one.kind != _FOREIGN_KEY or one.sql not in tables)


def counted(wire: Wire, found: Sequence[Beside]) -> Iterator[Beside]:
    """Count the rows of the tables among them; not in a transaction, which would keep the locks that this takes."""
    for one in found:
        if one.kind != "TABLE":
            yield one
            continue
        try:
            rows = int(str(wire.query(f"SELECT count(*) FROM {one.sql}").rows[0][0]))
        except DatabaseError:  # it may not be read
            rows = -1
        yield Beside(one.kind, one.name, one.drop, one.sql, rows)


def drops(found: Collection[Beside]) -> str:
    """Return the SQL that drops them, whatever hangs on what."""
    return "\n".join(one.drop for one in found)


def _drop(kind: str, quoted: str, part: str) -> str:
    if kind == _FOREIGN_KEY:
        return f"ALTER TABLE IF EXISTS {quoted} DROP CONSTRAINT IF EXISTS {part};"
    return f"DROP {'ROUTINE' if kind in _ROUTINES else kind} IF EXISTS {quoted} CASCADE;"
