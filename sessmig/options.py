"""What every command has: its options, the database that they name, and how it prints.

Knows words of the command line; knows no command.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sessmig.config import TABLE, Settings, check_keep, check_table, check_when, find_settings, read_address
from sessmig.databases import connect
from sessmig.ended import Ended
from sessmig.errors import SessmigError, UsageError
from sessmig.escapes import json_text, visible
from sessmig.hints import pasted, pasted_ways, remember
from sessmig.idle import Look
from sessmig.job import BackupWish, Job, Throttle
from sessmig.naming import INTERRUPTED as INTERRUPTED
from sessmig.report import SIGNS, as_json
from sessmig.streams import say

LOCK_WAIT = click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    default=60.0,
    metavar="S",
    show_default=True,
    help="Seconds to wait for another process, with all of its steps.",
)
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
                ("--history-in", rest.get("history_in"), "PGPASSWORD or ~/.pgpass"),
            ):
                if url and read_address(url).secrets:
                    say(f"warning: a password in {option} can be seen in the process list; use {way}", err=True)
            remember(given)
            return command(settings, **rest)
        except KeyboardInterrupt as ended:
            said = {
                "migrate": "the step that was next was not begun; run again to go on",
                "rehearse": "the database is as it was",
                "restore": "the database is as it was",
                "rollback": "no step was being rolled back; sessmig status tells what stands",
            }
            # What a rehearsal leaves half done is gone with its copy, or with its transaction.
            notes = () if command.__name__ == "rehearse" else getattr(ended, "__notes__", ())
            told = "; ".join(notes) or said.get(command.__name__, "")
            say(f"interrupted: {told}" if told and not rest.get("dry_run") else "interrupted", err=True)
            return ended.exit_code if isinstance(ended, Ended) else INTERRUPTED
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


def throttled(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of whatever runs in batches, and hand them over as one `Throttle`."""

    @functools.wraps(command)
    def wrapped(settings: Settings, max_lag: float | None, throttle_query: str | None, **rest: Any) -> Any:
        return command(settings, throttle=Throttle(max_lag, throttle_query), **rest)

    for option in (
        click.option(
            "--max-lag",
            type=click.FloatRange(min=0),
            metavar="S",
            help="PostgreSQL: batches pause while a replica is further behind.",
        ),
        click.option("--throttle-query", metavar="SQL", help="Batches pause while this gives more than 0."),
    ):
        wrapped = option(wrapped)
    return wrapped


def backing_up(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of whatever makes or finds backups, and hand them over as one `BackupWish`."""

    @functools.wraps(command)
    def wrapped(settings: Settings, backup_dir: str | None, keep: int | None, pg_bin: str | None, **rest: Any) -> Any:
        asked = rest.pop("backup", None)
        when = settings.backup or "auto" if asked is None else "always" if asked else "never"
        folder = settings.backup_dir if backup_dir is None else backup_dir
        number = settings.keep if keep is None else keep
        programs = settings.pg_bin if pg_bin is None else pg_bin
        return command(settings, backup=BackupWish(check_when(when), folder, check_keep(number), programs), **rest)

    for option in (
        click.option("--backup-dir", metavar="DIR", help="Where backups stand. [SESSMIG_BACKUP_DIR]"),
        click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Remove all but the newest N backups."),
        click.option("--pg-bin", metavar="DIR", help="The folder of pg_dump and pg_restore; else found on PATH."),
    ):
        wrapped = option(wrapped)
    return wrapped


def _folder() -> Path:
    """Return the working directory, by the shortest name: what is found in it is shown as people write it."""
    try:
        Path.cwd()
        return Path()
    except FileNotFoundError:
        raise UsageError("the working directory is gone", remedy="Change to one that is there.") from None


@contextmanager
def opened_job(settings: Settings, *, create: bool = False, **options: Any) -> Iterator[Job]:
    if settings.database is None:
        raise UsageError(
            "no database is given",
            remedy="Give --database URL, or set DATABASE_URL (in the environment or .env), or write database = ... "
            "into sessmig.toml here, or [tool.sessmig] of pyproject.toml.",
        )
    table = check_table(TABLE if settings.table is None else settings.table)
    first = click.get_current_context().find_object(Look) or Look()
    with connect(settings.database, create=create, first=first.place) as database:
        yield Job(database, Path(settings.dir or "sql"), settings.series, table, **options)


def print_json(value: Any) -> None:
    say(json_text(value))


def print_lines(lines: Iterable[str], *, painted: bool = False) -> None:
    """Print a report; on a terminal what held, warns or failed is seen by its colour too.

    Args:
        lines: the report.
        painted: it has colours already, and nothing else that a terminal would take for its own.
    """
    coloured = is_coloured()
    for line in map(pasted_ways, lines):
        line = line if painted else visible(line)
        sign = _SIGN.match(line) if coloured else None
        say(sign[1] + click.style(sign[2], fg=_COLOURS[sign[2]]) + line[sign.end() :] if sign else line, raw=True)


def terminal_width() -> int | None:
    """Return how wide the terminal is; None where the output goes elsewhere, and is not cut."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def is_coloured() -> bool:
    """Tell whether the output may have colours."""
    return sys.stdout.isatty() and not _is_plain()


def _is_plain() -> bool:
    """Tell whether whoever looks wants no colours, or has none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def tell(what: str, *parts: str) -> None:
    """Say on standard error what went wrong, then what there is to add to it."""
    what = visible(pasted_ways(what))
    say(what if _is_plain() else click.style(what, fg="red"), err=True, raw=True)
    for part in filter(None, parts):
        say(pasted(part), err=True)


def error_json(error: SessmigError) -> dict[str, Any]:
    """Return an error as JSON knows it."""
    return {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "what": pasted_ways(error.what),
        "holds": pasted(error.holds),
        "remedy": pasted(error.remedy),
    }
