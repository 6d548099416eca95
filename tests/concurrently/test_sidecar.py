"""The lock over several commits of a SQLite file: a file beside it that every run respects, and that nobody leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import DatabaseError, LockError, ensure_migrations
from sessmig.databases import connect
from sessmig.model import Holder
from tests.concurrently.alone import LOCK, Aside, nobody, one, run_at, until
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody

Look = Callable[[str], Probe]

_HOLD = (
    "import sys, time\nfrom sessmig.databases import connect\n"
    "with connect(sys.argv[1]) as database, database.exclusive('schema_migrations', wait=30, on_wait=lambda h: None):\n"
    "    print('held', flush=True)\n    sys.stdin.readline()\n"
)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _sidecar(url: str) -> Path:
    return Path(f"{_path(url)}-sessmig-lock")


def _holding(url: str) -> subprocess.Popen[str]:
    """A process of its own that has the lock until it is sent a line."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_the_file_stands_beside_the_database_while_the_lock_is_held_and_is_gone_afterwards(sqlite_url: str) -> None:
    with connect(sqlite_url) as database:
        with database.exclusive(LOCK, wait=0, on_wait=nobody):
            assert _sidecar(sqlite_url).read_bytes() == b""
            assert _sidecar(sqlite_url).stat().st_mode == _path(sqlite_url).stat().st_mode
        assert sorted(os.listdir(_path(sqlite_url).parent)) == ["app.db"]


@pytest.mark.parametrize("session", [True, False], ids=["over all statements", "for one transaction"])
def test_another_process_waits_for_it_names_the_holder_and_goes_on(sqlite_url: str, session: bool) -> None:
    holding = _holding(sqlite_url)
    waited: list[Holder] = []

    def second() -> None:
        with connect(sqlite_url) as database:
            hold = database.exclusive if session else database.transaction
            with hold(LOCK, wait=60, on_wait=waited.append):
                pass

    behind = Aside(second)
    until(lambda: len(waited) > 2)
    assert not behind.is_over
    holding.communicate("\n")
    behind.ended()
    assert {holder.pid for holder in waited} <= {holding.pid, None}
    assert waited[0].pid == holding.pid
    assert not _sidecar(sqlite_url).exists()


@pytest.mark.parametrize("session", [True, False], ids=["over all statements", "for one transaction"])
def test_who_does_not_get_it_in_time_gives_up_in_words_and_has_changed_nothing(
    sqlite_url: str, probe: Look, session: bool
) -> None:
    holding = _holding(sqlite_url)
    with connect(sqlite_url) as database:
        hold = database.exclusive if session else database.transaction
        with pytest.raises(LockError) as caught, hold(LOCK, wait=0.2, on_wait=lambda _: None):
            pass
    assert caught.value.what.startswith(
        f"{sqlite_url}: the lock was not had within 0.2 s; it is held by pid {holding.pid}, application "
    )
    assert probe(sqlite_url).tables() == set()
    holding.communicate("\n")


def test_a_whole_run_waits_for_it(sqlite_url: str, migrations: WriteMigrations, probe: Look) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    holding = _holding(sqlite_url)
    with pytest.raises(LockError):
        ensure_migrations(sqlite_url, folder, lock_wait=0.2)
    assert probe(sqlite_url).tables() == set()
    holding.communicate("\n")
    assert ensure_migrations(sqlite_url, folder, lock_wait=0).applied == 1


def test_an_applications_writes_are_not_kept_out(sqlite_url: str, probe: Look) -> None:
    holding = _holding(sqlite_url)
    probe(sqlite_url).execute("CREATE TABLE theirs (x INTEGER)")
    assert probe(sqlite_url).tables() == {"theirs"}
    holding.communicate("\n")


@pytest.mark.parametrize("session", [True, False], ids=["over all statements", "for one transaction"])
def test_of_a_killed_process_the_file_stays_nobody_waits_for_it_and_the_next_run_removes_it(
    sqlite_url: str, session: bool
) -> None:
    holding = _holding(sqlite_url)
    holding.send_signal(signal.SIGKILL)
    holding.communicate()
    assert _sidecar(sqlite_url).exists()
    with connect(sqlite_url) as database:
        hold = database.exclusive if session else database.transaction
        with hold(LOCK, wait=0, on_wait=nobody):
            assert _sidecar(sqlite_url).exists() == session
    assert not _sidecar(sqlite_url).exists()


def test_where_somebody_writes_at_the_end_the_file_stays_and_is_nobodys(sqlite_url: str) -> None:
    with (
        closing(sqlite3.connect(_path(sqlite_url), isolation_level=None)) as application,
        connect(sqlite_url) as database,
    ):
        with database.exclusive(LOCK, wait=0, on_wait=nobody):
            application.execute("BEGIN IMMEDIATE")
        assert _sidecar(sqlite_url).exists()
        application.execute("COMMIT")
        with database.transaction(LOCK, wait=0, on_wait=nobody):
            assert not _sidecar(sqlite_url).exists()


