"""SQLite: one connection, its transactions and its words.

Knows the database; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sessmig.databases import sqlite_file
from sessmig.errors import ConnectError, DatabaseError, LockError, UsageError
from sessmig.model import Answer, Cell, Dialect, Holder, LedgerTypes, Mark, Piece

_PATIENCE_MS = 100
"""How long SQLite itself waits for a lock, before we look at the clock (and at Ctrl-C) again."""
_READ_PATIENCE_MS = 60_000
"""A reader only waits for another process's commit, which is short."""
_LONGEST = 86_400.0
"""Seconds; SQLite counts milliseconds in 32 bits."""
_INSTRUCTIONS = 100_000
"""How many of its own instructions, a matter of milliseconds, SQLite carries out between two looks for Ctrl-C."""
_SETTINGS = (
    "automatic_index",
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "query_only",
    "recursive_triggers",
    "reverse_unordered_selects",
    "trusted_schema",
)


def open_file(path: str, label: str, *, create: bool) -> Sqlite:
    """Open a SQLite file; a file that is not there is made by the first write, and only with `create`."""
    if path == ":memory:":
        raise UsageError(
            "a database in memory would be gone when this is done", remedy="Give an open sqlite3.Connection instead."
        )
    if os.path.isdir(path):
        raise ConnectError(f"{label}: is a folder", remedy="Give the path of the database file.")
    if sqlite_file.exists(path, label):
        return Sqlite(_connect(sqlite_file.uri(path), label), label, missing=False, path=path)
    folder = os.path.dirname(os.path.abspath(path))
    if create and not os.path.isdir(folder):
        raise ConnectError(f"{label}: there is no folder {folder}", remedy="Make it, or mend the path.")
    # Reading must not make the file; an empty database reads the same. The first transaction to keep makes it.
    return Sqlite(_connect(":memory:", label), label, missing=True, path=path if create else "")


def adopt(connection: sqlite3.Connection, *, create: bool) -> Sqlite:
    """Serve a connection that somebody else has opened: its file by a connection of our own, `:memory:` itself."""
    try:
        in_transaction, cursor = connection.in_transaction, connection.cursor()
    except sqlite3.ProgrammingError as error:  # closed, or another thread's
        raise UsageError(f"the connection cannot be used: {error}", remedy="Give the path instead.") from None
    if in_transaction:
        raise UsageError(
            "the connection stands in a transaction", remedy="Commit or roll back first, or give the path instead."
        )
    cursor.row_factory = None
    text_factory, connection.text_factory = connection.text_factory, str
    try:
        path = cursor.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    finally:
        connection.text_factory = text_factory
        cursor.close()
    if path:
        return open_file(path, f"sqlite:///{path}", create=create)
    return Sqlite(connection, ":memory:", missing=False, borrowed=True)


def _connect(uri: str, label: str) -> sqlite3.Connection:
    try:
        # check_same_thread: the run may be in a thread of its own, one at a time.
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON").close()
        # While SQLite works Python sees no Ctrl-C; so now and then it gets a moment to look.
        connection.set_progress_handler(lambda: 0, _INSTRUCTIONS)
    except sqlite3.Error as error:
        raise ConnectError(
            f"{label}: {error}", remedy="Does the file's folder exist, and may you write there?"
        ) from None
    return connection


