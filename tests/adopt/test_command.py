"""`sessmig adopt` shows what it would record, asks, and records that; the ledger has a name of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, ConnectError, LedgerError, PlanError, UsageError, adopt_migrations, ensure_migrations
from sessmig.adopt import adopt
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.recorded import BaselineReport
from tests.adopt.inside import Inside
from tests.adopt.tables import OTHERS, POSTS, TAGS, USERS, goose, sqitch, yoyo
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, log

Probes = Callable[[str | Path], Probe]
FILES = {
    f"0001_{USERS}.sql": "-- The users\nCREATE TABLE users (id INTEGER);\n",
    f"0001_{USERS}.verify.sql": "-- check: no user without a number\nSELECT id FROM users WHERE id IS NULL;\n",
    f"0002_{POSTS}.sql": "CREATE TABLE posts (id INTEGER);\n",
    f"0003_{TAGS}.sql": "CREATE TABLE tags (id INTEGER);\n",
}
ROWS = "SELECT version, status FROM schema_migrations ORDER BY version"
RECORDED = [(1, "baseline"), (2, "baseline")]


@pytest.fixture
def folder(migrations: WriteMigrations) -> Path:
    return migrations(FILES)


def _there(probe: Probes, url: str) -> Probe:
    there = probe(url)
    there.execute(yoyo(False) + "CREATE TABLE users (id INTEGER);")
    return there


SHOWN = f"""read from _yoyo_migration, the history of yoyo: 2 migrations applied

  version  name          there              matched by        applied (UTC)        checks
  0001     create_users  0001.create-users  version and name  2024-01-05 10:00:00  1 of 1 held
  0002     create_posts  0002.create-posts  version and name  2024-01-06 10:00:00

