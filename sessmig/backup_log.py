"""What the log keeps of backups, and what it knows of them.

Knows the log's rows; makes no backup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    """Append a backup to the log, with what was half done then: for that it is no backup from before."""
    half = ledger.halfway()
    ledger.log(
        migration,
        "backup",
        "success",
        started_at=backup.started_at,
        duration_ms=backup.duration_ms,
        detail=detail(backup) | ({"half_done": half} if half else {}),
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """A backup as the log has it."""

    number: int
    is_of_run: bool
    """Made under the lock of a run, before its first step."""
    backup: Backup
    half_done: tuple[Any, ...] = ()
    """Which steps were half done then: series and version of each."""


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
        half = told.get("half_done")
        found.append(Logged(int(str(number)), bool(version), backup, tuple(half) if isinstance(half, list) else ()))
    return found


def before_last_step(database: Database, ledger: Ledger) -> list[str]:
    """Return the hashes of the backups from before the step that was applied last was begun, the newest first."""
    if not ledger.is_standing:
        return []
    log = database.table(f"{ledger.name}_log")
    begun = "action = 'apply' AND (outcome = 'success' OR CAST(detail AS TEXT) LIKE '%half_done%')"
    last = database.query(f"SELECT series, version FROM {log} WHERE {begun} ORDER BY id DESC", limit=1).rows
    if not last:
        return []
    rows = database.query(
        f"SELECT id, action, outcome, CAST(detail AS TEXT) FROM {log} "
        f"WHERE series = $1 AND version = $2 AND ({begun} OR (action = 'rollback' AND outcome = 'success')) "
        "ORDER BY id",
        last[0],
    ).rows
    first = 0
    for number, action, outcome, text in rows:
        if action == "rollback":
            first = 0
        elif not first and begins(str(action), str(outcome), _read(str(text))):
            first = int(str(number))
    step = [str(last[0][0]), int(str(last[0][1]))]
    made = reversed(logged(database, ledger))
    return [one.backup.sha256 for one in made if first and one.number < first and step not in one.half_done]


def begins(action: str, outcome: str, detail: Mapping[str, Any]) -> bool:
    """Tell whether something of a migration stands since this attempt."""
    return action == "apply" and (outcome == "success" or detail.get("half_done") is True)


def _read(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:  # written by another hand
        return {}
    return told if isinstance(told, dict) else {}


def series_of(job: Job) -> str:
    """Return the series that a backup is logged under; empty where no series folder is at hand, as none is needed."""
    try:
        return discover(job.directory, job.database.dialect, series=job.series, empty=True).name
    except (UsageError, FileError):
        return job.series or ""
