"""What counts as the same value: NULL, case, blanks, JSON, numbers and times, on each database."""

from __future__ import annotations

import pytest

from tests.fixtures.files import WriteMigrations
from tests.merge.moving import Probes, moved, refused

VERIFY = "-- merge: old into fresh on id comparing v"
STEP = "INSERT INTO fresh SELECT id, v FROM old;\n"


def _tables(before: str, after: str, *values: str) -> str:
    rows = ", ".join(f"({n}, {value})" for n, value in enumerate(values, 1))
    return (
        f"CREATE TABLE old (id INTEGER PRIMARY KEY, v {before});"
        f"CREATE TABLE fresh (id INTEGER PRIMARY KEY, v {after});"
        f"INSERT INTO old VALUES {rows};"
    )


@pytest.mark.parametrize(
    ("before", "after", "values"),
    [
        ("TEXT", "TEXT", ["'a'", "NULL", "''", "'ä 🗺'"]),
        ("INTEGER", "BIGINT", ["1", "NULL", "-9"]),
        ("INTEGER", "NUMERIC", ["1", "0"]),
        ("VARCHAR(9)", "TEXT", ["'abc'", "'abc '"]),
        ("DOUBLE PRECISION", "DOUBLE PRECISION", ["0.1", "1e300"]),
    ],
)
def test_values_that_arrive_as_they_were_are_the_same(
    before: str, after: str, values: list[str], database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(_tables(before, after, *values))
    assert moved(database_url, migrations, STEP, VERIFY).inserted == len(values)


@pytest.mark.parametrize(("left", "right"), [('{"a": 1}', '{"a": "1"}'), ("[1, 2]", "[2, 1]"), ("1", '"1"')])
def test_a_json_number_that_became_text_or_another_order_is_another_value(
    left: str, right: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    kind = "JSONB" if database_url.startswith("postgresql") else "TEXT"
    database.execute(_tables(kind, kind, f"'{left}'"))
    lines = refused(database_url, migrations, database, f"INSERT INTO fresh VALUES (1, '{right}');\n", VERIFY)
    assert lines[1] == "1 row in the target with other values"
    assert lines[3].split(maxsplit=2)[:2] == ["1", "v"]


@pytest.mark.parametrize(
    ("before", "after"), [("JSON", "JSON"), ("JSON", "JSONB"), ("JSONB", "JSON"), ("TEXT", "JSON")]
)
def test_on_postgres_json_is_compared_by_what_it_says(
    before: str, after: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(_tables(before, after, '\'{"a": 1,  "b": [true, null]}\'', "NULL", "'1.0'"))
    step = (
        "INSERT INTO fresh SELECT id, CASE id WHEN 1 THEN '{\"b\":[true,null], \"a\":1.00}' WHEN 3 THEN '1' END::json"
        " FROM old;\n"
    )
    assert moved(postgres_url, migrations, step, VERIFY).inserted == 3


def test_json_compared_with_text_that_is_none_is_told_before_the_step(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables("TEXT", "JSONB", "'{}'", "'no json'") + "INSERT INTO fresh VALUES (2, '{}');")
    lines = refused(postgres_url, migrations, database, "SELECT this_would_fail;\n", VERIFY)
    assert lines[1] == "cannot be asked before the step: invalid input syntax for type json"


def test_on_sqlite_json_is_text(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(sqlite_url)
    database.execute(_tables("TEXT", "TEXT", "'{\"a\": 1}'"))
    lines = refused(sqlite_url, migrations, database, "INSERT INTO fresh SELECT id, json(v) FROM old;\n", VERIFY)
    assert lines[3].split(maxsplit=2) == ["1", "v", '{"a": 1}   {"a":1}']


def test_columns_of_other_types_that_cannot_be_compared_are_told_before_the_step(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables("INTEGER", "TEXT", "1"))
    lines = refused(postgres_url, migrations, database, STEP, VERIFY)
    assert lines[1] == "cannot be asked before the step: operator does not exist: integer = text"
    verify = "-- merge: (SELECT id, CAST(v AS text) AS v FROM old) into fresh on id comparing v"
    assert moved(postgres_url, migrations, STEP, verify).inserted == 1


@pytest.mark.parametrize("moved_by", ["v::timestamp AT TIME ZONE 'Asia/Tokyo'", "v + interval '1 hour'"])
def test_a_time_that_was_shifted_is_another_value(
    moved_by: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables("TIMESTAMPTZ", "TIMESTAMPTZ", "'2026-01-01 10:00+00'"))
    lines = refused(postgres_url, migrations, database, f"INSERT INTO fresh SELECT id, {moved_by} FROM old;\n", VERIFY)
    assert lines[1] == "1 row in the target with other values"


def test_a_time_zone_that_the_file_sets_shifts_no_comparison(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables("TIMESTAMP", "TIMESTAMPTZ", "'2026-01-01 10:00'"))
    lines = refused(postgres_url, migrations, database, f"SET TimeZone = 'Asia/Tokyo';\n{STEP}", VERIFY)
    assert lines[1] == "1 row in the target with other values"


@pytest.mark.parametrize(
    ("before", "after"), [("TEXT", "VARCHAR(3)"), ("TEXT", "CHAR(3)"), ("NUMERIC", "NUMERIC(4, 1)")]
)
def test_a_value_that_the_column_cuts_is_another_one(
    before: str, after: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables(before, after, "'12.345'"))
    step = f"INSERT INTO fresh SELECT id, CAST(v AS {after}) FROM old;\n"
    assert "1 row in the target with other values" in refused(postgres_url, migrations, database, step, VERIFY)


@pytest.mark.parametrize("collation", ["NOCASE", "RTRIM", "BINARY"])
def test_a_collation_of_sqlite_hides_no_difference(
    collation: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(_tables(f"TEXT COLLATE {collation}", f"TEXT COLLATE {collation}", "'a'", "'b'"))
    step = "INSERT INTO fresh SELECT id, CASE id WHEN 1 THEN 'A' ELSE 'b ' END FROM old;\n"
    lines = refused(sqlite_url, migrations, database, step, VERIFY)
    assert lines[1] == "2 rows in the target with other values"


def test_keys_that_the_target_takes_for_one_are_not_counted_twice_on_sqlite(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(
        "CREATE TABLE old (id TEXT PRIMARY KEY); CREATE TABLE fresh (id TEXT PRIMARY KEY COLLATE NOCASE);"
        "INSERT INTO old VALUES ('a'), ('A')"
    )
    step = "INSERT OR IGNORE INTO fresh SELECT id FROM old;\n"
    lines = refused(sqlite_url, migrations, database, step, "-- merge: old into fresh on id")
    assert lines[1:4] == [
        "1 row in the target with other values",
        "id  differs_in  in_source  in_target",
        "A   id          A          a",
    ]


def test_a_type_that_takes_a_for_a_capital_hides_no_difference(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute("CREATE EXTENSION citext;" + _tables("CITEXT", "CITEXT", "'Ada'"))
    lines = refused(postgres_url, migrations, database, "INSERT INTO fresh SELECT id, lower(v) FROM old;\n", VERIFY)
    assert lines[1] == "1 row in the target with other values"


@pytest.mark.parametrize("value", ["'00123'", "'1e3'", "'1.50'", "'12345678901234567890'"])
def test_text_that_a_number_column_turns_into_another_text_is_another_value(
    value: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(_tables("TEXT", "NUMERIC", value))
    assert refused(sqlite_url, migrations, database, STEP, VERIFY)[1] == "1 row in the target with other values"


def test_text_that_a_number_column_gives_back_as_it_was_is_the_same(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(_tables("TEXT", "NUMERIC", "'1767225600'", "'1.5'", "'2026-01-01'", "''", "NULL"))
    assert moved(sqlite_url, migrations, STEP, VERIFY).inserted == 5


@pytest.mark.parametrize("change", ["CAST(v AS TEXT)", "CAST(v AS BLOB)", "v || ''"])
def test_a_value_of_another_class_is_another_one_where_no_column_says_so(
    change: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(_tables("", "", "7"))
    step = f"INSERT INTO fresh SELECT id, {change} FROM old;\n"
    assert refused(sqlite_url, migrations, database, step, VERIFY)[1] == "1 row in the target with other values"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("UUID", ["'6b3c2f8e-0000-4000-8000-000000000001'", "NULL"]),
        ("BYTEA", ["'\\x00ff'", "''"]),
        ("TEXT[]", ["'{a,NULL,\"b c\"}'", "'{}'"]),
        ("mood", ["'fine'", "NULL"]),
        ("INTERVAL", ["'1 day 02:00'"]),
        ("INET", ["'10.0.0.1/8'"]),
        ("BOOLEAN", ["true", "false", "NULL"]),
        ("NUMERIC", ["'NaN'", "1.50", "123456789012345678901234567890.5"]),
        ("INT4RANGE", ["'[1,5)'", "'empty'"]),
        ("TSVECTOR", ["'a:1 b:2'"]),
        ("DATE", ["'infinity'", "'0044-03-15 BC'"]),
        ("pair", ["'(1,x)'"]),
        ("short", ["'abc'"]),
    ],
)
def test_values_of_every_type_of_postgres_are_compared(
    kind: str, values: list[str], postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(
        "CREATE TYPE mood AS ENUM ('fine'); CREATE TYPE pair AS (n INTEGER, t TEXT);"
        "CREATE DOMAIN short AS VARCHAR(5);" + _tables(kind, kind, *values)
    )
    account = moved(postgres_url, migrations, STEP, VERIFY)
    assert (account.inserted, account.outcome) == (len(values), "passed")


@pytest.mark.parametrize("kind", ["XML", "POINT"])
def test_a_type_without_equality_is_told_before_the_step(
    kind: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(_tables(kind, kind, "NULL"))
    lines = refused(postgres_url, migrations, database, "SELECT this_would_fail;\n", VERIFY)
    assert lines[1] == f"cannot be asked before the step: operator does not exist: {kind.lower()} = {kind.lower()}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PRIMARY KEY, v TEXT) STRICT, WITHOUT ROWID", "PRIMARY KEY, v TEXT) STRICT"),
        ("PRIMARY KEY, v TEXT)", "PRIMARY KEY, v TEXT, twice GENERATED ALWAYS AS (v || v))"),
    ],
)
def test_tables_of_every_kind_of_sqlite_are_compared(
    before: str, after: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(
        f"CREATE TABLE old (id INTEGER {before}; CREATE TABLE fresh (id INTEGER {after};"
        "INSERT INTO old VALUES (1, 'a'), (2, NULL), (3, 'b');"
    )
    account = moved(sqlite_url, migrations, "INSERT INTO fresh (id, v) SELECT id, v FROM old;\n", VERIFY)
    assert account.inserted == 3


def test_keys_may_be_bytes(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    kind = "BYTEA" if database_url.startswith("postgresql") else "BLOB"
    value = "'\\x00ff'" if kind == "BYTEA" else "x'00ff'"
    probe(database_url).execute(
        f"CREATE TABLE old (id {kind} PRIMARY KEY); CREATE TABLE fresh (id {kind} PRIMARY KEY);"
        f"INSERT INTO old VALUES ({value})"
    )
    step = "INSERT INTO fresh SELECT id FROM old;\n"
    assert moved(database_url, migrations, step, "-- merge: old into fresh on id").inserted == 1


def test_views_may_be_source_and_target(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(
        _tables("TEXT", "TEXT", "'a'", "'b'") + "CREATE VIEW olds AS SELECT * FROM old WHERE id < 9;"
        "CREATE VIEW freshes AS SELECT id AS n, v AS w FROM fresh;"
    )
    verify = "-- merge: olds into freshes on id = n comparing v = w\n-- reject: r where v = 'b'"
    step = "INSERT INTO fresh SELECT id, v FROM old WHERE v = 'a';\n"
    account = moved(database_url, migrations, step, verify)
    assert (account.source, account.inserted, account.rejected) == (2, 1, (("r", 1),))


def test_a_partitioned_target_is_one_table(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE old (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO old VALUES (1, 'a'), (15, 'b');"
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, v TEXT) PARTITION BY RANGE (id);"
        "CREATE TABLE fresh_1 PARTITION OF fresh FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE fresh_2 PARTITION OF fresh FOR VALUES FROM (10) TO (20)"
    )
    assert moved(postgres_url, migrations, STEP, VERIFY).inserted == 2
