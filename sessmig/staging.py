"""The state of one staged step between its commits, and the transactions in which it is changed.

Knows lock, ledger row and loss guard; what the stages do, `staged` and `batches` know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.attempt import Attempt
from sessmig.effect_sums import add_range, added
from sessmig.errors import CheckError, DatabaseError, LockError, PlanError
from sessmig.guard import Guard
from sessmig.halfway import Progress, read_progress
from sessmig.job import Job
from sessmig.kept_picture import begun, picture_of
from sessmig.ledger import Ledger
from sessmig.mended import PassedError, drop_unbegun, note_statements, why_not_on
from sessmig.model import Script, Status, Step
from sessmig.proof import Picture, ask_before
from sessmig.results import Account, StatementResult
from sessmig.row_words import loss_text
from sessmig.rows import Loss, Moved
from sessmig.sending import send
from sessmig.stage import Stage, stages
from sessmig.watching import watch
from sessmig.words import since

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


class Staging:
    """One staged step on its way.

    Args:
        job: where, and how.
        ledger: the ledger of the series.
        step: the step.
        is_shared: the caller's transaction is open around the whole step (dry run, one transaction for the whole run,
            a rehearsal in one transaction): nothing is committed on the way, and the ledger row is written once.
        is_undoing: the step is the way back of its migration.
        attempt: at the step, where the caller keeps it.
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        step: Step,
        *,
        is_shared: bool = False,
        is_undoing: bool = False,
        attempt: Attempt | None = None,
    ) -> None:
        self.job = job
        self.database: Database = job.database
        self.ledger = ledger
        self.step = step
        self.is_shared = is_shared
        self.is_undoing = is_undoing
        self.stages: tuple[Stage, ...] = stages(step.script, step.merges, job.database.dialect)
        self.state = Progress()
        """As the ledger row has it: read anew as each transaction begins, written by `save`."""
        self.attempt = attempt or Attempt(step)
        self.accounts: list[Account] = []  # of a range that do not balance; they stop the step
        self.losses: tuple[Loss, ...] = ()
        self.here: list[StatementResult] = []  # what this attempt has done; `state.results` has what all have
        self.notices: list[str] = []
        self.moments: dict[int, str | None] = {}  # `batched`'s, and of this run only
        self.is_begun = False  # whether the ledger has its row
        self.undone: tuple[Progress, list[StatementResult]] | None = None  # what `rewind` took back last
        self._known = ""  # what stood in the row when it was last read
        self._here: list[StatementResult] = []
        self._is_open = False  # whether something was looked at since the last commit
        self._clock = self.attempt.clock

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock around all of the step, where it has statements outside transactions."""
        return self.job.exclusive() if self.step.script.directive("no-transaction") else nullcontext()

    def begin(self) -> None:
        """Within the first transaction: go on as the ledger row says, or ask what is to be asked before.

        Raises:
            CheckError: a requirement does not hold; nothing was begun.
            PlanError: what is done does not stand in the file any more.
        """
        entry = self.ledger.entry(self.step.migration.version)
        known = read_progress(entry.metadata) if entry and entry.is_halfway else None
        if known and known.undoing is self.is_undoing:
            self._demand_same(known)
            drop_unbegun(known)
            self.state = known
        else:
            self.attempt.picture = ask_before(self.database, self.step.blocks)
            self.attempt.picture.demand()
            self.state = begun(self.database, self.step, self.attempt.picture)
            self.state.undoing = self.is_undoing
            self.state.former = (entry.status, entry.metadata) if entry and self.is_undoing else None
        self.state.statements = len(self.stages)
        self.attempt.picture = self.picture()
        self.save()
        self.is_begun = not self.is_shared

    def picture(self) -> Picture:
        """Return what was asked before the step, whenever that was."""
        return picture_of(self.step, self.state)

    @contextmanager
    def transaction(self, *, steady: bool = False, lock_timeout: float | None = None) -> Iterator[None]:
        """Open a transaction that begins with the lock, and read the ledger row into `state`.

        Where `is_shared`, it opens nothing. With `steady`, what others commit meanwhile is not seen.

        Raises:
            PassedError: another process has finished the step meanwhile, or rolled it back.
            LockError: the lock was not had in time, and the step went no further meanwhile either.
        """
        with self.rewound(), self._opened(steady, lock_timeout):
            self.look()
            yield

    @contextmanager
    def _opened(self, steady: bool, lock_timeout: float | None) -> Iterator[None]:
        with ExitStack() as stack:
            while not self.is_shared:
                try:
                    stack.enter_context(self.job.transaction(steady=steady, lock_timeout=lock_timeout))
                    break
                except LockError:
                    # Who takes turns with a process that gets on is not stuck.
                    entry = self.ledger.entry(self.step.migration.version)
                    before, self._known = self._known, (entry.metadata or "") if entry else ""
                    if self._known == before:
                        raise
            yield

    def look(self) -> None:
        """Within a transaction: read the ledger row into `state`; whoever is told an error then calls `rewind`."""
        self._here, self._is_open = list(self.here), True
        if self.is_shared:
            return
        entry = self.ledger.entry(self.step.migration.version)
        if entry is None or not entry.is_halfway:
            raise PassedError(entry.status if entry else None)
        state = read_progress(entry.metadata)
        if state.undoing is not self.is_undoing:
            raise PassedError("rolled_back" if state.undoing else None)
        self._demand_same(state)
        if state.spent_ms != self.state.spent_ms:
            self._clock = time.monotonic()  # another process was at work while this one waited
        self.state, self._known = state, entry.metadata or ""

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """Forget, where a transaction fails, what was done in it; what was done before it is committed."""
        try:
            yield
        except BaseException:
            self.rewind()
            raise
        self._is_open = False

    def rewind(self) -> None:
        """Forget what was done since the last `look`: it was rolled back."""
        if self._is_open:
            self._is_open, self.undone, self.here = False, (self.state, self.here), list(self._here)
            if self._known:
                self.state = read_progress(self._known)

    def _demand_same(self, state: Progress) -> None:
        if problem := why_not_on(self.step.migration, self.step.script, self.stages, state):
            raise PlanError(f"{problem.kind}: {problem.text}", remedy=problem.remedy)

    def save(self, status: Status = "running", error: str = "") -> None:
        """Write `state` into the ledger row, within the open transaction."""
        if self.is_shared:
            return
        self.state.spent_ms = self.spent_ms
        self._clock = time.monotonic()
        self.state.error = error  # of an earlier run it is past, once this one gets on
        note_statements(self.stages, self.state)
        if self.is_undoing:
            self.ledger.mark(self.step.migration, status, self.state.as_json())
        else:
            self.ledger.record_half(self.step, status, self.state.as_json(), self.state.spent_ms)

    @property
    def spent_ms(self) -> int:
        """How long the step was worked on until now."""
        return self.state.spent_ms + since(self._clock)

    def leave(self, status: Status, error: str) -> None:
        """Within a transaction: note what stopped the step; not if another process has ended it."""
        if not self.is_begun:
            return
        try:
            self.look()
        except PassedError:
            return
        if status == "failed":
            self.state.begun = None  # that it failed is known
        if self.is_undone and self.state.former:
            self.ledger.mark(self.step.migration, *self.state.former)
            return
        self.save(status, error)

    @property
    def is_undone(self) -> bool:
        """Whether nothing is done of a way back, so that it can be as if it had not been begun."""
        return self.is_undoing and not self.state.done and self.state.begun is None

    def finish(self, stage: Stage) -> None:
        """Note in `state` that a statement is done; `save` writes it."""
        if self.state.done == stage.number:
            self.state.done += 1
            self.state.hashes.append(stage.hash)
            self.state.begun = None

    def count(self, stage: Stage, rows: int | None, *, batches: int = 0) -> None:
        """Add what a statement, or a range of it, did to `state.results` and to the account of this attempt."""
        outline = script.outline(stage.piece.statement, self.database.dialect)
        line = stage.piece.statement_line
        result = StatementResult(line, outline.verb, outline.target, rows, batches=batches)
        add_range(self.state.results, result)
        add_range(self.here, result)

    def send(self, stage: Stage) -> None:
        """Within the open transaction: run a statement, and what it gives by `run-each-row`, under the loss guard."""
        source = replace(self.step.script, pieces=(stage.piece,))
        results: list[StatementResult] = []

        def run(guard: Guard) -> Iterator[int | None]:
            try:
                for result in send(self.database, guard, source, 0, 1):
                    results.append(result)
                    yield result.rows
            except DatabaseError as error:
                error.index = stage.number
                raise

        self._watch(Guard(self.database, source, depth="statement"), source, run, dict)
        self.state.results += results
        self.here += results

    def watched(
        self,
        stage: Stage,
        run: Callable[[Guard], Iterable[int | None]],
        *,
        covered: Callable[[], dict[str, Moved]] = dict,
    ) -> None:
        """Within the open transaction: run a range of a statement under the loss guard; add the effects to `state`.

        The guard looks only at what is counted anyway: a range must not cost more than its rows.

        Args:
            stage: whose statement it is.
            run: sends it; gives the rows that each sending changed.
            covered: asked afterwards: what merges account for, by the name of their source.
        """
        source = replace(self.step.script, pieces=(stage.piece,))
        guard = Guard(self.database, source, depth="range")

        def counted(guard: Guard) -> Iterator[int | None]:
            for rows in run(guard):
                guard.done(0, rows)
                self.count(stage, rows or 0)
                yield rows

        self._watch(guard, source, counted, covered)

    def _watch(
        self,
        guard: Guard,
        source: Script,
        run: Callable[[Guard], Iterable[int | None]],
        covered: Callable[[], dict[str, Moved]],
    ) -> None:
        try:
            effects, found = watch(
                self.database, guard, source, partial(run, guard), covered=covered, shared=self.is_shared
            )
        finally:
            self.notes()
        self.state.effects = added(self.state.effects, effects)
        if lost := self.attempt.refused(found):
            self.attempt.guard, self.losses = guard, lost
            raise CheckError(f"{source.path}: loss guard: {loss_text(lost[0])}")

    def notes(self) -> None:
        """Keep what the server said since this was asked last."""
        self.notices += self.database.notices()
