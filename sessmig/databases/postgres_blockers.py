"""Finds who holds the locks that a PostgreSQL statement did not get.

Knows which lock each kind of statement takes, and what stands in its way; decides nothing. After the rollback nobody
waits any more, and the server cannot be asked for whom: so it is asked who holds the tables that the statement names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from sessmig.blocker import Blocker
from sessmig.databases.wire import Wire
from sessmig.model import Cell

_NAMES = 300
"""How many names of a text are looked up."""
_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_NAME = re.compile(rf"{_PART}(?:\s*\.\s*{_PART})?")
_STRONGEST = "AccessExclusiveLock"
# See https://www.postgresql.org/docs/current/explicit-locking.html; what is not here takes the strongest.
_WANTED = (
    (re.compile(r"SELECT\b.*\bFOR\s+(?:UPDATE|SHARE|NO\s+KEY|KEY)\b"), "RowShareLock"),
    (re.compile(r"(?:SELECT|TABLE|VALUES|EXPLAIN)\b"), "AccessShareLock"),
    (re.compile(r"(?:INSERT|UPDATE|DELETE|MERGE|COPY|WITH)\b"), "RowExclusiveLock"),
    (re.compile(r"CREATE\s+(?:UNIQUE\s+)?INDEX\b"), "ShareLock"),
    (re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\b"), "ShareRowExclusiveLock"),
    (re.compile(r"ALTER\s+TABLE\b.*\bADD\s+(?:CONSTRAINT\s+\S+\s+)?FOREIGN\s+KEY\b"), "ShareRowExclusiveLock"),
    (re.compile(r"ALTER\s+TABLE\b.*\bVALIDATE\s+CONSTRAINT\b"), "ShareUpdateExclusiveLock"),
    (re.compile(r"(?:ANALYZE|COMMENT)\b"), "ShareUpdateExclusiveLock"),
)
_LOCK = re.compile(r"LOCK\b.*\bIN\s+([A-Z\s]+?)\s+MODE\b")
_MODES = (
    *("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"),
    *("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", _STRONGEST),
)
_IN_THE_WAY = {
    "AccessShareLock": _MODES[7:],
    "RowShareLock": _MODES[6:],
    "RowExclusiveLock": _MODES[4:],
    "ShareUpdateExclusiveLock": _MODES[3:],
    "ShareLock": (*_MODES[2:4], *_MODES[5:]),
    "ShareRowExclusiveLock": _MODES[2:],
    "ExclusiveLock": _MODES[1:],
    _STRONGEST: _MODES,
}
_LOCKING_ROWS = ("RowShareLock", "RowExclusiveLock")
_FIND = """
WITH RECURSIVE named AS (
    SELECT n.place, pg_catalog.to_regclass(n.name)::oid AS oid
    FROM pg_catalog.json_array_elements_text($1::json) WITH ORDINALITY AS n (name, place)
), parts AS (
    -- The lock of an index is its table's; what is done to a table is done to its partitions.
    SELECT named.place, COALESCE(i.indrelid, named.oid) AS oid
    FROM named LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = named.oid
    WHERE named.oid >= 16384  -- below stand the system's own
    UNION
    SELECT parts.place, h.inhrelid FROM parts JOIN pg_catalog.pg_inherits AS h ON h.inhparent = parts.oid
), wanted AS (
    SELECT place, oid, 0 AS distance FROM parts
    UNION ALL
    SELECT parts.place, k.confrelid, 1
    FROM parts JOIN pg_catalog.pg_constraint AS k ON k.contype = 'f' AND k.conrelid = parts.oid
    UNION ALL
    SELECT parts.place, k.conrelid, 1
    FROM parts JOIN pg_catalog.pg_constraint AS k ON k.contype = 'f' AND k.confrelid = parts.oid
)
SELECT wanted.distance, wanted.place, l.mode, a.pid, a.application_name,
       round(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint, a.state
FROM wanted
JOIN pg_catalog.pg_locks AS l ON l.relation = wanted.oid AND l.locktype = 'relation' AND l.granted
LEFT JOIN pg_catalog.pg_stat_activity AS w ON w.pid = l.pid
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = COALESCE(w.leader_pid, w.pid)
WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"""


def blockers(wire: Wire, statements: Sequence[str]) -> tuple[Blocker, ...]:
    """Return who holds what the first of the statements that is hindered wants, the longest first."""
    for statement in statements:
        names = list(dict.fromkeys(_names(statement)))
        rows = wire.query(_FIND, (json.dumps(names),)).rows if names else ()
        if found := _in_the_way(rows, wanted(statement)):
            return found
    return ()


def _names(statement: str) -> Iterator[str]:
    for number, found in enumerate(_NAME.finditer(statement)):
        if number == _NAMES:
            return
        yield re.sub(r"\s*\.\s*", ".", found[0])


def wanted(statement: str) -> str:
    """Return the strongest lock on a table that a statement takes."""
    text = " ".join(statement[:2000].upper().split())
    if locking := _LOCK.match(text):
        return f"{locking[1].title().replace(' ', '')}Lock"
    return next((mode for pattern, mode in _WANTED if pattern.match(text)), _STRONGEST)


def _in_the_way(rows: Sequence[tuple[Cell, ...]], mode: str) -> tuple[Blocker, ...]:
    """Return those nearest at hand: who holds the table named first; who may hold its rows, only if nobody does."""
    ranks: dict[tuple[bool, Cell, Cell], set[Blocker]] = {}
    for distance, place, held, pid, application, age, state in rows:
        is_sure = held in _IN_THE_WAY.get(mode, _MODES)
        if is_sure or held in _LOCKING_ROWS:
            blocker = Blocker(pid, str(application or ""), age, str(state or ""))  # type: ignore[arg-type]
            if pid is None:
                blocker = Blocker(application="a prepared transaction")
            ranks.setdefault((not is_sure, distance, place), set()).add(blocker)
    nearest = ranks[min(ranks)] if ranks else set()
    return tuple(sorted(nearest, key=lambda one: -(one.age_ms or 0)))
