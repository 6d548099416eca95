"""Measures in later queries: a value of whatever type comes back as itself, and a NULL never passes for one."""

from collections.abc import Callable

import pytest

from sessmig import CheckError, Report, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, state

Opened = Callable[[str], Probe]
Ask = Callable[[str, str], Report]


@pytest.fixture
def ask(migrations: WriteMigrations) -> Ask:
    """Run one step without statements, with these blocks."""
    return lambda url, blocks: ensure_migrations(url, migrations({"0001_a.sql": "", "0001_a.verify.sql": blocks}))


def _found_again(value: str) -> str:
    """Find the measured value again by itself, and compare the answer with it."""
    return (
        f"-- measure: m\nSELECT {value} FROM t;\n"
        f"-- check: equal\n-- expect: some\nSELECT 1 FROM t WHERE {value} = :m;\n"
        f"-- check: unequal\nSELECT 1 FROM t WHERE {value} <> :m;\n"
        f"-- check: expected\n-- expect: :m\nSELECT {value} FROM t;\n"
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BLOB", "x'6162'"),
        ("BLOB", "x''"),
        ("BLOB", "x'00ff'"),
        ("REAL", "0.1 + 0.2"),
        ("REAL", "-0.1"),
        ("REAL", "9e999"),
        ("REAL", "-9e999"),
        ("REAL", "1e300"),
        ("REAL", "3.0"),
        ("INTEGER", "-9223372036854775807 - 1"),
        ("TEXT", "'a' || char(0) || 'b''c'"),
        ("TEXT", "CAST(x'636166e9' AS TEXT)"),
        ("TEXT", r"'C:\new'"),
    ],
)
def test_a_value_of_sqlite_is_found_again_by_its_measure(
    column: str, value: str, sqlite_url: str, probe: Opened, ask: Ask
) -> None:
    probe(sqlite_url).execute(f"CREATE TABLE t (v {column}); INSERT INTO t VALUES ({value});")
    assert {check.outcome for check in ask(sqlite_url, _found_again("v")).steps[0].checks} == {"passed"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bytea", r"'\x6162'"),
        ("bytea", "''"),
        ("real", "0.1"),
        ("real", "'-Infinity'"),
        ("float8", "0.1::float8 + 0.2::float8"),
        ("float8", "'Infinity'"),
        ("float8", "'NaN'"),
        ("float8", "-1e-300"),
        ("numeric", "-1.50"),
        ("numeric", "'NaN'"),
        ("boolean", "true"),
        ("date", "'infinity'"),
        ("text", r"'C:\new''s'"),
    ],
)
def test_a_value_of_postgres_is_found_again_by_its_measure(
    column: str, value: str, postgres_url: str, probe: Opened, ask: Ask
) -> None:
    probe(postgres_url).execute(f"CREATE TABLE t (v {column}); INSERT INTO t VALUES ({value});")
    assert {check.outcome for check in ask(postgres_url, _found_again("v")).steps[0].checks} == {"passed"}


def test_a_measure_of_bytes_is_not_the_text_that_looks_like_it(database_url: str, probe: Opened, ask: Ask) -> None:
    column, value = ("bytea", r"'\x6162'") if is_postgres(database_url) else ("BLOB", "x'6162'")
    probe(database_url).execute(f"CREATE TABLE t (digest {column}); INSERT INTO t VALUES ({value});")
    with pytest.raises(CheckError, match="check failed: none has the bad digest\n    expected none, found 1 row"):
        ask(
            database_url,
            "-- measure: bad\nSELECT digest FROM t;\n"
            "-- check: none has the bad digest\nSELECT 1 FROM t WHERE digest = :bad;\n",
        )


def test_a_number_of_thousands_of_digits_is_measured(postgres_url: str, probe: Opened, ask: Ask) -> None:
    probe(postgres_url).execute("CREATE TABLE t AS SELECT trunc(10::numeric ^ 5000) AS v")
    assert {check.outcome for check in ask(postgres_url, _found_again("v")).steps[0].checks} == {"passed"}


@pytest.mark.parametrize(
    "block",
    [
        "-- check: kept\nSELECT 1 WHERE 5 <> :total;",
        "-- check: kept\n-- expect: :total\nSELECT 5;",
        "-- check: kept\n-- expect: same\nSELECT 1 WHERE 5 <> :total;",
        "-- require: kept\nSELECT 1 WHERE 5 <> :total;",
        "-- measure: kept\nSELECT :total + 1;",
    ],
)
def test_a_null_measure_that_is_used_fails_and_is_named(
    block: str, database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE t (v INTEGER);"})
    ensure_migrations(database_url, folder)
    before = state(probe(database_url))
    migrations(
        {
            "0002_b.sql": "INSERT INTO t VALUES (5);",
            "0002_b.verify.sql": f"-- measure before: total\nSELECT sum(v) FROM t;\n{block}",
        }
    )
    with pytest.raises(CheckError) as failed:
        ensure_migrations(database_url, folder)
    verb = block.split(":")[0].removeprefix("-- ")
    assert failed.value.what == (
        f"{folder / '0002_b.verify.sql'}:3: {verb} failed: kept\n    cannot be asked: the measure 'total' is NULL"
    )
    assert state(probe(database_url)) == before


def test_a_null_measure_that_nothing_uses_is_kept(database_url: str, probe: Opened, ask: Ask) -> None:
    probe(database_url).execute("CREATE TABLE t (v INTEGER)")
    (step,) = ask(database_url, "-- measure: total\nSELECT sum(v) FROM t;\n").steps
    assert [(m.name, m.value) for m in step.measurements] == [("total", None)]


def test_a_warn_that_needs_a_null_measure_is_told_once(database_url: str, probe: Opened, ask: Ask) -> None:
    probe(database_url).execute("CREATE TABLE t (v INTEGER)")
    (step,) = ask(
        database_url,
        "-- measure before: total\nSELECT sum(v) FROM t;\n-- warn: w\n-- expect: same\nSELECT :total;\n",
    ).steps
    assert [(c.outcome, c.found) for c in step.checks] == [
        ("warned", "cannot be asked: the measure 'total' is NULL"),
    ]
