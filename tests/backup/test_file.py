"""The file of a backup: its name, its rights, its seal; and that nothing half-written ever bears that name."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import BackupError, ensure_migrations
from sessmig.backup_choice import Choice
from sessmig.backup_room import spared
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.restore import restore
from tests.backup.yard import Yard
from tests.fixtures.processes import AsNobody

NAME = re.compile(r"[\w.]+\.backup_\d{8}_\d{6}(_\d+)?(\.gz)?")


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_a_backup_is_named_after_its_database_and_the_time_and_is_ours_alone(
    yard: Yard, options: tuple[str, ...]
) -> None:
    backup = yard.backup(*options)
    assert NAME.fullmatch(backup.name)
    assert backup.name.endswith(".gz") is bool(options)
    assert [path.name for path in yard.folder.iterdir() if path != backup] == [f"{backup.name}.sha256"]
    for path in yard.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
def test_what_stands_beside_a_backup_is_what_sha256sum_reads(yard: Yard, options: tuple[str, ...]) -> None:
    backup = yard.backup(*options)
    seal = backup.with_name(f"{backup.name}.sha256").read_text()
    assert seal.startswith(f"{hashlib.sha256(backup.read_bytes()).hexdigest()}  {backup.name}\n")
    assert all(line.startswith("# ") for line in seal.splitlines()[1:])
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "--strict", f"{backup.name}.sha256"], cwd=yard.folder, check=True)


def test_a_second_backup_in_the_same_second_has_a_name_of_its_own_and_counts_as_the_newer(sqlite_yard: Yard) -> None:
    made = [sqlite_yard.backup(*options) for options in ((), ("--gzip",), (), ("--gzip",), ())]
    assert len({path.name.removesuffix(".gz") for path in made}) == 5
    told = sqlite_yard.done("restore")
    assert f"from {made[-1]}, " in told


def test_a_compressed_backup_holds_the_same_as_one_that_is_not(sqlite_yard: Yard) -> None:
    plain, packed = sqlite_yard.backup(), sqlite_yard.backup("--gzip")
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_backup_holds_what_is_committed_and_keeps_the_kind_of_journal(sqlite_yard: Yard, mode: str) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    with closing(sqlite3.connect(sqlite_yard.file, isolation_level=None)) as writer:
        writer.execute("INSERT INTO people VALUES (41, 'committed')")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO people VALUES (42, 'not committed')")
        backup = sqlite_yard.backup()
        writer.execute("ROLLBACK")
    assert sqlite_yard.probes(f"sqlite:///{backup}").snapshot() == sqlite_yard.probe.snapshot()
    assert sqlite_yard.probe.value("SELECT count(*) FROM people") == 41


def test_a_damaged_database_is_not_backed_up_and_nothing_stays(sqlite_yard: Yard) -> None:
    sqlite_yard.probe.execute("CREATE INDEX names ON people (name)")
    root = sqlite_yard.probe.value("SELECT rootpage FROM sqlite_master WHERE name = 'names'")
    with open(sqlite_yard.file, "r+b") as file:
        file.seek((root - 1) * 4096 + 4000)
        file.write(b"\xff" * 90)
    ended = sqlite_yard.run("migrate")
    assert ended.returncode == 1
    assert f"{sqlite_yard.url}: the database itself is damaged: " in ended.stderr
    assert "Nothing was applied.\nPRAGMA integrity_check shows all of it." in ended.stderr
    assert list(sqlite_yard.folder.iterdir()) == []
    assert "pets" not in sqlite_yard.probe.tables()


def test_without_room_it_is_said_before_anything_is_touched(sqlite_yard: Yard) -> None:
    free = shutil.disk_usage(sqlite_yard.folder).free
    pages = (free * 2) // 4096
    # As large as twice the disk, and nearly all of it a hole.
    with open(sqlite_yard.file, "r+b") as file:
        file.truncate(pages * 4096)
        file.seek(28)
        file.write(pages.to_bytes(4, "big"))
    with pytest.raises(BackupError) as caught:
        ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup_dir=sqlite_yard.folder)
    assert f"{sqlite_yard.folder}: no room for a backup of app.db: it takes " in caught.value.what
    assert ", and 16.0 MB are to stay free; " in caught.value.what
    assert caught.value.holds == "Nothing was applied."
    assert caught.value.remedy.startswith("Make room. Give another folder (--backup-dir), or go on without a backup")
    assert list(sqlite_yard.folder.iterdir()) == []
    assert sqlite_yard.probe.tables() == {"people"}
    assert ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup="never").applied == 1


def test_little_stays_free_beside_a_little_database() -> None:
    assert [spared(size << 20) for size in (0, 1, 40, 1 << 20)] == [1 << 20, 1 << 20, 4 << 20, 16 << 20]


def test_a_compressed_backup_that_has_no_room_is_refused_before_anything_is_unpacked(sqlite_yard: Yard) -> None:
    packed = sqlite_yard.folder / "big.gz"
    with open(packed, "wb") as file:  # as large as twice the disk, and nearly all of it a hole
        file.write(b"\x1f\x8b")
        file.truncate(shutil.disk_usage(sqlite_yard.folder).free * 2)
    with connect(sqlite_yard.url) as database, pytest.raises(BackupError) as caught:
        restore(Job(database, sqlite_yard.series), Choice(str(packed), 2, "", None), force=True)
    assert f"no room for unpacking {packed}: it takes " in caught.value.what
    assert caught.value.holds == "Nothing was touched."
    assert caught.value.remedy == (
        "Make room. A compressed backup is unpacked first: beside it, or in the folder that TMPDIR names."
    )
    assert list(sqlite_yard.folder.iterdir()) == [packed]


def test_a_backup_alone_speaks_of_no_run(sqlite_yard: Yard) -> None:
    ended = sqlite_yard.run("backup", "--backup-dir", "nowhere")
    assert ended.returncode == 1
    assert "nowhere: no such folder for backups\nMake it, or give another (--backup-dir).\n" in ended.stderr


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_backup_is_said_and_stands_though_the_log_cannot_be_written(sqlite_yard: Yard, mode: str) -> None:
    sqlite_yard.done("migrate", "--no-backup")
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    with closing(sqlite3.connect(sqlite_yard.file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        ended = sqlite_yard.run("backup")
    (backup,) = sqlite_yard.backups
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"backup {backup}, ")
    assert "the backup is good, but could not be written to the log: " in ended.stderr
    assert "the lock was not had within 1 s; it is held by pid" in ended.stderr
    assert sqlite_yard.logged("backup") == []


def test_a_folder_that_may_not_be_written_is_named_before_anything_is_touched(
    sqlite_yard: Yard, as_nobody: AsNobody
) -> None:
    sqlite_yard.file.parent.chmod(0o777)
    sqlite_yard.file.chmod(0o666)
    sqlite_yard.folder.chmod(0o555)

    def migrate() -> str:
        with pytest.raises(BackupError) as caught:
            ensure_migrations(sqlite_yard.url, sqlite_yard.series, backup_dir=sqlite_yard.folder)
        return str(caught.value)

    assert as_nobody(migrate) == (
        f"{sqlite_yard.url}: {sqlite_yard.folder}: no backup can be written there: Permission denied\n"
        "Nothing was applied.\n"
        'Give another folder (--backup-dir), or go on without a backup (--no-backup, backup="never").'
    )
    assert sqlite_yard.probe.tables() == {"people"}


def test_what_dead_processes_have_left_goes_with_the_next_backup_and_is_never_restored(sqlite_yard: Yard) -> None:
    dead = [
        sqlite_yard.folder / f"app.db.backup_20990101_000000{ending}.partial" for ending in ("", ".gz", ".sha256", "_2")
    ]
    others = [sqlite_yard.folder / name for name in ("app.db.partial", "other.db.backup_20990101_000000.partial")]
    for path in (*dead, *others):
        path.write_bytes(b"half")
    backup = sqlite_yard.backup()
    assert set(sqlite_yard.backups) == {backup, *others}
    assert f"from {backup}, " in sqlite_yard.done("restore")


def test_what_a_living_process_is_writing_stays(sqlite_yard: Yard) -> None:
    import fcntl

    living = sqlite_yard.folder / "app.db.backup_20990101_000000.partial"
    seal = living.with_name("app.db.backup_20990101_000000.sha256.partial")
    with open(living, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        seal.write_text("half")
        sqlite_yard.backup()
        assert living.exists()
        assert seal.exists()


def test_files_that_are_begun_while_others_sweep_are_made(tmp_path: Path) -> None:
    script = (
        "import sys; from sessmig.backup_files import new_file, sweep\n"
        "for n in range(300):\n"
        "    sweep(sys.argv[1], 'app.db')\n"
        "    with new_file(sys.argv[1], 'app.db.backup') as file:\n"
        "        if n % 2: file.finish()\n"
        "    sweep(sys.argv[1], 'app.db')"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, tmp_path], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1].decode() for process in both] == [""] * 3
    names = [path.name for path in tmp_path.iterdir()]
    assert (len(names), any(name.endswith(".partial") for name in names)) == (450, False)


def test_a_backup_of_a_database_that_is_not_there_makes_none(sqlite_yard: Yard) -> None:
    os.unlink(sqlite_yard.file)
    ended = sqlite_yard.run("backup")
    assert ended.returncode == 1
    assert f"{sqlite_yard.url}: there is no such database\n" in ended.stderr
    assert not sqlite_yard.file.exists()
    assert sqlite_yard.backups == []


def test_a_backup_by_itself_is_logged_where_a_ledger_stands_and_makes_none(yard: Yard) -> None:
    yard.backup()
    assert yard.probe.tables() == {"people"}
    yard.done("migrate", "--no-backup")
    backup = yard.backup()
    ((outcome, detail),) = yard.logged("backup")
    assert (outcome, detail["path"]) == ("success", str(backup))
    assert yard.probe.value("SELECT series FROM schema_migrations_log WHERE action = 'backup'") == "shop"


def test_a_backup_by_itself_needs_no_series(yard: Yard) -> None:
    yard.done("migrate", "--no-backup")
    yard.done("backup", "--dir", "nowhere")
    assert len(yard.logged("backup")) == 1
    assert len(yard.backups) == 1


def test_a_backup_by_itself_does_not_wait_for_a_run_that_holds_the_lock(postgres_yard: Yard) -> None:
    (postgres_yard.series / "0002_slow.sql").write_text("SELECT pg_sleep(600);\n")
    run = postgres_yard.cli.start(
        "migrate", env={"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_DIR": str(postgres_yard.series)}
    )
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    while not postgres_yard.probe.value(asleep):
        assert run.poll() is None
        time.sleep(0.02)
    backup = postgres_yard.backup("--lock-wait", "0")
    assert [detail["path"] for _, detail in postgres_yard.logged("backup")] == [str(backup)]
    assert run.poll() is None


def test_a_backup_of_a_database_that_may_only_be_read_is_good_and_says_that_it_is_not_logged(
    postgres_yard: Yard,
) -> None:
    postgres_yard.done("migrate")
    name = postgres_yard.probe.value("SELECT current_database()")
    postgres_yard.probe.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    ended = postgres_yard.run("backup")
    assert ended.returncode == 0
    assert "the backup is good, but could not be written to the log: cannot execute INSERT" in ended.stderr
    assert len(postgres_yard.backups) == 1


def test_a_relative_folder_is_logged_as_it_is_found_from_anywhere(sqlite_yard: Yard) -> None:
    sqlite_yard.done("migrate", "--backup-dir", "saved")
    ((_, detail),) = sqlite_yard.logged("backup")
    assert Path(detail["path"]).is_absolute()
    assert Path(detail["path"]).parent == sqlite_yard.folder
