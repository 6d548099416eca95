"""What a rehearsal needs of PostgreSQL: a database to rehearse on, pictures to compare, the locks of a step.

Knows how two databases are told apart; decides nothing and prints nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sessmig.databases.postgres_fingerprint import USER_SCHEMA, fingerprint
from sessmig.databases.postgres_locks import LockLog
from sessmig.databases.wire import Wire
from sessmig.errors import UsageError
from sessmig.rehearsal import Fingerprint, TableLock

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_LASTING = f"""
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND {USER_SCHEMA} AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
      AND d.refobjid IN ({{ours}}))
ORDER BY 1"""
_TRY = "SELECT pg_try_advisory_xact_lock($1)"


class Rehearsing:
    """Serves the rehearsal of one database.

    Args:
        database: the database.
        wire: its connection.
        locks: what looks at its locks.
        schema: the ledger's schema.
        on_undone: called when something was rolled back.
    """

    def __init__(
        self, database: Database, wire: Wire, locks: LockLog, schema: str, on_undone: Callable[[], None]
    ) -> None:
        self._database = database
        self._wire = wire
        self._locks = locks
        self._schema = schema
        self._on_undone = on_undone

    @contextmanager
    def stage(self, on: Database | None, *, wait: float) -> Iterator[Database]:
        if on is None:
            yield self._database
            return
        if on.dialect != self._database.dialect:
            raise UsageError(f"--on {on.label}: another kind of database", remedy="Give a copy of the database.")
        if self._is_same(on):
            raise UsageError(
                f"--on {on.label}: this is the database itself",
                remedy="Give a copy of it; or leave --on out, and it is rehearsed in one transaction, rolled back.",
            )
        yield on

    def _is_same(self, on: Database) -> bool:
        """Ask the databases themselves: by whatever name and pooler, a lock taken in one is had in no other."""
        key = random.getrandbits(63)
        with self._database.snapshot(), on.snapshot():
            self._wire.query(_TRY, (key,))
            return not on.query(_TRY, (key,)).rows[0][0]

    def fingerprint(self, exclude: Collection[str], *, values: bool = True) -> Fingerprint:
        self._wire.command("SAVEPOINT sessmig_fingerprint")
        try:
            return fingerprint(self._wire, self._schema, [self._database.table(name) for name in exclude], values)
        finally:
            self._wire.command("ROLLBACK TO sessmig_fingerprint; RELEASE sessmig_fingerprint")

    @contextmanager
    def undone(self) -> Iterator[None]:
        self._wire.command("SAVEPOINT sessmig_undone")
        try:
            yield
        finally:
            self._wire.command("ROLLBACK TO sessmig_undone; RELEASE sessmig_undone")
            self._on_undone()

    def lasting(self, exclude: Collection[str]) -> tuple[str, ...]:
        ours = [self._database.table(name) for name in exclude]
        marks = ", ".join(f"to_regclass(${number})" for number in range(1, len(ours) + 1))
        return tuple(str(name) for (name,) in self._wire.query(_LASTING.format(ours=marks), ours).rows)

    def watch_locks(self, exclude: Collection[str]) -> None:
        self._locks.watch(self._schema, exclude)

    def locks(self) -> tuple[TableLock, ...]:
        return self._locks.locks()
