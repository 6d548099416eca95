"""`aensure_migrations` runs beside an event loop and never stops it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import psycopg
import pytest

from sessmig import Event, Report, StepError, UsageError, aensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada');\n",
}
SLOW = {
    "sqlite/0001_slow.sql": (
        "CREATE TABLE slow AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000)\n"
        "SELECT count(*) AS x FROM n;\n"
    ),
    "postgres/0001_slow.sql": "SELECT pg_sleep(0.7);\nCREATE TABLE slow (x INTEGER);\n",
}


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def test_the_report_comes_back(database_url: str, migrations: WriteMigrations) -> None:
    report: Report = _run(aensure_migrations(database_url, migrations(FILES)))
    assert report.applied == 2
    assert _run(aensure_migrations(database_url, migrations(FILES), pending="error")).standing == 2


def test_an_error_comes_back_with_its_report(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES | {"0003_bad.sql": "INSERT INTO nowhere VALUES (1);\n"})
    with pytest.raises(StepError) as caught:
        _run(aensure_migrations(database_url, folder))
    assert caught.value.report is not None
    assert caught.value.report.applied == 2


def test_the_event_loop_goes_on_while_a_statement_runs(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(SLOW)

    async def work() -> int:
        ticks, running = 0, asyncio.create_task(aensure_migrations(database_url, folder))
        while not running.done():
            await asyncio.sleep(0.005)
            ticks += 1
        assert running.result().applied == 1
        return ticks

    # A loop that stands still ticks once.
    assert _run(work()) >= 5


def test_the_event_loop_answers_from_within_a_step(database_url: str, migrations: WriteMigrations) -> None:
    async def work() -> list[str]:
        loop, answers = asyncio.get_running_loop(), []

        async def answer(kind: str) -> str:
            await asyncio.sleep(0)
            return kind

        def ask(event: Event) -> None:
            answers.append(asyncio.run_coroutine_threadsafe(answer(event.kind), loop).result(30))

        await aensure_migrations(database_url, migrations(FILES), on_event=ask)
        return answers

    assert _run(work()) == ["plan", "step", "done", "step", "done"]


def test_cancelling_the_task_does_not_stop_a_run_that_has_begun(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, cancelled = migrations(FILES), threading.Event()
    finished = threading.Event()

    async def work() -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def hold(event: Event) -> None:
            if event.title == "0001_people" and event.kind == "step":
                loop.call_soon_threadsafe(begun.set)
                assert cancelled.wait(30)
            elif event.title == "0002_fill" and event.kind == "done":
                finished.set()

        running = asyncio.create_task(aensure_migrations(database_url, folder, on_event=hold))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not finished.is_set()
        cancelled.set()

    _run(work())
    assert finished.wait(30)
    assert probe(database_url).rows("SELECT version, status FROM schema_migrations ORDER BY 1") == [
        (1, "success"),
        (2, "success"),
    ]


def test_an_open_sqlite_connection_is_refused_in_words(migrations: WriteMigrations) -> None:
    class Traced(sqlite3.Connection):
        pass

    for factory in (sqlite3.Connection, Traced):
        with closing(sqlite3.connect(":memory:", factory=factory)) as connection:
            with pytest.raises(UsageError) as caught:
                _run(aensure_migrations(connection, migrations(FILES)))
            assert str(caught.value) == (
                "an open sqlite3.Connection belongs to its own thread\nGive its URL or path instead."
            )
            assert connection.execute("SELECT * FROM sqlite_master").fetchall() == []


def test_an_asynchronous_connection_is_taken_by_a_second_one_and_left_as_it_was(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    async def work() -> int:
        async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
            report = await aensure_migrations(connection, migrations(FILES))
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert not connection.autocommit
            await connection.execute("INSERT INTO people VALUES (2, 'Grace')")
            return report.applied

    assert _run(work()) == 2
    assert probe(postgres_url).rows("SELECT id FROM people ORDER BY id") == [(1,), (2,)]


def test_an_asynchronous_connection_in_a_transaction_is_refused_by_name(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
            await connection.execute("CREATE TABLE mine (x INTEGER)")
            with pytest.raises(UsageError) as caught:
                await aensure_migrations(connection, migrations(FILES))
            assert str(caught.value) == (
                "the connection stands in a transaction\nCommit or roll back first, or give the URL instead."
            )
            await connection.rollback()

    _run(work())
    assert probe(postgres_url).tables() == set()


def test_a_synchronous_psycopg_connection_is_taken_and_left_as_it_was(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert _run(aensure_migrations(connection, migrations(FILES))).applied == 2
        assert not connection.autocommit
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (1,)
