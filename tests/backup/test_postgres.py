"""pg_dump and pg_restore: which are taken, what they are told, and what stands beside a restored dump."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.backup.yard import Yard
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer

CHANGES = "DELETE FROM people WHERE id > 5"


def _stand_in(folder: Path, name: str, text: str) -> Path:
    """Write a program of this name; Debian's own pg_dump is such a script."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_programs_that_are_not_there_are_named_before_anything_is_touched(postgres_yard: Yard, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in (("migrate", "--backup"), ("backup",)):
        ended = postgres_yard.run(*command, env={"SESSMIG_PG_BIN": "", "PATH": str(empty)})
        assert ended.returncode == 1
        assert ended.stderr.endswith(
            f"{postgres_yard.url}: pg_dump is not there (on PATH)\nNothing was applied.\nInstall the PostgreSQL client "
            "programs, or name their folder (--pg-bin, SESSMIG_PG_BIN); or go on without a backup (--no-backup).\n"
        )
        ended = postgres_yard.run(*command, "--pg-bin", empty)
        assert f"pg_dump is not there (in {empty})\n" in ended.stderr
    assert postgres_yard.probe.tables() == {"people"}


def test_a_pg_dump_older_than_the_server_is_refused_by_both_versions(postgres_yard: Yard, tmp_path: Path) -> None:
    old = _stand_in(tmp_path / "old", "pg_dump", 'echo "pg_dump (PostgreSQL) 9.6.24"')
    ended = postgres_yard.run("migrate", "--backup", "--pg-bin", old.parent)
    server = int(postgres_yard.probe.value("SHOW server_version_num")) // 10000
    assert ended.returncode == 1
    assert (
        f"{postgres_yard.url}: {old} is of version 9, and the server of version {server}: it cannot dump from a newer "
        f"server\nNothing was applied.\nInstall the client programs of PostgreSQL {server}, and name their folder"
    ) in ended.stderr
    assert postgres_yard.probe.tables() == {"people"}
    assert postgres_yard.backups == []


