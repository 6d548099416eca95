"""What faults have found: errors of the disk and of standing neighbours say what to do, on every way they come by."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sessmig.databases import postgres_connecting as postgres
from tests.faults import child, disk
from tests.faults.ground import SqliteGround
from tests.faults.on_sqlite import until_stopped
from tests.faults.series import PLAIN, series

BROKEN = (
    "The disk did not do what it was asked: is it full, a limit reached, or the disk broken? "
    "When that is mended, run it again."
)


@pytest.fixture
def ground(tmp_path: Path) -> Callable[[str], SqliteGround]:
    """A SQLite file in a journal mode, at the step's begin."""

    def made(journal: str) -> SqliteGround:
        child.load_all()
        found = SqliteGround(tmp_path / journal, PLAIN, journal)
        found.prepare()
        found.lay("begun")
        return found

    return made


def _no_file_grows() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


def test_a_backup_that_the_disk_refuses_says_what_to_do(ground: Callable[[str], SqliteGround]) -> None:
    here = ground("delete")
    ended = here.start("backup", prepare=_no_file_grows).wait()
    what, remedy = ended.output.splitlines()
    assert ended.code == 1
    assert what.endswith(".partial: disk I/O error")
    assert remedy == BROKEN
    assert here.state() == here.forth[0]
    assert not here.left()


def _little_memory() -> None:
    """Leave the command room for itself, and not for the file that it is to run."""
    resource.setrlimit(resource.RLIMIT_AS, (90 << 20,) * 2)


def test_a_file_that_takes_more_memory_than_there_is_is_told_in_words_and_nothing_is_touched(
    ground: Callable[[str], SqliteGround],
) -> None:
    here = ground("delete")
    with (here.folder / "0003_big.sql").open("w") as file:
        for _ in range(60):
            file.write(f"-- {'x' * 1_000_000}\n")
    ended = here.start("migrate", "--no-backup", prepare=_little_memory).wait()
    what, holds, remedy = ended.output.splitlines()
    words = "sessmig: out of memory: but for plain INSERTs a file is held whole, and takes six times its size"
    assert (ended.code, what) == (1, words)
    assert holds.startswith("What was committed before stands, and nothing else: sessmig status ")
    assert remedy == "Give it more memory, or cut the file into several migrations, and run it again."
    assert here.state() == here.forth[0]
    assert here.run("migrate", "--no-backup").code == 0


def test_a_ledger_that_cannot_be_read_for_want_of_room_says_what_to_do(ground: Callable[[str], SqliteGround]) -> None:
    here = ground("wal")
    ended = here.start("migrate", prepare=_no_file_grows).wait()
    assert (ended.code, ended.output) == (1, f"{here.url}: disk I/O error\n{BROKEN}\n")
    here.lay("begun")
    assert here.run("migrate").code == 0


def test_a_step_whose_journal_cannot_be_made_does_not_blame_its_file(ground: Callable[[str], SqliteGround]) -> None:
    here = ground("delete")

    def no_journal(name: str) -> int | None:
        return disk.break_once(name) if name == "open" else None

    ended = here.start("migrate", "--no-backup", prepare=partial(disk.plant, no_journal)).wait()
    assert ended.code == 1
    assert "0002_step.sql:2: unable to open database file\n" in ended.output
    assert "The database holds what it held before; nothing of 0002_step stays.\n" in ended.output
    assert ended.output.endswith("mend the rights of its folder, or make room on the disk, and run it again.\n")
    assert "Mend the file, or what it found" not in ended.output
    assert here.state() == here.forth[0]


def test_who_stands_still_while_he_opens_a_wal_is_waited_for_as_for_any_lock(
    ground: Callable[[str], SqliteGround],
) -> None:
    here = ground("wal")
    mark = here.place / "mark"
    standing = here.start("migrate", prepare=partial(disk.plant, disk.Counted(mark, 3, disk.stop)))
    try:
        assert until_stopped(standing.pid)
        other = here.start("migrate", "--lock-wait", "0.05", log=here.place / "other").wait()
    finally:
        os.kill(standing.pid, signal.SIGCONT)
    assert other.code == 5, other.output
    assert "the lock was not had within 0.05 s; it is held by" in other.output
    assert standing.wait().code == 0
    assert here.state() == here.forth[-1]


def test_a_network_that_falls_silent_is_noticed_in_two_minutes_unless_the_url_says_otherwise(postgres_url: str) -> None:
    with postgres.connected(postgres_url, "", ()) as connection:
        assert _patience(connection.fileno()) == (60, 10, 6, 120_000)
    with postgres.connected(f"{postgres_url}?keepalives_idle=7&tcp_user_timeout=9000", "", ()) as connection:
        assert _patience(connection.fileno()) == (7, 10, 6, 9000)


