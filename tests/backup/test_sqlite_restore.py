"""Restoring into a SQLite file: others who have it, what it has left beside it, and what it was before."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessmig import BackupError
from sessmig.backup_choice import choose
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.restore import restore
from tests.backup.yard import Yard
from tests.fixtures.processes import AsNobody

CHANGES = "DELETE FROM people WHERE id > 5; INSERT INTO people (id, name) VALUES (99, 'late')"
_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for sql in sys.argv[2:]:
    connection.execute(sql).fetchone()
print("ready", flush=True)
sys.stdin.read()
"""


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


READS = ("BEGIN", "SELECT count(*) FROM people")
WRITES = ("BEGIN IMMEDIATE",)
IDLE = ("SELECT count(*) FROM people",)


@pytest.mark.parametrize(
    ("mode", "sql"),
    [("delete", READS), ("delete", WRITES), ("wal", READS), ("wal", WRITES), ("wal", IDLE)],
    ids=["reader", "writer", "reader-wal", "writer-wal", "idle-wal"],
)
def test_it_is_refused_while_another_process_holds_the_file(sqlite_yard: Yard, mode: str, sql: tuple[str, ...]) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    sqlite_yard.backup()
    sqlite_yard.probe.execute(CHANGES)
    now = sqlite_yard.state()
    with _another(sqlite_yard.file, *sql) as process:
        ended = sqlite_yard.run("restore", "--lock-wait", "0.2")
        assert ended.returncode == 5
        assert f"{sqlite_yard.url}: the lock was not had within 0.2 s; it is held by pid {process.pid}" in ended.stderr
        assert (
            "Nothing was touched.\nStop whoever has the database open, readers too, and run it again. With --force it "
            "is done though they have it open, if they stand in no transaction: they go on with another state under "
            "their feet"
        ) in ended.stderr
    assert sqlite_yard.state() == now
    assert {path.name.partition("-")[0] for path in sqlite_yard.file.parent.iterdir()} == {"app.db"}


def test_by_force_it_is_done_though_others_have_the_file_open_and_they_see_the_restored_state(
    sqlite_yard: Yard,
) -> None:
    sqlite_yard.probe.execute("PRAGMA journal_mode = wal")
    before = sqlite_yard.state()
    sqlite_yard.backup()
    sqlite_yard.probe.execute(CHANGES)
    with closing(sqlite3.connect(sqlite_yard.file, isolation_level=None)) as other:
        assert other.execute("SELECT count(*) FROM people").fetchone() == (6,)
        sqlite_yard.done("restore", "--force")
        assert other.execute("SELECT count(*) FROM people").fetchone() == (40,)
        other.execute("INSERT INTO people VALUES (50, 'written by the other')")
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        other.execute("DELETE FROM people WHERE id = 50")
    assert sqlite_yard.state() == before


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_by_force_nobody_is_robbed_of_an_open_transaction(sqlite_yard: Yard, mode: str) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    sqlite_yard.backup()
    now = sqlite_yard.state()
    with _another(sqlite_yard.file, *WRITES):
        ended = sqlite_yard.run("restore", "--force", "--lock-wait", "0.2")
    assert ended.returncode == 5
    assert "Nothing was touched." in ended.stderr
    assert sqlite_yard.state() == now


def test_a_hot_wal_of_a_killed_process_does_not_get_into_the_restored_database(sqlite_yard: Yard) -> None:
    sqlite_yard.probe.execute("PRAGMA journal_mode = wal")
    before = sqlite_yard.state()
    sqlite_yard.backup()
    with _another(
        sqlite_yard.file, "PRAGMA wal_autocheckpoint = 0", "DELETE FROM people WHERE id > 1", "CREATE TABLE hot (x)"
    ) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert os.stat(f"{sqlite_yard.file}-wal").st_size > 0
    sqlite_yard.done("restore")
    assert sqlite_yard.state() == before
    assert sqlite_yard.probe.value("PRAGMA integrity_check") == "ok"


def test_a_hot_journal_of_a_killed_process_does_not_get_into_the_restored_database(sqlite_yard: Yard) -> None:
    before = sqlite_yard.state()
    sqlite_yard.backup()
    big = "INSERT INTO people SELECT id + 1000 * n.value, hex(randomblob(500)) FROM people, generate n"
    big = big.replace("generate n", "(SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3) AS n")
    with _another(sqlite_yard.file, "PRAGMA cache_size = 2", "BEGIN IMMEDIATE", big) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert os.stat(f"{sqlite_yard.file}-journal").st_size > 0
    sqlite_yard.done("restore")
    assert sqlite_yard.state() == before
    assert sqlite_yard.probe.value("PRAGMA integrity_check") == "ok"


@pytest.mark.parametrize("leftover", ["", "-wal", "-journal"])
def test_a_database_that_is_gone_is_made_whatever_lies_beside(sqlite_yard: Yard, leftover: str) -> None:
    before = sqlite_yard.state()
    sqlite_yard.backup()
    os.unlink(sqlite_yard.file)
    if leftover:
        Path(f"{sqlite_yard.file}{leftover}").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"x" * 4096)
    sqlite_yard.done("restore")
    assert sqlite_yard.state() == before


