"""Errors that only a caller from Python meets. Knows cases only."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from sessmig import adopt_migrations, aensure_migrations, baseline_migrations, ensure_migrations
from tests.errors.scene import FIRST, Call, Case, Place

_ONE = {"0001_people.sql": FIRST}


def _call(**options: Any) -> Call:
    def call(place: Place) -> None:
        ensure_migrations(place.url, "shop", **options)

    return call


def _in_transaction(place: Place) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        ensure_migrations(connection, "shop")


def _without_journal(place: Place) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        ensure_migrations(connection, "shop")


def _without_autocommit(place: Place) -> None:
    connection = sqlite3.connect(":memory:")
    connection.close()
    ensure_migrations(connection, "shop")


def _of_another_thread(place: Place) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        asyncio.run(aensure_migrations(connection, "shop"))


def _closed(place: Place) -> None:
    connection = psycopg.connect(place.url)
    connection.close()
    ensure_migrations(connection, "shop")


def _open(place: Place) -> None:
    with psycopg.connect(place.url) as connection:
        connection.execute("SELECT 1")
        ensure_migrations(connection, "shop")


CASES = (
    Case("Something is pending", (_ONE, _call(pending="error")), 'Where `pending="error"` was asked for.'),
    Case("pending is not understood", (_ONE, _call(pending="maybe"))),
    Case("to is no version", (_ONE, _call(to="0001"))),
    Case("lock_wait is no number", (_ONE, _call(lock_wait="long"))),
    Case("max_lag is no number", (_ONE, _call(max_lag="long"))),
    Case("Not a database", (_ONE, lambda _: ensure_migrations(7, "shop"))),  # type: ignore[arg-type]
    Case("The connection stands in a transaction", (_ONE, _in_transaction)),
    Case("The connection has no journal", (_ONE, _without_journal)),
    Case("The connection cannot be used", (_ONE, _without_autocommit)),
    Case("The connection is another thread's", (_ONE, _of_another_thread)),
    Case("The connection is closed", (_ONE, _closed), postgres=True),
    Case("The connection is in the middle of something", (_ONE, _open), postgres=True),
    Case("baseline: not a version", (_ONE, lambda place: baseline_migrations(place.url, "shop", "1"))),  # type: ignore[arg-type]
    Case("adopt: by is not understood", (_ONE, lambda place: adopt_migrations(place.url, "shop", by="hash"))),  # type: ignore[arg-type]
)
