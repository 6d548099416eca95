"""`sessmig_database` in a project of its own: migrated once, a copy for each test, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.fixtures.probe import Probe
from tests.plugin.inner import Inner, Ran, postgres_inner, ready, sqlite_inner

# An old table that the last migration wants, and a row for all tests.
AFTER_OLD = {"0003_old.sql": "ALTER TABLE old ADD COLUMN more TEXT;\n"}
OVERRIDES = """
import pytest
from look import ask


@pytest.fixture(scope="session")
def sessmig_start(sessmig_start):
    ask(sessmig_start, "CREATE TABLE old (x INTEGER)")
    return sessmig_start


@pytest.fixture(scope="session")
def sessmig_template(sessmig_template):
    ask(sessmig_template, "INSERT INTO old VALUES (7, 'a')")
    return sessmig_template
"""
TESTS = """
import pytest
from look import ask, note, opened
from sessmig import ensure_migrations

LEFT = []


@pytest.mark.parametrize("n", [1, 2])
def test_writing(sessmig_database, n):
    note("stamp", *ask(sessmig_database, "SELECT value FROM stamp"))
    note("people", ask(sessmig_database, "SELECT id FROM people"))
    note("old", ask(sessmig_database, "SELECT x, more FROM old"))
    ask(sessmig_database, "INSERT INTO people VALUES (1, 'Ada')")
    ask(sessmig_database, "DELETE FROM old")


def test_starting(sessmig_database):
    note("standing", ensure_migrations(sessmig_database, "sql/shop", pending="error").standing)
    note("log", ask(sessmig_database, "SELECT version, outcome FROM schema_migrations_log ORDER BY id"))


def test_failing_with_an_open_connection(sessmig_database):
    LEFT.append(opened(sessmig_database))
    LEFT[0].execute("SELECT * FROM people").fetchall()
    assert False


def test_closing():
    try:
        LEFT[0].close()
    finally:
        LEFT.clear()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of all that stands above."""

    inner: Inner
    ran: Ran

    def told(self, word: str) -> list[str]:
        """Return what the tests have noted under a word."""
        return [note.removeprefix(f"{word} ") for note in self.ran.notes if note.startswith(f"{word} ")]


@pytest.fixture(
    scope="module",
    params=[pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres", marks=pytest.mark.postgres)],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the project, once on each database."""
    folder = tmp_path_factory.mktemp("project")
    if request.param == "sqlite":
        inner = ready(sqlite_inner(folder))
    else:
        inner = ready(postgres_inner(folder, request.getfixturevalue("postgres_server")))
    inner.migrations(AFTER_OLD)
    inner.write("conftest.py", OVERRIDES)
    inner.write("test_inner.py", TESTS)
    ran = inner.run()
    assert ran.outcomes == {"passed": 4, "failed": 1}, ran.output
    return Run(inner, ran)


def test_the_migrations_run_once_for_all_tests(run: Run) -> None:
    first, second = run.told("stamp")  # a random number that a migration has drawn
    assert first == second
    assert run.told("log") == ["[(1, 'success'), (2, 'success'), (3, 'success')]"]


def test_no_test_sees_what_another_has_written(run: Run) -> None:
    assert run.told("people") == ["[]", "[]"]


def test_old_tables_come_before_the_migrations_and_rows_for_all_tests_after_them(run: Run) -> None:
    assert run.told("old") == ["[(7, 'a')]", "[(7, 'a')]"]


def test_an_application_that_starts_on_a_copy_finds_nothing_pending(run: Run) -> None:
    assert run.told("standing") == ["3"]


def test_where_pytest_prints_the_url_of_a_failing_test_it_shows_no_password(run: Run) -> None:
    shown = "sessmig_database = 'sqlite:///" if run.inner.server == "sqlite" else ":***@127.0.0.1:"
    assert shown in run.ran.output  # and the password is looked for in every output, by `Inner.run`


def test_nothing_is_left_behind_though_a_test_leaves_its_connection_open(run: Run) -> None:
    assert run.inner.left_behind() == []


