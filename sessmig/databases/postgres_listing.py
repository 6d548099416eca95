"""Lists the tables of a PostgreSQL database again and again: of a thousand, it asks only for those that have changed.

Knows by the numbers of transactions whether anybody else can have written meanwhile, and by those in the catalogue what
our own has changed. Where either is not plain, all are asked for. Decides nothing about what becomes of rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sessmig.databases.postgres_tables import some_tables, tables
from sessmig.databases.postgres_watch import Watch
from sessmig.databases.wire import Wire
from sessmig.rows import Change, Table

# What is deleted from the catalogue leaves no row with a number. The names of all tables hang on their schemas.
_STATE = """
SELECT pg_catalog.pg_current_xact_id()::text, pg_catalog.pg_current_snapshot()::text,
       pg_catalog.current_setting('track_counts') = 'on'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal),
       (SELECT sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))
        FROM pg_catalog.unnest(ARRAY['pg_catalog.pg_class', 'pg_catalog.pg_attribute', 'pg_catalog.pg_constraint',
                                     'pg_catalog.pg_index', 'pg_catalog.pg_inherits', 'pg_catalog.pg_depend',
                                     'pg_catalog.pg_trigger']::regclass[]) AS c (oid))::bigint,
       (SELECT pg_catalog.array_agg(n.oid || ' ' || n.xmin ORDER BY n.oid) FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname NOT LIKE 'pg\\_%')::text"""
_CHANGED = """
WITH ours (age) AS MATERIALIZED (SELECT pg_catalog.age($1::xid))
SELECT pg_catalog.json_agg(DISTINCT changed.oid::bigint)::text
FROM (
    SELECT c.oid FROM pg_catalog.pg_class AS c WHERE pg_catalog.age(c.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT a.attrelid FROM pg_catalog.pg_attribute AS a WHERE pg_catalog.age(a.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT k.conrelid FROM pg_catalog.pg_constraint AS k WHERE pg_catalog.age(k.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT i.indrelid FROM pg_catalog.pg_index AS i WHERE pg_catalog.age(i.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE pg_catalog.age(h.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT t.tgrelid FROM pg_catalog.pg_trigger AS t WHERE pg_catalog.age(t.xmin) <= (SELECT age FROM ours)
    UNION ALL
    SELECT d.objid FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND pg_catalog.age(d.xmin) <= (SELECT age FROM ours)
) AS changed (oid)
JOIN pg_catalog.pg_class AS c ON c.oid = changed.oid AND c.relkind IN ('r', 'p', 'f')"""
_32_BITS = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class _State:
    """What a transaction says of itself at a look."""

    transaction: int
    is_alone: bool
    """Nobody else was writing whose number is lower: whatever others commit from here on has a higher one."""
    is_plain: bool
    """Rows are counted, and no trigger writes to other tables."""
    deleted: int
    schemas: str


class Listing:
    """What one session has listed last.

    Args:
        wire: the connection.
        watch: what counts the rows.
    """

    def __init__(self, wire: Wire, watch: Watch) -> None:
        self._wire = wire
        self._watch = watch
        self._last: tuple[_State, dict[int, Table]] | None = None
        self._touched: Collection[int] = ()
        """The tables whose rows were changed since, and that may have grown."""
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

    def changes(self) -> Mapping[int, Change]:
        found = self._watch.changes()
        self._touched = found.keys()
        return found

    def tables(self) -> tuple[Table, ...]:
        if not self.is_own:
            return tables(self._wire, self.schema)
        state, last, self._last = self._state(), self._last, None
        found = self._since(last, state) if last else None
        if found is None:
            found = {table.identity: table for table in tables(self._wire, self.schema)}
        if state.is_plain and not any(table.parent for table in found.values()):
            self._last = state, found
        return tuple(found.values())

    def _state(self) -> _State:
        ((number, snapshot, is_plain, deleted, schemas),) = self._wire.query(_STATE).rows
        lowest, _, others = str(snapshot).split(":")
        is_alone = set(others.split(",")) <= {"", str(number)} and int(lowest) >= int(str(number))
        return _State(int(str(number)), is_alone, bool(is_plain), int(str(deleted)), str(schemas))

    def _since(self, last: tuple[_State, dict[int, Table]], now: _State) -> dict[int, Table] | None:
        """Return the tables by what was seen last, where that can be; None where all have to be asked for."""
        then, known = last
        if not (then.is_alone and now.is_plain and then.schemas == now.schemas):
            return None
        if now.transaction == then.transaction + 1:
            # Nobody has written anything since, but for us into the ledger and its log.
            return known if now.is_alone else None
        if now.transaction != then.transaction or now.deleted:
            return None
        ((changed,),) = self._wire.query(_CHANGED, (str(now.transaction & _32_BITS),)).rows
        asked = {*json.loads(str(changed or "[]")), *(known.keys() & self._touched)}
        if not asked:
            return known
        found = {table.identity: table for table in some_tables(self._wire, self.schema, asked)}
        if any(table.parent for table in found.values()):  # whose whole is as big as its parts
            return None
        return {oid: table for oid, table in known.items() if oid not in asked} | found
