"""PostgreSQL: one connection, its transactions and its words.

Knows the database; decides and prints nothing. It is right behind a pooler too, as no setting outlives a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from sessmig.blocker import Blocker
from sessmig.databases import postgres_catalogue as catalogue
from sessmig.databases import postgres_merging
from sessmig.databases.postgres_backup import Saving
from sessmig.databases.postgres_blockers import blockers
from sessmig.databases.postgres_building import Watcher
from sessmig.databases.postgres_concurrently import Alone
from sessmig.databases.postgres_connecting import connected
from sessmig.databases.postgres_connection import connection_parameters, introduced, refuse_busy
from sessmig.databases.postgres_exclusive import exclusive
from sessmig.databases.postgres_keyset import Keyset
from sessmig.databases.postgres_lock import begin_locked, lock_key
from sessmig.databases.postgres_locks import LockLog
from sessmig.databases.postgres_rehearsal import Rehearsing
from sessmig.databases.postgres_replication import replay_lag
from sessmig.databases.postgres_running import run
from sessmig.databases.postgres_scripting import READ_NO_MORE, READ_ONLY, Scripting
from sessmig.databases.postgres_settings import Settings
from sessmig.databases.postgres_sight import Sight
from sessmig.databases.postgres_tables import hold
from sessmig.databases.values import postgres_literal
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError, LedgerError
from sessmig.index_act import IndexAct
from sessmig.merge import Kind
from sessmig.model import Answer, Cell, Dialect, Holder, Mark, Piece
from sessmig.quoting import quoted
from sessmig.rows import Fault, Table, Unset

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL standard_conforming_strings = on"


def open_url(target: str, label: str, secrets: tuple[str, ...], made: Connection[Any] | None = None) -> Postgres:
    """Connect by a URL or connection string as libpq takes it; not again, where a first look has done so."""
    return Postgres(made or connected(target, label, secrets), label, secrets)


def adopt(connection: Any) -> Postgres:
    """Serve a connection that somebody else has opened; an asynchronous one by a second one to the same place."""
    info = connection.info
    refuse_busy(connection)
    label = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    secrets = (info.password,) if info.password else ()
    if isinstance(connection, psycopg.AsyncConnection):
        return open_url(make_conninfo(info.dsn, **({"password": info.password} if secrets else {})), label, secrets)
    return Postgres(connection, label, secrets, borrowed=True)


class Postgres:
    """A PostgreSQL database behind the contract."""

    dialect: Dialect = "postgres"
    materialized = "MATERIALIZED"
    literal = staticmethod(postgres_literal)
    unlike = staticmethod(postgres_merging.unlike)
    is_missing = False
    types = catalogue.TYPES

    def __init__(
        self, connection: Connection[Any], label: str, secrets: tuple[str, ...], *, borrowed: bool = False
    ) -> None:
        self.label = label
        self._connection = connection
        self._secrets = secrets
        self._wire = Wire(connection, secrets)
        self._settings = Settings(self._wire)
        self._sight = sight = Sight(self._wire, self._settings)
        self.tables, self.changes, self.held, self.unwatch = sight.tables, sight.changes, sight.held, sight.unwatch
        self.undo_settings, self.settle = sight.undo_settings, sight.settle
        self._locks = LockLog(self._wire)
        self._is_reading = False
        self.keyset, self.replay_lag = partial(Keyset, self._wire), partial(replay_lag, self._wire)
        self._borrowed = borrowed
        self._before: tuple[bool, int | None] = (True, None)
        self._notices: list[str] = []
        self._encoding = self._name = self._schema = self._set_local = self._transaction = ""

    def __enter__(self) -> Postgres:
        connection = self._connection
        self._before = (connection.autocommit, connection.prepare_threshold)
        connection.autocommit, connection.prepare_threshold = True, None
        connection.add_notice_handler(self._notice)
        self._encoding = connection.info.parameter_status("client_encoding") or "UTF8"
        try:
            self._set_encoding("UTF8")
            self._introduce()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        connection = self._connection
        if not self._borrowed:
            connection.close()
            return
        connection.remove_notice_handler(self._notice)
        if not connection.closed:
            self._roll_back()
            self._set_encoding(self._encoding)
            connection.autocommit, connection.prepare_threshold = self._before

    def _set_encoding(self, encoding: str) -> None:
        """Speak UTF-8 on a borrowed connection too, whose own encoding need not know every character of a file."""
        if self._connection.info.parameter_status("client_encoding") != encoding:
            self._wire.command(f"SET client_encoding = '{encoding}'")

    def _introduce(self) -> None:
        server = introduced(self._wire, self.label)
        self._settings.note_patience()
        self._schema, self._name = server.schema, server.database
        self._sight.named_without(server.schema)
        if server.checks_client:
            # Of a client that was killed the server learns only when it looks.
            self._set_local = "SET LOCAL client_connection_check_interval = '1s';"

    def table(self, name: str) -> str:
        return f"{quoted(self._schema)}.{quoted(name)}"

    def kinds(self, sql: str) -> tuple[Kind, ...]:
        return postgres_merging.kinds(self._wire, sql)

    def keep(self, name: str, query: str, key: Sequence[str] = ()) -> str:
        self._sight.blur()
        kept = postgres_merging.keep(self._wire, name, query, key)
        self._settings.note_temporary()  # it is not the file's, and stays for the account
        return kept

    def columns(self, name: str) -> tuple[str, ...]:
        return catalogue.columns(self._wire, self.table(name))

    def find_ledger(self, name: str, columns: Collection[str]) -> None:
        # A migration may make a schema that then comes before the ledger's own ("$user"); a tenant's may come before
        # one that all share. To take either ledger in silence would apply twice, or skip.
        found = catalogue.schemas_with(self._wire, name, columns)
        if found and self._schema not in found:
            raise LedgerError(
                f"{self.label}: the table {name} stands in the schema {found[0]}, but {self._schema} comes first in "
                "search_path",
                holds="Nothing was touched.",
                remedy=f"Put {found[0]} first (in the URL: ?options=-csearch_path%3D{found[0]}); or, if {self._schema} "
                f"is to have a ledger of its own, make it with {self._schema} alone in search_path.",
            )

    def rights(self, name: str) -> tuple[str, ...]:
        return catalogue.rights(self._wire, self.table(name))

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        if not self._is_reading:
            self._sight.blur()
        # What stands in files has no parameters; the server refuses to answer from a plan made for other types.
        return self._wire.query(sql, params, limit=limit, is_ours=bool(params))

    def await_reading(self, *, wait: float, on_wait: Callable[[Holder], None]) -> None:
        """Here nobody stands in a reader's way."""

    def blockers(self, statements: Sequence[str]) -> tuple[Blocker, ...]:
        return blockers(self._wire, statements)

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
        try:
            key = lock_key(self._name, self._schema, lock)
            self._wire.remember_plans(is_ours=not self._borrowed)
            self._settings.begin(begin_locked(self._wire, key, self.label, wait=wait, on_wait=on_wait, steady=steady))
            self._wire.later(self._set_local + self._settings.limit_waiting(lock_timeout))
            self._sight.begin(lock)
            yield
            if keep:
                self._commit()
        finally:
            self._roll_back()

    def _commit(self) -> None:
        try:
            *_, status = self._wire.exchange(f"{self._settings.before_commit}COMMIT")
        except DatabaseError as error:
            error.in_doubt = self._connection.closed
            raise
        if status.command_status != b"COMMIT":
            raise DatabaseError("the transaction could not be committed; the server rolled it back")
        self._sight.commit()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._wire.command(_SNAPSHOT)
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._wire.later(READ_ONLY)
        was_reading, self._is_reading = self._is_reading, True
        try:
            yield
        finally:
            self._is_reading = was_reading
            if self._wire.in_transaction:
                if not self._wire.unsay(READ_ONLY):
                    self._wire.later(READ_NO_MORE)
            elif self._wire.is_open:
                self._wire.command(READ_NO_MORE)

    def mark(self, text: str = "") -> Mark:
        self._wire.forget_plans(text)
        self._settings.note_own_names(text)
        mark = self._sight.mark()
        self._transaction = mark.transaction
        return mark

    def run(self, pieces: Sequence[Piece]) -> Generator[int | None]:
        self._sight.sent()
        return run(self._wire, self._settings, self._locks.groups(pieces), pieces, self._transaction)

    @contextmanager
    def exclusive(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None]) -> Iterator[None]:
        key = lock_key(self._name, self._schema, lock)
        checks = bool(self._set_local)
        with exclusive(self._wire, key, self.label, checks_client=checks, wait=wait, on_wait=on_wait):
            yield

    def run_alone(
        self, piece: Piece, act: IndexAct | None, *, resumed: bool, on_event: Callable[[str], None]
    ) -> int | None:
        self._wire.forget_plans(piece.statement)
        self._sight.forget()
        watcher = Watcher(self._connection, self.label, self._secrets, on_event)
        return Alone(self._wire, self._settings, watcher, self._notices.append).run(piece, act, resumed=resumed)

    def hold(self, table: Table) -> None:
        self._sight.blur()
        hold(self._wire, table)

    def unset_by_drop(self, table: Table) -> tuple[Unset, ...]:
        return ()  # here the foreign key goes, and the values stay

    def watch(self, pieces: Sequence[Piece], *, more: bool = False) -> None:
        if not more:  # the server counts, whatever comes
            self._sight.watch()

    def faults(self, touched: Collection[Table], pieces: Sequence[Piece], *, is_all: bool = False) -> tuple[Fault, ...]:
        return self._sight.faults(touched)

    def scripting(self) -> Scripting:
        return Scripting(self._wire, self._name, self._schema)

    def rehearsing(self) -> Rehearsing:
        return Rehearsing(self, self._wire, self._locks, self._schema, self._sight.forget)

    def saving(self, programs: str | None = None) -> Saving:
        return Saving(self, self._wire, connection_parameters(self._connection.info), programs, self._secrets)

    def notices(self) -> tuple[str, ...]:
        said, self._notices = tuple(self._notices), []
        return said

    def _notice(self, diag: psycopg.errors.Diagnostic) -> None:
        self._notices.append(f"{diag.severity}: {diag.message_primary}")

    def _roll_back(self) -> None:
        self._sight.end()
        self._wire.abandon()
