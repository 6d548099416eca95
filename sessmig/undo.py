"""Undoes one step, within an open transaction or in several: its rollback file, with its requires, checks and guard.

Knows what a way back is made of; knows not which steps are to be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sessmig.attempt import Attempt, carry_out, detail
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.mended import PassedError
from sessmig.model import Step
from sessmig.results import StatementResult, StepReport
from sessmig.retrying import persist
from sessmig.staging import Staging
from sessmig.standing import passed_by


def way_back(step: Step) -> Step | None:
    """Return the rollback of a step as a step of its own; None if there is no rollback file."""
    if step.rollback is None:
        return None
    return Step(step.migration, step.rollback, step.rollback_blocks, step.rollback_merges)


def why_not(step: Step) -> str:
    """Say why a step has no way back; empty if it has one."""
    if step.rollback is not None:
        return ""
    reason = step.script.directive("irreversible")
    return f"irreversible: {reason.argument}" if reason else "it has no rollback file"


def undo(job: Job, ledger: Ledger, attempt: Attempt) -> StepReport:
    """Carry a way back out and record that its migration is pending again; the caller's transaction keeps it or not.

    Args:
        job: where, and how.
        ledger: the ledger of the series.
        attempt: at the step that `way_back` gave.

    Raises:
        CheckError, DatabaseError: as `attempt.carry_out`; the caller rolls back, and `failure.of_step` finds words.
    """
    step = attempt.step
    carry_out(job.database, attempt, shared=job.within or job.dry_run)
    report = replace(attempt.report("would undo" if job.dry_run else "undone"), path=str(step.script.path))
    _record(job, ledger, step, report, report.statements)
    return report


def undo_staged(staging: Staging, begin: Callable[[], StepReport | None]) -> StepReport:
    """Carry a way back out that takes several commits, or bring it to its end; with no transaction open.

    Args:
        staging: at the step that `way_back` gave.
        begin: called within the first transaction, to begin it; returns a report where there is nothing to do.

    Raises:
        CheckError, DatabaseError: what stopped it; what is committed stays.
        PlanError: another process took the step elsewhere meanwhile.
    """
    from sessmig.staged import carry_staged

    step, path = staging.step, str(staging.step.script.path)

    def record(report: StepReport) -> None:
        _record(staging.job, staging.ledger, step, replace(report, path=path), tuple(staging.here))

    with staging.exclusive():
        if passed := persist(staging.job, step, begin, again=lambda: None):
            return passed
        try:
            return replace(carry_staged(staging, "undone", record), path=path)
        except PassedError as other:
            if other.status != "rolled_back":
                raise passed_by(step, other) from None
            return replace(staging.attempt.report("already undone"), path=path)


def _record(job: Job, ledger: Ledger, step: Step, report: StepReport, statements: tuple[StatementResult, ...]) -> None:
    from sessmig.batches import forget

    ledger.take_back(step.migration)
    forget(ledger, step.migration.version)
    if job.dry_run:  # whose rollback would leave a gap in the log's numbers
        return
    ledger.log(
        step.migration,
        "rollback",
        "success",
        started_at=report.started_at,
        duration_ms=report.duration_ms,
        detail=detail(replace(report, statements=statements), step),
    )
