"""What a database has to do for sessmig; all that differs between two databases stands behind this.

A database decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sessmig.model import Answer, Cell, Dialect, Holder, LedgerTypes, Mark, Piece


class Database(Protocol):
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
        self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], keep: bool = True
    ) -> AbstractContextManager[None]:
        """Open a transaction that begins with the lock; commit it at the end, or roll back on an error.

        Args:
            lock: the ledger's table, which the lock is for.
            wait: how many seconds to wait for the lock.
            on_wait: told now and then who holds it.
            keep: False rolls back at the end.

        Raises:
            LockError: the lock was not had in time.
            DatabaseError: the commit failed.
        """

    def snapshot(self) -> AbstractContextManager[None]:
        """Open a read-only transaction in which every query sees the same state."""

    def read_only(self) -> AbstractContextManager[None]:
        """Within a transaction, let nothing write; and leave no trace of what was asked."""

    def mark(self) -> Mark:
        """Remember the open transaction and the session's settings."""

    def undo_settings(self, mark: Mark) -> None:
        """Give the session's settings back as they were at the mark; drop the temporary objects that came since.

        Raises:
            DatabaseError: the transaction of the mark is over: something committed behind our back.
        """

    def run(self, text: str, pieces: Sequence[Piece]) -> Generator[int | None]:
        """Send statements one after the other; give the rows that each changed as it is done.

        Args:
            text: the script that the pieces were cut from.
            pieces: the statements.

        Raises:
            DatabaseError: with the number of the statement that failed.
        """

    def settle(self) -> None:
        """Check now what is deferred to the commit; for a run whose steps share one commit, or have none.

        Raises:
            DatabaseError: a deferred constraint does not hold.
        """

    def notices(self) -> tuple[str, ...]:
        """Return what the server said since this was asked last."""
