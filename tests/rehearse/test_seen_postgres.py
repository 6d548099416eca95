"""PostgreSQL: what a rollback forgets to give back, beside tables and rows, is seen; and what a failure says."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import state

TABLES = """
CREATE TABLE pa (id INTEGER PRIMARY KEY, v TEXT);
CREATE TABLE ch (id INTEGER PRIMARY KEY, p INTEGER CONSTRAINT of_pa REFERENCES pa);
CREATE SCHEMA shelf;
"""
FORGOTTEN = {
    "ALTER TABLE ch DISABLE TRIGGER ALL": "constraint ch.of_pa: defined otherwise",
    "ALTER TABLE pa DISABLE TRIGGER ALL": "constraint ch.of_pa: defined otherwise",
    "ALTER TABLE pa CLUSTER ON pa_pkey": "constraint pa.pa_pkey: defined otherwise",
    "ALTER TABLE pa REPLICA IDENTITY USING INDEX pa_pkey": "constraint pa.pa_pkey: defined otherwise",
    "COMMENT ON INDEX pa_pkey IS 'x'": "constraint pa.pa_pkey: defined otherwise",
    "COMMENT ON SCHEMA shelf IS 'x'": "schema shelf: defined otherwise",
    "ALTER TABLE pa ALTER COLUMN v SET STATISTICS 500": "column pa.v: defined otherwise",
    "ALTER TABLE pa ALTER COLUMN v SET STORAGE EXTERNAL": "column pa.v: defined otherwise",
    "ALTER TABLE pa ALTER COLUMN v SET COMPRESSION pglz": "column pa.v: defined otherwise",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA shelf GRANT SELECT ON TABLES TO public": "in shelf r: left behind",
    "CREATE PUBLICATION p FOR TABLE pa": "publication p: left behind",
    "CREATE CAST (INTEGER AS xml) WITH INOUT": "cast integer AS xml: left behind",
    "CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)": "operator public.###(integer,integer)",
    "CREATE COLLATION c (LOCALE = 'C')": "collation c: left behind",
    "CREATE TEXT SEARCH CONFIGURATION shelf.t (COPY = pg_catalog.english)": "text search configuration shelf.t: left",
}


@pytest.mark.parametrize("statement", FORGOTTEN)
def test_what_a_rollback_forgets_is_named(
    statement: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES)
    before = state(database)
    folder = migrations({"1_a.sql": f"{statement};\n", "1_a.rollback.sql": "SELECT 1;\n"})
    done = cli("rehearse", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 3
    assert "after the rollback the database is not as it was before 1_a:" in done.stderr
    assert FORGOTTEN[statement] in done.stderr
    assert state(database) == before


def test_what_a_rollback_gives_back_of_it_is_no_difference(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(postgres_url).execute(TABLES)
    there = (
        "ALTER TABLE ch DISABLE TRIGGER ALL;\nCOMMENT ON INDEX pa_pkey IS 'x';\nCREATE COLLATION c (LOCALE = 'C');\n"
    )
    back = "ALTER TABLE ch ENABLE TRIGGER ALL;\nCOMMENT ON INDEX pa_pkey IS NULL;\nDROP COLLATION c;\n"
    folder = migrations({"1_a.sql": there, "1_a.rollback.sql": back})
    done = cli("rehearse", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert "the database is as it was before 1_a" in done.stdout


def test_a_failing_rehearsal_in_one_transaction_says_nothing_of_the_log(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES)
    before = database.snapshot(exclude=())
    folder = migrations({"1_a.sql": "SELECT nix;\n"})
    done = cli("rehearse", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 1
    assert 'column "nix" does not exist' in done.stderr
    assert "log" not in done.stderr
    assert "The database holds what it held before: it was a rehearsal." in done.stderr
    assert database.snapshot(exclude=()) == before


def test_a_deferred_trigger_shows_that_an_idempotent_statement_changes_something(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE t (x INTEGER); CREATE TABLE seen (x INTEGER); INSERT INTO t VALUES (1);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO seen VALUES (1); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER g AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION note()"
    )
    folder = migrations({"1_a.sql": "-- sessmig: idempotent\nUPDATE t SET x = 2;\n"})
    done = cli("rehearse", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 3
    assert "table seen: 1 row more (1 before, 2 now)" in done.stderr
    assert probe(postgres_url).rows("SELECT * FROM seen") == []
