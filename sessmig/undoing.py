"""Carries a rollback out, step by step, and puts into words and into the log what stopped it.

Knows transactions, the ledger and the log; which steps are to be undone, `rollback` has decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from shlex import quote

from sessmig.allowance import Allowance
from sessmig.attempt import Attempt, detail
from sessmig.cutting import cut_off
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import CheckError, DatabaseError, PlanError, SessmigError, StoppedError
from sessmig.failure import of_contention, of_step
from sessmig.halfway import read_progress
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.log import backup_before
from sessmig.mended import why_not_on
from sessmig.model import Entry, Step
from sessmig.report import done_event
from sessmig.results import StepReport
from sessmig.retrying import name_blockers, persist
from sessmig.stage import stages
from sessmig.staging import Staging
from sessmig.standing import account, left_half_done, standing
from sessmig.stop import Stop
from sessmig.undo import undo, undo_staged


class Undoing:
    """The steps of one rollback, and where it stands.

    Args:
        job: where, and how.
        ledger: the ledger of the series.
        steps: the ways back, in their order.
        seen: the ledger rows of all that stood, or was half done, when this was decided.
        allowance: what may be lost though no `may-lose` names it.
    """

    def __init__(
        self, job: Job, ledger: Ledger, steps: list[Step], seen: Sequence[Entry], allowance: Allowance
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._steps = steps
        self._allowance = allowance
        self._seen = {entry.version: entry for entry in seen}
        self._attempt: Attempt | None = None
        self._staging: Staging | None = None
        """The way back that is carried out, where it takes several commits."""
        self._done: list[StepReport] = []
        self._failed: list[StepReport] = []

    @property
    def reports(self) -> tuple[StepReport, ...]:
        return (*self._done, *self._failed)

    def carry_out(self) -> None:
        """Undo one after the other; a dry run in one transaction, which is rolled back."""
        keys = enforces_foreign_keys(self._steps[0].script)
        with self._job.transaction(foreign_keys=keys) if self._job.dry_run else nullcontext():
            for step in self._steps:
                title = step.migration.title
                self._job.emit("step", f"{title}: its rollback", title)
                if step.script.is_staged and not self._job.dry_run:
                    report = self._undo_staged(step)
                else:
                    report = persist(self._job, step, partial(self._undo, step), again=self._begin_anew)
                self._attempt = self._staging = None
                self._done.append(report)
                if not self._job.dry_run:
                    self._say_done(report)
        for report in self._done if self._job.dry_run else ():
            self._say_done(report)

    def _begin_anew(self) -> None:
        self._attempt = None

    def _say_done(self, report: StepReport) -> None:
        self._job.emit(*done_event(report), report.title, report)

    def _undo(self, step: Step) -> StepReport:
        """Undo one step, unless somebody has done it since we looked."""
        if passed := self._passed_by(step):
            return passed
        self._attempt = Attempt(step, allowance=self._allowance)
        return undo(self._job, self._ledger, self._attempt)

    def _undo_staged(self, step: Step) -> StepReport:
        """Undo one step in several commits, or bring to its end what was begun of that."""
        attempt = Attempt(step, allowance=self._allowance)
        staging = Staging(self._job, self._ledger, step, is_undoing=True, attempt=attempt)
        return undo_staged(staging, partial(self._begin, step, staging))

    def _begin(self, step: Step, staging: Staging) -> StepReport | None:
        if passed := self._passed_by(step):
            return passed
        self._staging, self._attempt = staging, staging.attempt
        staging.begin()
        return None

    def _passed_by(self, step: Step) -> StepReport | None:
        """Look again, now under the lock: another process may have been faster."""
        version = step.migration.version
        now = {e.version: e for e in self._ledger.read(since=version) if e.is_applied or e.is_halfway}
        if version not in now:
            return replace(Attempt(step).report("already undone"), path=str(step.script.path))
        others = [e for e in now.values() if not _is_known(e, self._seen.get(e.version))]
        if others:
            raise PlanError(
                f"{others[-1].version} {others[-1].name} was applied meanwhile, by another process",
                holds=self._standing(None),
                remedy="See where it stands (sessmig status), and run it again.",
            )
        self._demand_same(step, now[version])
        if not self._ledger.is_standing:
            self._ledger.ensure()
        self._ledger.refuse_unfit()
        return None

    def _demand_same(self, step: Step, entry: Entry) -> None:
        """Refuse to begin from the start what is half undone, because its file says so no more."""
        progress = read_progress(entry.metadata) if entry.is_halfway else None
        if progress is None or not progress.undoing:
            return
        parts = stages(step.script, step.merges, self._job.database.dialect)
        if problem := why_not_on(step.migration, step.script, parts, progress):
            raise PlanError(f"{problem.kind}: {problem.text}", holds=self._standing(None), remedy=problem.remedy)

    def told(self, error: SessmigError) -> SessmigError:
        """Put what stopped the rollback into words and into the log."""
        attempt = self._attempt
        name_blockers(self._job, attempt.step if attempt else self._steps[0], error)
        stopped = CheckError | DatabaseError | StoppedError if self._staging else CheckError | DatabaseError
        if attempt is None or not isinstance(error, stopped):
            if isinstance(error, DatabaseError) and self._job.database.label not in error.what:
                error.what = f"{self._job.database.label}: {error.what}"
            if isinstance(error, DatabaseError) and error.is_contention:
                error = of_contention(error.what, error, standing="")
            error.holds = error.holds or self._standing(None)
            return error
        if attempt.losses and attempt.guard and not self._job.dry_run:
            attempt.losses = attempt.guard.completed(attempt.losses)
        step, path, staging = attempt.step, str(attempt.step.script.path), self._staging
        if staging:
            account(staging)
        seen = replace(attempt.report("failed"), path=path)
        told = of_step(step, error, seen, standing=self._standing(step, error))
        for words in ("or the migration", "mend the migration"):
            told.remedy = told.remedy.replace(words, words.replace("migration", "rollback file"))
        told.remedy += self._by_option(attempt) + self._way_round(step)
        is_half_done = bool(staging and staging.is_begun and not staging.is_undone)
        if staging and is_half_done:
            told = left_half_done(staging, told, error)
        report = replace(attempt.report("failed", told.what), path=path, is_half_done=is_half_done)
        self._failed.append(report)
        if not self._job.dry_run:
            self._log(step, report, told, "interrupted" if isinstance(error, StoppedError) else "failed")
        self._job.emit("failed", f"{step.migration.title}: {told.what}", step.migration.title, report)
        return told

    def _by_option(self, attempt: Attempt) -> str:
        """Name the option that lets a loss be; where it was given, more was lost than was agreed to."""
        if not attempt.losses:
            return ""
        if self._allowance.agreed:
            return "\nIt is more than was agreed to, as others have written meanwhile: run it again."
        return "\nOr, to lose that now: sessmig rollback --allow-loss"

    def _way_round(self, step: Step) -> str:
        """Name the backup that goes back as far, where there is one: its price is what was written since."""
        backup = ""
        with suppress(SessmigError):  # the connection may be gone
            backup = backup_before(self._job, self._ledger.series, step.migration.version)
        return f"\nOr go back to the backup from before it: {restoring(backup)}" if backup else ""

    def cut_off(self, ended: KeyboardInterrupt) -> None:
        """Note where the rollback stands that was interrupted, on the interrupt itself, and in the log."""
        attempt, staging = self._attempt, self._staging
        step = attempt.step if attempt else None
        told, is_done = cut_off(self._job, self._ledger, step, staging, is_undoing=True)
        if attempt and not is_done and not self._job.dry_run:
            if staging:
                account(staging)
            is_half_done = bool(staging and staging.is_begun and not staging.is_undone)
            report = replace(attempt.report("failed", "interrupted"), is_half_done=is_half_done)
            silent = SessmigError("", holds=told)
            self._log(attempt.step, replace(report, path=str(attempt.step.script.path)), silent, "interrupted")
            told = silent.holds
        ended.add_note(told)

    def _log(self, step: Step, report: StepReport, told: SessmigError, outcome: str) -> None:
        if self._staging:
            report = replace(report, statements=tuple(self._staging.here))
        kept = detail(report, step, told.holds)
        times = {"started_at": report.started_at, "duration_ms": report.duration_ms}
        try:
            job = replace(self._job, stop=Stop())  # to write what was stopped is not stopped too
            with job.transaction():
                if self._staging:
                    self._staging.leave("failed" if outcome == "failed" else "running", report.error)
                self._ledger.log(step.migration, "rollback", outcome, detail=kept, **times)  # type: ignore[arg-type]
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
        if self._staging and self._staging.is_begun and not self._staging.is_undone:
            stays = standing(self._staging)
            return f"The database: {before}; {stays}." if before else f"The database: {stays}."
        return f"The database: {before}; {stays}." if before else f"The database holds what it held before; {stays}."


def _is_known(entry: Entry, seen: Entry | None) -> bool:
    """Tell whether a row is as it was seen; one that is half done may get on, here or there."""
    return entry == seen or (seen is not None and seen.is_halfway and entry.is_halfway)


def restoring(backup: str) -> str:
    """Name the command that goes back to a backup, and its price."""
    return f"sessmig restore {quote(backup)} (what was written since is lost)"
