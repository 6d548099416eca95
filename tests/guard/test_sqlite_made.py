"""SQLite: of a schema that was only added to nothing else is read; what was added is guarded all the same."""

from collections.abc import Callable

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate

_ONE = "CREATE TABLE o (x INTEGER);\nINSERT INTO o VALUES (1);\n"
_MADE = {
    "a trigger": (
        "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (x INTEGER);\nINSERT INTO b VALUES (1), (2);\n"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END;\n",
        "INSERT INTO a VALUES (1);\n",
        "2 rows of b were deleted",
    ),
    "a foreign key that cascades": (
        "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE);\n"
        "INSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1), (1);\n",
        "-- sessmig: may-lose p\nDELETE FROM p;\n",
        r"2 rows of c were deleted \(cascade from p\)",
    ),
    "a constraint that replaces": (
        "CREATE TABLE r (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT REPLACE);\n"
        "INSERT INTO r VALUES (1, 'Ada'), (2, 'Grace');\n",
        "INSERT INTO r VALUES (3, 'Ada');\n",
        "1 row of r was deleted",
    ),
    "a virtual table": (
        "CREATE VIRTUAL TABLE v USING fts5(body);\nINSERT INTO v VALUES ('a'), ('b');\n",
        "DELETE FROM v;\n",
        "2 rows of v were deleted",
    ),
    "a table that stands, and one dropped": (
        f"{_ONE}CREATE TABLE p (x INTEGER);\n",
        "CREATE TABLE IF NOT EXISTS p (x INTEGER);\nDROP TABLE o;\n",
        "the table o was dropped, with 1 row",
    ),
    "an index that stands, and a table dropped": (
        f"{_ONE}CREATE TABLE p (x INTEGER);\nCREATE INDEX i ON p (x);\n",
        "CREATE INDEX IF NOT EXISTS i ON p (x);\nDROP TABLE o;\n",
        "the table o was dropped, with 1 row",
    ),
    "a table of a dropped one's name": (
        _ONE,
        "DROP TABLE o;\nCREATE TABLE o (x INTEGER);\n",
        "the table o was dropped, with 1 row",
    ),
    "a table of a renamed one's name": (
        _ONE,
        "ALTER TABLE o RENAME TO p;\nCREATE TABLE o (x INTEGER);\nDELETE FROM p;\n",
        "1 row of p was deleted",
    ),
}


@pytest.mark.parametrize("single", [False, True], ids=["a transaction each", "one transaction"])
@pytest.mark.parametrize("what", _MADE)
def test_what_one_step_makes_is_guarded_in_the_next(
    what: str, single: bool, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    made, losing, found = _MADE[what]
    migrate(sqlite_url, migrations({"0001_first.sql": "CREATE TABLE first (x INTEGER);\n"}))
    folder = migrations({"0002_made.sql": made, "0003_losing.sql": losing})
    with pytest.raises(CheckError, match=found):
        migrate(sqlite_url, folder, single_transaction=single)
    applied = probe(sqlite_url).rows("SELECT version FROM schema_migrations WHERE status = 'success' ORDER BY version")
    assert applied == ([(1,)] if single else [(1,), (2,)])


def test_a_virtual_table_that_is_made_beside_others_keeps_its_own_tables_to_itself(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    making = "CREATE VIRTUAL TABLE v USING fts5(body);\nINSERT INTO v VALUES ('a');\n"
    report = migrate(sqlite_url, migrations({"0001_first.sql": _ONE, "0002_made.sql": making}))
    assert [effect.table for effect in report.steps[1].effects] == ["v"]


def test_a_table_dropped_beside_an_index_that_stands_already_is_gone(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_first.sql": f"{_ONE}CREATE TABLE p (x INTEGER);\nCREATE INDEX i ON p (x);\n",
            "0002_gone.sql": "-- sessmig: may-lose o\nCREATE INDEX IF NOT EXISTS i ON p (x);\nDROP TABLE o;\n",
            "0003_anew.sql": "CREATE TABLE o (x INTEGER);\n",
        }
    )
    told = [[(one.table, one.before, one.after) for one in step.effects] for step in migrate(sqlite_url, folder).steps]
    assert told[1:] == [[("o", 1, None)], [("o", None, 0)]]
