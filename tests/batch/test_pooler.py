"""Batches through PgBouncer in transaction mode: each is a transaction, and nothing of it outlives that."""

from __future__ import annotations

import time
from collections.abc import Callable

from sessmig import ensure_migrations
from tests.batch.filling import demand_filled, series
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROWS = 3_000


def test_a_run_through_a_pooler_that_is_killed_in_the_middle_is_gone_on_with_through_it(
    cli: Cli, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(series(ROWS, slow=True, size=" size 100")), probe(postgres_url)
    env = {"DATABASE_URL": pgbouncer(postgres_url)}
    assert cli("migrate", "--to", "1", "--dir", folder, env=env).returncode == 0
    process = cli.start("migrate", "--dir", folder, env=env)
    while not seen.value("SELECT count(*) FROM target"):
        time.sleep(0.01)
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert 0 < seen.value("SELECT count(*) FROM target") < ROWS
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "running"
    done = cli("migrate", "--dir", folder, env=env)
    assert done.returncode == 0, done.stderr
    demand_filled(seen, ROWS)


def test_two_clients_of_one_pooler_take_turns_and_a_merge_accounts_for_every_row(
    cli: Cli, postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    verify = "-- merge: source into target on id\n"
    folder = migrations(series(ROWS, slow=True, size=" size 100") | {"0002_fill.verify.sql": verify})
    env = {"DATABASE_URL": pgbouncer(postgres_url)}
    assert cli("migrate", "--to", "1", "--dir", folder, env=env).returncode == 0
    both = [cli.start("migrate", "--dir", folder, env=env) for _ in range(2)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert [code for _, code in ended] == [0, 0], ended
    demand_filled(probe(postgres_url), ROWS)


def test_a_lag_bound_and_a_throttle_query_are_asked_through_it(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(series()), probe(postgres_url)
    ensure_migrations(pgbouncer(postgres_url), folder, max_lag=60, throttle_query="SELECT 0")
    demand_filled(seen, 2_500)
