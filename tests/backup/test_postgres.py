"""pg_dump and pg_restore: which are taken, what they are told, and what stands beside a restored dump."""

from __future__ import annotations

import shutil
import signal
import time
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
    way = '; or go on without a backup (--no-backup, backup="never")'
    for command, applied, otherwise in (
        (("migrate", "--backup"), "Nothing was applied.\n", way),
        (("backup",), "", ""),
    ):
        ended = postgres_yard.run(*command, env={"SESSMIG_PG_BIN": "", "PATH": str(empty)})
        assert ended.returncode == 1
        assert ended.stderr.endswith(
            f"{postgres_yard.url}: pg_dump is not there (on PATH)\n{applied}Install the PostgreSQL client programs, or "
            f"name their folder (--pg-bin, SESSMIG_PG_BIN){otherwise}.\n"
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
        f"{postgres_yard.url}: {old} is of version 9, and the server of version {server}: it does not serve a newer "
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


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("command", ["migrate", "backup"])
def test_an_interrupt_ends_pg_dump_too_and_nothing_of_it_stays(
    postgres_yard: Yard, tmp_path: Path, command: str, sent: signal.Signals, code: int
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
    run.send_signal(sent)
    _, words = run.communicate(timeout=60)
    assert run.returncode == code
    assert "interrupted" in words
    assert not Path(f"/proc/{told.read_text().strip()}").exists()
    assert list(postgres_yard.folder.iterdir()) == []
    assert "pets" not in postgres_yard.probe.tables()
