"""Eight processes start at once on an empty database: every one ends well, and each step is applied once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.concurrency.crew import PROCESSES, Crew, Ended
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROUNDS = 20
OF_COMMANDS = 7
"""Rounds of command lines, each of which loads Python eight times; 20 were run by hand, and CI runs these each time."""

# `marks` has no key: whatever is applied twice stands in it twice.
STEPS = {
    "0001_marks.sql": "CREATE TABLE marks (step TEXT NOT NULL);\nINSERT INTO marks (step) VALUES ('marks');\n",
    "0002_people.sql": (
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
        "INSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Grace');\n"
        "INSERT INTO marks (step) VALUES ('people');\n"
    ),
    "0002_people.verify.sql": "-- check: two people\n-- expect: 2\nSELECT count(*) FROM people;\n",
    "0003_cities.sql": "ALTER TABLE people ADD COLUMN city TEXT;\nINSERT INTO marks (step) VALUES ('cities');\n",
}
NAMES = ["marks", "people", "cities"]


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Eight processes, ready to call `ensure_migrations`."""
    found = Crew()
    yield found
    found.dismiss()


def _applied_once(seen: Probe) -> None:
    """Each step stands once: in what it did, in the ledger, and in the log."""
    assert [step for (step,) in seen.rows("SELECT step FROM marks")] == NAMES
    ledger = seen.rows("SELECT version, migration_id, status FROM schema_migrations ORDER BY version")
    assert ledger == [(n, name, "success") for n, name in enumerate(NAMES, 1)]
    # A SQLite file that is no longer empty when a process comes to it is backed up first.
    log = seen.rows("SELECT version, action, outcome FROM schema_migrations_log WHERE action <> 'backup' ORDER BY id")
    assert log == [(n, "apply", "success") for n in (1, 2, 3)]


def _all_well(ended: list[Ended]) -> None:
    """No process failed, and each step was applied by exactly one of them."""
    assert [each.error for each in ended] == [""] * PROCESSES
    assert sorted(name for each in ended for name in each.applied) == sorted(NAMES)


def _fresh_file(folder: Path, number: int, journal_mode: str) -> str:
    """The URL of a SQLite file that is empty and in this journal mode, or (`missing`) is not there yet."""
    path = folder / f"{journal_mode}{number}.db"
    if journal_mode != "missing":
        with closing(sqlite3.connect(path)) as made:
            made.execute(f"PRAGMA journal_mode = {journal_mode}")
            made.execute("VACUUM")
    return f"sqlite:///{path}"


@pytest.mark.parametrize("journal_mode", ["missing", "delete", "wal"])
def test_on_sqlite_eight_applications_that_start_at_once_apply_each_step_once(
    crew: Crew,
    tmp_path: Path,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    journal_mode: str,
) -> None:
    folder = migrations(STEPS)
    for number in range(ROUNDS):
        url = _fresh_file(tmp_path, number, journal_mode)
        _all_well(crew.ensure_all_at_once(url, folder))
        _applied_once(probe(url))


def test_on_postgres_eight_applications_that_start_at_once_apply_each_step_once(
    crew: Crew, new_postgres_url: Callable[[], str], migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(STEPS)
    for _ in range(ROUNDS):
        url = new_postgres_url()
        _all_well(crew.ensure_all_at_once(url, folder))
        _applied_once(probe(url))


def test_through_pgbouncer_eight_applications_that_start_at_once_apply_each_step_once(
    crew: Crew, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, url, seen = migrations(STEPS), pgbouncer(postgres_url), probe(postgres_url)
    for _ in range(ROUNDS):
        _all_well(crew.ensure_all_at_once(url, folder))
        _applied_once(seen)
        seen.execute("DROP TABLE marks, people, schema_migrations, schema_migrations_log")


def test_eight_applications_that_start_at_once_take_the_webui_systems_table_over_once(
    crew: Crew, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(STEPS), probe(database_url)
    for _ in range(5):
        seen.execute(
            "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT,"
            " status TEXT, metadata TEXT)"
        )
        seen.execute("INSERT INTO schema_migrations VALUES ('old', '2026-01-31 02:52:02', 'Old', 'success', '{}')")
        _all_well(crew.ensure_all_at_once(database_url, folder))
        old = seen.rows("SELECT version, migration_id, status FROM schema_migrations WHERE series = 'legacy'")
        assert old == [(1, "old", "baseline")]
        assert [step for (step,) in seen.rows("SELECT step FROM marks")] == NAMES
        for table in ("marks", "people", "schema_migrations", "schema_migrations_log"):
            seen.execute(f"DROP TABLE {table}")


def test_when_the_step_fails_every_one_of_eight_is_told_and_nothing_stays(
    crew: Crew, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n"})
    ended = crew.ensure_all_at_once(database_url, folder)
    assert [each.error.partition(":")[0] for each in ended] == ["StepError"] * PROCESSES
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}
    log = probe(database_url).rows("SELECT version, outcome FROM schema_migrations_log")
    assert log == [(1, "failed")] * PROCESSES
    assert probe(database_url).value("SELECT count(*) FROM schema_migrations") == 0


def _migrate_all_at_once(cli: Cli, url: str, folder: Path) -> None:
    started = [cli.start("migrate", "--dir", folder, env={"DATABASE_URL": url}) for _ in range(PROCESSES)]
    said = [process.communicate() for process in started]
    assert [(process.returncode, out) for process, out in zip(started, said, strict=True) if process.returncode] == []


def test_on_sqlite_eight_command_lines_at_once_apply_each_step_once(
    cli: Cli, tmp_path: Path, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(STEPS)
    for number in range(OF_COMMANDS):
        url = _fresh_file(tmp_path, number, ("missing", "delete", "wal")[number % 3])
        _migrate_all_at_once(cli, url, folder)
        _applied_once(probe(url))


def test_on_postgres_eight_command_lines_at_once_apply_each_step_once(
    cli: Cli, new_postgres_url: Callable[[], str], migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(STEPS)
    for _ in range(OF_COMMANDS):
        url = new_postgres_url()
        _migrate_all_at_once(cli, url, folder)
        _applied_once(probe(url))


def test_through_pgbouncer_eight_command_lines_at_once_apply_each_step_once(
    cli: Cli, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, url, seen = migrations(STEPS), pgbouncer(postgres_url), probe(postgres_url)
    for _ in range(OF_COMMANDS):
        _migrate_all_at_once(cli, url, folder)
        _applied_once(seen)
        seen.execute("DROP TABLE marks, people, schema_migrations, schema_migrations_log")
