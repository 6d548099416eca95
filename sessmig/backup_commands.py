"""The commands of backups: `backup` makes one, `restore` goes back to one.

Decides nothing about backups.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.errors import UsageError
from sessmig.job import BackupWish, Job
from sessmig.options import LOCK_WAIT, backing_up, everywhere, opened_job, print_json, print_lines
from sessmig.progress import Progress
from sessmig.report import backup_line
from sessmig.results import Backup
from sessmig.signals import heard
from sessmig.stop import Stop
from sessmig.streams import flush_streams, say

if TYPE_CHECKING:
    from sessmig.backup_choice import Choice
    from sessmig.databases.saving import Beside


@click.command()
@click.option("--gzip", "packed", is_flag=True, help="Compress it.")
@LOCK_WAIT
@everywhere
@backing_up
def backup(settings: Settings, packed: bool, lock_wait: float, backup: BackupWish, as_json_: bool) -> int:
    """Make a backup, while others write."""
    from sessmig.backup import back_up

    def told(made: Backup) -> None:
        if not as_json_:
            print_lines([backup_line(made)])
            flush_streams()

    wait = check_lock_wait(lock_wait)
    with heard(Stop()), opened_job(settings, backup=backup, lock_wait=wait) as job:
        made, removed, unlogged = back_up(job, packed=packed, on_made=told)
    if as_json_:
        print_json({"backup": asdict(made), "removed": removed})
    else:
        print_lines(f"removed {path}" for path in removed)
    if unlogged:
        say(f"warning: the backup is good, but could not be written to the log: {unlogged}", err=True)
    return 0


@click.command()
@click.argument("file", required=False)
@click.option(
    "--force",
    is_flag=True,
    help="Take a file of unknown hash, or of another database; go on though others have it open.",
)
@click.option("--dry-run", is_flag=True, help="Say which backup would be taken; touch nothing.")
@click.option("--yes", is_flag=True, help="PostgreSQL: do not ask.")
@click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    default=5.0,
    metavar="S",
    show_default=True,
    help="Seconds to wait for others.",
)
@everywhere
@backing_up
def restore(
    settings: Settings,
    file: str | None,
    force: bool,
    yes: bool,
    dry_run: bool,
    lock_wait: float,
    backup: BackupWish,
    as_json_: bool,
) -> int:
    """Go back to the newest backup, or to the one in FILE."""
    from sessmig.backup_choice import choose, chosen_lines
    from sessmig.restore import restore as go_back
    from sessmig.restore import restored_lines

    progress = Progress(sys.stderr, silent=as_json_)
    wait = check_lock_wait(lock_wait)
    with (
        heard(Stop()),
        opened_job(settings, create=True, backup=backup, lock_wait=wait, on_event=progress.show) as job,
    ):
        choice = choose(job, file, force=force)
        if dry_run:
            if as_json_:
                print_json({"would_restore": {**asdict(choice), "as_of": choice.as_of}})
            else:
                print_lines(chosen_lines(job.database.label, choice))
            return 0
        agree = None if yes else functools.partial(_confirm, job, choice)
        done = go_back(job, choice, force=force, agree=agree)
    if as_json_:
        print_json({"restored": asdict(done)})
    else:
        print_lines(restored_lines(done))
    return 0


def _confirm(job: Job, choice: Choice, gone: Sequence[Beside]) -> None:
    """Have the database's name typed, where its old state is gone for good."""
    name = job.database.saving(job.backup.programs).to_confirm
    if not name:
        return
    untouched = "Nothing was touched."
    if not sys.stdin.isatty():
        raise UsageError(
            f"{job.database.label}: to restore {choice.path} replaces what it holds",
            holds=untouched,
            remedy="Give --yes.",
        )
    say(f"This replaces what {job.database.label} holds by {choice.path}.", err=True)
    say(f"{choice.what_is_lost[0].upper()}{choice.what_is_lost[1:]}.", err=True)
    if gone:
        say(f"Not in it, and dropped: {', '.join(map(str, gone))}.", err=True)
    typed = click.prompt("The database's name, to go on", default="", show_default=False, err=True)
    if typed != name:
        raise UsageError(f"{typed!r} is not the database's name", holds=untouched)
