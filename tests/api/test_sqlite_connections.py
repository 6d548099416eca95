"""An open `sqlite3.Connection` is taken, whatever its settings, and is left as it was, after a failure too."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from sessmig import StepError, UsageError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": (
        "WITH given (name) AS (VALUES ('Ada'), ('Grace'))\nINSERT INTO people (name) SELECT name FROM given;\n"
    ),
    "0002_fill.verify.sql": "-- measure: people\nSELECT count(*) FROM people;\n",
}
BAD = {"0003_bad.sql": "INSERT INTO people (name) VALUES ('Linus');\nINSERT INTO nowhere VALUES (1);\n"}


def _dictionary(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


def _state(connection: sqlite3.Connection) -> dict[str, Any]:
    """All that a caller can have set on a connection."""
    names = ("foreign_keys", "query_only", "recursive_triggers", "busy_timeout", "defer_foreign_keys")
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        pragmas = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    return pragmas | {
        "isolation_level": connection.isolation_level,
        "row_factory": connection.row_factory,
        "text_factory": connection.text_factory,
        "in_transaction": connection.in_transaction,
    }


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, or nothing but memory."""
    return ":memory:" if request.param == "memory" else str(tmp_path / "app.db")


@pytest.fixture(
    params=[
        {},
        {"isolation_level": None},
        {"isolation_level": "IMMEDIATE"},
        {"row_factory": sqlite3.Row},
        {"row_factory": _dictionary},
        {"text_factory": bytes},
        {"text_factory": lambda data: data.decode("latin-1")},
        {"foreign_keys": "ON"},
        {"recursive_triggers": "ON"},
    ],
    ids=["plain", "autocommit", "immediate", "Row", "dict", "bytes", "latin", "foreign_keys", "recursive_triggers"],
)
def connection(request: pytest.FixtureRequest, place: str) -> Iterator[sqlite3.Connection]:
    """A connection as one application or another has it."""
    with closing(sqlite3.connect(place)) as opened:
        for name, value in request.param.items():
            if hasattr(opened, name):
                setattr(opened, name, value)
            else:
                opened.execute(f"PRAGMA {name} = {value}")
        yield opened


def _names(connection: sqlite3.Connection) -> list[Any]:
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        return [row[0] for row in cursor.execute("SELECT CAST(name AS TEXT) FROM people ORDER BY id")]


def test_an_open_connection_is_migrated_and_left_as_it_was(
    connection: sqlite3.Connection, migrations: WriteMigrations
) -> None:
    before = _state(connection)
    report = ensure_migrations(connection, migrations(FILES))
    assert _state(connection) == before
    assert report.applied == 2
    assert [(m.name, m.value) for m in report.steps[1].measurements] == [("people", 2)]
    assert [s.rows for s in report.steps[1].statements] == [2]
    assert _names(connection) in (["Ada", "Grace"], [b"Ada", b"Grace"])


def test_after_a_failing_step_an_open_connection_is_left_as_it_was(
    connection: sqlite3.Connection, migrations: WriteMigrations
) -> None:
    before = _state(connection)
    with pytest.raises(StepError, match="no such table: nowhere"):
        ensure_migrations(connection, migrations(FILES | BAD))
    assert _state(connection) == before
    assert _names(connection) in (["Ada", "Grace"], [b"Ada", b"Grace"])


def test_after_a_second_call_with_nothing_pending_an_open_connection_is_left_as_it_was(
    connection: sqlite3.Connection, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    ensure_migrations(connection, folder)
    before = _state(connection)
    report = ensure_migrations(connection, folder)
    assert (report.steps, report.standing) == ((), 2)
    assert _state(connection) == before


def test_a_connection_in_a_transaction_is_refused_by_name_and_keeps_its_transaction(
    place: str, migrations: WriteMigrations
) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
        connection.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(UsageError) as caught:
            ensure_migrations(connection, migrations(FILES))
        assert str(caught.value) == (
            "the connection stands in a transaction\nCommit or roll back first, or give the path instead."
        )
        assert connection.in_transaction
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
        connection.rollback()
        assert connection.execute("SELECT * FROM mine").fetchall() == []


def test_a_closed_connection_is_refused_in_words(place: str, migrations: WriteMigrations) -> None:
    connection = sqlite3.connect(place)
    connection.close()
    with pytest.raises(UsageError) as caught:
        ensure_migrations(connection, migrations(FILES))
    assert str(caught.value) == (
        "the connection cannot be used: Cannot operate on a closed database.\nGive the path instead."
    )


def test_a_connection_of_another_thread_is_refused_in_words(place: str, migrations: WriteMigrations) -> None:
    folder, caught = migrations(FILES), []
    with closing(sqlite3.connect(place)) as connection:

        def elsewhere() -> None:
            try:
                ensure_migrations(connection, folder)
            except UsageError as error:
                caught.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert len(caught) == 1
    assert caught[0].startswith("the connection cannot be used: SQLite objects created in a thread can only be used")
    assert caught[0].endswith("\nGive the path instead.")


def test_an_open_cursor_of_the_caller_goes_on(place: str, migrations: WriteMigrations) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript("CREATE TABLE mine (x INTEGER); INSERT INTO mine VALUES (1), (2), (3);")
        cursor = connection.execute("SELECT x FROM mine ORDER BY x")
        assert cursor.fetchone() == (1,)
        rest = cursor.fetchall()
        ensure_migrations(connection, migrations(FILES))
        assert rest == [(2,), (3,)]
        assert cursor.execute("SELECT count(*) FROM people").fetchone() == (2,)


def test_a_subclass_of_connection_is_a_connection(place: str, migrations: WriteMigrations) -> None:
    class Traced(sqlite3.Connection):
        pass

    with closing(sqlite3.connect(place, factory=Traced)) as connection:
        assert ensure_migrations(connection, migrations(FILES)).applied == 2


@pytest.mark.parametrize("where", ["file", "memory"])
def test_the_driver_connection_of_sqlalchemy_is_taken_and_left_usable(
    tmp_path: Path, migrations: WriteMigrations, where: str
) -> None:
    url = "sqlite://" if where == "memory" else f"sqlite:///{tmp_path / 'app.db'}"
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            report = ensure_migrations(connection.connection.driver_connection, migrations(FILES))  # type: ignore[arg-type]
            assert report.applied == 2
            assert connection.execute(sqlalchemy.text("SELECT count(*) FROM people")).scalar() == 2
            connection.rollback()
    finally:
        engine.dispose()


def test_a_file_that_an_application_has_open_is_migrated_beside_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        assert ensure_migrations(sqlite_url, migrations(FILES)).applied == 2
        assert _names(connection) == ["Ada", "Grace"]
    assert probe(sqlite_url).value("SELECT count(*) FROM schema_migrations") == 2


def test_a_connection_in_memory_without_a_journal_is_refused_and_left_as_it_was(migrations: WriteMigrations) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        with pytest.raises(UsageError, match="the connection has journal_mode OFF"):
            ensure_migrations(connection, migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}))
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.execute("PRAGMA journal_mode = MEMORY")
        ensure_migrations(connection, migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}))


def test_a_connection_to_a_file_may_be_without_a_journal_as_another_one_is_used(
    tmp_path: Path, migrations: WriteMigrations
) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE a (x INTEGER)")
        folder = migrations({"0001_a.sql": "INSERT INTO a VALUES (1);\nSELECT * FROM nowhere;\n"})
        with pytest.raises(StepError, match="no such table: nowhere"):
            ensure_migrations(connection, folder)
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (0,)
