"""Waits for the locks of a SQLite file: for a statement, for a transaction, for several of them together.

Knows who may be in the way, and when to give up; knows nothing of what is done under a lock.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from sessmig.databases import sqlite_file
from sessmig.databases.sqlite_sidecar import Sidecar
from sessmig.errors import DatabaseError, LockError
from sessmig.model import Holder

BEGIN = "BEGIN IMMEDIATE"
PATIENCE_MS = 100
"""How long SQLite itself waits for a lock, before we look at the clock (and at Ctrl-C) again."""
_IN_THE_WAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL)
"""The second is what SQLite says, after ten seconds, where another process opens the WAL, and stands still there."""
_READING = 60.0
"""Seconds that a reader waits for another process's commit, where nobody has said how long."""


class Telling(Protocol):
    """Puts an error of SQLite's into one of ours."""

    def __call__(self, error: sqlite3.Error, *, label: str = "") -> DatabaseError: ...


class Once:
    """Passes on who is in the way, each of them once; without it that would be ten times a second."""

    def __init__(self, tell: Callable[[Holder], None]) -> None:
        self._tell = tell
        self._last: Holder | None = None

    def __call__(self, holder: Holder) -> None:
        if holder != self._last:
            self._last = holder
            self._tell(holder)


class Waiting:
    """What one connection waits for, and for how long.

    Args:
        connection: gives the connection; a file that is made on the way gets another one.
        path: the file; empty for a database in memory.
        label: the database, for messages.
        told: puts an error of SQLite's into one of ours.
    """

    def __init__(self, connection: Callable[[], sqlite3.Connection], path: str, label: str, told: Telling) -> None:
        self._connection = connection
        self._path = path
        self._label = label
        self._told = told
        self._sidecar = Sidecar(path)
        self._wait = self._left = _READING

    def allow(self, wait: float | None = None) -> None:
        """Begin anew to count the seconds; as many as the last time, unless told."""
        if wait is not None:
            self._wait = wait
        self._left = self._wait

    def insist(self, sql: str, on_wait: Callable[[Holder], None], *, kind: str = "WRITE") -> None:
        """Send a statement until nobody is in its way."""
        label = "" if sql == "COMMIT" else self._label
        self.until_done(lambda: self._connection().execute(sql).close(), on_wait, kind=kind, label=label)

    def until_done(
        self,
        work: Callable[[], None],
        on_wait: Callable[[Holder], None],
        *,
        kind: str = "WRITE",
        label: str = "",
    ) -> None:
        """Do something until nobody is in its way.

        Raises:
            LockError: there is no time left.
            DatabaseError: something else was wrong.
        """
        while True:
            began = time.monotonic()
            try:
                work()
            except sqlite3.Error as error:
                on_wait(self.after(error, began, kind=kind, label=label))
            else:
                return

    def after(self, error: sqlite3.Error, began: float, *, kind: str = "WRITE", label: str = "") -> Holder:
        """Return who holds the lock that was not had, if there is time left to try again; otherwise raise."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _IN_THE_WAY:
            raise self._told(error, label=label) from None
        self._left -= time.monotonic() - began
        holder = sqlite_file.in_the_way(self._path, kind)
        if self._left > 0:
            return holder
        words = {"what": "the commit was not possible", "who": "a reader is in its way:"} if kind == "READ" else {}
        raise LockError.not_had(self._label, self._wait, holder, **words) from None

    def begin(self, on_wait: Callable[[Holder], None], *, take: bool = False) -> None:
        """Open a transaction with the write lock, once nobody else has the lock over several of them.

        Args:
            take: take that one.
        """
        while True:
            # Before, so that the one who has it is not disturbed; and under the write lock once more.
            if not self._sidecar.is_taken():
                self.insist(BEGIN, on_wait)
                try:
                    is_free = self._sidecar.take() if take else self._sidecar.clear()
                except BaseException:
                    self._connection().execute("ROLLBACK").close()
                    raise
                if is_free:
                    return
                self._connection().execute("ROLLBACK").close()
            holder = self._sidecar.holder
            if self._left <= 0:
                raise LockError.not_had(self._label, self._wait, holder)
            on_wait(holder)
            time.sleep(PATIENCE_MS / 1000)
            self._left -= PATIENCE_MS / 1000

    @contextmanager
    def exclusive(self, on_wait: Callable[[Holder], None]) -> Iterator[None]:
        """Hold the lock over several transactions."""
        if not self._path:
            yield
            return
        self.begin(on_wait, take=True)
        self._connection().execute("ROLLBACK").close()
        try:
            yield
        finally:
            self._let_go()

    def _let_go(self) -> None:
        try:
            self._connection().execute(BEGIN).close()
        except sqlite3.Error:  # somebody writes; who comes next finds a lock that nobody holds, and removes it
            self._sidecar.let_go(remove=False)
        else:
            self._sidecar.let_go(remove=True)
            self._connection().execute("ROLLBACK").close()
