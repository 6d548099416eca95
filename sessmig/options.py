"""What every command has: its options, the database that they name, and how it prints.

Knows words of the command line; knows no command.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sessmig.config import TABLE, Settings, check_table, find_settings, read_address
from sessmig.databases import connect
from sessmig.errors import SessmigError, UsageError
from sessmig.job import Job
from sessmig.report import SIGNS, as_json
from sessmig.streams import say

INTERRUPTED = 130
_COLOURS = {SIGNS["passed"]: "green", SIGNS["warned"]: "yellow", SIGNS["failed"]: "red"}
_SIGN = re.compile(rf"(    )({'|'.join(_COLOURS)})(?=  | +)")


def everywhere(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command has, and hand them over as one `Place`."""

    @functools.wraps(command)
    def wrapped(
        database: str | None, db: str | None, directory: str | None, series: str | None, table: str | None, **rest: Any
    ) -> Any:
        given = {"database": db if database is None else database, "dir": directory, "series": series, "table": table}
        try:
            if database is not None and db is not None:
                raise UsageError("both --database and --db are given", remedy="Give one of them.")
            settings = find_settings(given, _folder())
            for option, url, way in (
                ("--database", database, "DATABASE_URL or PGPASSWORD"),
                ("--on", rest.get("on"), "PGPASSWORD or ~/.pgpass"),
            ):
                if url and read_address(url).secrets:
                    say(f"warning: a password in {option} can be seen in the process list; use {way}", err=True)
            return command(settings, **rest)
        except KeyboardInterrupt:
            going = command.__name__ == "migrate" and not rest["dry_run"]
            say(f"interrupted{': the step that ran was rolled back; run again to go on' if going else ''}", err=True)
            return INTERRUPTED
        except SessmigError as error:
            if rest["as_json_"]:
                print_json({"error": error_json(error), **(as_json(error.report) if error.report else {})})
            raise

    for option in (
        click.option("--database", "-d", metavar="URL", help="Database URL or path. [SESSMIG_DATABASE, DATABASE_URL]"),
        click.option("--db", metavar="PATH", help="A SQLite file."),
        click.option("--dir", "directory", metavar="DIR", help="The series folder. [SESSMIG_DIR; sql]"),
        click.option("--series", metavar="NAME", help="The series' name; the folder's, if not given."),
        click.option("--table", metavar="NAME", help=f"The ledger's name. [{TABLE}]"),
        click.option("--json", "as_json_", is_flag=True, help="Print JSON."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working directory is gone", remedy="Change to one that is there.") from None


@contextmanager
def opened_job(settings: Settings, *, create: bool = False, **options: Any) -> Iterator[Job]:
    if settings.database is None:
        raise UsageError(
            "no database is given",
            remedy="Give --database URL, or set DATABASE_URL (in the environment, .env or [tool.sessmig]).",
        )
    table = check_table(TABLE if settings.table is None else settings.table)
    with connect(settings.database, create=create) as database:
        yield Job(database, Path(settings.dir or "sql"), settings.series, table, **options)


def print_json(value: Any) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2))


def print_lines(lines: Iterable[str]) -> None:
    """Print a report; on a terminal what held, warns or failed is seen by its colour too."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        sign = _SIGN.match(line) if coloured else None
        say(sign[1] + click.style(sign[2], fg=_COLOURS[sign[2]]) + line[sign.end() :] if sign else line)


def tell(what: str, *parts: str) -> None:
    """Say on standard error what went wrong, then what there is to add to it."""
    say(what if os.environ.get("NO_COLOR") else click.style(what, fg="red"), err=True)
    for part in filter(None, parts):
        say(part, err=True)


def error_json(error: SessmigError) -> dict[str, Any]:
    """Return an error as JSON knows it."""
    return {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "what": error.what,
        "holds": error.holds,
        "remedy": error.remedy,
    }
