"""The commands for a database that is already there: `baseline`, and `adopt` for another tool's history.

Decides nothing about migrations.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.databases import connect
from sessmig.errors import UsageError
from sessmig.matching import By
from sessmig.options import LOCK_WAIT, everywhere, opened_job, print_json, print_lines, terminal_width
from sessmig.recorded import BaselineReport
from sessmig.streams import flush_streams, say

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Ask and show everything, without the lock; record nothing.")
_IGNORE_CHECKS = click.option("--ignore-checks", is_flag=True, help="Record them though checks do not hold.")


@click.command()
@click.argument("version", type=click.IntRange(min=0), metavar="V")
@_DRY_RUN
@_IGNORE_CHECKS
@LOCK_WAIT
@everywhere
def baseline(
    settings: Settings, version: int, dry_run: bool, ignore_checks: bool, lock_wait: float, as_json_: bool
) -> int:
    """Record all up to V as done; none of it is run.

    For a database that holds it already. The checks of what is recorded are asked; where one does not hold, or
    something above V is applied, nothing is recorded.
    """
    from sessmig.baseline import baseline as record

    with opened_job(settings, dry_run=dry_run, lock_wait=check_lock_wait(lock_wait)) as job:
        report = record(job, version, ignore_checks=ignore_checks)
    _show(report, as_json=as_json_)
    return 0


@click.command()
@click.option("--history", metavar="TABLE", help="The other tool's table, if it has a name of its own.")
@click.option("--history-in", metavar="URL", help="The database in which it stands, if that is another one.")
@click.option("--project", metavar="NAME", help="sqitch's project, or the migration set, where several share a table.")
@click.option(
    "--by",
    type=click.Choice(["auto", "version", "name"]),
    default="auto",
    show_default=True,
    help="What says that a file is the same: both, or one alone.",
)
@click.option("--allow-missing", is_flag=True, help="Go on though something that was applied has no file here.")
@_IGNORE_CHECKS
@_DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@LOCK_WAIT
@everywhere
def adopt(
    settings: Settings,
    history: str | None,
    history_in: str | None,
    project: str | None,
    by: By,
    allow_missing: bool,
    ignore_checks: bool,
    dry_run: bool,
    yes: bool,
    lock_wait: float,
    as_json_: bool,
) -> int:
    """Record as done what another tool has applied.

    Reads the history of dbmate, golang-migrate, goose, Flyway, yoyo, sqlx, Prisma, refinery, sqitch, sqlite-utils,
    Rails or Ecto, matches it with the files here, and shows what it would record before it asks. The other tool's
    table stays as it is.
    """
    from sessmig.adopt import adopt as take_over

    agreed: list[BaselineReport] = []

    def agree(report: BaselineReport) -> None:
        if not as_json_:
            print_lines(_lines(report))
            flush_streams()
        _confirm(report)
        agreed.append(report)

    place = nullcontext() if history_in is None else connect(history_in, create=False)
    with opened_job(settings, dry_run=dry_run, lock_wait=check_lock_wait(lock_wait)) as job, place as there:
        report = take_over(
            job,
            history=history,
            history_in=there,
            project=project,
            by=by,
            allow_missing=allow_missing,
            ignore_checks=ignore_checks,
            agree=None if yes else agree,
        )
    _show(report, as_json=as_json_, in_short=bool(agreed))
    return 0


def _show(report: BaselineReport, *, as_json: bool, in_short: bool = False) -> None:
    from sessmig.baseline_report import baseline_json, summary

    if as_json:
        print_json(baseline_json(report))
    else:
        print_lines([summary(report)] if in_short else _lines(report))


def _lines(report: BaselineReport) -> list[str]:
    from sessmig.baseline_report import baseline_lines

    return list(baseline_lines(report, width=terminal_width()))


def _confirm(report: BaselineReport) -> None:
    """Have it typed that these migrations stand."""
    untouched = "Nothing was recorded."
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to say yes", holds=untouched, remedy="Look at --dry-run, then give --yes.")
    number = len(report.recorded)
    typed = click.prompt(f"Type {number} to record them as done", default="", show_default=False, err=True)
    if typed.strip() != str(number):
        raise UsageError(f"{typed!r} is not {number}", holds=untouched)
    say(err=True)
