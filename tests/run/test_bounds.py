"""The report and the log stay small, whatever a step has to tell."""

from collections.abc import Callable

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, log, migrate

Opened = Callable[[str], Probe]


def test_a_long_cell_is_cut_and_its_length_told(database_url: str, migrations: WriteMigrations, probe: Opened) -> None:
    long, short = ("repeat('x', 300000)", "repeat('y', 1000)") if is_postgres(database_url) else (
        "replace(hex(zeroblob(150000)), '0', 'x')", "replace(hex(zeroblob(500)), '0', 'y')"
    )  # fmt: skip
    blocks = (
        "-- warn: rows\nSELECT long, short FROM t;\n-- warn: value\n-- expect: 1\nSELECT long FROM t;\n"
        "-- measure: m\nSELECT long FROM t;\n-- warn: measure\n-- expect: :m\nSELECT short FROM t;\n"
    )
    folder = migrations({"1_a.sql": f"CREATE TABLE t AS SELECT {long} AS long, {short} AS short;"})
    migrations({"1_a.verify.sql": blocks})
    (step,) = migrate(database_url, folder).steps
    told = "x" * 1000 + "... (300,000 characters)"
    rows, value, measure = step.checks
    assert rows.examples == ((told, "y" * 1000),)
    assert value.found == told
    assert (measure.expected, measure.found) == (f":m ({told})", "y" * 1000)
    ((_, _, _, detail),) = log(probe(database_url))
    assert detail["checks"][0]["examples"] == [[told, "y" * 1000]]
    assert len(str(detail["checks"])) < 10_000


def test_long_bytes_are_cut_and_their_length_told(database_url: str, migrations: WriteMigrations) -> None:
    value = "decode(repeat('ab', 5000), 'hex')" if is_postgres(database_url) else "zeroblob(5000)"
    blocks = f"-- check: none\nSELECT {value};\n"
    with pytest.raises(CheckError) as failed:
        migrate(database_url, migrations({"1_a.sql": "", "1_a.verify.sql": blocks}))
    assert failed.value.report is not None
    (told,) = failed.value.report.steps[0].checks[0].examples[0]
    byte = "ab" if is_postgres(database_url) else "00"
    assert told == f"x'{byte * 500}'... (5,000 bytes)"


def test_of_many_notices_the_first_are_kept_and_the_rest_counted(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    loop = "DO $$ BEGIN FOR i IN 1..2101 LOOP RAISE NOTICE 'row %', i; END LOOP; END $$;"
    (step,) = migrate(postgres_url, migrations({"1_a.sql": loop})).steps
    assert step.notices == (*(f"NOTICE: row {n}" for n in range(1, 101)), "... and 2,001 more")
    ((_, _, _, detail),) = log(probe(postgres_url))
    assert detail["notices"] == list(step.notices)


def test_like_statements_of_a_long_file_are_one_line_wherever_they_stand(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    pairs = "INSERT INTO t VALUES (1), (2);\nINSERT INTO u VALUES (3);\n" * 150
    folder = migrations({"1_a.sql": f"CREATE TABLE t (x INTEGER);\nCREATE TABLE u (x INTEGER);\n{pairs}DELETE FROM t;"})
    (step,) = migrate(database_url, folder).steps
    found = [(s.line, s.verb, s.target, s.rows, s.statements) for s in step.statements]
    assert found == [
        (1, "CREATE TABLE", "t", None, 1),
        (2, "CREATE TABLE", "u", None, 1),
        (3, "INSERT", "t", 300, 150),
        (4, "INSERT", "u", 150, 150),
        (303, "DELETE", "t", 300, 1),
    ]
    ((_, _, _, detail),) = log(probe(database_url))
    assert len(detail["statements"]) == 5


def test_each_statement_of_a_short_file_has_its_line(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"1_a.sql": "CREATE TABLE t (x INTEGER);\n" + "INSERT INTO t VALUES (1);\n" * 199})
    assert len(migrate(database_url, folder).steps[0].statements) == 200


def test_rulers_of_megabytes_inside_a_statement_are_read_once(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    dashes = "-" * 2_000_000 + "-- " * 500_000 + "--a b" * 300_000 + "/* " * 500_000
    folder = migrations({"1_a.sql": f"CREATE TABLE t (v TEXT);\nINSERT INTO t VALUES ('{dashes}');\n"})
    assert migrate(database_url, folder).applied == 1
    assert probe(database_url).value("SELECT length(v) FROM t") == len(dashes)
