"""What a rehearsal needs of SQLite: a copy that is gone when it is over, and pictures to compare.

Knows the backup API and where there is room; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sessmig.databases.sqlite_fingerprint import fingerprint
from sessmig.errors import ConnectError, LockError, UsageError
from sessmig.model import Holder
from sessmig.rehearsal import Fingerprint, TableLock

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_ROOM = 2
"""How many times the database's size has to be free: for the copy, and for what the migrations write into it."""
_SPARE = 1 << 20


class Rehearsing:
    """Serves the rehearsal of one database.

    Args:
        connection: to the database.
        path: its file; empty if it has none.
        label: the database for people.
        open_copy: opens a file as a database, by its path and a label.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str,
        label: str,
        open_copy: Callable[[str, str], Database],
        on_undone: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._label = label
        self._open_copy = open_copy
        self._on_undone = on_undone

    @contextmanager
    def stage(self, on: Database | None, *, wait: float) -> Iterator[Database]:
        if on is not None:
            raise UsageError(
                "--on is for PostgreSQL", remedy="Leave it out: a SQLite database is rehearsed on a copy made for that."
            )
        with self._folder() as folder:
            copy = os.path.join(folder, os.path.basename(self._path) or "memory.db")
            os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._back_up(copy, wait)
            with self._open_copy(copy, self._label) as opened:
                yield opened

    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        """Make a folder that only we may enter: beside the database, or else where temporary files go."""
        size = self._size()
        beside = [os.path.dirname(os.path.abspath(self._path))] if self._path else []
        told = []
        for place in dict.fromkeys([*beside, tempfile.gettempdir()]):
            free = shutil.disk_usage(place).free if os.path.isdir(place) else 0
            if free < _ROOM * size + _SPARE:
                told.append(f"{place}: {free >> 20:,} MB free")
                continue
            try:
                return tempfile.TemporaryDirectory(prefix=f"{os.path.basename(self._path)}.rehearsal_", dir=place)
            except OSError as error:
                told.append(f"{place}: {error.strerror}")
        raise ConnectError(
            f"{self._label}: no place for a copy to rehearse on ({'; '.join(told)})",
            remedy=f"It takes {(_ROOM * size + _SPARE) >> 20:,} MB: let TMPDIR name a folder with as much room.",
        )

    def _size(self) -> int:
        with closing(self._connection.cursor()) as cursor:
            cursor.row_factory = None
            pages, page = (cursor.execute(f"PRAGMA main.{name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(page)

    def _back_up(self, copy: str, wait: float) -> None:
        deadline = time.monotonic() + wait

        def on_step(status: int, _remaining: int, _total: int) -> None:
            """Called between two tries; without it Ctrl-C would not be seen, and it would try for ever."""
            if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() >= deadline:
                raise LockError.not_had(self._label, wait, Holder(), what="the copy could not be made")

        try:
            with closing(sqlite3.connect(copy)) as target:
                # In one go: with every few pages a writer would make it begin again, for ever.
                self._connection.backup(target, pages=-1, progress=on_step)
        except sqlite3.Error as error:
            raise ConnectError(f"{self._label}: the copy to rehearse on could not be made: {error}") from None

    def fingerprint(self, exclude: Collection[str], *, values: bool = True) -> Fingerprint:
        return fingerprint(self._connection, {name.lower() for name in exclude}, values)

    @contextmanager
    def undone(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT sessmig_undone").close()
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO sessmig_undone").close()
                self._connection.execute("RELEASE sessmig_undone").close()
            self._on_undone()

    def lasting(self, exclude: Collection[str]) -> tuple[str, ...]:
        """SQLite rolls everything back."""
        return ()

    def watch_locks(self, exclude: Collection[str]) -> None:
        """A SQLite database is locked as a whole; there is nothing to tell of a table."""

    def locks(self) -> tuple[TableLock, ...]:
        return ()
