"""Talks to a PostgreSQL server: sends statements, reads results as the server wrote them.

Knows the protocol; knows nothing of transactions, locks or migrations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import pq
from psycopg.generators import fetch_many
from psycopg.rows import tuple_row
from psycopg.types.string import StrDumperUnknown

from sessmig.databases.postgres_connecting import redacted
from sessmig.databases.postgres_plans import Plans
from sessmig.databases.postgres_remedies import remedy
from sessmig.databases.postgres_rows import answer, changed, is_whole, rows
from sessmig.databases.postgres_waits import drain, end_copy, fetch, flush
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell

_FINE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)
_FORGETTING = re.compile(r"deallocate|discard", re.IGNORECASE)
_OWN_TEXT = "current_query"
"""What asks for the text of the message itself finds nothing else in it."""
_QUOTES = "standard_conforming_strings"


class Wire:
    """A connection, spoken to in whole strings.

    Args:
        connection: in autocommit.
        secrets: what must not be in any error.
    """

    def __init__(self, connection: psycopg.Connection[Any], secrets: tuple[str, ...]) -> None:
        self._connection = connection
        self._secrets = secrets
        self._may_remember: bool | None = None
        self._plans: Plans | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called before `change` sends anything."""
        self._waiting = ""
        """What is sent with the next message."""

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None, is_ours: bool = True) -> Answer:
        """Send one statement with its parameters.

        Args:
            sql: the statement.
            params: the values of $1, $2, ...
            limit: how many rows of the answer are read.
            is_ours: it is no file's, and its columns have the same types whenever it is sent: its plan may be kept.
        """
        result = self._sent(sql, params, is_ours=is_ours)
        return answer(result, limit) if result else Answer((), ())

    def change(self, sql: str, params: Sequence[Cell]) -> int | None:
        """Send one statement with its parameters, and return how many rows it changed.

        Not as one that was prepared: who looks what the server is doing finds it there as the file has it.
        """
        self.on_change()
        result = self._sent_apart(sql, [_parameter(value) for value in params])
        return rows(result) if result else None

    def _sent(self, sql: str, params: Sequence[Cell], *, is_ours: bool) -> pq.abc.PGresult | None:
        values = [_parameter(value) for value in params]
        may_plan = is_ours and self._plans and self.reported(_QUOTES) == "on"
        written = self._plans.written(sql, values) if self._plans and may_plan else None
        if params and not written:
            return self._sent_apart(sql, values)
        if _OWN_TEXT in sql:
            self._send_waiting()
        before, asked = written or ("", sql)
        before = f"{self._taken()}{before and before + ';'}"
        if self._plans and written:
            self._plans.failed(sql, written)  # until it is plain that it did not
        *_, result = self._exchanged(before + asked, offset=-len(before))
        if self._plans and written:
            self._plans.prepared(sql, written)
        return result

    def _sent_apart(self, sql: str, values: Sequence[str | None]) -> pq.abc.PGresult | None:
        """Send a statement with its parameters in a message of their own."""
        self._send_waiting()
        self._free()
        try:
            with psycopg.RawCursor(self._connection, row_factory=tuple_row) as cursor:
                # The caller's own adapters are for the caller's values; here the server finds the types.
                cursor.adapters.register_dumper(str, StrDumperUnknown)
                cursor.execute(sql.encode(), values)
                return cursor.pgresult
        except psycopg.Error as error:
            raise self._told(error) from None

    def later(self, sql: str) -> None:
        """Send a statement with the next message: one that gives nothing, and waits for nobody."""
        self._waiting += f"{sql}; "

    def unsay(self, sql: str) -> bool:
        """Take back what was to be sent with the next message; tell whether it was not sent yet."""
        if not self._waiting.endswith(f"{sql}; "):
            return False
        self._waiting = self._waiting.removesuffix(f"{sql}; ")
        return True

    def _taken(self) -> str:
        waiting, self._waiting = self._waiting, ""
        return waiting

    def _send_waiting(self) -> None:
        if waiting := self._taken():
            for _ in self._exchanged(waiting):
                pass

    def abandon(self) -> None:
        """Roll back what is open; what waits to be sent is of no use any more."""
        self._waiting = ""
        if self._connection.info.transaction_status not in (pq.TransactionStatus.IDLE, pq.TransactionStatus.UNKNOWN):
            self.command("ROLLBACK")

    @property
    def is_open(self) -> bool:
        """Whether there is still a server at the other end, as far as anybody has noticed."""
        return not self._connection.closed

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open."""
        return self._connection.info.transaction_status == pq.TransactionStatus.IDLE

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, and none that has failed."""
        return self._connection.info.transaction_status == pq.TransactionStatus.INTRANS

    @property
    def is_direct(self) -> bool:
        """Whether it is the server itself that is spoken to; a pooler gives one session after the other."""
        return self._connection.info.backend_pid == self.query("SELECT pg_backend_pid()").rows[0][0]

    @property
    def is_ours(self) -> bool:
        """Whether it is one session of the server, from the first to the last word, and nobody else's."""
        return self._may_remember is True

    def remember_plans(self, *, is_ours: bool) -> None:
        """Have the server keep the plans of what it is asked again and again: to plan takes it longer than to answer.

        Only where it is the server itself that is spoken to: what one session of it knows another does not.

        Args:
            is_ours: nobody else has opened the connection.
        """
        if self._may_remember is None:
            self._may_remember = is_ours and self.is_direct
            self._plans = Plans() if self._may_remember else None

    def forget_plans(self, text: str) -> None:
        """Plan each time from here on, where a file may have the server forget the plans."""
        if _FORGETTING.search(text):
            self._plans = None

    def types(self, sql: str) -> tuple[int, ...]:
        """Send a query, and return the types (oids) of the columns of its answer."""
        *_, result = self.exchange(sql)
        return tuple(result.ftype(column) for column in range(result.nfields))

    def reported(self, setting: str) -> str | None:
        """Return the value of a setting that the server reports whenever it changes."""
        # Not by `info`, which cannot answer while the encoding is one that Python does not know.
        value = self._connection.pgconn.parameter_status(setting.encode())
        return value.decode() if value is not None else None

    def command(self, sql: str) -> None:
        """Send statements whose results do not matter."""
        for _ in self._exchanged(self._taken() + sql):
            pass

    def exchange(
        self, sql: str, *, offset: int = 0, meanwhile: Callable[[], None] | None = None
    ) -> Generator[pq.abc.PGresult]:
        """Send a string of statements by the simple protocol, and give the results as they come.

        psycopg's own cursor gives them only when all are there, and not which one failed.

        Args:
            sql: the statements.
            offset: where in the script they begin.
            meanwhile: called several times a second as long as the server works; must not use this connection.
        """
        self._send_waiting()
        yield from self._exchanged(sql, offset=offset, meanwhile=meanwhile)

    def _exchanged(
        self, sql: str, *, offset: int = 0, meanwhile: Callable[[], None] | None = None
    ) -> Generator[pq.abc.PGresult]:
        with self._exchanging(sql):
            while (result := self._next(meanwhile)) is not None:
                self._demand_fine(result, offset)
                yield result

    def count(self, sql: str, *, offset: int, meanwhile: Callable[[], None]) -> tuple[int, int]:
        """Send many statements that change rows; return how many were answered, and how many rows they changed.

        One by one Python would take longer for the answers than the server for the rows. What is done `meanwhile`, once
        the server has begun, must not use this connection. A DatabaseError tells how many were answered before.
        """
        self._send_waiting()
        with self._exchanging(sql):
            meanwhile()
            results = self._connection.wait(fetch_many(self._connection.pgconn))
            told = Counter(result.command_status for result in results if is_whole(result))
            try:
                self._demand_fine(results[-1], offset)  # nothing comes behind a failure
            except DatabaseError as error:
                error.within = told.total()
                raise
            return told.total(), sum((changed(status or b"") or 0) * number for status, number in told.items())

    @contextmanager
    def _exchanging(self, sql: str) -> Iterator[None]:
        """Send a string; leave the connection so that the next can be sent, whether all results were read or not."""
        connection = self._connection
        self._free()
        try:
            # UTF-8 whatever the session says: what it speaks otherwise cannot hold every character of a file.
            connection.pgconn.send_query(sql.encode())
            if connection.pgconn.flush():
                connection.wait(flush(connection.pgconn))
            yield
        except psycopg.Error as error:
            raise self._told(error) from None
        finally:
            if not connection.closed:
                self._free()

    def _demand_fine(self, result: pq.abc.PGresult, offset: int) -> None:
        """Raise what a result tells of a failure, once all that is left is read."""
        connection = self._connection
        if result.status == pq.ExecStatus.FATAL_ERROR:
            connection.wait(drain(connection.pgconn))
            raise self._told(psycopg.errors.error_from_result(result, connection.info.encoding), offset=offset)
        if result.status not in _FINE:
            connection.wait(end_copy(connection.pgconn, result.status))
            raise DatabaseError("COPY from or to the client: only psql can serve that")

    def _next(self, meanwhile: Callable[[], None] | None) -> pq.abc.PGresult | None:
        """Return the next result; what has arrived is not waited for."""
        pgconn = self._connection.pgconn
        return self._connection.wait(fetch(pgconn, meanwhile)) if pgconn.is_busy() else pgconn.get_result()

    def _free(self) -> None:
        """End what still runs: where Ctrl-C broke in between a query and its results, nobody has read them."""
        if self._connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            self._cancel()

    def _cancel(self) -> None:
        """End what runs, and read what is left of it."""
        self._connection.cancel_safe(timeout=5)

        def again() -> None:  # a busy server forgets a request that overtakes the query
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=5)

        self._connection.wait(drain(self._connection.pgconn, again))

    def _told(self, error: psycopg.Error, *, offset: int = 0) -> DatabaseError:
        diag = error.diag
        words = [diag.message_primary or str(error).strip() or type(error).__name__]
        words += [f"DETAIL: {diag.message_detail}"] if diag.message_detail else []
        words += [f"HINT: {diag.message_hint}"] if diag.message_hint else []
        position = offset + int(diag.statement_position) - 1 if diag.statement_position else None
        message = redacted("\n".join(words), self._secrets)
        told = DatabaseError(message, code=diag.sqlstate or "", position=position)
        told.remedy = remedy(told.code, message)
        return told


def _parameter(value: Cell) -> str | None:
    """Return a value as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
