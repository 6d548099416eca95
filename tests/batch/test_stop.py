"""Ctrl-C and SIGTERM finish the batch that is open, a second one does not; the next run goes on."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.batch.filling import demand_filled, demand_recorded, series, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres
from tests.staged.half import attempts

ROWS = 6_000
ENDLESS = (
    "-- sessmig: batch source by id size 10\nINSERT INTO target\nSELECT id, word, CASE WHEN id = 15 THEN"
    " (WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < (SELECT most FROM counting))"
    " SELECT count(*) FROM n) ELSE 0 END FROM source WHERE id BETWEEN :first AND :last;\n"
)
"""In batches of ten rows, of which the second counts for as long as `counting` says."""
STOPPING = "stopping as soon as the open batch is committed; Ctrl-C stops at once, and rolls it back\n"


@pytest.mark.parametrize(
    ("sent", "code", "who"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "a request to end (SIGTERM)")],
    ids=["ctrl-c", "sigterm"],
)
def test_a_request_to_stop_ends_behind_a_batch_and_says_where_it_stands(
    cli: Cli,
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    sent: signal.Signals,
    code: int,
    who: str,
) -> None:
    folder = migrations(series(ROWS, slow=True, size=" size 100"))
    env = {"DATABASE_URL": database_url}
    assert cli("migrate", "--no-backup", "--to", "1", "--dir", folder, env=env).returncode == 0
    process = cli.start("migrate", "--no-backup", "--dir", folder, env=env)
    seen = probe(database_url)
    while not seen.value("SELECT count(*) FROM target"):
        time.sleep(0.01)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert f"stopped by {who}" in said
    done = seen.value("SELECT count(*) FROM target")
    assert 0 < done < ROWS
    assert f"{done:,} of about {ROWS:,} rows" in said
    assert "Traceback" not in said
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "running"
    log = "SELECT outcome FROM schema_migrations_log WHERE version = 2 ORDER BY id"
    assert seen.rows(log) == [("interrupted",)]
    assert cli("migrate", "--no-backup", "--dir", folder, env=env).returncode == 0
    demand_filled(seen, ROWS)
    assert seen.rows(log) == [("interrupted",), ("success",)]


def _is_batch_open(url: str, seen: Probe) -> bool:
    """Whether somebody is at work in a transaction of a batch."""
    if is_postgres(url):
        asked = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'INSERT INTO target%'"
        return bool(seen.rows(f"{asked} AND datname = current_database()"))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c-twice", "sigterm-then-ctrl-c"]
)
def test_a_second_request_stops_at_once_and_the_open_batch_is_rolled_back(
    cli: Cli,
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    sent: signal.Signals,
    code: int,
) -> None:
    made = tables(25) + "CREATE TABLE counting (most BIGINT);\nINSERT INTO counting VALUES (1000000000000);\n"
    folder = migrations({"0001_tables.sql": made, "0002_fill.sql": ENDLESS})
    env = {"DATABASE_URL": database_url}
    process = cli.start("migrate", "--no-backup", "--dir", folder, env=env)
    seen = probe(database_url)
    while "target" not in seen.tables() or seen.value("SELECT count(*) FROM target") < 10:
        time.sleep(0.01)
        assert process.poll() is None
    looks = 0
    while looks < 5:  # the first batch is over in a moment, its commit may be what is seen
        looks = looks + 1 if _is_batch_open(database_url, seen) else 0
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(sent)
    assert process.stderr is not None
    while (line := process.stderr.readline()) != STOPPING:
        assert line
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    half = "0002_fill is half done, and that stays (0 of 1 statement done, and 10 of about 25 rows of line 2"
    assert said == f"interrupted: {half}, in 1 batch); sessmig migrate goes on where it stopped.\n"
    assert seen.rows("SELECT count(*), max(id) FROM target") == [(10, 10)]
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "running"
    assert attempts(seen)[-1] == ("apply", 2, "interrupted", [(2, 10)])
    seen.execute("UPDATE counting SET most = 1;")
    done = cli("migrate", "--no-backup", "--dir", folder, env=env)
    assert done.returncode == 0, done.stderr
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(25, 25)]
    assert attempts(seen)[-1] == ("apply", 2, "success", [(2, 15)])
    demand_recorded(seen)
