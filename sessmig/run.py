"""The story of a run: discover, plan, lock, require, apply, check, record.

Knows the order of things; how each is done, the modules below know. Prints nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from time import monotonic

from sessmig import source
from sessmig.attempt import Attempt, carry_out, detail
from sessmig.errors import DatabaseError, LockError, PendingError, PlanError, SessmigError
from sessmig.failure import of_step
from sessmig.job import Job, find, refuse
from sessmig.ledger import Ledger
from sessmig.model import Migration, Plan, Step
from sessmig.plan import make_plan
from sessmig.results import Report, StepReport
from sessmig.source import Series
from sessmig.words import count, took


@dataclass(slots=True)
class _Run:
    """One run: what it is to do, and where it stands."""

    job: Job
    series: Series
    ledger: Ledger
    steps: list[Step]
    attempt: Attempt | None = None
    done: list[StepReport] = field(default_factory=list)
    failed: list[StepReport] = field(default_factory=list)


def migrate(job: Job) -> Report:
    """Carry out what is pending, each step in one transaction that begins with the lock.

    Raises:
        SessmigError: see `sessmig.errors`; its `report` tells what was done until then.
    """
    started = monotonic()
    series, ledger, plan = find(job)
    refuse(plan, ledger)
    report = Report(
        "dry-run" if job.dry_run else "migrate",
        series.name,
        job.database.label,
        standing=len(plan.applied),
        pending=tuple(m.title for m in plan.unread),
    )
    # Whatever is not applied yet is read whole before anything is locked or written, wanted now or not.
    steps = [source.read_step(migration, job.database.dialect) for migration in (*plan.pending, *plan.unread)]
    if not plan.pending:
        return report
    if job.pending == "error":
        raise _pending(plan, report)
    run = _Run(job, series, ledger, steps[: len(plan.pending)])
    job.emit("plan", f"{count(len(run.steps), 'migration')} pending")
    try:
        _carry_out_all(run)
    except SessmigError as error:
        told = _told(run, error)
        if job.single_transaction:
            run.done = [replace(step, outcome="rolled back") for step in run.done]
        told.report = replace(report, steps=(*run.done, *run.failed), duration_ms=_since(started))
        raise told from None
    return replace(report, steps=tuple(run.done), duration_ms=_since(started))


def _pending(plan: Plan, report: Report) -> PendingError:
    titles = tuple(migration.title for migration in plan.pending)
    error = PendingError(
        f"{count(len(titles), 'migration')} pending: {', '.join(titles)}",
        holds="Nothing was touched.",
        remedy="Run sessmig migrate.",
    )
    error.report = replace(report, pending=(*titles, *report.pending))
    return error


def _carry_out_all(run: _Run) -> None:
    """Open the transactions: one a step, or one around all of them."""
    job = run.job
    whole = job.single_transaction or job.dry_run
    with job.transaction() if whole else nullcontext():
        if not run.ledger.is_standing:
            with nullcontext() if whole else job.transaction():
                run.ledger.ensure()
        for step in run.steps:
            job.emit("step", f"{step.migration.title}: {step.script.description}", step.migration.title)
            with nullcontext() if whole else job.transaction():
                report = _apply(run, step, settle=whole)
            run.done.append(report)
            if not whole:
                run.attempt = None
                _say_done(job, report)
    if whole:
        for report in run.done:
            _say_done(job, report)


def _say_done(job: Job, report: StepReport) -> None:
    title = f"{report.label}_{report.name}"
    job.emit("done", f"{title}: {report.outcome} in {took(report.duration_ms)}", title, report)


def _apply(run: _Run, step: Step, *, settle: bool) -> StepReport:
    """Carry one step out and record it, unless somebody has done it since we looked."""
    run.attempt = attempt = Attempt(step)
    if not _is_still_pending(run, step.migration):
        return attempt.report("already applied")
    database = run.job.database
    carry_out(database, attempt)
    if settle:
        database.settle()
    report = attempt.report("would apply" if run.job.dry_run else "applied")
    run.ledger.record(step.migration, report)
    if not run.job.dry_run:  # whose rollback would leave a gap in the log's numbers
        run.ledger.log(
            step.migration,
            "apply",
            "success",
            started_at=report.started_at,
            duration_ms=report.duration_ms,
            detail=detail(report, step.script.text),
        )
    return report


def _is_still_pending(run: _Run, migration: Migration) -> bool:
    """Look again, now under the lock: another process, or another build, may have been faster."""
    if not run.ledger.read(since=migration.version):
        return True
    plan = make_plan(run.series.migrations, run.ledger.read(), run.job.wish)
    refuse(plan, run.ledger)
    return migration in plan.pending


def _told(run: _Run, error: SessmigError) -> SessmigError:
    """Put a failure into words and into the log; by now it has been rolled back."""
    attempt = run.attempt
    if attempt is None or isinstance(error, PlanError):
        label = run.job.database.label
        if isinstance(error, DatabaseError) and label not in error.what:
            error.what = f"{label}: {error.what}"
        error.holds = error.holds or _standing(run, None)
        return error
    step = attempt.step
    if len(run.done) == len(run.steps):
        run.done.pop()
        error.what = f"the commit of the whole run failed: {error.what}"
    told = of_step(step, error, attempt.picture.checks, standing=_standing(run, step, error))
    report = attempt.report("failed", str(error) if isinstance(error, LockError) else told.what)
    run.failed.append(report)
    if not run.job.dry_run and not isinstance(error, LockError):
        try:
            _log_failure(run, step, report)
        except SessmigError as silent:
            told.holds += f"\nThe failure could not be written to the log: {silent.what}"
    run.job.emit("failed", f"{step.migration.title}: {told.what}", step.migration.title, report)
    return told


def _log_failure(run: _Run, step: Step, report: StepReport) -> None:
    with run.job.transaction():
        run.ledger.ensure()
        run.ledger.log(
            step.migration,
            "apply",
            "failed",
            started_at=report.started_at,
            duration_ms=report.duration_ms,
            detail=detail(report, step.script.text),
        )


def _standing(run: _Run, failed: Step | None, error: SessmigError | None = None) -> str:
    """Say what the database holds now."""
    if failed and isinstance(error, DatabaseError) and error.escaped:
        return f"The database may hold what {failed.migration.title} did until then; it is not recorded as applied."
    if failed and isinstance(error, DatabaseError) and error.in_doubt:
        return f"The connection was lost at the commit: whether {failed.migration.title} stands, sessmig status tells."
    if run.job.dry_run:
        return "The database holds what it held before: it was a dry run."
    if run.job.single_transaction:
        return "The database holds what it held before: the whole run was rolled back."
    applied = [report.label + "_" + report.name for report in run.done if report.outcome == "applied"]
    before = f"{', '.join(applied)} stand{'s' if len(applied) == 1 else ''} applied" if applied else ""
    if failed is None:
        return f"The database: {before}." if before else "Nothing was applied."
    gone = f"nothing of {failed.migration.title} stays"
    return f"The database: {before}; {gone}." if before else f"The database holds what it held before; {gone}."


def _since(started: float) -> int:
    return round((monotonic() - started) * 1000)
