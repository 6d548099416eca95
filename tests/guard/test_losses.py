"""Every loss that nobody has declared rolls its step back and is told: which table, how much, by what, which keys."""

from collections.abc import Callable

import pytest

from sessmig import CheckError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped
from tests.run.doing import log, migrate, state

GUARD = "0001_step.sql:{}: loss guard: {}, and no may-lose names it"
EITHER = {
    "three rows where one was meant": (
        "DELETE FROM messages WHERE session_id < 20;",
        1,
        "3 rows of messages were deleted (DELETE in line 1)",
        "messages",
    ),
    "a cascade": (
        "DELETE FROM sessions WHERE id = 10;",
        1,
        "2 rows of messages were deleted (cascade from sessions)",
        "messages, sessions",
    ),
    "a cascade through two tables": (
        "SELECT 1;\nDELETE FROM users WHERE id = 1;",
        2,
        "3 rows of messages were deleted (cascade from sessions)",
        "messages, sessions, users",
    ),
    "a dropped table": (
        "DROP TABLE notes;",
        1,
        "the table notes was dropped, with 3 rows",
        "notes",
    ),
    "a dropped empty table": (
        "DELETE FROM notes;\nDROP TABLE notes;",
        2,
        "the table notes was dropped, with 0 rows",
        "notes",
    ),
    "a dropped column": (
        "ALTER TABLE sessions DROP COLUMN title;",
        1,
        "the column sessions.title was dropped, with 2 values",
        "sessions.title",
    ),
    "a column made anew under its name": (
        "ALTER TABLE sessions DROP COLUMN title;\nALTER TABLE sessions ADD COLUMN title TEXT;",
        1,
        "the column sessions.title was dropped, with 2 values",
        "sessions.title",
    ),
    "a table made anew without its rows": (
        "DROP TABLE notes;\nCREATE TABLE notes (body TEXT);",
        1,
        "the table notes was dropped, with 3 rows",
        "notes",
    ),
    "a delete from a table that was renamed": (
        "ALTER TABLE notes RENAME TO remarks;\nDELETE FROM remarks WHERE body = 'two';",
        2,
        "2 rows of remarks were deleted (DELETE in line 2)",
        "notes",
    ),
}


