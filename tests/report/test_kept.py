"""What the log keeps so that a report can tell it: queries, runs, what was measured before."""

from __future__ import annotations

from collections.abc import Callable

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.report.shop import FILES, chronicle
from tests.run.doing import log, migrate, roll_back

Probes = Callable[[str], Probe]


def test_what_each_block_asked_is_kept_with_where_it_stands(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    detail = log(probe(database_url))[1][3]
    verify = folder / "0002_merge.verify.sql"
    assert [(one["verb"], one["name"], one["where"], one["query"]) for one in detail["queries"]] == [
        ("require", "new has rows", f"{verify}:1", "SELECT id FROM new"),
        ("measure", "rows_before", f"{verify}:7", "SELECT count(*) FROM new"),
        ("measure", "rows_after", f"{verify}:9", "SELECT count(*) FROM new"),
        ("check", "no row without a name", f"{verify}:11", "SELECT id FROM new WHERE name IS NULL"),
        ("warn", "rows of salt", f"{verify}:13", "SELECT id, name FROM new WHERE name LIKE '%salt'"),
        (
            "merge",
            "old into new",
            f"{verify}:4",
            "merge: old into new on id comparing name\nreject: no name where name IS NULL\ndiffering: keep",
        ),
    ]
    assert detail["measured"] == [["rows_before", "before"], ["rows_after", "after"]]


def test_a_rollback_keeps_the_queries_of_its_own_verify_file(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(
        FILES | {"0002_merge.rollback.verify.sql": "-- check: no tea\nSELECT id FROM new WHERE name = 'tea';\n"}
    )
    migrate(database_url, folder)
    roll_back(database_url, folder)
    action, detail = log(probe(database_url))[-1][1], log(probe(database_url))[-1][3]
    assert (action, [one["query"] for one in detail["queries"]]) == (
        "rollback",
        ["SELECT id FROM new WHERE name = 'tea'"],
    )


def test_a_query_that_speaks_of_passwords_is_not_kept(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    verify = (
        "-- check: nobody has it\nSELECT id FROM new WHERE name = 'Password hunter2';\n"
        "-- check: b\nSELECT 1 WHERE 1 = 2;\n"
    )
    folder = migrations(FILES | {"0002_merge.verify.sql": verify})
    migrate(database_url, folder)
    detail = log(probe(database_url))[1][3]
    assert [one["name"] for one in detail["queries"]] == ["b"]
    assert "hunter2" not in str(detail)


def test_of_very_long_queries_only_as_many_are_kept_as_there_is_room_for(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    long = "SELECT id FROM new WHERE name = '" + "x" * 60_000 + "'"
    verify = f"-- check: a\n{long};\n-- check: b\n{long};\n"
    migrate(sqlite_url, migrations(FILES | {"0002_merge.verify.sql": verify}))
    assert [one["name"] for one in log(probe(sqlite_url))[1][3]["queries"]] == ["a"]


def test_all_attempts_of_one_run_bear_its_mark_and_no_other_run_does(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    one, two, three = (row[3]["run"] for row in log(probe(database_url)))
    assert one == two != three


def test_the_log_command_does_not_show_what_only_reports_need(
    database_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    shown = cli("log", "--version", "2", "-d", database_url, "--dir", folder).stdout
    assert "queries" not in shown
    assert "run:" not in shown
    line = next(line for line in shown.splitlines() if "rows_before" in line)
    assert line.split() == ["rows_before", "2"]
    assert line.index("2") < next(one for one in shown.splitlines() if "rows_after" in one).index("3")


def test_what_was_measured_before_is_told_as_that(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    step = chronicle(database_url, folder).steps[-1].step
    assert step
    assert [(one.name, one.value, one.before) for one in step.measurements] == [
        ("rows_before", 2, True),
        ("rows_after", 3, False),
    ]
