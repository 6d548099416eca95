"""`status`, `verify` and `--dry-run` write nothing: not a file, not a table, not a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessmig import cli as command_line
from sessmig import ensure_migrations
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.run import migrate
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

FILES = {
    "0001_people.sql": (
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\nCREATE INDEX by_name ON people (name);\n"
    ),
    "0001_people.verify.sql": "-- check: nobody without a name\nSELECT id FROM people WHERE name IS NULL;\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada'), (2, 'Grace');\n",
    "0003_city.sql": (
        "ALTER TABLE people ADD COLUMN city TEXT;\nUPDATE people SET city = 'London';\nDROP INDEX by_name;\n"
    ),
    "0003_city.verify.sql": "-- check: all live somewhere\nSELECT id FROM people WHERE city IS NULL;\n",
}
WEBUI = (
    "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT,"
    " status TEXT, metadata TEXT)",
    "INSERT INTO schema_migrations VALUES ('old', '2026-01-31 02:52:02', 'Old', 'success', '{\"a\": 1}')",
)
COMMANDS = (
    ("status",),
    ("status", "--check", "--json"),
    ("verify",),
    ("verify", "--quality", "--json"),
    ("migrate", "--dry-run"),
    ("migrate", "--dry-run", "--to", "2", "--json"),
)


def _sessmig(url: str, folder: Path, *arguments: str) -> int:
    """Run the command line in this process, where Python and psycopg are loaded already."""
    return command_line.main([*arguments, "--dir", str(folder), "--database", url])


def _nothing(url: str, folder: Path, seen: Probe) -> None:
    """No ledger, no table, and on SQLite no file."""


def _without_ledger(url: str, folder: Path, seen: Probe) -> None:
    seen.execute("CREATE TABLE mine (x INTEGER)")
    seen.execute("INSERT INTO mine VALUES (1)")


def _half_way(url: str, folder: Path, seen: Probe) -> None:
    ensure_migrations(url, folder, to=2)


def _all_applied(url: str, folder: Path, seen: Probe) -> None:
    ensure_migrations(url, folder)


def _webui_table(url: str, folder: Path, seen: Probe) -> None:
    for statement in WEBUI:
        seen.execute(statement)


def _failed_once(url: str, folder: Path, seen: Probe) -> None:
    ensure_migrations(url, folder, to=2)
    seen.execute("UPDATE people SET name = NULL WHERE id = 2")


STATES = (_nothing, _without_ledger, _half_way, _all_applied, _webui_table, _failed_once)


def _whole(folder: Path, seen: Probe) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Every file below a folder with its bytes, and every object and row of the database, sessmig's own too."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files, seen.snapshot(exclude=())


@pytest.fixture(params=STATES, ids=lambda state: state.__name__.strip("_"))
def place(
    request: pytest.FixtureRequest, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> tuple[str, Path, Probe]:
    """A database in one state or another, with the series' folder."""
    folder, seen = migrations(FILES), probe(database_url)
    request.param(database_url, folder, seen)
    return database_url, folder, seen


def test_status_verify_and_dry_run_write_nothing(place: tuple[str, Path, Probe], tmp_path: Path) -> None:
    url, folder, seen = place
    before = _whole(tmp_path, seen)
    for command in COMMANDS:
        assert _sessmig(url, folder, *command) in (0, 1, 3, 6)
        assert _whole(tmp_path, seen) == before, command


def test_a_dry_run_shows_what_would_be_done_and_leaves_nothing(
    place: tuple[str, Path, Probe], tmp_path: Path, probe: Callable[[str], Probe]
) -> None:
    url, folder, seen = place
    before = _whole(tmp_path, seen)
    pending = 3 if "people" not in seen.tables() else 3 - seen.value("SELECT max(version) FROM schema_migrations")
    with connect(url, create=False) as database:
        report = migrate(Job(database, folder, dry_run=True))
    assert report.action == "dry-run"
    assert [step.outcome for step in report.steps] == ["would apply"] * pending
    assert _whole(tmp_path, seen) == before


def test_on_a_file_in_wal_mode_they_leave_the_file_as_it_was_and_none_beside_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], tmp_path: Path
) -> None:
    folder = migrations(FILES)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("VACUUM")
    ensure_migrations(sqlite_url, folder, to=2)
    before = _whole(tmp_path, probe(sqlite_url))
    for command in COMMANDS:
        assert _sessmig(sqlite_url, folder, *command) in (0, 6)
        assert _whole(tmp_path, probe(sqlite_url)) == before, command
    assert [path.name for path in (tmp_path / "database").iterdir()] == ["app.db"]


def test_a_failing_dry_run_leaves_no_trace_in_the_log(
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, seen = migrations(FILES | {"0004_bad.sql": "INSERT INTO nowhere VALUES (1);\n"}), probe(database_url)
    ensure_migrations(database_url, folder, to=2)
    before = _whole(tmp_path, seen)
    assert _sessmig(database_url, folder, "migrate", "--dry-run") == 1
    assert "The database holds what it held before: it was a dry run." in capsys.readouterr().err
    assert _whole(tmp_path, seen) == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_on_a_sqlite_file_that_is_not_there_none_is_made(
    sqlite_url: str,
    migrations: WriteMigrations,
    tmp_path: Path,
    command: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = _sessmig(sqlite_url, migrations(FILES), *command)
    assert list((tmp_path / "database").iterdir()) == []
    assert code == {"verify": 1, "status": 6 if "--check" in command else 0}.get(command[0], 0)
    if command[0] == "verify":
        assert f"{sqlite_url}: there is no such database" in capsys.readouterr().err
