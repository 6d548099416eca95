"""`run-each-row`: each row of a query is run as a statement, listed by its own text, and watched like any other."""

from collections.abc import Callable

import pytest

from sessmig import CheckError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import log, migrate, roll_back, state

Opened = Callable[[str], Probe]

TABLES = """
CREATE TABLE todo (id INTEGER PRIMARY KEY, statement TEXT);
CREATE TABLE a (x INTEGER PRIMARY KEY);
CREATE TABLE b (x INTEGER PRIMARY KEY);
INSERT INTO a VALUES (1), (2);
INSERT INTO b VALUES (3);
"""
RUN = "-- sessmig: run-each-row\nSELECT statement FROM todo ORDER BY id;\n"


def _run(*statements: str | None, head: str = "", tail: str = "") -> str:
    """Write a step that puts statements into a table and runs them."""
    texts = ["NULL" if text is None else "'" + text.replace("'", "''") + "'" for text in statements]
    rows = ", ".join(f"({number}, {text})" for number, text in enumerate(texts))
    return f"{head}INSERT INTO todo VALUES {rows};\n{RUN}{tail}"


@pytest.fixture
def shop(database_url: str, migrations: WriteMigrations) -> Callable[[str], tuple[str, WriteMigrations]]:
    """Apply the tables, and write a second step beside them."""

    def write(step: str) -> tuple[str, WriteMigrations]:
        migrate(database_url, migrations({"0001_tables.sql": TABLES}))
        migrations({"0002_step.sql": step})
        return database_url, migrations

    return write


Shop = Callable[[str], tuple[str, WriteMigrations]]


def _stops(shop: Shop, probe: Opened, step: str, error: type[Exception]) -> list[str]:
    """Carry a step out that has to be stopped and leave nothing; return the message's lines."""
    url, migrations = shop(step)
    before = state(probe(url))
    with pytest.raises(error) as caught:
        migrate(url, migrations({}))
    assert state(probe(url)) == before
    assert probe(url).value("SELECT count(*) FROM schema_migrations") == 1
    return str(caught.value).replace(f"{migrations({})}/", "").splitlines()


