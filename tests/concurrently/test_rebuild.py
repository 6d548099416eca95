"""REINDEX CONCURRENTLY and DROP INDEX CONCURRENTLY: what is broken off leaves nothing behind for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import DatabaseError
from tests.concurrently.alone import run_at
from tests.concurrently.test_create import CREATE, INDEXES, TABLE, UNIQUE, invalid_index
from tests.fixtures.probe import Probe

Look = Callable[[str], Probe]

WHATEVER = [
    "REINDEX INDEX CONCURRENTLY people_id",
    "REINDEX TABLE CONCURRENTLY people",
    "REINDEX (VERBOSE, CONCURRENTLY) TABLE public.people",
    "REINDEX SCHEMA CONCURRENTLY public",
]
NODE = "SELECT pg_relation_filenode('people_id')"


def broken_off(seen: Probe) -> None:
    """Leave what a REINDEX CONCURRENTLY leaves that is broken off: the new index, not valid, beside the old one."""
    invalid_index(seen)
    seen.execute("ALTER INDEX people_id RENAME TO people_id_ccnew")
    seen.execute("DELETE FROM people WHERE name = 'b'")
    seen.execute(UNIQUE)


@pytest.mark.parametrize("sql", WHATEVER)
def test_what_an_earlier_reindex_has_left_is_dropped_and_the_index_rebuilt(
    postgres_url: str, probe: Look, sql: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    broken_off(seen)
    assert seen.rows(INDEXES) == [("people_id", True), ("people_id_ccnew", False)]
    before, said = seen.value(NODE), list[str]()
    run_at(postgres_url, sql, resumed=True, said=said)
    assert said == ["the index public.people_id_ccnew is left from a REINDEX that was broken off: it is dropped"]
    assert seen.rows(INDEXES) == [("people_id", True)]
    assert seen.value(NODE) != before


@pytest.mark.parametrize("sql", WHATEVER[:3])
def test_a_reindex_that_fails_leaves_no_index_of_its_own(postgres_url: str, probe: Look, sql: str) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("INSERT INTO people VALUES (1, 'a')")
    # Of a function that says IMMUTABLE and is not, the server finds out when it builds anew.
    seen.execute("CREATE TABLE divisors (d INTEGER)")
    seen.execute("INSERT INTO divisors VALUES (1)")
    seen.execute(
        "CREATE FUNCTION divided (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN i / (SELECT d FROM public.divisors); END'"
    )
    seen.execute("CREATE INDEX people_id ON people (divided(id))")
    seen.execute("UPDATE divisors SET d = 0")
    before = seen.value(NODE)
    with pytest.raises(DatabaseError) as caught:
        run_at(postgres_url, sql)
    assert caught.value.what == "division by zero"
    assert caught.value.holds == "No invalid index is left: what there was of public.people_id_ccnew was dropped."
    assert seen.rows(INDEXES) == [("people_id", True)]
    assert seen.value(NODE) == before


def test_an_invalid_index_is_valid_again_after_reindex_index(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    invalid_index(seen)
    seen.execute("DELETE FROM people WHERE name = 'b'")
    run_at(postgres_url, "REINDEX INDEX CONCURRENTLY people_id")
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_an_invalid_index_with_such_a_name_on_another_table_stays(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    broken_off(seen)
    seen.execute("CREATE TABLE others (id INTEGER)")
    seen.execute("CREATE INDEX others_id ON others (id)")
    run_at(postgres_url, "REINDEX TABLE CONCURRENTLY others")
    assert ("people_id_ccnew", False) in seen.rows(INDEXES)


def test_the_index_of_a_toast_table_is_rebuilt_with_its_table(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    node = (
        "SELECT pg_relation_filenode(i.indexrelid) FROM pg_class AS c"
        " JOIN pg_index AS i ON i.indrelid = c.reltoastrelid WHERE c.relname = 'people'"
    )
    before = seen.value(node)
    assert run_at(postgres_url, "REINDEX TABLE CONCURRENTLY people") == ()
    assert seen.value(node) != before


def test_a_drop_that_was_done_before_the_crash_is_passed_over_when_resumed(postgres_url: str, probe: Look) -> None:
    probe(postgres_url).execute(TABLE)
    assert run_at(postgres_url, "DROP INDEX CONCURRENTLY people_id", resumed=True) == (
        "NOTICE: the index people_id is gone already: it was dropped before the run was broken off",
    )


def test_a_drop_of_what_was_never_there_is_the_servers_error(postgres_url: str, probe: Look) -> None:
    probe(postgres_url).execute(TABLE)
    with pytest.raises(DatabaseError, match='index "people_id" does not exist'):
        run_at(postgres_url, "DROP INDEX CONCURRENTLY people_id")


@pytest.mark.parametrize("resumed", [False, True])
def test_an_index_is_dropped_valid_or_not(postgres_url: str, probe: Look, resumed: bool) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    if resumed:
        invalid_index(seen)
    else:
        seen.execute(CREATE)
    assert run_at(postgres_url, "DROP INDEX CONCURRENTLY people_id;", resumed=resumed) == ()
    assert seen.rows(INDEXES) == []


@pytest.mark.parametrize(
    "sql", ["VACUUM people;", "VACUUM (ANALYZE) people", "REINDEX SCHEMA public", "ANALYZE people"]
)
def test_whatever_else_cannot_run_in_a_transaction_runs(postgres_url: str, probe: Look, sql: str) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    assert run_at(postgres_url, sql) == ()
    assert seen.tables() == {"people"}
