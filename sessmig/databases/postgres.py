"""PostgreSQL: one connection, its transactions and its words.

Knows the database; decides nothing and prints nothing. Everything it does is right behind a pooler in
transaction mode too, as nothing that it sets outlives a transaction.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sessmig.databases.groups import groups
from sessmig.databases.postgres_settings import Settings
from sessmig.databases.wire import Wire, redacted, rows
from sessmig.errors import ConnectError, DatabaseError, LockError, UsageError
from sessmig.model import Answer, Cell, Dialect, Holder, LedgerTypes, Mark, Piece

_OLDEST = 130000

_IDENTITY = """
SELECT current_schema(), current_database(), current_setting('server_version_num'), version()"""
_READ_ONLY = "SAVEPOINT sessmig_reads; SET LOCAL transaction_read_only = on; SET LOCAL row_security = off"
# Undone at once, or the next step in the same transaction could defer nothing.
_SETTLE = "SAVEPOINT sessmig_settles; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO SAVEPOINT sessmig_settles"
# The lock's number stands in two halves in pg_locks.
_HOLDER = """
SELECT a.pid, a.application_name, a.usename, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = $1"""


def open_url(target: str, label: str, secrets: tuple[str, ...]) -> Postgres:
    """Connect by a URL or connection string as libpq takes it."""
    try:
        options: dict[str, Any] = {"client_encoding": "UTF8", "fallback_application_name": "sessmig"}
        if "connect_timeout" not in conninfo_to_dict(target):
            options["connect_timeout"] = 10
        connection = psycopg.connect(make_conninfo(target, **options), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        words = redacted(str(error).strip(), secrets)
        answered = "FATAL:" in words
        raise ConnectError(
            f"{label}: {words}",
            remedy="The server answered: are database, user and password right?"
            if answered
            else "Is the server running, and are host and port right?",
        ) from None
    return Postgres(connection, label, secrets)


def adopt(connection: Any) -> Postgres:
    """Serve a connection that somebody else has opened; an asynchronous one by a second one to the same place."""
    info = connection.info
    if connection.closed:
        raise UsageError("the connection is closed")
    if info.transaction_status != pq.TransactionStatus.IDLE or connection.pgconn.pipeline_status:
        raise UsageError(
            "the connection stands in a transaction", remedy="Commit or roll back first, or give the URL instead."
        )
    label = f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"
    secrets = (info.password,) if info.password else ()
    if isinstance(connection, psycopg.AsyncConnection):
        return open_url(make_conninfo(info.dsn, **({"password": info.password} if secrets else {})), label, secrets)
    return Postgres(connection, label, secrets, borrowed=True)


class Postgres:
    """A PostgreSQL database behind the contract."""

    dialect: Dialect = "postgres"
    is_missing = False
    types = LedgerTypes(
        text="TEXT",
        integer="BIGINT",
        time="TIMESTAMPTZ",
        json="JSONB",
        now="clock_timestamp()",
        identity="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        utc="to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
        moment="CAST(%s AS timestamp) AT TIME ZONE 'UTC'",
        iso="to_jsonb(%s) #>> '{}'",
        count_up=(
            "CREATE SEQUENCE {table_count_up} OWNED BY {table}.version",
            "SELECT setval('{table_count_up}', (SELECT coalesce(max(version), 0) + 1 FROM {table}), false)",
            "ALTER TABLE {table} ALTER COLUMN version SET DEFAULT nextval('{table_count_up}')",
        ),
        comment="COMMENT ON COLUMN %s IS %s",
    )

    def __init__(
        self, connection: psycopg.Connection[Any], label: str, secrets: tuple[str, ...], *, borrowed: bool = False
    ) -> None:
        self.label = label
        self._connection = connection
        self._wire = Wire(connection, secrets)
        self._settings = Settings(self._wire)
        self._borrowed = borrowed
        self._before: tuple[bool, int | None] = (True, None)
        self._encoding = "UTF8"
        self._notices: list[str] = []
        self._name = ""
        self._schema = ""
        self._set_local = ""

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
        schema, self._name, version, words = map(str, self.query(_IDENTITY).rows[0])
        if int(version) < _OLDEST:
            raise ConnectError(f"{self.label}: the server is {words}", remedy="sessmig needs PostgreSQL 13 or newer.")
        if schema == "None":
            raise ConnectError(
                f"{self.label}: search_path names no schema that exists",
                remedy="The ledger needs one: set search_path.",
            )
        self._schema = schema
        if int(version) >= 140000 and ("linux" in words or "darwin" in words):
            # Of a client that was killed the server learns only when it looks.
            self._set_local = "SET LOCAL client_connection_check_interval = '1s'"

    def table(self, name: str) -> str:
        return f'"{self._schema.replace(chr(34), chr(34) * 2)}"."{name}"'

    def columns(self, name: str) -> tuple[str, ...]:
        found = self.query(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (self.table(name),),
        )
        return tuple(str(row[0]) for row in found.rows)

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        return self._wire.query(sql, params, limit=limit)

    def await_reading(self, *, wait: float, on_wait: Callable[[Holder], None]) -> None:
        """Here nobody stands in a reader's way."""

    @contextmanager
    def transaction(
        self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], keep: bool = True
    ) -> Iterator[None]:
        self._begin(lock, wait, on_wait)
        try:
            if self._set_local:
                self._wire.command(self._set_local)
            yield
            if keep:
                self._commit()
        finally:
            self._roll_back()

    def _begin(self, lock: str, wait: float, on_wait: Callable[[Holder], None]) -> None:
        """Poll for the lock; to wait inside the server would deadlock with CREATE INDEX CONCURRENTLY."""
        key = _key(self._name, self._schema, lock)
        deadline = time.monotonic() + wait
        pause = 0.02
        while True:
            # READ COMMITTED: a snapshot taken before the lock would not see what its last holder committed.
            self._wire.command("BEGIN ISOLATION LEVEL READ COMMITTED")
            try:
                if self.query("SELECT pg_try_advisory_xact_lock($1)", (key,)).rows[0][0] is True:
                    return
            except BaseException:
                self._roll_back()
                raise
            self._wire.command("ROLLBACK")
            found = self.query(_HOLDER, (key,)).rows
            holder = Holder(*found[0]) if found else Holder()  # type: ignore[arg-type]
            if time.monotonic() >= deadline:
                raise LockError(
                    f"{self.label}: the lock was not had within {wait:g} s; it is held by {holder}",
                    remedy="Run again when it is done, or wait longer (--lock-wait, lock_wait).",
                )
            on_wait(holder)
            time.sleep(min(pause * random.uniform(0.75, 1.25), max(deadline - time.monotonic(), 0.01)))  # noqa: S311
            pause = min(pause * 1.5, 0.5)

    def _commit(self) -> None:
        try:
            (status,) = self._wire.exchange("COMMIT")
        except DatabaseError as error:
            error.in_doubt = self._connection.closed
            raise
        if status.command_status != b"COMMIT":
            raise DatabaseError("the transaction could not be committed; the server rolled it back")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._wire.command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._wire.command(_READ_ONLY)
        try:
            yield
        finally:
            if not self._connection.closed:
                self._wire.command("ROLLBACK TO SAVEPOINT sessmig_reads; RELEASE SAVEPOINT sessmig_reads")

    def mark(self) -> Mark:
        self._wire.command("SELECT pg_current_xact_id()")
        return self._settings.look()

    def undo_settings(self, mark: Mark) -> None:
        # The transaction first: a file that ended it has left nothing to give back.
        if self._connection.info.transaction_status != pq.TransactionStatus.INTRANS:
            raise DatabaseError("the transaction was ended by the file itself", escaped=True)
        now = self._settings.look()
        if now.transaction != mark.transaction:
            raise DatabaseError("the transaction was ended by the file itself, and another one begun", escaped=True)
        self._settings.give_back(mark, now)

    def run(self, text: str, pieces: Sequence[Piece]) -> Generator[int | None]:
        self._settings.note_own_names(text)
        done = 0
        for group in groups(pieces):
            start = group[0].offset
            with closing(self._wire.exchange(text[start : group[-1].end], offset=start)) as results:
                try:
                    for result in results:
                        yield rows(result)
                        done += 1
                except DatabaseError as error:
                    # A position tells the statement also where the server refused to parse the whole group.
                    at = error.position
                    behind = [piece.end > at for piece in pieces] if at is not None else []
                    error.index = behind.index(True) if True in behind else done
                    raise
            if self._connection.info.transaction_status != pq.TransactionStatus.INTRANS:
                raise DatabaseError("this statement ended the transaction of the step", index=done - 1, escaped=True)

    def settle(self) -> None:
        self._wire.command(_SETTLE)

    def notices(self) -> tuple[str, ...]:
        said, self._notices = tuple(self._notices), []
        return said

    def _notice(self, diag: psycopg.errors.Diagnostic) -> None:
        self._notices.append(f"{diag.severity}: {diag.message_primary}")

    def _roll_back(self) -> None:
        status = self._connection.info.transaction_status
        if status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
            self._wire.command("ROLLBACK")


def _key(*names: str) -> int:
    """Return the number of the advisory lock for a ledger: eight bytes of a hash of its full name."""
    digest = hashlib.sha256("\0".join(("sessmig", *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
