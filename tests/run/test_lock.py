"""Who does not get the lock in time gives up in words, names the holder, and has changed nothing."""

import os
import re
import sqlite3
from collections.abc import Callable

from sessmig.databases import connect
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import connect as connect_postgres
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

FILES = {"1_a.sql": "CREATE TABLE a (x INTEGER);\n"}


def test_a_run_that_does_not_get_the_lock_gives_up_with_5_and_names_the_holder(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    database.execute("CREATE TABLE standing (x INTEGER)")
    folder = migrations(FILES)
    arguments = ("migrate", "-d", database_url, "--dir", folder, "--lock-wait", "0.3")
    with connect(database_url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        done = cli(*arguments)
    assert (done.returncode, done.stdout) == (5, "")
    found = re.search(
        r"\S+: the lock was not had within 0\.3 s; it is held by pid (\d+), application (\S+)", done.stderr
    )
    assert found is not None, done.stderr
    assert "waiting for the lock, held by pid" in done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "Nothing was applied.",
        "Run again when it is done, or wait longer (--lock-wait, lock_wait).",
    ]
    if not database_url.startswith("postgresql"):
        assert int(found[1]) == os.getpid()
    assert database.tables() == {"standing"}
    assert cli(*arguments).returncode == 0


def test_a_lock_of_another_ledger_is_no_hindrance_on_postgres(
    postgres_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    with connect(postgres_url) as holder, holder.transaction("another", wait=5, on_wait=print):
        done = cli("migrate", "-d", postgres_url, "--dir", migrations(FILES), "--lock-wait", "0")
    assert done.returncode == 0, done.stderr


def test_no_wait_at_all_still_gets_a_free_lock(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    done = cli("migrate", "-d", database_url, "--dir", migrations(FILES), "--lock-wait", "0")
    assert done.returncode == 0, done.stderr


def test_an_applications_write_transaction_is_waited_for_and_named(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(sqlite_url).execute("CREATE TABLE standing (x INTEGER)")
    application = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    application.execute("BEGIN IMMEDIATE")
    try:
        done = cli("migrate", "-d", sqlite_url, "--dir", migrations(FILES), "--lock-wait", "0.2", "--json")
    finally:
        application.close()
    assert done.returncode == 5
    assert '"kind": "LockError"' in done.stdout
    assert f"pid {os.getpid()}" in done.stdout


def test_status_and_verify_need_no_lock(database_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES)
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
    with connect(database_url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 0
        assert cli("verify", "-d", database_url, "--dir", folder).returncode == 0
        assert cli("migrate", "-d", database_url, "--dir", folder, "--lock-wait", "0").returncode == 0


def test_the_holder_on_postgres_is_named_with_its_user_and_since_when(
    postgres_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    with connect(postgres_url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        with connect_postgres(postgres_url) as other:
            pid = other.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchall()[0][0]
        done = cli("migrate", "-d", postgres_url, "--dir", migrations(FILES), "--lock-wait", "0")
    assert f"held by pid {pid}, application sessmig, user postgres, since " in done.stderr
