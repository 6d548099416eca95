"""The command line: reads options, calls the same functions as the API, prints what they return.

Knows words and exit codes; decides nothing about migrations.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sessmig import __version__
from sessmig.config import TABLE, Settings, check_lock_wait, check_table, find_settings, read_address
from sessmig.databases import connect
from sessmig.errors import CheckError, PendingError, PlanError, SessmigError, UsageError
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.progress import Progress
from sessmig.report import SIGNS, as_json, status_lines, summary, text_lines
from sessmig.streams import flush_streams, open_streams, say, unwritten

INTERRUPTED = 130
_COLOURS = {SIGNS["passed"]: "green", SIGNS["warned"]: "yellow", SIGNS["failed"]: "red"}
_SIGN = re.compile(rf"(    )({'|'.join(_COLOURS)})(?=  | +)")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; no traceback reaches the user."""
    unwritten.clear()
    open_streams()
    code = _main(arguments)
    if unwritten and code == 0:
        say(f"the report could not be written ({unwritten[0]}); the run itself succeeded", err=True)
        code = 1
    flush_streams()
    return code


def _main(arguments: list[str] | None) -> int:
    try:
        return int(cli.main(arguments, prog_name="sessmig", standalone_mode=False) or 0)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted", err=True)
        return INTERRUPTED
    except SessmigError as error:
        _tell(error)
        return error.exit_code
    except Exception as error:
        if "SESSMIG_TRACEBACK" in os.environ:
            raise
        say(f"sessmig: an error of its own: {type(error).__name__}: {error}", err=True)
        say("Please report it, with what SESSMIG_TRACEBACK=1 shows.", err=True)
        return 1


def _tell(error: SessmigError) -> None:
    say(error.what if os.environ.get("NO_COLOR") else click.style(error.what, fg="red"), err=True)
    for part in (error.holds, error.remedy):
        if part:
            say(part, err=True)


def _everywhere(command: Callable[..., Any]) -> Callable[..., Any]:
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
            if database and read_address(database).secrets:
                seen = "a password in --database can be seen in the process list"
                say(f"warning: {seen}; use DATABASE_URL or PGPASSWORD", err=True)
            return command(settings, **rest)
        except KeyboardInterrupt:
            going = command.__name__ == "migrate" and not rest["dry_run"]
            say(f"interrupted{': the step that ran was rolled back; run again to go on' if going else ''}", err=True)
            return INTERRUPTED
        except SessmigError as error:
            if rest["as_json_"]:
                _print_json({"error": error_json(error), **(as_json(error.report) if error.report else {})})
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
def _job(settings: Settings, *, create: bool = False, **options: Any) -> Iterator[Job]:
    if settings.database is None:
        raise UsageError(
            "no database is given",
            remedy="Give --database URL, or set DATABASE_URL (in the environment, .env or [tool.sessmig]).",
        )
    table = check_table(TABLE if settings.table is None else settings.table)
    with connect(settings.database, create=create) as database:
        yield Job(database, Path(settings.dir or "sql"), settings.series, table, **options)


def _print_json(value: Any) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2))


def _print_lines(lines: Iterable[str]) -> None:
    """Print a report; on a terminal what held, warns or failed is seen by its colour too."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for line in lines:
        sign = _SIGN.match(line) if coloured else None
        say(sign[1] + click.style(sign[2], fg=_COLOURS[sign[2]]) + line[sign.end() :] if sign else line)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Run plain-SQL migrations, and prove that no row was lost."""


