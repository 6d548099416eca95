"""CREATE INDEX CONCURRENTLY: built once, never left invalid, never taken for another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import DatabaseError
from sessmig.databases import connect
from sessmig.model import Piece
from sessmig.script import index_act
from tests.concurrently.alone import BUILDING, Aside, idle_transaction, one, run_at, until
from tests.fixtures.probe import Probe

Look = Callable[[str], Probe]

TABLE = "CREATE TABLE people (id INTEGER DEFAULT 0, name TEXT DEFAULT 'x')"
INDEXES = """
SELECT x.relname, i.indisvalid AND i.indisready
FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = x.relnamespace
WHERE n.nspname = 'public' AND x.relname LIKE 'people%' ORDER BY 1"""
OIDS = "SELECT x.oid FROM pg_class AS x WHERE x.relname = 'people_id'"
CREATE = "CREATE INDEX CONCURRENTLY people_id ON people (id);"
UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY people_id ON people (id);"


def invalid_index(seen: Probe, sql: str = UNIQUE) -> None:
    """Leave what a crash in the middle leaves: an index of that name that is not valid."""
    seen.execute("INSERT INTO people VALUES (1, 'a'), (1, 'b')")
    with pytest.raises(Exception, match="could not create unique index"):
        seen.execute(sql)
    assert seen.rows(INDEXES) == [("people_id", False)]


def test_an_index_is_built_valid_and_without_a_notice(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    assert run_at(postgres_url, CREATE) == ()
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_a_duplicate_fails_with_the_servers_words_and_leaves_no_invalid_index(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("INSERT INTO people VALUES (7, 'a'), (7, 'b')")
    with pytest.raises(DatabaseError) as caught:
        run_at(postgres_url, UNIQUE)
    assert caught.value.what == 'could not create unique index "people_id"\nDETAIL: Key (id)=(7) is duplicated.'
    assert caught.value.holds == "No invalid index is left: what there was of public.people_id was dropped."
    assert seen.rows(INDEXES) == []
    assert seen.rows("SELECT id, name FROM people ORDER BY name") == [(7, "a"), (7, "b")]


@pytest.mark.parametrize("exists", ["", "IF NOT EXISTS "])
def test_an_invalid_index_is_dropped_and_built_anew_if_not_exists_or_not(
    postgres_url: str, probe: Look, exists: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    invalid_index(seen)
    before = seen.value(OIDS)
    seen.execute("DELETE FROM people WHERE name = 'b'")
    said: list[str] = []
    run_at(postgres_url, UNIQUE.replace("people_id", f"{exists}people_id"), said=said)
    assert said == ["the index public.people_id is not valid: it is dropped and built anew"]
    assert seen.rows(INDEXES) == [("people_id", True)]
    assert seen.value(OIDS) != before


@pytest.mark.parametrize(
    ("stands", "asked"),
    [
        ("CREATE INDEX people_id ON people (id)", CREATE),
        ("CREATE INDEX people_id ON people (id)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS people_id ON people (id)"),
        (
            "CREATE INDEX people_id ON people (id)",
            'create index concurrently PEOPLE_ID ON public."people" USING BTREE (ID)',
        ),
        (
            "CREATE INDEX people_id ON people (lower(name), id DESC) INCLUDE (name)"
            " WHERE id > 3 AND name IN ('a', 'b')",
            "CREATE INDEX CONCURRENTLY people_id ON people /* all */ (lower( name ), id desc)\n"
            "INCLUDE (name) WHERE ((id) > 3) and name = ANY (ARRAY['a', 'b']);",
        ),
    ],
    ids=["same", "if not exists", "spelling", "meaning"],
)
def test_a_valid_index_of_the_same_meaning_is_passed_over_with_a_notice(
    postgres_url: str, probe: Look, stands: str, asked: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute(stands)
    before = seen.value(OIDS)
    assert run_at(postgres_url, asked) == (
        "NOTICE: the index public.people_id is there already, valid and as asked: not built again",
    )
    assert seen.value(OIDS) == before
    assert seen.tables() == {"people"}


@pytest.mark.parametrize("exists", ["", "IF NOT EXISTS "])
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("INDEX CONCURRENTLY %speople_id ON people (name)", "CREATE INDEX people_id ON people (name)"),
        ("UNIQUE INDEX CONCURRENTLY %speople_id ON people (id)", "CREATE UNIQUE INDEX people_id ON people (id)"),
        (
            "INDEX CONCURRENTLY %speople_id ON people (id) WHERE id > 0",
            "CREATE INDEX people_id ON people (id) WHERE id > 0",
        ),
    ],
    ids=["column", "unique", "part"],
)
def test_a_valid_index_of_another_definition_is_an_error_that_names_both(
    postgres_url: str, probe: Look, asked: str, shown: str, exists: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("CREATE INDEX people_id ON people (id)")
    before = seen.value(OIDS)
    with pytest.raises(DatabaseError) as caught:
        run_at(postgres_url, f"CREATE {asked % exists}")
    assert caught.value.what == (
        "there is an index public.people_id already, and it is another one:\n"
        "it is   CREATE INDEX people_id ON public.people USING btree (id)\n"
        f"asked   {shown}"
    )
    assert caught.value.holds == "The index public.people_id stands as it was."
    assert caught.value.remedy == "Give the new index another name, or drop the one that is there."
    assert seen.value(OIDS) == before


@pytest.mark.parametrize("valid", [True, False])
def test_an_index_of_that_name_on_another_table_is_an_error_that_names_both_tables(
    postgres_url: str, probe: Look, valid: bool
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("CREATE TABLE others (id INTEGER)")
    if valid:
        seen.execute(CREATE)
    else:
        invalid_index(seen)
    with pytest.raises(DatabaseError) as caught:
        run_at(postgres_url, "CREATE INDEX CONCURRENTLY IF NOT EXISTS people_id ON others (id)")
    assert caught.value.what == (
        "there is an index public.people_id already: it is on public.people, and this one is for others"
    )
    assert seen.rows(INDEXES) == [("people_id", valid)]


def test_an_index_is_looked_for_in_the_schema_of_its_table(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute('CREATE SCHEMA "Far"')
    seen.execute('CREATE TABLE "Far"."People" (id INTEGER)')
    seen.execute("CREATE INDEX people_id ON people (id)")
    assert run_at(postgres_url, 'CREATE INDEX CONCURRENTLY people_id ON "Far"."People" (id)') == ()
    assert run_at(postgres_url, 'CREATE INDEX CONCURRENTLY people_id ON "Far"."People" (id)') == (
        'NOTICE: the index "Far".people_id is there already, valid and as asked: not built again',
    )
    assert seen.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'people_id'") == 2


def test_a_name_that_the_server_cuts_is_found_again(postgres_url: str, probe: Look) -> None:
    probe(postgres_url).execute(TABLE)
    name = "people_" + "long" * 20
    said = run_at(postgres_url, f"CREATE INDEX CONCURRENTLY {name} ON people (id)")
    assert [notice for notice in said if "not built again" in notice] == []
    again = run_at(postgres_url, f"CREATE INDEX CONCURRENTLY {name} ON people (id)")
    assert f"NOTICE: the index public.{name[:63]} is there already, valid and as asked: not built again" in again


def test_a_table_that_is_not_there_is_the_servers_error_at_its_place(postgres_url: str, probe: Look) -> None:
    sql = "CREATE INDEX CONCURRENTLY people_id ON nowhere (id);"
    with pytest.raises(DatabaseError) as caught:
        run_at(postgres_url, sql)
    assert (caught.value.what, caught.value.code) == ('relation "nowhere" does not exist', "42P01")
    assert caught.value.holds == ""
    assert probe(postgres_url).tables() == set()


def test_a_relation_of_that_name_that_is_no_index_is_the_servers_error(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    with pytest.raises(DatabaseError, match='relation "people" already exists'):
        run_at(postgres_url, "CREATE INDEX CONCURRENTLY people ON people (id)")
    assert seen.tables() == {"people"}


def test_a_timeout_that_the_role_brings_does_not_break_the_building_off_and_comes_back(
    postgres_url: str, probe: Look
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    # Evaluated for each row, it takes longer than the statement might.
    seen.execute(
        "CREATE FUNCTION slow (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.3); RETURN i; END'"
    )
    seen.execute("INSERT INTO people DEFAULT VALUES")
    url = f"{postgres_url}?options=-cstatement_timeout%3D200%20-clock_timeout%3D100"
    with connect(url) as database:
        run = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        with database.exclusive("schema_migrations", wait=5, on_wait=print):
            one(database, "CREATE INDEX CONCURRENTLY people_id ON people (slow(id))")
            assert database.query(run).rows == (("200ms", "100ms"),)
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_quotes_are_read_as_the_standard_has_them_whatever_the_session_says(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    url = f"{postgres_url}?options=-cstandard_conforming_strings%3Doff%20-cescape_string_warning%3Doff"
    with connect(url) as database, database.exclusive("schema_migrations", wait=5, on_wait=print):
        one(database, r"CREATE INDEX CONCURRENTLY people_id ON people (id) WHERE name = 'a\b'")
        assert database.query("SELECT current_setting('standard_conforming_strings')").rows == (("off",),)
    assert r"'a\b'" in seen.value("SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indpred IS NOT NULL")


def test_an_error_of_the_server_is_told_with_its_place_in_the_script(postgres_url: str, probe: Look) -> None:
    probe(postgres_url).execute(TABLE)
    before = "-- a remark\n"
    text = f"{before}CREATE INDEX CONCURRENTLY people_id ON people (id) WHRE id > 0;"
    with connect(postgres_url) as database, database.exclusive("schema_migrations", wait=5, on_wait=print):
        piece = Piece(text, 1000, 10, len(before))
        act = index_act(piece.statement, "postgres")
        with pytest.raises(DatabaseError) as caught:
            database.run_alone(piece, act, resumed=False, on_event=print)
    assert caught.value.what == 'syntax error at or near "WHRE"'
    assert caught.value.position == 1000 + text.index("WHRE")


def test_when_the_connection_is_lost_the_error_says_so_and_the_next_run_builds_the_index(
    postgres_url: str, probe: Look
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    with idle_transaction(postgres_url, "people"):
        building = Aside(lambda: run_at(postgres_url, CREATE))
        until(lambda: seen.rows(f"{BUILDING} AND phase LIKE 'waiting for%'"))
        seen.rows(f"SELECT pg_terminate_backend({seen.value(BUILDING)})")
        with pytest.raises(DatabaseError) as caught:
            building.ended()
    assert "terminating connection due to administrator command" in caught.value.what
    assert caught.value.holds == (
        "The connection is lost: an index that is not valid may be left; the next run drops it."
    )
    assert seen.rows(INDEXES) == [("people_id", False)]
    run_at(postgres_url, CREATE, resumed=True)
    assert seen.rows(INDEXES) == [("people_id", True)]
