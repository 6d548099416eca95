"""The copy of a SQLite database: where it is, who may read it, and that nothing of it is left."""

import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig.databases import connect
from sessmig.errors import ConnectError
from sessmig.job import Job
from sessmig.rehearse import rehearse
from sessmig.results import Event
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody, Cli
from tests.rehearse.playing import NOTES, TAGS, Stage

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\n"


@pytest.fixture
def stage(sqlite_url: str, probe: Callable[[str], Probe], cli: Cli) -> Stage:
    """A SQLite database with notes."""
    made = Stage(sqlite_url, None, probe, cli)
    made.build()
    return made


def _file(stage: Stage) -> Path:
    return Path(stage.url.removeprefix("sqlite:///"))


def test_the_copy_stands_beside_the_database_for_its_owner_alone(stage: Stage, migrations: WriteMigrations) -> None:
    seen: list[tuple[str, int, int]] = []

    def look(event: Event) -> None:
        if event.kind == "step":
            (folder,) = _file(stage).parent.glob("app.db.rehearsal_*")
            (copy,) = folder.glob("app.db")
            seen.append((copy.name, folder.stat().st_mode & 0o777, copy.stat().st_mode & 0o777))

    stage.play(migrations(TAGS), on_event=look)
    assert seen == [("app.db", 0o700, 0o600)] * 3


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_no_copy_stays(stage: Stage, migrations: WriteMigrations, ending: signal.Signals) -> None:
    folder = migrations({"1_a.sql": f"INSERT INTO notes VALUES (4, 'four');\n{ENDLESS}"})
    with stage.untouched():
        process = stage.cli.start("rehearse", "-d", stage.url, "--dir", folder)
        told = _until(process, "begin   1_a")
        assert list(_file(stage).parent.glob("*.rehearsal_*/app.db"))
        process.send_signal(ending)
        assert process.wait(60) == 130
        assert process.stderr is not None
        told += process.stderr.read()
    assert told.endswith("interrupted: the database is as it was\n")
    assert "Traceback" not in told


def _until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stderr is not None
    told = ""
    while words not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    return told


def test_two_rehearsals_at_once_do_not_meet(stage: Stage, migrations: WriteMigrations) -> None:
    folder = migrations(TAGS)
    with stage.untouched():
        processes = [stage.cli.start("rehearse", "-d", stage.url, "--dir", folder) for _ in range(2)]
        told = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert all(out.endswith("the database is as it was before 0001_tags\n") for out, _ in told)


