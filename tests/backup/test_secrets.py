"""No password that sessmig has is in any list of processes, output, log, error or file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.backup.yard import FILES, ROWS, Yard
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

SECRET = "s3cr3t/p@ss word'%"
WRITTEN = (SECRET, quote(SECRET), quote(SECRET, safe=""))


@pytest.fixture
def private(
    postgres_url: str, postgres_server: PostgresServer, programs: dict[str, str], tmp_path: Path,
    migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe],
) -> Yard:  # fmt: skip
    """A database that a role owns who has to give its password; the programs leave word of how they were called."""
    if postgres_server.programs is None:
        pytest.fail("the server has to be our own")
    role = postgres_server.new_role(password=SECRET)
    name = probe(postgres_url).value("SELECT current_database()")
    probe(postgres_url).execute(f'ALTER DATABASE "{name}" OWNER TO "{role}"')
    url = postgres_server.url(postgres_url, user=role, password=SECRET)
    folder, watched = tmp_path / "saved", tmp_path / "watched"
    folder.mkdir()
    watched.mkdir()
    for program in ("pg_dump", "pg_restore"):
        path = watched / program
        path.write_text(
            f'#!/bin/sh\ntr "\\0" " " < /proc/$$/cmdline >> {tmp_path}/seen; echo >> {tmp_path}/seen\n'
            f'exec {postgres_server.programs / program} "$@"\n'
        )
        path.chmod(0o755)
    yard = Yard(url, migrations(FILES), folder, cli, probe, {"SESSMIG_PG_BIN": str(watched)})
    yard.probe.execute(ROWS)
    return yard


def _is_hidden(*texts: str) -> bool:
    return not any(secret in text for text in texts for secret in WRITTEN)


def test_the_programs_get_the_password_by_the_environment_alone(private: Yard, tmp_path: Path) -> None:
    said = [private.done("migrate", "--backup"), private.done("backup", "--json"), private.done("restore", "--yes")]
    lines = (tmp_path / "seen").read_text().splitlines()
    # Each asks both versions; a dump and its list; a dump and its list; a look, the list, and the restore.
    assert sum(" --format=custom " in line for line in lines) == 2
    assert sum(" --single-transaction " in line for line in lines) == 1
    assert _is_hidden(*said, *lines)
    rows = private.probe.rows("SELECT l::text FROM schema_migrations_log AS l")
    assert len(rows) >= 2
    assert _is_hidden(*(text for (text,) in rows))
    for path in private.folder.iterdir():
        data = path.read_bytes()
        assert not any(secret.encode() in data for secret in WRITTEN)


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "--backup", "--pg-bin", "nowhere"),
        ("migrate", "--backup", "--backup-dir", "nowhere"),
        ("backup", "--pg-bin", "failing"),
        ("backup", "--json", "--pg-bin", "failing"),
        ("restore", "--yes"),
        ("restore", "--yes", "notes.txt"),
        ("restore", "--yes", "--force", "notes.txt"),
        ("restore",),
    ],
    ids=" ".join,
)
def test_what_goes_wrong_is_told_without_the_password(
    private: Yard, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "notes.txt").write_text("PGDMP and no more")
    failing = tmp_path / "failing"
    failing.mkdir()
    for program in ("pg_dump", "pg_restore"):
        # A program that says all it knows.
        (failing / program).write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{program} (PostgreSQL) 99.0" && exit\n'
            'echo "$0 $*: cannot connect as $PGUSER with $PGPASSWORD" >&2; exit 1\n'
        )
        (failing / program).chmod(0o755)
    ended = private.run(*arguments)
    assert ended.returncode in (1, 2)
    assert ended.stderr
    assert _is_hidden(ended.stdout, ended.stderr)
    if "failing" in arguments:
        assert "with ***" in ended.stderr
    if "schema_migrations_log" in private.probe.tables():
        assert _is_hidden(*(text for (text,) in private.probe.rows("SELECT l::text FROM schema_migrations_log AS l")))


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "environment"])
def test_the_way_back_log_status_and_rehearse_tell_no_password(
    private: Yard, migrations: WriteMigrations, by_option: bool
) -> None:
    way_back = {"0001_pets.rollback.sql": "-- sessmig: may-lose pets\nDROP TABLE pets;\n"}
    blocked = {"0001_pets.rollback.verify.sql": "-- require: no people\nSELECT * FROM people LIMIT 1;\n"}
    private.done("migrate", "--backup")
    place = ("-d", private.url) if by_option else ()
    said: list[str] = []

    def tell(code: int, *arguments: str) -> None:
        for form in ((), ("--json",)):
            ended = private.run(*arguments, *place, *form)
            assert ended.returncode == code, ended.stderr
            said.extend((ended.stdout, ended.stderr))

    tell(4, "rollback")  # irreversible
    migrations(way_back | blocked)
    tell(3, "rollback")
    (private.series / next(iter(blocked))).unlink()
    tell(0, "rollback", "--dry-run")
    private.done("rollback")
    tell(0, "status")
    tell(0, "rehearse")
    tell(0, "log")
    tell(0, "log", "--version", "1")
    tell(2, "log", "--version", "99")
    tell(2, "rollback", "--to", "7")
    assert _is_hidden(*said)
    assert _is_hidden(*(text for (text,) in private.probe.rows("SELECT l::text FROM schema_migrations_log AS l")))


def test_a_running_command_shows_no_password_in_the_list_of_processes(private: Yard, tmp_path: Path) -> None:
    private.probe.execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
    env = {"SESSMIG_DATABASE": private.url, "SESSMIG_BACKUP_DIR": str(private.folder), **private.env}
    run = private.cli.start("backup", env=env)
    while not private.probe.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        assert run.poll() is None
    lines = list(_command_lines())
    private.probe.execute("ROLLBACK")
    assert run.wait(60) == 0
    assert any("pg_dump" in line and "--format=custom" in line for line in lines)
    assert _is_hidden(*lines)


def _command_lines() -> Iterator[str]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):  # it may have ended meanwhile
            yield Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
