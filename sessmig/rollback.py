"""The story of a rollback: look what stands, read every way back, then undo step by step, the newest first.

Knows the order of things and what is refused before the first one runs; how one step is undone, `undo` knows.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from shlex import quote
from time import monotonic

from sessmig.attempt import Attempt, detail
from sessmig.errors import CheckError, ConnectError, DatabaseError, PlanError, SessmigError, UsageError
from sessmig.failure import of_step
from sessmig.head import top_directive
from sessmig.job import Job, find
from sessmig.ledger import Ledger
from sessmig.log import backup_before
from sessmig.model import Entry, Migration, Plan, Step
from sessmig.plan import Wish
from sessmig.problems import differences
from sessmig.reading import read_way_back
from sessmig.results import Report, StepReport
from sessmig.source import Series
from sessmig.undo import undo
from sessmig.words import count, since, took


def roll_back(job: Job, to: int | None = None) -> Report:
    """Undo the newest migration, or all above a version, each in one transaction that begins with the lock.

    Args:
        job: where, and how.
        to: the version that stays the newest; 0 undoes all. Only the newest is undone, if None.

    Raises:
        ConnectError: there is no such database.
        UsageError: there is no such version.
        PlanError: one of them cannot be undone; then none is.
        SessmigError: see `sessmig.errors`; its `report` tells what was done until then.
    """
    started = monotonic()
    if job.database.is_missing:
        raise ConnectError(f"{job.database.label}: there is no such database", remedy="Is that its right name?")
    job = replace(job, wish=Wish(allow_late=True))
    series, ledger, plan = find(job)
    chosen = _chosen(series, plan, to)
    report = Report("rollback", series.name, job.database.label, standing=len(plan.applied))
    if not chosen:
        idle = "no migration is applied" if to is None or not plan.applied else f"nothing above {to} is applied"
        return replace(report, idle=idle, pending=_pending(plan))
    steps = _read(job, series, ledger, plan, chosen)
    job.emit("plan", f"{count(len(steps), 'migration')} to roll back")
    undoing = _Undoing(job, ledger, steps, {entry.version: entry for entry in chosen})
    try:
        undoing.carry_out()
    except SessmigError as error:
        told = undoing.told(error)
        told.report = replace(report, steps=undoing.reports, duration_ms=since(started))
        raise told from None
    pending = (*reversed([step.migration.title for step in steps]), *_pending(plan))
    return replace(
        report, steps=undoing.reports, pending=_pending(plan) if job.dry_run else pending, duration_ms=since(started)
    )


def _pending(plan: Plan) -> tuple[str, ...]:
    return tuple(migration.title for migration in (*plan.pending, *plan.later))


def _chosen(series: Series, plan: Plan, to: int | None) -> list[Entry]:
    """Return what is to be undone, the highest version first: the order in which a rehearsal has tried it."""
    applied = sorted(plan.applied, key=lambda entry: entry.version, reverse=True)
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
    found: dict[int, list[str]] = {}
    for entry in chosen:
        lines = []
        for problem in (problem for problem in plan.problems if problem.version == entry.version):
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
    if backup := backup_before(job, series.name, entry.version):
        return [
            *lines,
            f"    -> The backup from before it: {_restore(backup)}",
        ]
    write = f"Write {migration.path.stem}.rollback.sql. " if not reason else ""
    return [*lines, f"    -> {write}The log knows of no backup from before it that is still there."]


def _restore(backup: str) -> str:
    return f"sessmig restore {quote(backup)} (what was written since is lost)"


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


class _Undoing:
    """The steps of one rollback, and where it stands.

    Args:
        job: where, and how.
        ledger: the ledger of the series.
        steps: the ways back, in their order.
        seen: the ledger rows that this was decided by.
    """

    def __init__(self, job: Job, ledger: Ledger, steps: list[Step], seen: dict[int, Entry]) -> None:
        self._job = job
        self._ledger = ledger
        self._steps = steps
        self._seen = seen
        self._attempt: Attempt | None = None
        self._done: list[StepReport] = []
        self._failed: list[StepReport] = []

    @property
    def reports(self) -> tuple[StepReport, ...]:
        return (*self._done, *self._failed)

    def carry_out(self) -> None:
        """Undo one after the other; a dry run in one transaction, which is rolled back."""
        with self._job.transaction() if self._job.dry_run else nullcontext():
            for step in self._steps:
                title = step.migration.title
                self._job.emit("step", f"{title}: its rollback", title)
                with self._own_transaction():
                    report = self._undo(step)
                self._attempt = None
                self._done.append(report)
                if not self._job.dry_run:
                    self._say_done(report)
        for report in self._done if self._job.dry_run else ():
            self._say_done(report)

    def _own_transaction(self) -> AbstractContextManager[None]:
        return nullcontext() if self._job.dry_run else self._job.transaction()

    def _say_done(self, report: StepReport) -> None:
        self._job.emit("done", f"{report.title}: {report.outcome} in {took(report.duration_ms)}", report.title, report)

    def _undo(self, step: Step) -> StepReport:
        """Undo one step, unless somebody has done it since we looked."""
        version = step.migration.version
        applied = {e.version: e for e in self._ledger.read(since=version) if e.is_applied}
        if version not in applied:
            return replace(Attempt(step).report("already undone"), path=str(step.script.path))
        others = [e for e in applied.values() if e.version > version or e != self._seen[version]]
        if others:
            raise PlanError(
                f"{others[-1].version} {others[-1].name} was applied meanwhile, by another process",
                holds=self._standing(None),
                remedy="See where it stands (sessmig status), and run it again.",
            )
        if not self._ledger.is_standing:
            self._ledger.ensure()
        self._attempt = Attempt(step)
        return undo(self._job, self._ledger, self._attempt)

    def told(self, error: SessmigError) -> SessmigError:
        """Put what stopped the rollback into words and into the log."""
        attempt = self._attempt
        if attempt is None or not isinstance(error, CheckError | DatabaseError):
            if isinstance(error, DatabaseError) and self._job.database.label not in error.what:
                error.what = f"{self._job.database.label}: {error.what}"
            error.holds = error.holds or self._standing(None)
            return error
        if attempt.losses and attempt.guard and not self._job.dry_run:
            attempt.losses = attempt.guard.completed(attempt.losses)
        step, path = attempt.step, str(attempt.step.script.path)
        seen = replace(attempt.report("failed"), path=path)
        told = of_step(step, error, seen, standing=self._standing(step, error))
        told.remedy = told.remedy.replace("or the migration", "or the rollback file")
        told.remedy += self._way_round(step)
        report = replace(attempt.report("failed", told.what), path=path)
        self._failed.append(report)
        if not self._job.dry_run:
            self._log(step, report, told)
        self._job.emit("failed", f"{step.migration.title}: {told.what}", step.migration.title, report)
        return told

    def _way_round(self, step: Step) -> str:
        """Name the backup that goes back as far, where there is one: its price is what was written since."""
        backup = ""
        with suppress(SessmigError):  # the connection may be gone
            backup = backup_before(self._job, self._ledger.series, step.migration.version)
        return f"\nOr go back to the backup from before it: {_restore(backup)}" if backup else ""

    def _log(self, step: Step, report: StepReport, told: SessmigError) -> None:
        kept = detail(report, step.script.text)
        times = {"started_at": report.started_at, "duration_ms": report.duration_ms}
        try:
            with self._job.transaction():
                self._ledger.log(step.migration, "rollback", "failed", detail=kept, **times)  # type: ignore[arg-type]
        except SessmigError as silent:
            told.holds += f"\nThe failure could not be written to the log: {silent.what}"

    def _standing(self, failed: Step | None, error: SessmigError | None = None) -> str:
        """Say what the database holds now."""
        title = failed.migration.title if failed else ""
        if isinstance(error, DatabaseError) and error.escaped:
            return f"The database may hold what the rollback of {title} did until then; {title} is recorded as applied."
        if isinstance(error, DatabaseError) and error.in_doubt:
            return f"The connection was lost at the commit: whether {title} stands, sessmig status tells."
        if self._job.dry_run:
            return "The database holds what it held before: it was a dry run."
        undone = [report.title for report in self._done if report.outcome == "undone"]
        before = f"{', '.join(undone)} {'is' if len(undone) == 1 else 'are'} rolled back" if undone else ""
        if not failed:
            return f"The database: {before}." if before else "Nothing was rolled back."
        stays = f"{title} stands as it did, and nothing of its rollback stays"
        return f"The database: {before}; {stays}." if before else f"The database holds what it held before; {stays}."
