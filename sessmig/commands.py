"""The commands: each reads its options, calls the same function as the API, and prints what that returns.

Decides nothing about migrations.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import click

from sessmig.config import Settings, check_lock_wait
from sessmig.databases import connect
from sessmig.errors import CheckError, PendingError, PlanError, SessmigError, UsageError
from sessmig.job import BackupWish, Throttle
from sessmig.options import (
    LOCK_WAIT,
    backing_up,
    everywhere,
    is_coloured,
    opened_job,
    print_json,
    print_lines,
    tell,
    terminal_width,
    throttled,
)
from sessmig.plan import Wish
from sessmig.progress import Progress
from sessmig.report import as_json, summary, text_lines
from sessmig.results import State
from sessmig.signals import heard
from sessmig.stop import Stop
from sessmig.streams import say

TO = click.option("--to", type=int, metavar="V", help="Go up to this version.")
ONLY = click.option("--only", type=int, metavar="V", help="Run this one migration.")
ALLOW_LATE = click.option("--allow-late", is_flag=True, help="Run migrations numbered below applied ones.")
IGNORE_WAIT = click.option("--ignore-wait", is_flag=True, help="Run what a wait directive holds back too.")
AHEAD = click.option(
    "--ahead",
    type=click.Choice(["error", "ok"]),
    default="error",
    show_default=True,
    help="What to do when the database is ahead of these files.",
)

_STATES: dict[State, str] = {
    "applied": "green",
    "baseline": "green",
    "pending": "yellow",
    "rolled back": "yellow",
    "held": "cyan",
}
"""Everything else is a problem, or half done."""


@click.command()
@TO
@ONLY
@click.option(
    "--plan", "plan_file", metavar="FILE", help="Run what `plan --out FILE` has written down, and nothing else."
)
@click.option("--dry-run", is_flag=True, help="Run everything, with its locks, show it, and roll it back.")
@click.option("--single-transaction", is_flag=True, help="Make the whole run one commit.")
@LOCK_WAIT
@ALLOW_LATE
@AHEAD
@IGNORE_WAIT
@click.option("--backup/--no-backup", default=None, help="Begin with a backup; a SQLite file has one without asking.")
@click.option("--quiet", "-q", is_flag=True, help="Print the last line only.")
@everywhere
@backing_up
@throttled
def migrate(
    settings: Settings,
    to: int | None,
    only: int | None,
    plan_file: str | None,
    dry_run: bool,
    single_transaction: bool,
    lock_wait: float,
    allow_late: bool,
    ahead: str,
    ignore_wait: bool,
    backup: BackupWish,
    throttle: Throttle,
    quiet: bool,
    as_json_: bool,
) -> int:
    """Apply what is pending. Each step is checked and committed by itself."""
    from sessmig.run import migrate as run

    wish, signed = chosen(to, only, allow_late, ahead, ignore_wait), None
    if plan_file is not None:
        from sessmig.signed import read_signed

        if wish != Wish():
            raise UsageError(
                "--plan beside --to, --only, --allow-late, --ahead or --ignore-wait: what is to run is signed",
                remedy="Leave them out; or make a plan with them.",
            )
        signed = read_signed(plan_file)
        wish = signed.wish
    progress, stop = Progress(sys.stderr, silent=as_json_ or quiet), Stop()
    with (
        heard(stop),
        opened_job(
            settings,
            create=not dry_run,
            wish=wish,
            dry_run=dry_run,
            lock_wait=check_lock_wait(lock_wait),
            single_transaction=single_transaction,
            backup=backup,
            throttle=throttle,
            signed=signed,
            stop=stop,
            on_event=progress.show,
        ) as job,
    ):
        try:
            report = run(job)
        except SessmigError as error:
            if error.report and not (quiet or as_json_):
                done = [step for step in error.report.steps if step.outcome != "failed"]
                if done:
                    print_lines(text_lines(error.report, rows_of={"warned"}))
                    say()
            raise
    if as_json_:
        print_json(as_json(report))
    else:
        print_lines([summary(report)] if quiet else text_lines(report, rows_of={"warned"}))
    return 0


def chosen(to: int | None, only: int | None, allow_late: bool, ahead: str, ignore_wait: bool) -> Wish:
    """Return which migrations the options ask for.

    Raises:
        UsageError: they contradict each other.
    """
    if to is not None and only is not None:
        raise UsageError("both --to and --only are given", remedy="Give one of them.")
    return Wish(to, only, allow_late, ahead, ignore_wait)  # type: ignore[arg-type]


@click.command()
@click.option("--check", is_flag=True, help="Exit with 6 when something is pending, 4 when there is a problem.")
@AHEAD
@everywhere
def status(settings: Settings, check: bool, ahead: Literal["error", "ok"], as_json_: bool) -> int:
    """Show where each migration stands. Writes nothing."""
    from sessmig.status import status as look
    from sessmig.status_report import status_json, status_lines

    with opened_job(settings, wish=Wish(ahead=ahead)) as job:
        found = look(job)
    code = PlanError.exit_code if found.problems else PendingError.exit_code if found.pending else 0
    if as_json_:
        print_json(status_json(found, code))
    else:
        print_lines(status_lines(found, width=terminal_width(), paint=_paint if is_coloured() else None), painted=True)
    return code if check else 0


def _paint(state: State, text: str) -> str:
    return click.style(text, fg=_STATES.get(state, "red"))


@click.command()
@click.option("--quality", is_flag=True, help="Show the rows of warnings too.")
@everywhere
def verify(settings: Settings, quality: bool, as_json_: bool) -> int:
    """Ask the checks of all applied migrations again. Writes nothing."""
    from sessmig.status import verify as ask

    with opened_job(settings) as job:
        report = ask(job)
    if as_json_:
        print_json(as_json(report))
    else:
        print_lines(text_lines(report, rows_of={"failed", "warned"} if quality else {"failed"}))
    failed = any(found.outcome == "failed" for step in report.steps for found in step.findings)
    return CheckError.exit_code if failed else 0


@click.command()
@click.option("--on", metavar="URL", help="PostgreSQL: a copy to rehearse on; it is migrated.")
@TO
@LOCK_WAIT
@ALLOW_LATE
@AHEAD
@IGNORE_WAIT
@everywhere
def rehearse(
    settings: Settings,
    on: str | None,
    to: int | None,
    lock_wait: float,
    allow_late: bool,
    ahead: str,
    ignore_wait: bool,
    as_json_: bool,
) -> int:
    """Try out what is pending, there and back, on a copy."""
    from sessmig.rehearsal_report import rehearsal_json, rehearsal_lines
    from sessmig.rehearse import rehearse as play

    wish = Wish(to, None, allow_late, ahead, ignore_wait)  # type: ignore[arg-type]
    progress = Progress(sys.stderr, silent=as_json_)
    wait = check_lock_wait(lock_wait)
    with (
        _ended_in_order(),
        opened_job(settings, wish=wish, lock_wait=wait, on_event=progress.show) as job,
        nullcontext() if on is None else connect(on, create=False) as copy,
    ):
        rehearsal = play(job, copy)
    if as_json_:
        print_json(rehearsal_json(rehearsal))
        return rehearsal.exit_code
    print_lines(rehearsal_lines(rehearsal))
    for failure in rehearsal.failures:
        say(err=True)
        tell(failure.what, failure.holds, failure.remedy)
    return rehearsal.exit_code


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Take a request to end as Ctrl-C is taken, so that the copy goes first; what is ignored (nohup) stays ignored."""
    endings = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    is_ours = threading.current_thread() is threading.main_thread()  # others may not set what a signal does
    mine = [ending for ending in endings if is_ours and signal.getsignal(ending) == signal.SIG_DFL]
    for ending in mine:
        signal.signal(ending, signal.default_int_handler)
    try:
        yield
    finally:
        for ending in mine:
            signal.signal(ending, signal.SIG_DFL)


@click.command()
@click.argument("version", type=int)
@everywhere
def resign(settings: Settings, version: int, as_json_: bool) -> int:
    """Take an applied file as it is now. VERSION is the migration's number."""
    from sessmig.resign import resign as sign

    with opened_job(settings) as job:
        migration, difference = sign(job, version)
    if as_json_:
        print_json({"migration": migration.title, "checksum": migration.checksum, "difference": difference})
    else:
        say(f"{migration.title}: taken as it is now ({migration.checksum[:12]}), and logged; nothing of it was run")
        if difference:
            say(difference)
    return 0


@click.command()
@click.argument("name")
@everywhere
def new(settings: Settings, name: str, as_json_: bool) -> int:
    """Make the files of a new migration. It is called NAME, and numbered behind the last one."""
    from sessmig.new import new_migration

    paths = new_migration(Path(settings.dir or "sql"), name)
    if as_json_:
        print_json({"files": [str(path) for path in paths]})
    else:
        print_lines(map(str, paths))
    return 0
