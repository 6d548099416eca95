"""How many backups stay: never less than one good one, and nothing goes that is not ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sessmig.backup import back_up
from sessmig.databases import connect
from sessmig.job import BackupWish, Job
from tests.backup.yard import BAD, FILES, Yard
from tests.fixtures.files import WriteMigrations


def _spoil(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_keep_leaves_the_newest_with_their_seals(yard: Yard) -> None:
    made = [yard.backup() for _ in range(4)]
    newest = yard.backup("--keep", "2")
    assert yard.backups == [made[-1], newest]
    assert len(list(yard.folder.iterdir())) == 4


def test_of_many_in_one_second_the_newest_stays(sqlite_yard: Yard) -> None:
    with connect(sqlite_yard.url) as database:
        job = Job(database, sqlite_yard.series, backup=BackupWish(folder=str(sqlite_yard.folder), keep=2))
        made = [Path(back_up(job, packed=bool(number % 2))[0].path) for number in range(12)]
    assert set(sqlite_yard.backups) == set(made[-2:])


def test_without_keep_all_stay(sqlite_yard: Yard) -> None:
    made = [sqlite_yard.backup() for _ in range(3)]
    assert sqlite_yard.backups == made


def test_a_run_keeps_as_many_too_and_also_when_it_fails(sqlite_yard: Yard, migrations: WriteMigrations) -> None:
    for _ in range(3):
        sqlite_yard.backup()
    migrations({"0001_pets.sql": "SELECT nix;\n"})
    for _ in range(3):
        assert sqlite_yard.run("migrate", "--keep", "2").returncode == 1
        assert len(sqlite_yard.backups) == 2
    migrations({"0001_pets.sql": "CREATE TABLE pets (x);\n"})
    sqlite_yard.done("migrate", "--keep", "1")
    (backup,) = sqlite_yard.backups
    assert "pets" not in sqlite_yard.probes(f"sqlite:///{backup}").tables()


def test_the_backup_from_before_what_was_applied_last_stays_however_often_the_next_step_fails(
    sqlite_yard: Yard, migrations: WriteMigrations
) -> None:
    sqlite_yard.done("migrate", "--keep", "2")
    (first,) = sqlite_yard.backups
    migrations({"0001_pets.sql": FILES["0001_pets.sql"], **BAD})
    for _ in range(4):
        assert sqlite_yard.run("migrate", "--keep", "2").returncode == 1
    assert len(sqlite_yard.backups) == 3
    assert first in sqlite_yard.backups
    sqlite_yard.done("backup", "--keep", "1")
    assert len(sqlite_yard.backups) == 2
    assert first in sqlite_yard.backups


def test_a_failing_backup_removes_none(sqlite_yard: Yard) -> None:
    made = [sqlite_yard.backup() for _ in range(2)]
    assert sqlite_yard.run("migrate", "--keep", "1", "--backup-dir", sqlite_yard.folder / "gone").returncode == 1
    assert sqlite_yard.backups == made


def test_what_is_not_ours_by_name_and_hash_stays(sqlite_yard: Yard) -> None:
    tampered, unsealed, old = (sqlite_yard.backup() for _ in range(3))
    _spoil(tampered)
    unsealed.with_name(f"{unsealed.name}.sha256").unlink()
    others = [
        sqlite_yard.folder / name for name in ("other.db.backup_20200101_000000", "app.db.backup", "app.db.backup_2020")
    ]
    for path in others:
        shutil.copy(old, path)
    newest = sqlite_yard.backup("--keep", "1")
    assert set(sqlite_yard.backups) == {tampered, unsealed, newest, *others}


def test_another_database_of_the_same_name_keeps_its_backups(sqlite_yard: Yard, tmp_path: Path) -> None:
    other = tmp_path / "app.db"
    shutil.copy(sqlite_yard.file, other)
    theirs = [Path(sqlite_yard.backup("-d", str(other))) for _ in range(2)]
    ours = [sqlite_yard.backup("--keep", "1") for _ in range(3)]
    assert set(sqlite_yard.backups) == {*theirs, ours[-1]}


@pytest.mark.parametrize("keep", ["0", "-1", "all"])
def test_less_than_one_cannot_be_kept(sqlite_yard: Yard, keep: str) -> None:
    made = sqlite_yard.backup()
    assert sqlite_yard.run("backup", "--keep", keep).returncode == 2
    ended = sqlite_yard.run("backup", env={"SESSMIG_KEEP": keep})
    assert ended.returncode == 2
    assert f"keep {keep!r}: not a number of backups\nGive 1 or more." in ended.stderr
    assert sqlite_yard.backups == [made]


def test_the_settings_come_from_the_environment_or_a_file(sqlite_yard: Yard, tmp_path: Path) -> None:
    text = f'[tool.sessmig]\ndatabase = "{sqlite_yard.url}"\nbackup_dir = "saved"\nkeep = 1\nbackup = "never"\n'
    place = tmp_path / "project"
    (place / "saved").mkdir(parents=True)
    (place / "pyproject.toml").write_text(text)
    for _ in range(2):
        assert sqlite_yard.cli("backup", cwd=place).returncode == 0
    assert len([path for path in (place / "saved").iterdir() if path.suffix != ".sha256"]) == 1
    assert sqlite_yard.cli("migrate", "--dir", sqlite_yard.series, cwd=place).returncode == 0
    assert len(list((place / "saved").iterdir())) == 2
    sqlite_yard.done("backup", env={"SESSMIG_KEEP": "3"})
    assert len(sqlite_yard.backups) == 1


def test_an_unknown_word_for_when_is_an_error(sqlite_yard: Yard) -> None:
    ended = sqlite_yard.run("migrate", env={"SESSMIG_BACKUP": "sometimes"})
    assert ended.returncode == 2
    assert "backup 'sometimes' is not understood\nKnown are: auto, always, never." in ended.stderr
    assert sqlite_yard.probe.tables() == {"people"}