def test_a_missing_database_stays_missing_where_nothing_can_be_restored(sqlite_yard: Yard) -> None:
    backup = sqlite_yard.backup()
    os.unlink(sqlite_yard.file)
    backup.with_name(f"{backup.name}.sha256").unlink()
    backup.write_bytes(b"SQLite format 3\0" + b"?" * 5000)
    assert sqlite_yard.run("restore", backup, "--force").returncode == 1
    assert not sqlite_yard.file.exists()


@pytest.mark.parametrize("damage", ["head", "page"])
def test_a_damaged_database_is_replaced_and_kept(sqlite_yard: Yard, damage: str) -> None:
    before = sqlite_yard.state()
    sqlite_yard.backup()
    bytes_now = bytearray(sqlite_yard.file.read_bytes())
    at = 0 if damage == "head" else 4096
    bytes_now[at : at + 90] = b"\xff" * 90
    sqlite_yard.file.write_bytes(bytes_now)
    told = sqlite_yard.done("restore")
    (kept,) = sqlite_yard.file.parent.glob("app.db.before_restore_*")
    assert f"what stood there before was damaged; it is kept in {kept}" in told
    assert kept.read_bytes()[at : at + 90] == b"\xff" * 90
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sqlite_yard.state() == before


_LIMITED = """
import resource, sys
from sessmig.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


def test_a_restore_that_fails_on_its_way_leaves_the_database_as_it_was_and_names_a_copy(sqlite_yard: Yard) -> None:
    sqlite_yard.probe.execute("CREATE TABLE ballast AS SELECT randomblob(9000000) AS x")
    backup = sqlite_yard.backup()
    sqlite_yard.probe.execute("DROP TABLE ballast; VACUUM")
    now = sqlite_yard.state()
    command = [sys.executable, "-c", _LIMITED, "4000000", "restore", "-d", sqlite_yard.url, str(backup)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    (kept,) = sqlite_yard.file.parent.glob("app.db.before_restore_*")
    assert ended.returncode == 1
    assert f"{sqlite_yard.url}: it could not be restored: " in ended.stderr
    assert f"The database is as it was; {kept} is a copy of it.\n" in ended.stderr
    assert sqlite_yard.state() == now
    assert sqlite_yard.probes(f"sqlite:///{kept}").snapshot()["rows"] == now["rows"]


def test_the_replaced_state_is_gone_when_all_went_well(sqlite_yard: Yard) -> None:
    sqlite_yard.backup()
    sqlite_yard.probe.execute(CHANGES)
    sqlite_yard.done("restore")
    assert [path.name for path in sqlite_yard.file.parent.iterdir()] == ["app.db"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("was", ["delete", "wal"])
@pytest.mark.parametrize("pages", [4096, 1024])
def test_kind_of_journal_page_size_and_encoding_come_from_the_backup(
    sqlite_yard: Yard, mode: str, was: str, pages: int
) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {was}")
    before = sqlite_yard.state()
    sqlite_yard.backup()
    os.unlink(sqlite_yard.file)
    sqlite_yard.probe.execute(
        f"PRAGMA encoding = 'UTF-16le'; PRAGMA page_size = {pages}; PRAGMA auto_vacuum = 1; CREATE TABLE x (y);"
        f"PRAGMA journal_mode = {mode};"
    )
    sqlite_yard.done("restore")
    assert sqlite_yard.state() == before


def test_the_file_itself_stays_with_its_rights_and_links(sqlite_yard: Yard, tmp_path: Path) -> None:
    sqlite_yard.file.chmod(0o640)
    os.link(sqlite_yard.file, tmp_path / "also.db")
    sqlite_yard.backup()
    number = sqlite_yard.file.stat().st_ino
    sqlite_yard.done("restore")
    assert sqlite_yard.file.stat().st_ino == number
    assert stat.S_IMODE(sqlite_yard.file.stat().st_mode) == 0o640


def test_a_database_that_may_only_be_read_is_not_restored_and_says_why(sqlite_yard: Yard, as_nobody: AsNobody) -> None:
    backup = sqlite_yard.backup()
    for path in sqlite_yard.folder.iterdir():
        path.chmod(0o644)
    sqlite_yard.probe.execute(CHANGES)
    now = sqlite_yard.state()
    sqlite_yard.file.chmod(0o444)

    def go_back() -> str:
        with connect(sqlite_yard.url) as database:
            job = Job(database, sqlite_yard.series, lock_wait=0.2)
            choice = choose(job, str(backup), force=False)
            with pytest.raises(BackupError) as caught:
                restore(job, choice, force=False)
        return str(caught.value)

    with connect(sqlite_yard.url):  # loads what the child may not read
        pass
    told = as_nobody(go_back)
    assert told == f"{sqlite_yard.url}: the file may not be written\nNothing was touched.\nMend its rights."
    assert sqlite_yard.state() == now
