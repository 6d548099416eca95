"""sessmig: a plain-SQL migration runner that proves no row was lost.

    from sessmig import ensure_migrations
    report = ensure_migrations("sqlite:///app.db", "sql/webui_sessions")

Importing this package loads neither a database driver nor the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable

    import psycopg

    from sessmig.errors import (
        BackupError,
        CheckError,
        ConnectError,
        DatabaseError,
        FileError,
        LedgerError,
        LockError,
        PendingError,
        PlanError,
        SessmigError,
        StepError,
        StoppedError,
        UsageError,
    )
    from sessmig.existing import adopt_migrations, baseline_migrations
    from sessmig.recorded import BaselineReport
    from sessmig.results import Event, Report

    AnyDatabase = str | os.PathLike[str] | sqlite3.Connection | psycopg.Connection[Any] | psycopg.AsyncConnection[Any]

__version__ = "0.1.0"

__all__ = [
    "BackupError",
    "BaselineReport",
    "CheckError",
    "ConnectError",
    "DatabaseError",
    "Event",
    "FileError",
    "LedgerError",
    "LockError",
    "PendingError",
    "PlanError",
    "Report",
    "SessmigError",
    "StepError",
    "StoppedError",
    "UsageError",
    "__version__",
    "adopt_migrations",
    "aensure_migrations",
    "baseline_migrations",
    "ensure_migrations",
]


def ensure_migrations(
    database: AnyDatabase,
    directory: str | os.PathLike[str],
    *,
    series: str | None = None,
    to: int | None = None,
    plan: str | os.PathLike[str] | None = None,
    table: str = "schema_migrations",
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
    """Bring a database up to date; made to be called whenever an application starts, in any number of processes.

    With nothing pending it takes no lock and writes nothing. It prints nothing and leaves logging as it is; what
    it does goes to the logger `sessmig`.

    Args:
        database: a URL (`sqlite:///app.db`, `postgresql://...`), the path of a SQLite file, or an open
            `sqlite3.Connection` or `psycopg.Connection`, which stays open and is left as it was.
        directory: the series folder, relative to the working directory.
        series: the series' name; the folder's, if None.
        to: apply no migration above this version.
        plan: the file that `sessmig plan --out` has written: run that and nothing else, or raise `PlanError`.
        table: the ledger's name.
        backup: whether a run that has something to apply begins with a backup of a database that is not empty:
            `auto` is always for a SQLite file, never for PostgreSQL (which takes pg_dump).
        backup_dir: where backups stand; beside a SQLite file, or for PostgreSQL in the working directory, if None.
        keep: remove all but the newest so many backups; none, if None.
        lock_wait: how many seconds to wait for another process that is migrating.
        pending: `error` raises `PendingError` where something is pending, instead of applying it.
        ahead: `ok` accepts a database that a newer build has migrated further than this one's files go.
        max_lag: PostgreSQL: how many seconds the slowest replica may be behind before a step in batches pauses.
        throttle_query: while this query gives more than 0, a step in batches pauses.
        on_event: called with an `Event` for each thing that happens, in the thread that runs.

    Returns:
        What was done, step by step.

    Raises:
        SessmigError: see `sessmig.errors` for the tree; nothing of a step that failed stays.
    """
    import os
    from pathlib import Path

    from sessmig.config import check_keep, check_lock_wait, check_table
    from sessmig.databases import connect
    from sessmig.errors import UsageError
    from sessmig.job import BackupWish, Job, Throttle
    from sessmig.plan import Wish
    from sessmig.run import migrate
    from sessmig.signed import read_signed

    if to is not None and (isinstance(to, bool) or not isinstance(to, int)):
        raise UsageError(f"to={to!r} is no version", remedy="Give the number that the file's name begins with.")
    _refuse_option("pending", pending, ("apply", "error"))
    _refuse_option("ahead", ahead, ("error", "ok"))
    _refuse_option("backup", backup, ("auto", "always", "never"))
    folder = None if backup_dir is None else os.fspath(backup_dir)
    saving = BackupWish(backup, folder, check_keep(keep), os.environ.get("SESSMIG_PG_BIN") or None)
    wait, name, wish = check_lock_wait(lock_wait), check_table(table), Wish(to=to, ahead=ahead)
    signed = None if plan is None else read_signed(plan)
    if signed is not None:
        if wish != Wish():
            raise UsageError("plan= beside to= or ahead=: what is to run is signed", remedy="Leave them out.")
        wish = signed.wish
    with connect(database) as opened:
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


async def aensure_migrations(
    database: AnyDatabase,
    directory: str | os.PathLike[str],
    *,
    series: str | None = None,
    to: int | None = None,
    plan: str | os.PathLike[str] | None = None,
    table: str = "schema_migrations",
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
    """Do as `ensure_migrations` in a thread, so that a running event loop goes on.

    Takes URLs, paths and psycopg connections, synchronous or not; for an `AsyncConnection` a second connection is
    opened to the same place. Cancelling the task does not stop a run that has begun.

    Raises:
        UsageError: for a `sqlite3.Connection`, which belongs to the thread that opened it.
        SessmigError: as `ensure_migrations`.
    """
    import asyncio

    from sessmig.errors import UsageError

    if any(ancestor.__module__.partition(".")[0] == "sqlite3" for ancestor in type(database).__mro__):
        raise UsageError("an open sqlite3.Connection belongs to its own thread", remedy="Give its URL or path instead.")
    return await asyncio.to_thread(
        ensure_migrations,
        database,
        directory,
        series=series,
        to=to,
        plan=plan,
        table=table,
        backup=backup,
        backup_dir=backup_dir,
        keep=keep,
        lock_wait=lock_wait,
        pending=pending,
        ahead=ahead,
        max_lag=max_lag,
        throttle_query=throttle_query,
        on_event=on_event,
    )


def _refuse_option(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        from sessmig.errors import UsageError

        raise UsageError(f"{name}={value!r} is not understood", remedy=f"Known are: {', '.join(map(repr, known))}.")


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sessmig import errors, existing, results

        return getattr(next(module for module in (errors, results, existing) if hasattr(module, name)), name)
    raise AttributeError(f"module 'sessmig' has no attribute {name!r}")
