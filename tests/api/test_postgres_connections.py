"""An open `psycopg.Connection` is taken, whatever its settings, and is left as it was, after a failure too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.string import StrDumper

from sessmig import StepError, UsageError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.proxy import dropping

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada'), (2, '☃ 𝄞');\n",
    "0002_fill.verify.sql": (
        "-- measure: people\nSELECT count(*) FROM people;\n\n-- check: the snowman is whole\n-- expect: '☃ 𝄞'\n"
        "SELECT name FROM people WHERE name LIKE '☃%';\n"
    ),
}
BAD = {
    "0003_bad.sql": (
        "SET search_path = pg_catalog;\nSET statement_timeout = '77s';\nSET app.person = 'migration';\n"
        "INSERT INTO nowhere VALUES (1);\n"
    )
}
SET = (
    "SET search_path = shop, public; SET statement_timeout = '12s'; SET app.person = 'caller'; "
    "SET timezone = 'Asia/Tokyo'"
)


def _state(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """All that a caller can have set on a connection; asks in a transaction of its own, if any."""
    names = ("search_path", "statement_timeout", "timezone", "client_encoding", "app.person", "role")
    with psycopg.ClientCursor(connection, row_factory=psycopg.rows.tuple_row) as cursor:
        settings = {
            name: cursor.execute(f"SELECT current_setting('{name}', true)").fetchone()[0]  # type: ignore[index]
            for name in names
        }
    if not connection.autocommit:
        connection.rollback()
    return settings | {
        "autocommit": connection.autocommit,
        "row_factory": connection.row_factory,
        "prepare_threshold": connection.prepare_threshold,
        "isolation_level": connection.isolation_level,
        "read_only": connection.read_only,
        "status": connection.info.transaction_status,
        "handlers": (list(connection._notice_handlers), list(connection._notify_handlers)),
    }


@pytest.fixture(
    params=[
        {},
        {"autocommit": True},
        {"row_factory": dict_row},
        {"row_factory": namedtuple_row, "prepare_threshold": 0},
        {"prepare_threshold": None},
        {"client_encoding": "LATIN1"},
        {"client_encoding": "LATIN1", "autocommit": True},
        {"cursor_factory": psycopg.ClientCursor},
        {"isolation_level": psycopg.IsolationLevel.SERIALIZABLE},
    ],
    ids=["plain", "autocommit", "dict", "prepared", "unprepared", "latin1", "latin1-auto", "client-cursor", "serial"],
)
def connection(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as one application or another has it, with settings of its own."""
    options: dict[str, Any] = dict(request.param)
    isolation = options.pop("isolation_level", None)
    with psycopg.connect(postgres_url, **options) as opened:
        opened.execute("CREATE SCHEMA shop")
        for statement in SET.split(";"):
            opened.execute(statement.encode())
        opened.commit()
        opened.isolation_level = isolation
        yield opened


def test_an_open_connection_is_migrated_and_left_as_it_was(
    connection: psycopg.Connection[Any], postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    before = _state(connection)
    report = ensure_migrations(connection, migrations(FILES))
    assert _state(connection) == before
    assert report.applied == 2
    assert [check.outcome for check in report.steps[1].checks] == ["passed"]
    # In the schema that the caller's search_path names first, the ledger too.
    assert probe(postgres_url).rows("SELECT name FROM shop.people ORDER BY id") == [("Ada",), ("☃ 𝄞",)]
    assert probe(postgres_url).value("SELECT count(*) FROM shop.schema_migrations") == 2


def test_after_a_failing_step_an_open_connection_is_left_as_it_was_and_usable(
    connection: psycopg.Connection[Any], postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    before = _state(connection)
    with pytest.raises(StepError, match='relation "nowhere" does not exist'):
        ensure_migrations(connection, migrations(FILES | BAD))
    assert _state(connection) == before
    connection.execute("INSERT INTO people (id) VALUES (3)")
    connection.commit()
    assert probe(postgres_url).rows("SELECT id FROM shop.people ORDER BY id") == [(1,), (2,), (3,)]


def test_with_nothing_pending_an_open_connection_is_left_as_it_was(
    connection: psycopg.Connection[Any], migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    ensure_migrations(connection, folder)
    before = _state(connection)
    report = ensure_migrations(connection, folder)
    assert (report.steps, report.standing) == ((), 2)
    assert _state(connection) == before


def test_a_connection_in_a_transaction_is_refused_by_name_and_keeps_its_transaction(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
        with pytest.raises(UsageError) as caught:
            ensure_migrations(connection, migrations(FILES))
        assert str(caught.value) == (
            "the connection stands in a transaction\nCommit or roll back first, or give the URL instead."
        )
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert probe(postgres_url).tables() == set()
        connection.commit()
    assert probe(postgres_url).tables() == {"mine"}


def test_a_closed_connection_is_refused_in_words(postgres_url: str, migrations: WriteMigrations) -> None:
    connection = psycopg.connect(postgres_url)
    connection.close()
    with pytest.raises(UsageError) as caught:
        ensure_migrations(connection, migrations(FILES))
    assert str(caught.value) == "the connection is closed\nGive one that is open, or the URL instead."


def test_a_connection_whose_server_process_was_ended_fails_in_words(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with psycopg.connect(postgres_url) as connection:
        probe(postgres_url).rows(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)")
        with pytest.raises(Exception, match="terminating connection") as caught:
            ensure_migrations(connection, migrations(FILES))
        assert type(caught.value).__module__ == "sessmig.errors"
    assert probe(postgres_url).tables() == set()


def test_a_connection_that_is_lost_at_the_commit_leaves_the_step_in_doubt_and_the_error_says_so(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    ensure_migrations(postgres_url, migrations({"0000_before.sql": "CREATE TABLE before (x INTEGER);\n"}))
    folder = migrations({"0001_lost.sql": "CREATE TABLE a (x INTEGER);\n"})
    with dropping(postgres_url, b"COMMIT\0") as url, pytest.raises(StepError) as caught:
        ensure_migrations(url, folder)
    assert caught.value.what.startswith(f"{folder / '0001_lost.sql'}: ")
    assert "server closed the connection" in caught.value.what
    assert caught.value.holds.split("\n")[0] == (
        "The connection was lost at the commit: whether 0001_lost stands, sessmig status tells."
    )
    assert probe(postgres_url).tables() == {"before", "schema_migrations", "schema_migrations_log"}
    assert probe(postgres_url).value("SELECT count(*) FROM schema_migrations") == 1


def test_adapters_of_the_caller_change_nothing(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    class Shouting(StrDumper):
        def dump(self, obj: str) -> bytes:
            return obj.upper().encode()

    with psycopg.connect(postgres_url) as connection:
        connection.adapters.register_dumper(str, Shouting)
        assert ensure_migrations(connection, migrations(FILES)).applied == 2
    rows = probe(postgres_url).rows("SELECT series, migration_id, status FROM schema_migrations ORDER BY version")
    assert rows == [("shop", "people", "success"), ("shop", "fill", "success")]


def test_the_driver_connection_of_sqlalchemy_is_taken_and_left_usable(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    engine = sqlalchemy.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            assert ensure_migrations(driver, migrations(FILES)).applied == 2
            assert connection.execute(sqlalchemy.text("SELECT count(*) FROM people")).scalar() == 2
            connection.rollback()
            assert not driver.autocommit
    finally:
        engine.dispose()


def test_the_url_as_sqlalchemy_has_it_is_taken(postgres_url: str, migrations: WriteMigrations) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    assert ensure_migrations(url, migrations(FILES)).applied == 2