def test_each_row_is_run_in_its_turn_and_null_is_passed_over(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(
        _run("CREATE TABLE c (x INTEGER)", None, "INSERT INTO c VALUES (7);", tail="DELETE FROM todo;")
    )
    migrations({"0002_step.sql": "-- sessmig: may-lose todo\n" + (migrations({}) / "0002_step.sql").read_text()})
    migrate(url, migrations({}))
    assert probe(url).rows("SELECT x FROM c") == [(7,)]
    assert probe(url).value("SELECT count(*) FROM todo") == 0


def test_all_rows_are_asked_for_before_the_first_of_them_runs(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("INSERT INTO todo VALUES (10, 'DROP TABLE a')", "INSERT INTO b VALUES (4)"))
    migrate(url, migrations({}))
    assert probe(url).value("SELECT count(*) FROM a") == 2
    assert probe(url).value("SELECT count(*) FROM b") == 2


def test_each_is_listed_with_its_own_text_in_the_report_and_in_the_log(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("INSERT INTO a\nVALUES (5), (6)", "CREATE INDEX i ON b (x)"))
    (step,) = migrate(url, migrations({})).steps
    kept = [(s.line, s.verb, s.target, s.rows, s.text) for s in step.statements]
    assert kept == [
        (1, "INSERT", "todo", 2, ""),
        (4, "SELECT", "todo", 2, ""),
        (4, "INSERT", "a", 2, "INSERT INTO a\nVALUES (5), (6);"),
        (4, "CREATE INDEX", "i", None, "CREATE INDEX i ON b (x);"),
    ]
    detail = log(probe(url))[-1][3]
    assert [s.get("text", "") for s in detail["statements"]] == [text for *_, text in kept]


def test_a_dry_run_shows_each_with_its_text_and_its_real_count(shop: Shop, probe: Opened, cli: Cli) -> None:
    url, migrations = shop(_run("INSERT INTO a VALUES (5), (6)"))
    before = state(probe(url))
    done = cli("migrate", "--dry-run", "-d", url, "--dir", str(migrations({})))
    assert done.returncode == 0, done.stderr
    assert "       3    INSERT INTO a VALUES (5), (6);     2" in done.stdout
    assert state(probe(url)) == before


def test_a_rehearsal_shows_each_with_its_text(shop: Shop, cli: Cli) -> None:
    url, migrations = shop(_run("INSERT INTO a VALUES (5), (6)"))
    done = cli("rehearse", "-d", url, "--dir", str(migrations({})))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  INSERT INTO a VALUES (5), (6);" in done.stdout


def test_the_log_command_shows_each_with_its_text(shop: Shop, cli: Cli) -> None:
    url, migrations = shop(_run("INSERT INTO a VALUES (5), (6)"))
    migrate(url, migrations({}))
    done = cli("log", "--version", "2", "-d", url, "--dir", str(migrations({})))
    assert "  INSERT INTO a VALUES (5), (6);" in done.stdout, done.stderr


def test_a_generated_drop_of_a_table_with_rows_is_a_loss(shop: Shop, probe: Opened) -> None:
    assert _stops(shop, probe, _run("DROP TABLE a"), CheckError) == [
        "0002_step.sql:3: loss guard: the table a was dropped, with 2 rows, and no may-lose names it",
        "    x",
        "    1",
        "    2",
        "The database holds what it held before; nothing of 0002_step stays.",
        "If that is meant, write -- sessmig: may-lose a at the file's top.",
        "Else mend the migration, and run it again.",
    ]


def test_a_generated_delete_is_a_loss_of_the_line_of_its_query(shop: Shop, probe: Opened) -> None:
    lines = _stops(shop, probe, _run("DELETE FROM a WHERE x = 1", "DELETE FROM a WHERE x = 2"), CheckError)
    assert lines[0].startswith("0002_step.sql")
    assert "loss guard: 2 rows of a were deleted (DELETE in line 3)" in lines[0]


def test_what_may_lose_names_by_a_pattern_may_be_dropped(shop: Shop, probe: Opened) -> None:
    step = _run(
        "CREATE TABLE tmp_1 AS SELECT 1 AS x", "DROP TABLE a", "DROP TABLE b", head="-- sessmig: may-lose a*, b\n"
    )
    url, migrations = shop(step)
    (report,) = migrate(url, migrations({})).steps
    assert probe(url).tables() & {"a", "b", "tmp_1"} == {"tmp_1"}
    assert {(e.table, e.before) for e in report.effects} >= {("a", 2), ("b", 1)}


def test_a_loss_behind_the_generated_statements_is_seen_too(shop: Shop, probe: Opened) -> None:
    step = _run("ALTER TABLE a RENAME TO c", tail="DROP TABLE c;\n")
    lines = _stops(shop, probe, step, CheckError)
    assert lines[0] == "0002_step.sql:4: loss guard: the table a was dropped, with 2 rows, and no may-lose names it"


def test_a_table_made_anew_by_generated_statements_is_no_loss(shop: Shop, probe: Opened) -> None:
    step = _run(
        "CREATE TABLE a_new (x INTEGER PRIMARY KEY, y TEXT)",
        "INSERT INTO a_new (x) SELECT x FROM a",
        "DROP TABLE a",
        "ALTER TABLE a_new RENAME TO a",
    )
    url, migrations = shop(step)
    (report,) = migrate(url, migrations({})).steps
    assert report.losses == ()
    assert probe(url).rows("SELECT x, y FROM a ORDER BY x") == [(1, None), (2, None)]


def test_rows_that_a_trigger_takes_for_a_generated_statement_are_a_loss(shop: Shop, probe: Opened) -> None:
    """On SQLite the counters stand only where statements reach; what these reach is known late."""
    url, migrations = shop(_run("DELETE FROM parents WHERE id = 1", head="-- sessmig: may-lose parents\n"))
    migrations(
        {
            "0001_tables.sql": TABLES,
            "0003_more.sql": "",
        }
    )
    probe(url).execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    probe(url).execute(
        "CREATE TABLE kids (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parents (id) ON DELETE CASCADE)"
    )
    probe(url).execute("INSERT INTO parents VALUES (1)")
    probe(url).execute("INSERT INTO kids VALUES (7, 1)")
    with pytest.raises(CheckError) as caught:
        migrate(url, migrations({}))
    assert "loss guard: 1 row of kids was deleted (cascade from parents)" in str(caught.value)
    assert probe(url).value("SELECT count(*) FROM kids") == 1


def test_one_that_fails_is_told_with_its_own_text_and_the_line_of_its_query(shop: Shop, probe: Opened) -> None:
    lines = _stops(shop, probe, _run("INSERT INTO a VALUES (8)", "INSERT INTO nope\nVALUES (9)"), StepError)
    assert lines[0].startswith("0002_step.sql:4: ")
    assert "nope" in lines[0]
    assert "    in the statement of this row: INSERT INTO nope" in lines
    assert "                                  VALUES (9);" in lines
    assert "The database holds what it held before; nothing of 0002_step stays." in lines


def test_a_failing_one_stands_in_the_log_with_its_text(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("INSERT INTO nope VALUES (9)"))
    with pytest.raises(StepError):
        migrate(url, migrations({}))
    version, action, outcome, detail = log(probe(url))[-1]
    assert (version, action, outcome) == (2, "apply", "failed")
    assert "in the statement of this row: INSERT INTO nope VALUES (9);" in detail["error"]


def test_a_failing_query_is_told_as_any_statement(shop: Shop, probe: Opened) -> None:
    lines = _stops(shop, probe, "SELECT 1;\n-- sessmig: run-each-row\nSELECT nope FROM todo;\n", StepError)
    assert lines[0].startswith("0002_step.sql:3: ")
    assert "    3 | SELECT nope FROM todo;" in lines


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DROP TABLE a; DROP TABLE b", "row 1 holds 2 statements"),
        ("-- only a remark", "row 1 holds no statement"),
        ("", "row 1 holds no statement"),
        ("INSERT INTO a VALUES ('open", "row 1: the quote ' that opens here is never closed"),
        ("COMMIT", "row 1: `COMMIT`"),
        ("SAVEPOINT s", "row 1: `SAVEPOINT S` is transaction control, and the transaction is sessmig's"),
        ("VACUUM", "row 1: `VACUUM` does not run inside a transaction"),
        (r"\d", r"row 1: `\d` is not SQL; commands with a backslash are known to psql alone"),
    ],
)
def test_a_row_holds_one_statement_that_a_file_may_hold(text: str, why: str, shop: Shop, probe: Opened) -> None:
    lines = _stops(shop, probe, _run(text), StepError)
    assert lines[0].startswith(f"0002_step.sql:3: run-each-row: {why}")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT statement, id FROM todo", "run-each-row: the query has 2 columns"),
        ("SELECT 1", "run-each-row: row 1 is no text: 1"),
    ],
)
def test_a_query_gives_one_column_of_text(query: str, why: str, shop: Shop, probe: Opened) -> None:
    assert _stops(shop, probe, f"-- sessmig: run-each-row\n{query};\n", StepError)[0] == f"0002_step.sql:2: {why}"


