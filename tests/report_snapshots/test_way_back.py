"""The way back is the backup that the run begins with, the newest or a named one: the database equals the start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.report_snapshots import app

Probes = Callable[[str], Probe]


def _place(url: str) -> tuple[str, ...]:
    return "--db", str(app.file_of(url)), "--dir", str(app.SERIES)


@pytest.fixture
def migrated(sqlite_url: str, probe: Probes, cli: Cli) -> tuple[dict[str, object], Path]:
    """The sample, migrated by the command line; what it was before, and its backup."""
    app.build_sample(sqlite_url)
    before = probe(sqlite_url).snapshot(exclude=())
    done = cli("migrate", *_place(sqlite_url))
    assert done.returncode == 0, done.stderr
    (backup,) = (path for path in app.file_of(sqlite_url).parent.glob("app.db.backup_*") if path.suffix != ".sha256")
    assert probe(sqlite_url).snapshot(exclude=()) != before
    return before, backup


def test_restore_goes_back_to_the_newest_backup(
    sqlite_url: str, migrated: tuple[dict[str, object], Path], probe: Probes, cli: Cli
) -> None:
    done = cli("restore", "--yes", *_place(sqlite_url))
    assert done.returncode == 0, done.stderr
    assert probe(sqlite_url).snapshot(exclude=()) == migrated[0]


def test_restore_goes_back_to_a_named_one_though_a_newer_one_is_there(
    sqlite_url: str, migrated: tuple[dict[str, object], Path], probe: Probes, cli: Cli
) -> None:
    before, backup = migrated
    assert cli("backup", *_place(sqlite_url)).returncode == 0
    done = cli("restore", "--yes", str(backup), *_place(sqlite_url))
    assert done.returncode == 0, done.stderr
    assert probe(sqlite_url).snapshot(exclude=()) == before


def test_what_was_restored_can_be_migrated_again(
    sqlite_url: str, migrated: tuple[dict[str, object], Path], probe: Probes, cli: Cli
) -> None:
    first = app.tables(sqlite_url)
    cli("restore", "--yes", *_place(sqlite_url))
    assert cli("migrate", *_place(sqlite_url)).returncode == 0
    assert app.tables(sqlite_url) == first


def test_rollback_is_refused_and_names_the_backup(
    sqlite_url: str, migrated: tuple[dict[str, object], Path], probe: Probes, cli: Cli
) -> None:
    after = probe(sqlite_url).snapshot(exclude=())
    done = cli("rollback", *_place(sqlite_url))
    assert done.returncode == 4
    assert done.stderr.splitlines()[:2] == [
        "the newest migration cannot be rolled back:",
        "irreversible: 0001_migrate_to_temp_tables: the dropped rows stand nowhere else; "
        "the way back is the backup from before it",
    ]
    assert str(migrated[1]) in done.stderr.splitlines()[2]
    assert probe(sqlite_url).snapshot(exclude=()) == after
