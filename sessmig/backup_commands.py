"""The commands of backups: `backup` makes one, `restore` goes back to one.

Decides nothing about backups.
"""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.errors import UsageError
from sessmig.job import BackupWish, Job
from sessmig.options import LOCK_WAIT, backing_up, everywhere, opened_job, print_json, print_lines
from sessmig.progress import Progress
from sessmig.report import backup_line
from sessmig.streams import say


@click.command()
@click.option("--gzip", "packed", is_flag=True, help="Compress it.")
@LOCK_WAIT
@everywhere
@backing_up
def backup(settings: Settings, packed: bool, lock_wait: float, backup: BackupWish, as_json_: bool) -> int:
    """Make a backup, while others write."""
    from sessmig.backup import back_up

    with opened_job(settings, backup=backup, lock_wait=check_lock_wait(lock_wait)) as job:
        made, removed, unlogged = back_up(job, packed=packed)
    if as_json_:
        print_json({"backup": asdict(made), "removed": removed})
    else:
        print_lines([backup_line(made), *(f"removed {path}" for path in removed)])
    if unlogged:
        say(f"warning: the backup is good, but could not be written to the log: {unlogged}", err=True)
    return 0


@click.command()
@click.argument("file", required=False)
@click.option("--force", is_flag=True, help="Take a file of unknown hash; go on though others have the database open.")
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
    lock_wait: float,
    backup: BackupWish,
    as_json_: bool,
) -> int:
    """Go back to the newest backup, or to the one in FILE."""
    from sessmig.backup_choice import choose
    from sessmig.restore import restore as go_back
    from sessmig.restore import restored_lines

    progress = Progress(sys.stderr, silent=as_json_)
    wait = check_lock_wait(lock_wait)
    with opened_job(settings, create=True, backup=backup, lock_wait=wait, on_event=progress.show) as job:
        choice = choose(job, file, force=force)
        if not yes:
            _confirm(job, choice.path)
        done = go_back(job, choice, force=force)
    if as_json_:
        print_json({"restored": asdict(done)})
    else:
        print_lines(restored_lines(done))
    return 0


def _confirm(job: Job, path: str) -> None:
    """Have the database's name typed, where its old state is gone for good."""
    name = job.database.saving(job.backup.programs).to_confirm
    if not name:
        return
    untouched = "Nothing was touched."
    if not sys.stdin.isatty():
        raise UsageError(
            f"{job.database.label}: to restore {path} replaces what it holds", holds=untouched, remedy="Give --yes."
        )
    say(f"This replaces what {job.database.label} holds by {path}.", err=True)
    typed = click.prompt("The database's name, to go on", default="", show_default=False, err=True)
    if typed != name:
        raise UsageError(f"{typed!r} is not the database's name", holds=untouched)
