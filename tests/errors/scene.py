"""Plays a case of the errors' reference: files, commands and calls, the last of which ends in an error.

Knows how an error is brought about and printed; knows no case.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import click
import psycopg
import pytest

from sessmig.errors import SessmigError
from sessmig.group import cli
from sessmig.options import tell

FIRST = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO people VALUES (1, 'Ada'), (2, NULL);\n"
"""What most cases begin with, as `0001_people.sql`."""

_STEERING = ("SESSMIG_", "PG", "DATABASE_URL", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS")
_STEADY = (
    (re.compile(r"\A(?:  .*\n)+"), ""),  # what was told before it went wrong
    (re.compile(r"sessmig_test_[0-9a-f]{16}"), "shop"),
    (re.compile(r"postgresql://[^\s/]*/[\w$.-]+"), "postgresql://db.example/shop"),
    (re.compile(r"\.(backup|before_restore)_\d{8}_\d{6}(_\d+)?"), r".\1_20261122_214051"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?"), "2026-11-22 21:40:51"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "9f2c...e1"),
    (re.compile(r"\bchecksum [0-9a-f]{12} then, [0-9a-f]{12} now"), "checksum 3ad1c0b6f2e8 then, 77c5e9d1a40b now"),
    (re.compile(r"\bpid \d+"), "pid 4711"),
    (re.compile(r"\bport \d+"), "port 5432"),
    (re.compile(r"(server of version|programs of PostgreSQL) \d+"), r"\1 18"),
    (re.compile(r"\b\d+(\.\d+)? ms\b"), "5 ms"),
    (re.compile(r"open for [^,\n]+"), "open for 12 min 4 s"),
    (re.compile(r"\bin \d+ (try|tries) within"), "in 8 tries within"),
)


class Place:
    """A folder of its own with the series `shop`, and one database, empty at first.

    Args:
        folder: where the commands run.
        url: the database; `app.db` in that folder, if empty.
    """

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.url = url or "app.db"

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files; those whose name has no folder belong to the series."""
        for name, content in files.items():
            path = self.folder / (name if "/" in name else f"shop/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def sql(self, text: str) -> None:
        """Do something to the database behind sessmig's back."""
        if "://" in self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(text)
            return
        with closing(sqlite3.connect(self.folder / self.url)) as database:
            database.executescript(text)


Call = Callable[[Place], object]
Step = Mapping[str, str | bytes] | str | list[str] | Call
"""Files to write, a command to run (`migrate --to 1`), or a call."""


@dataclass(frozen=True, slots=True)
class Case:
    """An error of the reference, and how it is brought about.

    Args:
        title: its heading.
        steps: what is done; the last one ends in the error.
        note: what its own words do not say.
        postgres: on PostgreSQL; else on SQLite.
    """

    title: str
    steps: tuple[Step, ...]
    note: str = ""
    postgres: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What the last step of a case said."""

    kind: str
    exit_code: int
    text: str


def play(case: Case, place: Place) -> Told:
    """Play a case to its end; all but its last step go well, or end in an error that belongs to the story."""
    with pytest.MonkeyPatch.context() as here:
        here.chdir(place.folder)
        for name in [name for name in os.environ if name.startswith(_STEERING)]:
            here.delenv(name)
        here.setenv("SESSMIG_DATABASE", place.url)
        here.setenv("SESSMIG_DIR", "shop")
        told = None
        for step in case.steps:
            told = _take(step, place)
    assert told is not None, f"{case.title}: the last step ended well"
    return Told(told.kind, told.exit_code, steady(told.text, place))


def _take(step: Step, place: Place) -> Told | None:
    if isinstance(step, Mapping):
        place.write(step)
        return None
    if isinstance(step, (str, list)):
        return command(step.split() if isinstance(step, str) else step)
    try:
        answer = step(place)
    except SessmigError as error:
        return Told(type(error).__name__, error.exit_code, str(error))
    return answer if isinstance(answer, Told) else None


def command(arguments: list[str]) -> Told | None:
    """Run a command as `sessmig` does, and return the error that it ends in."""
    told = StringIO()
    with redirect_stdout(StringIO()), redirect_stderr(told):
        try:
            cli.main(arguments, prog_name="sessmig", standalone_mode=False)
        except SessmigError as error:
            tell(error.what, error.holds, error.remedy)
            return Told(type(error).__name__, error.exit_code, told.getvalue())
        except click.ClickException as error:
            error.show()
            return Told("UsageError", error.exit_code, told.getvalue())
    return None


def steady(text: str, place: Place) -> str:
    """Leave out what differs from run to run."""
    text = text.replace(f"//{socket.gethostname()}{place.folder}", "//here/srv/app")
    text = text.replace(f"{place.folder}/", "").replace(str(place.folder), "/srv/app")
    for pattern, word in _STEADY:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
