"""`-- sessmig: wait N days after V`: what is understood, and what is refused with file and line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import FileError
from sessmig.files import checksum
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate, status

Probes = Callable[[str], Probe]
A = "CREATE TABLE a (x INTEGER);\n"
B = "CREATE TABLE b (x INTEGER);\n"
HOW = "Write -- sessmig: wait 14 days after VERSION; minutes, hours, days and weeks are known."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("wait 14 days after 1", "14 days after 1"),
        ("wait 1 day after 1", "1 day after 1"),
        ("wait 1 days after 0001", "1 day after 1"),
        ("wait 36 hours after 1", "36 hours after 1"),
        ("wait 1 hour after 1", "1 hour after 1"),
        ("wait 90 minutes after 1", "90 minutes after 1"),
        ("wait 1 minute after 1", "1 minute after 1"),
        ("wait 2 weeks after 1", "2 weeks after 1"),
        ("wait 1 week   after\t1", "1 week after 1"),
    ],
)
def test_minutes_hours_days_and_weeks_are_understood(
    sqlite_url: str, migrations: WriteMigrations, written: str, read: str
) -> None:
    report = migrate(sqlite_url, migrations({"0001_a.sql": A, "0002_b.sql": f"-- B\n-- sessmig: {written}\n{B}"}))
    assert [held.wait for held in report.held] == [read]


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "14 days",
        "14 days after",
        "days after 1",
        "-1 days after 1",
        "1.5 days after 1",
        "2 months after 1",
        "14 days after a",
        "14 days before 1",
        "14 days after 1, 2",
        "14 Days after 1",
        "99999999 days after 1",
    ],
)
def test_anything_else_is_refused_with_its_line(
    database_url: str, migrations: WriteMigrations, probe: Probes, argument: str
) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": f"-- B\n-- sessmig: wait {argument}\n{B}"})
    with pytest.raises(FileError) as refused:
        migrate(database_url, folder)
    assert str(refused.value).splitlines() == [
        f"{folder / '0002_b.sql'}:2: {f'wait {argument}'.strip()}: not understood",
        HOW,
    ]
    assert probe(database_url).tables() == set()


@pytest.mark.parametrize("argument", ["0 days after 1", "36501 days after 1", "9999999 weeks after 1"])
def test_a_time_that_is_none_or_longer_than_a_century_is_refused(
    sqlite_url: str, migrations: WriteMigrations, argument: str
) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": f"-- sessmig: wait {argument}\n{B}"})
    with pytest.raises(FileError) as refused:
        migrate(sqlite_url, folder)
    assert str(refused.value).splitlines() == [
        f"{folder / '0002_b.sql'}:1: wait {argument}: not a time to wait",
        "Give 1 or more, and less than a century.",
    ]


@pytest.mark.parametrize("version", [2, 3])
def test_a_migration_does_not_wait_for_itself_or_a_later_one(
    database_url: str, migrations: WriteMigrations, probe: Probes, version: int
) -> None:
    folder = migrations(
        {"0001_a.sql": A, "0002_b.sql": f"-- sessmig: wait 1 day after {version}\n{B}", "0003_c.sql": ""}
    )
    with pytest.raises(FileError) as refused:
        migrate(database_url, folder)
    assert str(refused.value).splitlines() == [
        f"{folder / '0002_b.sql'}:1: wait 1 day after {version}: {version} is not below 2",
        "A migration waits for one with a lower version.",
    ]
    assert probe(database_url).tables() == set()


def test_a_version_that_the_series_does_not_have_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": A, "0005_b.sql": f"-- sessmig: wait 1 day after 4\n{B}"})
    with pytest.raises(FileError) as refused:
        migrate(database_url, folder)
    assert str(refused.value).splitlines() == [
        f"{folder / '0005_b.sql'}:1: wait 1 day after 4: there is no migration 4 in this series",
        "Name the version of a migration that stands in this folder.",
    ]
    assert probe(database_url).tables() == set()


def test_it_is_refused_by_every_command_that_looks(sqlite_url: str, migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": f"-- sessmig: wait long after 1\n{B}"})
    for command in (["migrate"], ["migrate", "--to", "1"], ["status"], ["rehearse"]):
        done = cli(*command, "-d", sqlite_url, "--dir", folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"{folder / '0002_b.sql'}:1: wait long after 1: not understood\n")


def test_a_directive_given_twice_is_refused(sqlite_url: str, migrations: WriteMigrations) -> None:
    twice = "-- sessmig: wait 1 day after 1\n-- sessmig: wait 2 days after 1\n"
    folder = migrations({"0001_a.sql": A, "0002_b.sql": twice + B})
    with pytest.raises(FileError, match=r"0002_b\.sql:2: directive given twice: wait"):
        migrate(sqlite_url, folder)


def test_below_the_first_statement_it_is_refused(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": f"{B}-- sessmig: wait 1 day after 1\n"})
    with pytest.raises(FileError, match=r"0002_b\.sql:2: directive wait stands below the first statement"):
        migrate(sqlite_url, folder)
    assert probe(sqlite_url).tables() == set()


@pytest.mark.parametrize(
    "head",
    [
        "\n\n-- B\n\n--sessmig:wait 1 day after 1\n",
        "/* a block\n   comment */\n-- sessmig: wait 1 day after 1\n",
        ";\n-- sessmig: wait 1 day after 1\n",
        "\ufeff-- SESSMIG: wait 1 day after 1\r\n",
        "   \t-- sessmig: wait 1 day after 1\n-- and more\nBEGIN;\n",
    ],
    ids=["blank lines", "a block comment", "a semicolon", "a BOM and CRLF", "a BEGIN"],
)
def test_it_is_found_in_heads_of_every_form(database_url: str, migrations: WriteMigrations, head: str) -> None:
    text = f"{head}{B}" + ("COMMIT;\n" if "BEGIN" in head else "")
    report = migrate(database_url, migrations({"0001_a.sql": A, "0002_b.sql": text}))
    assert [held.title for held in report.held] == ["0002_b"]


@pytest.mark.parametrize(
    "text",
    [
        "/* -- sessmig: wait 1 day after 1 */\nCREATE TABLE b (x INTEGER);\n",
        "/*\n-- sessmig: wait 1 day after 1\n*/\nCREATE TABLE b (x INTEGER);\n",
        "CREATE TABLE b (x TEXT DEFAULT '\n-- sessmig: wait 1 day after 1\n');\n",
        "-- as sessmig: wait 1 day after 1 would do\nCREATE TABLE b (x INTEGER);\n",
    ],
)
def test_what_only_looks_like_it_holds_nothing_back(database_url: str, migrations: WriteMigrations, text: str) -> None:
    report = migrate(database_url, migrations({"0001_a.sql": A, "0002_b.sql": text}))
    assert (report.applied, report.held) == (2, ())


def test_an_applied_file_is_not_asked_for_its_wait(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations({"0001_a.sql": A})
    migrate(sqlite_url, folder)
    text = f"-- sessmig: wait nonsense\n{A}"
    (folder / "0001_a.sql").write_text(text, encoding="utf-8")
    probe(sqlite_url).execute(f"UPDATE schema_migrations SET checksum = '{checksum(text.encode())}'")
    assert [s.state for s in status(sqlite_url, folder).standings] == ["applied"]


def test_status_shows_a_file_with_another_directive_that_is_not_understood(
    sqlite_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": A, "0002_b.sql": f"-- sessmig: nonsense\n-- sessmig: wait 1 day after 1\n{B}"})
    assert [s.state for s in status(sqlite_url, folder).standings] == ["pending", "held"]
    with pytest.raises(FileError, match=r"0002_b\.sql:1: unknown directive: sessmig: nonsense"):
        migrate(sqlite_url, folder)
