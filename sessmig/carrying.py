"""Carries the steps of a run out, each in its transaction under the lock, and records them.

Knows transactions, the ledger and the log; what a step does within its transaction, `attempt` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sessmig.attempt import Attempt, carry_out, detail
from sessmig.backup import RunBackup
from sessmig.cutting import cut_off
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import DatabaseError, LockError, PlanError, SessmigError, StoppedError
from sessmig.failure import of_contention, of_step
from sessmig.job import Job, planned
from sessmig.ledger import Ledger
from sessmig.ledger_start import begin_ledger
from sessmig.mended import PassedError
from sessmig.model import Entry, Step
from sessmig.problems import refuse
from sessmig.report import done_event
from sessmig.results import StepOutcome, StepReport
from sessmig.retrying import name_blockers, persist
from sessmig.source import Series
from sessmig.standing import account, left_half_done, of_run, passed_by
from sessmig.stop import Stop
from sessmig.wait import Held

if TYPE_CHECKING:
    from sessmig.staging import Staging

_Done = TypeVar("_Done")

_PATIENCE = 2.0
"""Seconds that the account of a half-done step waits for the lock."""


class Carrying:
    """The steps of one run, and where it stands.

    Args:
        job: what is to be run, where, and how.
        series: the series, for a second look at the plan.
        ledger: its ledger.
        steps: the steps, in their order.
    """

    def __init__(self, job: Job, series: Series, ledger: Ledger, steps: list[Step]) -> None:
        self._job = job
        self._series = series
        self._ledger = ledger
        self._steps = steps
        self._whole = job.single_transaction or job.dry_run
        self._attempt: Attempt | None = None
        self._begun: Attempt | None = Attempt(steps[0])
        """The step that is next, from before it has its lock until it stands."""
        self._staging: Staging | None = None
        """The step that is carried out, where it takes several commits."""
        self._known: frozenset[Entry] = frozenset()
        """The ledger's rows when it was last read whole; above a pending step there were none before that."""
        self._open = frozenset(step.migration.version for step in steps)  # what nobody had done by then
        self._held: dict[int, Held] = {}
        """What a `wait` held back by then, or would have."""
        self.backup = RunBackup(job, ledger)
        self._wal = ""
        self._committing = False
        self._done: list[StepReport] = []
        self._failed: list[StepReport] = []

    @property
    def reports(self) -> tuple[StepReport, ...]:
        """What was done until now, and what failed."""
        return (*self._done, *self._failed)

    def carry_out(self) -> None:
        """Open the transactions, one a step or one around all of them, and carry the steps out.

        Raises:
            SessmigError: what stopped it, for `told`; by then it has been rolled back.
        """
        self.backup.prepare()
        keys = enforces_foreign_keys(self._steps[0].script)
        with self._job.transaction(foreign_keys=keys) if self._whole else nullcontext():
            if not self._ledger.is_standing:
                self._persist(self._steps[0], self._begin_ledger)
                if not self._whole:
                    self.backup.keep_log()
            for step in self._steps:
                title, self._begun = step.migration.title, Attempt(step)
                self._job.emit("step", f"{title}: {step.script.description}", title)
                is_open = step.migration.version in self._open
                report = self._carried(step) if is_open else self._passed_by(Attempt(step))
                self._done.append(report)
                if not self._whole:
                    self._attempt = self._begun = None  # it stands; whatever comes now is not its failure
                    self.backup.keep_log()
                    self._say_done(report)
            self._committing = self._whole
        self._attempt = None
        self.backup.keep_log()
        if self._whole:
            for report in self._done:
                self._say_done(report)

    def _persist(self, step: Step, carry: Callable[[], _Done]) -> _Done:
        """Do it in a transaction of its own, where the run is not one; again, where others were in the way."""
        return persist(self._job, step, carry, again=self._begin_anew)

    def _begin_anew(self) -> None:
        self._attempt = self._staging = None

    def _carried(self, step: Step) -> StepReport:
        """Carry one step out, in one transaction or in several."""
        if not step.script.is_staged or self._whole or self._job.within:
            return self._persist(step, partial(self._apply, step))
        # Only now: an application whose steps are all plain need not wait for what is imported here.
        from sessmig.staged import carry_staged
        from sessmig.staging import Staging

        with Staging(self._job, self._ledger, step).exclusive():
            passed = self._persist(step, partial(self._begin, step))
            self.backup.keep_log()
            if passed or not (staging := self._staging):
                return passed or self._passed_by(Attempt(step))
            try:
                report = carry_staged(staging, "applied", partial(self._record, step))
                report = replace(report, duration_ms=staging.spent_ms)
            except PassedError as other:
                if other.status != "success":
                    self._attempt = None
                    raise passed_by(step, other) from None
                report = self._passed_by(staging.attempt)
        self._staging = None
        return report

    def _begin(self, step: Step) -> StepReport | None:
        """Begin a step of several commits, or go on with it; return a report where there is nothing to do."""
        if not self._is_still_pending(step):
            return self._passed_by(Attempt(step))
        self._attempt = None
        self.backup.make(step.migration)
        self._wal = self.backup.position()
        self.backup.log(step.migration)  # with the first commit: whoever is killed later has a way back
        self._stage(step)
        return None

    def _stage(self, step: Step) -> Staging:
        from sessmig.staged import begin_staged
        from sessmig.staging import Staging

        is_shared = self._whole or self._job.within
        self._staging = staging = Staging(self._job, self._ledger, step, is_shared=is_shared)
        self._attempt = staging.attempt
        begin_staged(staging)
        return staging

    def _say_done(self, report: StepReport) -> None:
        self._job.emit(*done_event(report), report.title, report)

    def _begin_ledger(self) -> None:
        begin_ledger(self._ledger, self.backup, self._steps[0].migration, is_shared=self._whole)

    def _apply(self, step: Step) -> StepReport:
        """Carry one step out and record it, unless somebody has done it since we looked."""
        self._attempt = attempt = Attempt(step)
        if not self._is_still_pending(step):
            return self._passed_by(attempt)
        self._attempt = None
        self.backup.make(step.migration)
        self._wal = self.backup.position()
        self._attempt = attempt = Attempt(step)  # its time begins behind the backup
        outcome: StepOutcome = "would apply" if self._job.dry_run else "applied"
        if step.script.is_staged:
            from sessmig.staged import carry_staged

            report = carry_staged(self._stage(step), outcome, partial(self._record, step))
            self._staging = None
            return report
        carry_out(self._job.database, attempt, shared=self._whole or self._job.within)
        report = attempt.report(outcome)
        self._record(step, report)
        return report

    def _record(self, step: Step, report: StepReport) -> None:
        spent = self._staging.spent_ms if self._staging else report.duration_ms
        self._ledger.record(step.migration, replace(report, duration_ms=spent))
        if not self._job.dry_run:  # whose rollback would leave a gap in the log's numbers
            self.backup.log(step.migration)
            self._log(step, report, "success")

    def _is_still_pending(self, step: Step) -> bool:
        """Look again, now under the lock: another process, or another build, may have been faster.

        The whole ledger is read only when there is something new in it: who has lost a race has lost many.
        """
        migration = step.migration
        # What a `wait` waits for stands below the step.
        signed = self._job.signed
        always = signed or step.script.directive("wait")
        if always or not self._known.issuperset(self._ledger.read(since=migration.version)):
            entries = self._ledger.read()
            plan = planned(self._job, self._series, entries)
            refuse(plan, self._ledger)
            self._known, self._open = frozenset(entries), frozenset(m.version for m in plan.pending)
            self._held = {one.version: one for one in plan.held}
            if signed:
                from sessmig.signature import demand_unmoved

                demand_unmoved(signed, entries, {report.version for report in self._done})
        return migration.version in self._open

    def _passed_by(self, attempt: Attempt) -> StepReport:
        is_held = attempt.step.migration.version in self._held
        return attempt.report("held" if is_held else "already applied")

    def _log(self, step: Step, report: StepReport, outcome: str, holds: str = "") -> None:
        told: dict[str, Any] = {"wal": self._wal} if self._wal else {}
        if self._staging:
            report = replace(report, statements=tuple(self._staging.here))
            told |= {"resumed": True} if self._staging.here != self._staging.state.results else {}
        if held := self._held.get(step.migration.version):
            told["ignored_wait"] = held.how
        told = detail(report, step, holds) | told | self._job.signed_kept()
        times: dict[str, Any] = {"started_at": report.started_at, "duration_ms": report.duration_ms}
        self._ledger.log(step.migration, "apply", outcome, detail=told, **times)

    def told(self, error: SessmigError) -> SessmigError:
        """Put what stopped the run into words and into the log."""
        attempt = self._attempt
        name_blockers(self._job, attempt.step if attempt else self._steps[0], error)
        if attempt is None or isinstance(error, PlanError):
            label = self._job.database.label
            if isinstance(error, DatabaseError) and label not in error.what:
                error.what = f"{label}: {error.what}"
            if isinstance(error, DatabaseError) and error.is_contention:
                error = of_contention(error.what, error, standing="")
            error.holds = (error.holds or self._standing(None, error)) + self.backup.told(error)
            self.backup.log_failure(error, self._steps[0].migration)
            if self._begun and isinstance(error, LockError):
                self._job.tell_failure(error, self._begun.report("failed", error.what))
            return error
        step, staging = attempt.step, self._staging
        if staging:
            account(staging)
        if self._committing:
            self._done.pop()
            error.what = f"the commit of the whole run failed: {error.what}"
        if attempt.losses and attempt.guard and not (self._whole or self._job.within):
            attempt.losses = attempt.guard.completed(attempt.losses)
        told = of_step(step, error, attempt.report("failed"), standing=self._standing(step, error))
        told.holds = told.holds or self._standing(step, error)  # who stopped it may not know
        if staging and staging.is_begun:
            told = left_half_done(staging, told, error)
        report = replace(attempt.report("failed", told.what), is_half_done=bool(staging and staging.is_begun))
        if self._job.single_transaction:
            self._done = [replace(done, outcome="rolled back") for done in self._done]
        self._failed.append(report)
        if not (self._job.dry_run or self._job.within):
            outcome = "interrupted" if isinstance(error, StoppedError) else "failed"
            told.holds += self._keep_attempt(step, report, outcome, told.holds)
        told.holds += self.backup.told(error)
        self._job.tell_failure(told, report)
        return told

    def cut_off(self, ended: KeyboardInterrupt) -> None:
        """Note where the run stands that was interrupted, on the interrupt itself, and in the log."""
        attempt, staging = self._attempt, self._staging
        told, is_done = cut_off(self._job, self._ledger, attempt.step if attempt else None, staging)
        if attempt and not (is_done or self._whole or self._job.within):
            if staging:
                account(staging)
            report = attempt.report("failed", "interrupted")
            self._failed.append(replace(report, is_half_done=bool(staging and staging.is_begun)))
            told += self._keep_attempt(attempt.step, self._failed[-1], "interrupted", told)
        ended.add_note(told)

    def _keep_attempt(self, step: Step, report: StepReport, outcome: str, holds: str) -> str:
        """Write what came to nothing into the log; return what is to be said if that fails."""
        try:  # Whoever had no time left to wait, or is asked to stop, does not wait again for as long.
            job = replace(self._job, stop=Stop())  # to write what was stopped is not stopped too
            with job.transaction(wait=min(job.lock_wait, _PATIENCE) if self._staging else None):
                self._ledger.ensure()
                self.backup.log(step.migration)
                if self._staging:
                    self._staging.leave("failed" if outcome == "failed" else "running", report.error)
                self._log(step, report, outcome, holds)
        except SessmigError as silent:
            return f"\nThe failure could not be written to the log: {silent.what}"
        return ""

    def _standing(self, failed: Step | None, error: SessmigError) -> str:
        return of_run(self._job, self._done, self._staging, failed, error)
