"""SQLite: a reader in the way of the COMMIT is waited for, and the step is not run a second time for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from sessmig import LockError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import log, migrate

TABLES = "CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)"
STEP = {"0001_a.sql": "INSERT INTO t VALUES (2);\n"}
Reader = Callable[[str], "subprocess.Popen[str]"]


def test_a_commit_waits_for_a_reader_by_name_and_the_step_is_applied_once(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], sqlite_reader: Reader, cli: Cli
) -> None:
    seen = probe(sqlite_url)
    seen.execute(TABLES)
    # The ledger stands already: its own commit would be the first to wait.
    ensure_migrations(sqlite_url, migrations({"0000_z.sql": "SELECT 1;\n"}))
    reader = sqlite_reader(sqlite_url.removeprefix("sqlite:///"))
    run = cli.start("migrate", "-d", sqlite_url, "--dir", migrations(STEP), "--no-backup")
    assert run.stderr
    said = ""
    while "waiting" not in said:
        said = run.stderr.readline()
    assert f"held by pid {reader.pid}, " in said
    assert reader.stdin
    reader.stdin.close()
    out, err = run.communicate()
    assert run.returncode == 0, out + err
    assert seen.rows("SELECT x FROM t ORDER BY x") == [(1,), (2,)]
    applied = [(version, outcome) for version, action, outcome, _ in log(seen) if action == "apply"]
    assert applied == [(0, "success"), (1, "success")]


def test_a_reader_that_does_not_go_is_a_lock_that_was_not_had_and_nothing_stays(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], sqlite_reader: Reader
) -> None:
    seen = probe(sqlite_url)
    seen.execute(TABLES)
    ensure_migrations(sqlite_url, migrations({"0000_z.sql": "SELECT 1;\n"}))
    folder = migrations(STEP)
    reader = sqlite_reader(sqlite_url.removeprefix("sqlite:///"))
    with pytest.raises(LockError) as caught:
        migrate(sqlite_url, folder, lock_wait=0.3)
    assert caught.value.what.startswith(
        f"{sqlite_url}: the commit was not possible within 0.3 s; a reader is in its way: pid {reader.pid}, "
    )
    assert reader.stdin
    reader.stdin.close()
    reader.wait()
    assert seen.rows("SELECT x FROM t") == [(1,)]
    assert ensure_migrations(sqlite_url, folder).applied == 1
