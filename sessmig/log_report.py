"""Lays the log out for people: a line for each attempt, or all that is known of one migration's.

Knows log entries; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sessmig.chronicle import by_script
from sessmig.log import LogEntry, LogReport
from sessmig.logged import as_step
from sessmig.model import ADOPTED
from sessmig.report import step_lines
from sessmig.terminal import Shrink, fitted, joined
from sessmig.words import count, plain, shown, took

_LAID_OUT = {"statements", "checks", "measures", "merges", "effects", "losses", "allowed", "notices", "error", "text"}
_LAID_OUT |= {"run", "queries", "half_done", "measured", "not_asked", "resumed"}  # what `sessmig report` shows
_SHRINKS = (
    Shrink(7, 40),
    Shrink(6),
    Shrink(5),
    Shrink(2, 28),
    Shrink(4),
    Shrink(0, 16, mark=""),  # without the seconds
    Shrink(7, 20),
    Shrink(0, 10, mark=""),  # the date
    Shrink(2, 16),
    Shrink(7, 12),
    Shrink(7),
    Shrink(0),
    Shrink(2, 8),
)
"""What was attempted, and with what outcome, stays longest; `--version V` and `--json` tell all."""
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")


def log_lines(report: LogReport, *, width: int | None = None) -> Iterator[str]:
    """Lay a log out; with the details, where one migration was asked for.

    Args:
        report: the attempts.
        width: of the terminal; None where there is none.
    """
    yield f"{report.series} on {report.database}"
    yield ""
    if not report.is_standing:
        yield "there is no log: sessmig has applied nothing here"
        return
    if report.earlier:
        yield f"  ... {count(report.earlier, 'earlier attempt')}; --limit N shows more"
    if report.version is None:
        rows = [_row(entry) for entry in report.entries]
        head = ("when (UTC)", "action", "migration", "outcome", "took", "by", "sessmig", "")
        room = None if width is None else width - 2
        laid = fitted(head, rows, width=room, shrinks=_SHRINKS) if rows else ()
        yield from (f"  {joined(row)}" for row in laid)
    for entry in report.entries if report.version is not None else ():
        yield from _whole(entry)
        yield ""
    number = len(report.entries) + report.earlier
    yield f"{count(number, 'attempt')}{'' if report.version is None else f' at {report.version}'}"


def log_json(report: LogReport) -> dict[str, Any]:
    """Return a log as JSON knows it."""
    known: dict[str, Any] = plain(asdict(report))
    return known


def _row(entry: LogEntry) -> tuple[str, ...]:
    return (
        entry.started_at,
        entry.action,
        entry.title,
        entry.outcome,
        took(entry.duration_ms),
        entry.done_by,
        entry.sessmig_version,
        _in_short(entry),
    )


def _in_short(entry: LogEntry) -> str:
    """Say in one line what came of an attempt."""
    detail = entry.detail
    if error := str(detail.get("error", "")):
        return error.partition("\n")[0]
    if path := detail.get("path"):
        return str(path)
    parts = []
    if entry.action in ("apply", "rollback"):
        statements = [s for s in detail.get("statements", ()) if s.get("verb") in _CHANGING]
        rows = sum(s.get("rows") or 0 for s in statements)
        by_script = "run_by" in detail
        parts.append("run by script, rows not counted" if by_script else count(rows, "row"))
        found = [*detail.get("checks", ()), *detail.get("merges", ())]
        for outcome, words in (("passed", "check"), ("warned", "warning")):
            if number := sum(one.get("outcome") == outcome for one in found):
                parts.append(count(number, words) + (" held" if outcome == "passed" else ""))
    if "ignored_wait" in detail:
        parts.append("--ignore-wait")
    if entry.action == "baseline":
        parts += _recorded(detail)
    elif "checksum" in detail:
        parts.append(f"taken as it is now ({str(detail['checksum'])[:12]})")
    return ", ".join(parts)


def _recorded(detail: dict[str, Any]) -> Iterator[str]:
    """Say of what was recorded without being run who said so, and what was asked."""
    if tool := detail.get(ADOPTED):
        yield f"as {tool}'s {detail.get('adopted_table', 'history')} has it"
    found = [*detail.get("checks", ()), *detail.get("merges", ())]
    if held := sum(one.get("outcome") == "passed" for one in found):
        yield f"{count(held, 'check')} held"
    if failed := sum(one.get("outcome") == "failed" for one in found):
        yield f"{count(failed, 'check')} did not hold and {'was' if failed == 1 else 'were'} ignored"


def _whole(entry: LogEntry) -> Iterator[str]:
    yield (
        f"{entry.started_at}  {f'{entry.action} {entry.title}'.strip()}: {entry.outcome} in {took(entry.duration_ms)}, "
        f"by {entry.done_by} with sessmig {entry.sessmig_version}"
    )
    for line in str(entry.detail.get("error", "")).splitlines():
        yield f"    {line}"
    if report := as_step(entry):
        if "run_by" in entry.detail:
            left_out = entry.detail.get("not_asked")
            yield f"  {by_script(left_out if isinstance(left_out, list) else ())}"
        yield from list(step_lines(report, {"failed", "warned"}))[1:]
    for name, value in entry.detail.items():
        if name not in _LAID_OUT or report is None:
            yield from _value(name, value)


def _value(name: str, value: Any) -> Iterator[str]:
    first, *more = (shown(value) if value is None or isinstance(value, bool) else str(value)).splitlines() or [""]
    yield f"  {name.replace('_', ' ')}: {first}"
    yield from (f"    {line}" for line in more)
