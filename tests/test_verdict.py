"""What an answer has to be: every form of `expect` on both databases, measures in queries, counter-examples."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError, Report, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, state

Opened = Callable[[str], Probe]

TABLES = """
CREATE TABLE one (n INTEGER, price NUMERIC(10, 2), word TEXT, gone TEXT);
INSERT INTO one VALUES (1, 1.50, '007', NULL);
CREATE TABLE many (n INTEGER, word TEXT);
INSERT INTO many VALUES (1, 'a'), (2, 'b'), (3, 'b'), (4, NULL), (5, 'e'), (6, 'f'), (7, 'g');
CREATE TABLE nobody (n INTEGER);
"""


class Case:
    """A database that holds `TABLES`, and one step more whose verify file is the test's."""

    def __init__(self, url: str, probe: Opened, migrations: WriteMigrations) -> None:
        self.url = url
        self.database = probe(url)
        self.folder = migrations({"0001_tables.sql": TABLES})
        self._migrations = migrations
        ensure_migrations(url, self.folder)

    def run(self, blocks: str, step: str = "INSERT INTO nobody VALUES (1);") -> Report:
        self._migrations({"0002_step.sql": step, "0002_step.verify.sql": blocks})
        return ensure_migrations(self.url, self.folder)

    def failure(self, blocks: str, step: str = "INSERT INTO nobody VALUES (1);") -> str:
        """Return what the failing run said; nothing of the step may be left."""
        before = state(self.database)
        with pytest.raises(CheckError) as failed:
            self.run(blocks, step)
        assert state(self.database) == before
        assert self.database.value("SELECT max(version) FROM schema_migrations") == 1
        return failed.value.what.replace(f"{self.folder}/", "")

    def metadata(self) -> dict[str, Any]:
        text = self.database.value("SELECT CAST(metadata AS TEXT) FROM schema_migrations WHERE version = 2")
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture
def case(database_url: str, probe: Opened, migrations: WriteMigrations) -> Case:
    return Case(database_url, probe, migrations)


def test_every_expectation_that_holds_lets_the_step_through(case: Case) -> None:
    held = [
        ("none", "SELECT n FROM many WHERE n > 7"),
        ("some", "SELECT n FROM many"),
        ("same", "SELECT n, word FROM many ORDER BY n DESC"),
        ("7", "SELECT count(*) FROM many"),
        ("7.0", "SELECT count(*) FROM many"),
        ("1", "SELECT 1.0"),
        ("1.5", "SELECT price FROM one"),
        ("1.500", "SELECT price FROM one"),
        ("1e0", "SELECT n FROM one"),
        ("-3", "SELECT -3"),
        ("'007'", "SELECT word FROM one"),
        ("'1'", "SELECT n FROM one"),
        ("''", "SELECT ''"),
        ("'it''s'", "SELECT 'it''s'"),
        ("true", "SELECT 1 = 1"),
        ("False", "SELECT 1 = 2"),
        ("2", "WITH w AS (SELECT 2 AS n) SELECT n FROM w"),
        ("4", "VALUES (4)"),
        ("1", "SELECT n FROM one -- a remark;"),
    ]
    text = "".join(f"-- check: {n}\n-- expect: {expect}\n{query}\n;\n" for n, (expect, query) in enumerate(held))
    (step,) = case.run(text).steps
    assert [(check.expected, check.outcome) for check in step.checks] == [(expect, "passed") for expect, _ in held]


@pytest.mark.parametrize(
    ("expect", "query", "found"),
    [
        ("some", "SELECT n FROM many WHERE n > 7", "no row"),
        ("6", "SELECT count(*) FROM many", "7"),
        ("1.51", "SELECT 1.75", "1.75"),
        ("'7'", "SELECT word FROM one", "007"),
        ("'1.5'", "SELECT '1.50'", "1.50"),
        ("7", "SELECT 'seven'", "seven"),
        ("'NULL'", "SELECT gone FROM one", "NULL"),
        ("'x'", "SELECT ''", "''"),
        ("0", "SELECT 'sNaN'", "sNaN"),
        ("0", "SELECT 'NaN'", "NaN"),
        ("1", "SELECT 'Infinity'", "Infinity"),
        ("''", "SELECT gone FROM one", "NULL"),
        ("0", "SELECT sum(n) FROM nobody WHERE n > 5", "NULL"),
        ("false", "SELECT 1 = NULL", "NULL"),
        ("true", "SELECT 1 = 2", "false"),
        ("'chat'", "SELECT 'Chat'", "Chat"),
        ("1", "SELECT n FROM many WHERE n > 7", "0 rows of 1 column, where one value is expected"),
        ("1", "SELECT 1, 1", "1 row of 2 columns, where one value is expected"),
    ],
)
def test_an_expectation_that_does_not_hold_undoes_the_step(expect: str, query: str, found: str, case: Case) -> None:
    if query == "SELECT 1 = 2" and not is_postgres(case.url):
        found = "0"  # SQLite has no boolean
    told = case.failure(f"-- check: it holds\n-- expect: {expect}\n{query};\n")
    assert told.splitlines()[:2] == [
        "0002_step.verify.sql:1: check failed: it holds",
        f"    expected {expect}, found {found}",
    ]


