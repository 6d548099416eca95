"""When a run begins with a backup, what of it is told and logged, and when there is none."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sessmig import BackupError, Event, UsageError, ensure_migrations
from tests.backup.yard import BAD, Yard
from tests.concurrency.crew import PROCESSES, Crew
from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import Cli


def test_a_sqlite_file_with_tables_is_backed_up_before_the_first_step(sqlite_yard: Yard) -> None:
    before = sqlite_yard.state()
    told = sqlite_yard.done("migrate")
    (backup,) = sqlite_yard.backups
    assert f"backup {backup}, " in told
    assert sqlite_yard.probes(f"sqlite:///{backup}").snapshot()["rows"] == before["rows"]
    assert "pets" not in sqlite_yard.probes(f"sqlite:///{backup}").tables()


def test_a_backup_stands_beside_the_database_where_nothing_else_is_said(sqlite_yard: Yard, tmp_path: Path) -> None:
    ensure_migrations(sqlite_yard.url, sqlite_yard.series)
    names = sorted(path.name for path in sqlite_yard.file.parent.iterdir())
    assert [name.partition(".backup_")[0] for name in names] == ["app.db", "app.db", "app.db"]
    assert names[2] == names[1] + ".sha256"


def test_a_link_to_a_database_has_its_backups_where_the_database_stands(sqlite_yard: Yard, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(sqlite_yard.file)
    report = ensure_migrations(link, sqlite_yard.series)
    assert report.backup is not None
    assert report.backup.path.startswith(f"{sqlite_yard.file}.backup_")


def test_postgres_is_backed_up_only_on_request(postgres_yard: Yard) -> None:
    assert "backup" not in postgres_yard.done("migrate")
    assert postgres_yard.backups == []
    (postgres_yard.series / "0002_more.sql").write_text("CREATE TABLE more (x INTEGER);\n")
    told = postgres_yard.done("migrate", "--backup")
    (backup,) = postgres_yard.backups
    assert f"backup {backup}, " in told
    assert backup.read_bytes().startswith(b"PGDMP")


def test_the_log_tells_path_size_hash_and_time_of_the_backup(yard: Yard) -> None:
    yard.done("migrate", "--backup")
    (backup,) = yard.backups
    ((outcome, detail),) = yard.logged("backup")
    assert outcome == "success"
    assert detail["path"] == str(backup)
    assert detail["size"] == backup.stat().st_size
    assert detail["sha256"] == hashlib.sha256(backup.read_bytes()).hexdigest()
    assert isinstance(detail["seconds"], float)
    rows = yard.probe.rows("SELECT action, version, migration_id FROM schema_migrations_log ORDER BY id")
    assert rows == [("backup", 1, "pets"), ("apply", 1, "pets")]


@pytest.mark.parametrize("backup", ["--backup", "--no-backup"])
def test_where_the_write_ahead_log_stood_is_in_the_log_of_every_run(postgres_yard: Yard, backup: str) -> None:
    before = postgres_yard.probe.value("SELECT pg_current_wal_lsn()")
    postgres_yard.done("migrate", backup)
    after = postgres_yard.probe.value("SELECT pg_current_wal_lsn()")
    kept = postgres_yard.logged("apply") + postgres_yard.logged("backup")
    assert len(kept) == (2 if backup == "--backup" else 1)
    for _, detail in kept:
        between = f"SELECT pg_lsn '{detail['wal']}' BETWEEN '{before}' AND '{after}'"
        assert postgres_yard.probe.value(between) is True


def test_the_json_report_has_the_backup(yard: Yard) -> None:
    report = json.loads(yard.done("migrate", "--backup", "--json"))
    (backup,) = yard.backups
    assert report["backup"]["path"] == str(backup)
    assert report["backup"]["sha256"] == hashlib.sha256(backup.read_bytes()).hexdigest()


def test_a_failing_run_names_the_backup_that_would_serve_and_keeps_it_in_the_log(
    yard: Yard, migrations: WriteMigrations
) -> None:
    migrations(BAD)
    before = yard.state()
    ended = yard.run("migrate", "--backup", "--single-transaction")
    (backup,) = yard.backups
    assert ended.returncode == 1
    assert (
        "The database holds what it held before: the whole run was rolled back.\n"
        f"The backup {backup} holds it as it was before this run.\n"
    ) in ended.stderr
    assert yard.state() == before
    assert [(outcome, detail["path"]) for outcome, detail in yard.logged("backup")] == [("success", str(backup))]


def test_a_run_that_fails_later_keeps_its_one_backup_in_the_log_once(yard: Yard, migrations: WriteMigrations) -> None:
    migrations(BAD)
    ended = yard.run("migrate", "--backup")
    (backup,) = yard.backups
    assert f"The backup {backup} holds it as it was before this run." in ended.stderr
    assert len(yard.logged("backup")) == 1
    assert "pets" in yard.probe.tables()


def test_with_nothing_pending_there_is_no_backup(yard: Yard) -> None:
    yard.done("migrate", "--no-backup")
    yard.done("migrate", "--backup")
    assert yard.backups == []


def test_an_empty_database_has_no_backup(
    database_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    folder = migrations({"1_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    ended = cli("migrate", "-d", database_url, "--dir", folder, "--backup", "--backup-dir", tmp_path / "nowhere")
    assert ended.returncode == 0, ended.stderr


def test_no_backup_is_made_on_request_and_in_a_dry_run(sqlite_yard: Yard) -> None:
    sqlite_yard.done("migrate", "--dry-run", "--backup")
    assert sqlite_yard.backups == []
    sqlite_yard.done("migrate", "--no-backup")
    assert sqlite_yard.backups == []
    assert sqlite_yard.logged("backup") == []


def test_a_database_in_memory_has_no_backup(migrations: WriteMigrations, tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (x)")
    connection.commit()
    folder = migrations({"1_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    report = ensure_migrations(connection, folder, backup="always", backup_dir=tmp_path / "nowhere")
    connection.close()
    assert (report.applied, report.backup) == (1, None)


def test_an_open_connection_to_a_file_has_its_backup_too(sqlite_yard: Yard) -> None:
    connection = sqlite3.connect(sqlite_yard.file)
    report = ensure_migrations(connection, sqlite_yard.series, backup_dir=sqlite_yard.folder)
    connection.close()
    assert report.backup is not None
    assert [Path(report.backup.path)] == sqlite_yard.backups


def test_an_open_postgres_connection_has_its_backup_too(postgres_yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    for name, value in postgres_yard.env.items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(postgres_yard.url) as connection:
        report = ensure_migrations(connection, postgres_yard.series, backup="always", backup_dir=postgres_yard.folder)
    assert report.backup is not None
    assert [Path(report.backup.path)] == postgres_yard.backups


def test_whoever_watches_is_told_of_the_backup_before_its_step_is_done(sqlite_yard: Yard) -> None:
    events: list[Event] = []
    ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup_dir=sqlite_yard.folder, on_event=events.append)
    assert [event.kind for event in events] == ["plan", "backup", "step", "done"]
    assert str(sqlite_yard.backups[0]) in events[1].text


@pytest.mark.parametrize("option", [{"backup": "yes"}, {"keep": 0}, {"keep": True}, {"keep": "many"}])
def test_the_function_refuses_options_that_it_does_not_know(sqlite_yard: Yard, option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"is not understood|not a number of backups"):
        ensure_migrations(sqlite_yard.url, sqlite_yard.series, **option)
    assert sqlite_yard.probe.tables() == {"people"}


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Eight processes."""
    made = Crew()
    yield made
    made.dismiss()


