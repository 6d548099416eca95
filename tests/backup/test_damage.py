"""What is damage of a SQLite file and what is not: functions of the application, and rows against a rule, are none."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.backup.yard import Yard

OWN = """
CREATE TABLE keyed (k TEXT COLLATE own PRIMARY KEY, v INTEGER) WITHOUT ROWID;
INSERT INTO keyed VALUES ('a', 1), ('b', 2), ('c', 3);
CREATE TABLE made (a INTEGER, b AS (own_function(a)) STORED, CHECK (own_function(a) > 0));
INSERT INTO made (a) VALUES (1), (2);
CREATE INDEX made_by ON made (own_function(a));
"""
AGAINST = {
    "CHECK": "CREATE TABLE t (a INTEGER CHECK (a < 5)); PRAGMA ignore_check_constraints = 1; INSERT INTO t VALUES (9);",
    "NOT NULL": "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (NULL); PRAGMA writable_schema = 1;"
    "UPDATE sqlite_master SET sql = 'CREATE TABLE t (a INTEGER NOT NULL)' WHERE name = 't';",
    "a type": "CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1); PRAGMA writable_schema = 1;"
    "UPDATE sqlite_master SET sql = 'CREATE TABLE t (a TEXT) STRICT' WHERE name = 't';",
}


def test_a_database_with_collations_and_functions_of_the_application_is_backed_up_and_restored(
    sqlite_yard: Yard,
) -> None:
    with closing(sqlite3.connect(sqlite_yard.file)) as connection:
        connection.create_collation("own", lambda one, other: (one < other) - (one > other))  # not as bytes are ordered
        connection.create_function("own_function", 1, lambda value: value, deterministic=True)
        connection.executescript(OWN)
    sqlite_yard.backup()
    sqlite_yard.probe.execute("DELETE FROM people")
    sqlite_yard.done("restore")
    assert sqlite_yard.probe.value("SELECT count(*) FROM people") == 40


@pytest.mark.parametrize("rule", AGAINST)
def test_rows_that_break_a_rule_of_their_table_are_saved_as_they_are(sqlite_yard: Yard, rule: str) -> None:
    with closing(sqlite3.connect(sqlite_yard.file)) as connection:
        connection.executescript(AGAINST[rule])
    with closing(sqlite3.connect(sqlite_yard.file)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]
    before = sqlite_yard.probe.rows("SELECT a FROM t")
    sqlite_yard.backup()
    sqlite_yard.probe.execute("DROP TABLE t")
    sqlite_yard.done("restore")
    assert sqlite_yard.probe.rows("SELECT a FROM t") == before


def test_a_database_whose_pages_are_damaged_is_not_backed_up(sqlite_yard: Yard) -> None:
    with closing(sqlite3.connect(sqlite_yard.file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'people'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(sqlite_yard.file, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x0d\x00\x00\xff\xff\x00\x01" + b"\xee" * 60)
    ended = sqlite_yard.run("backup")
    assert ended.returncode == 1
    assert "the database itself is damaged: " in ended.stderr
    assert not sqlite_yard.backups
