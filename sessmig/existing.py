"""What an application, or a script, calls for a database that is already there; `sessmig` has them as its own.

Knows the arguments; the commands call the same functions.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sessmig.config import check_lock_wait, check_table
from sessmig.databases import connect
from sessmig.errors import UsageError
from sessmig.job import Job
from sessmig.recorded import BaselineReport

if TYPE_CHECKING:
    import sqlite3

    import psycopg

    AnyDatabase = str | os.PathLike[str] | sqlite3.Connection | psycopg.Connection[Any]


def baseline_migrations(
    database: AnyDatabase,
    directory: str | os.PathLike[str],
    version: int,
    *,
    series: str | None = None,
    table: str = "schema_migrations",
    dry_run: bool = False,
    ignore_checks: bool = False,
    lock_wait: float = 60.0,
) -> BaselineReport:
    """Record every migration up to a version as done, for a database that has them already; none of them is run.

    Args:
        database: as `ensure_migrations` takes it.
        directory: the series folder.
        version: the newest that the database holds already.
        series: the series' name; the folder's, if None.
        table: the ledger's name.
        dry_run: record nothing, and take no lock.
        ignore_checks: record them though checks of theirs do not hold; the log tells.
        lock_wait: how many seconds to wait for another process that is migrating.

    Raises:
        SessmigError: `CheckError` where a check does not hold, `PlanError` where something above is applied already.
    """
    from sessmig.baseline import baseline

    if isinstance(version, bool) or not isinstance(version, int):
        raise UsageError(
            f"version={version!r} is no version", remedy="Give the number that the file's name begins with."
        )
    wait, name = check_lock_wait(lock_wait), check_table(table)
    with connect(database, create=False) as opened:
        job = Job(opened, Path(directory), series, name, lock_wait=wait, dry_run=dry_run)
        return baseline(job, version, ignore_checks=ignore_checks)


def adopt_migrations(
    database: AnyDatabase,
    directory: str | os.PathLike[str],
    *,
    history: str | None = None,
    history_in: AnyDatabase | None = None,
    project: str | None = None,
    by: Literal["auto", "version", "name"] = "auto",
    allow_missing: bool = False,
    ignore_checks: bool = False,
    series: str | None = None,
    table: str = "schema_migrations",
    dry_run: bool = False,
    lock_wait: float = 60.0,
) -> BaselineReport:
    """Record as done what another migration tool's own table says was applied; that table is only read.

    Args:
        database: as `ensure_migrations` takes it.
        directory: the series folder.
        history: the other tool's table, where there are several, or it has a name of its own.
        history_in: the database in which it stands, where that is another one.
        project: sqitch's project, or the migration set, where several share a table.
        by: whether version and name, or one alone, say that a file is the same.
        allow_missing: go on though something that was applied has no file here.
        ignore_checks: record them though checks of theirs do not hold; the log tells.
        series: the series' name; the folder's, if None.
        table: the ledger's name, which must not be that of the other tool's table.
        dry_run: record nothing, and take no lock.
        lock_wait: how many seconds to wait for another process that is migrating.

    Raises:
        SessmigError: `PlanError` where history and files do not fit, or the tool itself would not go on.
    """
    from sessmig.adopt import adopt

    if by not in ("auto", "version", "name"):
        raise UsageError(f"by={by!r} is not understood", remedy="Known are: 'auto', 'version', 'name'.")
    wait, name = check_lock_wait(lock_wait), check_table(table)
    place = nullcontext() if history_in is None else connect(history_in, create=False)
    with connect(database, create=False) as opened, place as there:
        job = Job(opened, Path(directory), series, name, lock_wait=wait, dry_run=dry_run)
        return adopt(
            job,
            history=history,
            history_in=there,
            project=project,
            by=by,
            allow_missing=allow_missing,
            ignore_checks=ignore_checks,
        )