def test_eight_processes_at_once_make_one_backup(sqlite_yard: Yard, crew: Crew) -> None:
    ended = crew.ensure_all_at_once(sqlite_yard.url, sqlite_yard.series, backup_dir=str(sqlite_yard.folder))
    assert [one.error for one in ended] == [""] * PROCESSES
    assert sum(len(one.applied) for one in ended) == 1
    assert len(sqlite_yard.backups) == 1
    assert len(sqlite_yard.logged("backup")) == 1


def test_of_eight_processes_that_fail_at_once_those_that_waited_share_a_backup_and_all_name_one(
    sqlite_yard: Yard, migrations: WriteMigrations, crew: Crew
) -> None:
    migrations({"0001_pets.sql": "SELECT nix;\n"})
    ended = crew.ensure_all_at_once(sqlite_yard.url, sqlite_yard.series, backup_dir=str(sqlite_yard.folder))
    backups = sqlite_yard.backups
    # Who began only after another's backup was made has one of its own.
    assert 1 <= len(backups) < PROCESSES
    assert all(any(f"The backup {backup} holds it" in one.error for backup in backups) for one in ended)
    assert sorted(detail["path"] for _, detail in sqlite_yard.logged("backup")) == [str(path) for path in backups]


def test_a_backup_that_cannot_be_made_stops_the_run_and_is_logged_as_failed(
    yard: Yard, migrations: WriteMigrations
) -> None:
    yard.done("migrate", "--no-backup")
    migrations({"0002_more.sql": "CREATE TABLE more (x INTEGER);\n"})
    before = yard.state()
    ended = yard.run("migrate", "--backup", "--backup-dir", yard.folder / "gone")
    assert ended.returncode == 1
    assert f"{yard.folder}/gone: no such folder for backups\nNothing was applied.\nMake it" in ended.stderr
    assert yard.state() == before
    ((outcome, detail),) = yard.logged("backup")
    assert (outcome, "no such folder" in detail["error"]) == ("failed", True)
    yard.done("migrate", "--no-backup", "--backup-dir", yard.folder / "gone")


def test_a_backup_that_cannot_be_made_leaves_an_untouched_database_without_a_ledger(sqlite_yard: Yard) -> None:
    with pytest.raises(BackupError) as caught:
        ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup_dir=sqlite_yard.folder / "gone")
    assert caught.value.exit_code == 1
    assert sqlite_yard.probe.tables() == {"people"}


def test_a_run_that_another_process_was_faster_than_makes_no_backup(
    sqlite_yard: Yard, tmp_path: Path, probe: Callable[[str], Any]
) -> None:
    def hurry(event: Event) -> None:
        if event.kind == "plan":
            ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup="never")

    report = ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup_dir=sqlite_yard.folder, on_event=hurry)
    assert [step.outcome for step in report.steps] == ["already applied"]
    assert (report.backup, sqlite_yard.backups) == (None, [])
