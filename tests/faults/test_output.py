"""What a terminal, a log reader or a browser would take for its own is shown as an escape, wherever it came from."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from tests.faults.hostile import held, run, write
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

NASTY = "\x1b[2J\x1b]0;title\x07\x9b31m\u202etxt\x7f"
SEEN = r"\x1b[2J\x1b]0;title\x07\x9b31m\u202etxt\x7f"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(sqlite_url: str, probe: Probes, tmp_path: Path) -> tuple[str, Path]:
    """A database in which names, values, ledger and log speak to the terminal."""
    series = write(
        tmp_path / "shop",
        {
            "0001_people.sql": f"-- people {NASTY}\nCREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n"
            f"INSERT INTO people VALUES (1, '{NASTY}');\n",
            "0001_people.verify.sql": f"-- warn: odd {NASTY}\nSELECT name FROM people;\n"
            f"-- measure: name\nSELECT name FROM people;\n",
            "0001_people.rollback.sql": "-- sessmig: may-lose people\nDROP TABLE people;\n",
        },
    )
    held(run("migrate", "--no-backup", "--dir", series, env={"DATABASE_URL": sqlite_url}), 0)
    nasty = f"'{NASTY}'"
    probe(sqlite_url).execute(
        f"UPDATE schema_migrations SET applied_by = {nasty}, description = {nasty};"
        f"UPDATE schema_migrations_log SET done_by = {nasty}, sessmig_version = {nasty}, migration_id = {nasty}"
    )
    return sqlite_url, series


COMMANDS = (
    "status", "status --json", "plan", "plan --all", "plan --json", "verify", "verify --json", "log", "log --json",
    "log --version 1", "report", "report --json", "report --format html", "report --format markdown", "rehearse",
    "rehearse --json", "rollback --dry-run", "rollback --dry-run --json", "rollback", "migrate", "migrate --json",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_sends_a_control_character(command: str, shop: tuple[str, Path]) -> None:
    url, series = shop
    write(series, {"0002_more.sql": f"-- {NASTY}\nCREATE TABLE more (x TEXT DEFAULT '{NASTY}');\n"})
    write(series, {"0002_more.rollback.sql": "DROP TABLE more;\n"})
    ended = held(run(*command.split(), "--dir", series, env={"DATABASE_URL": url, "SESSMIG_BACKUP": "never"}), 0)
    if "json" in command:
        json.loads(ended.out)


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_an_error_that_quotes_a_file_or_row_sends_none_either(
    json_: tuple[str, ...], shop: tuple[str, Path], probe: Probes
) -> None:
    url, series = shop
    env = {"DATABASE_URL": url, "SESSMIG_BACKUP": "never"}
    more = {"0002_more.sql": "SELECT 1;\n", "0002_more.verify.sql": "-- check: none\nSELECT name FROM people;\n"}
    write(series, more)
    ended = held(run("migrate", *json_, "--dir", series, env=env), 3)
    assert json.loads(ended.out)["error"]["exit_code"] == 3 if json_ else SEEN in ended.err
    write(series, {"0002_more.sql": f"SELECT nowhere_{NASTY};\n"})
    held(run("migrate", *json_, "--dir", series, env=env), 1)
    write(series, {"0001_people.sql": f"SELECT '{NASTY}';\n"})
    held(run("migrate", *json_, "--dir", series, env=env), 4)
    probe(url).execute(f"UPDATE schema_migrations SET migration_id = '{NASTY}'")
    held(run("status", *json_, "--dir", series, env=env), 0)


def test_lint_shows_them_in_every_format(tmp_path: Path) -> None:
    series = write(tmp_path / "shop", {"0001_a.sql": f"DELETE FROM people; -- {NASTY}\n"})
    for form in ("text", "json", "github", "sarif"):
        ended = held(run("lint", "--no-squawk", "--dialect", "sqlite", "--format", form, series), 1)
        if form in ("json", "sarif"):
            json.loads(ended.out)


@pytest.mark.parametrize("command", ["status", "plan", "migrate", "log", "plan --format sql"])
def test_on_a_terminal_only_colours_of_ours_are_sent(command: str, shop: tuple[str, Path]) -> None:
    url, series = shop
    write(series, {"0002_more.sql": f"-- {NASTY}\nCREATE TABLE more (x TEXT DEFAULT '{NASTY}');\n"})
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": url, "TERM": "xterm", "COLUMNS": "200",
           "SESSMIG_BACKUP": "never", "PYTHONUTF8": "1"}  # fmt: skip
    arguments = [sys.executable, "-m", "sessmig", *command.split(), "--dir", str(series)]
    with subprocess.Popen(arguments, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # nobody has the other end
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b]" not in said
    assert b"\x07" not in said
    assert "\x9b" not in said.decode()
    assert "\u202e" not in said.decode()
    assert b"\x1b[2J" not in said


def test_the_logger_of_an_application_gets_none(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    series = write(
        tmp_path / "shop",
        {
            "0001_a.sql": f"-- {NASTY}\nCREATE TABLE a (x TEXT);\nINSERT INTO a VALUES ('{NASTY}');\n",
            "0001_a.verify.sql": f"-- warn: odd {NASTY}\nSELECT x FROM a;\n",
        },
    )
    with caplog.at_level(logging.DEBUG, "sessmig"):
        ensure_migrations(sqlite_url, series)
    said = [record.getMessage() for record in caplog.records if record.name == "sessmig"]
    assert any("odd" in message for message in said)
    assert all(message.replace("\n", "").isprintable() for message in said)


def test_a_script_for_another_program_is_byte_for_byte_what_stands_in_the_file(shop: tuple[str, Path]) -> None:
    url, series = shop
    write(series, {"0002_more.sql": f"INSERT INTO people VALUES (2, '{NASTY}');\n"})
    ended = run("plan", "--format", "sql", "--dir", series, env={"DATABASE_URL": url})
    assert f"INSERT INTO people VALUES (2, '{NASTY}');" in ended.out
