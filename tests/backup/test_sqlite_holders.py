"""Restoring over a SQLite file that is damaged or idly open, and from one that somebody had open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessmig.databases.sqlite_broken import BrokenFile
from tests.backup.yard import Yard

_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for sql in sys.argv[2:]:
    connection.execute(sql).fetchone()
print("ready", flush=True)
sys.stdin.read()
"""
BIG = "INSERT INTO people SELECT id + 1000, hex(randomblob(5000)) FROM people"


@contextmanager
def _another(path: Path, *sql: str) -> Iterator[subprocess.Popen[str]]:
    """Have another process open the file, send these, and keep it open."""
    command = [sys.executable, "-c", _HOLDER, str(path), *sql]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.stdin.close()


def _spoil(path: Path) -> bytes:
    with open(path, "r+b") as file:
        file.write(b"\xff" * 90)
    return path.read_bytes()


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
@pytest.mark.parametrize(
    ("mode", "sql"),
    [("delete", ("PRAGMA cache_size = 2", "BEGIN IMMEDIATE", BIG)), ("wal", ("BEGIN IMMEDIATE", BIG))],
    ids=["delete", "wal"],
)
def test_a_damaged_file_is_not_replaced_under_another_process_that_writes_to_it(
    sqlite_yard: Yard, mode: str, sql: tuple[str, ...], force: tuple[str, ...]
) -> None:
    sqlite_yard.backup()
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    with _another(sqlite_yard.file, *sql) as process:
        now = _spoil(sqlite_yard.file)
        beside = {path: path.stat().st_size for path in sqlite_yard.file.parent.iterdir()}
        ended = sqlite_yard.run("restore", "--lock-wait", "0.2", *force)
        assert ended.returncode == 5
        assert f"{sqlite_yard.url}: the lock was not had within 0.2 s; it is held by pid {process.pid}" in ended.stderr
        assert "Nothing was touched.\nStop whoever has the database open" in ended.stderr
        assert ("--force" in ended.stderr) is not bool(force)
        assert sqlite_yard.file.read_bytes() == now
        assert {path: path.stat().st_size for path in sqlite_yard.file.parent.iterdir()} == beside
        process.kill()


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_what_a_damaged_file_has_beside_it_is_kept_with_it(sqlite_yard: Yard, ending: str) -> None:
    before = sqlite_yard.state()
    backup = sqlite_yard.backup()
    spoilt = _spoil(sqlite_yard.file)
    beside = Path(f"{sqlite_yard.file}{ending}")
    beside.write_bytes(b"what may be needed")
    kept = sqlite_yard.folder / "kept"
    partial = kept.with_name("kept.partial")
    partial.touch()
    broken = BrokenFile(str(sqlite_yard.file), sqlite_yard.url)
    with closing(broken):
        broken.hold(0)
        broken.save(str(partial))
        broken.replace(str(backup))
    assert partial.read_bytes() == spoilt
    assert Path(f"{kept}{ending}").read_bytes() == b"what may be needed"
    assert not beside.exists()
    assert sqlite_yard.state() == before


def test_a_damaged_file_that_is_replaced_keeps_mode_and_owner(sqlite_yard: Yard) -> None:
    sqlite_yard.backup()
    _spoil(sqlite_yard.file)
    sqlite_yard.file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(sqlite_yard.file, 65534, 65534)
    was = sqlite_yard.file.stat()
    sqlite_yard.done("restore")
    about = sqlite_yard.file.stat()
    assert (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) == (0o640, was.st_uid, was.st_gid)
    assert sqlite_yard.probe.value("SELECT count(*) FROM people") == 40


def test_a_file_that_another_process_has_open_idly_is_restored_by_force_alone(sqlite_yard: Yard) -> None:
    before = sqlite_yard.state()
    sqlite_yard.backup()
    sqlite_yard.probe.execute("DELETE FROM people")
    now = sqlite_yard.state()
    with _another(sqlite_yard.file, "SELECT count(*) FROM people") as process:
        ended = sqlite_yard.run("restore", "--lock-wait", "0.2")
        assert ended.returncode == 5
        assert (
            f"{sqlite_yard.url}: the file was not let go of within 0.2 s; it is open in pid {process.pid}, application"
        ) in ended.stderr
        assert "Nothing was touched." in ended.stderr
        assert sqlite_yard.state() == now
        sqlite_yard.done("restore", "--force")
    assert sqlite_yard.state() == before


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_by_force_over_an_open_transaction_force_is_not_offered_again(sqlite_yard: Yard, mode: str) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    sqlite_yard.backup()
    with _another(sqlite_yard.file, "BEGIN IMMEDIATE"):
        ended = sqlite_yard.run("restore", "--force", "--lock-wait", "0.2")
    assert ended.returncode == 5
    assert ended.stderr.endswith("Stop whoever has the database open, readers too, and run it again.\n")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_with_rows_beside_it_is_no_backup_whatever_is_forced(sqlite_yard: Yard, mode: str) -> None:
    live = sqlite_yard.folder / "live.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA journal_mode = {mode}; CREATE TABLE t (x); PRAGMA cache_size = 2")
        connection.execute("BEGIN")
        for _ in range(9):
            connection.execute("INSERT INTO t VALUES (randomblob(9000))")
        if mode == "wal":
            connection.execute("COMMIT")
        ending = "-wal" if mode == "wal" else "-journal"
        copy = sqlite_yard.folder / "copy.db"
        shutil.copy(live, copy)
        shutil.copy(f"{live}{ending}", f"{copy}{ending}")
    now = sqlite_yard.state()
    ended = sqlite_yard.run("restore", copy, "--force")
    assert ended.returncode == 1
    assert f"{copy}: somebody had it open: {copy}{ending} stands beside it" in ended.stderr
    assert ended.stderr.endswith(
        f"Nothing was touched.\nMake a backup of it, which has them, and restore that: sessmig backup -d {copy}\n"
    )
    assert sqlite_yard.state() == now
