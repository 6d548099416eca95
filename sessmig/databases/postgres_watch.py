"""Counts what is done to the rows of each table in PostgreSQL.

Knows the server's own counters; decides nothing about what they tell.
"""

from __future__ import annotations

from sessmig.databases.postgres_look import Counts, Look
from sessmig.databases.postgres_tables import DISTRIBUTED, tables
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError
from sessmig.rows import Change

# Below this number stand the system's own tables. Of a distributed one only the nodes that hold its rows could tell.
_COUNTERS = f"""
SELECT c.oid::bigint, s.inserted, s.updated, s.deleted
FROM pg_catalog.pg_class AS c
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) AS inserted,
           pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) AS updated,
           pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
    OFFSET 0
) AS s
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid >= 16384
  AND s.inserted + s.updated + s.deleted > 0
  AND NOT {DISTRIBUTED}"""
_STATE = """
SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.current_setting('track_counts')"""
_READABLE = "SELECT $1::oid::bigint WHERE pg_catalog.has_table_privilege($1::oid, 'SELECT')"
_SMALL = 1 << 30
"""Tables of more bytes than this are not counted."""


class Watch:
    """The counters of one session, from a moment on.

    The server counts for itself, in the open transaction too, whatever deletes: a statement, a cascade, a trigger.
    It knows nothing of TRUNCATE, DROP, foreign tables and other nodes; and what a block with EXCEPTION took back it
    still counts. So what is told of deleted rows may be too much, but not too little.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._transaction = ""
        self._before: Counts = {}
        self._rows: dict[int, int] | None = None
        """Where the server may not count: how many rows each table had."""
        self._within = False
        self.is_counting = False
        """Whether it is we who have the server count."""
        self.is_watching = False
        self.counted: set[int] | None = None
        """The tables that this session has touched and whose counters the server may still have; None may be all."""

    def is_apart(self, transaction: int) -> bool:
        """Whether what this transaction's steps write has higher numbers than its own, from here on."""
        return self._within and str(transaction) == self._transaction

    def begin(self, look: Look | None = None) -> None:
        """Take what the counters say now: they hold what this session did before, also what is long committed.

        Args:
            look: what they say, where that was asked already.
        """
        if look:
            transaction, counts = str(look.state.transaction), look.counts
        else:
            ((number, setting),) = self._wire.query(_STATE).rows
            transaction, counts = str(number), str(setting)
        # A table that an earlier step of this transaction has made is truncated on the spot: its storage stays, and
        # its counters begin anew. Not so in a subtransaction.
        self._within = transaction == self._transaction
        if self._within:
            self._wire.later("SAVEPOINT sessmig_watch")
        self._transaction = transaction
        self.is_counting = counts == "off" and self._may_count()
        self._rows = _rows(self._wire) if counts == "off" and not self.is_counting else None
        self._before = look.counters if look else _counters(self._wire)
        self.counted = set(self._before) if look and self._wire.is_ours else None
        self.is_watching = True

    def _may_count(self) -> bool:
        """Have the server count; only a superuser may, or whom one has let."""
        self._wire.command("SAVEPOINT sessmig_counts")
        try:
            self._wire.command("SET LOCAL track_counts = on")
        except DatabaseError:
            self._wire.command("ROLLBACK TO SAVEPOINT sessmig_counts")
            return False
        finally:
            self._wire.command("RELEASE SAVEPOINT sessmig_counts")
        return True

    def changes(self, look: Look | None = None) -> dict[int, Change]:
        """Return what the counters say since then; where the server may not count, only what has become fewer."""
        if self._rows is not None:
            after = _rows(self._wire)
            gone = {oid: rows - after[oid] for oid, rows in self._rows.items() if oid in after}
            return {oid: Change(deleted=rows) for oid, rows in gone.items() if rows > 0}
        changed = {}
        counters = look.counters if look else _counters(self._wire)
        if self.counted is not None:
            self.counted |= counters.keys()
        for oid, now in counters.items():
            inserted, updated, deleted = (
                n - before for n, before in zip(now, self._before.get(oid, (0, 0, 0)), strict=True)
            )
            if inserted or updated or deleted:
                changed[oid] = Change(inserted, updated, deleted)
        return changed

    def end(self) -> None:
        """Leave everything as it was."""
        self.is_watching = False
        if self.is_counting:
            self._wire.later("SET LOCAL track_counts = off")
        if self._within:
            self._wire.later("RELEASE SAVEPOINT sessmig_watch")


def _counters(wire: Wire) -> Counts:
    return {int(str(oid)): counts for oid, *counts in wire.query(_COUNTERS).rows}  # type: ignore[misc]


def _rows(wire: Wire) -> dict[int, int]:
    """Count the rows of each table that is small enough, and that we may read."""
    small = [t for t in tables(wire, "") if t.storage and t.size is not None and t.size <= _SMALL]
    readable = [t for t in small if wire.query(_READABLE, (t.identity,)).rows]
    return {t.identity: int(str(wire.query(f"SELECT count(*) FROM ONLY {t.sql}").rows[0][0])) for t in readable}
