"""What a step did to each table is told in true numbers: in the report, in the log, on the screen."""

import json
from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.guard.shop import CHAT, passes
from tests.run.doing import log, migrate

MIXED = """-- sessmig: may-lose *
CREATE TABLE archive (id TEXT PRIMARY KEY, body TEXT);
INSERT INTO archive SELECT id, body FROM messages WHERE session_id = 10;
DELETE FROM messages WHERE session_id = 10;
INSERT INTO messages VALUES ('x', 20, 'new'), ('y', 20, 'new'), ('z', 20, 'new');
UPDATE messages SET body = 'old' WHERE id IN ('c', 'd');
INSERT INTO users VALUES (1, 'A'), (4, 'Don') ON CONFLICT (id) DO UPDATE SET name = excluded.name;
DELETE FROM sessions WHERE id = 11;
ALTER TABLE notes RENAME TO remarks;
INSERT INTO remarks VALUES ('three');
DELETE FROM archive WHERE id = 'a';
"""
NUMBERS = {
    "archive": (None, 1, 2, 0, 1),
    "messages": (4, 4, 3, 2, 3),
    "remarks": (3, 4, 1, 0, 0),
    "sessions": (3, 2, 0, 0, 1),
    "users": (3, 4, 1, 1, 0),
}


def test_the_numbers_of_each_table_are_true(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    report = passes(database_url, migrations, MIXED)
    assert {e.table: (e.before, e.after, e.inserted, e.updated, e.deleted) for e in report.effects} == NUMBERS
    by = {e.table: e.by for e in report.effects}
    assert by["messages"] == ("DELETE in line 4", "cascade from sessions")
    assert by["sessions"] == ("DELETE in line 8",)
    for table, (_, after, *_) in NUMBERS.items():
        assert probe(database_url).value(f"SELECT count(*) FROM {table}") == after


def test_the_effects_stand_in_the_log_of_a_success(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    passes(database_url, migrations, MIXED)
    ((_, _, outcome, detail),) = log(probe(database_url))
    found = {
        e["table"]: (e["before"], e["after"], e["inserted"], e["updated"], e["deleted"]) for e in detail["effects"]
    }
    assert (outcome, found) == ("success", NUMBERS)
    assert "losses" not in detail


def test_a_dry_run_tells_the_same_effects_and_leaves_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    before = probe(database_url).snapshot()["rows"]
    (dry,) = migrate(database_url, migrations({"0001_step.sql": MIXED}), dry_run=True).steps
    assert probe(database_url).snapshot()["rows"] == before
    assert dry.effects == passes(database_url, migrations, MIXED).effects


def test_the_effects_are_shown_as_a_table(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(database_url).execute(CHAT)
    step = "INSERT INTO notes VALUES ('x');\nCREATE TABLE t (x INTEGER);\n"
    done = cli("migrate", "-d", database_url, "--dir", migrations({"0001_step.sql": step}))
    assert done.returncode == 0
    assert (
        "  tables\n"
        "    table  before  after  inserted  updated  deleted  by\n"
        "    notes       3      4         1        0        0\n"
        "    t                  0         0        0        0\n"
    ) in done.stdout


def test_a_step_that_touches_no_row_shows_no_table(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    done = cli("migrate", "-d", database_url, "--dir", migrations({"0001_step.sql": "SELECT 1;\n"}))
    assert done.returncode == 0
    assert "  tables\n" not in done.stdout


def test_losses_and_effects_stand_in_the_json_of_a_run_that_was_stopped(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(database_url).execute(CHAT)
    folder = migrations({"0001_step.sql": "DELETE FROM notes;\n"})
    done = cli("migrate", "-d", database_url, "--dir", folder, "--json")
    assert done.returncode == 3
    (step,) = json.loads(done.stdout)["steps"]
    assert [(loss["table"], loss["rows"], loss["line"]) for loss in step["losses"]] == [("notes", 3, 1)]
    assert [(e["table"], e["before"], e["after"], e["deleted"]) for e in step["effects"]] == [("notes", 3, 0, 3)]


@pytest.mark.parametrize("number", [201, 1000])
def test_many_statements_are_counted_together(
    number: int, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    inserts = "".join(f"INSERT INTO notes VALUES ('{n}');\n" for n in range(number))
    deletes = "".join(f"DELETE FROM notes WHERE body = '{n}';\n" for n in range(0, number, 100))
    (effect,) = passes(database_url, migrations, f"-- sessmig: may-lose notes\n{inserts}{deletes}").effects
    gone = len(range(0, number, 100))
    assert (effect.before, effect.after, effect.inserted, effect.deleted) == (3, 3 + number - gone, number, gone)
    more = f" and {gone - 3} more" if gone > 3 else ""
    assert effect.by == (f"DELETE in lines {number + 2}, {number + 3}, {number + 4}{more}",)


def test_a_partitioned_table_is_told_as_a_whole(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE log (id INTEGER, n INTEGER) PARTITION BY LIST (n);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1); CREATE TABLE log_2 PARTITION OF log FOR VALUES IN (2);"
        "INSERT INTO log SELECT g, 1 + g % 2 FROM generate_series(1, 10) AS g"
    )
    step = "-- sessmig: may-lose log\nUPDATE log SET n = 2 WHERE n = 1;\nDELETE FROM log WHERE id = 1;\n"
    step += "INSERT INTO log VALUES (11, 1), (12, 2);\n"
    (effect,) = passes(postgres_url, migrations, step).effects
    assert (effect.table, effect.before, effect.after, effect.inserted, effect.deleted) == ("log", 10, 11, 2, 1)
    assert effect.by == ("DELETE in line 3",)
