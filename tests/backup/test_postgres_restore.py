"""Restoring a PostgreSQL database: what is asked first, who waits for whom, and that it is then exactly the backup."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.yard import Yard
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import legacy
from tests.webui.data import SERIES

CHANGES = "DELETE FROM people WHERE id > 5"
SINCE = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE later (person INTEGER REFERENCES people (id), mood mood);
CREATE VIEW seen AS SELECT * FROM people;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM people;
CREATE SEQUENCE numbers;
CREATE FUNCTION twice (x INTEGER) RETURNS INTEGER LANGUAGE sql AS 'SELECT 2 * x';
CREATE SCHEMA aside;
CREATE TABLE aside."Odd 1" (x INT);
ALTER TABLE people ADD COLUMN boss INTEGER REFERENCES people (id)
"""


def test_restore_without_yes_and_without_a_terminal_is_refused(postgres_yard: Yard) -> None:
    backup = postgres_yard.backup()
    postgres_yard.probe.execute(CHANGES)
    ended = postgres_yard.run("restore")
    assert (ended.returncode, ended.stderr) == (
        2,
        f"{postgres_yard.url}: to restore {backup} replaces what it holds\nNothing was touched.\nGive --yes.\n",
    )
    assert postgres_yard.probe.value("SELECT count(*) FROM people") == 5


@pytest.mark.parametrize(("typed", "code", "rows"), [("", 2, 5), ("the name", 0, 40), ("another", 2, 5)])
def test_on_a_terminal_the_databases_name_has_to_be_typed(
    postgres_yard: Yard, typed: str, code: int, rows: int
) -> None:
    postgres_yard.backup()
    postgres_yard.probe.execute(CHANGES)
    name = postgres_yard.probe.value("SELECT current_database()")
    ours, theirs = pty.openpty()
    place = {"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_BACKUP_DIR": str(postgres_yard.folder)}
    command = [sys.executable, "-m", "sessmig", "restore"]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **place, **postgres_yard.env},
    ) as process:
        os.close(theirs)
        os.write(ours, f"{name if typed == 'the name' else typed}\n".encode())
        _, words = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code, words
    assert f"This replaces what {postgres_yard.url} holds by " in words
    assert postgres_yard.probe.value("SELECT count(*) FROM people") == rows


def test_no_migration_runs_while_a_restore_does(postgres_yard: Yard) -> None:
    postgres_yard.backup()
    postgres_yard.probe.execute("BEGIN; LOCK TABLE people IN SHARE MODE")
    env = {"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_BACKUP_DIR": str(postgres_yard.folder), **postgres_yard.env}
    run = postgres_yard.cli.start("restore", "--yes", env=env)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while not postgres_yard.probe.value(waits):
        assert run.poll() is None
        time.sleep(0.02)
    ended = postgres_yard.run("migrate", "--lock-wait", "0.2")
    assert ended.returncode == 5
    assert "the lock was not had within 0.2 s; it is held by pid " in ended.stderr
    postgres_yard.probe.execute("ROLLBACK")
    assert run.wait(60) == 0
    assert postgres_yard.probe.tables() == {"people"}


def test_while_a_migration_runs_there_is_no_restore(postgres_yard: Yard) -> None:
    postgres_yard.backup()
    (postgres_yard.series / "0002_slow.sql").write_text("SELECT pg_sleep(600);\n")
    env = {"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_DIR": str(postgres_yard.series)}
    run = postgres_yard.cli.start("migrate", env=env)
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    while not postgres_yard.probe.value(asleep):
        assert run.poll() is None
        time.sleep(0.02)
    ended = postgres_yard.run("restore", "--yes", "--lock-wait", "0.2")
    assert ended.returncode == 5
    assert "the lock was not had within 0.2 s; it is held by pid " in ended.stderr
    assert "Nothing was touched." in ended.stderr


def test_a_dump_of_another_server_of_the_same_name_is_not_taken_for_its_own(
    postgres_yard: Yard, new_postgres_url: Callable[[], str]
) -> None:
    backup = postgres_yard.backup()
    seal = backup.with_name(f"{backup.name}.sha256")
    number = postgres_yard.probe.value("SELECT system_identifier FROM pg_control_system()")
    assert f"# backup of postgresql:{number}/" in seal.read_text()
    seal.write_text(seal.read_text().replace(str(number), "1"))
    ended = postgres_yard.run("restore", "--yes")
    assert ended.returncode == 1
    assert f"{backup}: it is of another database: postgresql:1/" in ended.stderr


