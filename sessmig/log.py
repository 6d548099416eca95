"""Reads the log: every attempt there was, what came of it, and the backup that stood before one.

Knows the log's columns; takes no lock and writes nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessmig.errors import ConnectError
from sessmig.job import Job
from sessmig.ledger_tables import LOG_COLUMNS
from sessmig.model import Cell
from sessmig.source import discover

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_WHOLE = ("backup", "restore")
"""Actions that concern the whole database, whichever series they were done for."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One row of the log."""

    id: int
    series: str
    version: int
    name: str
    action: str
    started_at: str
    """UTC, `YYYY-MM-DD HH:MM:SS`."""
    duration_ms: int
    outcome: str
    done_by: str
    sessmig_version: str
    detail: dict[str, Any]

    @property
    def title(self) -> str:
        """The migration, where it is about one."""
        return "" if self.action in _WHOLE else f"{self.version} {self.name}"


@dataclass(frozen=True, slots=True)
class LogReport:
    """The newest attempts of a series, the newest last."""

    series: str
    database: str
    entries: tuple[LogEntry, ...] = ()
    earlier: int = 0
    """How many there were before these."""
    version: int | None = None
    """Only those of this migration were asked for."""
    is_standing: bool = True
    """There is a log."""


def read_log(job: Job, *, version: int | None = None, limit: int | None = None) -> LogReport:
    """Read the newest attempts.

    Args:
        job: where.
        version: only those of this migration.
        limit: no more than so many; all, if None.

    Raises:
        ConnectError: there is no such database.
    """
    database = job.database
    if database.is_missing:
        raise ConnectError(f"{database.label}: there is no such database", remedy="Run sessmig migrate first.")
    series = discover(job.directory, database.dialect, series=job.series, empty=True).name
    job.await_reading()
    with job.snapshot():
        if not _is_standing(database, job.table):
            return LogReport(series, database.label, version=version, is_standing=False)
        chosen, params = _chosen(series, version)
        total = _number(database, f"SELECT count(*) FROM {_table(job)} WHERE {chosen}", params)
        entries = _entries(job, chosen, params, limit)
    return LogReport(series, database.label, entries, total - len(entries), version)


def backup_before(job: Job, series: str, version: int) -> str:
    """Return the path of the newest backup that is still there from before a migration was applied; else nothing."""
    if not _is_standing(job.database, job.table):
        return ""
    applied = (
        f"SELECT max(id) FROM {_table(job)} WHERE series = $1 AND version = $2 AND action = 'apply'"
        " AND outcome = 'success'"
    )
    found = _entries(job, f"action = 'backup' AND outcome = 'success' AND id < ({applied})", (series, version), None)
    paths = [str(entry.detail.get("path", "")) for entry in reversed(found)]
    return next((path for path in paths if path and os.path.exists(path)), "")


def _table(job: Job) -> str:
    return job.database.table(f"{job.table}_log")


def _is_standing(database: Database, table: str) -> bool:
    return frozenset(database.columns(f"{table}_log")) >= {column.name for column in LOG_COLUMNS}


def _chosen(series: str, version: int | None) -> tuple[str, tuple[Cell, ...]]:
    if version is None:
        whole = ", ".join(f"'{action}'" for action in _WHOLE)
        return f"(series = $1 OR action IN ({whole}))", (series,)
    return "series = $1 AND version = $2", (series, version)


def _number(database: Database, sql: str, params: tuple[Cell, ...]) -> int:
    return int(str(database.query(sql, params).rows[0][0]))


def _entries(job: Job, chosen: str, params: tuple[Cell, ...], limit: int | None) -> tuple[LogEntry, ...]:
    """Read the newest rows, and give them in their order."""
    started_at = job.database.types.utc % "started_at"
    answer = job.database.query(
        f"SELECT id, series, version, migration_id, action, {started_at}, duration_ms, outcome, done_by, "
        f"sessmig_version, CAST(detail AS TEXT) FROM {_table(job)} WHERE {chosen} ORDER BY id DESC",
        params,
        limit=limit,
    )
    return tuple(LogEntry(*row[:-1], _read(row[-1])) for row in reversed(answer.rows))  # type: ignore[arg-type, call-arg]


def _read(detail: Cell) -> dict[str, Any]:
    try:
        read = json.loads(str(detail))
    except ValueError:  # written by another hand
        return {"error": str(detail)}
    return read if isinstance(read, dict) else {"detail": read}