@pytest.mark.parametrize("name", EITHER)
def test_a_loss_that_nobody_declared_undoes_the_step_and_is_told(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, line, what, _ = EITHER[name]
    probe(database_url).execute(CHAT)
    lines = stopped(database_url, migrations, probe(database_url), step + "\n")
    assert GUARD.format(line, what) in lines
    assert lines[-3] == "The database holds what it held before; nothing of 0001_step stays."
    assert lines[-2].startswith("If that is meant, write -- sessmig: may-lose ")
    assert lines[-1] == "Else mend the migration, and run it again."


@pytest.mark.parametrize("name", EITHER)
def test_the_same_loss_passes_where_the_file_declares_it(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, _, _, names = EITHER[name]
    probe(database_url).execute(CHAT)
    assert passes(database_url, migrations, f"-- sessmig: may-lose {names}\n{step}\n").outcome == "applied"


def test_everything_that_is_lost_is_told_at_once_with_the_way_to_declare_it(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    step = "ALTER TABLE sessions DROP COLUMN title;\nDELETE FROM users WHERE id = 1;\n"
    lines = [line for line in stopped(database_url, migrations, probe(database_url), step) if line[0] != " "]
    assert lines == [
        GUARD.format(1, "the column sessions.title was dropped, with 2 values"),
        GUARD.format(2, "3 rows of messages were deleted (cascade from sessions)"),
        GUARD.format(2, "2 rows of sessions were deleted (cascade from users)"),
        GUARD.format(2, "1 row of users was deleted (DELETE in line 2)"),
        "The database holds what it held before; nothing of 0001_step stays.",
        "If that is meant, write -- sessmig: may-lose sessions, messages, users at the file's top.",
        "Else mend the migration, and run it again.",
    ]


def test_a_loss_shows_the_first_five_keys_where_they_are_known(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID;")
    probe(sqlite_url).execute(
        "INSERT INTO t VALUES ('x', 1), ('y', 1), ('x', 2), ('x', 3), ('x', 4), ('x', 5), ('z', 9)"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), "DELETE FROM t WHERE b < 9;\n")
    assert lines[:8] == [
        GUARD.format(1, "6 rows of t were deleted (DELETE in line 1)"),
        "    b  a",
        "    1  x",
        "    1  y",
        "    2  x",
        "    3  x",
        "    4  x",
        "    ... and 1 more",
    ]


def test_a_loss_stands_in_the_log_with_what_was_done_to_each_table(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    stopped(database_url, migrations, probe(database_url), "DELETE FROM sessions WHERE id = 20;\n")
    ((_, _, outcome, detail),) = log(probe(database_url))
    assert outcome == "failed"
    lost = [(loss["kind"], loss["table"], loss["rows"], loss["by"], loss["line"]) for loss in detail["losses"]]
    assert lost == [
        ("rows deleted", "messages", 1, ["cascade from sessions"], 1),
        ("rows deleted", "sessions", 1, ["DELETE in line 1"], 1),
    ]
    assert [(e["table"], e["before"], e["after"], e["deleted"]) for e in detail["effects"]] == [
        ("messages", 4, 3, 1),
        ("sessions", 3, 2, 1),
    ]


def test_a_failing_check_and_a_loss_are_told_together(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    folder = migrations(
        {"0001_step.verify.sql": "-- check: all notes are there\n-- expect: 3\nSELECT count(*) FROM notes;\n"}
    )
    lines = stopped(database_url, migrations, probe(database_url), "DELETE FROM notes;\n")
    assert folder.name == "shop"
    assert lines == [
        "0001_step.verify.sql:1: check failed: all notes are there",
        "    expected 3, found 0",
        GUARD.format(1, "3 rows of notes were deleted (DELETE in line 1)"),
        "The database holds what it held before; nothing of 0001_step stays.",
        "If that is meant, write -- sessmig: may-lose notes at the file's top.",
        "Mend the data, or the migration, and run it again.",
    ]


@pytest.mark.parametrize("option", ["dry_run", "single_transaction"])
def test_in_one_transaction_each_step_is_guarded_with_its_own_beginning(
    option: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    before = state(probe(database_url))
    folder = migrations(
        {
            "0001_a.sql": "-- sessmig: may-lose notes\nDELETE FROM notes WHERE body = 'one';\n",
            "0002_b.sql": "INSERT INTO notes VALUES ('three');\n",
            "0003_c.sql": "DELETE FROM notes WHERE body = 'two';\n",
        }
    )
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder, dry_run=option == "dry_run", single_transaction=option == "single_transaction")
    assert "0003_c.sql:1: loss guard: 2 rows of notes were deleted (DELETE in line 1)" in str(caught.value)
    assert "0001_a" not in str(caught.value)
    assert state(probe(database_url)) == before
    assert caught.value.report is not None
    told = [[(e.before, e.after, e.deleted) for e in step.effects] for step in caught.value.report.steps]
    assert told == [[(3, 2, 1)], [(2, 3, 0)], [(3, 1, 2)]]


def test_a_delete_in_a_trigger_is_told_as_what_it_is(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(CHAT)
    probe(sqlite_url).execute("CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM notes WHERE body = 'two'; END;")
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), "INSERT INTO users VALUES (4, 'Don');\n")
    assert (
        lines[0]
        == "0001_step.sql: loss guard: 2 rows of notes were deleted (a trigger or function), and no may-lose names it"
    )


def test_the_ledgers_own_tables_are_guarded(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    migrate(database_url, migrations({"0001_a.sql": "INSERT INTO notes VALUES ('x');\n"}))
    folder = migrations({"0002_b.sql": "DELETE FROM schema_migrations;\n"})
    with pytest.raises(CheckError, match="1 row of schema_migrations was deleted"):
        migrate(database_url, folder)
    assert probe(database_url).rows("SELECT version FROM schema_migrations") == [(1,)]


def test_a_failing_statement_behind_a_look_is_named_with_its_line(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    before = state(probe(database_url))
    step = "-- sessmig: may-lose notes\nSELECT 1;\nDROP TABLE notes;\nSELECT 2;\nDROP TABLE nowhere;\nSELECT 3;\n"
    with pytest.raises(StepError) as caught:
        migrate(database_url, migrations({"0001_step.sql": step}))
    assert "0001_step.sql:5: " in str(caught.value)
    assert state(probe(database_url)) == before