def test_a_query_without_rows_runs_nothing(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(RUN)
    (step,) = migrate(url, migrations({})).steps
    assert [(s.verb, s.rows) for s in step.statements] == [("SELECT", 0)]


def test_a_remark_behind_a_statement_does_not_swallow_the_next(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("INSERT INTO a VALUES (5) -- five", "INSERT INTO a VALUES (6)"))
    migrate(url, migrations({}))
    assert probe(url).value("SELECT count(*) FROM a") == 4


def test_a_generated_statement_that_speaks_of_a_password_is_shown_nowhere(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(
        "-- sessmig: run-each-row\nSELECT 'INSERT INTO nope VALUES (''pass' || 'word is s3cr' || 'et'')';\n"
    )
    with pytest.raises(StepError) as caught:
        migrate(url, migrations({}))
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(probe(url).rows("SELECT detail FROM schema_migrations_log"))


def test_a_thousand_statements_are_run_and_each_is_listed(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run(*(f"INSERT INTO a VALUES ({n})" for n in range(1000, 2000))))
    (step,) = migrate(url, migrations({})).steps
    assert len({s.text for s in step.statements}) == 1001
    assert probe(url).value("SELECT count(*) FROM a") == 1002


def test_a_rollback_file_may_run_rows_too(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("CREATE TABLE c (x INTEGER)"))
    query = "SELECT 'DROP TABLE ' || 'c'"
    migrations({"0002_step.rollback.sql": f"DELETE FROM todo;\n-- sessmig: run-each-row\n{query};\n"})
    text = (migrations({}) / "0002_step.rollback.sql").read_text()
    migrations({"0002_step.rollback.sql": f"-- sessmig: may-lose todo, c\n{text}"})
    migrate(url, migrations({}))
    (step,) = roll_back(url, migrations({})).steps
    assert step.statements[-1].text == "DROP TABLE c;"
    assert "c" not in probe(url).tables()


def test_an_idempotent_query_has_its_rows_run_a_second_time(shop: Shop, cli: Cli) -> None:
    marked = "-- sessmig: idempotent\n" + RUN
    url, migrations = shop(_run("INSERT INTO b VALUES (100)").replace(RUN, "") + marked)
    done = cli("rehearse", "-d", url, "--dir", str(migrations({})))
    assert done.returncode in (1, 3)
    assert "0002_step.sql:4: marked idempotent, but cannot be run a second time" in done.stderr + done.stdout


def test_a_merge_whose_source_the_rows_empty_keeps_its_account(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(_run("INSERT INTO b SELECT x FROM a", "DELETE FROM a"))
    migrations({"0002_step.verify.sql": "-- merge: a into b on x\n"})
    (step,) = migrate(url, migrations({})).steps
    (account,) = step.merges
    assert (account.source, account.inserted, account.missing) == (2, 2, 0)
    assert probe(url).value("SELECT count(*) FROM a") == 0


def test_a_step_of_several_commits_runs_rows_in_one_of_them(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(
        "-- sessmig: no-transaction\n" + _run("INSERT INTO a VALUES (5)", "INSERT INTO a VALUES (6)")
    )
    (step,) = migrate(url, migrations({})).steps
    assert [s.text for s in step.statements] == ["", "", "INSERT INTO a VALUES (5);", "INSERT INTO a VALUES (6);"]
    assert probe(url).value("SELECT count(*) FROM a") == 4


def test_in_a_step_of_several_commits_nothing_of_a_failing_query_stays(shop: Shop, probe: Opened) -> None:
    url, migrations = shop(
        "-- sessmig: no-transaction\n" + _run("INSERT INTO a VALUES (5)", "INSERT INTO nope VALUES (6)")
    )
    with pytest.raises(StepError) as caught:
        migrate(url, migrations({}))
    assert "    in the statement of this row: INSERT INTO nope VALUES (6);" in str(caught.value).splitlines()
    assert probe(url).value("SELECT count(*) FROM a") == 2
    assert probe(url).value("SELECT count(*) FROM todo") == 2
