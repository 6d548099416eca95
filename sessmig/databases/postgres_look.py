"""Asks a PostgreSQL server all at once what there is to know around a step: before its statements, and behind them.

Some twenty questions of their own would cost more than most steps do. Knows the questions; what the answers are for,
the modules know that build on them.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sessmig.databases.postgres_faults import CONSTRAINTS, INDEXES, NUMBERED
from sessmig.databases.postgres_settings import DIGEST, TEMPORARY
from sessmig.databases.postgres_tables import DISTRIBUTED, HOLDING, TABLES
from sessmig.databases.wire import Wire

_FEW = 64
"""Of so many tables it is asked with the rest how they are."""
_CATALOGUE = """ARRAY['pg_catalog.pg_class', 'pg_catalog.pg_attribute', 'pg_catalog.pg_constraint',
    'pg_catalog.pg_index', 'pg_catalog.pg_inherits', 'pg_catalog.pg_depend', 'pg_catalog.pg_trigger']::regclass[]"""
# What is deleted from the catalogue leaves no row with a number. The names of all tables hang on their schemas.
STATE = f"""
    pg_catalog.pg_current_xact_id()::text, pg_catalog.pg_current_snapshot()::text,
    pg_catalog.current_setting('track_counts') = 'on'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal),
    (SELECT sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))
     FROM pg_catalog.unnest({_CATALOGUE}) AS c (oid))::bigint,
    (SELECT pg_catalog.array_agg(n.oid || ' ' || n.xmin ORDER BY n.oid) FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname NOT LIKE 'pg\\_%')::text,
    NOT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.locktype = 'transactionid' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid())"""
# Whatever writes to a table, or changes it, has a lock on it until the transaction ends. What only DDL has written to
# the catalogue it has let go of; a lock on that is an UPDATE's own, and then the locks do not tell what changed.
_LOCKS = """
WITH own AS MATERIALIZED (
    SELECT l.relation, l.mode FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation' AND l.granted AND l.pid = pg_catalog.pg_backend_pid()
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
), touched AS MATERIALIZED (
    SELECT DISTINCT o.relation FROM own AS o WHERE o.mode NOT IN ('AccessShareLock', 'RowShareLock')
)"""
# Below the number stand the system's own tables. Of a distributed one only the nodes that hold its rows could tell.
_COUNTERS = f"""(
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(s.oid::bigint, s.inserted, s.updated, s.deleted))
    FROM (
        SELECT c.oid, pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted,
               pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
               pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
        FROM pg_catalog.pg_class AS c
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid >= 16384 AND {{}} AND NOT {DISTRIBUTED}
        OFFSET 0
    ) AS s
    WHERE s.inserted + s.updated + s.deleted > 0
)::text"""
_SESSION = f"""
    {{}}, pg_catalog.current_setting('role'), session_user::text, pg_catalog.current_setting('track_counts'),
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(t.kind, t.name))
     FROM ({TEMPORARY}) AS t (kind, name))::text"""
_HELD = f"(SELECT pg_catalog.json_agg(h.oid) FROM ({HOLDING.format('own')}) AS h (oid))::text"
_FAULTS = """(SELECT pg_catalog.json_agg(f) FROM ({}) AS f)::text"""
_ALL = "true"
# What is not known to the planner it cannot plan for anew each time.
_SOME = """c.oid IN (
            SELECT o.oid FROM pg_catalog.unnest((SELECT $3::oid[])) AS o (oid)
            UNION SELECT o.oid FROM pg_catalog.pg_class AS o
            WHERE o.relname BETWEEN (SELECT $4::text::name) AND (SELECT ($4::text || '~')::name)
        )"""
_TOUCHED = "c.oid IN (SELECT t.relation FROM touched AS t)"
# Where nobody has written anything since, the catalogue is as sound as it was.
_UNLESS_QUIET = """CASE
    WHEN pg_catalog.pg_current_xact_id()::text = (SELECT $1) AND pg_catalog.pg_current_snapshot()::text = (SELECT $2)
    THEN NULL ELSE {} END"""
_BEFORE = f"""{_LOCKS}
SELECT {STATE}, {_SESSION}, {_HELD}, {{}},
    {_UNLESS_QUIET.format(f"coalesce({_FAULTS.format(INDEXES.format(''))}, '[]')")},
    {_UNLESS_QUIET.format(f"coalesce({_FAULTS.format(CONSTRAINTS.format(''))}, '[]')")},
    NULL, NULL, NULL, NULL"""
_BEHIND = f"""{_LOCKS}
SELECT {STATE}, {_SESSION.format(DIGEST)}, NULL, {_COUNTERS.format(_TOUCHED)},
    coalesce({_FAULTS.format(INDEXES.format(" AND i.indrelid IN (SELECT t.relation FROM touched AS t)"))}, '[]'),
    coalesce({_FAULTS.format(CONSTRAINTS.format(" AND k.conrelid IN (SELECT t.relation FROM touched AS t)"))}, '[]'),
    EXISTS (SELECT FROM touched AS t WHERE t.relation = ANY ({_CATALOGUE})),
    (SELECT pg_catalog.json_agg(t.relation::bigint) FROM touched AS t)::text,
    CASE WHEN (SELECT count(*) FROM touched) <= {_FEW} THEN (
        SELECT coalesce(pg_catalog.json_agg(f.found), '[]')
        FROM ({TABLES.format(" AND c.oid IN (SELECT t.relation FROM touched AS t)")}) AS f (found)
    ) END::text,
    CASE WHEN (SELECT count(*) FROM touched) <= {_FEW} THEN (
        SELECT pg_catalog.json_agg(c.oid::bigint) FROM pg_catalog.pg_class AS c
        WHERE c.oid IN (SELECT o.relation FROM own AS o) AND NOT {NUMBERED}
    ) END::text"""
# In one transaction for all steps the locks of those before tell nothing of this one.
_BEHIND_OTHERS = f"""
SELECT {STATE}, {_SESSION.format(DIGEST)}, NULL, {_COUNTERS.format(_ALL)},
    coalesce({_FAULTS.format(INDEXES.format(""))}, '[]'), coalesce({_FAULTS.format(CONSTRAINTS.format(""))}, '[]'),
    NULL, NULL, NULL, NULL"""

Counts = dict[int, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class State:
    """What a transaction says of itself at a look."""

    transaction: int
    snapshot: str
    is_plain: bool
    """Rows are counted, and no trigger writes to other tables."""
    deleted: int
    """From the catalogue."""
    schemas: str
    is_only: bool
    """Nobody else has a number, not even a higher one."""

    @property
    def is_alone(self) -> bool:
        """Nobody else was writing whose number is lower: whatever others commit from here on has a higher one."""
        lowest, _, others = self.snapshot.split(":")
        return set(others.split(",")) <= {"", str(self.transaction)} and int(lowest) >= self.transaction

    @property
    def floor(self) -> int:
        """The lowest number that whoever begins to write from here on can have."""
        return max(int(self.snapshot.split(":")[1]), self.transaction + 1)

    @property
    def is_lone(self) -> bool:
        """Nobody has come to an end since this transaction began to write: nor a part of its own, rolled back."""
        return self.is_alone and int(self.snapshot.split(":")[1]) <= self.transaction


@dataclass(frozen=True, slots=True)
class Look:
    """What was found.

    `indexes` and `constraints` are None before a step where nobody has written since they were sound, and behind one
    where all have to be asked for.
    """

    state: State
    settings: str
    """A hash of them."""
    role: str
    authorization: str
    counts: str
    """Whether the server counts rows."""
    temporary: frozenset[tuple[str, ...]]
    held: frozenset[int]
    counters: Counts
    """By table. Before a step: of those that this session has touched until now."""
    indexes: list[list[object]] | None
    constraints: list[list[object]] | None
    touched: frozenset[int] | None = None
    """What the transaction has written to, or changed; None where that cannot be told, or is too much."""
    tables: list[str] | None = None
    """The tables among these; None where they are too many."""
    plain: frozenset[int] = frozenset()
    """The tables that surely have no sequence."""
    is_behind: bool = False
    """Whether it is one behind the statements."""


def state(row: tuple[object, ...]) -> State:
    """Read the answer to `STATE`."""
    number, snapshot, is_plain, deleted, schemas, is_only = row
    return State(int(str(number)), str(snapshot), bool(is_plain), int(str(deleted)), str(schemas), bool(is_only))


def before(wire: Wire, quiet: int, counted: Collection[int] | None, own: str, *, settings: str = "") -> Look:
    """Look before a step.

    Args:
        wire: in a transaction.
        quiet: the number of this transaction, if nobody has written since indexes and constraints were sound.
        counted: the tables whose counters may say something; None has all be asked.
        own: how the names of the tables begin that belong to the ledger, and are written to between.
        settings: their hash, where that is known.
    """
    session = "NULL" if settings else DIGEST
    asked: tuple[str, ...] = (str(quiet), f"{quiet}:{quiet}:")
    if counted is None:
        return _read(wire.query(_BEFORE.format(session, _COUNTERS.format(_ALL)), asked).rows[0], settings)
    asked = (*asked, "{" + ",".join(map(str, sorted(counted))) + "}", own)
    return _read(wire.query(_BEFORE.format(session, _COUNTERS.format(_SOME)), asked).rows[0], settings)


def behind(wire: Wire, *, shared: bool = False) -> Look:
    """Look behind a step's statements.

    Args:
        wire: in a transaction.
        shared: other steps stand in the same transaction.
    """
    return _read(wire.query(_BEHIND_OTHERS if shared else _BEHIND).rows[0], is_behind=True)


def _read(row: tuple[object, ...], settings: str = "", *, is_behind: bool = False) -> Look:
    digest, role, authorization, counts = map(str, row[6:10])
    temporary, held, counters, indexes, constraints = map(_json, row[10:15])
    is_direct, touched, tables, plain = row[15], *map(_json, row[16:19])
    if is_direct:
        indexes = constraints = touched = tables = None
    return Look(
        state(row[:6]),
        settings or digest,
        role,
        authorization,
        counts,
        frozenset((str(kind), str(name)) for kind, name in temporary or ()),
        frozenset(held or ()),
        {oid: (inserted, updated, deleted) for oid, inserted, updated, deleted in counters or ()},
        None if indexes is None else [list(one.values()) for one in indexes],
        None if constraints is None else [list(one.values()) for one in constraints],
        frozenset(touched or ()) if tables is not None else None,
        tables,
        frozenset(plain or ()),
        is_behind,
    )


def _json(value: object) -> Any:
    return None if value is None else json.loads(str(value))