2 migrations {{}}, 1 pending (0003_{TAGS})
"""


def test_a_dry_run_shows_what_would_be_recorded(sqlite_url: str, folder: Path, probe: Probes, inside: Inside) -> None:
    there = _there(probe, sqlite_url)
    before = there.snapshot(exclude=())
    done = inside("adopt", "-d", sqlite_url, "--dir", folder, "--dry-run")
    shown = f"shop on {sqlite_url}\n" + SHOWN.format("would be recorded as done")
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")
    assert there.snapshot(exclude=()) == before


def test_yes_records_it_and_a_second_time_nothing_is_left(
    database_url: str, folder: Path, probe: Probes, inside: Inside
) -> None:
    there = _there(probe, database_url)
    place = ("-d", database_url, "--dir", folder)
    done = inside("adopt", *place, "--yes")
    shown = f"shop on {database_url}\n" + SHOWN.format("recorded as done, nothing was run")
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")
    assert there.rows(ROWS) == RECORDED
    metadata = json.loads(there.value("SELECT CAST(metadata AS TEXT) FROM schema_migrations WHERE version = 1"))
    assert metadata == {
        "adopted_from": "yoyo",
        "adopted_table": "_yoyo_migration",
        "adopted_id": "0001.create-users",
        "adopted_applied_at": "2024-01-05 10:00:00",
    }
    first = log(there)[0]
    assert first[:3] == (1, "baseline", "success")
    assert (first[3]["adopted_from"], first[3]["matched_by"]) == ("yoyo", "version and name")

    again = inside("adopt", *place)  # there is nothing to say yes to
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith(f"nothing to record: 2 recorded already, 1 pending (0003_{TAGS})\n")
    assert "as yoyo's _yoyo_migration has it, 1 check held" in inside("log", *place).stdout
    assert len(log(there)) == 2


def test_without_yes_and_without_a_terminal_nothing_is_recorded(
    sqlite_url: str, folder: Path, probe: Probes, inside: Inside
) -> None:
    there = _there(probe, sqlite_url)
    done = inside("adopt", "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (
        2,
        f"shop on {sqlite_url}\n" + SHOWN.format("would be recorded as done"),
    )
    assert done.stderr == "nobody is there to say yes\nNothing was recorded.\nLook at --dry-run, then give --yes.\n"
    assert "schema_migrations" not in there.tables()


@pytest.mark.parametrize(("typed", "code", "rows"), [("2", 0, 2), ("yes", 2, 0), ("", 2, 0)])
def test_on_a_terminal_their_number_is_typed(
    typed: str, code: int, rows: int, sqlite_url: str, folder: Path, probe: Probes
) -> None:
    there = _there(probe, sqlite_url)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sessmig", "adopt", "-d", sqlite_url, "--dir", str(folder)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        os.close(theirs)
        os.write(ours, f"{typed}\n".encode())
        shown, words = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code, words
    assert "2 migrations would be recorded as done" in shown
    assert "Type 2 to record them as done" in words
    assert ("2 migrations recorded as done, nothing was run" in shown) is (code == 0)
    assert ("schema_migrations" in there.tables()) is bool(rows)


@pytest.mark.parametrize("tool", ["dbmate", "Rails", "Ecto", "golang-migrate"])
def test_a_ledger_of_the_other_tables_name_is_refused_in_words(
    tool: str, database_url: str, migrations: WriteMigrations, probe: Probes, inside: Inside
) -> None:
    other = next(other for other in OTHERS if other.tool == tool)
    there = probe(database_url)
    there.execute(other.make(is_postgres(database_url)))
    before = there.snapshot(exclude=())
    folder = migrations(other.files)
    with pytest.raises(LedgerError) as refused:
        adopt_migrations(database_url, folder)
    assert str(refused.value) == (
        f"{database_url}: the table schema_migrations is {tool}'s own history, so the ledger needs another name\n"
        "Nothing was touched.\n"
        "Give it one: sessmig adopt --table sessmig_migrations\n"
        'Every later command needs it too: write table = "sessmig_migrations" into [tool.sessmig], '
        "or set SESSMIG_TABLE; applications give table=."
    )
    assert there.snapshot(exclude=()) == before
    if tool == "dbmate":
        done = inside("adopt", "-d", database_url, "--dir", folder, "--yes")
        assert done.returncode == 4
        assert (
            f"Give it one: sessmig adopt -d {database_url} --dir {folder} --table sessmig_migrations\n" in done.stderr
        )


def test_a_check_that_does_not_hold_is_refused_here_too(database_url: str, folder: Path, probe: Probes) -> None:
    there = _there(probe, database_url)
    there.execute("INSERT INTO users VALUES (NULL)")
    before = there.snapshot(exclude=())
    with pytest.raises(CheckError, match="check failed: no user without a number"):
        adopt_migrations(database_url, folder)
    assert there.snapshot(exclude=()) == before
    report = adopt_migrations(database_url, folder, ignore_checks=True)
    assert [found.name for found in report.recorded[0].failed] == ["no user without a number"]


def test_a_history_that_changes_after_it_was_shown_is_refused(database_url: str, folder: Path, probe: Probes) -> None:
    there = _there(probe, database_url)

    def agree(_: BaselineReport) -> None:
        probe(database_url).execute("DELETE FROM _yoyo_migration WHERE migration_id = '0002.create-posts'")

    with connect(database_url) as database, pytest.raises(PlanError) as refused:
        adopt(Job(database, folder), agree=agree)
    assert str(refused.value) == (
        "_yoyo_migration: changed since it was shown\n"
        "Nothing was recorded, and nothing was run.\n"
        "Let nobody migrate meanwhile, and run it again."
    )
    assert "schema_migrations" not in there.tables()


def test_what_was_rolled_back_here_since_is_refused(database_url: str, folder: Path, probe: Probes) -> None:
    there = _there(probe, database_url)
    adopt_migrations(database_url, folder)
    there.execute("UPDATE schema_migrations SET status = 'rolled_back' WHERE version = 2")
    with pytest.raises(PlanError) as refused:
        adopt_migrations(database_url, folder)
    assert str(refused.value) == (
        f"0002_{POSTS}: applied by the other tool, and rolled back here since\n"
        "Nothing was recorded, and nothing was run.\n"
        "If it stands after all: sessmig baseline 2"
    )


def test_what_was_adopted_goes_on_by_migrate(database_url: str, folder: Path, probe: Probes) -> None:
    there = _there(probe, database_url)
    adopt_migrations(database_url, folder)
    assert ensure_migrations(database_url, folder, backup="never").applied == 1
    assert there.rows(ROWS) == [*RECORDED, (3, "success")]
    assert "tags" in there.tables()


def test_sqitchs_own_file_beside_a_sqlite_database_is_read(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes, tmp_path: Path, inside: Inside
) -> None:
    registry = tmp_path / "sqitch.db"
    probe(registry).execute(sqitch(False))
    probe(sqlite_url).execute("CREATE TABLE users (id INTEGER)")
    before = probe(registry).snapshot(exclude=())
    folder = migrations(FILES)
    with pytest.raises(UsageError) as refused:
        adopt_migrations(sqlite_url, folder)
    assert "Where it stands in another database (sqitch: sqitch.db beside a SQLite file), give --history-in URL" in str(
        refused.value
    )
    with pytest.raises(ConnectError, match="there is no such database"):
        adopt_migrations(sqlite_url, folder, history_in=tmp_path / "typo.db")
    assert not (tmp_path / "typo.db").exists()

    done = inside("adopt", "-d", sqlite_url, "--dir", folder, "--history-in", registry, "--yes")

    assert done.returncode == 0, done.stderr
    assert probe(sqlite_url).rows(ROWS) == RECORDED
    assert probe(registry).snapshot(exclude=()) == before


def test_every_option_reaches_what_it_is_for(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes, inside: Inside
) -> None:
    users = "CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (NULL);"
    probe(sqlite_url).execute(goose(False) + sqitch(False) + users)
    folder = migrations({**FILES, f"0005_{POSTS}.sql": ""})
    (folder / f"0002_{POSTS}.sql").unlink()
    place = ("adopt", "-d", sqlite_url, "--dir", folder, "--yes", "--json", "--lock-wait", "1")
    steps: list[tuple[list[str], str]] = [
        ([], "more than one history"),
        (["--history", "changes", "--project", "mine"], "has no mine"),
        (["--history", "goose_db_version"], "no file here: 2"),
        (["--history", "goose_db_version", "--allow-missing"], "check failed: no user without a number"),
        (["--history", "changes", "--by", "version"], "no file here: create_users, create_posts"),
    ]
    for options, words in steps:
        done = inside(*place, *options)
        assert words in done.stderr, options
        assert words in json.loads(done.stdout)["error"]["what"]
    done = inside(*place, "--history", "goose_db_version", "--allow-missing", "--ignore-checks")
    told = json.loads(done.stdout)
    assert (done.returncode, [one["version"] for one in told["recorded"]], told["absent"]) == (0, [1], ["2"])
    done = inside(
        *place, "--history", "changes", "--project", "shop", "--series", "twice", "--by", "name", "--ignore-checks"
    )
    assert [one["label"] for one in json.loads(done.stdout)["recorded"]] == ["0001", "0005"]


def test_a_password_of_the_other_database_is_shown_nowhere(
    sqlite_url: str, folder: Path, probe: Probes, inside: Inside
) -> None:
    probe(sqlite_url).execute("CREATE TABLE users (id INTEGER)")
    other = "postgresql://me:hunter2@127.0.0.1:1/there"
    done = inside("adopt", "-d", sqlite_url, "--dir", folder, "--history-in", other, "--yes")
    assert done.returncode == 1
    assert "warning: a password in --history-in can be seen in the process list" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_an_unknown_way_of_matching_is_refused(sqlite_url: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="by='luck' is not understood"):
        adopt_migrations(sqlite_url, folder, by="luck")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tool", "mark"),
    [("dbmate", "migrate:up"), ("dbmate", "migrate:down"), ("goose", "+goose Down"), ("sql-migrate", "+migrate Up")],
)
def test_a_pending_file_that_is_parted_for_the_other_tool_is_refused(
    tool: str, mark: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes, inside: Inside
) -> None:
    folder = migrations({"1_a.sql": f"CREATE TABLE a (id INTEGER);\n\n-- {mark}\nDROP TABLE a;\n"})
    done = inside("migrate", "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stderr) == (
        1,
        f"{folder}/1_a.sql:3: a mark of {tool}: -- {mark}; "
        "sessmig runs a file whole, what stands under its `down` too\n"
        "Move what undoes it to 1_a.rollback.sql, and take the marks away.\n",
    )
    assert probe(sqlite_url).tables() == set()