def test_who_comes_by_a_link_comes_to_the_same_lock(sqlite_url: str, tmp_path: Path) -> None:
    with connect(sqlite_url) as database, database.exclusive(LOCK, wait=0, on_wait=nobody):
        (tmp_path / "link.db").symlink_to(_path(sqlite_url))
        with (
            connect(tmp_path / "link.db") as other,
            pytest.raises(LockError),
            other.transaction(LOCK, wait=0, on_wait=lambda _: None),
        ):
            pass


def test_eight_processes_hold_it_one_after_the_other(sqlite_url: str, probe: Look) -> None:
    seen = probe(sqlite_url)
    seen.execute("CREATE TABLE turns (inside INTEGER); INSERT INTO turns VALUES (0)")
    code = (
        "import sys\nfrom sessmig.databases import connect\n"
        "for n in range(5):\n"
        "  with connect(sys.argv[1]) as database:\n"
        "    hold = database.exclusive if (n + int(sys.argv[2])) % 2 else database.transaction\n"
        "    with hold('schema_migrations', wait=60, on_wait=lambda h: None):\n"
        "        before = database.query('SELECT inside FROM turns').rows[0][0]\n"
        "        database.query('UPDATE turns SET inside = $1', (before + 1,))\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    # What is read under the lock over several commits is written in another commit: who came between would be lost.
    crew = [subprocess.Popen([sys.executable, "-c", code, sqlite_url, str(n)], cwd=root) for n in range(8)]
    assert [process.wait() for process in crew] == [0] * 8
    assert seen.value("SELECT inside FROM turns") == 40
    assert not _sidecar(sqlite_url).exists()


def test_a_folder_in_which_no_lock_file_can_be_made_is_said_in_words(sqlite_url: str, as_nobody: AsNobody) -> None:
    path = _path(sqlite_url)
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE a (x INTEGER)")
    path.chmod(0o666)
    path.parent.chmod(0o555)

    def work() -> tuple[str, str]:
        with (
            connect(sqlite_url) as database,
            pytest.raises(DatabaseError) as caught,
            database.exclusive(LOCK, wait=0, on_wait=nobody),
        ):
            pass
        return caught.value.what, caught.value.remedy

    what, remedy = as_nobody(work)
    path.parent.chmod(0o755)
    assert what == f"the lock file {_sidecar(sqlite_url)} cannot be used: Permission denied"
    assert remedy == "May you write it, and into its folder?"


def test_a_database_in_memory_needs_no_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        connect(connection) as database,
        database.exclusive(LOCK, wait=0, on_wait=nobody),
    ):
        one(database, "VACUUM")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("sql", "asked", "answer"),
    [
        ("VACUUM;", "PRAGMA freelist_count", 0),
        ("PRAGMA journal_mode = WAL", "PRAGMA journal_mode", "wal"),
        ("PRAGMA auto_vacuum = 2", "PRAGMA freelist_count", 0),
    ],
)
def test_what_sqlite_runs_outside_transactions_alone_runs(
    sqlite_url: str, probe: Look, sql: str, asked: str, answer: object
) -> None:
    seen = probe(sqlite_url)
    seen.execute("CREATE TABLE a (x BLOB); INSERT INTO a VALUES (zeroblob(100000)); PRAGMA user_version = 3")
    if "VACUUM" in sql:
        seen.execute("DELETE FROM a")
        assert seen.value("PRAGMA freelist_count") > 0
    assert run_at(sqlite_url, sql) == ()
    assert seen.value(asked) == answer


def test_a_vacuum_waits_for_a_writer_and_says_for_whom(sqlite_url: str, probe: Look) -> None:
    probe(sqlite_url).execute("CREATE TABLE a (x INTEGER)")
    said: list[str] = []
    with (
        closing(sqlite3.connect(_path(sqlite_url), isolation_level=None, check_same_thread=False)) as application,
        connect(sqlite_url) as database,
        database.exclusive(LOCK, wait=30, on_wait=nobody),
    ):
        application.execute("BEGIN IMMEDIATE")
        cleaning = Aside(lambda: one(database, "VACUUM", said=said))
        until(lambda: said)
        assert not cleaning.is_over
        application.execute("COMMIT")
        cleaning.ended()
    assert said == [f"waiting for the lock, held by {Holder(os.getpid(), Path('/proc/self/comm').read_text().strip())}"]


def test_a_vacuum_behind_a_writer_that_does_not_end_gives_up_in_words(sqlite_url: str, probe: Look) -> None:
    probe(sqlite_url).execute("CREATE TABLE a (x INTEGER)")
    with (
        closing(sqlite3.connect(_path(sqlite_url), isolation_level=None)) as application,
        connect(sqlite_url) as database,
        database.exclusive(LOCK, wait=0.2, on_wait=nobody),
    ):
        application.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockError, match=r"the lock was not had within 0\.2 s; it is held by pid"):
            one(database, "VACUUM")
        application.execute("COMMIT")
    assert probe(sqlite_url).tables() == {"a"}
