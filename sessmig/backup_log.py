"""What the log keeps of backups, and what it knows of them.

Knows the log's rows; makes no backup.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessmig.errors import FileError, UsageError
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.model import Migration
from sessmig.results import Backup
from sessmig.source import discover

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


def detail(backup: Backup) -> dict[str, Any]:
    """Return what the log keeps of a backup."""
    kept: dict[str, Any] = {"path": backup.path, "size": backup.size, "sha256": backup.sha256}
    kept["seconds"] = round(backup.duration_ms / 1000, 3)
    return kept | ({"wal": backup.wal} if backup.wal else {})


def log_backup(ledger: Ledger, backup: Backup, migration: Migration | None) -> None:
    """Append a backup to the log."""
    ledger.log(
        migration,
        "backup",
        "success",
        started_at=backup.started_at,
        duration_ms=backup.duration_ms,
        detail=detail(backup),
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """A backup as the log has it."""

    number: int
    is_of_run: bool
    """Made under the lock of a run, before its first step."""
    backup: Backup


def logged(database: Database, ledger: Ledger, *, after: int = 0) -> list[Logged]:
    """Return the backups in the log behind a number of its, the oldest first."""
    if not ledger.is_standing:
        return []
    answer = database.query(
        f"SELECT id, version, {database.types.utc % 'started_at'}, CAST(detail AS TEXT) "
        f"FROM {database.table(f'{ledger.name}_log')} "
        "WHERE action = 'backup' AND outcome = 'success' AND id > $1 ORDER BY id",
        (after,),
    )
    found = []
    for number, version, started_at, text in answer.rows:
        try:
            told = json.loads(str(text))
            backup = Backup(told["path"], told["size"], told["sha256"], str(started_at), wal=told.get("wal", ""))
        except (ValueError, TypeError, KeyError):  # written by another hand
            continue
        found.append(Logged(int(str(number)), bool(version), backup))
    return found


def before_last_step(database: Database, ledger: Ledger) -> list[str]:
    """Return the hashes of the backups from before the step that was applied last, the newest first."""
    if not ledger.is_standing:
        return []
    answer = database.query(
        f"SELECT max(id) FROM {database.table(f'{ledger.name}_log')} WHERE action = 'apply' AND outcome = 'success'"
    )
    last = answer.rows[0][0]
    return [one.backup.sha256 for one in reversed(logged(database, ledger)) if last and one.number < int(str(last))]


def series_of(job: Job) -> str:
    """Return the series that a backup is logged under; empty where no series folder is at hand, as none is needed."""
    try:
        return discover(job.directory, job.database.dialect, series=job.series, empty=True).name
    except (UsageError, FileError):
        return job.series or ""
