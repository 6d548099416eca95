"""Undoes one step within an open transaction: its rollback file, with that one's requires, checks and guard.

Knows what a way back is made of; knows nothing of locks and commits, and not which steps are to be undone.
"""

from __future__ import annotations

from dataclasses import replace

from sessmig.attempt import Attempt, carry_out, detail
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.model import Step
from sessmig.results import StepReport


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
    ledger.take_back(step.migration)
    if job.dry_run:  # whose rollback would leave a gap in the log's numbers
        return report
    ledger.log(
        step.migration,
        "rollback",
        "success",
        started_at=report.started_at,
        duration_ms=report.duration_ms,
        detail=detail(report, step.script.text),
    )
    return report
