"""Lists the tables of a PostgreSQL database again and again: of a thousand, it asks only for those that have changed.

Knows by the numbers of transactions whether anybody else can have written meanwhile, and by those in the catalogue what
our own has changed. Where either is not plain, all are asked for. Decides nothing about what becomes of rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sessmig.databases.postgres_look import STATE, Look, State, state
from sessmig.databases.postgres_tables import read_tables, some_tables, tables
from sessmig.databases.postgres_watch import Watch
from sessmig.databases.wire import Wire
from sessmig.rows import Change, Table

_CHANGED = """
WITH ours (age) AS MATERIALIZED (SELECT pg_catalog.age($1::xid))
SELECT pg_catalog.json_agg(DISTINCT changed.oid::bigint)::text, min(pg_catalog.age(changed.number))
FROM (
    SELECT c.oid, c.xmin FROM pg_catalog.pg_class AS c WHERE pg_catalog.age(c.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT a.attrelid, a.xmin FROM pg_catalog.pg_attribute AS a WHERE pg_catalog.age(a.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT k.conrelid, k.xmin FROM pg_catalog.pg_constraint AS k WHERE pg_catalog.age(k.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT i.indrelid, i.xmin FROM pg_catalog.pg_index AS i WHERE pg_catalog.age(i.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT h.inhrelid, h.xmin FROM pg_catalog.pg_inherits AS h WHERE pg_catalog.age(h.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT t.tgrelid, t.xmin FROM pg_catalog.pg_trigger AS t WHERE pg_catalog.age(t.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT d.objid, d.xmin FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND pg_catalog.age(d.xmin) <= (SELECT age FROM ours)
) AS changed (oid, number)
JOIN pg_catalog.pg_class AS c ON c.oid = changed.oid AND c.relkind IN ('r', 'p', 'f')"""
_32_BITS = (1 << 32) - 1


class Listing:
    """What one session has listed last.

    Args:
        wire: the connection.
        watch: what counts the rows.
    """

    def __init__(self, wire: Wire, watch: Watch) -> None:
        self._wire = wire
        self._watch = watch
        self._last: tuple[State, dict[int, Table], int] | None = None
        """What was seen, and from which number on what others and we have written may not have been."""
        self._touched: Collection[int] = ()
        """The tables whose rows were changed since, and that may have grown."""
        self._newest: int | None = None
        """The highest number on what was found to have been written."""
        self.schema = ""
        """Its tables are named without it."""
        self.is_own = False
        """Whether a transaction is open that began with the lock; not any more, once it is committed."""

    def end(self) -> None:
        """Know that the transaction is over; but for a commit, what was seen in it is not there any more."""
        if self.is_own:
            self.forget()
        self.is_own = False

    def forget(self) -> None:
        """Ask for all again."""
        self._last = None

    def changes(self, look: Look | None = None) -> Mapping[int, Change]:
        found = self._watch.changes(look)
        self._touched = found.keys()
        return found

    def tables(self, look: Look | None = None) -> tuple[Table, ...]:
        """Return every user table.

        Args:
            look: what was asked already, with nothing done since.
        """
        if not self.is_own:
            return tables(self._wire, self.schema)
        now = look.state if look else state(self._wire.query(f"SELECT {STATE}").rows[0])
        last, self._last, self._newest = self._last, None, None
        found = self._since(last, now, look) if last else None
        has_parts = False
        if found is None:
            found = {table.identity: table for table in tables(self._wire, self.schema)}
            has_parts = any(table.parent for table in found.values())  # whose whole is as big as they are
        if now.is_plain and not has_parts:
            self._last = now, found, self._floor(last, now, look)
        return tuple(found.values())

    def _floor(self, last: tuple[State, dict[int, Table], int] | None, now: State, look: Look | None) -> int:
        """Return from which number on what is written has to be asked for the next time."""
        if last and look and look.tables is not None and last[0].transaction == now.transaction:
            return last[2]  # by its locks only our own part of it was seen
        if not self._watch.is_apart(now.transaction):
            return now.transaction
        # What a subtransaction of our own has written bears its number, and the next one has a higher one.
        return now.floor if self._newest is None or not now.is_only else max(now.floor, self._newest + 1)

    def _since(
        self, last: tuple[State, dict[int, Table], int], now: State, look: Look | None
    ) -> dict[int, Table] | None:
        """Return the tables by what was seen last, where that can be; None where all have to be asked for."""
        then, known, floor = last
        if not (then.is_alone and now.is_plain and then.schemas == now.schemas):
            return None
        if now.transaction == then.transaction + 1:
            # Nobody has written anything since, but for us into the ledger and its log.
            return known if now.is_alone else None
        if now.transaction != then.transaction or now.deleted:
            return None
        if look and look.touched is not None and look.tables is not None:
            asked: Collection[int] = look.touched
            new = read_tables(self.schema, look.tables)
        else:
            ((changed, age),) = self._wire.query(_CHANGED, (str(floor & _32_BITS),)).rows
            self._newest = now.transaction - int(str(age)) if age is not None else floor - 1
            asked = {*json.loads(str(changed or "[]")), *(known.keys() & self._touched)}
            new = some_tables(self._wire, self.schema, asked) if asked else ()
        if any(table.parent for table in new):
            return None
        if gone := known.keys() & asked:
            known = {oid: table for oid, table in known.items() if oid not in gone}
        return known | {one.identity: one for one in new} if new else known