def test_what_is_still_in_the_wal_is_copied_and_what_a_test_leaves_beside_its_file_goes_with_it(
    on_sqlite: Inner,
) -> None:
    on_sqlite.migrations({"0001_more.sql": "CREATE TABLE more (x INTEGER);\n"}, series="more")
    on_sqlite.write(
        "test_inner.py",
        """
import pytest
from pathlib import Path
from look import ask, note, opened
from sessmig import ensure_migrations

@pytest.fixture(scope="session")
def sessmig_template(sessmig_template):
    held = opened(sessmig_template)
    held.execute("PRAGMA journal_mode = WAL")
    held.execute("INSERT INTO people VALUES (5, 'Wal')")
    held.commit()
    yield sessmig_template
    held.close()

def test_it(sessmig_database):
    note(ask(sessmig_database, "SELECT id FROM people"))
    ensure_migrations(sessmig_database, "sql/more")  # begins with a backup
    note(any(Path(sessmig_database.removeprefix("sqlite:///")).parent.glob("*.backup_*")))
""",
    )
    ran = on_sqlite.run()
    assert (ran.outcomes, ran.notes) == ({"passed": 1}, ["[(5,)]", "True"]), ran.output
    assert on_sqlite.left_behind() == []


def test_a_server_fixture_with_parameters_runs_each_test_on_each_database(on_postgres: Inner) -> None:
    on_postgres.environment["SECOND"] = on_postgres.server
    on_postgres.environment["SESSMIG_TEST_SERVER"] = ""
    on_postgres.write(
        "test_inner.py",
        """
import os
import pytest
from look import note

@pytest.fixture(scope="session", params=[0, 1], ids=["sqlite", "postgres"])
def sessmig_server(request):
    return ("sqlite", os.environ["SECOND"])[request.param]

def test_it(sessmig_database):
    note(sessmig_database.partition(":")[0])
""",
    )
    ran = on_postgres.run()
    assert (ran.outcomes, ran.notes) == ({"passed": 2}, ["sqlite", "postgresql"]), ran.output
    assert on_postgres.left_behind() == []


def test_the_url_is_written_as_the_servers_is_and_the_database_that_is_named_stays_as_it_is(
    on_postgres: Inner, postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    server, named = on_postgres.server.rpartition("/")[0], postgres_url.rpartition("/")[2]
    on_postgres.server = f"{server.replace('postgresql://', 'postgresql+psycopg://')}/postgres?dbname={named}"
    on_postgres.write(
        "test_inner.py",
        """
import sqlalchemy
from look import note

def test_it(sessmig_database):
    engine = sqlalchemy.create_engine(sessmig_database)
    with engine.connect() as connection:
        note(connection.execute(sqlalchemy.text("SELECT current_database()")).scalar())
    engine.dispose()
""",
    )
    ran = on_postgres.run()
    assert ran.outcomes == {"passed": 1}, ran.output
    assert ran.notes[0].startswith("sessmig_pytest_")
    assert probe(postgres_url).tables() == set()


def test_each_worker_of_xdist_migrates_a_template_of_its_own(on_postgres: Inner) -> None:
    on_postgres.write(
        "test_inner.py",
        """
import os
import pytest
from look import ask, note

@pytest.mark.parametrize("n", range(6))
def test_it(sessmig_database, n):
    ask(sessmig_database, "INSERT INTO people VALUES (1, 'Ada')")
    ((stamp,),) = ask(sessmig_database, "SELECT value FROM stamp")
    note('["%s", "%s"]' % (os.environ["PYTEST_XDIST_WORKER"], stamp))
""",
    )
    ran = on_postgres.run("-n2", "--dist=load")
    assert ran.outcomes == {"passed": 6}, ran.output
    pairs = {(worker, stamp) for worker, stamp in map(json.loads, ran.notes)}
    assert {worker for worker, _ in pairs} == {"gw0", "gw1"}
    assert len(pairs) == len({stamp for _, stamp in pairs}) == 2
    assert on_postgres.left_behind() == []


def test_a_run_without_its_fixtures_loads_the_plugin_and_nothing_else_of_sessmig(on_sqlite: Inner) -> None:
    on_sqlite.write(
        "test_inner.py",
        """
import sys

def test_it(pytestconfig):
    loaded = {name for name in sys.modules if name.partition(".")[0] == "sessmig"}
    assert loaded == {"sessmig", "sessmig.pytest_plugin"}
    assert not {"click", "sqlparse", "psycopg", "dotenv", "jinja2", "sqlite3"} & set(sys.modules)
    plugins = pytestconfig.pluginmanager
    hooks = plugins.get_hookcallers(plugins.get_plugin("sessmig"))
    assert {hook.name for hook in hooks} == {"pytest_addoption"}
""",
    )
    on_sqlite.environment["COVERAGE_PROCESS_CONFIG"] = ""  # which loads what it likes
    ran = on_sqlite.run()
    assert ran.outcomes == {"passed": 1}, ran.output
