"""What PostgreSQL defers to the commit is done and checked at the end of its step, before anything is asked."""

from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import stopped
from tests.run.doing import migrate, state

TAKING = """
CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
INSERT INTO t VALUES (1, 'a'), (2, 'b');
CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER g AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take();
"""
UPDATE = "UPDATE t SET v = 'n';\n"


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"single_transaction": True}])
def test_a_deferred_trigger_that_takes_rows_away_leaves_nothing_of_the_step(
    options: dict[str, Any], postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TAKING)
    before = state(database)
    with pytest.raises(CheckError) as caught:
        migrate(postgres_url, migrations({"1_a.sql": UPDATE}), **options)
    assert "loss guard: 2 rows of t were deleted" in str(caught.value)
    assert state(database) == before


AGAIN = """
CREATE TABLE later (id INTEGER);
CREATE FUNCTION take_later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER much_later AFTER INSERT ON later
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_later();
CREATE OR REPLACE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    SET CONSTRAINTS much_later DEFERRED;
    INSERT INTO later VALUES (1);
    RETURN NULL;
END $$;
"""


@pytest.mark.parametrize("options", [{}, {"single_transaction": True}])
def test_what_a_deferred_trigger_defers_again_is_the_steps_doing_too(
    options: dict[str, Any], postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TAKING + AGAIN)
    before = state(database)
    with pytest.raises(CheckError, match="loss guard: 2 rows of t were deleted"):
        migrate(postgres_url, migrations({"1_a.sql": UPDATE}), **options)
    assert state(database) == before


def test_a_check_sees_what_a_deferred_trigger_did(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TAKING)
    folder = migrations(
        {
            "0001_step.sql": f"-- sessmig: may-lose t\n{UPDATE}",
            "0001_step.verify.sql": "-- check: two\n-- expect: 2\nSELECT count(*) FROM t;\n",
        }
    )
    with pytest.raises(CheckError, match="check failed: two"):
        migrate(postgres_url, folder)
    assert database.rows("SELECT * FROM t ORDER BY 1") == [(1, "a"), (2, "b")]


OWNERS = "CREATE TABLE {0}_owners (id INTEGER PRIMARY KEY);\n"
PETS = "CREATE TABLE {0} (owner INTEGER CONSTRAINT {1} REFERENCES {0}_owners (id) {2});\n"
DEFERRED, FIRST = "DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE INITIALLY IMMEDIATE"
FILL = "INSERT INTO {0} VALUES (1);\nINSERT INTO {0}_owners VALUES (1);\n"


def _pets(name: str, constraint: str, kind: str) -> str:
    return OWNERS.format(name) + PETS.format(name, constraint, kind)


@pytest.mark.parametrize("options", [{"dry_run": True}, {"single_transaction": True}])
def test_in_one_transaction_each_step_finds_the_constraints_as_they_are_declared(
    options: dict[str, Any], postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    files = {
        "1_a.sql": _pets("cats", "of_owner", DEFERRED)
        + _pets("dogs", "plain", "")
        + _pets("fish", "Odd Name", FIRST).replace("Odd Name", '"Odd Name"'),
        "2_b.sql": FILL.format("cats") + _pets("newts", "newt", DEFERRED) + FILL.format("newts"),
        "3_c.sql": "INSERT INTO cats VALUES (2);\nINSERT INTO cats_owners VALUES (2);\n"
        "SET CONSTRAINTS ALL DEFERRED;\n" + FILL.format("fish"),
        "4_d.sql": _pets("birds", "bird", DEFERRED) + FILL.format("birds"),
    }
    report = migrate(postgres_url, migrations(files), **options)
    assert len(report.steps) == 4
    assert ("birds" in probe(postgres_url).tables()) is ("single_transaction" in options)


def test_in_one_transaction_what_a_step_deferred_is_at_once_again_in_the_next(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(_pets("fish", "fishy", FIRST))
    before = state(database)
    files = {
        "1_a.sql": "SET CONSTRAINTS fishy DEFERRED;\n" + FILL.format("fish"),
        "2_b.sql": "INSERT INTO fish VALUES (9);\nINSERT INTO fish_owners VALUES (9);\n",
    }
    folder = migrations(files)
    with pytest.raises(Exception, match="fishy") as caught:
        migrate(postgres_url, folder, single_transaction=True)
    assert str(caught.value).startswith(f"{folder / '2_b.sql'}:1: ")
    assert state(database) == before


def test_a_name_that_another_constraint_has_too_stops_nothing(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(_pets("cats", "same", DEFERRED) + _pets("dogs", "same", ""))
    files = {"1_a.sql": FILL.format("cats"), "2_b.sql": "INSERT INTO dogs_owners VALUES (3);\n"}
    migrate(postgres_url, migrations(files), single_transaction=True)
    assert probe(postgres_url).rows("SELECT * FROM cats") == [(1,)]


def test_the_message_calls_a_deferred_trigger_a_trigger(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TAKING)
    lines = stopped(postgres_url, migrations, database, UPDATE)
    assert (
        lines[0]
        == "0001_step.sql: loss guard: 2 rows of t were deleted (a trigger or function), and no may-lose names it"
    )
