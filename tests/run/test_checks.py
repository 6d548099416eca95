"""Checks inside the step: what fails stops it and leaves nothing, what warns does not, and the order holds."""

from collections.abc import Callable

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import log, migrate, state

ORDERS = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);
INSERT INTO orders VALUES (1, 'tea'), (2, 'cake'), (3, NULL);
"""
STEP = "INSERT INTO orders SELECT id + 10, item FROM orders;\nALTER TABLE orders ADD COLUMN price INTEGER;\n"


def _fails(url: str, folder_of: WriteMigrations, sql: str, verify: str) -> list[str]:
    folder = folder_of({"1_a.sql": sql, "1_a.verify.sql": verify})
    with pytest.raises(CheckError) as caught:
        migrate(url, folder)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_failing_check_ends_with_3_and_shows_its_counter_examples_and_leaves_the_old_state(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    verify = "\n-- check: every order has an item\nSELECT id, item FROM orders WHERE item IS NULL ORDER BY id;\n"
    folder = migrations({"1_a.sql": STEP, "1_a.verify.sql": verify})
    done = cli("migrate", "--no-backup", "-d", database_url, "--dir", folder)
    assert done.returncode == 3
    assert done.stderr.endswith(
        f"{folder / '1_a.verify.sql'}:2: check failed: every order has an item\n"
        "    expected none, found 2 rows\n"
        "    id  item\n"
        "    3   NULL\n"
        "    13  NULL\n"
        "The database holds what it held before; nothing of 1_a stays.\n"
        "Mend the rows that are shown, or the migration, and run it again.\n"
    )
    assert state(database) == before
    assert database.rows("SELECT * FROM schema_migrations") == []
    ((_, _, outcome, detail),) = log(database)
    assert (outcome, detail["checks"][0]["examples"]) == ("failed", [[3, None], [13, None]])


def test_five_counter_examples_are_shown_and_the_rest_counted(database_url: str, migrations: WriteMigrations) -> None:
    values = ", ".join(f"({n})" for n in range(2000))
    lines = _fails(
        database_url, migrations, f"CREATE TABLE t (x INTEGER);\nINSERT INTO t VALUES {values};\n",
        "-- check: none\nSELECT x FROM t ORDER BY x;\n",
    )  # fmt: skip
    assert lines[1:8] == ["    expected none, found 2,000 rows", "    x", "    0", "    1", "    2", "    3", "    4"]
    assert lines[8] == "    ... and 1,995 more"


def test_all_failing_checks_are_shown_at_once(database_url: str, migrations: WriteMigrations) -> None:
    lines = _fails(
        database_url, migrations, "CREATE TABLE t (x INTEGER);\n",
        "-- check: one\n-- expect: 1\nSELECT 2;\n-- check: two\nSELECT 1;\n"
        "-- check: three\n-- expect: some\nSELECT x FROM t;\n",
    )  # fmt: skip
    assert [line for line in lines if "failed: " in line] == [
        "1_a.verify.sql:1: check failed: one",
        "1_a.verify.sql:4: check failed: two",
        "1_a.verify.sql:6: check failed: three",
    ]
    assert "    expected 1, found 2" in lines
    assert "    expected some, found no row" in lines


def test_a_failing_require_stops_the_step_before_a_statement_runs(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    lines = _fails(
        database_url, migrations, "SELECT this_would_fail;\n",
        "-- require: there are prices\n-- expect: some\nSELECT id FROM orders WHERE id > 99;\n",
    )  # fmt: skip
    assert lines[:3] == [
        "1_a.verify.sql:1: require failed: there are prices",
        "    expected some, found no row",
        "The database holds what it held before; nothing of 1_a stays.",
    ]
    assert state(database) == before
    ((_, _, outcome, detail),) = log(database)
    assert (outcome, detail["statements"]) == ("failed", [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT 1 WHERE 1 = 0", "no row of 1 columns, where one value is expected"),
        ("SELECT id FROM orders", "more than one row of 1 columns, where one value is expected"),
        ("SELECT 1, 2", "one row of 2 columns, where one value is expected"),
    ],
)
def test_a_measure_that_gives_no_single_value_fails_the_step(
    query: str, found: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    lines = _fails(database_url, migrations, STEP, f"-- measure: m\n{query};\n-- check: c\n-- expect: :m\nSELECT 1;\n")
    assert lines[0] == "1_a.verify.sql:1: measure failed: m"
    assert found in lines[1].replace("1 column,", "1 columns,")
    assert "1_a.verify.sql:3: check failed: c" in lines
    assert state(database) == before


def test_a_check_with_an_sql_error_fails_the_step_with_the_databases_words(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    lines = _fails(
        database_url, migrations, STEP,
        "-- check: broken\nSELECT nowhere FROM orders;\n-- check: fine\n-- expect: 6\nSELECT count(*) FROM orders;\n",
    )  # fmt: skip
    assert lines[0] == "1_a.verify.sql:1: check failed: broken"
    assert "cannot be asked: " in lines[1]
    assert "nowhere" in lines[1]
    assert not any("fine" in line for line in lines)
    assert state(database) == before


def test_a_warn_never_stops_a_step_even_if_it_cannot_be_asked(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    verify = "-- warn: rows\nSELECT 1;\n-- warn: broken\nSELECT nowhere;\n-- warn: value\n-- expect: 2\nSELECT 1;\n"
    report = migrate(database_url, migrations({"1_a.sql": ORDERS, "1_a.verify.sql": verify}))
    assert [check.outcome for check in report.steps[0].checks] == ["warned", "warned", "warned"]
    assert probe(database_url).value("SELECT status FROM schema_migrations") == "success"


def test_measures_are_known_to_later_queries_and_expectations(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ORDERS)
    verify = (
        "-- measure before: n\nSELECT count(*) FROM orders;\n"
        "-- require: known to a require\n-- expect: some\nSELECT 1 WHERE :n = 3;\n"
        "-- measure: twice\nSELECT :n * 2;\n"
        "-- measure: word\nSELECT 'it''s :n ? % ${x}';\n"
        "-- measure: minus\nSELECT -1;\n"
        "-- check: doubled\n-- expect: :twice\nSELECT count(*) FROM orders;\n"
        "-- check: word\n-- expect: 'it''s :n ? % ${x}'\nSELECT :word;\n"
        "-- check: minus\n-- expect: 2\nSELECT 1-:minus;\n"
    )
    report = migrate(database_url, migrations({"1_a.sql": STEP, "1_a.verify.sql": verify}))
    assert {m.name: m.value for m in report.steps[0].measurements} == {
        "n": 3, "twice": 6, "word": "it's :n ? % ${x}", "minus": -1,
    }  # fmt: skip
    assert all(check.outcome == "passed" for check in report.steps[0].checks)


def test_same_is_asked_before_and_after(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(ORDERS)
    before = state(database)
    sql = "UPDATE orders SET item = 'coffee' WHERE id = 1;\nINSERT INTO orders VALUES (4, 'x');\n"
    verify = "-- check: old orders\n-- expect: same\nSELECT id, item FROM orders WHERE id < 4;\n"
    lines = _fails(database_url, migrations, sql, verify)
    assert lines[:5] == [
        "1_a.verify.sql:1: check failed: old orders",
        "    expected same, found 1 only before, 1 only after",
        "    when         id  item",
        "    only before  1   tea",
        "    only after   1   coffee",
    ]
    assert state(database) == before
    folder = migrations({"1_a.sql": "INSERT INTO orders VALUES (4, 'x');\n"})
    assert migrate(database_url, folder).steps[0].checks[0].outcome == "passed"


def test_blocks_are_asked_in_the_files_order_each_before_or_after_the_step(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ORDERS)
    verify = (
        "-- check: c1\n-- expect: 6\nSELECT count(*) FROM orders;\n"
        "-- measure: m1\nSELECT count(*) FROM orders;\n"
        "-- require: r1\n-- expect: 3\nSELECT count(*) FROM orders;\n"
        "-- warn: w1\n-- expect: :m1\nSELECT count(*) FROM orders;\n"
        "-- measure before: m0\nSELECT count(*) FROM orders;\n"
        "-- check: c2\n-- expect: 3\nSELECT :m1 - :m0;\n"
    )
    step = migrate(database_url, migrations({"1_a.sql": STEP, "1_a.verify.sql": verify})).steps[0]
    assert [(check.name, check.outcome) for check in step.checks] == [
        ("r1", "passed"), ("c1", "passed"), ("w1", "passed"), ("c2", "passed"),
    ]  # fmt: skip
    assert [(m.name, m.value, m.before) for m in step.measurements] == [("m0", 3, True), ("m1", 6, False)]


def test_a_row_that_row_level_security_hides_makes_the_check_fail_in_words(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    database = probe(postgres_url)
    database.execute(
        f"{ORDERS} ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY named ON orders USING (item IS NOT NULL);"
        f'GRANT ALL ON SCHEMA public TO "{role}"; GRANT SELECT ON orders TO "{role}"'
    )
    folder = migrations(
        {"1_a.sql": "SELECT 1;\n", "1_a.verify.sql": "-- check: no NULL\nSELECT id FROM orders WHERE item IS NULL;\n"}
    )
    with pytest.raises(CheckError) as caught:
        migrate(postgres_server.url(postgres_url, user=role), folder)
    assert 'query would be affected by row-level security policy for table "orders"' in str(caught.value)
    assert database.rows("SELECT * FROM schema_migrations") == []
    # The database and its objects go before the role does.
    database.execute(f'DROP OWNED BY "{role}"')