def test_what_was_made_since_is_dropped_and_named_and_the_database_is_the_backups(postgres_yard: Yard) -> None:
    postgres_yard.done("migrate", "--no-backup")
    before = postgres_yard.state()
    postgres_yard.backup()
    postgres_yard.probe.execute(SINCE)
    told = postgres_yard.done("restore", "--yes")
    assert (
        "  not in the backup, and dropped: aside (schema), aside.Odd 1 (no rows), kept (materialized view), "
        "later (no rows), mood (type), numbers (sequence), people.people_boss_fkey (fk constraint), seen (view), "
        "twice (function)\n"
    ) in told
    assert postgres_yard.state() == before
    assert postgres_yard.probe.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'aside'") == []
    assert postgres_yard.probe.rows("SELECT version, status FROM schema_migrations") == [(1, "success")]


def test_with_yes_tables_that_hold_rows_and_are_not_in_the_backup_are_dropped_by_force_only(
    postgres_yard: Yard,
) -> None:
    postgres_yard.done("migrate", "--no-backup")
    before = postgres_yard.state()
    postgres_yard.backup()
    postgres_yard.probe.execute(SINCE)
    postgres_yard.probe.execute("INSERT INTO later VALUES (1, 'good'), (2, 'bad')")
    now = postgres_yard.state()
    ended = postgres_yard.run("restore", "--yes")
    assert (ended.returncode, ended.stderr) == (
        1,
        f"{postgres_yard.url}: made since the backup, and not in it: later (2 rows)\nNothing was touched.\n"
        "With --force they are dropped; or restore into a new database, and take them from here.\n",
    )
    assert postgres_yard.state() == now
    told = postgres_yard.done("restore", "--yes", "--force")
    assert "later (2 rows)" in told
    assert postgres_yard.state() == before


def test_where_the_dump_has_no_ledger_that_stays_and_what_it_says_is_applied_is_pending_again(
    postgres_yard: Yard,
) -> None:
    before = postgres_yard.state()
    postgres_yard.backup()
    postgres_yard.done("migrate", "--no-backup")
    told = postgres_yard.done("restore", "--yes")
    assert "the backup has no ledger: what that said is applied is pending again: shop 1 pets\n" in told
    assert "  not in the backup, and dropped: pets (no rows)\n" in told
    assert postgres_yard.state() == before
    assert postgres_yard.probe.rows("SELECT version, status FROM schema_migrations") == [(1, "rolled_back")]
    assert [outcome for outcome, _ in postgres_yard.logged("restore")] == ["success"]
    postgres_yard.done("migrate", "--no-backup")


def test_a_ledger_in_a_schema_that_the_dump_brings_stays_where_it_is(postgres_yard: Yard) -> None:
    postgres_yard.probe.execute("CREATE SCHEMA shop; CREATE TABLE shop.things (x INT)")
    tables = postgres_yard.probe.tables()
    place = {"SESSMIG_DATABASE": f"{postgres_yard.url}?options=-csearch_path%3Dshop"}
    postgres_yard.done("migrate", "--backup", env=place)
    postgres_yard.done("restore", "--yes", env=place)
    assert postgres_yard.probe.tables() == {*tables, "shop.schema_migrations", "shop.schema_migrations_log"}
    assert postgres_yard.probe.rows("SELECT version, status FROM shop.schema_migrations") == [(1, "rolled_back")]


