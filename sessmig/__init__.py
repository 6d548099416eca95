"""sessmig: a plain-SQL migration runner that proves no row was lost.

    from sessmig import ensure_migrations
    report = ensure_migrations("sqlite:///app.db", "sql/webui_sessions")

Importing this package loads neither a database driver nor the command line.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not from typing: its import would be half of a start with nothing pending
if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable
    from typing import Any, Literal

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
    from sessmig.results import Event
    from sessmig.run_report import Report

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
        lock_wait: how many seconds to wait for another process that is migrating: as long as all that is pending
            may take it, and not one step only. Up to two seconds in which starts of one machine take turns come on top.
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
    from sessmig.idle import Look, is_plain, look_in_turn

    first = Look()
    if is_plain(to, plan, pending, ahead, backup, keep, backup_dir, lock_wait):
        wait = lock_wait if pending == "apply" else 0
        first = look_in_turn(database, directory, series=series, table=table, wait=wait)
        if first.report:
            return first.report
    from sessmig.start import ensure

    return ensure(
        first,
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
    opened to the same place. Cancelling the task does not stop a run that has begun. `lock_wait` is here too as long
    as all that is pending may take another process.

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


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sessmig import errors, existing, results, run_report

        known = (errors, results, run_report, existing)
        return next(getattr(module, name) for module in known if hasattr(module, name))
    raise AttributeError(f"module 'sessmig' has no attribute {name!r}")
