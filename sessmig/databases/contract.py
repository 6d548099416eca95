"""What a database has to do for sessmig; all that differs between two databases stands behind this.

A database decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sessmig.databases.alone import Alone
from sessmig.databases.patient import Patient
from sessmig.databases.ranges import Keyset
from sessmig.databases.saving import Saving
from sessmig.databases.scripting import Scripting
from sessmig.ledger_types import LedgerTypes
from sessmig.merge import Kind
from sessmig.model import Answer, Cell, Dialect, Holder, Mark, Piece
from sessmig.rehearsal import Fingerprint, TableLock
from sessmig.rows import Change, Fault, Table, Unset


class Database(Alone, Patient, Protocol):
    """An open database. `with` closes it, or gives a connection back as it was."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def label(self) -> str:
        """The database for people, without password."""

    @property
    def types(self) -> LedgerTypes:
        """How the ledger's columns are declared here."""

    @property
    def is_missing(self) -> bool:
        """Whether there is no database yet: reading finds nothing, and writing makes it."""

    def __enter__(self) -> Database: ...

    def __exit__(self, *exc: object) -> None: ...

    @property
    def materialized(self) -> str:
        """The word that makes a table expression be carried out as it stands; empty where there is none."""

    def literal(self, value: Cell) -> str:
        """Write a value in SQL, so that it is read back exactly."""

    def unlike(self, left: str, right: str, kind: Kind) -> str:
        """Write the condition that two values differ, NULL being a value; as text exactly, as JSON by what it says."""

    def kinds(self, sql: str) -> tuple[Kind, ...]:
        """Return of what kind each column of a query's answer is."""

    def keep(self, name: str, query: str, key: Sequence[str] = ()) -> str:
        """Put the rows of a query into a temporary table, indexed by its `key`; return its name in SQL."""

    def table(self, name: str) -> str:
        """Return a table's name of the ledger's schema, quoted and with its schema."""

    def find_ledger(self, name: str, columns: Collection[str]) -> None:
        """Look for the ledger where it has to stand.

        Args:
            name: the ledger's table.
            columns: what a table of this name has at least, if it is a ledger.

        Raises:
            LedgerError: it stands in another schema, and not there.
        """

    def rights(self, name: str) -> tuple[str, ...]:
        """Return the statements that give a table made anew in this one's place its owner and its rights."""

    def columns(self, name: str) -> tuple[str, ...]:
        """Return a table's columns; none if there is no such table in the ledger's schema."""

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        """Send one statement with `$1`, `$2`, ... and return its rows, the first `limit` of them.

        Raises:
            DatabaseError: what the database said.
        """

    def await_reading(self, *, wait: float, on_wait: Callable[[Holder], None]) -> None:
        """Wait until nobody stands in the way of reading.

        Raises:
            LockError: somebody did for all of `wait` seconds.
            DatabaseError: it cannot be read at all.
        """

    def transaction(
        self,
        lock: str,
        *,
        wait: float,
        on_wait: Callable[[Holder], None],
        keep: bool = True,
        steady: bool = False,
        lock_timeout: float | None = None,
        foreign_keys: bool = True,
    ) -> AbstractContextManager[None]:
        """Open a transaction that begins with the lock; commit it at the end, or roll back on an error.

        Args:
            lock: the ledger's table, which the lock is for.
            wait: how many seconds to wait for the lock.
            on_wait: told now and then who holds it.
            keep: False rolls back at the end.
            steady: what others commit meanwhile is not seen.
            lock_timeout: how many seconds a statement waits for the locks of others, where it can wait at all; no
                longer than the session's own setting says.
            foreign_keys: False has none enforced until the transaction is over, where there is such a switch.

        Raises:
            LockError: the lock was not had in time.
            DatabaseError: the commit failed.
        """

    def snapshot(self) -> AbstractContextManager[None]:
        """Open a read-only transaction in which every query sees the same state."""

    def read_only(self) -> AbstractContextManager[None]:
        """Within a transaction, let nothing write; and leave no trace of what was asked."""

    def mark(self, text: str = "") -> Mark:
        """Remember the open transaction and the session's settings.

        Args:
            text: the script that is to run, for the settings of an application's own that it speaks of.
        """

    def undo_settings(self, mark: Mark) -> None:
        """Give the session's settings back as they were at the mark; drop the temporary objects that came since.

        Raises:
            DatabaseError: the transaction of the mark is over: something committed behind our back.
        """

    def run(self, pieces: Sequence[Piece]) -> Generator[int | None]:
        """Send statements one after the other; give the rows that each changed as it is done.

        Args:
            pieces: the statements.

        Raises:
            DatabaseError: with the number of the statement that failed.
        """

    def keyset(self, table: str, column: str) -> Keyset:
        """Return what takes a table in ranges of a column; both as SQL writes them."""

    def replay_lag(self) -> float | None:
        """Return how many seconds the slowest replica is behind, 0 where there is none; None if it cannot be known."""

    def tables(self) -> tuple[Table, ...]:
        """Return every user table as it stands now: no system table, no view, nothing temporary."""

    def hold(self, table: Table) -> None:
        """Let nobody else write to a table from now until the transaction ends, as its DROP or TRUNCATE would do.

        Raises:
            DatabaseError: the lock was not had.
        """

    def held(self, tables: Collection[Table]) -> frozenset[int]:
        """Return those of the tables (by identity) that nobody else can write to until the transaction ends."""

    def unset_by_drop(self, table: Table) -> tuple[Unset, ...]:
        """Return the values in other tables that dropping this one now would set to NULL, or to a default."""

    def watch(self, pieces: Sequence[Piece], *, more: bool = False) -> None:
        """Begin to count what is done to the rows of each table; within a transaction, before its statements.

        Args:
            pieces: the statements that are to run.
            more: they come beside those that were told before; go on counting.
        """

    def changes(self) -> Mapping[int, Change]:
        """Return what was done since `watch` to the rows of each table that stood then, by its identity.

        Tables that nothing was done to may be left out, and such as were made since may be among them. Rows that a
        block with EXCEPTION deleted and took back may be counted too; what is dropped or truncated is not, nor what
        another server does (foreign tables).
        """

    def unwatch(self) -> None:
        """Count no longer, and leave no trace of it; whoever rolls back need not call it."""

    def faults(self, touched: Collection[Table], pieces: Sequence[Piece], *, is_all: bool = False) -> tuple[Fault, ...]:
        """Look for what is wrong whatever a step meant; asked before a step and after it.

        Args:
            touched: the tables whose rows the step has inserted or changed; before it, those that its statements
                name, so that what was wrong with them already is known.
            pieces: its statements, by which may be left out what none of them can have caused.
            is_all: nothing may be left out: there will be more statements.
        """

    def scripting(self) -> Scripting:
        """Return what a script for the database's own program is written with."""

    def rehearsing(self) -> Rehearsing:
        """Return what a rehearsal needs of this database."""

    def saving(self, programs: str | None = None) -> Saving:
        """Return what backups need of this database.

        Args:
            programs: the folder of the database's own programs; found on PATH, if None.
        """

    def settle(self, *, shared: bool) -> None:
        """Do and check now what is deferred to the commit, so that the step is judged with it.

        Args:
            shared: other steps follow in the same transaction, and find the constraints as they were declared.

        Raises:
            DatabaseError: a deferred constraint does not hold.
        """

    def notices(self) -> tuple[str, ...]:
        """Return what the server said since this was asked last."""