def test_a_restore_that_fails_behind_what_was_dropped_leaves_the_database_and_the_ledger_as_they_were(
    postgres_yard: Yard, programs: dict[str, str], tmp_path: Path
) -> None:
    """pg_restore ends in the middle of what it hands to psql."""
    backup = postgres_yard.backup()
    postgres_yard.done("migrate", "--no-backup")
    now = postgres_yard.state()
    real = Path(programs.get("SESSMIG_PG_BIN") or Path(shutil.which("pg_dump") or "").parent)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "psql").symlink_to(real / "psql")
    stand_in = broken / "pg_restore"
    stand_in.write_text(
        f'#!/bin/sh\ncase "$*" in *--file=-*) {real}/pg_restore "$@" | head -n -8; echo "no more of it" >&2; exit 1 ;; '
        f'esac\nexec {real}/pg_restore "$@"\n'
    )
    stand_in.chmod(0o755)
    ended = postgres_yard.run("restore", "--yes", "--pg-bin", broken)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"{postgres_yard.url}: it could not be restored: no more of it\nThe database is as it was.\n"
        "Mend what it says, and run it again; or restore into a new database.\n"
    )
    assert postgres_yard.state() == now
    assert postgres_yard.probe.rows("SELECT version, status FROM schema_migrations") == [(1, "success")]
    assert [(outcome, detail["path"]) for outcome, detail in postgres_yard.logged("restore")] == [
        ("failed", str(backup))
    ]


def test_whoever_holds_the_tables_is_named_and_waited_for_no_longer_than_asked(postgres_yard: Yard) -> None:
    postgres_yard.backup()
    postgres_yard.probe.execute(CHANGES)
    now = postgres_yard.state()
    pid = postgres_yard.probe.value("SELECT pg_backend_pid()")
    postgres_yard.probe.execute("BEGIN; SELECT count(*) FROM people")
    ended = postgres_yard.run("restore", "--yes", "--lock-wait", "1")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sessmig restore %'"
    postgres_yard.probe.execute("ROLLBACK")
    assert ended.returncode == 5
    assert f"waiting for the lock, held by pid {pid}, application sessmig tests" in ended.stderr
    assert f"{postgres_yard.url}: the tables were not let go of within 1 s; they are held by pid {pid}" in ended.stderr
    assert "Nothing was touched." in ended.stderr
    while postgres_yard.probe.value(ours):
        time.sleep(0.02)
    assert postgres_yard.state() == now


def test_a_pg_restore_that_is_missing_or_too_old_is_named_with_the_database(
    postgres_yard: Yard, tmp_path: Path
) -> None:
    postgres_yard.backup()
    postgres_yard.probe.execute(CHANGES)
    folder = tmp_path / "old"
    folder.mkdir()
    ended = postgres_yard.run("restore", "--yes", "--pg-bin", folder)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"{postgres_yard.url}: pg_restore is not there (in {folder})\nNothing was touched.\n"
        "Install the PostgreSQL client programs, or name their folder (--pg-bin, SESSMIG_PG_BIN).\n",
    )
    (folder / "pg_restore").write_text('#!/bin/sh\necho "pg_restore (PostgreSQL) 9.6.24"\n')
    (folder / "pg_restore").chmod(0o755)
    ended = postgres_yard.run("restore", "--yes", "--pg-bin", folder)
    assert ended.returncode == 1
    assert f"{postgres_yard.url}: {folder}/pg_restore is of version 9, and the server of version " in ended.stderr
    assert "\nNothing was touched.\nInstall the client programs of PostgreSQL " in ended.stderr
    assert "--no-backup" not in ended.stderr
    assert postgres_yard.probe.value("SELECT count(*) FROM people") == 5


@pytest.mark.parametrize("first", [[], ["migrate"]], ids=["from before 34", "from before 35"])
def test_a_restore_leads_back_from_the_merge_of_the_old_sessions_and_it_goes_again(
    postgres_url: str,
    probe: Callable[[str], Probe],
    cli: Cli,
    tmp_path: Path,
    programs: dict[str, str],
    first: list[str],
) -> None:
    legacy.build_numbers(postgres_url)
    database = probe(postgres_url)
    env = {
        "SESSMIG_DATABASE": postgres_url,
        "SESSMIG_DIR": str(SERIES),
        "SESSMIG_BACKUP_DIR": str(tmp_path),
        **programs,
    }

    def done(*arguments: str) -> str:
        ended = cli(*arguments, env=env)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    for command in first:
        done(command)
    start = database.snapshot()
    done("migrate", "--backup", "--ignore-wait")
    assert not any(name.startswith("webui_") and "leftovers" not in name for name in database.tables())
    done("restore", "--yes", "--force")
    end = database.snapshot()
    assert (end["schema"], end["rows"]) == (start["schema"], start["rows"])
    done("migrate", "--ignore-wait")
    assert "webui_legacy_leftovers" in database.tables()
