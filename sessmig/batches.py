"""Runs a statement in key ranges, each its own commit, and catches up with the rows that came in meanwhile.

Knows ranges, retries and the pace; how a range is asked for and bound, the database knows. No row is done twice, so a
statement need not be one that can be repeated.
"""

from __future__ import annotations

import random
import time
from contextlib import nullcontext

from sessmig import throttle
from sessmig.batch_table import BatchTable
from sessmig.batched import Batched, batch_table
from sessmig.errors import DatabaseError, FileError, LockError, StoppedError
from sessmig.ledger import Ledger
from sessmig.pace import TRIES, Pace
from sessmig.results import BatchReport
from sessmig.retrying import named, rest
from sessmig.stage import Stage, gone
from sessmig.staging import Staging
from sessmig.unaccounted import refuse_unaccounted
from sessmig.waiting import Waiting
from sessmig.words import count, took

_RACED = "40001"
_LONGEST = 0.15
"""Seconds between two batches, at most."""


def carry_batches(staging: Staging, stage: Stage) -> None:
    """Run a `batch` statement from its cursor to its upper bound; each batch is one `staging.transaction()`.

    Called with no transaction open. `staging.state.batches[stage.number]` may be there already: then it goes on
    behind its cursor. The last transaction takes what came in meanwhile, and sets the stage done.

    Raises:
        CheckError, DatabaseError, FileError: what stopped it; the open batch is rolled back.
        StoppedError: the run was asked to stop; the batch before is committed.
    """
    _Statement(staging, stage).carry()


def refuse_unfit(staging: Staging, *, is_halfway: bool) -> None:
    """Before anything is written: refuse a file whose first statement cannot be cut into ranges, or has no account.

    What stands further down may be made fit by a statement before it.
    """
    refuse_unaccounted(staging.step.script, staging.stages, staging.database.dialect)
    if not is_halfway and staging.stages and staging.stages[0].batch and not staging.state.done:
        Batched(staging, staging.stages[0]).demand_fit()


def approach(staging: Staging) -> None:
    """Before the final transaction: take whole batches above each `upper`, until less than one batch is left.

    Called with no transaction open.
    """
    for number in sorted(staging.state.batches):
        _Statement(staging, staging.stages[number]).carry(only_whole=True)
    if not staging.is_shared:
        _await_writers(staging)


def _await_writers(staging: Staging) -> None:
    """Let those come to their end who may have written a row behind a cursor that nobody else sees yet.

    Raises:
        LockError: they did not, for all of `lock_wait`.
    """
    job, title = staging.job, staging.step.migration.title
    tables = dict.fromkeys(staging.stages[number].batch for number in staging.state.batches)
    keysets = [staging.database.keyset(batch.table, batch.column) for batch in tables if batch]
    open_ = {name: one for keyset in keysets for name, one in keyset.writers().items()}
    deadline, said, pause = time.monotonic() + job.lock_wait, False, 0.02
    while open_:
        who = named([*open_.values()])
        if time.monotonic() >= deadline:
            raise LockError(
                f"{title}: for {job.lock_wait:g} s a transaction was open that has written to the batched table, {who}",
                remedy="Run again when it is done, or end it, or wait longer (--lock-wait, lock_wait).",
            )
        if not said:
            said = True
            job.emit("waiting", f"{title}: waiting for the writers of the batched table, {who}", title)
        stop_if_asked(staging)
        time.sleep(min(pause := min(pause * 1.5, 0.5), max(deadline - time.monotonic(), 0.01)))
        now = {name: one for keyset in keysets for name, one in keyset.writers().items()}
        open_ = {name: one for name, one in now.items() if name in open_}


def catch_up(staging: Staging) -> None:
    """Within the final transaction (`steady`): take the rows that came in above and behind each cursor.

    Afterwards nothing of the step stands in the side table.
    """
    for number in sorted(staging.state.batches):
        Batched(staging, staging.stages[number]).take_rest()
    batch_table(staging).clear()


def demand_kept(staging: Staging, stage: Stage) -> None:
    """Within the transaction of a statement that has run: refuse it if the batches before it cannot be caught up.

    Raises:
        FileError: it has taken away what they need.
    """
    for number in staging.state.batches:
        try:
            Batched(staging, staging.stages[number]).demand_fit()
        except (DatabaseError, FileError) as error:
            if isinstance(error, DatabaseError) and error.is_contention:
                raise
            why = error.reason if isinstance(error, FileError) else error.what.splitlines()[0]
            why = why.removeprefix(f"batch {staging.stages[number].batch}: ")
            pieces = stage.piece, staging.stages[number].piece
            raise gone(staging.step.script, *pieces, "this statement", why) from None


