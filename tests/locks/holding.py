"""Others who hold locks while a step wants them, on a real PostgreSQL. Knows nothing of what the step does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg

from sessmig import Event
from tests.fixtures.probe import Probe

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'virtualxid'"


@contextmanager
def holding(url: str, *statements: str, name: str = "night report") -> Iterator[psycopg.Connection[Any]]:
    """Hold what the statements lock, in a transaction that is idle; it ends with the block, if it did not before."""
    with psycopg.connect(url, autocommit=True, application_name=name) as connection:
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement.encode())
        yield connection


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread or process does; pytest's own time limit ends it if it never does."""
    while not condition():
        time.sleep(0.01)


def until_waiting(seen: Probe) -> None:
    """Wait until somebody waits for a lock."""
    until(lambda: seen.value(WAITING))


class Heard:
    """Collects what a run says of its waiting, and calls back at a certain time."""

    def __init__(self, at: int = 0, then: Callable[[], object] = lambda: None) -> None:
        self._at, self._then = at, then
        self.texts: list[str] = []

    def __call__(self, event: Event) -> None:
        if event.kind == "waiting":
            self.texts.append(event.text)
            if len(self.texts) == self._at:
                self._then()


@contextmanager
def running(do: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do something in another thread; its result is awaited at the end."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(do)


class Readers:
    """Reads a table over and over in a thread; a read that waits for five seconds is a failure of its own."""

    def __init__(self, url: str, query: str) -> None:
        self._url, self._query = url, query
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.reads = 0
        self.longest = 0.0
        self.errors: list[str] = []

    def __enter__(self) -> Readers:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '5s'")
            while not self._over.is_set():
                began = time.monotonic()
                try:
                    connection.execute(self._query.encode())
                except psycopg.Error as error:
                    self.errors.append(str(error))
                self.longest = max(self.longest, time.monotonic() - began)
                self.reads += 1
                time.sleep(0.005)
