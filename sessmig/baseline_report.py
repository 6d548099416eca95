"""Lays out what was recorded without being run, for people and as JSON.

Knows reports only; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from sessmig.recorded import BaselineReport, History, Recorded
from sessmig.report import SIGNS, account_lines, check_lines
from sessmig.results import Account, CheckResult
from sessmig.terminal import Shrink, fitted, joined
from sessmig.words import count, plain

_HEAD = ("version", "name", "there", "matched by", "", "file", "checks")
_WHEN = 4
_SHRINKS = (Shrink(1, 32), Shrink(4, 10, mark=""), Shrink(2, 20), Shrink(1, 12), Shrink(4), Shrink(2, 12))


def baseline_lines(report: BaselineReport, *, width: int | None = None) -> Iterator[str]:
    """Lay out what was recorded, or would be.

    Args:
        report: what.
        width: of the terminal; None where there is none.
    """
    yield f"{report.series} on {report.database}"
    if report.history:
        yield _read(report.history)
    if report.recorded:
        yield ""
        yield from (f"  {line}" for line in _table(report, None if width is None else width - 2))
    for found in (found for one in report.recorded for found in one.findings if found.outcome != "passed"):
        yield ""
        yield from (f"  {line}" for line in _finding(found))
    yield from _rest(report)
    yield ""
    yield summary(report)


def _table(report: BaselineReport, width: int | None) -> Iterator[str]:
    rows = [_row(one) for one in report.recorded]
    kept = [n for n in range(len(_HEAD)) if n in (0, 1) or any(row[n] for row in rows)]
    # A time without a zone is that of whoever wrote it.
    is_utc = all(one.is_utc_there for one in report.recorded if one.applied_there)
    when = "applied (UTC)" if is_utc else "applied (as written there)"
    head = tuple(when if n == _WHEN else _HEAD[n] for n in kept)
    rows = [tuple(row[n] for n in kept) for row in rows]
    shrinks = [replace(shrink, column=kept.index(shrink.column)) for shrink in _SHRINKS if shrink.column in kept]
    yield from (joined(row) for row in fitted(head, rows, width=width, shrinks=shrinks))


def _read(history: History) -> str:
    return f"read from {history.table}, the history of {history.tool}: {count(len(history.pasts), 'migration')} applied"


def _row(one: Recorded) -> tuple[str, ...]:
    same = {True: "the same", False: "another text", None: ""}[one.is_same_text]
    return (one.label, one.name, one.id_there, one.matched_by, one.applied_there, same, _checks(one))


def _checks(one: Recorded) -> str:
    """Say in short what became of the checks."""
    if not one.findings:
        return ""
    asked = [found for found in one.findings if found.outcome != "not re-runnable"]
    held = sum(found.outcome == "passed" for found in asked)
    warned = sum(found.outcome == "warned" for found in asked)
    words = [f"{held} of {len(asked) - warned} held"] if len(asked) > warned else []
    words += [count(warned, "warning")] if warned else []
    again = len(one.findings) - len(asked)
    return ", ".join([*words, *([f"{again} {SIGNS['not re-runnable']}"] if again else [])])


def _finding(found: CheckResult | Account) -> list[str]:
    if found.outcome == "not re-runnable":
        return [f"{found.where}: not asked: {found.name}", f"    {found.found}"]
    return check_lines(found) if isinstance(found, CheckResult) else account_lines(found)


def _rest(report: BaselineReport) -> Iterator[str]:
    """Name whatever is not recorded, and why."""
    told = []
    if report.history:
        told += [f"not applied there: {note}" for note in report.history.notes]
        told += [f"no file here, not recorded: {title}" for title in report.absent]
    told += [
        f"not applied, though something above it is: {title}; sessmig migrate --allow-late runs it"
        for title in report.late
    ]
    if told:
        yield ""
    yield from (f"  {line}" for line in told)


def summary(report: BaselineReport) -> str:
    """Say what was recorded in one line."""
    parts = [f"{len(report.standing)} recorded already"] if report.standing else []
    left = f"{len(report.pending)} pending" if report.pending else "none pending"
    more = f" ({', '.join(report.pending[:3])}{', ...' if report.pending[3:] else ''})" if report.pending else ""
    if not report.recorded:
        return f"nothing to record: {', '.join([*parts, left + more])}"
    failed = sum(len(one.failed) for one in report.recorded)
    parts += [f"{count(failed, 'check')} did not hold and {'was' if failed == 1 else 'were'} ignored"] if failed else []
    if other := sum(one.is_same_text is False for one in report.recorded):
        parts.append(f"{other} of another text than {report.history.tool if report.history else 'it'} ran")
    if not report.history and not any(one.findings for one in report.recorded):
        parts.append("no check was asked, as no verify file has one")
    number = count(len(report.recorded), "migration")
    head = f"{number} would be recorded as done" if report.is_dry else f"{number} recorded as done, nothing was run"
    return ", ".join([head, *parts, left + more])


def baseline_json(report: BaselineReport) -> dict[str, Any]:
    """Return what was recorded as JSON knows it."""
    known: dict[str, Any] = plain(asdict(report))
    return known
