"""What each statement did is accounted for, and the text of a file reaches the database as it stands."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, log, migrate

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);\n"


def test_each_statement_is_told_with_line_verb_target_and_rows(database_url: str, migrations: WriteMigrations) -> None:
    sql = (
        TABLE + "-- three\nINSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');\n"
        "WITH more AS (SELECT id + 10 AS id, x FROM t)\nINSERT INTO t SELECT id, x FROM more;\n"
        "INSERT INTO t SELECT id, x FROM t WHERE id > 99;\n"
        "UPDATE t SET x = 'z' WHERE id > 1;\nUPDATE t SET x = 'y' WHERE id > 99;\n"
        "DELETE FROM t WHERE id = 13; DELETE FROM t WHERE id > 99;\n"
        "INSERT INTO t VALUES (50, 'r'), (51, 'r') RETURNING id;\nDELETE FROM t WHERE x = 'r' RETURNING id, x;\n"
        "CREATE INDEX i ON t (x);\n"
    )
    (step,) = migrate(database_url, migrations({"1_a.sql": sql})).steps
    assert [(s.line, s.verb, s.target, s.rows) for s in step.statements] == [
        (1, "CREATE TABLE", "t", None),
        (3, "INSERT", "t", 3),
        (4, "INSERT", "t", 3),
        (6, "INSERT", "t", 0),
        (7, "UPDATE", "t", 5),
        (8, "UPDATE", "t", 0),
        (9, "DELETE", "t", 1),
        (9, "DELETE", "t", 0),
        (10, "INSERT", "t", 2),
        (11, "DELETE", "t", 2),
        (12, "CREATE INDEX", "i", None),
    ]


def test_rows_of_a_table_made_from_a_query_are_counted_on_postgres(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    sql = "CREATE TABLE t AS SELECT generate_series(1, 7) AS x;\nSELECT x INTO u FROM t WHERE x > 3;\n"
    (step,) = migrate(postgres_url, migrations({"1_a.sql": sql})).steps
    assert [(s.verb, s.target, s.rows) for s in step.statements] == [("CREATE TABLE", "t", 7), ("SELECT", "u", 4)]


def test_rows_that_a_trigger_changes_are_not_counted_as_the_statements(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    sql = (
        TABLE + "CREATE TABLE seen (id INTEGER);\n"
        "CREATE TRIGGER see AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (NEW.id), (-NEW.id); END;\n"
        "WITH n AS (SELECT 1 AS id UNION SELECT 2) INSERT INTO t SELECT id, 'x' FROM n;\n"
    )
    (step,) = migrate(sqlite_url, migrations({"1_a.sql": sql})).steps
    assert [s.rows for s in step.statements] == [None, None, None, 2]


def test_a_file_of_5000_statements_runs_and_is_told_in_a_few_lines(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    lines = [f"INSERT INTO t VALUES ({n}, 'é{n}');" for n in range(5000)]
    folder = migrations({"1_a.sql": TABLE + "\n".join(lines) + "\nUPDATE t SET x = 'x' WHERE id < 10;"})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert probe(database_url).value("SELECT count(*) FROM t") == 5000
    assert len(done.stdout.splitlines()) < 20
    assert "INSERT t (x 5,000)" in done.stdout
    ((_, _, _, detail),) = log(probe(database_url))
    assert [(s["line"], s["verb"], s["rows"], s["statements"]) for s in detail["statements"]] == [
        (1, "CREATE TABLE", None, 1),
        (2, "INSERT", 5000, 5000),
        (5002, "UPDATE", 10, 1),
    ]


@pytest.mark.parametrize("crlf", [False, True], ids=["LF", "CRLF"])
def test_literals_reach_the_database_as_they_stand(
    crlf: bool, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    values = [
        ":name ? % %s %(x)s ${x} $1 {y} {{z}}", "it''s", "a\\b\\", "50%", "--no comment", "/* nor */ this", "a;b",
        "😀é", "BEGIN; COMMIT;", "tab\there", "two\nlines",
    ]  # fmt: skip
    sql = TABLE + "".join(f"INSERT INTO t VALUES ({n}, '{value}');\n" for n, value in enumerate(values))
    folder = migrations({"1_a.sql": sql.replace("\n", "\r\n") if crlf else sql})
    migrate(database_url, folder)
    found = [x for (x,) in probe(database_url).rows("SELECT x FROM t ORDER BY id")]
    assert found == [value.replace("''", "'") for value in values]


def test_files_that_are_empty_or_only_comments_are_steps_like_any_other(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    files = {"1_a.sql": "", "2_b.sql": "-- Nothing to do\n\n/* really */", "3_c.sql": ";\n;", "4_d.sql": "\n"}
    assert migrate(database_url, migrations(files)).applied == 4
    rows = probe(database_url).rows("SELECT version, description, status FROM schema_migrations ORDER BY version")
    assert rows == [(1, "a", "success"), (2, "Nothing to do", "success"), (3, "c", "success"), (4, "d", "success")]


def test_a_last_statement_needs_no_semicolon(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations({"1_a.sql": TABLE + "INSERT INTO t VALUES (1, 'x') -- the end"}))
    assert probe(database_url).value("SELECT count(*) FROM t") == 1


def test_a_statement_that_gives_many_rows_runs_to_its_end(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    sql = f"{TABLE}{numbers} SELECT i FROM n;\n{numbers} INSERT INTO t SELECT i, 'x' FROM n RETURNING id;\n"
    (step,) = migrate(database_url, migrations({"1_a.sql": sql})).steps
    assert step.statements[-1].rows == 20000
    assert step.statements[1].rows == (20000 if is_postgres(database_url) else None)
    assert probe(database_url).value("SELECT count(*) FROM t") == 20000