def test_five_counter_examples_are_shown_and_the_rest_counted(case: Case) -> None:
    assert case.failure("-- check: nobody is there\nSELECT n, word FROM many ORDER BY n;") == (
        "0002_step.verify.sql:1: check failed: nobody is there\n"
        "    expected none, found 7 rows\n"
        "    n  word\n    1  a\n    2  b\n    3  b\n    4  NULL\n    5  e\n    ... and 2 more"
    )
    assert case.failure("-- check: nobody is there\nSELECT n FROM many WHERE n < 6 ORDER BY n;") == (
        "0002_step.verify.sql:1: check failed: nobody is there\n"
        "    expected none, found 5 rows\n    n\n    1\n    2\n    3\n    4\n    5"
    )


def test_more_rows_than_one_where_a_value_is_expected_are_shown(case: Case) -> None:
    assert case.failure("-- check: one\n-- expect: 1\nSELECT n FROM many ORDER BY n;") == (
        "0002_step.verify.sql:1: check failed: one\n"
        "    expected 1, found 7 rows of 1 column, where one value is expected\n"
        "    n\n    1\n    2\n    3\n    4\n    5\n    ... and 2 more"
    )


def test_all_failing_checks_are_named_at_once(case: Case) -> None:
    told = case.failure(
        "-- check: first\nSELECT 1;\n-- check: good\nSELECT 1 WHERE 1 = 2;\n-- check: second\n-- expect: 2\nSELECT 3;"
    )
    assert told == (
        f"0002_step.verify.sql:1: check failed: first\n    expected none, found 1 row\n"
        f"    {'?column?' if is_postgres(case.url) else '1'}\n    1\n"
        "0002_step.verify.sql:5: check failed: second\n    expected 2, found 3"
    )


def test_a_warning_never_stops_a_step(case: Case) -> None:
    (step,) = case.run(
        "-- warn: rows\nSELECT n FROM many;\n-- warn: broken\nSELECT n FROM nowhere;\n"
        "-- warn: fine\n-- expect: 1\nSELECT 1;"
    ).steps
    assert [(check.name, check.outcome) for check in step.checks] == [
        ("rows", "warned"),
        ("broken", "warned"),
        ("fine", "passed"),
    ]
    assert case.database.value("SELECT count(*) FROM nobody") == 1


def test_measures_are_written_into_later_queries_as_values(case: Case) -> None:
    case.run(
        "-- measure before: how_many\nSELECT count(*) FROM nobody;\n"
        "-- measure: below\nSELECT -5;\n"
        "-- measure: quoted\nSELECT 'it''s ; -- :below \\ \u00fc';\n"
        "-- measure: price\nSELECT price FROM one;\n"
        "-- measure: nothing\nSELECT gone FROM one;\n"
        "-- check: a row has come\n-- expect: 1\nSELECT count(*)-:how_many FROM nobody;\n"
        "-- check: below zero\n-- expect: 10\nSELECT 5-:below;\n"
        "-- check: text\n-- expect: :quoted\nSELECT 'it''s ; -- :below \\ \u00fc' WHERE :quoted LIKE '%s ; -- :b%';\n"
        "-- check: exactly\n-- expect: :price\nSELECT max(price) FROM one WHERE price = :price;\n"
        "-- check: not in a text\n-- expect: ':below'\nSELECT ':below';\n"
        "-- check: twice\n-- expect: -10\nSELECT :below+:below;\n"
    )
    price = "1.50" if is_postgres(case.url) else 1.5
    assert case.metadata() == {
        "how_many": 0,
        "below": -5,
        "quoted": "it's ; -- :below \\ \u00fc",
        "price": price,
        "nothing": None,
    }