def test_a_database_in_wal_mode_that_is_in_use_is_copied_with_what_stands_in_the_wal(
    stage: Stage, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": "SELECT count(*) FROM notes;\n", "1_a.verify.sql": _NOTES_ARE % 4})
    with closing(sqlite3.connect(_file(stage), isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode = WAL").close()
        application.execute("INSERT INTO notes VALUES (4, 'four')")
        before = {name: Path(f"{_file(stage)}{name}").read_bytes() for name in ("", "-wal")}
        with connect(stage.url, create=False) as database:
            assert rehearse(Job(database, folder)).failures == ()
        assert {name: Path(f"{_file(stage)}{name}").read_bytes() for name in ("", "-wal")} == before
        assert sorted(path.name for path in _file(stage).parent.iterdir()) == ["app.db", "app.db-shm", "app.db-wal"]


_NOTES_ARE = "-- check: notes\n-- expect: %d\nSELECT count(*) FROM notes;\n"


def test_what_is_written_meanwhile_is_not_in_the_copy(stage: Stage, migrations: WriteMigrations) -> None:
    folder = migrations(TAGS | {"0001_tags.verify.sql": _NOTES_ARE % 3})

    def write(event: Event) -> None:
        if event.kind == "step":
            stage.probe(stage.url).execute("INSERT INTO notes (body) VALUES ('meanwhile')")

    with connect(stage.url, create=False) as database:
        found = rehearse(Job(database, folder, on_event=write))
    assert (found.failures, found.differences) == ((), ())
    assert stage.probe(stage.url).value("SELECT count(*) FROM notes") == 6


def test_a_database_that_is_not_there_is_rehearsed_as_an_empty_one_and_not_made(
    tmp_path: Path, cli: Cli, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {"1_a.sql": "CREATE TABLE a (x INTEGER);\n", "1_a.rollback.sql": "-- sessmig: may-lose a\nDROP TABLE a;\n"}
    )
    done = cli("rehearse", "-d", "nowhere.db", "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the database is as it was before 1_a\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sql"]


def test_a_connection_in_memory_is_rehearsed_on_a_copy_and_left_as_it_was(migrations: WriteMigrations) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(NOTES)
        connection.row_factory = sqlite3.Row
        before = list(connection.iterdump())
        with connect(connection) as database:
            found = rehearse(Job(database, migrations(TAGS)))
        assert (found.failures, found.differences, len(found.steps)) == ((), (), 1)
        assert list(connection.iterdump()) == before
        assert connection.in_transaction is False


def test_where_the_folder_may_not_be_written_the_copy_goes_where_temporary_files_go(
    stage: Stage, migrations: WriteMigrations, as_nobody: AsNobody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "temporary"
    other.mkdir()
    other.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    folder = migrations(TAGS)
    _file(stage).chmod(0o644)
    _file(stage).parent.chmod(0o755)

    def play() -> tuple[int, list[str]]:
        seen: list[str] = []
        with connect(stage.url, create=False) as database:
            found = rehearse(
                Job(database, folder, on_event=lambda event: seen.extend(path.name[:6] for path in other.iterdir()))
            )
        return len(found.failures), seen

    with stage.untouched():
        failures, seen = as_nobody(play)
    assert (failures, set(seen), list(other.iterdir())) == (0, {"app.db"}, [])


def test_without_room_it_says_how_much_it_takes(
    stage: Stage, migrations: WriteMigrations, as_nobody: AsNobody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    folder = migrations(TAGS)
    _file(stage).chmod(0o644)
    _file(stage).parent.chmod(0o755)

    def play() -> str:
        with connect(stage.url, create=False) as database, pytest.raises(ConnectError) as refusal:
            rehearse(Job(database, folder))
        return f"{refusal.value.what}\n{refusal.value.remedy}"

    told = as_nobody(play)
    place = _file(stage).parent
    assert told == (
        f"{stage.url}: no place for a copy to rehearse on ({place}: Permission denied; /nowhere: 0 MB free)\n"
        "It takes 1 MB: let TMPDIR name a folder with as much room."
    )


def test_a_full_text_table_is_compared_by_its_rows_not_by_its_index(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build("CREATE VIRTUAL TABLE words USING fts5 (body); INSERT INTO words VALUES ('one'), ('two')")
    files = {
        "1_a.sql": "INSERT INTO words VALUES ('three');\n",
        "1_a.rollback.sql": "-- sessmig: may-lose words\nDELETE FROM words WHERE body = 'three';\n",
    }
    assert stage.play(migrations(files)).differences == ()
    migrations({"1_a.rollback.sql": "-- sessmig: may-lose words\nDELETE FROM words WHERE body = 'two';\n"})
    (found,) = stage.play(migrations({})).differences or ()
    assert (found.subject, found.what) == ("table words", "as many rows (2), but not the same")


def test_text_that_is_no_utf8_is_told_apart(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build("UPDATE notes SET body = CAST(x'ff' AS TEXT) WHERE id = 1")
    files = {
        "1_a.sql": "SELECT 1;\n",
        "1_a.rollback.sql": "UPDATE notes SET body = CAST(x'fe' AS TEXT) WHERE id = 1;\n",
    }
    (found,) = stage.play(migrations(files)).differences or ()
    assert found.what == "as many rows (3), but not the same"


def test_nothing_is_left_where_the_copy_could_not_be_migrated(stage: Stage, migrations: WriteMigrations) -> None:
    shutil.copy(_file(stage), f"{_file(stage)}.saved")
    found = stage.play(migrations({"1_a.sql": "INSERT INTO nowhere VALUES (1);\n"}))
    assert found.exit_code == 1
    assert sorted(path.name for path in _file(stage).parent.iterdir()) == ["app.db", "app.db.saved"]
