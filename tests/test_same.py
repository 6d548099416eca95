"""`expect: same` where Python and SQL do not agree on what is equal."""

from collections.abc import Callable

import pytest

from sessmig import CheckError, Report, ensure_migrations
from tests.concurrently.alone import Aside, until
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import state

Opened = Callable[[str], Probe]
SAME = "-- check: v stays\n-- expect: same\nSELECT v FROM t;\n"


def _step(url: str, migrations: WriteMigrations, tables: str, step: str, blocks: str = SAME) -> Report:
    folder = migrations({"0001_a.sql": tables})
    ensure_migrations(url, folder)
    migrations({"0002_b.sql": step, "0002_b.verify.sql": blocks})
    return ensure_migrations(url, folder)


def test_bytes_that_are_no_utf_8_are_compared_as_bytes(
    sqlite_url: str, migrations: WriteMigrations, probe: Opened, cli: Cli
) -> None:
    tables = "CREATE TABLE t (v TEXT); INSERT INTO t VALUES (CAST(x'636166e9' AS TEXT));"
    with pytest.raises(CheckError, match="expected same, found 1 only before, 1 only after"):
        _step(sqlite_url, migrations, tables, "UPDATE t SET v = CAST(x'636166e8' AS TEXT);")
    assert probe(sqlite_url).value("SELECT hex(v) FROM t") == "636166E9"
    # What cannot be read is shown all the same, and reaches log and JSON.
    folder = migrations({"0002_b.sql": "UPDATE t SET v = CAST(x'636166e8' AS TEXT);"})
    for extra in ((), ("--json",)):
        done = cli("migrate", *extra, "-d", sqlite_url, "--dir", folder)
        assert done.returncode == 3, done.stderr
        assert "caf\ufffd" in done.stderr
    assert "caf\ufffd" in probe(sqlite_url).value("SELECT detail FROM schema_migrations_log ORDER BY id DESC LIMIT 1")


def test_text_that_stays_is_the_same_also_where_it_is_no_utf_8(sqlite_url: str, migrations: WriteMigrations) -> None:
    tables = "CREATE TABLE t (v TEXT); INSERT INTO t VALUES (CAST(x'636166e9' AS TEXT)), ('caf\ufffd');"
    assert _step(sqlite_url, migrations, tables, "UPDATE t SET v = v;").applied == 1


def test_a_number_that_becomes_a_boolean_is_not_the_same(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    tables = "CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1);"
    with pytest.raises(CheckError, match="expected same, found 1 only before, 1 only after"):
        _step(postgres_url, migrations, tables, "ALTER TABLE t ALTER v TYPE boolean USING v::boolean;")
    assert probe(postgres_url).rows("SELECT v FROM t") == [(1,)]


def test_nan_stays_the_same_and_numbers_are_compared_as_numbers(postgres_url: str, migrations: WriteMigrations) -> None:
    tables = "CREATE TABLE t (v float8); INSERT INTO t VALUES ('NaN'), (2), ('-Infinity');"
    step = "ALTER TABLE t ALTER v TYPE numeric; UPDATE t SET v = 2.00 WHERE v = 2; ALTER TABLE t ALTER v TYPE float8;"
    assert _step(postgres_url, migrations, tables, step).applied == 1


def test_a_warn_that_cannot_be_asked_before_is_told_once(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    blocks = "-- warn: rows stay\n-- expect: same\nSELECT x FROM later;\n"
    (step,) = _step(database_url, migrations, "", "CREATE TABLE later (x INTEGER);", blocks).steps
    (check,) = step.checks
    assert (check.outcome, check.found.splitlines()[0].partition(": ")[0]) == (
        "warned",
        "cannot be asked before the step",
    )
    assert "later" in check.found
    assert "later" in str(state(probe(database_url)))


def test_what_others_write_until_the_file_has_its_locks_is_no_difference(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1);"})
    ensure_migrations(postgres_url, folder)
    step = "SET LOCAL lock_timeout = '30s';\nLOCK TABLE t IN SHARE ROW EXCLUSIVE MODE;\nUPDATE t SET v = v;\n"
    migrations({"0002_b.sql": step, "0002_b.verify.sql": SAME})
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted"
    with connect(postgres_url) as writer:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (2)")
        migrating = Aside(lambda: ensure_migrations(postgres_url, folder))
        until(lambda: migrating.is_over or probe(postgres_url).rows(waiting))
        writer.execute("COMMIT")
    report = migrating.ended()
    assert isinstance(report, Report)
    assert report.applied == 1
    assert probe(postgres_url).rows("SELECT v FROM t ORDER BY v") == [(1,), (2,)]
