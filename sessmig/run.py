"""The story of a run: discover, plan, read, lock, require, apply, check, record.

Knows the order of things; how each is done, the modules below know. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import monotonic

from sessmig.errors import DatabaseError, PendingError, SessmigError
from sessmig.job import Job, find
from sessmig.ledger import Ledger
from sessmig.model import Plan, Step
from sessmig.results import StepReport
from sessmig.run_report import Report
from sessmig.source import Series
from sessmig.wait import Held
from sessmig.words import count, since


def migrate(job: Job) -> Report:
    """Carry out what is pending, each step in one transaction that begins with the lock.

    Raises:
        SessmigError: see `sessmig.errors`; its `report` tells what was done until then.
    """
    started = monotonic()
    series, ledger, plan = _found(job)
    report = Report(
        "dry-run" if job.dry_run else "migrate",
        series.name,
        job.database.label,
        standing=len(plan.applied),
        pending=tuple(migration.title for migration in plan.later),
        idle=_idle(job, series, plan),
        held=_held(plan),
    )
    if not (plan.problems or plan.pending or plan.later):
        return report
    # Only now: an application that starts with nothing pending need not wait for what is imported here.
    from sessmig.carrying import Carrying
    from sessmig.enforcement import refuse_apart
    from sessmig.problems import refuse, refuse_lasting, refuse_mended
    from sessmig.reading import read_step

    refuse(plan, ledger)
    # Whatever is not applied yet is read whole before anything is locked or written, wanted now or not.
    versions = {held.version for held in report.held}
    held = [migration for migration in series.migrations if migration.version in versions]
    read = partial(read_step, dialect=job.database.dialect, in_blocks=True)
    steps = [read(migration) for migration in (*plan.pending, *plan.later, *held)]
    refuse_mended(plan, steps, job.database.dialect)
    if not plan.pending:
        return report
    todo = steps[: len(plan.pending)]
    sources = [step.script for step in todo]
    if job.dry_run:
        report, todo = _previewed(report, todo)
        if not todo:
            return report
        refuse_lasting(job, sources[: len(todo)])
    elif job.single_transaction:
        refuse_apart(sources)
    again = _again(job, series, plan)
    if job.pending == "error":
        raise _pending(plan, report, again)
    if job.throttle.max_lag is not None or job.throttle.query is not None:
        from sessmig.throttle import demand_askable

        demand_askable(job)
    job.emit("plan", f"{count(len(plan.pending), 'migration')} pending")
    for title, words in again.items():
        job.emit("plan", f"{title} was {words}, and is applied again")
    for ignored in (one for one in plan.held if one.ignored):
        job.emit("plan", f"--ignore-wait: {ignored.title} is run, though it would be held {ignored.how}")
    carrying = Carrying(job, series, ledger, todo)
    try:
        carrying.carry_out()
    except SessmigError as error:
        told = carrying.told(error)
        told.remedy += _had_before(error, plan, carrying.reports)
        made = carrying.backup.backup
        told.report = _carried(report, carrying.reports).with_(backup=made, duration_ms=since(started))
        raise told from None
    except KeyboardInterrupt as ended:
        carrying.cut_off(ended)
        raise
    finally:
        carrying.backup.prune()  # also after a failure: what fails at every start must not fill the disk
    report = _carried(report, carrying.reports).with_(backup=carrying.backup.backup)
    return report.with_(held=_held_now(job, report), duration_ms=since(started))


def _carried(report: Report, steps: tuple[StepReport, ...]) -> Report:
    """Add the steps; those that others have done meanwhile stand, as those do that stood before."""
    others = sum(step.outcome == "already applied" for step in steps)
    return report.with_(steps=steps, standing=report.standing + others)


def _had_before(error: SessmigError, plan: Plan, reports: Sequence[StepReport]) -> str:
    """Say what to do if the first step of all makes what the database has."""
    if plan.applied or len(reports) != 1 or not (isinstance(error, DatabaseError) and error.is_there_already):
        return ""
    step = reports[0]
    return f"\nIf the database had it before sessmig came, record {step.title} as done: sessmig baseline {step.version}"


def _found(job: Job) -> tuple[Series, Ledger, Plan]:
    """Read files and ledger; where a plan is given, refuse what is not as it was signed."""
    series, ledger, plan = find(job)
    if job.signed is not None:
        from sessmig.countersign import demand_whole
        from sessmig.signature import demand_signed

        demand_signed(job, job.signed, series, plan, ledger.read())
        demand_whole(job, job.signed)
    return series, ledger, plan


def _previewed(report: Report, steps: list[Step]) -> tuple[Report, list[Step]]:
    """Return those of the steps that one transaction can try out, and name the others."""
    from sessmig.enforcement import together, why_apart

    sources = [step.script for step in steps]
    number = together(sources)
    if number == len(steps):
        return report, steps
    titles = tuple(step.migration.title for step in steps[number:])
    return report.with_(unpreviewed=titles, why_unpreviewed=why_apart(sources)), steps[:number]


def _held(plan: Plan) -> tuple[Held, ...]:
    return tuple(one for one in plan.held if not one.ignored)


def _held_now(job: Job, report: Report) -> tuple[Held, ...]:
    """Look again at what is held: it may wait for a step that this run has applied."""
    if not report.held or job.dry_run:
        return report.held
    try:
        return _held(find(job.forgiving())[2])
    except SessmigError:  # the run itself is done and committed
        return report.held


def _idle(job: Job, series: Series, plan: Plan) -> str:
    """Say why nothing runs: what is left is held, or the one migration that was asked for does not run."""
    held = _held(plan)
    if job.wish.only is None and held and not (plan.pending or plan.later):
        return str(held[0]) if len(held) == 1 else f"{', '.join(one.title for one in held)} are held"
    if job.wish.only is None or plan.pending:
        return ""
    if one := next((one for one in plan.held if one.version == job.wish.only), None):
        return str(one)
    migration = next((m for m in series.migrations if m.version == job.wish.only), None)
    applied = job.wish.only in {entry.version for entry in plan.applied}
    title = migration.title if migration else f"migration {job.wish.only}"
    return f"{title} {'is applied already' if applied else 'stands below a baseline and counts as done'}"


def _again(job: Job, series: Series, plan: Plan) -> dict[str, str]:
    """Say of each pending migration that was applied before when it was rolled back, and by whom."""
    back = {m.version: m.title for m in plan.pending if m.version in plan.rolled_back}
    if not back:
        return {}
    from sessmig.log import rolled_back, rolled_back_words

    told = rolled_back(job, series.name, back)
    return {title: rolled_back_words(told.get(version)) for version, title in back.items()}


def _pending(plan: Plan, report: Report, again: dict[str, str]) -> PendingError:
    titles = tuple(migration.title for migration in plan.pending)
    named = [f"{title} ({again[title]})" if title in again else title for title in titles]
    error = PendingError(
        f"{count(len(titles), 'migration')} pending: {', '.join(named)}",
        holds="Nothing was touched.",
        remedy="Run sessmig migrate.",
    )
    error.report = report.with_(pending=(*titles, *report.pending))
    return error
