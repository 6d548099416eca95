"""Behind PgBouncer in transaction mode everything works, and nothing outlives a transaction."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sessmig import ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

SETTINGS = {
    "0001_a.sql": (
        "SET search_path = 'pg_catalog';\n"
        "SET statement_timeout = '77s';\n"
        "SET SESSION timezone = 'Asia/Kolkata';\n"
        "SELECT set_config('app.user', 'migration', false);\n"
        "SET client_min_messages = error;\n"
        "CREATE TABLE public.a (x INTEGER);\n"
    ),
    "0001_a.verify.sql": "-- check: a is here\n-- expect: 0\nSELECT count(*) FROM a;\n",
    "0002_b.sql": "CREATE TABLE b (x INTEGER);\n",
}
_SHOWN = (
    "SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('timezone'),"
    " coalesce(current_setting('app.user', true), ''), current_setting('client_min_messages'),"
    " current_setting('client_connection_check_interval'), current_user::text"
)


def _as_another_client(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(_SHOWN).fetchall()


def test_migrate_status_and_verify_work_through_a_pooler(
    cli: Cli, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, url = migrations(SETTINGS), pgbouncer(postgres_url)
    for command, said in (
        (("migrate", "--dry-run"), "2 migrations would be applied"),
        (("status",), "2 pending, 0 problems"),
        (("migrate",), "2 migrations applied in"),
        (("migrate",), "nothing to do: 2 migrations applied, none pending"),
        (("status", "--check"), "0 pending, 0 problems"),
        (("verify",), "verified: 1 of 1 check held"),
    ):
        done = cli(*command, "--dir", folder, env={"DATABASE_URL": url})
        assert (done.returncode, said in done.stdout) == (0, True), (command, done.stdout, done.stderr)
    assert probe(postgres_url).tables() == {"a", "b", "schema_migrations", "schema_migrations_log"}


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_no_setting_of_a_file_reaches_another_client_of_the_pooler(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, outcome: str
) -> None:
    # A single server connection: who comes next gets the one that the migration had.
    url = pgbouncer(postgres_url)
    before = _as_another_client(url)
    folder = migrations(SETTINGS | ({"0002_b.sql": "SELECT * FROM nowhere;\n"} if outcome == "failure" else {}))
    if outcome == "failure":
        with pytest.raises(Exception, match='relation "nowhere" does not exist'):
            ensure_migrations(url, folder)
    else:
        assert ensure_migrations(url, folder).applied == 2
    assert _as_another_client(url) == before


def test_no_lock_is_left_behind_a_pooler(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    ensure_migrations(pgbouncer(postgres_url), migrations(SETTINGS))
    assert probe(postgres_url).rows("SELECT * FROM pg_locks WHERE locktype = 'advisory'") == []
    left = "SELECT * FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    assert probe(postgres_url).rows(left) == []


def test_a_connection_through_a_pooler_is_taken_and_left_as_it_was(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    url, folder = pgbouncer(postgres_url), migrations(SETTINGS)
    with psycopg.connect(url) as connection:
        assert ensure_migrations(connection, folder).applied == 2
        connection.execute("INSERT INTO a VALUES (1)")
    assert probe(postgres_url).rows("SELECT x FROM a") == [(1,)]
