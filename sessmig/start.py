"""The full story of `ensure_migrations`: reads its options, opens the database and runs what is pending.

Knows the options; how each thing is done, the modules below know.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sessmig.config import check_keep, check_lock_wait, check_table
from sessmig.databases import connect
from sessmig.errors import UsageError
from sessmig.idle import Look
from sessmig.job import BackupWish, Job, Throttle
from sessmig.naming import AHEAD, PENDING, TABLE, WHEN
from sessmig.plan import Wish
from sessmig.run import migrate

if TYPE_CHECKING:
    from sessmig.results import Event
    from sessmig.run_report import Report


def ensure(
    first: Look,
    database: Any,
    directory: str | os.PathLike[str],
    *,
    series: str | None = None,
    to: int | None = None,
    plan: str | os.PathLike[str] | None = None,
    table: str = TABLE,
    backup: Literal["auto", "always", "never"] = "auto",
    backup_dir: str | os.PathLike[str] | None = None,
    keep: int | None = None,
    lock_wait: float = 60.0,
    pending: Literal["apply", "error"] = "apply",
    ahead: Literal["error", "ok"] = "error",
    max_lag: float | None = None,
    throttle_query: str | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Report:
    """Do what `sessmig.ensure_migrations` says; what a first look has opened is used, or closed."""
    try:
        if to is not None and (isinstance(to, bool) or not isinstance(to, int)):
            raise UsageError(f"to={to!r} is no version", remedy="Give the number that the file's name begins with.")
        _refuse_option("pending", pending, PENDING)
        _refuse_option("ahead", ahead, AHEAD)
        _refuse_option("backup", backup, WHEN)
        folder = None if backup_dir is None else os.fspath(backup_dir)
        saving = BackupWish(backup, folder, check_keep(keep), os.environ.get("SESSMIG_PG_BIN") or None)
        wait, name, wish = check_lock_wait(lock_wait), check_table(table), Wish(to=to, ahead=ahead)
        signed = None
        if plan is not None:
            from sessmig.signed import read_signed

            signed = read_signed(plan)
            if wish != Wish():
                raise UsageError("plan= beside to= or ahead=: what is to run is signed", remedy="Leave them out.")
            wish = signed.wish
        with connect(database, first=first.place) as opened:
            job = Job(
                opened,
                Path(directory),
                series,
                name,
                wish,
                wait,
                pending=pending,
                backup=saving,
                throttle=Throttle(max_lag, throttle_query),
                signed=signed,
                on_event=on_event,
            )
            return migrate(job)
    finally:
        first.close()


def _refuse_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name}={value!r} is not understood", remedy=f"Known are: {', '.join(map(repr, known))}.")