class Rehearsing(Protocol):
    """What a rehearsal needs of a database, beside what every run needs."""

    def stage(self, on: Database | None, *, wait: float) -> AbstractContextManager[Database]:
        """Give the database to rehearse on: a copy that is gone at the end, the one that is given, or this one itself.

        Args:
            on: a copy that the user has made.
            wait: how many seconds to wait for whoever is in the way of a copy.

        Raises:
            UsageError: `on` is no other database of this kind, or not needed.
            ConnectError: there is no room for a copy.
            LockError: somebody was in the way for all of `wait` seconds.
        """

    def fingerprint(self, exclude: Collection[str], *, values: bool = True) -> Fingerprint:
        """Take a picture of schema and rows, within a transaction; its costs in memory do not grow with the rows.

        Args:
            exclude: tables of the ledger's schema that are left out.
            values: False only counts the rows.
        """

    def undone(self) -> AbstractContextManager[None]:
        """Within a transaction, undo at the end what is done inside, also after an error."""

    def lasting(self, exclude: Collection[str]) -> tuple[str, ...]:
        """Return the sequences that stand, whose values a transaction that is rolled back does not give back.

        Args:
            exclude: tables of the ledger's schema whose own sequences are left out.
        """

    def watch_locks(self, exclude: Collection[str]) -> None:
        """Begin to look at the locks that the next step takes on tables that stand now, but for these."""

    def locks(self) -> tuple[TableLock, ...]:
        """Return the strongest lock taken on each table since, the strongest first; and look no longer."""
