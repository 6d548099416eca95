"""How sessmig sees the tables of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable

from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.guard.watching import listed, send, transaction


def test_a_table_has_its_columns_in_order_and_its_key_in_the_keys_order(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        'CREATE TABLE t (a INTEGER, gone INTEGER, "B ""b" TEXT, c INTEGER, PRIMARY KEY ("B ""b", a) INCLUDE (c));'
        "ALTER TABLE t DROP COLUMN gone"
    )
    with transaction(postgres_url) as database:
        table = listed(database)["t"]
    assert [(column.identity, column.name) for column in table.columns] == [(1, "a"), (3, 'B "b'), (4, "c")]
    assert table.key == ('B "b', "a")


def test_a_table_is_named_as_people_write_it_and_quoted_for_queries(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        'CREATE SCHEMA "Old one"; CREATE TABLE "Old one"."T ""t" (x INTEGER); CREATE TABLE plain ()'
    )
    with transaction(postgres_url) as database:
        tables = listed(database)
        assert {name: table.sql for name, table in tables.items()} == {
            'Old one.T "t': '"Old one"."T ""t"',
            "plain": '"public"."plain"',
        }
        assert tables["plain"].columns == ()
        for table in tables.values():
            database.query(f"SELECT count(*) FROM {table.sql}")


def test_a_table_and_its_columns_keep_their_identity_through_renames(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute("CREATE TABLE old (a INTEGER, b INTEGER); CREATE SCHEMA s; CREATE TABLE made ()")
    with transaction(postgres_url) as database:
        before = listed(database)
        send(
            database,
            "ALTER TABLE old RENAME TO fresh; ALTER TABLE fresh RENAME b TO c; ALTER TABLE fresh SET SCHEMA s;"
            "DROP TABLE made; CREATE TABLE made ();",
        )
        after = listed(database)
    assert after["s.fresh"].identity == before["old"].identity
    assert after["s.fresh"].storage == before["old"].storage
    assert [(column.identity, column.name) for column in after["s.fresh"].columns] == [(1, "a"), (2, "c")]
    assert after["made"].identity != before["made"].identity


def test_a_partition_knows_its_table_until_it_is_detached(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE events (year INTEGER, day INTEGER) PARTITION BY LIST (year);"
        "CREATE TABLE events_26 PARTITION OF events FOR VALUES IN (2026) PARTITION BY LIST (day);"
        "CREATE TABLE events_26_1 PARTITION OF events_26 FOR VALUES IN (1);"
        "INSERT INTO events SELECT 2026, 1 FROM generate_series(1, 1000); ANALYZE events;"
        "CREATE TABLE above (x INTEGER); CREATE TABLE below () INHERITS (above)"
    )
    with transaction(postgres_url) as database:
        tables = listed(database)
        send(database, "ALTER TABLE events DETACH PARTITION events_26;")
        after = listed(database)
    assert tables["events_26_1"].parent == tables["events_26"].identity
    assert tables["events_26"].parent == tables["events"].identity
    assert tables["events"].parent is None
    assert tables["below"].parent is None
    assert tables["events"].storage == 0
    assert tables["events"].size == tables["events_26_1"].size != 0
    assert after["events_26"].parent is None
    assert after["events_26"].identity == tables["events_26"].identity


def test_a_table_follows_those_whose_rows_take_its_own_along(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, mother INTEGER REFERENCES a ON DELETE CASCADE);"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, other INTEGER REFERENCES a ON DELETE SET NULL,"
        " one INTEGER REFERENCES a ON DELETE CASCADE, two INTEGER REFERENCES a ON DELETE CASCADE)"
    )
    with transaction(postgres_url) as database:
        tables = listed(database)
    assert tables["a"].follows == tables["b"].follows == (tables["a"].identity,)


def test_a_table_reaches_those_that_its_triggers_name(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER); CREATE TABLE c (x INTEGER);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM B; RETURN NULL; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()"
    )
    with transaction(postgres_url) as database:
        tables = listed(database)
    assert {name: table.reaches for name, table in tables.items()} == {"a": (tables["b"].identity,), "b": (), "c": ()}


def test_only_user_tables_are_seen(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE mine (x TEXT); CREATE VIEW seen AS SELECT * FROM mine;"
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM mine; CREATE SEQUENCE counted;"
        "CREATE TABLE theirs (x INTEGER); ALTER EXTENSION plpgsql ADD TABLE theirs;"
        "CREATE FOREIGN DATA WRAPPER none; CREATE SERVER far FOREIGN DATA WRAPPER none;"
        "CREATE FOREIGN TABLE away (x INTEGER) SERVER far; CREATE UNLOGGED TABLE quick (x INTEGER)"
    )
    with transaction(postgres_url) as database:
        send(database, "CREATE TEMP TABLE passing (x INTEGER);")
        tables = listed(database)
    assert tables.keys() == {"mine", "quick", "away"}
    assert (tables["away"].size, tables["away"].storage) == (None, 0)


def test_nobodys_lock_is_waited_for(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE busy (id SERIAL PRIMARY KEY, x INTEGER); ALTER TABLE busy ADD CHECK (x > 0) NOT VALID"
    )
    with connect(postgres_url) as other:
        other.execute("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        with transaction(postgres_url) as database:
            send(database, "SET LOCAL lock_timeout = '50ms';")
            assert listed(database).keys() == {"busy"}
            database.watch(())
            assert database.changes() == {}
            database.unwatch()
            assert [fault.kind for fault in database.faults((), ())] == ["constraint not validated"]


def test_a_search_path_that_hides_the_catalogue_does_no_harm(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE mine (id INTEGER PRIMARY KEY); CREATE SCHEMA trap; CREATE TABLE trap.pg_class (x INTEGER);"
        "CREATE FUNCTION trap.json_agg(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"
    )
    with transaction(postgres_url) as database:
        send(database, "SET search_path = trap, pg_catalog;")
        tables = listed(database)
        database.watch(())
        send(database, "INSERT INTO public.mine VALUES (1);")
        changes = database.changes()
        database.unwatch()
        assert database.faults(list(tables.values()), ()) == ()
    assert tables.keys() == {"mine", "trap.pg_class"}
    assert tables["mine"].key == ("id",)
    assert {identity: change.inserted for identity, change in changes.items()} == {tables["mine"].identity: 1}
