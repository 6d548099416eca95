"""Reads the log: every attempt there was, what came of it, and the backup that stood before one.

Knows the log's columns; takes no lock and writes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessmig.backup_log import begins
from sessmig.backup_seal import read_seal
from sessmig.errors import ConnectError, SessmigError, UsageError
from sessmig.job import Job
from sessmig.ledger_rights import reading
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
        DatabaseError: this role may not read the log.
        UsageError: neither the folder nor the log knows this version.
    """
    database = job.database
    if database.is_missing:
        raise ConnectError(f"{database.label}: there is no such database", remedy="Run sessmig migrate first.")
    files = discover(job.directory, database.dialect, series=job.series, empty=True)
    series, known = files.name, {migration.version for migration in files.migrations}
    job.await_reading()
    with job.snapshot():
        if not _is_standing(database, job.table):
            if version is not None and version not in known:
                raise _unknown(version)
            return LogReport(series, database.label, version=version, is_standing=False)
        chosen, params = _chosen(series, version)
        with reading(database, job.table):
            total = _number(database, f"SELECT count(*) FROM {_table(job)} WHERE {chosen}", params)
        if version is not None and version not in known and not total:
            raise _unknown(version)
        entries = _entries(job, chosen, params, limit)
    return LogReport(series, database.label, entries, total - len(entries), version)


def all_entries(job: Job, series: str) -> tuple[LogEntry, ...] | None:
    """Read all attempts there were, within an open snapshot; None where there is no log."""
    return _entries(job, *_chosen(series, None), None) if _is_standing(job.database, job.table) else None


def _unknown(version: int) -> UsageError:
    return UsageError(
        f"version {version}: there is no migration of this version, and the log knows of none",
        remedy="sessmig status lists them.",
    )


def rolled_back(job: Job, series: str, versions: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return when (UTC) and by whom migrations were rolled back; only what the log tells, and may be read."""
    found: dict[int, tuple[str, str]] = {}
    if not versions:
        return found
    listed = ", ".join(str(int(version)) for version in versions)
    chosen = f"series = $1 AND version IN ({listed}) AND action IN ('apply', 'rollback') AND outcome = 'success'"
    with suppress(SessmigError):
        if _is_standing(job.database, job.table):
            for entry in _entries(job, chosen, (series,), None):
                found.pop(entry.version, None)
                if entry.action == "rollback":
                    found[entry.version] = entry.started_at, entry.done_by
    return found


def rolled_back_words(told: tuple[str, str] | None) -> str:
    """Say that a migration was rolled back, with when and by whom where that is known."""
    return f"rolled back on {told[0]} UTC by {told[1]}" if told else "rolled back"


def backup_before(job: Job, series: str, version: int) -> str:
    """Return the path of the newest backup that is still there from before a migration was begun; else nothing."""
    if not _is_standing(job.database, job.table):
        return ""
    chosen = (
        "(action = 'backup' AND outcome = 'success')"
        " OR (series = $1 AND version = $2 AND action IN ('apply', 'rollback'))"
    )
    entries = _entries(job, chosen, (series, version), None)
    return backups_before(series, entries, paths_there(job, entries), (version,)).get(version, "")


def paths_there(job: Job, entries: Iterable[LogEntry]) -> dict[int, str]:
    """Return the paths of the backups that a restore would take, by their rows' ids."""
    made = [entry for entry in entries if (entry.action, entry.outcome) == ("backup", "success")]
    paths = {entry.id: str(entry.detail.get("path", "")) for entry in made}
    return {row: path for row, path in paths.items() if path and os.path.exists(path) and is_of_this(job, path)}


def backups_before(
    series: str, entries: Iterable[LogEntry], paths: Mapping[int, str], halfway: Iterable[int] = ()
) -> dict[int, str]:
    """Return the newest backup from before each migration was begun, by version: none from the middle of one.

    Args:
        series: whose migrations.
        entries: the log's rows, in their order.
        paths: the backups that serve, by their rows' ids.
        halfway: versions that may be begun without a row of theirs, as their process was killed.
    """
    found: dict[int, str] = {}
    made: list[LogEntry] = []

    def newest(version: int) -> str:
        return next((paths[one.id] for one in reversed(made) if not _is_amid(one, series, version)), "")

    for entry in entries:
        if entry.id in paths:
            made.append(entry)
        elif entry.series != series:
            continue
        elif begins(entry.action, entry.outcome, entry.detail):
            found.setdefault(entry.version, newest(entry.version))
        elif (entry.action, entry.outcome) == ("rollback", "success"):
            found.pop(entry.version, None)
    return {version: newest(version) for version in halfway} | found


def _is_amid(backup: LogEntry, series: str, version: int) -> bool:
    """Tell whether a backup was made while a step was half done."""
    half = backup.detail.get("half_done")
    return isinstance(half, list) and [series, version] in half


def is_of_this(job: Job, path: str) -> bool:
    """Tell whether a restore would take it: the log may come from another database, by way of a copy or a restore."""
    sealed = read_seal(path)
    saving = job.database.saving(job.backup.programs)
    return sealed is None or not sealed.origin or saving.is_of(sealed.origin, path)


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
    with reading(job.database, job.table):
        answer = job.database.query(
            f"SELECT id, series, version, migration_id, action, {started_at}, duration_ms, outcome, done_by, "
            f"sessmig_version, CAST(detail AS TEXT) FROM {_table(job)} WHERE {chosen} ORDER BY id DESC",
            params,
            limit=limit,
        )
    return tuple(map(_entry, reversed(answer.rows)))


def _entry(row: tuple[Cell, ...]) -> LogEntry:
    """Read a row, whoever wrote it: SQLite keeps any value in any column."""
    number, series, version, name, action, started_at, took, outcome, done_by, by_version, detail = row
    return LogEntry(
        _whole_number(number),
        str(series),
        _whole_number(version),
        str(name),
        str(action),
        str(started_at),
        max(0, _whole_number(took)),
        str(outcome),
        str(done_by),
        str(by_version),
        _read(detail),
    )


def _whole_number(cell: Cell) -> int:
    try:
        return int(str(cell))
    except ValueError:
        return 0


def _read(detail: Cell) -> dict[str, Any]:
    try:
        read = json.loads(str(detail))
    except ValueError:  # written by another hand
        return {"error": str(detail)}
    return read if isinstance(read, dict) else {"detail": read}
