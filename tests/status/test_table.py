"""The tables of `status` and `log` fit the terminal they are shown on; elsewhere they are whole, and JSON tells all."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import StepError, baseline_migrations, ensure_migrations
from sessmig.status_report import status_lines
from sessmig.terminal import Shrink, fitted, joined
from tests.adopt.inside import Inside
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import status
from tests.staged.half import BATCH, TABLES

LONG = "move_the_postal_addresses_of_customers_and_suppliers_to_a_table"
GREEN, YELLOW, RED, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
FILES = {
    f"20260101000001_{LONG}.sql": "CREATE TABLE a (id INTEGER);\n",
    "20260102000001_short.sql": "CREATE TABLE b (id INTEGER);\n",
    "20260103000001_next.sql": "CREATE TABLE c (id INTEGER);\n",
}
Shown = Callable[..., str]


@pytest.fixture
def folder(sqlite_url: str, migrations: WriteMigrations) -> Path:
    """Two of three migrations are applied."""
    folder = migrations(FILES)
    ensure_migrations(sqlite_url, folder, to=20260102000001, backup="never")
    return folder


@pytest.fixture
def shown(sqlite_url: str, folder: Path) -> Shown:
    """Run a command on a terminal of so many columns, and return what it shows."""

    def run(command: str, columns: int, *, env: dict[str, str] | None = None) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
        process = subprocess.Popen(
            [sys.executable, "-m", "sessmig", command, "-d", sqlite_url, "--dir", str(folder)],
            stdout=theirs,
            env={**clean, **(env or {})},
        )
        os.close(theirs)
        found = b""
        try:
            while piece := os.read(ours, 65536):
                found += piece
        except OSError:  # how Linux says that the other end was closed
            pass
        os.close(ours)
        assert process.wait(60) == 0
        return found.decode().replace("\r\n", "\n")

    return run


def _plain(text: str) -> list[str]:
    """Return the rows of the table, without colours."""
    for colour in (GREEN, YELLOW, RED, PLAIN):
        text = text.replace(colour, "")
    return [line for line in text.splitlines() if line.startswith("  ")]


def test_status_fits_80_columns_and_tells_version_name_state_and_day(shown: Shown) -> None:
    head, first, second, third = _plain(shown("status", 80))
    assert max(map(len, (head, first, second, third))) <= 80
    assert head.split() == ["version", "name", "state", "when", "(UTC)"]
    assert first.split()[0] == "20260101000001"
    assert first.split()[1] == LONG[:29] + "..."
    assert first.split()[2] == "applied"
    assert second.split()[:3] == ["20260102000001", "short", "applied"]
    assert third.split() == ["20260103000001", "next", "pending"]


@pytest.mark.parametrize("columns", [200, 120, 100, 60, 40])
def test_status_fits_wide_and_narrow_terminals(shown: Shown, columns: int) -> None:
    rows = _plain(shown("status", columns))
    assert max(map(len, rows)) <= columns
    assert [row.split()[0] for row in rows[1:]] == ["20260101000001", "20260102000001", "20260103000001"]
    assert [state in row for row, state in zip(rows[1:], ("applied", "applied", "pending"), strict=True)] == [True] * 3
    assert (LONG in rows[1]) is (columns == 200)
    assert ("took" in rows[0]) is (columns >= 100)


def test_on_a_terminal_the_states_have_colours_and_stand_in_their_column(shown: Shown) -> None:
    lines = shown("status", 100).splitlines()
    rows = [line for line in lines if line.startswith("  2026")]
    assert [f"{GREEN}applied{PLAIN}" in row for row in rows] == [True, True, False]
    assert f"{YELLOW}pending{PLAIN}" in rows[2]
    head = next(line for line in lines if line.startswith("  version"))
    assert {row.index("\x1b") for row in rows} == {head.index("state")}


def test_no_color_is_honoured(shown: Shown) -> None:
    assert "\x1b" not in shown("status", 80, env={"NO_COLOR": "1"})


def test_columns_of_the_environment_are_honoured(shown: Shown) -> None:
    assert max(map(len, _plain(shown("status", 200, env={"COLUMNS": "60"})))) <= 60


def test_log_fits_its_terminal(shown: Shown) -> None:
    for columns in (100, 60, 40):
        rows = _plain(shown("log", columns))
        assert max(map(len, rows)) <= columns
        assert all("apply" in row and "success" in row for row in rows[1:])


def test_what_is_no_terminal_gets_everything_without_colours(sqlite_url: str, folder: Path, cli: Cli) -> None:
    for env in ({}, {"COLUMNS": "40"}):
        told = cli("status", "-d", sqlite_url, "--dir", folder, env=env).stdout
        first = next(line for line in told.splitlines() if LONG in line)
        assert "@" in first  # by whom
        assert "\x1b" not in told
        assert told.endswith("\n2 applied, 1 pending, 0 problems\n")
    assert LONG in cli("log", "-d", sqlite_url, "--dir", folder, env={"COLUMNS": "40"}).stdout


def test_json_tells_a_machine_all_of_it(
    sqlite_url: str, folder: Path, inside: Inside, probe: Callable[[str], Probe]
) -> None:
    (folder / "20260102000001_short.sql").write_text("CREATE TABLE b (id TEXT);\n")
    done = inside("status", "-d", sqlite_url, "--dir", folder, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (told["series"], told["database"], told["is_missing"]) == ("shop", sqlite_url, False)
    assert (told["applied"], told["pending"], told["held"], told["exit_code"]) == (1, 1, 0, 4)
    assert told["states"] == {"applied": 1, "changed": 1, "pending": 1}
    assert [(one["label"], one["name"], one["state"]) for one in told["standings"]] == [
        ("20260101000001", LONG, "applied"),
        ("20260102000001", "short", "changed"),
        ("20260103000001", "next", "pending"),
    ]
    applied_at = probe(sqlite_url).value("SELECT applied_at FROM schema_migrations WHERE version = 20260101000001")
    assert told["standings"][0]["applied_at"] == applied_at
    (problem,) = told["problems"]
    assert (problem["kind"], problem["path"]) == ("changed", str(folder / "20260102000001_short.sql"))
    assert inside("status", "-d", sqlite_url, "--dir", folder, "--json", "--check").returncode == 4


def test_the_machine_is_told_what_check_ends_with(sqlite_url: str, folder: Path, inside: Inside) -> None:
    place = ("-d", sqlite_url, "--dir", folder)
    assert json.loads(inside("status", *place, "--json").stdout)["exit_code"] == 6
    ensure_migrations(sqlite_url, folder, backup="never")
    assert json.loads(inside("status", *place, "--json").stdout)["exit_code"] == 0


ROWS = [("1", "a_long_name_of_a_table", "2026-01-01 00:00:00"), ("2", "b", "")]


def test_a_column_gives_way_only_as_far_as_it_must() -> None:
    head, first, second = fitted(("v", "name", "when"), ROWS, width=35, shrinks=(Shrink(1, 4),))
    assert [joined(head), joined(first), joined(second)] == [
        "v  name         when",
        "1  a_long_n...  2026-01-01 00:00:00",
        "2  b",
    ]


def test_a_column_without_a_least_width_goes_as_a_whole() -> None:
    head, first, _ = fitted(("v", "name", "when"), ROWS, width=26, shrinks=(Shrink(2),))
    assert [joined(head), joined(first)] == ["v  name", "1  a_long_name_of_a_table"]


def test_what_may_not_give_way_never_does() -> None:
    assert joined(fitted(("v", "name", "when"), ROWS, width=5)[1]) == "1  a_long_name_of_a_table  2026-01-01 00:00:00"


def test_numbers_stand_right_aligned() -> None:
    assert [joined(row) for row in fitted(("rows", "t"), [("7", "a")], numbers=(0,))] == ["rows  t", "   7  a"]


def test_what_is_half_done_or_was_never_run_is_not_counted_as_pending_or_applied(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(TABLES | BATCH | {"0003_next.sql": "CREATE TABLE c (id INTEGER);\n"})
    probe(sqlite_url).execute(TABLES["0001_tables.sql"])
    baseline_migrations(sqlite_url, folder, 1)
    with pytest.raises(StepError):
        ensure_migrations(sqlite_url, folder, to=2, backup="never")
    *_, last = status_lines(status(sqlite_url, folder))
    assert last == "0 applied, 1 baseline, 1 half done, 1 pending, 0 problems"
