"""Finds the runs in the rows of a log, whichever version, or whoever else, wrote them.

A pure function of log rows and of where the migrations stand; asks no database and lays nothing out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sessmig.chronicle import PastAttempt, Run
from sessmig.log import LogEntry
from sessmig.logged import as_backup, as_step, queries
from sessmig.results import Standing
from sessmig.words import shown

_OWN = {"run", "half_done", "holds", "error", "text", "not_asked", "resumed"}
_OF_A_STEP = {
    "statements",
    "checks",
    "measures",
    "merges",
    "effects",
    "losses",
    "allowed",
    "notices",
    "queries",
    "measured",
}
_OF_A_BACKUP = {"path", "size", "sha256", "seconds", "wal"}
_APART = timedelta(seconds=5)
"""What an older version logged without its run, and further apart than this, is not taken for one run."""


def read_runs(series: str, entries: Sequence[LogEntry], standings: Iterable[Standing] = ()) -> tuple[Run, ...]:
    """Put the rows of a log together as runs, by what each says of its run; rows of older versions by their times.

    Args:
        series: whose runs; of other series only backups and restores are told.
        entries: all there are, in their order.
        standings: where the labels and descriptions of migrations are taken from.
    """
    known = {standing.version: standing for standing in standings}
    groups: dict[str, list[LogEntry]] = {}
    guessed: set[str] = set()
    last: tuple[str, LogEntry] | None = None
    undone, resumed = _undone(entries), _resumed(entries)
    for entry in entries:
        run = entry.detail.get("run")
        if isinstance(run, str) and run:
            name, last = f"run {run}", None
        else:
            name = last[0] if last and _is_next(last[1], entry) else f"row {entry.id}"
            guessed.add(name)
            last = name, entry
        groups.setdefault(name, []).append(entry)
    return tuple(
        Run(
            rows[0].id,
            _kind(series, rows),
            tuple(
                _attempt(row, known, undone, is_resumed=row.id in resumed or row.detail.get("resumed") is True)
                for row in rows
            ),
            name in guessed,
        )
        for name, rows in groups.items()
    )


def _is_next(one: LogEntry, other: LogEntry) -> bool:
    """Tell whether a row may belong to the run of the one before it, in a log that does not say."""
    if (one.done_by, one.sessmig_version) != (other.done_by, other.sessmig_version):
        return False
    if one.outcome != "success" or (one.series, other.action) != (other.series, _main(one)):
        return False
    try:
        ended = datetime.fromisoformat(one.started_at) + timedelta(milliseconds=one.duration_ms)
        return datetime.fromisoformat(other.started_at) <= ended + _APART
    except (ValueError, TypeError, OverflowError):
        return False


def _main(entry: LogEntry) -> str:
    """Return the action of a run that a row belongs to; a backup with a version is the first thing of a migrate."""
    if entry.action == "backup":
        return "apply" if entry.version else ""
    return entry.action if entry.action in ("apply", "rollback") else ""


def _kind(series: str, rows: Sequence[LogEntry]) -> str:
    actions = [row.action for row in rows]
    if "apply" in actions or (rows[0].action == "backup" and rows[0].version and rows[0].series == series):
        return "migrate"
    return actions[0]


def _undone(entries: Iterable[LogEntry]) -> dict[tuple[str, int], list[LogEntry]]:
    """Return the rollbacks that were done, by series and version."""
    found: dict[tuple[str, int], list[LogEntry]] = {}
    for entry in entries:
        if (entry.action, entry.outcome) == ("rollback", "success"):
            found.setdefault((entry.series, entry.version), []).append(entry)
    return found


def _resumed(entries: Iterable[LogEntry]) -> set[int]:
    """Return the rows of attempts that went on with what the one before had left half done."""
    found: set[int] = set()
    half: dict[tuple[str, int], str] = {}
    for entry in entries:
        if entry.action in ("apply", "rollback"):
            step = entry.series, entry.version
            if half.get(step) == entry.action:
                found.add(entry.id)
            half[step] = entry.action if entry.detail.get("half_done") is True else ""
    return found


def _attempt(
    entry: LogEntry,
    known: Mapping[int, Standing],
    undone: Mapping[tuple[str, int], Sequence[LogEntry]],
    *,
    is_resumed: bool,
) -> PastAttempt:
    standing = known.get(entry.version)
    step = as_step(entry) if entry.action in ("apply", "rollback", "baseline") else None
    backup = as_backup(entry) if entry.action in ("backup", "restore") else None
    described = _described(_text(entry.detail.get("text")))
    if standing and standing.name == entry.name and entry.action == "apply":
        described = described or standing.description
    read = _OWN | (_OF_A_STEP if step else _OF_A_BACKUP if backup else set())
    return PastAttempt(
        entry.id,
        entry.series,
        entry.version,
        standing.label if standing else str(entry.version),
        entry.name,
        described or entry.name.replace("_", " "),
        entry.action,
        entry.outcome,
        entry.started_at,
        entry.duration_ms,
        entry.done_by,
        entry.sessmig_version,
        step,
        queries(entry),
        backup,
        _text(entry.detail.get("error")),
        _text(entry.detail.get("holds")),
        _text(entry.detail.get("text")),
        tuple((name.replace("_", " "), _told(value)) for name, value in entry.detail.items() if name not in read),
        _undone_at(entry, undone.get((entry.series, entry.version), ())),
        _text(entry.detail.get("run_by")),
        _names(entry.detail.get("not_asked")),
        is_resumed,
    )


def _names(told: Any) -> tuple[str, ...]:
    return tuple(map(str, told)) if isinstance(told, list) else ()


def _undone_at(entry: LogEntry, rollbacks: Sequence[LogEntry]) -> str:
    """Say when a migration that was applied was rolled back, if it was."""
    if (entry.action, entry.outcome) != ("apply", "success"):
        return ""
    return next((one.started_at for one in rollbacks if one.id > entry.id), "")


def _described(text: str) -> str | None:
    """Return the first comment line at a file's head that is no directive, as a migration's description is found."""
    for line in text.splitlines():
        words = line.strip()
        if words and not words.startswith("--"):
            break
        if (comment := words.lstrip("-").strip()) and not comment.lower().startswith("sessmig:"):
            return comment
    return None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name.replace('_', ' ')}: {_told(one)}" for name, one in value.items())
    return shown(value) if value is None or isinstance(value, str | int | float) else str(value)
