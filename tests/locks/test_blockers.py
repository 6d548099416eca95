"""Who is named as being in the way: who holds what the statement wants, and not who only stands near."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from sessmig.databases import connect
from tests.fixtures.probe import Probe
from tests.locks.holding import holding

TABLES = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE letters (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people);
CREATE TABLE other (x INTEGER);
CREATE TABLE parted (x INTEGER) PARTITION BY LIST (x);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
CREATE INDEX letters_person ON letters (person);
CREATE SCHEMA "Old"; CREATE TABLE "Old"."My Notes" (x INTEGER);
INSERT INTO people VALUES (1, 'Ada')"""
WRITE = "UPDATE people SET name = 'Bo'"
READ = "SELECT count(*) FROM people"


def _named(url: str, *statements: str) -> list[tuple[int | None, str, str]]:
    with connect(url) as database:
        return [(one.pid, one.application, one.state) for one in database.blockers(statements)]


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (READ, "ALTER TABLE people ADD COLUMN email TEXT;"),
        (READ, 'alter table only public . "people" add column email text'),
        (READ, "DROP TABLE letters;"),
        (READ, "DO $$ BEGIN ALTER TABLE people ADD COLUMN email TEXT; END $$;"),
        (READ, "LOCK TABLE people;"),
        ("SELECT count(*) FROM letters", "DROP INDEX letters_person;"),
        ("SELECT count(*) FROM part_1", "ALTER TABLE parted ADD COLUMN y INTEGER;"),
        ('SELECT count(*) FROM "Old"."My Notes"', 'ALTER TABLE "Old"."My Notes" ADD COLUMN y INTEGER;'),
        (WRITE, "CREATE INDEX people_name ON people (name);"),
        (WRITE, "UPDATE people SET name = upper(name);"),
        (WRITE, "LOCK TABLE people IN SHARE MODE;"),
        (WRITE, "SELECT * FROM people FOR UPDATE;"),
        ("LOCK TABLE people IN SHARE MODE", "INSERT INTO people VALUES (2, 'Cy');"),
        ("LOCK TABLE people", "SELECT count(*) FROM people;"),
    ],
)
def test_who_holds_what_a_statement_wants_is_named(
    postgres_url: str, probe: Callable[[str], Probe], held: str, wanted: str
) -> None:
    probe(postgres_url).execute(TABLES)
    with holding(postgres_url, held) as other:
        pid = other.info.backend_pid
        assert _named(postgres_url, "SET x.y = 1;", wanted) == [(pid, "night report", "idle in transaction")]
    assert _named(postgres_url, wanted) == []


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (READ, "CREATE INDEX people_name ON people (name);"),
        (READ, "UPDATE people SET name = upper(name);"),
        (READ, "LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE;"),
        (READ, "ALTER TABLE other ADD COLUMN y INTEGER;"),
        ("LOCK TABLE people IN SHARE MODE", "CREATE INDEX people_name ON people (name);"),
        ("SELECT count(*) FROM pg_locks", "DO $$ BEGIN PERFORM * FROM pg_locks; END $$;"),
    ],
)
def test_who_is_in_nobody_s_way_is_not_named(
    postgres_url: str, probe: Callable[[str], Probe], held: str, wanted: str
) -> None:
    probe(postgres_url).execute(TABLES)
    with holding(postgres_url, held):
        assert _named(postgres_url, wanted) == []


def test_of_two_in_the_way_the_longest_open_transaction_comes_first(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(TABLES)
    with holding(postgres_url, READ, name="first"), holding(postgres_url, READ, name="second"):
        found = _named(postgres_url, "DROP TABLE people;")
    assert [application for _, application, _ in found] == ["first", "second"]


def test_a_role_that_may_not_look_at_others_still_has_their_pid_and_application(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    seen = probe(postgres_url)
    seen.execute(f"{TABLES}; DROP ROLE IF EXISTS sessmig_small; CREATE ROLE sessmig_small LOGIN")
    try:
        with holding(postgres_url, READ) as other:
            small = postgres_url.replace("postgres@", "sessmig_small@", 1)
            found = _named(small, "ALTER TABLE people ADD COLUMN email TEXT;")
            assert found == [(other.info.backend_pid, "night report", "")]
    finally:
        seen.execute("DROP ROLE sessmig_small")


def test_a_sqlite_reader_is_named_to_a_writer(
    sqlite_url: str, probe: Callable[[str], Probe], sqlite_reader: Callable[[str], subprocess.Popen[str]]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)")
    pid = sqlite_reader(sqlite_url.removeprefix("sqlite:///")).pid
    assert [found for found, _, _ in _named(sqlite_url, "DROP TABLE t;")] == [pid]
