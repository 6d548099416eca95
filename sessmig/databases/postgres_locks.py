"""Looks at the locks that a step takes on PostgreSQL's tables, and since when it has held each.

Knows pg_locks and what each mode blocks; decides nothing and prints nothing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

from sessmig.databases.groups import groups
from sessmig.databases.postgres_fingerprint import USER_SCHEMA
from sessmig.databases.wire import Wire
from sessmig.lock_modes import MODES
from sessmig.model import Cell, Piece
from sessmig.rehearsal import TableLock

_CLOSE_LOOK = 200
"""Up to so many statements are sent one by one, with a look at the locks after each."""
_MODES = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
"""The names of the modes in pg_locks, from the weakest to the strongest."""
_STRENGTH = {mode: strength for strength, mode in enumerate(_MODES)}
_TABLES = f"""
SELECT c.oid::bigint, CASE n.nspname WHEN $1 THEN '' ELSE n.nspname || '.' END || c.relname
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE {USER_SCHEMA} AND c.relkind IN ('r', 'p', 'm', 'f')"""
_HELD = """
SELECT relation::bigint, mode FROM pg_catalog.pg_locks
WHERE locktype = 'relation' AND pid = pg_backend_pid() AND granted
  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"""


class LockLog:
    """The locks of one session on the tables that stood when it was told to watch."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._names: dict[Cell, str] = {}
        self._old: set[tuple[Cell, ...]] = set()
        """What was held already: by an earlier step of the same transaction."""
        self._taken: dict[Cell, tuple[str, float]] = {}
        """For each table the strongest mode, and when it was taken."""

    def watch(self, schema: str, exclude: Collection[str]) -> None:
        """Begin anew; the ledger's tables are left out, and what the step makes itself is nobody else's yet."""
        tables = self._wire.query(_TABLES, (schema,)).rows
        self._names = {oid: str(name) for oid, name in tables if name not in exclude}
        self._old = set(self._wire.query(_HELD).rows)
        self._taken = {}

    def locks(self) -> tuple[TableLock, ...]:
        """Return what was taken since, each held until now; watch no longer."""
        now = time.monotonic()
        found = [(self._names[oid], mode, round((now - since) * 1000)) for oid, (mode, since) in self._taken.items()]
        self._names = {}
        found.sort(key=lambda lock: (-_STRENGTH[lock[1]], lock[0]))
        return tuple(TableLock(name, _MODES[mode], MODES[_MODES[mode]], held) for name, mode, held in found)

    def groups(self, pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
        """Give the statements in the groups in which they are to be sent, and look at the locks after each."""
        if not self._names:
            yield from groups(pieces)
            return
        one_by_one = (pieces[n : n + 1] for n in range(len(pieces)))
        for group in one_by_one if len(pieces) <= _CLOSE_LOOK else groups(pieces):
            began = time.monotonic()
            yield group
            self._look(began)

    def _look(self, began: float) -> None:
        """Note what is new; it was taken at the earliest when the last statement began, and so at worst that long."""
        for oid, mode in set(self._wire.query(_HELD).rows) - self._old:
            known = self._taken.get(oid)
            if oid in self._names and (known is None or _STRENGTH[known[0]] < _STRENGTH[str(mode)]):
                self._taken[oid] = (str(mode), began)
