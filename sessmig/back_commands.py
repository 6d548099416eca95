"""The commands of the way back: `rollback`, and the `log` that tells what was done and undone.

Decides nothing about migrations.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.errors import SessmigError, UsageError
from sessmig.job import Job
from sessmig.options import LOCK_WAIT, everywhere, opened_job, print_json, print_lines, terminal_width
from sessmig.progress import Progress
from sessmig.report import as_json, summary, text_lines
from sessmig.results import StepReport
from sessmig.row_words import loss_text
from sessmig.signals import heard
from sessmig.stop import Stop
from sessmig.streams import say


@click.command()
@click.option(
    "--to", type=click.IntRange(min=0), metavar="V", help="Roll back all above this version; 0: all there is."
)
@click.option("--dry-run", is_flag=True, help="Roll back, with its locks, show it, and undo that.")
@click.option("--allow-loss", is_flag=True, help="Take along rows that no may-lose names; it asks before.")
@click.option("--yes", is_flag=True, help="With --allow-loss: do not ask.")
@LOCK_WAIT
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@everywhere
def rollback(
    settings: Settings,
    to: int | None,
    dry_run: bool,
    allow_loss: bool,
    yes: bool,
    lock_wait: float,
    quiet: bool,
    as_json_: bool,
) -> int:
    """Undo the newest migration, or all above --to V. Each is checked and committed by itself."""
    from sessmig.rollback import roll_back

    if yes and not allow_loss:
        raise UsageError("--yes without --allow-loss", remedy="A rollback asks nothing, unless rows may be lost.")
    progress = Progress(sys.stderr, silent=as_json_ or quiet)
    wait, stop = check_lock_wait(lock_wait), Stop()
    with (
        heard(stop),
        opened_job(settings, dry_run=dry_run, lock_wait=wait, stop=stop, on_event=progress.show) as job,
    ):
        try:
            agree = None if yes else functools.partial(_confirm, job)
            report = roll_back(job, to, allow_loss=allow_loss, agree=agree)
        except SessmigError as error:
            done = error.report and any(step.outcome != "failed" for step in error.report.steps)
            if error.report and done and not (quiet or as_json_):
                print_lines(text_lines(error.report, rows_of={"warned"}))
                say()
            raise
    if as_json_:
        print_json(as_json(report))
    else:
        print_lines([summary(report)] if quiet else text_lines(report, rows_of={"warned"}))
    return 0


def _confirm(job: Job, losing: Sequence[StepReport]) -> None:
    """Have the database's name typed, before rows go that nothing brings back."""
    untouched = "Nothing was touched."
    lost = [f"    {step.title}: {loss_text(loss)}" for step in losing for loss in step.allowed]
    what = f"{job.database.label}: this rollback takes away what no may-lose names:"
    if not sys.stdin.isatty():
        raise UsageError("\n".join([what, *lost]), holds=untouched, remedy="Give --yes if that is meant.")
    for line in (what, *lost):
        say(line, err=True)
    name = job.database.saving(None).to_confirm or Path(job.database.label).name
    typed = click.prompt(f"The database's name ({name}), to go on", default="", show_default=False, err=True)
    if typed != name:
        raise UsageError(f"{typed!r} is not the database's name", holds=untouched)


@click.command()
@click.option("--version", type=int, metavar="V", help="Show all that is known of this migration's attempts.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="The newest N attempts."
)
@everywhere
def log(settings: Settings, version: int | None, limit: int, as_json_: bool) -> int:
    """Show what was attempted, the newest last. Writes nothing."""
    from sessmig.log import read_log
    from sessmig.log_report import log_json, log_lines

    with opened_job(settings) as job:
        found = read_log(job, version=version, limit=limit)
    if as_json_:
        print_json(log_json(found))
    else:
        print_lines(log_lines(found, width=terminal_width()))
    return 0
