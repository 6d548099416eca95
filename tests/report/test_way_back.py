"""Which backup serves for the way back: only one from before a step was begun, never one from the middle of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import PlanError, StepError
from sessmig.backup_log import before_last_step
from sessmig.databases import connect
from sessmig.job import BackupWish
from sessmig.ledger import Ledger
from sessmig.plan import Wish
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.report.shop import chronicle
from tests.run.doing import log, migrate, roll_back
from tests.staged.half import BATCH, TABLES

FILES = TABLES | {"0002_copy.sql": BATCH["0002_copy.sql"]}
MEND = "UPDATE old SET name = 'good' WHERE name = 'bad'"


@pytest.fixture
def there(sqlite_url: str, probe: Callable[[str], Probe]) -> Probe:
    return probe(sqlite_url)


@pytest.fixture
def half(sqlite_url: str, there: Probe, migrations: WriteMigrations, tmp_path: Path) -> Callable[[], str]:
    """Return what runs the step until a row stops it; each run begins with a backup, whose path it gives."""
    folder, kept = migrations(FILES), BackupWish("always", str(tmp_path))
    migrate(sqlite_url, folder, wish=Wish(to=1))

    def run() -> str:
        with pytest.raises(StepError):
            migrate(sqlite_url, folder, backup=kept)
        return str(_backups(there)[-1])

    return run


def _backups(there: Probe) -> list[object]:
    return [detail["path"] for _, action, _, detail in log(there) if action == "backup"]


def _wanted(url: str) -> int:
    with connect(url, create=False) as database:
        return len(before_last_step(database, Ledger(database, "schema_migrations", "")))


def test_a_backup_from_the_middle_of_a_step_is_not_offered_as_from_before_it(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path, there: Probe, half: Callable[[], str]
) -> None:
    folder = migrations(FILES)
    first = half()
    assert chronicle(sqlite_url, folder).ways_back[0].backup == first
    second = half()
    assert (first != second, chronicle(sqlite_url, folder).ways_back[0].backup) == (True, first)
    there.execute(MEND)
    migrate(sqlite_url, folder, backup=BackupWish("always", str(tmp_path)))
    assert len(_backups(there)) == 3
    assert chronicle(sqlite_url, folder).ways_back[0].backup == first
    with pytest.raises(PlanError, match="The backup from before it") as caught:
        roll_back(sqlite_url, folder)
    assert first in caught.value.what
    assert _wanted(sqlite_url) == 1
    Path(first).unlink()
    assert chronicle(sqlite_url, folder).ways_back[0].backup == ""


def test_where_the_attempt_before_was_killed_its_own_backup_is_the_one_from_before(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path, there: Probe, half: Callable[[], str]
) -> None:
    folder = migrations(FILES)
    first = half()
    # What a killed process leaves: what it had committed, and no row of the attempt.
    there.execute("DELETE FROM schema_migrations_log WHERE action = 'apply' AND version = 2")
    there.execute("UPDATE schema_migrations SET status = 'running' WHERE version = 2; " + MEND)
    assert chronicle(sqlite_url, folder).ways_back[0].backup == first
    migrate(sqlite_url, folder, backup=BackupWish("always", str(tmp_path)))
    assert len(_backups(there)) == 2
    assert chronicle(sqlite_url, folder).runs[-1].attempts[-1].is_resumed
    assert chronicle(sqlite_url, folder).ways_back[0].backup == first
    assert _wanted(sqlite_url) == 1


def test_the_backup_of_a_run_is_in_the_log_before_anything_of_its_step_is_committed(
    there: Probe, migrations: WriteMigrations, half: Callable[[], str]
) -> None:
    migrations(FILES)
    half()
    assert [action for _, action, _, _ in log(there)] == ["apply", "backup", "apply"]


def test_after_a_rollback_a_later_backup_is_from_before_the_next_application(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path, there: Probe
) -> None:
    folder, kept = migrations(TABLES | BATCH), BackupWish("always", str(tmp_path))
    migrate(sqlite_url, folder, wish=Wish(to=1))
    there.execute(MEND)
    migrate(sqlite_url, folder, backup=kept)
    roll_back(sqlite_url, folder)
    migrate(sqlite_url, folder, backup=kept)
    first, second = _backups(there)
    assert not any(one.is_resumed for run in chronicle(sqlite_url, folder).runs for one in run.attempts)
    assert chronicle(sqlite_url, folder).ways_back[0].backup == second != first
