"""The story of a rehearsal: on a copy, migrate, verify, repeat what is idempotent, roll back, compare, migrate again.

Knows the order of things and what has to hold; how each is done, the modules below know. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from sessmig.attempt import Attempt
from sessmig.enforcement import enforces_foreign_keys, together, why_apart
from sessmig.errors import CheckError, DatabaseError, SessmigError, StepError
from sessmig.failure import of_step
from sessmig.job import Job, find
from sessmig.likeness import difference_lines, differences, moved_sequences
from sessmig.model import Migration, Step
from sessmig.problems import refuse, refuse_lasting
from sessmig.reading import read_step
from sessmig.rehearsal import Failure, Fingerprint, Rehearsal, Stage, StepLocks, Unrehearsed
from sessmig.repeat import repeat
from sessmig.report import account_lines, check_lines
from sessmig.results import Event, StepReport
from sessmig.run import migrate
from sessmig.run_report import Report
from sessmig.staging import Staging
from sessmig.status import verify
from sessmig.undo import undo, undo_staged, way_back, why_not
from sessmig.words import count, since

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_UNTOUCHED = "The database holds what it held before: it was a rehearsal."


def rehearse(job: Job, on: Database | None = None) -> Rehearsal:
    """Carry out what is pending on a copy, and all that can be asked of it afterwards; change nothing here.

    Args:
        job: what is to be rehearsed.
        on: a copy of the database that the user has made; it is really migrated. Without it a copy is made where the
            database can do that, else all is done in one transaction that is rolled back.

    Returns:
        What was found; what did not hold is in its `failures`.

    Raises:
        SessmigError: it could not be rehearsed at all: a problem of the plan, a file, the lock, no room for a copy.
    """
    started = monotonic()
    series, ledger, plan = find(job)
    refuse(plan, ledger)
    later = tuple(migration.title for migration in plan.later)
    held = tuple(Unrehearsed(one.title, f"held {one.how}") for one in plan.held if not one.ignored)
    told = Rehearsal(series.name, job.database.label, "", len(plan.applied), pending=later, unrehearsed=held)
    if not plan.pending and on is None:
        return told
    job.emit("plan", f"rehearsing {count(len(plan.pending), 'migration')}")
    with job.database.rehearsing().stage(on, wait=job.lock_wait) as stage:
        within = stage is job.database
        course = _Staging(replace(job, database=stage, within=within), replace(told, place=_place(job, stage, on)))
        with course.job.steady_transaction() if within else nullcontext():
            course.run(plan.pending)
        return replace(course.told, duration_ms=since(started))


def _place(job: Job, stage: Database, on: Database | None) -> str:
    """Say where it was rehearsed, and what has become of that."""
    if stage is job.database:
        return "in one transaction on the database itself, which was rolled back; its locks were held until then"
    return f"on {on.label}, which is changed by it" if on else "on a copy, which is gone again"


class _Staging:
    """A rehearsal on its way.

    Args:
        job: what is rehearsed, on its stage.
        told: what is known before.
    """

    def __init__(self, job: Job, told: Rehearsal) -> None:
        self.told = told
        self.job = replace(job, on_event=self._pass_on)
        self._audience = job
        self._tools = job.database.rehearsing()
        self._ours = (job.table, f"{job.table}_log", f"{job.table}_batches")
        self._stage: Stage = "migrate"
        self._steps: list[Step] = []
        self._first_way_back = 0
        """From this step on all have a way back."""
        self._start = self._end = Fingerprint()
        """The pictures before that step, and after the last one."""

    def _pass_on(self, event: Event) -> None:
        """Tell of steps; what each step's own run finds pending is of no interest."""
        if self._audience.on_event and event.kind != "plan":
            self._audience.on_event(event)

    def run(self, expected: Sequence[Migration]) -> None:
        """Rehearse what is pending on the stage.

        Args:
            expected: what is pending in the database itself.
        """
        _, ledger, plan = find(self.job)
        refuse(plan, ledger)
        # All is read before anything is done, as in a run.
        self._steps = [read_step(migration, self.job.database.dialect) for migration in (*plan.pending, *plan.later)]
        self._steps = self._steps[: len(plan.pending)]
        if plan.pending != tuple(expected):
            self._add(unrehearsed=[_other_plan(plan.pending, expected)])
        self._leave_out()
        if not self._steps:
            return
        if self.job.within:
            both = [(step.script, step.rollback) for step in self._steps]
            refuse_lasting(self.job, [source for pair in both for source in pair if source])
        self._look_ahead()
        try:
            failing = _failing(verify(self.job)) if plan.applied else {}
            self._migrate()
            self._verify(failing)
            if self._roll_back():
                self._migrate_again()
        except (StepError, CheckError) as error:
            # What a copy holds now is of no interest; a transaction of our own may have been ended by a file.
            holds = error.holds if self.job.within else _UNTOUCHED
            self._fail(error.what, error.remedy, error.exit_code, holds)
        except DatabaseError as error:
            error.what = f"{self.job.database.label}: {error.what}"
            raise

    def _leave_out(self) -> None:
        """In one transaction, go no further than to the first step that cannot share it."""
        sources = [step.script for step in self._steps]
        left = self._steps[together(sources) :] if self.job.within else []
        self._add(unrehearsed=[Unrehearsed(step.migration.title, why_apart(sources)) for step in left])
        self._steps = self._steps[: len(sources) - len(left)]

    def _add(self, **parts: Sequence[Any]) -> None:
        longer: dict[str, Any] = {name: (*getattr(self.told, name), *more) for name, more in parts.items()}
        self.told = replace(self.told, **longer)

    def _fail(self, what: str, remedy: str, exit_code: int = CheckError.exit_code, holds: str = "") -> None:
        self._add(failures=[Failure(self._stage, exit_code, what, remedy, holds)])

    def _look_ahead(self) -> None:
        """Find the steps that can be rolled back: the newest ones, down to the first without a way back."""
        blocked = ""
        for step in reversed(self._steps):
            reason = why_not(step)
            if self.job.within and step.rollback and step.rollback.is_staged:
                reason = why_apart([step.rollback])
            if blocked and not reason:
                reason = f"{blocked} above it cannot be rolled back"
            if reason:
                blocked = blocked or step.migration.title
                self._add(unrehearsed=[Unrehearsed(f"the rollback of {step.migration.title}", reason)])
        titles = [step.migration.title for step in self._steps]
        self._first_way_back = titles.index(blocked) + 1 if blocked else 0

    def _migrate(self) -> None:
        self._stage = "migrate"
        for number, step in enumerate(self._steps):
            if number == self._first_way_back:
                self._start = self._picture()
            self._tools.watch_locks(self._ours)
            try:
                self._add(steps=self._migrated(step, "steps"))
            finally:
                locks = self._tools.locks()
            if locks:
                self._add(locks=[StepLocks(step.migration.title, locks)])
            self._repeat(step)
        self._end = self._picture(values=False)
        if self.job.within and len(self.told.locks) > 1:
            told = "in one transaction a lock that an earlier step took is not seen again"
            self._add(unrehearsed=[Unrehearsed("the locks of later steps, each by itself", told)])
        unread = [rows.table for rows in self._end.rows if rows.number is None]
        self._add(unrehearsed=[Unrehearsed(f"the rows of {name}", "they may not or cannot be read") for name in unread])

    def _migrated(self, step: Step, part: str) -> tuple[StepReport, ...]:
        """Carry one step out as a run does; one that fails is told under `part`."""
        wish = replace(self.job.wish, to=step.migration.version)
        try:
            report = migrate(replace(self.job, wish=wish))
        except (StepError, CheckError) as error:
            if error.report:
                self._add(**{part: error.report.steps})
            raise
        return tuple(replace(done, outcome="rehearsed") for done in report.steps)

    def _repeat(self, step: Step) -> None:
        """Run each statement that is marked idempotent a second time; nothing of it stays."""
        stage, self._stage = self._stage, "a second time"
        for repeated in repeat(self.job, self._tools, step, self._ours):
            self._add(repeats=[repeated])
            what = "cannot be run a second time" if repeated.error else "a second time it changes the database"
            if found := repeated.error.splitlines() or difference_lines(repeated.differences):
                words = f"{repeated.where}: marked idempotent, but {what}: {repeated.statement}"
                code = StepError.exit_code if repeated.error else CheckError.exit_code
                self._fail("\n    ".join([words, *found]), "Mend the statement, or take its mark away.", code)
        self._stage = stage

    def _verify(self, failing: dict[str, str]) -> None:
        """Ask all checks again; those that failed before the rehearsal are none of its business."""
        self._stage = "verify"
        report = verify(self.job)
        self.told = replace(self.told, verified=report)
        for where, words in _failing(report).items():
            if where not in failing:
                self._fail(words, "Mend the migration, or the check.")

    def _roll_back(self) -> bool:
        """Undo what can be undone, newest first; tell whether the database is then as it was."""
        self._stage = "rollback"
        steps = self._steps[self._first_way_back :]
        if not steps:
            return False
        for step in reversed(steps):
            self._undo(step)
        now = self._picture()
        before = steps[0].migration.title
        found = differences(self._start, now)
        moved = moved_sequences(self._start, now)
        self.told = replace(self.told, before=before, differences=found, sequences=moved)
        if found:
            self._fail(
                "\n    ".join(
                    [f"after the rollback the database is not as it was before {before}:", *difference_lines(found)]
                ),
                "Mend the rollback file.",
            )
        return not found

    def _undo(self, step: Step) -> None:
        back = way_back(step)
        assert back is not None  # noqa: S101
        _, ledger, _ = find(self.job)
        title = step.migration.title
        self.job.emit("step", f"{title}: its rollback", title)
        attempt = Attempt(back)
        try:
            if back.script.is_staged:
                staging = Staging(self.job, ledger, back, is_undoing=True, attempt=attempt)
                report = undo_staged(staging, staging.begin)
            else:
                with self.job.transaction(foreign_keys=enforces_foreign_keys(back.script)):
                    report = undo(self.job, ledger, attempt)
        except SessmigError as error:
            report = replace(attempt.report("failed", error.what), path=str(back.script.path))
            self._add(undone=[report])
            self.job.emit("failed", f"{title}: its rollback: {error.what}", title, report)
            escaped = isinstance(error, DatabaseError) and error.escaped
            standing = "The database may hold what the rollback did until then." if escaped else _UNTOUCHED
            raise of_step(back, error, report, standing=standing) from None
        self._add(undone=[report])
        self.job.emit("done", f"{title}: rolled back", title, report)
        self._repeat(back)

    def _migrate_again(self) -> None:
        self._stage = "migrate again"
        self._audience.emit("plan", "migrating again")
        for step in self._steps[self._first_way_back :]:
            self._add(again=self._migrated(step, "again"))
        # The moment of the run may stand in the rows.
        found = differences(self._end, self._picture(values=False))
        self.told = replace(self.told, again_differences=found)
        if found:
            words = "migrated again after the rollback, the database is not as after the first time:"
            self._fail("\n    ".join([words, *difference_lines(found)]), "Mend the migration, or its rollback.")

    def _picture(self, *, values: bool = True) -> Fingerprint:
        with self.job.snapshot():
            return self._tools.fingerprint(self._ours, values=values)


def _other_plan(pending: Sequence[Migration], expected: Sequence[Migration]) -> Unrehearsed:
    here, there = (", ".join(m.title for m in migrations) or "none" for migrations in (pending, expected))
    return Unrehearsed(
        "the plan of the database itself", f"on the copy other migrations are pending ({here}) than there ({there})"
    )


def _failing(report: Report) -> dict[str, str]:
    """Return what fails in a report, in words, by where it is asked."""
    found = {}
    for step in report.steps:
        for check in step.checks:
            if check.outcome == "failed":
                found[check.where] = "\n".join(check_lines(check))
        for account in step.merges:
            if account.outcome == "failed":
                found[account.where] = "\n".join(account_lines(account))
    return found
