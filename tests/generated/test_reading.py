"""`run-each-row` is refused while files are read, where it does not stand above one query."""

from collections.abc import Callable

import pytest

from sessmig import FileError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate

ABOVE = "Write it right above a SELECT whose rows are statements."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "-- sessmig: run-each-row\nCREATE TABLE a (x INTEGER);\n",
            f"1: run-each-row does not stand above a query\n{ABOVE}",
        ),
        ("-- sessmig: run-each-row\n;\nSELECT 'x';\n", f"1: run-each-row does not stand above a query\n{ABOVE}"),
        (
            "-- sessmig: run-each-row SELECT\nSELECT 'x';\n",
            "1: run-each-row takes no argument\nWrite -- sessmig: run-each-row alone.",
        ),
        (
            "-- sessmig: run-each-row\n-- sessmig: run-each-row\nSELECT 'x';\n",
            "1: directive given twice: run-each-row\nLeave one of them.",
        ),
        (
            "SELECT 'x';\n-- sessmig: run-each-row\n",
            "2: no statement behind this directive: sessmig: run-each-row\n"
            "It speaks of the next statement: write it above that, or take it away.",
        ),
    ],
)
def test_it_stands_right_above_one_query(
    text: str, message: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_a.sql": text})
    with pytest.raises(FileError) as refused:
        migrate(database_url, folder)
    assert str(refused.value) == f"{folder}/0001_a.sql:{message}"
    assert probe(database_url).tables() == set()


@pytest.mark.parametrize(
    "query",
    ["VALUES ('CREATE TABLE a (x INTEGER)')", "WITH q AS (SELECT 'CREATE TABLE a (x INTEGER)' AS t) SELECT t FROM q"],
)
def test_any_query_serves(
    query: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations({"0001_a.sql": f"-- sessmig: run-each-row\n{query};\n"}))
    assert "a" in probe(database_url).tables()
