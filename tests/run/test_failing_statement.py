"""A statement that fails: the message shows its line and place, and nothing of its file stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, log, migrate, state

GOOD = "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL);\n"
FOUR = "".join(
    f"{line}\n"
    for line in (
        "INSERT INTO orders VALUES (1, 'tea');",
        "INSERT INTO orders VALUES (2, 'cake');",
        "{}",
        "INSERT INTO orders VALUES (4, 'pie');",
    )
)


def _what(url: str, migrations: WriteMigrations, sql: str) -> list[str]:
    """Return the lines of the message, without the folder before the file's name."""
    folder = migrations({"1_a.sql": sql})
    with pytest.raises(StepError) as caught:
        migrate(url, folder)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_failing_third_statement_of_four_leaves_nothing_and_runs_after_the_fix(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations({"1_a.sql": GOOD, "2_b.sql": FOUR.format("INSERT INTO orders VALUES (3, NULL);")})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert done.returncode == 1
    error = done.stderr[done.stderr.index(str(folder)) :].splitlines()
    assert error[0].startswith(f"{folder / '2_b.sql'}:3: ")
    assert "null" in error[0].lower()
    assert error[-3:] == [
        "    3 | INSERT INTO orders VALUES (3, NULL);",
        "The database: 1_a stands applied; nothing of 2_b stays.",
        "Mend the file, or what it found in the database, and run it again.",
    ]
    database = probe(database_url)
    assert database.rows("SELECT * FROM orders") == []
    assert database.rows("SELECT version, status FROM schema_migrations") == [(1, "success")]
    assert [row[:3] for row in log(database)] == [(1, "apply", "success"), (2, "apply", "failed")]
    migrations({"2_b.sql": FOUR.format("INSERT INTO orders VALUES (3, 'bun');")})
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
    assert database.value("SELECT count(*) FROM orders") == 4
    assert database.rows("SELECT version FROM schema_migrations ORDER BY version") == [(1,), (2,)]


def test_schema_changes_before_the_failing_statement_are_gone_too(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(database_url)
    database.execute(GOOD + "INSERT INTO orders VALUES (1, 'tea');")
    before = state(database)
    sql = (
        "ALTER TABLE orders ADD COLUMN price INTEGER;\nUPDATE orders SET price = 3;\nCREATE INDEX i ON orders (item);\n"
        "ALTER TABLE orders RENAME TO bills;\nINSERT INTO nowhere VALUES (1);\n"
    )
    lines = _what(database_url, migrations, sql)
    assert lines[0].startswith("1_a.sql:5: ")
    assert "nowhere" in lines[0]
    assert state(database) == before


def test_a_syntax_error_is_shown_with_a_caret_on_postgres(postgres_url: str, migrations: WriteMigrations) -> None:
    sql = GOOD + "\n-- a remark\nSELECT id\n  FORM orders;\nSELECT 1;\n"
    assert _what(postgres_url, migrations, sql) == [
        '1_a.sql:5: syntax error at or near "orders"',
        "    5 |   FORM orders;",
        "      |        ^",
        "The database holds what it held before; nothing of 1_a stays.",
        "Mend the file, or what it found in the database, and run it again.",
    ]


def test_a_syntax_error_is_shown_with_its_statement_on_sqlite(sqlite_url: str, migrations: WriteMigrations) -> None:
    sql = GOOD + "\n-- a remark\nSELECT id\n  FORM orders;\nSELECT 1;\n"
    assert _what(sqlite_url, migrations, sql) == [
        '1_a.sql:4: near "orders": syntax error',
        "    4 | SELECT id",
        "The database holds what it held before; nothing of 1_a stays.",
        "Mend the file, or what it found in the database, and run it again.",
    ]


def test_the_caret_stands_right_behind_characters_of_more_bytes(postgres_url: str, migrations: WriteMigrations) -> None:
    sql = "SELECT 'é€😀';\nSELECT 'ä😀' AS a,\tnowhere FROM (SELECT 1) AS t;\n"
    assert _what(postgres_url, migrations, sql)[:3] == [
        '1_a.sql:2: column "nowhere" does not exist',
        "    2 | SELECT 'ä😀' AS a,\tnowhere FROM (SELECT 1) AS t;",
        "      | " + " " * len("SELECT 'ä😀' AS a,") + "\t^",
    ]


def test_the_caret_stands_right_after_a_begin_that_was_left_out(postgres_url: str, migrations: WriteMigrations) -> None:
    sql = "-- é\nBEGIN;\nSELECT 1;\nSELECT nowhere;\nCOMMIT;\n"
    assert _what(postgres_url, migrations, sql)[:3] == [
        '1_a.sql:4: column "nowhere" does not exist',
        "    4 | SELECT nowhere;",
        "      |        ^",
    ]


def test_an_error_in_a_long_line_is_shown_with_what_stands_around_it(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    values = ", ".join(f"({n}, 'x')" for n in range(1000))
    lines = _what(
        postgres_url, migrations, f"{GOOD}INSERT INTO orders SELECT * FROM (VALUES {values}) AS v (a, b) WHERE nix;\n"
    )
    assert lines[0] == '1_a.sql:2: column "nix" does not exist'
    assert lines[1].startswith("    2 | ...")
    assert len(lines[1]) < 130
    assert lines[1][lines[2].index("^") :].startswith("nix")


def test_an_error_far_into_a_long_line_without_position_shows_its_beginning(
    database_url: str, migrations: WriteMigrations
) -> None:
    values = ", ".join(f"({n}, 'x')" for n in range(1000))
    lines = _what(database_url, migrations, f"{GOOD}INSERT INTO orders VALUES {values}, (1, 'x');\n")
    assert lines[0].startswith("1_a.sql:2: ")
    shown = next(line for line in lines if line.startswith("    2 | "))
    assert shown.startswith("    2 | INSERT INTO orders VALUES (0, 'x'), (1, 'x'), ")
    assert shown.endswith("...")
    assert not any(line.rstrip().endswith("^") for line in lines)


@pytest.mark.parametrize("place", [1, 2, 499, 500, 501, 502, 750, 999, 1000, 1001, 1200])
def test_the_failing_statement_of_many_is_named(
    place: int, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    statements = [f"INSERT INTO orders VALUES ({n}, 'é{n}');" for n in range(1, 1201)]
    statements[place - 1] = f"INSERT INTO orders VALUES ({place}, NULL);"
    database = probe(database_url)
    database.execute(GOOD)
    lines = _what(database_url, migrations, "\n".join(statements) + "\n")
    assert lines[0].startswith(f"1_a.sql:{place}: ")
    assert f"{place:>5} | INSERT INTO orders VALUES ({place}, NULL);" in lines
    assert database.rows("SELECT * FROM orders") == []


@pytest.mark.parametrize("place", [1, 500, 501, 700, 1200])
def test_the_statement_of_many_that_is_no_sql_is_named(
    place: int, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    statements = [f"INSERT INTO orders VALUES ({n}, 'é{n}');" for n in range(1, 1201)]
    statements[place - 1] = "INSRET INTO orders VALUES (0, 'x');"
    database = probe(database_url)
    database.execute(GOOD)
    lines = _what(database_url, migrations, ";\n".join(statements).replace(";;", ";") + "\n")
    assert lines[0].startswith(f"1_a.sql:{place}: ")
    assert lines[1] == f"{place:>5} | INSRET INTO orders VALUES (0, 'x');"
    if is_postgres(database_url):
        assert lines[2] == "      | ^"
    assert database.rows("SELECT * FROM orders") == []


def test_lone_semicolons_and_comments_between_do_not_shift_the_count(
    database_url: str, migrations: WriteMigrations
) -> None:
    sql = (
        ";;\n-- one\n;"
        + GOOD
        + ";\n/* two ; */;\n"
        + "INSERT INTO orders VALUES (1, 'a');;\n;;INSERT INTO orders VALUES (1, NULL);\n"
    )
    lines = _what(database_url, migrations, sql)
    assert lines[0].startswith("1_a.sql:7: ")


def test_a_function_that_fails_is_told_with_the_line_of_its_call(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    sql = "SELECT 1;\nDO $$ BEGIN\n  RAISE EXCEPTION 'not %', 'here' USING DETAIL = 'why', HINT = 'how';\nEND $$;\n"
    assert _what(postgres_url, migrations, sql)[:4] == [
        "1_a.sql:2: not here",
        "DETAIL: why",
        "HINT: how",
        "    2 | DO $$ BEGIN",
    ]


def test_a_conflict_that_rolls_the_whole_transaction_back_is_the_steps_failure(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    sql = GOOD + "INSERT INTO orders VALUES (1, 'a');\nINSERT OR ROLLBACK INTO orders VALUES (1, 'b');\n"
    assert _what(sqlite_url, migrations, sql)[0] == "1_a.sql:3: UNIQUE constraint failed: orders.id"
    assert probe(sqlite_url).tables() == {"schema_migrations", "schema_migrations_log"}
    assert [row[2] for row in log(probe(sqlite_url))] == ["failed"]


def test_a_copy_to_the_client_is_refused_in_words(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": GOOD + "COPY orders TO STDOUT;\n"})
    with pytest.raises(Exception, match="COPY") as caught:
        migrate(postgres_url, folder)
    assert f"{folder / '1_a.sql'}:2: " in str(caught.value)
    assert "could not be written to the log" not in str(caught.value)
    assert "orders" not in probe(postgres_url).tables()


@pytest.mark.parametrize("head", ["", "-- sessmig: no-transaction\n"], ids=["plain", "no-transaction"])
def test_who_keeps_the_error_does_not_keep_the_file_open(
    head: str, sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": GOOD, "2_b.sql": head + FOUR.format("INSERT INTO orders VALUES (3, NULL);")})
    with pytest.raises(StepError) as kept:
        migrate(sqlite_url, folder)
    links = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
    assert sqlite_url.removeprefix("sqlite:///") not in [str(link.readlink()) for link in links]
    assert kept.value.exit_code == 1