def forget(ledger: Ledger, version: int) -> None:
    """Within a transaction: delete what is kept of the batches of a version that is rolled back."""
    BatchTable(ledger.database, ledger.name, ledger.series, version).clear()


def stop_if_asked(staging: Staging) -> None:
    """Between two commits: stop if the run was asked to.

    Raises:
        StoppedError: it was; where the step stands is said.
    """
    try:
        staging.job.stop.look()
    except StoppedError as stopped:
        stopped.holds = stopped.holds or _where(staging)
        raise


def _where(staging: Staging) -> str:
    """Say how far the step is."""
    state, title = staging.state, staging.step.migration.title
    told = f"{title} is half done: {state.done} of {count(len(staging.stages), 'statement')}"
    for number, progress in state.batches.items():
        if number >= state.done:
            line = staging.stages[number].piece.statement_line
            told += f", and {_rows(progress.rows, progress.total or 0)} of the one in line {line}"
    return f"{told}."


def _rows(rows: int, total: int) -> str:
    return f"{rows:,} of about {count(max(total, rows), 'row')}"


class _Statement:
    """One batched statement, and its commits."""

    def __init__(self, staging: Staging, stage: Stage) -> None:
        self._staging = staging
        self._stage = stage
        self._batched = batched = Batched(staging, stage)
        known = staging.state.batches.get(stage.number)
        self._waiting = Waiting(staging.job.lock_wait)
        self._told = -1
        first = stage.batch.size if stage.batch else None
        self._pace = Pace(batched.keyset.seconds, (known.size if known else 0) or first or 0)

    def carry(self, *, only_whole: bool = False) -> None:
        """Commit batch after batch, up to the upper bound; or above it, as long as there is a whole one."""
        staging = self._staging
        with nullcontext() if staging.is_shared else staging.job.stop.later():
            is_over = False
            while not is_over:
                if not staging.is_shared:
                    stop_if_asked(staging)
                    throttle.pause(staging.job, staging.step.migration.title)
                try:
                    is_over = self._commit(only_whole=only_whole)
                except DatabaseError as error:
                    self._bear(error)

    def _commit(self, *, only_whole: bool) -> bool:
        """Commit one batch; tell whether there is none left."""
        staging, batched, size = self._staging, self._batched, self._pace.size
        with staging.transaction(steady=batched.is_steady, lock_timeout=self._waiting.lock_timeout):
            began = time.monotonic()
            if not only_whole and staging.state.done > self._stage.number:
                return True  # another process has done the rest
            rows = batched.take_whole(size) if only_whole else batched.take(size)
        if rows is not None:
            seconds = time.monotonic() - began
            self._waiting = Waiting(staging.job.lock_wait)
            if rows:
                self._pace.took(rows, seconds)
            self._tell()
            if not staging.is_shared:
                # Whoever waits for a lock that we take again at once would never have it.
                batched.keyset.look_around()
                self._pace.target = batched.keyset.seconds
                time.sleep(min(batched.keyset.pause(seconds), _LONGEST))
        return rows is None

    def _bear(self, error: DatabaseError) -> None:
        """Let what others did be tried again, with fewer rows in the end; raise whatever is no matter of luck."""
        staging = self._staging
        if staging.is_shared or not error.is_contention or error.in_doubt:
            raise error
        may = self._pace.failed()
        if error.code != _RACED:
            # As in a plain step: short tries with pauses, and all of them together no longer than asked.
            rest(staging.job, staging.step, self._waiting, error)
            return
        title = staging.step.migration.title
        if not may:
            error.hindrance = f"Others wrote to the same rows in each of {TRIES} tries, at {self._pace.size} rows."
            raise error
        staging.job.emit("waiting", f"{title}: the batch is tried again: {error.what.splitlines()[0]}", title)
        time.sleep(random.uniform(0.05, 0.25))  # noqa: S311

    def _tell(self) -> None:
        """Say how far it is."""
        staging, progress = self._staging, self._staging.state.batches[self._stage.number]
        if progress.rows == self._told:
            return
        self._told = progress.rows
        total = max(progress.total or 0, progress.rows)
        rate, left = self._pace.rate, self._pace.left(total - progress.rows)
        told = f"{staging.step.migration.title}: {_rows(progress.rows, total)}, {rate:,.0f} rows/s"
        told += f", {took(int(left * 1000))} left" if left else ""
        report = BatchReport(progress.rows, total, rate, left)
        staging.job.emit("progress", told, staging.step.migration.title, progress=report)