class Sqlite:
    """A SQLite database behind the contract."""

    dialect: Dialect = "sqlite"
    types = LedgerTypes(
        text="TEXT",
        integer="INTEGER",
        time="TEXT",
        json="TEXT",
        now="CURRENT_TIMESTAMP",
        identity="INTEGER PRIMARY KEY AUTOINCREMENT",
        utc="%s",
        moment="%s",
        iso="CAST(%s AS TEXT)",
        count_up=(
            'CREATE TRIGGER main."{name}_count_up" AFTER INSERT ON "{name}" WHEN NEW.version IS NULL BEGIN'
            ' UPDATE "{name}" SET version = (SELECT coalesce(max(version), 0) + 1 FROM "{name}"'
            " WHERE series = NEW.series) WHERE rowid = NEW.rowid; END",
        ),
    )

    def __init__(
        self, connection: sqlite3.Connection, label: str, *, missing: bool, path: str = "", borrowed: bool = False
    ) -> None:
        self.label = label
        self.is_missing = missing
        self._connection = connection
        self._path = path
        self._borrowed = borrowed
        self._before: dict[str, Any] = {}

    def __enter__(self) -> Sqlite:
        connection = self._connection
        if self._borrowed:
            self._before = {"isolation_level": connection.isolation_level, "text_factory": connection.text_factory}
            connection.isolation_level = None
            self._before["settings"] = self.mark()
        connection.text_factory = _text
        self._patience(_READ_PATIENCE_MS)
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._borrowed:
            self._connection.close()
            return
        if self._connection.in_transaction:
            self._command("ROLLBACK")
        self._set(self._before["settings"])
        self._connection.text_factory = self._before["text_factory"]
        self._connection.isolation_level = self._before["isolation_level"]

    def table(self, name: str) -> str:
        return f'main."{name}"'

    def columns(self, name: str) -> tuple[str, ...]:
        found = self.query("SELECT name FROM pragma_table_info($1, 'main') ORDER BY cid", (name,))
        return tuple(str(row[0]) for row in found.rows)

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        try:
            cursor = self._cursor().execute(sql, {str(n): value for n, value in enumerate(params, 1)})
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
            columns = tuple(column[0] for column in cursor.description or ())
            cursor.close()
        except sqlite3.Error as error:
            raise _told(error) from None
        return Answer(columns, tuple(rows))

    def await_reading(self, *, wait: float, on_wait: Callable[[Holder], None]) -> None:
        # Without a WAL, a writer whose changes outgrow its cache shuts every reader out until it commits.
        self._insist("SELECT 1 FROM main.sqlite_master", wait, on_wait)
        self._patience(_READ_PATIENCE_MS)

    @contextmanager
    def transaction(
        self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], keep: bool = True
    ) -> Iterator[None]:
        if self.is_missing and keep and self._path:
            self._make_file()
        self._insist("BEGIN IMMEDIATE", wait, on_wait)
        try:
            yield
            if keep:
                # A reader may be in the way of the commit; that is no reason to lose the work.
                self._patience(max(int(min(wait, _LONGEST) * 1000), _PATIENCE_MS))
                self._command("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._command("ROLLBACK")
            self._patience(_READ_PATIENCE_MS)

    def _make_file(self) -> None:
        self._connection.close()
        self._connection = _connect(sqlite_file.uri(self._path, create=True), self.label)
        self._connection.text_factory = _text
        self.is_missing = False

    def _insist(self, sql: str, wait: float, on_wait: Callable[[Holder], None]) -> None:
        deadline = time.monotonic() + wait
        self._patience(_PATIENCE_MS)
        while True:
            try:
                self._connection.execute(sql).close()
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise _told(error, label=self.label) from None
                holder = sqlite_file.holder(self._path)
                if time.monotonic() >= deadline:
                    raise _not_had(self.label, wait, holder) from None
                on_wait(holder)
            else:
                return

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._command("BEGIN")
        try:
            with self.read_only():
                yield
        finally:
            if self._connection.in_transaction:
                self._command("ROLLBACK")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._command("PRAGMA query_only = ON")
        try:
            yield
        finally:
            self._command("PRAGMA query_only = OFF")

    def mark(self) -> Mark:
        settings = [(name, str(self.query(f"PRAGMA {name}").rows[0][0]), True) for name in _SETTINGS]
        return Mark("open" if self._connection.in_transaction else "", tuple(settings))

    def undo_settings(self, mark: Mark) -> None:
        if mark.transaction and not self._connection.in_transaction:
            raise DatabaseError("the transaction was ended by the file itself", escaped=True)
        self._set(mark)

    def _set(self, mark: Mark) -> None:
        for name, value, _ in set(mark.settings) - set(self.mark().settings):
            self._command(f"PRAGMA {name} = {value}")

    def run(self, text: str, pieces: Sequence[Piece]) -> Generator[int | None]:
        cursor = self._cursor()
        connection = self._connection
        before = connection.total_changes
        for index, piece in enumerate(pieces):
            try:
                cursor.execute(piece.statement)
                for _ in cursor:  # a statement that gives rows works only while they are fetched
                    pass
            except sqlite3.Error as error:
                raise _told(error, index=index) from None
            if not connection.in_transaction:
                raise DatabaseError("this statement ended the transaction of the step", index=index, escaped=True)
            rows: int | None = cursor.rowcount
            if connection.total_changes == before:
                rows = None if rows == -1 else rows
            elif rows == -1:
                # WITH ... INSERT: Python does not know it for a change.
                rows = cursor.execute("SELECT changes()").fetchone()[0]
            before = connection.total_changes
            yield rows
        cursor.close()

    def settle(self) -> None:
        """SQLite has no such question; a deferred foreign key fails at the commit only."""

    def notices(self) -> tuple[str, ...]:
        return ()

    def _cursor(self) -> sqlite3.Cursor:
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor

    def _command(self, sql: str) -> None:
        try:
            self._connection.execute(sql).close()
        except sqlite3.Error as error:
            raise _told(error) from None

    def _patience(self, milliseconds: int) -> None:
        if not self._borrowed:
            self._connection.execute(f"PRAGMA busy_timeout = {milliseconds}").close()


def _text(data: bytes) -> str:
    """Read text as it is kept, also where an application has stored bytes that are no UTF-8."""
    return data.decode(errors="replace")


def _told(error: sqlite3.Error, *, index: int | None = None, label: str = "") -> DatabaseError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        raise KeyboardInterrupt from None
    words = f"{label}: {error}" if label else str(error)
    return DatabaseError(words, code=getattr(error, "sqlite_errorname", "") or "", index=index)


def _not_had(label: str, wait: float, holder: Holder) -> LockError:
    return LockError(
        f"{label}: the lock was not had within {wait:g} s; it is held by {holder}",
        remedy="Run again when it is done, or wait longer (--lock-wait, lock_wait).",
    )