def test_a_cast_is_no_measure(postgres_url: str, probe: Opened, migrations: WriteMigrations) -> None:
    case = Case(postgres_url, probe, migrations)
    case.run("-- measure: n\nSELECT '7'::text::int;\n-- check: cast\n-- expect: 7\nSELECT (:n::text)::int;")
    assert case.metadata() == {"n": 7}


@pytest.mark.parametrize(
    ("measure", "query", "found"),
    [
        ("7", "SELECT 8", ":m (7), found 8"),
        ("'007'", "SELECT '7'", ":m (007), found 7"),
        ("'1.10'", "SELECT '1.1'", ":m (1.10), found 1.1"),
        ("1", "SELECT gone FROM one", ":m (1), found NULL"),
        ("'x'", "SELECT ''", ":m (x), found ''"),
    ],
)
def test_a_value_is_compared_with_a_measure_and_both_are_shown(
    measure: str, query: str, found: str, case: Case
) -> None:
    told = case.failure(f"-- measure: m\nSELECT {measure} FROM one;\n-- check: c\n-- expect: :m\n{query};")
    assert told == f"0002_step.verify.sql:3: check failed: c\n    expected {found}"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT n FROM many WHERE n > 7", "no row of 1 column"),
        ("SELECT n FROM many", "more than one row of 1 column"),
        ("SELECT 1, 2", "one row of 2 columns"),
    ],
)
@pytest.mark.parametrize("verb", ["measure", "measure before"])
def test_a_measure_is_one_value_or_a_failure(verb: str, query: str, found: str, case: Case) -> None:
    told = case.failure(f"-- {verb}: m\n{query};")
    assert told == f"0002_step.verify.sql:1: measure failed: m\n    {found}, where one value is expected"


def test_a_check_that_cannot_be_asked_has_failed(case: Case) -> None:
    told = case.failure(
        "-- check: a\nSELECT n FROM nowhere;\n-- check: b\n-- expect: some\nSELECT 1 FROM one WHERE word = ?;"
    )
    first, second = [line for line in told.splitlines() if line.startswith("    ")][:1], "check failed: b"
    assert first[0].startswith("    cannot be asked: ")
    assert "nowhere" in first[0]
    assert second in told


def test_same_compares_rows_in_any_order_and_as_often_as_they_are_there(case: Case) -> None:
    same = "-- check: words stay\n-- expect: same\nSELECT word FROM many;"
    case.run(same, "-- sessmig: may-lose many\nDELETE FROM many WHERE n = 3; INSERT INTO many VALUES (0, 'b');")


def test_same_finds_a_row_more_a_row_less_and_a_null(case: Case) -> None:
    same = "-- check: words stay\n-- expect: same\nSELECT word FROM many;"
    changes = (
        "-- sessmig: may-lose many\nDELETE FROM many WHERE n = 3;\n"
        "UPDATE many SET word = NULL WHERE n = 1;\nINSERT INTO many VALUES (8, 'g');"
    )
    head, *rows = case.failure(same, changes).splitlines()[1:]
    assert head == "    expected same, found 2 only before, 2 only after"
    assert rows[0].split() == ["when", "word"]
    assert sorted(row.split() for row in rows[1:]) == [
        ["only", "after", "NULL"],
        ["only", "after", "g"],
        ["only", "before", "a"],
        ["only", "before", "b"],
    ]


def test_same_shows_both_ends_and_counts_the_rest(case: Case) -> None:
    same = "-- check: words stay\n-- expect: same\nSELECT n FROM many;"
    told = case.failure(same, "UPDATE many SET n = n + 100;").splitlines()[1:]
    assert told[0] == "    expected same, found 7 only before, 7 only after"
    assert [line.split()[1] for line in told[2:-1]] == ["before", "before", "before", "after", "after"]
    assert told[-1] == "    ... and 9 more"


def test_a_measure_taken_before_may_stand_in_a_same_query(case: Case) -> None:
    same = "-- check: old\n-- expect: same\nSELECT n FROM many WHERE n <= :most;"
    blocks = f"-- measure before: most\nSELECT max(n) FROM many;\n{same}"
    case.run(blocks, "INSERT INTO many VALUES (8, 'new');")
    assert case.metadata() == {"most": 7}


def test_a_require_that_does_not_hold_stops_the_step_before_it_starts(case: Case) -> None:
    told = case.failure(
        "-- require: nobody is empty\nSELECT n FROM many WHERE n = 1;\n-- check: b\nSELECT 1;",
        "SELECT nonsense FROM nowhere;",
    )
    assert (
        told == "0002_step.verify.sql:1: require failed: nobody is empty\n    expected none, found 1 row\n    n\n    1"
    )
