"""Lays out what a run did, for people: a report is turned into lines of text.

Knows reports only; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, is_dataclass
from typing import Any

from sessmig.nothing import heading, held_back, nothing_done, titles
from sessmig.results import (
    Account,
    Backup,
    CheckResult,
    EventKind,
    Measurement,
    Outcome,
    StatementResult,
    StepReport,
)
from sessmig.row_words import effect_lines, loss_text, sides, told
from sessmig.run_report import Report
from sessmig.words import count, file_size, plain, short, shown, table, took

SIGNS = {"passed": "ok", "failed": "FAILED", "warned": "warning", "not re-runnable": "not re-runnable"}
_BEFORE = "needs the picture before the step"
_SAID = {
    "verified": "",
    "already applied": ", already applied by another process",
    "already undone": ", already rolled back by another process",
    "held": ", held back: what it waits for was rolled back meanwhile",
}


def check_lines(check: CheckResult, *, examples: bool = True) -> list[str]:
    """Put one failed or warning check into words, with its counter-examples."""
    what = f"{check.verb} failed" if check.outcome == "failed" else "warning"
    found = f"expected {check.expected}, found {check.found}" if check.expected else check.found
    lines = [f"{check.where}: {what}: {check.name}", f"    {found}"]
    if examples:
        lines += [f"    {line}" for line in example_lines(check)]
    return lines


def account_lines(account: Account) -> list[str]:
    """Put a row account that does not balance into words, with the rows that do not fit."""
    lines = [f"{account.where}: merge failed: {sides(account)}", f"    {account.found}"]
    return lines + [f"    {line}" for line in example_lines(account)]


def example_lines(found: CheckResult | Account) -> list[str]:
    """Lay the counter-examples of a check or account out as a small table."""
    if not found.examples:
        return []
    lines = table(found.columns, [tuple(map(told, row)) for row in found.examples])
    more = found.total - len(found.examples)
    return [*lines, f"... and {more:,} more"] if more > 0 else lines


def text_lines(report: Report, *, rows_of: Collection[Outcome] = ()) -> Iterator[str]:
    """Lay a whole report out as plain text.

    Args:
        report: what a run did.
        rows_of: of which outcomes to show the rows that were found; the message of an error shows them too.
    """
    yield heading(report)
    if report.backup:
        yield backup_line(report.backup)
    for step in report.steps:
        yield ""
        yield from step_lines(step, rows_of)
    yield ""
    yield from (str(held) for held in report.held if str(held) != report.idle)
    if report.unpreviewed:
        yield f"not previewed: {', '.join(report.unpreviewed)}: {report.why_unpreviewed}"
    yield summary(report)


def backup_line(backup: Backup) -> str:
    """Say in a line what a backup is."""
    if backup.by_another:
        return f"backup {backup.path}, made by another process"
    late = f"; the clock is behind the last backup, so this one is named after that: {backup.ahead}"
    return f"backup {backup.path}, {file_size(backup.size)} in {took(backup.duration_ms)}{late if backup.ahead else ''}"


def done_event(step: StepReport) -> tuple[EventKind, str]:
    """Return the event that tells of a step that is done, and its words; `passed` where this run has not done it."""
    if said := _SAID.get(step.outcome):
        return "passed", f"{step.title}: {said.removeprefix(', ')}"
    return "done", f"{step.title}: {step.outcome} in {took(step.duration_ms)}"


def step_lines(step: StepReport, rows_of: Collection[Outcome]) -> Iterator[str]:
    """Lay out what one step did."""
    done = {"undone": "rolled back", "would undo": "would be rolled back"}.get(step.outcome, step.outcome)
    said = _SAID.get(step.outcome, f", {done} in {took(step.duration_ms)}")
    yield f"{step.label} {step.name}{said}"
    if step.description != step.name.replace("_", " "):
        yield f"    {step.description}"
    if step.statements:
        yield "  rows by statement"
        rows = [
            (
                s.line,
                _what(s) + (f" (x {s.statements:,})" if s.statements > 1 else ""),
                "" if s.rows is None else f"{s.rows:,}",
            )
            for s in step.statements
        ]
        yield from (f"    {line}" for line in table(("line", "statement", "rows"), rows, numbers=(0, 2)))
    if step.effects:
        yield "  tables"
        yield from (f"    {line}" for line in effect_lines(step.effects))
    for loss in step.losses:
        yield f"  would be LOST, so it was rolled back: {loss_text(loss)}"
    for loss in step.allowed:
        yield f"  LOST  {loss_text(loss)}, as --allow-loss let it"
    for account in step.merges:
        yield f"  merge {sides(account)}"
        lines = _asked_again(account) if step.outcome == "verified" else _merge_lines(account)
        lines += example_lines(account) if account.outcome in rows_of else []
        yield from (f"    {line}" for line in lines)
    if step.measurements:
        yield "  measures"
        measured = [(m.name, _value(m) if m.before else "", "" if m.before else _value(m)) for m in step.measurements]
        yield from (f"    {line}" for line in table(("", "before", "after"), measured, numbers=(1, 2)))
    if step.checks:
        yield "  checks"
        width = max(len(SIGNS[check.outcome]) for check in step.checks)
        for check in step.checks:
            yield f"    {SIGNS[check.outcome].ljust(width)}  {_finding(check)}"
            if check.outcome in rows_of:
                yield from (f"      {' ' * width}{line}" for line in example_lines(check))
    for notice in step.notices:
        yield f"  {notice}"


def _what(statement: StatementResult) -> str:
    """Name a statement; one that a query gave, by its own text."""
    return f"  {' '.join(statement.text.split())}" if statement.text else f"{statement.verb} {statement.target}".strip()


def _asked_again(account: Account) -> list[str]:
    return [f"{SIGNS[account.outcome]}  {account.found or 'nothing is missing'}"]


def _merge_lines(account: Account) -> list[str]:
    rows = [(f"rejected: {rule}", number) for rule, number in account.rejected]
    rows += [("missing", account.missing)] if account.missing else []
    known = [("inserted", account.inserted), ("identical", account.identical), ("differing", account.differing)]
    cells = [("source", f"{account.source:,}"), *((name, f"{number:,}") for name, number in [*known, *rows])]
    lines = table([name for name, _ in cells], [[cell for _, cell in cells]], numbers=range(len(cells)))
    return [*lines, f"FAILED  {account.found}"] if account.found else lines


def _value(measurement: Measurement) -> str:
    return short(shown(measurement.value), 30)


def _finding(check: CheckResult) -> str:
    verb = "" if check.verb == "check" or check.outcome == "warned" else f"{check.verb}: "
    found = "" if check.outcome == "passed" else _found(check)
    return f"{verb}{check.name}" + (f": {found}" if found else "")


def _found(check: CheckResult) -> str:
    if check.outcome == "not re-runnable":  # the last line tells of the usual reason
        return "" if check.found == _BEFORE else check.found
    return f"found {check.found}" if check.expected and check.found else check.found


def summary(report: Report) -> str:
    """Return the last line of a report: what came of the run."""
    checks = [found for step in report.steps for found in step.findings]
    passed = sum(check.outcome == "passed" for check in checks)
    warned = sum(check.outcome == "warned" for check in checks)
    failed = sum(check.outcome == "failed" for check in checks)
    again = sum(check.outcome == "not re-runnable" for step in report.steps for check in step.checks)
    gone = sum(account.outcome == "not re-runnable" for step in report.steps for account in step.merges)
    parts = [f"{passed} of {count(len(checks) - warned - again - gone, 'check')} held"] if checks else []
    parts += [count(warned, "warning")] if warned else []
    parts += [f"{again} not re-runnable, as they need {_needed(checks)}"] if again else []
    parts += [f"{count(gone, 'merge')} not re-runnable"] if gone else []
    if report.action == "verify":
        nothing = f"{count(report.standing, 'migration')} applied, none with a verify file"
        half = f"; half done and not verified: {', '.join(report.half_done)}" if report.half_done else ""
        return ("VERIFICATION FAILED: " if failed else "verified: ") + (", ".join(parts) or nothing) + half
    if not report.steps and report.unpreviewed:
        return (
            f"nothing was tried out: {len(report.unpreviewed)} pending, not previewed ({', '.join(report.unpreviewed)})"
        )
    if not report.steps:
        return nothing_done(report)
    if report.action == "rollback":
        return _rollback_summary(report, parts)
    verb = "would be applied (dry run: everything was rolled back)" if report.action == "dry-run" else "applied"
    done = sum(step.outcome in ("applied", "would apply") for step in report.steps)
    others = sum(step.outcome == "already applied" for step in report.steps)
    head = f"{count(done, 'migration')} {verb} in {took(report.duration_ms)}"
    head += f", {others:,} by others meanwhile" if others else ""
    if others and others == len(report.steps):
        head = f"nothing left to do: others have applied {count(others, 'migration')} meanwhile"
    if stopped := [step for step in report.steps if step.outcome == "failed"]:
        stays = "stays half done" if stopped[0].is_half_done else "was rolled back"
        head += f", {stopped[0].label} {stopped[0].name} FAILED and {stays}"
    if report.pending:
        parts.append(f"{len(report.pending)} still pending ({titles(report)})")
    return ", ".join([head, *parts, *held_back(report)])


def _needed(findings: list[CheckResult | Account]) -> str:
    found = [one.found for one in findings if one.outcome == "not re-runnable"]
    gone = sum(one != _BEFORE for one in found)
    before = _BEFORE.removeprefix("needs ")
    return before if not gone else "what is gone" if gone == len(found) else f"{before}, or what is gone"


def _rollback_summary(report: Report, parts: list[str]) -> str:
    undone = [step for step in report.steps if step.outcome in ("undone", "would undo")]
    is_dry = any(step.outcome == "would undo" for step in report.steps)
    verb = "would be rolled back (dry run: nothing was kept)" if is_dry else "rolled back"
    head = ", ".join([f"{count(len(undone), 'migration')} {verb} in {took(report.duration_ms)}", *parts])
    if stopped := [step for step in report.steps if step.outcome == "failed"]:
        stays = "is half done" if stopped[0].is_half_done else "nothing of it stays"
        head += f", the rollback of {stopped[0].label} {stopped[0].name} FAILED, and {stays}"
    titles = ", ".join(step.title for step in reversed(undone[-3:])) + (", ..." if len(undone) > 3 else "")
    are, them = ("is", "it") if len(undone) == 1 else ("are", "them")
    again = f"; {titles} {are} pending again: the next migrate, or start of the application, applies {them}"
    return head + (again if undone and not is_dry else "")


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON knows it; bytes are written as SQL writes them."""
    known: dict[str, Any] = plain({name: _parts(value) for name, value in report.values().items()})
    return known


def _parts(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_parts(inner) for inner in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
