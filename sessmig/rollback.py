"""The story of a rollback: look what stands, read every way back, then undo step by step, the newest first.

Knows the order of things and what is refused before the first one runs; how one step is undone, `undo` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

from sessmig.allowance import Allowance
from sessmig.enforcement import together, why_apart
from sessmig.errors import ConnectError, PlanError, SessmigError, UsageError
from sessmig.halfway import read_progress
from sessmig.head import top_directive
from sessmig.job import Job, find
from sessmig.ledger import Ledger
from sessmig.log import backup_before
from sessmig.model import Entry, Migration, Plan, Step
from sessmig.plan import Wish
from sessmig.problems import differences
from sessmig.reading import read_way_back
from sessmig.results import Event, StepReport
from sessmig.run_report import Report
from sessmig.source import Series
from sessmig.undoing import Undoing, restoring
from sessmig.words import count, since

Agree = Callable[[Sequence[StepReport]], None]
"""Asks whether the losses of these steps may be; raises if not."""


def roll_back(job: Job, to: int | None = None, *, allow_loss: bool = False, agree: Agree | None = None) -> Report:
    """Undo the newest migration, or all above a version, each in one transaction that begins with the lock.

    Args:
        job: where, and how.
        to: the version that stays the newest; 0 undoes all. Only the newest is undone, if None.
        allow_loss: what the loss guard finds may be lost; requires and checks have to hold all the same.
        agree: asked where `allow_loss` would let something go, when all was tried out and nothing is touched yet; more
            than it was asked for may not be lost.

    Raises:
        ConnectError: there is no such database.
        UsageError: there is no such version.
        PlanError: one of them cannot be undone; then none is.
        SessmigError: see `sessmig.errors`; its `report` tells what was done until then.
    """
    if agree and allow_loss and not job.dry_run:
        return _roll_back(job, to, _agreed(job, to, agree))
    return _roll_back(job, to, Allowance(None) if allow_loss else Allowance())


def _agreed(job: Job, to: int | None, agree: Agree) -> Allowance:
    """Try the rollback out, and ask for all that it would take away."""

    def waits(event: Event) -> None:
        if event.kind == "waiting" and job.on_event:
            job.on_event(event)

    try:
        tried = _roll_back(replace(job, dry_run=True, on_event=waits), to, Allowance(None))
    except SessmigError as error:
        error.holds = error.holds.replace("it was a dry run", "it was only tried out")
        raise
    if tried.unpreviewed:
        raise UsageError(
            f"{', '.join(tried.unpreviewed)}: what would be lost cannot be tried out: {tried.why_unpreviewed}",
            holds="Nothing was touched.",
            remedy="Roll back what stands above by itself; or give --yes, and what is lost is said afterwards.",
        )
    losing = [step for step in tried.steps if step.allowed]
    if losing:
        agree(losing)
    return Allowance({step.title: step.allowed for step in losing})


def _roll_back(job: Job, to: int | None, allowance: Allowance) -> Report:
    started = monotonic()
    if job.database.is_missing:
        raise ConnectError(f"{job.database.label}: there is no such database", remedy="Is that its right name?")
    job = replace(job, wish=Wish(allow_late=True))
    series, ledger, plan = find(job)
    chosen = _chosen(series, plan, to)
    report = Report("rollback", series.name, job.database.label, standing=len(plan.applied))
    if not chosen:
        idle = (
            "no migration is applied"
            if to is None or not (plan.applied or plan.halfway)
            else f"nothing above {to} is applied"
        )
        return report.with_(idle=idle, pending=_pending(plan))
    steps = _read(job, series, ledger, plan, chosen)
    if job.dry_run:
        sources = [step.script for step in steps]
        shown = together(sources)
        if shown < len(steps):
            titles = tuple(step.migration.title for step in steps[shown:])
            report = report.with_(unpreviewed=titles, why_unpreviewed=why_apart(sources))
            steps = steps[:shown]
        if not steps:
            return report.with_(pending=_pending(plan))
    job.emit("plan", f"{count(len(steps), 'migration')} to roll back")
    undoing = Undoing(job, ledger, steps, (*plan.applied, *plan.halfway), allowance)
    try:
        undoing.carry_out()
    except SessmigError as error:
        told = undoing.told(error)
        told.report = report.with_(steps=undoing.reports, duration_ms=since(started))
        raise told from None
    except KeyboardInterrupt as ended:
        undoing.cut_off(ended)
        raise
    # What was half done was pending all the while.
    pending = tuple(dict.fromkeys((*reversed([step.migration.title for step in steps]), *_pending(plan))))
    return report.with_(
        steps=undoing.reports, pending=_pending(plan) if job.dry_run else pending, duration_ms=since(started)
    )


def _pending(plan: Plan) -> tuple[str, ...]:
    return tuple(migration.title for migration in (*plan.pending, *plan.later))


def _chosen(series: Series, plan: Plan, to: int | None) -> list[Entry]:
    """Return what is to be undone: what is half done, then the highest version first, as a rehearsal has tried it."""
    applied = list(reversed(plan.halfway))
    applied += sorted(plan.applied, key=lambda entry: entry.version, reverse=True)
    if to is None:
        return applied[:1]
    known = {migration.version for migration in series.migrations} | {entry.version for entry in applied}
    if to != 0 and to not in known:
        raise UsageError(
            f"to {to}: there is no migration of this version",
            remedy="sessmig status lists them; --to 0 goes back to the beginning.",
        )
    return [entry for entry in applied if entry.version > to]


def _read(job: Job, series: Series, ledger: Ledger, plan: Plan, chosen: list[Entry]) -> list[Step]:
    """Read every way back, and refuse all if one of them is missing."""
    files = {migration.version: migration for migration in series.migrations}
    texts = ledger.texts([p.version for p in plan.problems if p.kind == "changed"])
    diffs = differences(plan, texts)
    # A rollback that is half done is to be brought to its end.
    problems = [problem for problem in plan.problems if problem.kind != "half undone"]
    found: dict[int, list[str]] = {}
    for entry in chosen:
        lines = []
        for problem in (problem for problem in problems if problem.version == entry.version):
            lines += [f"{problem.kind}: {problem.text}"]
            lines += [f"    {line}" for line in diffs.get(entry.version, "").splitlines()]
            lines += [f"    -> {problem.remedy}"]
        if lines := lines or _obstacle(job, series, entry, files[entry.version]):
            found[entry.version] = lines
    if found:
        raise _refusal(found, chosen, files)
    steps = [read_way_back(files[entry.version], job.database.dialect) for entry in chosen]
    return [step for step in steps if step]


def _obstacle(job: Job, series: Series, entry: Entry, migration: Migration) -> list[str]:
    """Say why a migration cannot be undone, and what serves instead."""
    if entry.status == "baseline":
        return [
            f"baseline: {migration.title}: it was not run here, so there is nothing to undo",
            f"    -> Go no further than to it: --to {entry.version}",
        ]
    reason = top_directive(migration.path, "irreversible", job.database.dialect)
    if migration.rollback and not reason:
        return []
    lines = [f"irreversible: {migration.title}: {reason.argument if reason else 'it has no rollback file'}"]
    if entry.is_halfway and read_progress(entry.metadata).undoing:
        return [
            f"half undone: {migration.title}: its rollback file is gone",
            "    -> Put it back as it was (git log --diff-filter=D finds it): it goes on where it stopped.",
        ]
    if backup := backup_before(job, series.name, entry.version):
        return [
            *lines,
            f"    -> The backup from before it: {restoring(backup)}",
        ]
    write = f"Write {migration.path.stem}.rollback.sql. " if not reason else ""
    return [*lines, f"    -> {write}The log knows of no backup from before it that is still there."]


def _refusal(found: dict[int, list[str]], chosen: list[Entry], files: dict[int, Migration]) -> PlanError:
    number = f"{len(found)} of {count(len(chosen), 'migration')}" if len(chosen) > 1 else "the newest migration"
    lines = [line for version in found for line in found[version]]
    above = [entry for entry in chosen if entry.version > max(found)]
    label = files[max(found)].label if max(found) in files else str(max(found))
    return PlanError(
        "\n".join([f"{number} cannot be rolled back:", *lines]),
        holds="Nothing was touched.",
        remedy=f"What stands above {label} can: sessmig rollback --to {max(found)}" if above else "",
    )
