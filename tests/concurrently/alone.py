"""Runs single statements through a database object, as the engine does. Knows nothing of files and ledgers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.databases import connect
from sessmig.model import Holder, Piece
from tests.fixtures.postgres import connect as connect_postgres

if TYPE_CHECKING:
    import psycopg

    from sessmig.databases.contract import Database

LOCK = "schema_migrations"
BUILDING = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()"


def nobody(holder: Holder) -> None:
    """Nobody is to be in the way of this test."""
    raise AssertionError(f"waited for {holder}")


def run(database: Database, sql: str, *, resumed: bool = False, said: list[str] | None = None) -> tuple[str, ...]:
    """Run one statement under the lock; return the notices."""
    with database.exclusive(LOCK, wait=30, on_wait=lambda _: None):
        one(database, sql, resumed=resumed, said=said)
    return database.notices()


def one(database: Database, sql: str, *, resumed: bool = False, said: list[str] | None = None) -> int | None:
    """Run one statement, where the lock is had already."""
    piece = Piece(sql, 0, 1, 0)
    act = script.index_act(sql, database.dialect)
    return database.run_alone(piece, act, resumed=resumed, on_event=(said if said is not None else []).append)


def run_at(url: str, sql: str, *, resumed: bool = False, said: list[str] | None = None) -> tuple[str, ...]:
    """Run one statement through a connection of its own."""
    with connect(url) as database:
        return run(database, sql, resumed=resumed, said=said)


@contextmanager
def idle_transaction(url: str, table: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An application that has changed a row, and thinks."""
    with connect_postgres(url) as connection:
        connection.execute("SET application_name = 'thinker'")
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO {table} DEFAULT VALUES".encode())
        try:
            yield connection
        finally:
            with suppress(Exception):
                connection.execute("ROLLBACK")


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another one does; pytest's own time limit ends it if it never does."""
    while not condition():
        time.sleep(0.02)


class Aside:
    """Work in a thread of its own; `ended` gives its result, or raises what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._result: object = None
        self._over = Event()
        self._thread = Thread(target=self._carry_out, daemon=True)
        self._thread.start()

    def _carry_out(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def ended(self) -> object:
        self._over.wait()
        self._thread.join()
        if self._error:
            raise self._error
        return self._result
