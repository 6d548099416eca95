"""Session settings that a file changes are undone before the checks, for the next step, the ledger and the caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from sessmig import ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer, connect
from tests.fixtures.probe import Probe
from tests.run.doing import migrate

DUMP = """
SET statement_timeout = 0;
SET lock_timeout = 1234;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;
SET default_table_access_method = heap;
CREATE TABLE public.dumped (x INTEGER);
"""
SETTINGS = (
    "SELECT name, setting, source FROM pg_settings WHERE source <> 'client' OR name <> 'application_name' ORDER BY 1"
)
CHANGES = [
    "SELECT set_config('search_path', '', false)",
    "SET search_path = pg_catalog",
    "SET LOCAL search_path = pg_catalog",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET statement_timeout = 60000",
    "SET LOCAL statement_timeout = 60000",
    "SET default_transaction_read_only = on",
    "SET session_replication_role = replica",
    "SET DateStyle = 'German'",
    "SET bytea_output = 'escape'",
    "SELECT set_config('client_encoding', 'LATIN1', false)",
    "SELECT set_config('standard_' || 'conforming_strings', 'off', false)",
    "RESET ALL",
]


@contextmanager
def _borrowed(url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(url) as connection:
        connection.execute("SET work_mem = '7MB'")
        connection.execute("SET TIME ZONE 'Europe/Rome'")
        yield connection


@pytest.mark.parametrize("change", [*CHANGES, DUMP])
def test_a_setting_is_undone_for_the_checks_the_next_step_and_a_borrowed_connection(
    change: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    verify = (
        "-- check: settings\n-- expect: same\n"
        "SELECT name, setting FROM pg_settings\n"
        "WHERE name NOT LIKE 'transaction%' AND name <> 'client_connection_check_interval';\n"
        "-- check: found\nSELECT x FROM marked;\n"
    )
    folder = migrations(
        {
            "1_a.sql": f"CREATE TABLE marked (x INTEGER);\n{change};\n",
            "1_a.verify.sql": verify,
            "2_b.sql": "CREATE TABLE next (x INTEGER);\nINSERT INTO next SELECT 1 FROM pg_sleep(0.01);\n",
        }
    )
    with _borrowed(postgres_url) as connection:
        before = connection.execute(SETTINGS).fetchall()
        assert ensure_migrations(connection, folder).applied == 2
        assert connection.execute(SETTINGS).fetchall() == before
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert probe(postgres_url).rows("SELECT version, status FROM schema_migrations ORDER BY 1") == [
        (1, "success"),
        (2, "success"),
    ]
    assert {"marked", "next"} <= probe(postgres_url).tables()


@pytest.mark.parametrize("change", ['SET ROLE "{}"', 'SET LOCAL ROLE "{}"', 'SET SESSION AUTHORIZATION "{}"'])
def test_another_role_is_given_back_before_the_checks_and_the_ledger(
    change: str,
    postgres_url: str,
    postgres_server: PostgresServer,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
) -> None:
    role = postgres_server.new_role()
    verify = "-- check: who\n-- expect: same\nSELECT current_user, session_user, current_setting('role');\n"
    folder = migrations(
        {"1_a.sql": change.format(role) + ";\n", "1_a.verify.sql": verify, "2_b.sql": "CREATE TABLE b ();"}
    )
    with connect(postgres_url) as connection:
        who = "SELECT current_user, session_user, current_setting('role')"
        before = connection.execute(who).fetchone()
        assert ensure_migrations(connection, folder).applied == 2
        assert connection.execute(who).fetchone() == before
    assert probe(postgres_url).value("SELECT tableowner FROM pg_tables WHERE tablename = 'b'") == "postgres"


@pytest.mark.parametrize("change", ["SELECT set_config('search_path', '', false)", "SET statement_timeout = 60000"])
def test_a_setting_of_a_failed_step_does_not_reach_a_borrowed_connection(
    change: str, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": f"{change};\nSELECT nix;\n"})
    with _borrowed(postgres_url) as connection:
        before = connection.execute(SETTINGS).fetchall()
        with pytest.raises(Exception, match="nix"):
            ensure_migrations(connection, folder)
        assert connection.execute(SETTINGS).fetchall() == before


def test_the_run_after_one_that_emptied_the_search_path_works(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": "SELECT pg_catalog.set_config('search_path', '', false);\n"})
    migrate(postgres_url, folder)
    migrations({"2_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    assert migrate(postgres_url, folder).applied == 1
    assert probe(postgres_url).tables() == {"b", "schema_migrations", "schema_migrations_log"}


@pytest.mark.parametrize(
    "pragma", ["ignore_check_constraints", "legacy_alter_table", "reverse_unordered_selects", "automatic_index"]
)
def test_a_pragma_that_a_file_sets_is_undone_before_the_checks_and_for_the_next_step(
    pragma: str, sqlite_url: str, migrations: WriteMigrations
) -> None:
    same = f"-- check: p\n-- expect: same\nSELECT * FROM pragma_{pragma};\n"
    folder = migrations(
        {
            "1_a.sql": f"PRAGMA {pragma} = ON;\nPRAGMA automatic_index = OFF;\nCREATE TABLE a (x INTEGER);\n",
            "1_a.verify.sql": same,
            "2_b.sql": f"CREATE TABLE b AS SELECT * FROM pragma_{pragma};\n",
            "2_b.verify.sql": f"-- check: as before\nSELECT * FROM b EXCEPT SELECT * FROM pragma_{pragma};\n",
        }
    )
    assert migrate(sqlite_url, folder).applied == 2


def test_a_notice_is_reported_and_logged(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": "DO $$ BEGIN RAISE NOTICE 'moved % rows', 7; RAISE WARNING 'odd'; END $$;\n"})
    report = migrate(postgres_url, folder)
    assert report.steps[0].notices == ("NOTICE: moved 7 rows", "WARNING: odd")
    notices = probe(postgres_url).value("SELECT detail -> 'notices' FROM schema_migrations_log")
    assert notices == ["NOTICE: moved 7 rows", "WARNING: odd"]
