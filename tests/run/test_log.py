"""The log: a row for every attempt, whatever came of it, with what it did and what it found."""

import re
from collections.abc import Callable

import pytest

from sessmig import CheckError, StepError, __version__
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import log, migrate

ORDERS = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);\n\nINSERT INTO orders VALUES (1, 'tea'), (2, 'cake');\n"
)
VERIFY = (
    "-- measure: orders_after\nSELECT count(*) FROM orders;\n"
    "-- check: no order without an item\nSELECT id FROM orders WHERE item IS NULL;\n"
    "-- warn: no tea\nSELECT id FROM orders WHERE item = 'tea';\n"
)


def test_a_success_is_logged_with_its_statements_checks_and_measures(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations({"7_orders.sql": ORDERS, "7_orders.verify.sql": VERIFY}))
    ((version, action, outcome, detail),) = log(probe(database_url))
    assert (version, action, outcome) == (7, "apply", "success")
    assert detail["statements"] == [
        {"line": 1, "verb": "CREATE TABLE", "target": "orders", "rows": None, "statements": 1},
        {"line": 3, "verb": "INSERT", "target": "orders", "rows": 2, "statements": 1},
    ]
    checks = [(c["verb"], c["name"], c["outcome"], c["columns"], c["examples"], c["total"]) for c in detail["checks"]]
    assert checks == [
        ("check", "no order without an item", "passed", ["id"], [], 0),
        ("warn", "no tea", "warned", ["id"], [[1]], 1),
    ]
    assert detail["measures"] == {"orders_after": 2}
    assert detail["text"] == ORDERS
    assert "error" not in detail


def test_a_log_row_tells_series_name_time_duration_who_and_the_version_of_sessmig(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations({"7_orders.sql": ORDERS}))
    ((series, name, started_at, duration_ms, done_by, version),) = probe(database_url).rows(
        "SELECT series, migration_id, CAST(started_at AS TEXT), duration_ms, done_by, sessmig_version"
        " FROM schema_migrations_log"
    )
    assert (series, name, version) == ("shop", "orders", __version__)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", started_at)
    assert duration_ms >= 0
    assert re.fullmatch(r"\S+@\S+", done_by)


def test_a_failed_statement_is_logged_with_its_error_and_what_was_done_before_it(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"7_orders.sql": ORDERS + "INSERT INTO orders VALUES (1, 'again');\n"})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    ((version, action, outcome, detail),) = log(probe(database_url))
    assert (version, action, outcome) == (7, "apply", "failed")
    assert [(s["verb"], s["rows"]) for s in detail["statements"]] == [("CREATE TABLE", None), ("INSERT", 2)]
    assert f"{folder / '7_orders.sql'}:4: " in detail["error"]
    assert "unique" in detail["error"].lower()
    assert probe(database_url).tables() == {"schema_migrations", "schema_migrations_log"}
    assert probe(database_url).rows("SELECT * FROM schema_migrations") == []


def test_a_failed_check_is_logged_with_its_counter_examples(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    verify = "-- check: no tea\nSELECT id, item FROM orders WHERE item = 'tea';\n"
    folder = migrations({"7_orders.sql": ORDERS, "7_orders.verify.sql": verify})
    with pytest.raises(CheckError):
        migrate(database_url, folder)
    ((_, _, outcome, detail),) = log(probe(database_url))
    assert outcome == "failed"
    (check,) = detail["checks"]
    assert (check["outcome"], check["found"], check["columns"], check["examples"]) == (
        "failed",
        "1 row",
        ["id", "item"],
        [[1, "tea"]],
    )
    assert "7_orders.verify.sql:1: check failed: no tea" in detail["error"]


def test_each_attempt_adds_a_row_and_changes_none(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"7_orders.sql": ORDERS + "SELECT nonsense;\n"})
    for _ in range(2):
        with pytest.raises(StepError):
            migrate(database_url, folder)
    migrate(database_url, migrations({"7_orders.sql": ORDERS}))
    assert [row[1:3] for row in log(probe(database_url))] == [
        ("apply", "failed"),
        ("apply", "failed"),
        ("apply", "success"),
    ]


def test_the_text_of_a_file_that_speaks_of_passwords_is_not_kept(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(
        database_url, migrations({"7_a.sql": "CREATE TABLE a (x TEXT);\nINSERT INTO a VALUES ('PassWord hunter2');"})
    )
    ((_, _, _, detail),) = log(probe(database_url))
    assert "text" not in detail
    assert "hunter2" not in str(detail)


def test_a_long_text_is_not_kept(database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]) -> None:
    migrate(database_url, migrations({"7_a.sql": "-- " + "x" * 100_000 + "\nCREATE TABLE a (x TEXT);"}))
    ((_, _, outcome, detail),) = log(probe(database_url))
    assert (outcome, "text" in detail) == ("success", False)


def test_a_dry_run_logs_nothing_of_its_failure(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with pytest.raises(StepError):
        migrate(database_url, migrations({"7_a.sql": "SELECT nonsense;"}), create=False, dry_run=True)
    assert probe(database_url).tables() == set()
