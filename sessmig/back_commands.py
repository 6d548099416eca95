"""The commands of the way back: `rollback`, and the `log` that tells what was done and undone.

Decides nothing about migrations.
"""

from __future__ import annotations

import sys

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.errors import SessmigError
from sessmig.options import LOCK_WAIT, everywhere, opened_job, print_json, print_lines
from sessmig.progress import Progress
from sessmig.report import as_json, summary, text_lines
from sessmig.streams import say


@click.command()
@click.option(
    "--to", type=click.IntRange(min=0), metavar="V", help="Roll back all above this version; 0: all there is."
)
@click.option("--dry-run", is_flag=True, help="Roll back, with its locks, show it, and undo that.")
@LOCK_WAIT
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@everywhere
def rollback(settings: Settings, to: int | None, dry_run: bool, lock_wait: float, quiet: bool, as_json_: bool) -> int:
    """Undo the newest migration, or all above --to V; each is checked and committed by itself."""
    from sessmig.rollback import roll_back

    progress = Progress(sys.stderr, silent=as_json_ or quiet)
    wait = check_lock_wait(lock_wait)
    with opened_job(settings, dry_run=dry_run, lock_wait=wait, on_event=progress.show) as job:
        try:
            report = roll_back(job, to)
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
        print_lines(log_lines(found))
    return 0