def test_the_words_of_a_program_that_fails_are_shown_and_nothing_of_its_file_stays(
    postgres_yard: Yard, postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    postgres_yard.probe.execute(f'GRANT CREATE ON SCHEMA public TO "{role}"')
    url = postgres_server.url(postgres_yard.url, user=role)
    ended = postgres_yard.run("migrate", "--backup", env={"SESSMIG_DATABASE": url})
    assert ended.returncode == 1
    assert "permission denied for table people" in ended.stderr
    assert "Nothing was applied." in ended.stderr
    assert list(postgres_yard.folder.iterdir()) == []
    assert "pets" not in postgres_yard.probe.tables()


@pytest.mark.parametrize("way", ["socket", "connection string", "environment", "localhost"])
def test_the_programs_reach_the_server_by_whatever_way_sessmig_does(
    postgres_yard: Yard, postgres_server: PostgresServer, way: str
) -> None:
    parts = urlsplit(postgres_yard.url)
    name = parts.path[1:]
    env = {"PGHOST": str(parts.hostname), "PGPORT": str(parts.port), "PGUSER": str(parts.username), "PGDATABASE": name}
    database = {
        "socket": postgres_server.url(postgres_yard.url, over_socket=True),
        "connection string": f"host={parts.hostname} port={parts.port} user={parts.username} dbname={name} "
        "keepalives_idle=7 application_name='it''s mine'".replace("''", "\\'"),
        "environment": "postgresql://",
        "localhost": postgres_yard.url.replace("127.0.0.1", "localhost"),
    }[way]
    before = postgres_yard.state()
    surroundings = {"SESSMIG_DATABASE": database, **(env if way == "environment" else {})}
    postgres_yard.done("backup", env=surroundings)
    postgres_yard.probe.execute(CHANGES)
    postgres_yard.done("restore", "--yes", env=surroundings)
    assert postgres_yard.state() == before


def test_a_database_of_an_odd_name_is_saved_and_restored(
    postgres_yard: Yard, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres_yard.probe.value("SELECT current_database()")
    odd = f"{name}/it's = 1 *"
    postgres_yard.probe.close()
    postgres_server.execute(f'ALTER DATABASE "{name}" RENAME TO "{odd}"')
    try:
        parts = urlsplit(postgres_yard.url)
        place = f"host={parts.hostname} port={parts.port} user={parts.username}"
        database = f"{place} dbname='{odd}'".replace("it's", "it\\'s")
        postgres_yard.done("backup", env={"SESSMIG_DATABASE": database})
        (backup,) = postgres_yard.backups
        assert backup.name.startswith(f"{name}_it's = 1 *.backup_")
        postgres_yard.done("restore", "--yes", env={"SESSMIG_DATABASE": database})
    finally:
        postgres_server.execute(f'ALTER DATABASE "{odd}" RENAME TO "{name}"')
    assert postgres_yard.probe.value("SELECT count(*) FROM people") == 40


def test_through_a_pooler_no_dump_is_made_and_it_says_why(postgres_yard: Yard, pgbouncer: Pooler) -> None:
    through = pgbouncer(postgres_yard.url)
    ended = postgres_yard.run("migrate", "--backup", env={"SESSMIG_DATABASE": through})
    assert ended.returncode == 1
    assert (
        "pg_dump cannot be run through a pooler, whose sessions it would change\nNothing was applied." in ended.stderr
    )
    assert postgres_yard.probe.tables() == {"people"}
    postgres_yard.done("migrate", env={"SESSMIG_DATABASE": through})


def test_a_backup_waits_no_longer_than_it_may_for_a_locked_table(postgres_yard: Yard) -> None:
    postgres_yard.probe.execute("BEGIN")
    postgres_yard.probe.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
    ended = postgres_yard.run("backup", "--lock-wait", "0.2")
    postgres_yard.probe.execute("ROLLBACK")
    assert ended.returncode == 1
    assert f"{postgres_yard.url}: the backup could not be made: pg_dump: error: query failed: " in ended.stderr
    assert "LOCK TABLE public.people IN ACCESS SHARE MODE" in ended.stderr
    assert list(postgres_yard.folder.iterdir()) == []


def test_a_server_that_ends_idle_transactions_lets_the_backup_be_made(
    postgres_yard: Yard, programs: dict[str, str], tmp_path: Path
) -> None:
    name = postgres_yard.probe.value("SELECT current_database()")
    postgres_yard.probe.execute(f"ALTER DATABASE \"{name}\" SET idle_in_transaction_session_timeout = '300ms'")
    real = Path(programs.get("SESSMIG_PG_BIN") or Path(shutil.which("pg_dump") or "").parent)
    slow = tmp_path / "slow"
    _stand_in(slow, "pg_dump", f'case "$1" in --version) ;; *) sleep 1 ;; esac; exec {real}/pg_dump "$@"')
    (slow / "pg_restore").symlink_to(real / "pg_restore")
    postgres_yard.done("migrate", "--backup", "--pg-bin", slow)
    assert len(postgres_yard.backups) == 1
    assert "pets" in postgres_yard.probe.tables()


@pytest.mark.parametrize("command", ["migrate", "backup"])
def test_an_interrupt_ends_pg_dump_too_and_nothing_of_it_stays(
    postgres_yard: Yard, tmp_path: Path, command: str
) -> None:
    told = tmp_path / "pid"
    slow = _stand_in(
        tmp_path / "slow",
        "pg_dump",
        f'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.0" ;; *) echo $$ > {told}; exec sleep 600 ;; esac',
    ).parent
    _stand_in(slow, "pg_restore", 'echo "pg_restore (PostgreSQL) 99.0"')
    env = {"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_BACKUP_DIR": str(postgres_yard.folder)}
    options = ("--backup",) if command == "migrate" else ()
    run = postgres_yard.cli.start(command, *options, "--pg-bin", slow, "--dir", postgres_yard.series, env=env)
    while not (told.exists() and told.read_text()):
        assert run.poll() is None
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, words = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in words
    assert not Path(f"/proc/{told.read_text().strip()}").exists()
    assert list(postgres_yard.folder.iterdir()) == []
    assert "pets" not in postgres_yard.probe.tables()


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


def test_tables_that_the_dump_does_not_know_stay_and_are_named(postgres_yard: Yard) -> None:
    postgres_yard.done("migrate", "--no-backup")
    postgres_yard.backup()
    postgres_yard.probe.execute(
        'CREATE TABLE later (x INTEGER); CREATE SCHEMA aside; CREATE TABLE aside."Odd 1" (x INT)'
    )
    told = postgres_yard.done("restore", "--yes")
    assert "not in the backup, and standing beside it as before: aside.Odd 1, later\n" in told
    assert {"later", "aside.Odd 1"} <= postgres_yard.probe.tables()


def test_where_the_dump_has_no_ledger_what_the_ledger_says_is_applied_is_pending_again(postgres_yard: Yard) -> None:
    postgres_yard.backup()
    postgres_yard.done("migrate", "--no-backup")
    told = postgres_yard.done("restore", "--yes")
    assert "the backup has no ledger: what that said is applied is pending again: shop 1 pets\n" in told
    assert "standing beside it as before: pets\n" in told
    assert postgres_yard.probe.rows("SELECT version, status FROM schema_migrations") == [(1, "rolled_back")]
    assert [outcome for outcome, _ in postgres_yard.logged("restore")] == ["success"]


def test_what_was_made_since_and_is_in_the_way_is_named_and_the_database_stays_as_it_was(postgres_yard: Yard) -> None:
    postgres_yard.done("migrate", "--no-backup")
    backup = postgres_yard.backup()
    postgres_yard.probe.execute("CREATE TABLE later (person INTEGER REFERENCES people (id))")
    now = postgres_yard.state()
    ended = postgres_yard.run("restore", "--yes")
    assert ended.returncode == 1
    assert "it could not be restored: pg_restore: error:" in ended.stderr
    assert "constraint later_person_fkey on table public.later depends on" in ended.stderr
    assert (
        "The database is as it was.\nWhat was made since the backup may be in the way: restore into a new database, "
        "or, if nothing of it is needed, drop it first: DROP TABLE later CASCADE\n"
    ) in ended.stderr
    assert postgres_yard.state() == now
    ((outcome, detail),) = postgres_yard.logged("restore")
    assert (outcome, detail["path"]) == ("failed", str(backup))


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
