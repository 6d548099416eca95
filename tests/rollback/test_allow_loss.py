"""`rollback --allow-loss`: what the loss guard finds may go, once it was said and agreed to; everything else holds."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sessmig import CheckError, Report, UsageError, rollback
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.results import StepReport
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rollback.shop import attempts, statuses
from tests.run.doing import is_postgres, log, migrate, roll_back

Probes = Callable[[str], Probe]
FILES = {
    "0001_notes.sql": "-- Notes\nCREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);\n",
    "0001_notes.rollback.sql": "DROP TABLE notes;\n",
    "0002_tags.sql": "-- Tags\nCREATE TABLE tags (note_id INTEGER, tag TEXT);\n",
    "0002_tags.rollback.sql": "DROP TABLE tags;\n",
}
ROWS = "INSERT INTO notes VALUES (1, 'tea'), (2, 'cake'); INSERT INTO tags VALUES (1, 'hot');"


def _agreeing(url: str, folder: Path, agree: Callable[[Sequence[StepReport]], None], to: int | None = None) -> Report:
    with connect(url, create=False) as database:
        return rollback.roll_back(Job(database, folder), to, allow_loss=True, agree=agree)


def _refuse(losing: Sequence[StepReport]) -> None:
    raise AssertionError(f"asked for {losing}")


def test_a_rollback_drops_an_empty_table_though_no_may_lose_names_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    report = roll_back(database_url, folder, to=0)
    assert [(step.title, step.losses, step.allowed) for step in report.steps] == [
        ("0002_tags", (), ()),
        ("0001_notes", (), ()),
    ]
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}


def test_a_migration_that_drops_an_empty_table_has_to_say_so(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    migrate(database_url, migrations(FILES))
    with pytest.raises(CheckError) as caught:
        migrate(database_url, migrations({"0003_gone.sql": "DROP TABLE tags;\n"}))
    assert "the table tags was dropped, with 0 rows, and no may-lose names it" in str(caught.value)
    assert "tags" in probe(database_url).tables()


def test_without_the_option_a_table_with_rows_stays_and_the_message_names_the_option(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot()
    with pytest.raises(CheckError) as caught:
        roll_back(database_url, folder)
    assert str(caught.value).splitlines() == [
        f"{folder / '0002_tags.rollback.sql'}:1: loss guard: the table tags was dropped, with 1 row, "
        "and no may-lose names it",
        "The database holds what it held before; 0002_tags stands as it did, and nothing of its rollback stays.",
        "If that is meant, write -- sessmig: may-lose tags at the file's top.",
        "Else mend the rollback file, and run it again.",
        "Or, to lose that now: sessmig rollback --allow-loss",
    ]
    assert probe(database_url).snapshot() == before
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
    assert attempts(probe(database_url))[-1] == ("rollback", 2, "failed")


def test_a_table_that_is_emptied_before_it_is_dropped_was_not_empty(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    ways = ["DELETE FROM tags;"]
    if is_postgres(database_url):
        ways += ["TRUNCATE tags;", "DO $$ BEGIN TRUNCATE tags; END $$;", "DO $$ BEGIN DELETE FROM tags; END $$;"]
    migrate(database_url, migrations(FILES))
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot()
    for way in ways:
        with pytest.raises(CheckError) as caught:
            roll_back(database_url, migrations({"0002_tags.rollback.sql": f"{way}\nDROP TABLE tags;\n"}))
        assert "loss guard" in str(caught.value), way
        assert probe(database_url).snapshot() == before


def test_with_yes_the_rows_go_and_the_report_and_the_log_name_each_table_with_its_rows(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    place = ("-d", database_url, "--dir", folder)
    done = cli("rollback", "--to", "0", "--allow-loss", "--yes", *place)
    assert (done.returncode, [line for line in done.stdout.splitlines() if "LOST" in line]) == (
        0,
        [
            "  LOST  the table tags was dropped, with 1 row, as --allow-loss let it",
            "  LOST  the table notes was dropped, with 2 rows, as --allow-loss let it",
        ],
    )
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}
    assert statuses(probe(database_url)) == [(1, "rolled_back"), (2, "rolled_back")]
    kept = [(version, outcome, detail["allowed"]) for version, _, outcome, detail in log(probe(database_url))[2:]]
    assert [(v, o, [(a["kind"], a["table"], a["rows"]) for a in allowed]) for v, o, allowed in kept] == [
        (2, "success", [("table dropped", "tags", 1)]),
        (1, "success", [("table dropped", "notes", 2)]),
    ]
    shown = cli("log", "--version", "1", *place).stdout
    assert "LOST  the table notes was dropped, with 2 rows, as --allow-loss let it" in shown


def test_without_a_terminal_and_without_yes_it_lists_what_would_go_and_touches_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot(exclude=())
    done = cli("rollback", "--to", "0", "--allow-loss", "-d", database_url, "--dir", folder)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning")][-5:] == [
        f"{database_url}: this rollback takes away what no may-lose names:",
        "    0002_tags: the table tags was dropped, with 1 row",
        "    0001_notes: the table notes was dropped, with 2 rows",
        "Nothing was touched.",
        "Give --yes if that is meant.",
    ]
    assert probe(database_url).snapshot(exclude=()) == before


def test_on_a_terminal_the_databases_name_has_to_be_typed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot(exclude=())
    name = database_url.rpartition("/")[2].partition("?")[0]
    code, words = _typed("another", database_url, folder)
    assert code == 2, words
    assert "    0002_tags: the table tags was dropped, with 1 row\n" in words
    assert words.endswith("'another' is not the database's name\nNothing was touched.\n")
    assert probe(database_url).snapshot(exclude=()) == before
    assert _typed(name, database_url, folder)[0] == 0
    assert probe(database_url).tables() & {"notes", "tags"} == {"notes"}


def _typed(text: str, url: str, folder: Path) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sessmig", "rollback", "--allow-loss", "--dir", str(folder)]
    surroundings = {**os.environ, "SESSMIG_DATABASE": url, "NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings
    ) as process:
        os.close(theirs)
        os.write(ours, f"{text}\n".encode())
        _, words = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, words


def test_it_is_asked_once_for_all_and_before_the_first_one_is_undone(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    asked = []

    def agree(losing: Sequence[StepReport]) -> None:
        asked.append([(step.title, loss.table, loss.rows) for step in losing for loss in step.allowed])
        assert probe(database_url).tables() >= {"notes", "tags"}

    _agreeing(database_url, folder, agree, to=0)
    assert asked == [[("0002_tags", "tags", 1), ("0001_notes", "notes", 2)]]
    assert not probe(database_url).tables() & {"notes", "tags"}


def test_where_nothing_would_be_lost_nothing_is_asked(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    _agreeing(database_url, folder, _refuse, to=0)
    assert not probe(database_url).tables() & {"notes", "tags"}


def test_rows_written_after_it_was_agreed_to_stop_the_rollback(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)

    def agree(losing: Sequence[StepReport]) -> None:
        probe(database_url).execute("INSERT INTO tags VALUES (2, 'sweet')")

    with pytest.raises(CheckError) as caught:
        _agreeing(database_url, folder, agree)
    lines = str(caught.value).splitlines()
    assert "the table tags was dropped, with 2 rows" in lines[0]
    assert lines[-1] == "It is more than was agreed to, as others have written meanwhile: run it again."
    assert probe(database_url).value("SELECT count(*) FROM tags") == 2
    assert statuses(probe(database_url))[1] == (2, "success")


@pytest.mark.parametrize("verb", ["require", "check"])
def test_a_require_and_a_check_have_to_hold_all_the_same(
    database_url: str, migrations: WriteMigrations, probe: Probes, verb: str, cli: Cli
) -> None:
    query = "SELECT id FROM notes WHERE body = 'tea'"
    folder = migrations({**FILES, "0002_tags.rollback.verify.sql": f"-- {verb}: no tea\n{query};\n"})
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot()
    for options in (["--yes"], []):
        done = cli("rollback", "--allow-loss", *options, "-d", database_url, "--dir", folder)
        assert done.returncode == 3
        assert f"{verb} failed: no tea" in done.stderr
        assert "loss guard" not in done.stderr  # what is let go is not told as a fault
        assert probe(database_url).snapshot() == before


def test_a_dry_run_shows_what_would_be_lost_asks_nothing_and_keeps_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot(exclude=())
    done = cli("rollback", "--dry-run", "--allow-loss", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert "  LOST  the table tags was dropped, with 1 row, as --allow-loss let it" in done.stdout
    assert probe(database_url).snapshot(exclude=()) == before


def test_yes_without_allow_loss_is_refused(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    done = cli("rollback", "--yes", "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "--yes without --allow-loss")


def test_what_no_transaction_holds_cannot_be_tried_out_so_it_takes_yes(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    folder = migrations({**FILES, "0002_tags.rollback.sql": "-- sessmig: no-transaction\nDROP TABLE tags;\n"})
    migrate(database_url, folder)
    probe(database_url).execute(ROWS)
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(UsageError) as caught:
        _agreeing(database_url, folder, _refuse)
    assert caught.value.what.startswith("0002_tags: what would be lost cannot be tried out: ")
    assert probe(database_url).snapshot(exclude=()) == before
    done = cli("rollback", "--allow-loss", "--yes", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert "  LOST  the table tags was dropped, with 1 row, as --allow-loss let it" in done.stdout
    assert "tags" not in probe(database_url).tables()


@pytest.mark.postgres
def test_a_partitioned_table_is_empty_only_if_each_of_its_parts_is(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    tables = (
        "CREATE TABLE days (day INTEGER, part INTEGER) PARTITION BY LIST (part);\n"
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES IN (1);\n"
        "CREATE TABLE days_2 PARTITION OF days FOR VALUES IN (2);\n"
    )
    folder = migrations({"0001_days.sql": tables, "0001_days.rollback.sql": "DROP TABLE days;\n"})
    migrate(postgres_url, folder)
    probe(postgres_url).execute("INSERT INTO days VALUES (7, 2)")
    with pytest.raises(CheckError) as caught:
        roll_back(postgres_url, folder)
    assert "the table days was dropped, with 1 row" in str(caught.value)
    assert probe(postgres_url).value("SELECT count(*) FROM days_2") == 1
    probe(postgres_url).execute("DELETE FROM days")
    roll_back(postgres_url, folder)
    assert probe(postgres_url).tables() == {"schema_migrations", "schema_migrations_log"}