def _patience(descriptor: int) -> tuple[int, ...]:
    """What the system knows of a connection: seconds, seconds, times, milliseconds."""
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    with socket.socket(fileno=os.dup(descriptor)) as end:
        return tuple(end.getsockopt(socket.IPPROTO_TCP, option) for option in options)


def test_a_lock_file_that_is_removed_between_opening_and_locking_it_is_nobody_s_any_more(tmp_path: Path) -> None:
    child.load_all()
    here = SqliteGround(tmp_path / "alone", series("sqlite")["no-transaction"])
    here.prepare()
    here.lay("begun")
    lock = here.work / "app.db-sessmig-lock"
    lock.touch()  # as a killed process leaves it; whoever is faster removes it

    def be_faster() -> None:
        opened: list[str] = []
        removed: list[str] = []

        def hear(event: str, arguments: tuple[object, ...]) -> None:
            if event == "sqlite3.connect":
                opened.append(str(arguments[0]))
            elif event == "sqlite3.connect/handle" and lock.name in opened[-1] and not removed:
                removed.append(lock.name)
                lock.unlink()

        sys.addaudithook(hear)

    ended = here.start("migrate", "--lock-wait", "5", prepare=be_faster).wait()
    assert (ended.code, "cannot be used" in ended.output) == (0, False), ended.output
    assert here.state() == here.forth[-1]
    assert not here.left()


def _refused(name: str, *, part: str, by: BaseException | None = None) -> Callable[[], None]:
    """Have the disk refuse to remove each file of which the name holds a part; or have something else happen then."""
    error = by or OSError(errno.EIO, os.strerror(errno.EIO))

    def plant() -> None:
        def hear(event: str, arguments: tuple[object, ...]) -> None:
            if event == name and part in str(arguments[0]) and not str(arguments[0]).endswith(".partial"):
                raise error

        sys.addaudithook(hear)

    return plant


def test_a_restore_that_cannot_remove_the_copy_of_the_old_state_is_done_and_says_so(
    ground: Callable[[str], SqliteGround],
) -> None:
    here = ground("delete")
    assert here.run("backup").code == 0
    here.probe().execute("DELETE FROM messages")
    ended = here.start("restore", "--yes", prepare=_refused("os.remove", part=".before_restore_")).wait()
    assert ended.code == 0, ended.output
    assert "a copy of the old state, could not be removed: Input/output error" in ended.output
    assert here.state() == here.forth[0]
    (left,) = here.left()
    assert ".before_restore_" in left


def test_a_restore_that_is_ended_behind_its_commit_does_not_say_that_nothing_was_done(
    ground: Callable[[str], SqliteGround],
) -> None:
    here = ground("delete")
    assert here.run("backup").code == 0
    here.probe().execute("DELETE FROM messages")
    ended = here.start(
        "restore", "--yes", prepare=_refused("os.remove", part=".before_restore_", by=KeyboardInterrupt())
    ).wait()
    assert ended.code == 130, ended.output
    assert "interrupted: the database is restored from " in ended.output
    assert here.state() == here.forth[0]


def test_a_lock_file_of_ours_that_cannot_be_removed_is_left_to_the_next_run(tmp_path: Path) -> None:
    child.load_all()
    here = SqliteGround(tmp_path / "alone", series("sqlite")["no-transaction"])
    here.prepare()
    here.lay("begun")
    ended = here.start("migrate", "--no-backup", prepare=_refused("os.remove", part="-sessmig-lock")).wait()
    assert ended.code == 0, ended.output
    assert here.left() == ["app.db-sessmig-lock"]
    assert here.state() == here.forth[-1]
    assert here.run("rollback").code == 0
    assert here.left() == []


def test_a_lock_file_of_a_dead_process_that_cannot_be_removed_stops_the_run_in_words(
    ground: Callable[[str], SqliteGround],
) -> None:
    here = ground("delete")
    (here.work / "app.db-sessmig-lock").touch()
    ended = here.start("migrate", "--no-backup", prepare=_refused("os.remove", part="-sessmig-lock")).wait()
    assert ended.code == 1
    assert "app.db-sessmig-lock cannot be used: Input/output error\n" in ended.output
    assert ended.output.endswith("May you write it, and into its folder?\n")
    assert here.state() == here.forth[0]
    assert here.run("migrate").code == 0
    assert here.left() == []
