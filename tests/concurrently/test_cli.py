"""A no-transaction file through the command line: fails, is killed, waits, meets another run; and goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.concurrently.alone import BUILDING, idle_transaction, until
from tests.concurrently.test_create import INDEXES
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

Look = Callable[[str], Probe]

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER DEFAULT 0, name TEXT DEFAULT 'x');\n",
    "0002_index.sql": (
        "-- sessmig: no-transaction\n\n"
        "CREATE INDEX CONCURRENTLY people_name ON people (name);\n"
        "CREATE UNIQUE INDEX CONCURRENTLY people_id ON people (id);\n"
    ),
}
LEDGER = "SELECT version, status FROM schema_migrations ORDER BY version"
BOTH = [("people_id", True), ("people_name", True)]


def test_a_duplicate_fails_at_its_place_leaves_no_invalid_index_and_the_next_run_goes_on(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    assert cli("migrate", "--to", "1", "-d", postgres_url, "--dir", folder).returncode == 0
    seen.execute("INSERT INTO people VALUES (7, 'a'), (7, 'b')")
    done = cli("migrate", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 1
    assert f'{folder}/0002_index.sql:4: could not create unique index "people_id"' in done.stderr
    assert "DETAIL: Key (id)=(7) is duplicated." in done.stderr
    assert "No invalid index is left: what there was of public.people_id was dropped." in done.stderr
    assert seen.rows(LEDGER) == [(1, "success"), (2, "failed")]
    assert seen.rows(INDEXES) == [("people_name", True)]
    kept = seen.value("SELECT oid FROM pg_class WHERE relname = 'people_name'")
    seen.execute("DELETE FROM people WHERE name = 'b'")
    assert cli("migrate", "-d", postgres_url, "--dir", folder).returncode == 0
    assert seen.rows(LEDGER) == [(1, "success"), (2, "success")]
    assert seen.rows(INDEXES) == BOTH
    assert seen.value("SELECT oid FROM pg_class WHERE relname = 'people_name'") == kept


def test_a_run_that_is_killed_while_it_builds_needs_no_repair(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    assert cli("migrate", "--to", "1", "-d", postgres_url, "--dir", folder).returncode == 0
    with idle_transaction(postgres_url, "people"):
        killed = cli.start("migrate", "-d", postgres_url, "--dir", folder)
        until(lambda: seen.rows(f"{BUILDING} AND phase LIKE 'waiting for%'"))
        killed.kill()
        killed.wait()
        assert seen.rows(INDEXES) == [("people_name", False)]
    done = cli("migrate", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert seen.rows(INDEXES) == BOTH
    assert seen.rows(LEDGER) == [(1, "success"), (2, "success")]


def test_of_two_runs_at_once_each_statement_is_done_by_one_and_who_is_in_the_way_is_named(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    assert cli("migrate", "--to", "1", "-d", postgres_url, "--dir", folder).returncode == 0
    with idle_transaction(postgres_url, "people") as thinker:
        first = cli.start("migrate", "-d", postgres_url, "--dir", folder)
        until(lambda: seen.rows(BUILDING))
        second = cli.start("migrate", "-d", postgres_url, "--dir", folder)
        assert second.stderr
        until(lambda: "waiting for the lock, held by pid" in second.stderr.readline())  # type: ignore[union-attr]
        assert first.stderr
        wanted = f"waiting for pid {thinker.info.backend_pid}, application thinker"
        until(lambda: wanted in first.stderr.readline())  # type: ignore[union-attr]
        thinker.execute("COMMIT")
        for process in (first, second):
            process.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert seen.rows(INDEXES) == BOTH
    assert seen.rows(LEDGER) == [(1, "success"), (2, "success")]
    assert seen.rows("SELECT version, outcome FROM schema_migrations_log ORDER BY version") == [
        (1, "success"),
        (2, "success"),
    ]


def test_behind_a_pooler_the_file_is_refused_with_the_reason_and_nothing_of_it_is_done(
    cli: Cli, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Look
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    done = cli("migrate", "-d", pgbouncer(postgres_url), "--dir", folder)
    assert done.returncode == 1
    assert "a pooler stands before the server (PgBouncer, or one like it)" in done.stderr
    assert "Give the server's own address for this run (-d, DATABASE_URL)." in done.stderr
    assert "0001_people stands applied" in done.stderr
    assert "Nothing was touched" not in done.stderr
    assert seen.rows(INDEXES) == []
    done = cli("migrate", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert seen.rows(INDEXES) == BOTH


@pytest.mark.parametrize("statement", ["ATTACH 'x.db' AS x", "DETACH x"])
def test_a_second_database_is_refused_before_anything_runs(
    cli: Cli, sqlite_url: str, migrations: WriteMigrations, probe: Look, statement: str
) -> None:
    folder = migrations({"0001_a.sql": f"-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\n{statement};\n"})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 1
    assert f"{folder}/0001_a.sql:3: `{statement[:6]}` speaks of a second database" in done.stderr
    assert probe(sqlite_url).tables() == set()


def test_vacuum_and_the_journal_mode_run_outside_transactions(
    cli: Cli, sqlite_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder = migrations(
        {"0001_a.sql": "-- sessmig: no-transaction\nPRAGMA journal_mode = WAL;\nCREATE TABLE a (x INTEGER);\nVACUUM;\n"}
    )
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    seen = probe(sqlite_url)
    assert seen.value("PRAGMA journal_mode") == "wal"
    assert seen.rows(LEDGER) == [(1, "success")]


def test_a_file_without_a_journal_is_refused_before_anything_is_done(
    cli: Cli, sqlite_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    probe(sqlite_url).execute("CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1), (2);")
    folder = migrations({"0001_a.sql": "-- sessmig: no-transaction\nPRAGMA journal_mode = OFF;\nDELETE FROM a;\n"})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 1
    assert f"{folder}/0001_a.sql:2: `PRAGMA journal_mode` without a journal on the disk" in done.stderr
    assert probe(sqlite_url).value("SELECT count(*) FROM a") == 2


def test_a_drop_of_an_index_that_never_was_fails_each_time_and_is_never_taken_for_done(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: no-transaction\nDROP INDEX CONCURRENTLY people_id;\n"})
    for _ in range(2):
        done = cli("migrate", "-d", postgres_url, "--dir", folder)
        assert done.returncode == 1
        assert f'{folder}/0001_a.sql:2: index "people_id" does not exist' in done.stderr
        assert probe(postgres_url).rows(LEDGER) == [(1, "failed")]


def test_ctrl_c_ends_the_build_on_the_server_with_130_and_the_next_run_goes_on(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Look
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    assert cli("migrate", "--to", "1", "-d", postgres_url, "--dir", folder).returncode == 0
    with idle_transaction(postgres_url, "people") as thinker:
        broken_off = cli.start("migrate", "-d", postgres_url, "--dir", folder)
        until(lambda: seen.rows(f"{BUILDING} AND phase LIKE 'waiting for%'"))
        broken_off.send_signal(signal.SIGINT)
        until(lambda: not seen.rows(BUILDING))
        thinker.execute("COMMIT")
        _, errors = broken_off.communicate()
    assert broken_off.returncode == 130
    assert "is left" not in errors
    assert "Traceback" not in errors
    assert seen.rows(INDEXES) == []
    assert cli("migrate", "-d", postgres_url, "--dir", folder).returncode == 0
    assert seen.rows(INDEXES) == BOTH
    assert seen.rows(LEDGER) == [(1, "success"), (2, "success")]
