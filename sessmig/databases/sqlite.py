"""SQLite: one connection, its transactions and its words.

Knows the database; decides nothing and prints nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from sessmig.databases import sqlite_faults, sqlite_file, sqlite_merging
from sessmig.databases.sqlite_connection import connect, path_of
from sessmig.databases.sqlite_keys import enforced
from sessmig.databases.sqlite_listing import Listing
from sessmig.databases.sqlite_names import words
from sessmig.databases.sqlite_reach import BY_HAND
from sessmig.databases.sqlite_reading import Reading
from sessmig.databases.sqlite_remedies import error_name, remedy
from sessmig.databases.sqlite_running import carry_out, run
from sessmig.databases.sqlite_settings import Settings
from sessmig.databases.sqlite_tables import Tables
from sessmig.databases.sqlite_types import TYPES
from sessmig.databases.sqlite_unset import unset_by_drop
from sessmig.databases.sqlite_uri import uri
from sessmig.databases.sqlite_waiting import PATIENCE_MS, Once, Waiting
from sessmig.databases.sqlite_watch import Watch
from sessmig.databases.values import decoded, known, sqlite_literal
from sessmig.errors import ConnectError, DatabaseError, UsageError
from sessmig.index_act import IndexAct
from sessmig.model import Answer, Cell, Dialect, Holder, Piece
from sessmig.naming import file_label
from sessmig.quoting import quoted

if TYPE_CHECKING:  # what not every run needs is imported where it does
    from sessmig.databases.sqlite_backup import Saving
    from sessmig.databases.sqlite_keyset import Keyset
    from sessmig.databases.sqlite_rehearsal import Rehearsing
    from sessmig.databases.sqlite_scripting import Scripting


def open_file(path: str, label: str, *, create: bool) -> Sqlite:
    """Open a SQLite file; a file that is not there is made by the first write, and only with `create`."""
    if path == ":memory:":
        raise UsageError(
            "a database in memory would be gone when this is done", remedy="Give an open sqlite3.Connection instead."
        )
    if os.path.isdir(path):
        raise ConnectError(f"{label}: is a folder", remedy="Give the path of the database file.")
    if sqlite_file.exists(path, label):
        return Sqlite(connect(uri(path), label), label, missing=False, path=path)
    folder = os.path.dirname(os.path.abspath(path))
    if create and not os.path.isdir(folder):
        raise ConnectError(f"{label}: there is no folder {folder}", remedy="Make it, or mend the path.")
    # Reading must not make the file; an empty database reads the same. The first transaction to keep makes it.
    return Sqlite(connect(":memory:", label), label, missing=True, path=path if create else "")


def adopt(connection: sqlite3.Connection, *, create: bool) -> Sqlite:
    """Serve a connection that somebody else has opened: its file by a connection of our own, `:memory:` itself."""
    if path := path_of(connection):
        return open_file(path, file_label(path), create=create)
    return Sqlite(connection, ":memory:", missing=False, borrowed=True)


class Sqlite:
    """A SQLite database behind the contract."""

    dialect: Dialect = "sqlite"
    materialized = "MATERIALIZED" if sqlite3.sqlite_version_info >= (3, 35) else ""
    literal = staticmethod(sqlite_literal)
    unlike = staticmethod(sqlite_merging.unlike)
    kinds = staticmethod(sqlite_merging.kinds)
    types = TYPES

    def __init__(
        self, connection: sqlite3.Connection, label: str, *, missing: bool, path: str = "", borrowed: bool = False
    ) -> None:
        self.label = label
        self.is_missing = missing
        self._connection = connection
        self._path = path
        self._borrowed = borrowed
        self._before: dict[str, Any] = {}
        self._waiting = Waiting(lambda: self._connection, "" if borrowed else path, label, self._told)
        self._reading = Reading(self._ask)
        self.read_only = self._reading.only
        self._settings = Settings(lambda: self._connection, self._ask, self._command)
        self.mark, self.undo_settings = self._settings.mark, self._settings.undo
        self._tables = Tables(self._ask)
        self._watch = Watch(self.query, self._command, self._tables)
        self.tables = Listing(self._ask, self._tables).listed
        self.hold, self.held = self._tables.hold, self._tables.held
        self.unset_by_drop = partial(unset_by_drop, self._ask, self._tables)
        self.watch = self._watch.begin
        self.changes = self._watch.changes
        self.unwatch = self._watch.end
        self.blockers = partial(sqlite_file.readers, path)
        self.faults = partial(sqlite_faults.find_faults, self.query, self.tables, keyed=self._tables.have_keys)

    def __enter__(self) -> Sqlite:
        connection = self._connection
        if self._borrowed:
            self._before = {"isolation_level": connection.isolation_level, "text_factory": connection.text_factory}
            connection.isolation_level = None
            self._before["settings"] = self.mark()
        connection.text_factory = decoded
        self._be_quick()
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._borrowed:
            self._connection.close()
            return
        if self._connection.in_transaction:
            self._command("ROLLBACK")
        self._settings.set(self._before["settings"])
        self._connection.text_factory = self._before["text_factory"]
        self._connection.isolation_level = self._before["isolation_level"]

    def table(self, name: str) -> str:
        return f"main.{quoted(name)}"

    def keep(self, name: str, query: str, key: Sequence[str] = ()) -> str:
        self._settings.note_temporary(name)  # it is not the file's, and stays for the account
        return sqlite_merging.keep(self._command, name, query, key)

    def find_ledger(self, name: str, columns: Collection[str]) -> None:
        """Here a ledger stands in `main`, and nowhere else."""

    def rights(self, name: str) -> tuple[str, ...]:
        return ()

    def columns(self, name: str) -> tuple[str, ...]:
        return tuple(str(row[1]) for row in self.query(f"PRAGMA main.table_info({quoted(name)})").rows)

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        self._reading.demand()
        return self._ask(sql, params, limit=limit)

    def _ask(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        """Send what is surely fit to be sent now, such as a question of our own about the schema."""
        named = {str(n): value for n, value in enumerate(params, 1)}
        while True:
            began = time.monotonic()
            try:
                cursor = self._connection.cursor()
                cursor.row_factory = None
                cursor.execute(sql, named)
                rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
                columns = tuple(column[0] for column in cursor.description or ())
                cursor.close()
            except sqlite3.Error as error:
                self._waiting.after(error, began)
            else:
                if self._borrowed:  # whose converters may make anything of a value
                    rows = [tuple(map(known, row)) for row in rows]
                return Answer(columns, tuple(rows))

    def await_reading(self, *, wait: float, on_wait: Callable[[Holder], None]) -> None:
        # Without a WAL, a writer whose changes outgrow its cache shuts every reader out until it commits.
        self._waiting.allow(wait)
        self._waiting.insist("SELECT 1 FROM main.sqlite_master", on_wait)

    @contextmanager
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
    ) -> Iterator[None]:
        if self.is_missing and keep and self._path:
            self._make_file()
        self._waiting.allow(wait)
        with enforced(self.query, foreign_keys=foreign_keys):
            self._waiting.begin(on_wait)
            try:
                yield
                if keep:
                    # Without a WAL a reader may be in the way of the commit; no reason to lose the work at once.
                    self._waiting.insist("COMMIT", on_wait, kind="READ")
                    self._tables.keep()
            finally:
                self._tables.forget()
                self._roll_back()
                self._waiting.allow()

    def _roll_back(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed: where Ctrl-C came just as a block began, it ends behind all
            if self._connection.in_transaction:
                self._command("ROLLBACK")

    def _make_file(self) -> None:
        self._connection.close()
        self._connection = connect(uri(self._path, create=True), self.label)
        self._connection.text_factory = decoded
        self._be_quick()
        self._tables.forget()
        self.is_missing = False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._command("BEGIN")
        try:
            with self.read_only():
                yield
        finally:
            self._roll_back()

    def run(self, pieces: Sequence[Piece]) -> Generator[int | None]:
        return run(self._cursor(), pieces, self._tables, self._watch, self._told)

    @contextmanager
    def exclusive(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None]) -> Iterator[None]:
        if self.is_missing and self._path:
            self._make_file()
        self._waiting.allow(wait)
        with self._waiting.exclusive(on_wait):
            yield

    def run_alone(
        self, piece: Piece, act: IndexAct | None, *, resumed: bool, on_event: Callable[[str], None]
    ) -> int | None:
        told = Once(lambda holder: on_event(f"waiting for the lock, held by {holder}"))
        self._waiting.allow()
        if words([piece.statement]) & BY_HAND:
            self._tables.distrust()
        self._waiting.until_done(lambda: carry_out(self._cursor(), piece), told)
        return None

    def replay_lag(self) -> None:
        """A file has no replicas that it would know of."""

    def scripting(self) -> Scripting:
        from sessmig.databases.sqlite_scripting import Scripting

        return Scripting(self.label)

    def keyset(self, table: str, column: str) -> Keyset:
        from sessmig.databases.sqlite_keyset import Keyset

        return Keyset(self.query, self._cursor, self._told, table, column)

    def rehearsing(self) -> Rehearsing:
        from sessmig.databases.sqlite_rehearsal import Rehearsing

        copying = partial(open_file, create=False)
        return Rehearsing(self._connection, self._path, self.label, copying, self._tables.forget)

    def saving(self, programs: str | None = None) -> Saving:
        from sessmig.databases.sqlite_backup import Saving

        return Saving(self._path, self.label, self._let_go, self._make_file)

    def _let_go(self) -> None:
        self._connection.close()
        self._connection = connect(":memory:", self.label)

    def settle(self, *, shared: bool) -> None:
        """SQLite has no such question: a deferred foreign key fails at the commit; `faults` finds it before."""

    def notices(self) -> tuple[str, ...]:
        return ()

    def _cursor(self) -> sqlite3.Cursor:
        self._reading.demand()
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor

    def _command(self, sql: str) -> None:
        self._reading.demand()
        try:
            self._connection.execute(sql).close()
        except sqlite3.Error as error:
            raise self._told(error) from None

    def _be_quick(self) -> None:
        if not self._borrowed:
            self._connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}").close()

    def _told(self, error: sqlite3.Error, *, index: int | None = None, label: str = "") -> DatabaseError:
        # Our own connections are interrupted by Ctrl-C alone; a borrowed one by whoever has it too.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT and not self._borrowed:
            raise KeyboardInterrupt from None
        words = f"{label}: {error}" if label else str(error)
        told = DatabaseError(words, code=error_name(error), index=index)
        told.remedy = remedy(told.code)
        return told
