"""PostgreSQL: values that it takes for equal, and that are not the same."""

from __future__ import annotations

import pytest

from tests.fixtures.files import WriteMigrations
from tests.merge.moving import Probes, moved, refused

VERIFY = "-- merge: old into fresh on id comparing v"
TYPES = "CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE pair AS (n INTEGER, t CITEXT);"


def _tables(before: str, after: str, value: str) -> str:
    return (
        f"{TYPES} CREATE TABLE old (id INTEGER PRIMARY KEY, v {before});"
        f"CREATE TABLE fresh (id INTEGER PRIMARY KEY, v {after}); INSERT INTO old VALUES (1, {value});"
    )


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("BIGINT", "DOUBLE PRECISION", "9007199254740993"),
        ("INTEGER", "REAL", "16777217"),
        ("NUMERIC", "DOUBLE PRECISION", "0.12345678901234567890123"),
        ("DOUBLE PRECISION", "NUMERIC(6, 3)", "0.12345"),
    ],
)
def test_a_number_that_a_float_or_scale_cannot_hold_is_another_value(
    before: str, after: str, value: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables(before, after, value))
    lines = refused(postgres_url, migrations, database, "INSERT INTO fresh SELECT * FROM old;\n", VERIFY)
    assert lines[1] == "1 row in the target with other values"


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("BIGINT", "DOUBLE PRECISION", "9007199254740992"),
        ("NUMERIC", "DOUBLE PRECISION", "0.1"),
        ("DOUBLE PRECISION", "NUMERIC", "0.1"),
        ("DOUBLE PRECISION", "NUMERIC", "'NaN'"),
        ("INTEGER", "REAL", "16777216"),
        ("NUMERIC", "NUMERIC(9, 4)", "1.5"),
        ("NUMERIC[]", "NUMERIC(9, 4)[]", "'{1.5,NULL}'"),
        ("TEXT[]", "TEXT[]", "'{A,b}'"),
    ],
)
def test_a_number_or_list_of_another_type_that_says_the_same_is_the_same(
    before: str, after: str, value: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(_tables(before, after, value))
    assert moved(postgres_url, migrations, "INSERT INTO fresh SELECT * FROM old;\n", VERIFY).inserted == 1


@pytest.mark.parametrize(
    ("kind", "value", "other"),
    [
        ("BOX", "'(0,0),(2,2)'", "'(10,10),(11,14)'"),
        ("CIRCLE", "'<(0,0),2>'", "'<(5,5),2>'"),
        ("PATH", "'((0,0),(1,1))'", "'((7,7),(9,9))'"),
        ("INTERVAL", "'1 month'", "'30 days'"),
        ("INTERVAL", "'1 day'", "'24:00'"),
        ("INTERVAL[]", "'{1 month}'", "'{30 days}'"),
        ("CITEXT[]", "'{A}'", "'{a}'"),
        ("pair", "'(1,A)'", "'(1,a)'"),
        ("pair[]", "ARRAY[ROW(1,'A')::pair]", "ARRAY[ROW(1,'a')::pair]"),
    ],
)
def test_what_a_type_takes_for_equal_is_compared_as_it_reads(
    kind: str, value: str, other: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables(kind, kind, value))
    lines = refused(postgres_url, migrations, database, f"INSERT INTO fresh VALUES (1, {other});\n", VERIFY)
    assert lines[1] == "1 row in the target with other values"
    assert moved(postgres_url, migrations, "INSERT INTO fresh SELECT * FROM old;\n", VERIFY).inserted == 1