@cli.command()
@click.option("--to", type=int, metavar="V", help="Go up to this version.")
@click.option("--only", type=int, metavar="V", help="Run this one migration.")
@click.option("--dry-run", is_flag=True, help="Run everything, with its locks, show it, and roll it back.")
@click.option("--single-transaction", is_flag=True, help="Make the whole run one commit.")
@click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    default=60.0,
    metavar="S",
    show_default=True,
    help="Seconds to wait for another process.",
)
@click.option("--allow-late", is_flag=True, help="Run migrations numbered below applied ones.")
@click.option(
    "--ahead",
    type=click.Choice(["error", "ok"]),
    default="error",
    show_default=True,
    help="What to do when the database is ahead of these files.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@_everywhere
def migrate(
    settings: Settings,
    to: int | None,
    only: int | None,
    dry_run: bool,
    single_transaction: bool,
    lock_wait: float,
    allow_late: bool,
    ahead: str,
    quiet: bool,
    as_json_: bool,
) -> int:
    """Apply what is pending, each step checked and committed by itself."""
    from sessmig.run import migrate as run

    if to is not None and only is not None:
        raise UsageError("both --to and --only are given", remedy="Give one of them.")
    wish = Wish(to, only, allow_late, ahead)  # type: ignore[arg-type]
    progress = Progress(sys.stderr, silent=as_json_ or quiet)
    with _job(
        settings,
        create=not dry_run,
        wish=wish,
        dry_run=dry_run,
        lock_wait=check_lock_wait(lock_wait),
        single_transaction=single_transaction,
        on_event=progress.show,
    ) as job:
        try:
            report = run(job)
        except SessmigError as error:
            if error.report and not (quiet or as_json_):
                done = [step for step in error.report.steps if step.outcome != "failed"]
                if done:
                    _print_lines(text_lines(error.report, rows_of={"warned"}))
                    say()
            raise
    if as_json_:
        _print_json(as_json(report))
    else:
        _print_lines([summary(report)] if quiet else text_lines(report, rows_of={"warned"}))
    return 0


def error_json(error: SessmigError) -> dict[str, Any]:
    """Return an error as JSON knows it."""
    return {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "what": error.what,
        "holds": error.holds,
        "remedy": error.remedy,
    }


@cli.command()
@click.option("--check", is_flag=True, help="Exit with 6 when something is pending, 4 when there is a problem.")
@_everywhere
def status(settings: Settings, check: bool, as_json_: bool) -> int:
    """Show where each migration stands. Writes nothing."""
    from sessmig.status import status as look

    with _job(settings) as job:
        found = look(job)
    if as_json_:
        _print_json(
            {
                **asdict(found),
                "problems": [{**asdict(p), "path": p.path and str(p.path)} for p in found.problems],
                "pending": found.pending,
            }
        )
    else:
        _print_lines(status_lines(found))
    if not check:
        return 0
    return PlanError.exit_code if found.problems else PendingError.exit_code if found.pending else 0


@cli.command()
@click.option("--quality", is_flag=True, help="Show the rows of warnings too.")
@_everywhere
def verify(settings: Settings, quality: bool, as_json_: bool) -> int:
    """Ask the checks of all applied migrations again. Writes nothing."""
    from sessmig.status import verify as ask

    with _job(settings) as job:
        report = ask(job)
    if as_json_:
        _print_json(as_json(report))
    else:
        _print_lines(text_lines(report, rows_of={"failed", "warned"} if quality else {"failed"}))
    failed = any(check.outcome == "failed" for step in report.steps for check in step.checks)
    return CheckError.exit_code if failed else 0


@cli.command()
@click.argument("version", type=int)
@_everywhere
def resign(settings: Settings, version: int, as_json_: bool) -> int:
    """Take the file of an applied migration as it is now."""
    from sessmig.resign import resign as sign

    with _job(settings) as job:
        migration, difference = sign(job, version)
    if as_json_:
        _print_json({"migration": migration.title, "checksum": migration.checksum, "difference": difference})
    else:
        say(f"{migration.title}: taken as it is now ({migration.checksum[:12]}), and logged; nothing of it was run")
        if difference:
            say(difference)
    return 0


@cli.command()
@click.argument("name")
@_everywhere
def new(settings: Settings, name: str, as_json_: bool) -> int:
    """Make the files of a new migration, numbered behind the last one."""
    from sessmig.new import new_migration

    paths = new_migration(Path(settings.dir or "sql"), name)
    if as_json_:
        _print_json({"files": [str(path) for path in paths]})
    else:
        _print_lines(map(str, paths))
    return 0
