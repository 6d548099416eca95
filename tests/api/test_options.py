"""The options of `ensure_migrations`: what each means, and what is refused before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sessmig import CheckError, PendingError, PlanError, StepError, UsageError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

FILES = {
    "0001_people.sql": "-- Who there is\nCREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada'), (2, 'Grace');\n",
    "0002_fill.verify.sql": "-- check: two\n-- expect: 2\nSELECT count(*) FROM people;\n",
    "0003_more.sql": "INSERT INTO people VALUES (3, 'Linus');\n",
}


def test_a_url_is_taken_and_the_report_tells_each_step(database_url: str, migrations: WriteMigrations) -> None:
    report = ensure_migrations(database_url, migrations(FILES))
    assert (report.action, report.series, report.standing, report.applied, report.pending) == (
        "migrate",
        "shop",
        0,
        3,
        (),
    )
    assert [(s.version, s.label, s.name, s.outcome) for s in report.steps] == [
        (1, "0001", "people", "applied"),
        (2, "0002", "fill", "applied"),
        (3, "0003", "more", "applied"),
    ]
    first, second, _ = report.steps
    assert first.description == "Who there is"
    assert [(s.line, s.verb, s.target, s.rows) for s in second.statements] == [(1, "INSERT", "people", 2)]
    assert [(c.name, c.outcome) for c in second.checks] == [("two", "passed")]


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "Path"])
def test_a_path_is_taken(tmp_path: Path, migrations: WriteMigrations, kind: Any) -> None:
    path = tmp_path / "with spaces & 50% ü?#.db"
    assert ensure_migrations(kind(path), str(migrations(FILES))).applied == 3
    assert path.exists()


def test_a_relative_folder_and_a_relative_path_are_meant_from_the_working_directory(
    tmp_path: Path, migrations: WriteMigrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations(FILES)
    monkeypatch.chdir(tmp_path)
    assert ensure_migrations("sqlite:///app.db", "sql/shop").applied == 3
    assert (tmp_path / "app.db").exists()


@pytest.mark.parametrize("wrong", [None, 5, b"app.db", object(), ["app.db"]], ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_database_is_refused_by_its_type(wrong: Any, migrations: WriteMigrations) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_migrations(wrong, migrations(FILES))
    name = type(wrong).__name__
    assert str(caught.value) == (
        f"not a database: builtins.{name}\nGive a URL, a path, or an open sqlite3.Connection or psycopg.Connection; "
        "with SQLAlchemy that is connection.connection.driver_connection."
    )


def test_to_stops_there_and_tells_what_is_still_pending(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(FILES)
    report = ensure_migrations(database_url, folder, to=2)
    assert (report.applied, report.pending) == (2, ("0003_more",))
    assert probe(database_url).value("SELECT count(*) FROM people") == 2
    assert ensure_migrations(database_url, folder).applied == 1


def test_series_and_table_name_where_the_ledger_keeps_what_ran(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    report = ensure_migrations(database_url, migrations(FILES), series="store", table="my_migrations")
    assert report.series == "store"
    assert probe(database_url).tables() == {"people", "my_migrations", "my_migrations_log"}
    assert probe(database_url).rows("SELECT DISTINCT series FROM my_migrations") == [("store",)]


def test_two_series_stand_in_one_ledger(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    ensure_migrations(database_url, migrations(FILES))
    other = migrations({"0001_dogs.sql": "CREATE TABLE dogs (x INTEGER);\n"}, series="zoo")
    assert ensure_migrations(database_url, other).standing == 0
    rows = probe(database_url).rows("SELECT series, version FROM schema_migrations ORDER BY 1, 2")
    assert rows == [("shop", 1), ("shop", 2), ("shop", 3), ("zoo", 1)]


def test_pending_error_names_what_is_pending_and_touches_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    with pytest.raises(PendingError) as caught:
        ensure_migrations(database_url, migrations(FILES), pending="error", to=2)
    assert str(caught.value) == (
        "2 migrations pending: 0001_people, 0002_fill\nNothing was touched.\nRun sessmig migrate."
    )
    assert caught.value.exit_code == 6
    assert caught.value.report is not None
    assert caught.value.report.pending == ("0001_people", "0002_fill", "0003_more")
    assert probe(database_url).tables() == set()
    if database_url.startswith("sqlite"):
        assert not Path(database_url.removeprefix("sqlite:///")).exists()


def test_pending_error_is_none_with_nothing_pending(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    assert ensure_migrations(database_url, folder, pending="error").standing == 3


def test_an_older_build_is_refused_unless_ahead_is_ok(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    (folder / "0003_more.sql").unlink()
    with pytest.raises(PlanError) as caught:
        ensure_migrations(database_url, folder)
    first, second, *rest = str(caught.value).split("\n")
    assert first == "1 problem in the plan:"
    assert second.startswith("ahead: 3 more: applied on ")
    assert second.endswith(", above the newest file (2)")
    assert rest[-1] == "Nothing was touched."
    assert caught.value.exit_code == 4
    assert ensure_migrations(database_url, folder, ahead="ok").standing == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pending": "later"}, "pending='later' is not understood\nKnown are: 'apply', 'error'."),
        ({"ahead": True}, "ahead=True is not understood\nKnown are: 'error', 'ok'."),
        ({"table": "a table"}, "table 'a table': not a table name\nLetters, digits and _, 51 at most."),
        ({"lock_wait": None}, "lock wait None: not a number of seconds\nGive 0 or more."),
        ({"lock_wait": "5"}, "lock wait '5': not a number of seconds\nGive 0 or more."),
        ({"lock_wait": -1}, "lock wait -1: not a number of seconds\nGive 0 or more."),
        ({"lock_wait": float("nan")}, "lock wait nan: not a number of seconds\nGive 0 or more."),
        ({"lock_wait": float("inf")}, "lock wait inf: not a number of seconds\nGive 0 or more."),
        ({"to": 9}, "to 9: there is no migration of this version\nThe last are: 0001, 0002, 0003."),
    ],
    ids=str,
)
def test_an_option_that_is_not_understood_is_refused_and_nothing_is_touched(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], options: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ensure_migrations(database_url, migrations(FILES), **options)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2
    assert probe(database_url).tables() == set()


def test_a_long_lock_wait_is_taken(database_url: str, migrations: WriteMigrations) -> None:
    assert ensure_migrations(database_url, migrations(FILES), lock_wait=10**9).applied == 3


def test_a_failed_step_carries_the_report_of_the_run(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(FILES | {"0003_more.sql": "INSERT INTO people VALUES (3, 'Linus');\nSELECT * FROM nowhere;\n"})
    with pytest.raises(StepError) as caught:
        ensure_migrations(database_url, folder)
    error = caught.value
    assert error.exit_code == 1
    assert error.what.startswith(f"{folder / '0003_more.sql'}:2: ")
    assert error.holds == "The database: 0001_people, 0002_fill stand applied; nothing of 0003_more stays."
    assert error.report is not None
    assert error.report.applied == 2
    assert [step.outcome for step in error.report.steps] == ["applied", "applied", "failed"]
    assert "nowhere" in error.report.steps[-1].error
    assert probe(database_url).rows("SELECT id FROM people ORDER BY id") == [(1,), (2,)]


def test_a_failed_check_carries_its_counter_examples(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES | {"0003_more.verify.sql": "-- check: no Linus\nSELECT * FROM people WHERE id = 3;\n"})
    with pytest.raises(CheckError) as caught:
        ensure_migrations(database_url, folder)
    assert caught.value.exit_code == 3
    assert caught.value.report is not None
    (check,) = caught.value.report.steps[-1].checks
    assert (check.outcome, check.columns, check.examples) == ("failed", ("id", "name"), ((3, "Linus"),))


def test_the_report_names_the_database_without_its_password(postgres_url: str, migrations: WriteMigrations) -> None:
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"{parts.username}:s3cret@{parts.hostname}:{parts.port}").geturl()
    report = ensure_migrations(url, migrations(FILES))
    assert report.database == url.replace("s3cret", "***")
    assert "s3cret" not in repr(report)
