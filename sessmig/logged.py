"""Reads what the log keeps of an attempt as the report that it was written from.

Knows how reports stand in JSON; trusts nothing of it, as whoever may write to the database may write to the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sessmig.fitting import FOREIGN, a, read_as
from sessmig.log import LogEntry
from sessmig.results import Account, Backup, CheckResult, Measurement, StatementResult, StepOutcome, StepReport
from sessmig.rows import Effect, Loss

_LISTS = {
    "statements": StatementResult,
    "checks": CheckResult,
    "merges": Account,
    "effects": Effect,
    "losses": Loss,
    "allowed": Loss,
}


def as_step(entry: LogEntry) -> StepReport | None:
    """Read an attempt's details as a report; None where another version, or another hand, wrote them otherwise."""
    detail = entry.detail
    outcome: StepOutcome = "undone" if entry.action == "rollback" else "applied"
    try:
        lists: dict[str, Any] = {
            name: tuple(read_as(noun, one) for one in a(list, detail.get(name, []))) for name, noun in _LISTS.items()
        }
        return StepReport(
            entry.version,
            str(entry.version),
            entry.name,
            entry.name.replace("_", " "),
            "",
            outcome if entry.outcome == "success" else "failed",
            entry.started_at,
            entry.duration_ms,
            measurements=tuple(_measurements(detail)),
            notices=tuple(str(notice) for notice in a(list, detail.get("notices", []))),
            error=str(detail.get("error", "")),
            is_half_done=detail.get("half_done") is True,
            **lists,
        )
    except FOREIGN:
        return None


def _measurements(detail: dict[str, Any]) -> Iterator[Measurement]:
    """Read the measures; when each was asked, and after which other, older versions did not say."""
    measures = a(dict, detail.get("measures", {}))
    order = {name: when == "before" for name, when in a(list, detail.get("measured", [])) if name in measures}
    for name in (*order, *(name for name in measures if name not in order)):
        yield read_as(Measurement, {"name": name, "value": measures[name], "before": order.get(name, False)})


def as_backup(entry: LogEntry) -> Backup | None:
    """Read what the log tells of a backup; None if it is not told, or otherwise."""
    detail = entry.detail
    told = {name: detail.get(name) for name in ("path", "size", "sha256")} | {"wal": detail.get("wal", "")}
    try:
        return read_as(Backup, {**told, "started_at": entry.started_at, "duration_ms": entry.duration_ms})
    except FOREIGN:
        return None


def queries(entry: LogEntry) -> dict[tuple[str, str], str]:
    """Return what each block asked, by verb and name; nothing where the log does not tell, as older ones do not."""
    found = {}
    told = entry.detail.get("queries")
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("verb", "name", "query")):
            found[one["verb"], one["name"]] = one["query"]
    return found
