"""Who comes while another process migrates waits, says for whom, and goes on; who comes after a killed one too."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sessmig import Event, LockError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

# How long the step sleeps stands in a table, so that the test can say it for each run.
NAP = {
    "0001_nap.sql": (
        "SELECT pg_sleep(seconds) FROM naps;\n"
        "CREATE TABLE rested (x INTEGER);\n"
        "INSERT INTO rested SELECT seconds FROM naps;\n"
    )
}


def _until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; pytest's own time limit ends it if it never does."""
    while not condition():
        time.sleep(0.02)


def _sleeper(seen: Probe) -> int | None:
    """The server process that runs a migration's pg_sleep now."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    return next((pid for (pid,) in seen.rows(query)), None)


@pytest.mark.parametrize("way", ["direct", "pgbouncer"])
def test_after_a_killed_client_the_next_run_waits_for_its_server_process_by_name_and_goes_on(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], pgbouncer: Pooler, way: str
) -> None:
    url = postgres_url if way == "direct" else pgbouncer(postgres_url)
    folder, seen = migrations(NAP), probe(postgres_url)
    # The statement would run for ten minutes: who goes on in half of one owes it to client_connection_check_interval.
    seen.execute("CREATE TABLE naps AS SELECT 600 AS seconds")
    killed = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": url})
    _until(lambda: _sleeper(seen))
    orphan = _sleeper(seen)
    # By another transaction than the one that sleeps, which has its own snapshot.
    seen.execute("UPDATE naps SET seconds = 0")
    killed.kill()
    killed.wait()
    events: list[Event] = []
    report = ensure_migrations(url, folder, lock_wait=30, on_event=events.append)
    assert report.applied == 1
    waiting = [event.text for event in events if event.kind == "waiting"]
    if way == "direct":
        user = urlsplit(postgres_url).username
        assert re.fullmatch(
            rf"waiting for the lock, held by pid {orphan}, application sessmig, user {user}, "
            r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
            waiting[0],
        )
    # Of the killed run nothing stands, neither rows nor an entry in the log.
    assert seen.rows("SELECT x FROM rested") == [(0,)]
    log = seen.rows("SELECT version, outcome FROM schema_migrations_log")
    assert log == [(1, "success")]


def test_the_command_line_says_for_whom_it_waits(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(NAP), probe(postgres_url)
    seen.execute("CREATE TABLE naps AS SELECT 600 AS seconds")
    killed = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    _until(lambda: _sleeper(seen))
    orphan = _sleeper(seen)
    seen.execute("UPDATE naps SET seconds = 0")
    waiting = cli.start("migrate", "--dir", folder, "--lock-wait", "60", env={"DATABASE_URL": postgres_url})
    assert waiting.stderr
    while "waiting for the lock" not in (told := waiting.stderr.readline()):
        assert told
    assert told.startswith(f"  waiting for the lock, held by pid {orphan}, application sessmig, user")
    killed.kill()
    killed.wait()
    waiting.communicate()
    assert waiting.returncode == 0


def test_who_waits_finds_the_step_applied_by_the_other_process(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = (
        migrations({"0001_gate.sql": "SELECT pg_advisory_xact_lock(7);\nCREATE TABLE a (x INTEGER);\n"}),
        probe(postgres_url),
    )
    seen.rows("SELECT pg_advisory_lock(7)")
    first = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    _until(lambda: seen.rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
    second = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    assert second.stderr
    _until(lambda: second.stderr and "lock" in second.stderr.readline())
    seen.rows("SELECT pg_advisory_unlock(7)")
    said = [process.communicate()[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    # While the first waits at the gate it lets go of the lock now and then: so the second may stand there too, and
    # either may come first in the end.
    applied = [text for text in said if "0001 gate, applied in" in text]
    already = [text for text in said if "0001 gate, already applied by another process" in text]
    assert (len(applied), len(already)) == (1, 1)
    assert already[0].splitlines()[-1] == "nothing left to do: others have applied 1 migration meanwhile"
    assert seen.rows("SELECT version, outcome FROM schema_migrations_log") == [(1, "success")]


def test_when_the_server_process_of_the_first_is_ended_the_one_that_waits_goes_on(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(NAP), probe(postgres_url)
    seen.execute("CREATE TABLE naps AS SELECT 600 AS seconds")
    first = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    _until(lambda: _sleeper(seen))
    second = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    assert second.stderr
    _until(lambda: second.stderr and "waiting for the lock" in second.stderr.readline())
    seen.execute("UPDATE naps SET seconds = 0")
    seen.rows(f"SELECT pg_terminate_backend({_sleeper(seen)})")
    out, _ = second.communicate()
    first.communicate()
    assert (first.returncode, second.returncode) == (1, 0)
    assert "0001 nap, applied in" in out
    assert seen.rows("SELECT x FROM rested") == [(0,)]


def test_when_the_lock_is_not_had_in_time_postgres_names_the_holder_and_nothing_changes(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder, seen = migrations(NAP), probe(postgres_url)
    seen.execute("CREATE TABLE naps AS SELECT 600 AS seconds")
    cli.start("migrate", "--dir", folder, env={"DATABASE_URL": postgres_url})
    _until(lambda: _sleeper(seen))
    with pytest.raises(LockError) as caught:
        ensure_migrations(postgres_url, folder, lock_wait=0.2)
    what, holds, remedy = str(caught.value).split("\n")
    parts = urlsplit(postgres_url)
    assert what.startswith(f"{postgres_url}: the lock was not had within 0.2 s; it is held by pid {_sleeper(seen)}, ")
    assert f"application sessmig, user {parts.username}, since " in what
    assert holds == "Nothing was applied."
    assert remedy == "Run again when it is done, or wait longer (--lock-wait, lock_wait)."
    assert caught.value.exit_code == 5
    assert seen.tables() == {"naps", "schema_migrations", "schema_migrations_log"}
    assert seen.value("SELECT count(*) FROM schema_migrations_log") == 0


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_when_the_lock_is_not_had_in_time_sqlite_names_the_holder_and_nothing_changes(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], lock: str
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    events: list[Event] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE mine (x INTEGER)")
        other.execute(f"BEGIN {lock}")
        with pytest.raises(LockError) as caught:
            ensure_migrations(sqlite_url, folder, lock_wait=0.2, on_event=events.append)
        other.execute("ROLLBACK")
    what, *rest = str(caught.value).split("\n")
    assert what.startswith(f"{sqlite_url}: the lock was not had within 0.2 s; it is held by pid {os.getpid()}, ")
    assert rest[-1] == "Run again when it is done, or wait longer (--lock-wait, lock_wait)."
    assert caught.value.exit_code == 5
    waiting = [event.text for event in events if event.kind == "waiting"]
    assert waiting
    assert waiting[0].startswith(f"waiting for the lock, held by pid {os.getpid()}, application ")
    assert probe(sqlite_url).tables() == {"mine"}
    assert ensure_migrations(sqlite_url, folder).applied == 1


def test_on_sqlite_a_run_waits_for_a_writer_that_lets_nobody_read_and_goes_on(
    cli: Cli, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE mine (x INTEGER)")
        waiting = cli.start("migrate", "--dir", folder, env={"DATABASE_URL": sqlite_url})
        assert waiting.stderr
        assert waiting.stderr.readline().startswith(f"  waiting for the lock, held by pid {os.getpid()}, application ")
        other.execute("COMMIT")
    out, _ = waiting.communicate()
    assert waiting.returncode == 0, out
    assert probe(sqlite_url).tables() == {"mine", "a", "schema_migrations", "schema_migrations_log"}


def test_the_locks_of_two_ledgers_do_not_meet(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    seen = probe(postgres_url)
    seen.execute("CREATE TABLE naps AS SELECT 600 AS seconds")
    cli.start("migrate", "--dir", migrations(NAP), env={"DATABASE_URL": postgres_url})
    _until(lambda: _sleeper(seen))
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"}, series="other")
    assert ensure_migrations(postgres_url, folder, table="other_migrations", lock_wait=0).applied == 1
