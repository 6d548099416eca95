"""A check cannot write, by whatever way it tries, and leaves no trace of having been asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, FileError
from sessmig.databases import connect
from sessmig.errors import DatabaseError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate, state, verify

ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);\nINSERT INTO orders VALUES (1, 'tea');\n"
PLANTED = """
CREATE SEQUENCE numbers;
CREATE TABLE secrets (x INTEGER);
CREATE FUNCTION plant() RETURNS INTEGER LANGUAGE sql AS
    'INSERT INTO orders VALUES (99, ''planted'') RETURNING id';
CREATE FUNCTION make() RETURNS INTEGER LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE made (x INTEGER); RETURN 1; END $$;
CREATE FUNCTION lift() RETURNS INTEGER LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('transaction_read_only', 'off', false);
    INSERT INTO orders VALUES (99, 'lifted'); RETURN 1; END $$;
CREATE FUNCTION quiet() RETURNS INTEGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO orders VALUES (99, 'quiet'); RETURN 1; EXCEPTION WHEN OTHERS THEN RETURN 0; END $$;
"""


@pytest.mark.parametrize(
    "query",
    [
        "WITH new AS (INSERT INTO orders VALUES (2, 'cake') RETURNING id) SELECT id FROM new",
        "WITH x AS (SELECT 1) INSERT INTO orders SELECT 2, 'cake'",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "DELETE FROM orders",
        "UPDATE orders SET item = NULL RETURNING id",
        "PRAGMA query_only = 0",
        "EXPLAIN ANALYZE DELETE FROM orders",
    ],
)
def test_a_check_that_is_no_query_never_writes(
    query: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    folder = migrations({"1_a.sql": "", "1_a.verify.sql": f"-- check: sly\n{query};\n"})
    with pytest.raises((FileError, CheckError)) as caught:
        migrate(database_url, folder)
    assert f"{folder / '1_a.verify.sql'}:" in str(caught.value)
    assert state(database) == before


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT plant()", "cannot execute INSERT in a read-only transaction"),
        ("SELECT make()", "cannot execute CREATE TABLE in a read-only transaction"),
        ("SELECT lift()", "cannot set transaction read-write mode inside a read-only transaction"),
        ("SELECT nextval('numbers')", "cannot execute nextval() in a read-only transaction"),
        ("SELECT setval('numbers', 5)", "cannot execute setval() in a read-only transaction"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "cannot set transaction read-write mode"),
        ("SELECT id FROM orders FOR UPDATE", "cannot execute SELECT FOR UPDATE in a read-only transaction"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "measure", "require", "measure before"])
def test_a_query_that_writes_by_a_function_is_refused(
    verb: str, query: str, words: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(ORDERS + PLANTED)
    before = database.snapshot()
    folder = migrations({"1_a.sql": "", "1_a.verify.sql": f"-- {verb}: sly\n{query};\n"})
    with pytest.raises(CheckError) as caught:
        migrate(postgres_url, folder)
    assert str(caught.value).startswith(f"{folder / '1_a.verify.sql'}:1: ")
    assert words in str(caught.value)
    assert database.snapshot() == before


def test_a_function_that_swallows_its_refusal_has_not_written_either(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(ORDERS + PLANTED)
    verify_file = "-- check: quiet\n-- expect: 0\nSELECT quiet();\n"
    migrate(postgres_url, migrations({"1_a.sql": "", "1_a.verify.sql": verify_file}))
    assert database.rows("SELECT * FROM orders") == [(1, "tea")]


def test_a_setting_that_a_check_makes_is_gone_for_the_next_one_and_the_ledger(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(ORDERS)
    verify_file = (
        "-- check: empty path\n-- expect: ''\nSELECT set_config('search_path', '', false);\n"
        "-- check: rows stay seen\n-- expect: off\nSELECT set_config('row_security', 'off', false);\n"
        "-- check: found\n-- expect: 1\nSELECT count(*) FROM orders;\n"
    ).replace("expect: off", "expect: 'off'")
    migrate(postgres_url, migrations({"1_a.sql": "", "1_a.verify.sql": verify_file}))
    assert database.value("SELECT status FROM schema_migrations") == "success"


def test_a_step_may_still_write_and_commit_after_its_checks(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    verify_file = (
        "-- require: nothing\nSELECT 1 WHERE 1 = 0;\n-- check: one\n-- expect: 1\nSELECT count(*) FROM orders;\n"
    )
    step = "-- sessmig: may-lose orders\nDELETE FROM orders;\n"
    folder = migrations({"1_a.sql": ORDERS, "1_a.verify.sql": verify_file, "2_b.sql": step})
    assert migrate(database_url, folder).applied == 2
    assert probe(database_url).rows("SELECT * FROM orders") == []


@pytest.mark.parametrize("how", ["transaction", "snapshot"])
@pytest.mark.parametrize(
    "sql",
    ["INSERT INTO orders VALUES (2, 'cake')", "DELETE FROM orders", "DROP TABLE orders", "CREATE TABLE t (x INTEGER)"],
)
def test_the_database_itself_refuses_to_write_while_it_reads(
    sql: str, how: str, database_url: str, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    with connect(database_url) as opened:
        transaction = opened.snapshot() if how == "snapshot" else opened.transaction("x", wait=5, on_wait=print)
        with transaction, pytest.raises(DatabaseError, match=r"read-?only"), opened.read_only():
            opened.query(sql)
    assert state(database) == before


def test_verify_cannot_write_either(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(ORDERS + PLANTED)
    folder = migrations({"1_a.sql": "SELECT 1;\n"})
    migrate(postgres_url, folder)
    migrations({"1_a.verify.sql": "-- check: sly\nSELECT plant();\n"})
    before = database.snapshot(exclude=())
    (step,) = verify(postgres_url, folder).steps
    assert step.checks[0].outcome == "failed"
    assert "cannot execute INSERT in a read-only transaction" in step.checks[0].found
    assert database.snapshot(exclude=()) == before


def test_a_missing_sqlite_file_is_not_made_by_looking(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, tmp_path: Path
) -> None:
    folder = migrations({"1_a.sql": ORDERS})
    assert cli("status", "--check", "-d", sqlite_url, "--dir", folder).returncode == 6
    assert cli("migrate", "--dry-run", "-d", sqlite_url, "--dir", folder).returncode == 0
    done = cli("verify", "-d", sqlite_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (1, "")
    place = f"-d {sqlite_url} --dir {folder}"
    assert done.stderr == f"{sqlite_url}: there is no such database\nRun sessmig migrate {place} first.\n"
    assert list((tmp_path / "database").iterdir()) == []
