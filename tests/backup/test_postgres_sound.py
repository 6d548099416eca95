"""pg_dump and pg_restore: on the right server, to an end with ours, of one consistent picture, before anything else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.backup.yard import Yard

_WRITER = """
import sys, time, psycopg
with psycopg.connect(sys.argv[1], autocommit=True, application_name="writer") as connection:
    print("ready", flush=True)
    began, number = time.monotonic(), 0
    while True:
        # Ten rows a transaction, a thousand rows a second; the account changes with them or not at all.
        with connection.transaction():
            for _ in range(10):
                number += 1
                connection.execute("INSERT INTO entries VALUES (%s, %s)", (number, number * 7 % 1000))
            connection.execute("UPDATE account SET rows = %s, total = total + %s",
                (number, sum(n * 7 % 1000 for n in range(number - 9, number + 1))))
        if number == 500:
            print("writing", flush=True)
        time.sleep(max(0, number / 1000 - (time.monotonic() - began)))
"""
_OLD_LEDGER = """
CREATE TABLE schema_migrations (migration_id text PRIMARY KEY, applied_at timestamp DEFAULT now(), description text,
    status text, metadata text);
INSERT INTO schema_migrations VALUES ('old_one', '2024-05-06 07:08:09', 'd', 'success', '{}')
"""


@contextmanager
def _writer(url: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "writing\n"]
        try:
            yield process
        finally:
            process.kill()


def test_a_dump_made_while_another_connection_writes_holds_what_that_one_had_committed(
    postgres_yard: Yard, new_postgres_url: Callable[[], str]
) -> None:
    postgres_yard.probe.execute(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER); CREATE TABLE account (rows INTEGER, total INT);"
        "INSERT INTO account VALUES (0, 0); CREATE TABLE ballast (x TEXT);"
        "INSERT INTO ballast SELECT repeat(md5(n::text), 30) FROM generate_series(1, 40000) AS n"
    )
    with _writer(postgres_yard.url) as process:
        backup = postgres_yard.backup()
        assert process.poll() is None
    copy = new_postgres_url()
    postgres_yard.done("restore", "--yes", "--force", backup, env={"SESSMIG_DATABASE": copy})
    told = "SELECT (SELECT rows FROM account), (SELECT total FROM account), count(*), sum(amount) FROM entries"
    ((rows, total, entries, amounts),) = postgres_yard.probes(copy).rows(told)
    assert (rows, total) == (entries, amounts)
    assert 500 <= rows <= postgres_yard.probe.value("SELECT rows FROM account")


@pytest.mark.parametrize("way", ["environment", "connection"])
def test_a_libpq_service_leads_the_programs_to_no_other_server(
    postgres_yard: Yard, new_postgres_url: Callable[[], str], tmp_path: Path, way: str
) -> None:
    other = postgres_yard.probes(new_postgres_url())
    other.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    service = tmp_path / "services"
    service.write_text(
        f"[prod]\nhost=127.0.0.1\nport=1\nuser=nobody\ndbname={other.value('SELECT current_database()')}\n"
    )
    env = {"PGSERVICEFILE": str(service)}
    if way == "environment":
        env["PGSERVICE"] = "prod"
    else:
        env["SESSMIG_DATABASE"] = f"{postgres_yard.url}?service=prod"
    before = postgres_yard.state()
    postgres_yard.done("backup", env=env)
    postgres_yard.probe.execute("DELETE FROM people WHERE id > 5")
    postgres_yard.done("restore", "--yes", env=env)
    assert postgres_yard.state() == before
    assert other.value("SELECT count(*) FROM people") == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
@pytest.mark.parametrize("made_since", [False, True], ids=["by pg_restore", "by psql"])
def test_where_sessmig_alone_is_killed_its_programs_end_and_the_database_is_as_it_was(
    postgres_yard: Yard, number: signal.Signals, made_since: bool
) -> None:
    slow = "CREATE OR REPLACE FUNCTION slow (x TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS 'BEGIN {} END'"
    postgres_yard.probe.execute(
        f"{slow.format('RETURN true;')}; CREATE TABLE ballast (x TEXT CHECK (slow(x)));"
        "INSERT INTO ballast SELECT n FROM generate_series(1, 60) n;"
        f"{slow.format('PERFORM pg_sleep(0.05); RETURN true;')}"
    )
    postgres_yard.backup()
    postgres_yard.probe.execute("DELETE FROM people WHERE id > 5")
    if made_since:
        postgres_yard.probe.execute("CREATE TABLE later (x INT)")
    now = postgres_yard.state()
    env = {"SESSMIG_DATABASE": postgres_yard.url, "SESSMIG_BACKUP_DIR": str(postgres_yard.folder), **postgres_yard.env}
    run = postgres_yard.cli.start("restore", "--yes", env=env)
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sessmig restore %'"
    while not postgres_yard.probe.value(f"{at_work} AND query LIKE 'COPY public.ballast%'"):
        assert run.poll() is None
        time.sleep(0.02)
    children = _children(run.pid)
    assert children
    run.send_signal(number)
    _, words = run.communicate(timeout=60)
    assert run.returncode == (143 if number == signal.SIGTERM else -number)
    if number == signal.SIGTERM:
        assert words.endswith("interrupted: the database is as it was\n")
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        time.sleep(0.02)
    while postgres_yard.probe.value(at_work):
        time.sleep(0.02)
    assert postgres_yard.state() == now


def _children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("options", [(), ("--single-transaction",)], ids=["step by step", "one transaction"])
def test_the_backup_of_a_run_holds_the_old_ledger_that_is_then_taken_over(
    postgres_yard: Yard, options: tuple[str, ...]
) -> None:
    postgres_yard.probe.execute(_OLD_LEDGER)
    start = postgres_yard.probe.snapshot(exclude=())
    postgres_yard.done("migrate", "--backup", "--lock-wait", "5", *options)
    assert postgres_yard.probe.rows("SELECT version, status FROM schema_migrations WHERE series = 'shop'")
    assert [outcome for outcome, _ in postgres_yard.logged("backup")] == ["success"]
    postgres_yard.done("restore", "--yes")
    end = postgres_yard.probe.snapshot(exclude={"schema_migrations_log"})
    assert (end["schema"], end["rows"]) == (start["schema"], start["rows"])
    postgres_yard.done("migrate")


def test_a_backup_that_cannot_be_made_leaves_no_ledger_and_the_old_one_as_it_was(
    postgres_yard: Yard, programs: dict[str, str], tmp_path: Path
) -> None:
    postgres_yard.probe.execute(_OLD_LEDGER)
    start = postgres_yard.probe.snapshot(exclude=())
    folder = tmp_path / "failing"
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (folder / name).write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) 99.0" && exit\necho "no room" >&2; exit 1\n'
        )
        (folder / name).chmod(0o755)
    ended = postgres_yard.run("migrate", "--backup", "--pg-bin", folder)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"  1 migration pending\n{postgres_yard.url}: the backup could not be made: no room\nNothing was applied.\n"
        'Mend what it says; or go on without a backup (--no-backup, backup="never").\n',
    )
    assert postgres_yard.probe.snapshot(exclude=()) == start
