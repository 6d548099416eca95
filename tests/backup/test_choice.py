"""Which backup is taken: of this database and machine, what the log says of its hash, and what only looks like one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.backup.yard import Yard

CHANGES = "DELETE FROM people WHERE id > 5; INSERT INTO people (id, name) VALUES (99, 'late')"


def _seal(backup: Path) -> Path:
    return backup.with_name(f"{backup.name}.sha256")


def _reseal(backup: Path, origin: str) -> None:
    """Have the seal name another database."""
    first = _seal(backup).read_text().split("\n")[0]
    _seal(backup).write_text(f"{first}\n# backup of {origin}\n")


def test_a_named_backup_of_another_database_is_refused_and_restored_by_force_alone(
    sqlite_yard: Yard, tmp_path: Path
) -> None:
    before = sqlite_yard.state()
    other = tmp_path / "app.db"
    shutil.copy(sqlite_yard.file, other)
    sqlite_yard.probe.execute(CHANGES)
    now = sqlite_yard.state()
    backup = sqlite_yard.backup("-d", str(other))
    theirs, ours = (f"sqlite://{socket.gethostname()}{path}" for path in (other, sqlite_yard.file))
    assert f"{backup}: it is of another database: {theirs}\n" in sqlite_yard.run("restore").stderr
    ended = sqlite_yard.run("restore", backup)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"{backup}: it is the backup of another database: {theirs}; this one is {ours}\nNothing was touched.\n"
        "To put that one's state into this one nevertheless, give --force.\n"
    )
    assert sqlite_yard.state() == now
    assert f"this is the backup of another database: {theirs}" in sqlite_yard.done("restore", backup, "--force")
    assert sqlite_yard.state() == before


def test_a_backup_of_the_same_path_on_another_machine_is_of_another_database(sqlite_yard: Yard) -> None:
    ours, theirs = sqlite_yard.backup(), sqlite_yard.backup()
    elsewhere = f"sqlite://elsewhere{sqlite_yard.file}"
    _reseal(theirs, elsewhere)
    told = sqlite_yard.done("restore")
    assert f"from {ours}, " in told
    assert f"passed over {theirs}: it is of another database: {elsewhere}\n" in told
    ended = sqlite_yard.run("restore", theirs)
    assert ended.returncode == 1
    assert f"{elsewhere}; this one is sqlite://{socket.gethostname()}{sqlite_yard.file}\nNothing was" in ended.stderr
    newest = sqlite_yard.backup("--keep", "1")
    assert set(sqlite_yard.backups) == {theirs, newest}


def test_beside_the_database_itself_a_backup_is_its_own_whatever_the_machine_was_called(sqlite_yard: Yard) -> None:
    env = {"SESSMIG_BACKUP_DIR": str(sqlite_yard.file.parent)}
    backup = Path(json.loads(sqlite_yard.done("backup", "--json", env=env))["backup"]["path"])
    _reseal(backup, f"sqlite://before{sqlite_yard.file}")
    assert f"from {backup}, " in sqlite_yard.done("restore", env=env)


def test_rollback_does_not_offer_the_backup_of_another_database(sqlite_yard: Yard) -> None:
    sqlite_yard.done("migrate")
    (backup,) = sqlite_yard.backups
    assert f"{backup}" in sqlite_yard.run("rollback").stderr
    _reseal(backup, f"sqlite://elsewhere{sqlite_yard.file}")
    told = sqlite_yard.run("rollback").stderr
    assert f"{backup}" not in told
    assert "The log knows of no backup from before it that is still there." in told


def test_a_backup_that_was_changed_and_sealed_again_is_found_out_by_the_log(sqlite_yard: Yard) -> None:
    sqlite_yard.done("migrate", "--no-backup")
    good, bad = sqlite_yard.backup(), sqlite_yard.backup()
    was = hashlib.sha256(bad.read_bytes()).hexdigest()
    sqlite_yard.probes(f"sqlite:///{bad}").execute("DELETE FROM people")
    is_now = hashlib.sha256(bad.read_bytes()).hexdigest()
    _seal(bad).write_text(_seal(bad).read_text().replace(was, is_now))
    now = sqlite_yard.state()
    ended = sqlite_yard.run("restore", bad, "--force")
    assert ended.returncode == 1
    assert f"its SHA-256 is {is_now}, and was {was} when it was made\nNothing was touched." in ended.stderr
    assert sqlite_yard.state() == now
    told = sqlite_yard.done("restore")
    assert f"from {good}, " in told
    assert f"passed over {bad}: it is not what it was when it was made" in told


def test_a_clock_that_was_set_back_makes_no_new_backup_an_old_one(sqlite_yard: Yard) -> None:
    made = sqlite_yard.backup()
    ahead = made.with_name("app.db.backup_20990101_000000")
    _seal(ahead).write_text(_seal(made).read_text().replace(made.name, ahead.name))
    _seal(made).unlink()
    made.rename(ahead)
    sqlite_yard.probe.execute(CHANGES)
    now = sqlite_yard.state()
    told = sqlite_yard.done("backup")
    newest = ahead.with_name("app.db.backup_20990101_000000_2")
    assert told.startswith(f"backup {newest}, ")
    assert "the clock is behind the last backup, so this one is named after that: 2099-01-01 00:00:00" in told
    sqlite_yard.probe.execute("DELETE FROM people")
    assert f"from {newest}, " in sqlite_yard.done("restore")
    assert sqlite_yard.state() == now
    sqlite_yard.done("backup", "--keep", "1")
    assert [path.name for path in sqlite_yard.backups] == ["app.db.backup_20990101_000000_3"]


@pytest.mark.parametrize("odd", ["\n", "\x85", "\u2028", "\r", "\\"])
def test_whatever_ends_a_line_may_stand_in_the_name(sqlite_yard: Yard, odd: str) -> None:
    url = f"{sqlite_yard.url}{odd}b.db"
    shutil.copy(sqlite_yard.file, f"{sqlite_yard.file}{odd}b.db")
    sqlite_yard.done("backup", "-d", url)
    told = sqlite_yard.done("restore", "-d", url)
    assert "passed over" not in told
    sqlite_yard.done("backup", "-d", url, "--keep", "1")
    assert len(sqlite_yard.backups) == 1


def test_what_is_no_file_of_its_own_is_passed_over_under_the_name_of_a_backup(sqlite_yard: Yard) -> None:
    backup = sqlite_yard.backup()
    link, folder, pipe = (backup.with_name(f"app.db.backup_2099010{n}_000000") for n in (1, 2, 3))
    link.symlink_to(backup)
    shutil.copy(_seal(backup), _seal(link))
    folder.mkdir()
    os.mkfifo(pipe)
    os.mkfifo(_seal(pipe))
    told = sqlite_yard.done("restore")
    assert told.startswith(f"restored {sqlite_yard.url} from {backup}, ")
    assert [line for line in told.splitlines() if "passed over" in line] == [
        f"  passed over {pipe}: it is no file",
        f"  passed over {folder}: it is a folder",
        f"  passed over {link}: it is a symbolic link",
    ]
    sqlite_yard.backup("--keep", "1")
    assert link.is_symlink()
    assert folder.is_dir()
    assert pipe.is_fifo()


def test_only_what_sessmig_itself_leaves_half_written_is_removed(sqlite_yard: Yard) -> None:
    theirs = [
        sqlite_yard.folder / f"app.db.backup_20200101_000000{ending}.partial"
        for ending in ("_notes", ".gz.old", ".txt", "_2x")
    ]
    for path in theirs:
        path.write_text("notes")
    sqlite_yard.backup()
    assert all(path.exists() for path in theirs)


@pytest.mark.parametrize("kind", ["folder", "seal"])
def test_what_is_given_for_a_backup_and_is_none_is_named(sqlite_yard: Yard, kind: str) -> None:
    backup = sqlite_yard.backup()
    given, words = {
        "folder": (
            sqlite_yard.folder,
            "is a folder\nNothing was touched.\nFor the newest backup that stands in it give it as --backup-dir",
        ),
        "seal": (
            _seal(backup),
            f"it holds the hash of a backup, and is none itself\nNothing was touched.\nGive the backup: {backup}\n",
        ),
    }[kind]
    ended = sqlite_yard.run("restore", given, "--force")
    assert ended.returncode == 1
    assert f"{given}: {words}" in ended.stderr


def test_a_restore_says_what_it_takes(sqlite_yard: Yard) -> None:
    backup = sqlite_yard.backup()
    day, moment = backup.name[-15:-7], backup.name[-6:]
    when = f"{day[:4]}-{day[4:6]}-{day[6:]} {moment[:2]}:{moment[2:4]}:{moment[4:]}"
    told = sqlite_yard.done("restore")
    words = f"the backup is of {when} UTC: what was written since is gone, and ledger and log are those of then"
    assert told.splitlines()[1] == f"  {words}"


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_dry_restore_says_what_would_be_taken_and_touches_nothing(yard: Yard, options: tuple[str, ...]) -> None:
    good, bad = yard.backup(*options), yard.backup()
    bad.write_bytes(bad.read_bytes()[:-1])
    yard.probe.execute(CHANGES)
    now, files = yard.state(), set(yard.folder.iterdir())
    told = yard.done("restore", "--dry-run").splitlines()
    assert told[0].startswith(f"would restore {yard.url} from {good}, ")
    assert told[1].endswith("what was written since is gone, and ledger and log are those of then")
    assert told[2] in ("  it is 0 min old", "  it is 1 min old")
    assert told[3:] == [f"  passed over {bad}: it is not what it was when it was made", "nothing was touched"]
    assert json.loads(yard.done("restore", "--dry-run", "--json"))["would_restore"]["path"] == str(good)
    assert (yard.state(), set(yard.folder.iterdir())) == (now, files)


def test_a_compressed_backup_is_found_by_a_relative_path(sqlite_yard: Yard) -> None:
    before = sqlite_yard.state()
    backup = sqlite_yard.backup("--gzip")
    sqlite_yard.probe.execute(CHANGES)
    sqlite_yard.done("restore", f"{sqlite_yard.folder.name}/{backup.name}")
    assert sqlite_yard.state() == before
    assert sqlite_yard.backups == [backup]
