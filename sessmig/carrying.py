"""Carries the steps of a run out, each in its transaction under the lock, and records them.

Knows transactions, the ledger and the log; what a step does within its transaction, `attempt` knows.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from sessmig.attempt import Attempt, carry_out, detail
from sessmig.backup import RunBackup
from sessmig.errors import DatabaseError, PlanError, SessmigError, StepError
from sessmig.failure import of_step
from sessmig.job import Job, planned
from sessmig.ledger import Ledger
from sessmig.model import Entry, Migration, Step
from sessmig.problems import refuse
from sessmig.results import StepReport
from sessmig.source import Series
from sessmig.wait import Held
from sessmig.words import took


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
        self._known: frozenset[Entry] = frozenset()
        """The ledger's rows when it was last read whole; above a pending step there were none before that."""
        self._open = frozenset(step.migration.version for step in steps)
        """What nobody had done by then."""
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
        with self._job.transaction() if self._whole else nullcontext():
            if not self._ledger.is_standing:
                with self._own_transaction():
                    self._begin_ledger(self._steps[0].migration)
                if not self._whole:
                    self.backup.keep_log()
            for step in self._steps:
                title = step.migration.title
                self._job.emit("step", f"{title}: {step.script.description}", title)
                if step.migration.version in self._open:
                    with self._own_transaction():
                        report = self._apply(step)
                else:
                    report = self._passed_by(Attempt(step))
                self._done.append(report)
                if not self._whole:
                    self.backup.keep_log()
                    self._attempt = None
                    self._say_done(report)
            self._committing = self._whole
        self.backup.keep_log()
        if self._whole:
            for report in self._done:
                self._say_done(report)

    def _own_transaction(self) -> AbstractContextManager[None]:
        return nullcontext() if self._whole else self._job.transaction()

    def _say_done(self, report: StepReport) -> None:
        self._job.emit("done", f"{report.title}: {report.outcome} in {took(report.duration_ms)}", report.title, report)

    def _begin_ledger(self, first: Migration) -> None:
        """Make the backup, which holds the database without our ledger or with the old one; then the ledger.

        Another process may have made it while we waited for the lock; as long as none has, nothing is applied.
        """
        if self._ledger.is_standing:
            return
        self._ledger.refuse_foreign_log()
        self.backup.make(first)
        self._make_ledger()
        if not self._whole:  # else the log is written with the first step
            self.backup.log(first)

    def _make_ledger(self) -> None:
        try:
            self._ledger.ensure()
        except DatabaseError as error:
            raise StepError(
                f"{self._job.database.label}: the ledger {self._ledger.name} cannot be made: {error.what}",
                remedy="Whoever runs this for the first time needs the right to make tables there.",
            ) from None

    def _apply(self, step: Step) -> StepReport:
        """Carry one step out and record it, unless somebody has done it since we looked."""
        self._attempt = attempt = Attempt(step)
        if not self._is_still_pending(step):
            return self._passed_by(attempt)
        self._attempt = None
        self.backup.make(step.migration)
        self._wal = self.backup.position()
        self._attempt = attempt = Attempt(step)  # its time begins behind the backup
        carry_out(self._job.database, attempt, shared=self._whole or self._job.within)
        report = attempt.report("would apply" if self._job.dry_run else "applied")
        self._ledger.record(step.migration, report)
        if not self._job.dry_run:  # whose rollback would leave a gap in the log's numbers
            self.backup.log(step.migration)
            self._log(step, report, "success")
        return report

    def _is_still_pending(self, step: Step) -> bool:
        """Look again, now under the lock: another process, or another build, may have been faster.

        The whole ledger is read only when there is something new in it: who has lost a race has lost many.
        """
        migration = step.migration
        # What a `wait` waits for stands below the step.
        if step.script.directive("wait") or not self._known.issuperset(self._ledger.read(since=migration.version)):
            entries = self._ledger.read()
            plan = planned(self._job, self._series, entries)
            refuse(plan, self._ledger)
            self._known, self._open = frozenset(entries), frozenset(m.version for m in plan.pending)
            self._held = {one.version: one for one in plan.held}
        return migration.version in self._open

    def _passed_by(self, attempt: Attempt) -> StepReport:
        is_held = attempt.step.migration.version in self._held
        return attempt.report("held" if is_held else "already applied")

    def _log(self, step: Step, report: StepReport, outcome: str) -> None:
        held = self._held.get(step.migration.version)
        self._ledger.log(
            step.migration,
            "apply",
            outcome,
            started_at=report.started_at,
            duration_ms=report.duration_ms,
            detail=detail(report, step.script.text)
            | ({"wal": self._wal} if self._wal else {})
            | ({"ignored_wait": held.how} if held else {}),
        )

    def told(self, error: SessmigError) -> SessmigError:
        """Put what stopped the run into words and into the log."""
        attempt = self._attempt
        if attempt is None or isinstance(error, PlanError):
            label = self._job.database.label
            if isinstance(error, DatabaseError) and label not in error.what:
                error.what = f"{label}: {error.what}"
            error.holds = (error.holds or self._standing(None, error)) + self.backup.told(error)
            self.backup.log_failure(error, self._steps[0].migration)
            return error
        step = attempt.step
        if self._committing:
            self._done.pop()
            error.what = f"the commit of the whole run failed: {error.what}"
        if attempt.losses and attempt.guard and not (self._whole or self._job.within):
            attempt.losses = attempt.guard.completed(attempt.losses)
        told = of_step(step, error, attempt.report("failed"), standing=self._standing(step, error))
        report = attempt.report("failed", told.what)
        if self._job.single_transaction:
            self._done = [replace(done, outcome="rolled back") for done in self._done]
        self._failed.append(report)
        if not (self._job.dry_run or self._job.within):
            try:
                with self._job.transaction():
                    self._ledger.ensure()
                    self.backup.log(step.migration)
                    self._log(step, report, "failed")
            except SessmigError as silent:
                told.holds += f"\nThe failure could not be written to the log: {silent.what}"
        told.holds += self.backup.told(error)
        try:
            self._job.emit("failed", f"{step.migration.title}: {told.what}", step.migration.title, report)
        except Exception as error:  # what the caller's on_event says must not hide what went wrong
            told.add_note(f"on_event failed too: {type(error).__name__}: {error}")
        return told

    def _standing(self, failed: Step | None, error: SessmigError) -> str:
        """Say what the database holds now."""
        if failed and isinstance(error, DatabaseError) and error.escaped:
            return f"The database may hold what {failed.migration.title} did until then; it is not recorded as applied."
        if failed and isinstance(error, DatabaseError) and error.in_doubt:
            title = failed.migration.title
            return f"The connection was lost at the commit: whether {title} stands, sessmig status tells."
        if self._job.within:
            return "The database holds what it held before: it was a rehearsal."
        if self._job.dry_run:
            return "The database holds what it held before: it was a dry run."
        if self._job.single_transaction:
            return "The database holds what it held before: the whole run was rolled back."
        applied = [report.title for report in self._done if report.outcome == "applied"]
        before = f"{', '.join(applied)} stand{'s' if len(applied) == 1 else ''} applied" if applied else ""
        if failed is None:
            return f"The database: {before}." if before else "Nothing was applied."
        gone = f"nothing of {failed.migration.title} stays"
        return f"The database: {before}; {gone}." if before else f"The database holds what it held before; {gone}."
