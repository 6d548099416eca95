"""With nothing pending `ensure_migrations` only reads: it answers where nobody may write, and while others do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessmig import PendingError, SessmigError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody, Cli
from tests.fixtures.standby import standby

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada');\n",
    "0002_fill.verify.sql": "-- check: somebody\n-- expect: 1\nSELECT count(*) FROM people;\n",
}
MORE = {"0003_more.sql": "INSERT INTO people VALUES (2, 'Grace');\n"}


def _migrated(path: Path, folder: Path, journal_mode: str) -> str:
    """Make a SQLite file in a journal mode, with everything applied."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.execute("VACUUM")
    ensure_migrations(path, folder)
    return f"sqlite:///{path}"


def _listing(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder: its bytes, and when it was written last."""
    return {entry.name: (entry.read_bytes(), entry.stat().st_mtime_ns) for entry in sorted(folder.iterdir())}


@contextmanager
def _write_transaction_elsewhere(path: Path, lock: str) -> Iterator[None]:
    """Let another process hold the file in a write transaction, with a change that is not committed."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        f"c.execute('BEGIN {lock}'); c.execute(\"INSERT INTO people VALUES (7, 'held')\"); "
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield


@pytest.mark.parametrize("directory_mode", [0o755, 0o777], ids=["read-only-folder", "writable-folder"])
@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_it_answers_on_a_sqlite_file_that_it_may_not_write(
    tmp_path: Path, migrations: WriteMigrations, as_nobody: AsNobody, journal_mode: str, directory_mode: int
) -> None:
    folder = migrations(FILES)
    place = tmp_path / "database"
    place.mkdir()
    url = _migrated(place / "app.db", folder, journal_mode)
    (place / "app.db").chmod(0o444)
    place.chmod(directory_mode & ~0o222 if os.geteuid() else directory_mode)
    before = _listing(place)
    try:
        standing = as_nobody(lambda: ensure_migrations(url, folder).standing)
        assert standing == 2
        assert _listing(place) == before
    finally:
        place.chmod(0o755)


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_with_something_pending_a_sqlite_file_that_it_may_not_write_is_an_error_in_words(
    tmp_path: Path, migrations: WriteMigrations, as_nobody: AsNobody, journal_mode: str
) -> None:
    place = tmp_path / "database"
    place.mkdir()
    url = _migrated(place / "app.db", migrations(FILES), journal_mode)
    (place / "app.db").chmod(0o444)
    before = _listing(place)
    folder = migrations(MORE)

    def attempt() -> str:
        try:
            ensure_migrations(url, folder)
        except SessmigError as error:
            return f"{type(error).__name__}: {error}"
        return "nothing was raised"

    path = folder / "0003_more.sql"
    what, _, holds, *_ = as_nobody(attempt).split("\n")
    assert what == f"StepError: {path}:1: attempt to write a readonly database"
    assert holds == "The database holds what it held before; nothing of 0003_more stays."
    assert _listing(place) == before


def test_a_read_only_database_without_ledger_is_named_in_the_error(
    tmp_path: Path, migrations: WriteMigrations, as_nobody: AsNobody
) -> None:
    folder, path = migrations(FILES), tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    path.chmod(0o444)

    def attempt() -> str:
        try:
            ensure_migrations(path, folder)
        except SessmigError as error:
            return f"{type(error).__name__}: {error}"
        return "nothing was raised"

    assert as_nobody(attempt) == (
        f"StepError: sqlite:///{path}: the ledger schema_migrations cannot be made: attempt to write a readonly "
        "database\nNothing was applied.\nWhoever runs this for the first time needs the right to make tables there."
    )


def test_a_role_that_may_not_make_the_ledger_is_told_so(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    url = postgres_server.url(postgres_url, user=postgres_server.new_role())
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(url, migrations(FILES))
    assert str(caught.value).splitlines() == [
        f"{url}: the ledger schema_migrations cannot be made: permission denied for schema public",
        "Nothing was applied.",
        "Whoever runs this for the first time needs the right to make tables there.",
    ]
    assert probe(postgres_url).tables() == set()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_it_answers_while_another_process_holds_the_file_in_a_write_transaction(
    tmp_path: Path, migrations: WriteMigrations, journal_mode: str
) -> None:
    folder = migrations(FILES)
    place = tmp_path / "database"
    place.mkdir()
    url = _migrated(place / "app.db", folder, journal_mode)
    with _write_transaction_elsewhere(place / "app.db", "IMMEDIATE"):
        before = _listing(place)
        assert ensure_migrations(url, folder, lock_wait=0).standing == 2
        after = _listing(place)
    # The other process's own files stay; `-shm` is what readers and writers in WAL mode meet in.
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before if not name.endswith("-shm"))


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_it_changes_no_byte_of_a_sqlite_file_and_leaves_none_beside_it(
    tmp_path: Path, migrations: WriteMigrations, journal_mode: str
) -> None:
    folder = migrations(FILES)
    place = tmp_path / "database"
    place.mkdir()
    url = _migrated(place / "app.db", folder, journal_mode)
    before = _listing(place)
    assert ensure_migrations(url, folder).standing == 2
    assert _listing(place) == before
    assert list(before) == ["app.db"]


def test_it_answers_for_a_role_that_may_only_read_the_ledger(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    role = postgres_server.new_role()
    probe(postgres_url).execute(f'GRANT SELECT ON schema_migrations TO "{role}"')
    url = postgres_server.url(postgres_url, user=role)
    assert ensure_migrations(url, folder).standing == 2
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(url, migrations(MORE))
    path = folder / "0003_more.sql"
    assert caught.value.what.split("\n")[0] == f"{path}:1: permission denied for table people"
    assert probe(postgres_url).rows("SELECT id FROM people") == [(1,)]


def test_it_answers_where_transactions_are_read_only(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    url = f"{postgres_url}?options=-c%20default_transaction_read_only%3Don"
    assert ensure_migrations(url, folder).standing == 2
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(url, migrations(MORE))
    path = folder / "0003_more.sql"
    assert caught.value.what.split("\n")[0] == f"{path}:1: cannot execute INSERT in a read-only transaction"
    assert probe(postgres_url).rows("SELECT id FROM people") == [(1,)]


def test_it_answers_while_another_process_holds_the_lock(
    cli: Cli, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    ensure_migrations(postgres_url, folder)
    other = migrations({"0001_nap.sql": "SELECT pg_sleep(600);\n"}, series="other")
    cli.start("migrate", "--dir", other, env={"DATABASE_URL": postgres_url})
    while not seen.rows("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"):
        time.sleep(0.02)
    assert ensure_migrations(postgres_url, folder, lock_wait=0).standing == 2
    # A lock that lets others read, and do nothing else.
    seen.execute("BEGIN")
    seen.execute("LOCK TABLE schema_migrations, schema_migrations_log IN EXCLUSIVE MODE")
    assert ensure_migrations(postgres_url, folder, lock_wait=0).standing == 2
    seen.execute("ROLLBACK")


def test_it_answers_on_a_standby(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    with standby(postgres_server, postgres_url) as following:
        seen = probe(following)
        assert seen.value("SELECT pg_is_in_recovery()") is True
        assert ensure_migrations(following, folder).standing == 2
        with pytest.raises(PendingError, match="1 migration pending: 0003_more"):
            ensure_migrations(following, migrations(MORE), pending="error")
        with pytest.raises(SessmigError) as caught:
            ensure_migrations(following, folder)
        assert "read-only transaction" in caught.value.what or "recovery" in caught.value.what, str(caught.value)
        assert seen.rows("SELECT id FROM people") == [(1,)]
        seen.close()
