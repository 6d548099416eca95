"""Temporary objects of a step are gone before its checks: they hide nothing from them, and outlive nothing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from sessmig import CheckError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, state

SHADOW = {
    "1_a.sql": "CREATE TABLE users (id INTEGER);\n",
    "2_b.sql": "CREATE TEMP TABLE users (id INTEGER);\nINSERT INTO public.users VALUES (NULL);\n",
    "2_b.verify.sql": "-- check: every user has an id\nSELECT 1 AS one FROM users WHERE id IS NULL;\n",
}
EVERY_KIND = """
CREATE TEMP TABLE work AS SELECT g AS x FROM generate_series(1, 3) AS g;
CREATE INDEX ON work (x);
CREATE TEMP VIEW seen AS SELECT x FROM work;
CREATE TEMP SEQUENCE numbers;
CREATE FUNCTION pg_temp.twice(x integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * x';
CREATE TYPE pg_temp.pair AS (a integer, b integer);
CREATE TYPE pg_temp.colour AS ENUM ('red');
CREATE DOMAIN pg_temp.short AS text CHECK (length(VALUE) < 3);
CREATE TABLE kept AS SELECT pg_temp.twice(x) AS x FROM seen;
"""
_LEFT = """
SELECT relname::text FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind <> 'i'
UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = pg_my_temp_schema()
UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = pg_my_temp_schema() AND typrelid = 0 AND typelem = 0
ORDER BY 1"""


def test_a_check_sees_the_real_table_and_not_a_temporary_one_of_its_name(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": SHADOW["1_a.sql"]})
    migrate(postgres_url, folder)
    before = state(probe(postgres_url))
    with pytest.raises(CheckError, match="every user has an id"):
        migrate(postgres_url, migrations(SHADOW))
    assert state(probe(postgres_url)) == before


@pytest.mark.parametrize("role", ["", "SET ROLE pg_monitor;\n"])
def test_a_temporary_object_of_any_kind_is_gone_before_the_checks_and_for_the_next_client(
    role: str, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": EVERY_KIND + role, "1_a.verify.sql": f"-- check: nothing is left\n{_LEFT};\n"})
    url = pgbouncer(postgres_url)
    assert ensure_migrations(url, folder).applied == 1
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(_LEFT).fetchall() == []
    assert sorted(probe(postgres_url).rows("SELECT x FROM kept")) == [(2,), (4,), (6,)]


@pytest.mark.parametrize("role", ["", "SET ROLE pg_monitor;\n"])
def test_a_borrowed_connection_keeps_its_own_temporary_objects(
    role: str, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": EVERY_KIND + role, "2_b.sql": "CREATE TEMP TABLE once () ON COMMIT DROP;\n"})
    with connect(postgres_url) as connection:
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1 AS x")
        before = connection.execute(_LEFT).fetchall()
        assert ensure_migrations(connection, folder).applied == 2
        assert connection.execute(_LEFT).fetchall() == before
        assert connection.execute("SELECT x FROM mine").fetchall() == [(1,)]


def test_on_sqlite_too_a_check_sees_the_real_table(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": SHADOW["1_a.sql"]})
    migrate(sqlite_url, folder)
    before = state(probe(sqlite_url))
    shadow = {name: text.replace("public.", "main.") for name, text in SHADOW.items()}
    with pytest.raises(CheckError, match="every user has an id"):
        migrate(sqlite_url, migrations(shadow))
    assert state(probe(sqlite_url)) == before


ON_SQLITE = """
CREATE TABLE kept (x);
CREATE TEMP TABLE "the work" (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
CREATE TEMP VIEW seen AS SELECT x FROM "the work";
CREATE TEMP TRIGGER doubled AFTER INSERT ON "the work" BEGIN INSERT INTO kept VALUES (NEW.x * 2); END;
CREATE TABLE temp.other AS SELECT 1 AS y;
INSERT INTO "the work" (x) VALUES (1), (2), (3);
"""


@pytest.mark.parametrize("head", ["", "-- sessmig: run-each-row\n"])
def test_on_sqlite_a_temporary_object_of_any_kind_is_gone_before_the_checks(
    head: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    statements = ON_SQLITE
    if head:
        texts = [piece.strip().replace("'", "''") for piece in ON_SQLITE.replace("; END;", "\\ END;").split(";\n")]
        statements = "SELECT * FROM (VALUES {});\n".format(
            ", ".join(f"('{text}')".replace("\\", ";") for text in texts if text)
        )
    left = "-- check: nothing is left\nSELECT name FROM temp.sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    own = " AND name NOT LIKE 'sessmig_%'"  # what the guard counts in
    migrate(sqlite_url, migrations({"1_a.sql": head + statements, "1_a.verify.sql": f"{left}{own};\n"}))
    assert sorted(probe(sqlite_url).rows("SELECT x FROM kept")) == [(2,), (4,), (6,)]


def test_on_sqlite_a_borrowed_connection_keeps_its_own_temporary_objects(migrations: WriteMigrations) -> None:
    folder = migrations({"1_a.sql": ON_SQLITE, "2_b.sql": ON_SQLITE.replace("kept", "kept_too")})
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1 AS x")
        assert ensure_migrations(connection, folder).applied == 2
        found = connection.execute("SELECT name FROM temp.sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        assert found == [("mine",)]
        assert connection.execute("SELECT x FROM mine").fetchall() == [(1,)]
