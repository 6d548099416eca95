"""What stands around a merge: other writers, poolers, borrowed connections, rights; and that nothing is left behind."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from sessmig import CheckError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer, connect
from tests.merge.moving import ALL, COPY, ROWS, TABLES, Probes, files, moved, refused
from tests.run.doing import migrate

KEPT = ALL + "-- reject: no session where sess = 'gone'\n-- differing: keep\n"
STEP = COPY.replace(";", " AND sess <> 'gone';") + "DELETE FROM old WHERE sess <> 'gone';\n"
TEMPORARY = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


GATE = "SET LOCAL lock_timeout = '60s';\nLOCK TABLE gate;\n"  # one try


def _wait_for(database: Probes, url: str) -> None:
    while not database(url).value(WAITING):
        time.sleep(0.01)


def test_what_is_written_before_the_files_own_lock_is_in_the_account(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(TABLES + ROWS)
    step = f"SET LOCAL lock_timeout = '60s';\nLOCK TABLE old, fresh IN SHARE ROW EXCLUSIVE MODE;\n{COPY}"
    with connect(postgres_url) as writer, ThreadPoolExecutor(1) as threads:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO old VALUES (6, 'late', 6, 's1')")
        running = threads.submit(moved, postgres_url, migrations, step, ALL)
        _wait_for(probe, postgres_url)
        writer.execute("COMMIT")
        account = running.result()
    assert (account.source, account.inserted, account.identical) == (6, 5, 1)


def test_behind_the_files_own_lock_nobody_writes(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(postgres_url).execute(TABLES + ROWS + "CREATE TABLE gate (x INTEGER);")
    step = f"LOCK TABLE old, fresh IN SHARE ROW EXCLUSIVE MODE;\n{COPY}{GATE}"
    with connect(postgres_url) as writer, connect(postgres_url) as other, ThreadPoolExecutor(1) as threads:
        writer.execute("BEGIN")
        writer.execute("LOCK TABLE gate")
        running = threads.submit(moved, postgres_url, migrations, step, ALL)
        _wait_for(probe, postgres_url)
        other.execute("SET lock_timeout = '50ms'")
        for table in ("old", "fresh"):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(f"INSERT INTO {table} VALUES (6, 'late', 6, 's1')".encode())
        writer.execute("COMMIT")
        assert running.result().source == 5


def test_without_a_lock_a_row_written_behind_the_statement_undoes_the_step(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES + ROWS + "CREATE TABLE gate (x INTEGER);")
    folder = files(migrations, f"{COPY}{GATE}", ALL)
    with connect(postgres_url) as writer, ThreadPoolExecutor(1) as threads:
        writer.execute("BEGIN")
        writer.execute("LOCK TABLE gate")
        running = threads.submit(migrate, postgres_url, folder)
        _wait_for(probe, postgres_url)
        database.execute("INSERT INTO old VALUES (6, 'late', 6, 's1')")
        writer.execute("COMMIT")
        with pytest.raises(CheckError, match="1 row missing in the target"):
            running.result()
    assert database.rows("SELECT id FROM fresh ORDER BY id") == [(4,), (9,)]


def test_nothing_is_left_on_a_borrowed_connection(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(TABLES + ROWS)
    with psycopg.connect(postgres_url) as connection:
        with pytest.raises(CheckError):
            ensure_migrations(connection, files(migrations, "SELECT 1;\n", KEPT))
        assert connection.execute(TEMPORARY).fetchone() == (0,)
        connection.rollback()
        report = ensure_migrations(connection, files(migrations, STEP, KEPT))
        assert report.steps[0].merges[0].inserted == 3
        assert connection.execute(TEMPORARY).fetchone() == (0,)


def test_nothing_is_left_on_a_borrowed_sqlite_connection(migrations: WriteMigrations) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES + ROWS)
        for step, verify in (("SELECT 1;\n", ALL), (STEP, KEPT)):
            if verify == ALL:
                with pytest.raises(CheckError):
                    ensure_migrations(connection, files(migrations, step, verify))
            else:
                (account,) = ensure_migrations(connection, files(migrations, step, verify)).steps[0].merges
                assert (account.source, account.inserted) == (5, 3)
            assert connection.execute("SELECT * FROM temp.sqlite_master").fetchall() == []


def test_nothing_is_left_behind_a_pooler(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, pgbouncer: Pooler
) -> None:
    probe(postgres_url).execute(TABLES + ROWS)
    account = moved(pgbouncer(postgres_url), migrations, STEP, KEPT)
    assert (account.inserted, account.rejected) == (3, (("no session", 1),))
    assert probe(postgres_url).value(TEMPORARY) == 0


def test_a_role_without_the_right_to_temporary_tables_needs_it_only_where_rows_are_kept(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, postgres_server: PostgresServer
) -> None:
    database = probe(postgres_url)
    role = postgres_server.new_role()
    name = database.value("SELECT current_database()")
    database.execute(
        f'{TABLES} {ROWS} REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC;'
        f'GRANT ALL ON SCHEMA public TO "{role}"; GRANT ALL ON old, fresh TO "{role}"'
    )
    url = postgres_server.url(postgres_url, user=role)
    with pytest.raises(CheckError) as caught:
        migrate(url, files(migrations, STEP, KEPT))
    assert "cannot be asked before the step: permission denied to create temporary tables" in str(caught.value)
    assert database.value("SELECT count(*) FROM fresh") == 2
    assert moved(url, migrations, COPY, ALL).inserted == 4
    # The database and its objects go before the role does.
    database.execute(f'DROP OWNED BY "{role}"')


@pytest.mark.parametrize("condition", ["write_it(id)", "nextval('counted') > 0"])
def test_a_condition_cannot_write(
    condition: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(
        TABLES + ROWS + "CREATE SEQUENCE counted; CREATE FUNCTION write_it(n int) RETURNS boolean LANGUAGE sql AS"
        " 'INSERT INTO fresh (id) VALUES (n + 100) RETURNING true';"
    )
    lines = refused(postgres_url, migrations, database, COPY, ALL + f"-- reject: r where {condition}")
    assert lines[1].startswith("cannot be asked before the step: cannot execute ")
    assert lines[1].endswith("in a read-only transaction")
    assert database.value("SELECT is_called FROM counted") is False


def test_a_row_that_row_level_security_hides_is_not_overlooked(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, postgres_server: PostgresServer
) -> None:
    database = probe(postgres_url)
    role = postgres_server.new_role()
    database.execute(
        f"{TABLES} {ROWS} ALTER TABLE old ENABLE ROW LEVEL SECURITY; CREATE POLICY named ON old USING (id < 3);"
        f'GRANT ALL ON SCHEMA public TO "{role}"; GRANT ALL ON old, fresh TO "{role}"'
    )
    with pytest.raises(CheckError, match="query would be affected by row-level security policy"):
        migrate(postgres_server.url(postgres_url, user=role), files(migrations, COPY, ALL))
    assert database.value("SELECT count(*) FROM fresh") == 2
    database.execute(f'DROP OWNED BY "{role}"')


def test_a_file_that_drops_all_that_is_temporary_is_refused_in_words(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES + ROWS)
    lines = refused(postgres_url, migrations, database, COPY + "DISCARD TEMP;\n", KEPT)
    assert lines[1].startswith("cannot be asked after the step: ")
    assert "sessmig_merge_1" in lines[1]
