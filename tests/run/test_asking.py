"""How checks are asked: the query's own plan, no more rows than are needed, whatever a converter makes of them."""

import sqlite3
from collections.abc import Callable

import pytest

from sessmig import CheckError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate

Opened = Callable[[str], Probe]

PAIRS = """
CREATE TABLE legacy AS SELECT md5(g::text) AS id, 'x' AS body FROM generate_series(1, 20000) AS g;
CREATE TABLE chat (id text PRIMARY KEY, body text);
INSERT INTO chat SELECT * FROM legacy;
"""
UNLIKE = "SELECT l.id FROM legacy AS l JOIN chat AS c ON c.id = l.id WHERE c.body IS DISTINCT FROM l.body"


def test_a_check_keeps_the_plan_that_its_query_has_alone(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    blocks = "-- warn: sent\nSELECT current_query();\n"
    (step,) = migrate(postgres_url, migrations({"1_a.sql": PAIRS, "1_a.verify.sql": blocks})).steps
    sent = str(step.checks[0].examples[0][0])
    assert "SELECT current_query()" in sent
    database = probe(postgres_url)
    # What a table just filled looks like to the planner inside the step; ANALYZE has not come by.
    database.execute(
        "ALTER TABLE legacy SET (autovacuum_enabled = off); ALTER TABLE chat SET (autovacuum_enabled = off)"
    )
    plan = "\n".join(line for (line,) in database.rows(f"EXPLAIN {sent.replace('SELECT current_query()', UNLIKE)}"))
    alone = [line for (line,) in database.rows(f"EXPLAIN {UNLIKE}")]
    assert "CTE Scan" in plan
    assert alone[0].split("  (")[0] in plan
    assert "Nested Loop" not in plan


@pytest.mark.parametrize("verb", ["measure", "measure before"])
def test_of_a_measure_two_rows_are_fetched_at_most(verb: str, postgres_url: str, migrations: WriteMigrations) -> None:
    blocks = f"-- {verb}: sent\nSELECT current_query();\n"
    (step,) = migrate(postgres_url, migrations({"1_a.sql": "", "1_a.verify.sql": blocks})).steps
    assert " MATERIALIZED (" in str(step.measurements[0].value)
    assert str(step.measurements[0].value).endswith(" LIMIT 2")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x, x FROM asked",
        "WITH asked AS (SELECT 1 AS x) SELECT x FROM asked",
        "VALUES (1), (2)",
        "SELECT x AS sum FROM asked ORDER BY x LIMIT 1 -- a remark",
        "SELECT x FROM asked UNION ALL SELECT x FROM asked /* ( */",
    ],
)
def test_any_query_is_asked_as_it_stands(query: str, database_url: str, migrations: WriteMigrations) -> None:
    blocks = f"-- check: c\n-- expect: some\n{query}\n;\n"
    folder = migrations({"1_a.sql": "CREATE TABLE asked AS SELECT 1 AS x;", "1_a.verify.sql": blocks})
    assert [check.outcome for check in migrate(database_url, folder).steps[0].checks] == ["passed"]


def test_a_query_without_columns_is_asked_as_it_stands(postgres_url: str, migrations: WriteMigrations) -> None:
    blocks = "-- check: c\n-- expect: some\nSELECT FROM a;\n"
    folder = migrations({"1_a.sql": "CREATE TABLE a AS SELECT 1 AS x;", "1_a.verify.sql": blocks})
    assert [check.outcome for check in migrate(postgres_url, folder).steps[0].checks] == ["passed"]


def test_values_that_an_applications_converters_make_are_shown_as_text(migrations: WriteMigrations) -> None:
    connection = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    sqlite3.register_converter("MOOD", lambda data: {"mood": data.decode()})
    tables = "CREATE TABLE t (at MOOD); INSERT INTO t VALUES ('good');"
    blocks = (
        "-- measure: m\nSELECT at FROM t;\n-- warn: w\nSELECT at FROM t;\n-- warn: v\n-- expect: 1\nSELECT at FROM t;"
    )
    (step,) = ensure_migrations(connection, migrations({"1_a.sql": tables, "1_a.verify.sql": blocks})).steps
    assert [check.examples for check in step.checks] == [(("{'mood': 'good'}",),), ()]
    assert step.measurements[0].value == step.checks[1].found == "{'mood': 'good'}"
    assert "good" in str(connection.execute("SELECT detail FROM schema_migrations_log").fetchall())
    connection.close()


def test_an_answer_of_millions_of_rows_fails_with_five_of_them(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    numbers = "SELECT a.n * 1000 + b.n AS n FROM t AS a, t AS b, (VALUES (1), (2)) AS c"
    rows = ", ".join(f"({n})" for n in range(1000))
    folder = migrations(
        {
            "1_a.sql": f"CREATE TABLE t (n INTEGER); INSERT INTO t VALUES {rows};",
            "1_a.verify.sql": f"-- check: none\n{numbers};\n-- measure: m\n{numbers};\n",
        }
    )
    with pytest.raises(CheckError) as failed:
        migrate(database_url, folder)
    assert "expected none, found 2,000,000 rows" in failed.value.what
    assert "... and 1,999,995 more" in failed.value.what
    assert "more than one row of 1 column, where one value is expected" in failed.value.what
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}
