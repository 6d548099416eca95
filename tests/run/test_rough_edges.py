"""What is odd around a run: a link for a folder, closed streams, names that are no UTF-8, locks."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessmig import CheckError, Event, LockError, StepError, UsageError, ensure_migrations
from sessmig.databases import connect
from sessmig.errors import DatabaseError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate

ONE = {"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}
BASE = Path(__file__).parents[2]


@pytest.mark.parametrize("inside", ["", "sqlite"])
def test_a_link_that_is_pointed_elsewhere_is_the_same_series(inside: str, sqlite_url: str, tmp_path: Path) -> None:
    link = tmp_path / "current"
    for release in ("v1", "v2"):
        folder = tmp_path / release / inside
        folder.mkdir(parents=True)
        (folder / "0001_a.sql").write_text(ONE["0001_a.sql"])
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / release)
        report = ensure_migrations(sqlite_url, link / inside)
        assert (report.series, report.applied) == ("current", int(release == "v1"))


def test_a_slip_in_a_quoted_column_of_a_check_is_no_text_that_always_holds(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (\"na`me\" TEXT); INSERT INTO t VALUES ('bad'), ('good')")
    check = "-- check: none is bad\nSELECT * FROM t WHERE \"{}\" = 'bad';\n"
    with pytest.raises(CheckError, match="cannot be asked: no such column: nmae"):
        migrate(sqlite_url, migrations({**ONE, "0001_a.verify.sql": check.format("nmae")}))
    with pytest.raises(CheckError, match="found 1 row"):
        migrate(sqlite_url, migrations({**ONE, "0001_a.verify.sql": check.format("na`me")}))
    assert "a" not in probe(sqlite_url).tables()
    migrate(sqlite_url, migrations({**ONE, "0001_a.verify.sql": check.replace("bad", "none").format("na`me")}))


def test_a_reader_in_the_way_of_the_commit_is_a_lock_that_was_not_had(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)")
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with pytest.raises(LockError) as caught:
            ensure_migrations(sqlite_url, migrations(ONE), lock_wait=0.2)
    assert caught.value.what.startswith(
        f"{sqlite_url}: the commit was not possible within 0.2 s; a reader is in its way: pid {os.getpid()}, "
    )
    assert probe(sqlite_url).tables() == {"t"}
    assert ensure_migrations(sqlite_url, migrations(ONE)).applied == 1


def test_a_writer_that_comes_after_the_first_look_is_waited_for_no_longer_than_asked(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (x INTEGER)")
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as writer:

        def lock(event: Event) -> None:
            if event.kind == "plan":
                writer.execute("BEGIN EXCLUSIVE")

        with pytest.raises(LockError, match=r"the lock was not had within 0\.2 s"):
            ensure_migrations(sqlite_url, migrations(ONE), lock_wait=0.2, on_event=lock)
    assert probe(sqlite_url).tables() == {"t"}


def test_an_inner_read_only_leaves_the_outer_one_standing(sqlite_url: str, probe: Callable[[str], Probe]) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (x INTEGER)")
    with connect(sqlite_url) as database, database.snapshot():
        with database.read_only():
            pass
        with pytest.raises(DatabaseError, match="readonly"):
            database.query("INSERT INTO t VALUES (1)")


def test_a_borrowed_connection_that_its_owner_interrupts_is_no_ctrl_c(migrations: WriteMigrations) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\n"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_progress_handler(lambda: 1, 10_000_000)
        with pytest.raises(StepError, match="interrupted"):
            ensure_migrations(connection, migrations({"0001_a.sql": endless}))
        connection.set_progress_handler(None, 0)
        assert connection.execute("SELECT count(*) FROM schema_migrations").fetchall() == [(0,)]


def test_a_path_that_is_no_utf_8_is_a_path(tmp_path: Path, probe: Callable[[str], Probe]) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "0001_a.sql").write_text(ONE["0001_a.sql"])
    (folder / "0001_a.verify.sql").write_text("-- check: fine\nSELECT 1 WHERE 1 = 0;\n")
    database = folder / "app.db"
    with pytest.raises(UsageError, match="a series cannot be named") as caught:
        ensure_migrations(database, folder)
    assert caught.value.remedy == "Give --series NAME."
    assert ensure_migrations(database, folder, series="shop").applied == 1
    with closing(sqlite3.connect(os.fsencode(database))) as connection:
        assert connection.execute("SELECT series FROM schema_migrations").fetchall() == [("shop",)]


def _shell(line: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = f"S='{sys.executable} -m sessmig'; {line}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(BASE)}
    return subprocess.run(["sh", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        (">&-", 1, "the report could not be written (Bad file descriptor); the run itself succeeded\n"),
        ("> /dev/full", 1, "the report could not be written (No space left on device); the run itself succeeded\n"),
        ("2>&-", 0, ""),
        ("2> /dev/full", 0, ""),
        ("0<&-", 0, "  begin   0001_a: a\n"),
    ],
)
def test_a_stream_that_cannot_be_written_stops_no_run(
    where: str, code: int, said: str, migrations: WriteMigrations, tmp_path: Path, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(ONE)
    done = _shell(f"$S migrate --db app.db --dir {folder} {where}", tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert probe(f"sqlite:///{tmp_path}/app.db").tables() == {"a", "schema_migrations", "schema_migrations_log"}
    if code == 0:
        assert "1 migration applied" in done.stdout


def test_an_interrupted_status_speaks_of_no_step(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (x INTEGER)")
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        process = cli.start("status", "-d", sqlite_url, "--dir", migrations(ONE), env={"SESSMIG_TRACEBACK": "1"})
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, said) == (130, "interrupted\n")


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    done = _shell("mkdir gone; cd gone; rmdir ../gone; $S status --db a.db", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "the working directory is gone\nChange to one that is there.\n"


def test_settings_that_are_wrong_are_told_as_json_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sessmig.toml").write_text('nonsense = "1"\n')
    done = cli("status", "--json")
    assert done.returncode == 2
    assert '"kind": "UsageError"' in done.stdout


@pytest.mark.parametrize(
    "database",
    [
        "postgres//u:s3cret@h/db",
        "u:s3cret@h/db",
        "postgresql://u:s3cret",
        "postgresql://u:s3cret/db",
        "HOST=127.0.0.1 PORT=1 PASSWORD=s3cret",
        "postgresql://127.0.0.1:1/db?PASSWORD=s3cret",
    ],
)
def test_a_password_in_the_wrong_place_is_not_shown(database: str, cli: Cli, migrations: WriteMigrations) -> None:
    done = cli("migrate", "--dir", migrations(ONE), env={"DATABASE_URL": database})
    assert done.returncode in (1, 2)
    assert done.stderr
    assert "s3cret" not in done.stdout + done.stderr


if sys.version_info >= (3, 12):  # before there were no such connections

    @pytest.mark.parametrize("place", ["file", "memory"])
    def test_a_connection_that_always_stands_in_a_transaction_serves_for_its_file(
        place: str, tmp_path: Path, migrations: WriteMigrations
    ) -> None:
        options: dict[str, Any] = {"autocommit": False}
        with closing(sqlite3.connect(tmp_path / "a.db" if place == "file" else ":memory:", **options)) as connection:
            if place == "file":
                assert ensure_migrations(connection, migrations(ONE)).applied == 1
            else:
                with pytest.raises(UsageError, match="opened with autocommit=False"):
                    ensure_migrations(connection, migrations(ONE))
