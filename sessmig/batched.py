"""Takes the rows of one `batch` statement within an open transaction: the next ones, those that came late, the rest.

Knows ranges, the side table, accounts and the loss guard; knows nothing of commits, retries and the pace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from sessmig import script
from sessmig.account_sums import added
from sessmig.accounts import Accounts
from sessmig.batch_table import BatchTable
from sessmig.behind import demand_same
from sessmig.databases.ranges import Range, late, together
from sessmig.errors import CheckError, DatabaseError
from sessmig.guard import Guard
from sessmig.halfway import BatchProgress
from sessmig.model import Script
from sessmig.pace import LARGEST
from sessmig.rows import Moved
from sessmig.stage import Stage
from sessmig.staging import Staging
from sessmig.touched import Touched, touched
from sessmig.unfit import demand_fit, placed

_SWEEP = 100_000
"""How many keys are compared in one transaction, to find those that came late: the matter of a moment."""


class Batched:
    """One statement that is run in ranges. All but the constructor is to be called within `staging.transaction()`.

    Args:
        staging: the step.
        stage: the statement, with its `batch`.
    """

    def __init__(self, staging: Staging, stage: Stage) -> None:
        assert stage.batch is not None  # noqa: S101  what a stage of this kind has
        self._staging = staging
        self._stage = stage
        self._batch = stage.batch
        self._dialect = staging.database.dialect
        self._text = stage.piece.statement
        self._places = script.placeholders(self._text, self._dialect)
        self.keyset = staging.database.keyset(stage.batch.table, stage.batch.column)
        self._table = batch_table(staging)
        self._is_fit = False
        self._moment: str | None = None
        """Since then nobody else has written, and all that was there is taken; None if that is not known."""
        self._swept = 0
        """Up to which batch late rows were looked for."""
        self._verb = script.outline(self._text, self._dialect).verb
        self.is_steady = bool(stage.merges) or self._verb == "INSERT"
        """Whether its transactions are to see one state: an account has to, and what only adds rows seldom meets those
        that others change meanwhile. An UPDATE or DELETE would meet them again and again, and be tried again."""
        self._sees_one_state = self.keyset.is_alone or (self.is_steady and not staging.is_shared)

    def demand_fit(self) -> None:
        """Refuse what cannot be cut into ranges; asked until there is a row to ask by."""
        if not self._is_fit:
            source = self._staging.step.script
            self._is_fit = demand_fit(source, self._stage, self.keyset, self._places, self._dialect)

    def take(self, size: int) -> int | None:
        """Take the next rows, then, bit by bit, what came late; None if there is no more, and the statement is done."""
        progress = self._progress()
        self._look_around(progress)
        found, is_over = self._following(progress, size), False
        if found is None:
            # What has come in above the bound; not for ever, where others write as fast as this is read.
            progress.upper = self.keyset.highest()
            found = self._following(progress, size)
            is_over = found is None or found.rows < size
        if found is not None:
            self._take_next(progress, found, size)
        is_over = is_over and self._take_late(from_=self._swept + 1, most=_SWEEP)
        if is_over:
            self._staging.finish(self._stage)
        self._staging.save()
        return None if is_over else found.rows if found else 0

    def take_whole(self, size: int) -> int | None:
        """Take the next rows above the cursor, if they are so many; else None."""
        progress = self._progress()
        self._look_around(progress)
        progress.upper = self.keyset.highest()
        found = self._following(progress, size)
        if found is None or found.rows < size:
            return None
        self._take_next(progress, found, size)
        self._staging.save()
        return found.rows

    def take_rest(self) -> None:
        """Take all that is left; in a transaction that sees one state, unless it is the caller's."""
        self._sees_one_state |= not self._staging.is_shared
        progress = self._progress()
        self._look_around(progress)
        progress.upper = self.keyset.highest()
        while found := self._following(progress, LARGEST):
            self._take_next(progress, found, progress.size)
        self._take_late()
        demand_same(self._staging, self._stage)
        self._tell_untouched(progress)

    def _tell_untouched(self, progress: BatchProgress) -> None:
        """Say if fewer rows were changed than were taken: a condition, a trigger, or bounds that leave some out."""
        line, batch = self._stage.piece.statement_line, self._batch
        changed = sum(one.rows or 0 for one in self._staging.state.results if one.line == line)
        if self._verb in ("UPDATE", "DELETE") and changed < progress.rows:
            self._staging.notices.append(
                f"{self._staging.step.script.path}:{line}: {changed:,} of the {progress.rows:,} rows of {batch.table} "
                "in its ranges were changed; its conditions, a trigger or a rule left out the others"
            )

    def _progress(self) -> BatchProgress:
        """Return how far the statement is; begin it, if nobody has."""
        state, number = self._staging.state, self._stage.number
        self.demand_fit()
        if number not in state.batches:
            self._table.begin(number)
            state.batches[number] = BatchProgress(upper=self.keyset.highest(), total=self.keyset.estimate())
        return state.batches[number]

    def _look_around(self, progress: BatchProgress) -> None:
        """See whether a row can have come in behind the cursor since the first batch, and whether that was ours."""
        known, number = self._staging.moments, self._stage.number
        now = self.keyset.moment()
        if not progress.batches:
            known[number] = now
        # What another statement of the file brings is brought by this same connection, which no moment tells.
        is_last = len(self._staging.state.batches) == 1 and number == len(self._staging.stages) - 1
        if now is None or known.get(number) != now or (self._staging.state.done > number and not is_last):
            known[number] = None
        self._moment = known[number]

    def _following(self, progress: BatchProgress, size: int) -> Range | None:
        return None if progress.upper is None else self.keyset.following(_cursor(progress), str(progress.upper), size)

    def _take_next(self, progress: BatchProgress, found: Range, size: int) -> None:
        """Take the rows above the cursor, and move it."""
        after = _cursor(progress)
        if after is not None and after in (found.first, found.last):
            what = f"batch {self._batch}: the rows behind {after} begin with it again: its values are not told apart"
            raise DatabaseError(what, index=self._stage.number)
        self._run(found.first, found.last)
        progress.batches += 1
        self._table.add(self._stage.number, progress.batches, self._done(after, found))
        progress.first, progress.cursor, progress.size = found.first, found.last, size
        progress.rows += found.rows

    def _take_late(self, *, from_: int = 1, most: int | None = None) -> bool:
        """Take the rows that came in behind the cursor: their keys are not among those that the batches had.

        Args:
            from_: the first batch to compare.
            most: how many keys are compared at once; as many as there are, if None.

        Returns:
            Whether all were compared.
        """
        if self._moment is not None:
            return True
        number, after, compared = self._stage.number, None, 0
        progress = self._staging.state.batches[number]
        for batch, kept in self._table.batches(number, since=from_ - 1):
            if batch < from_:
                after = kept.last
                continue
            if most is not None and compared >= most:
                return False
            compared, self._swept = compared + kept.rows, batch
            now = self.keyset.standing(after, kept.last)
            # Into a single key nothing can come in while it is done.
            if now is not None and (found := late(kept, now, joined=self._sees_one_state)):
                for first, last in found:
                    self._run(first, last)
                more = together(kept, now)
                progress.rows += more.rows - len(kept.listed())
                self._table.replace(number, batch, self._left(after, more) if self._verb == "DELETE" else more)
            after = kept.last
        return True

    def _done(self, after: str | None, taken: Range) -> Range:
        """Return what is done for good of a range that was run, by a look at what stands there now.

        Raises:
            DatabaseError: rows came in while it ran, and nobody could say whether they were done; or their keys were
                changed, and they would be done again.
        """
        if self._verb == "DELETE":
            return self._left(after, taken)
        if self._sees_one_state and self._verb != "UPDATE":
            return taken
        now = self.keyset.standing(after, taken.last)
        if self._verb == "UPDATE" and taken != now and late(now, taken):
            what = f"batch {self._batch}: rows have another {self._batch.column} after the batch, or are gone: a "
            what += "statement in batches, or its trigger, must leave the column as it is"
            code = "" if self._sees_one_state else "40001"  # others may have deleted them
            raise DatabaseError(what, code=code, index=self._stage.number)
        if not self._sees_one_state and late(taken, now):
            raise DatabaseError("rows came in while the batch ran", code="40001", index=self._stage.number)
        return taken

    def _left(self, after: str | None, taken: Range) -> Range:
        """Return as done what a DELETE has left standing: whatever stands there later besides is to be deleted too."""
        had, now = set(taken.listed()), self.keyset.standing(after, taken.last)
        left = [key for key in now.listed() if key in had] if now else []
        return replace(taken, keys=json.dumps(left, ensure_ascii=False))

    def _run(self, first: str, last: str) -> None:
        """Run the statement on a range, watched and accounted for."""
        staging, stage = self._staging, self._stage
        merges = [replace(merge, within=self.keyset.between(first, last)) for merge in stage.merges]
        accounts = Accounts(staging.database, merges, self._touched() if merges else None)

        def run(guard: Guard) -> Iterator[int | None]:
            accounts.begin()
            self._demand(accounts)
            try:
                yield self.keyset.run(self._text, self._places, first, last)
            except DatabaseError as error:
                raise placed(error, stage) from None

        def covered() -> dict[str, Moved]:
            accounts.end()
            self._demand(accounts)
            staging.state.accounts = added(staging.state.accounts, accounts.results)
            return accounts.covered

        staging.watched(stage, run, covered=covered)
        staging.count(stage, None, batches=1)

    def _touched(self) -> Touched:
        source = self._staging.step.script
        return touched(Script(source.path, source.text, "", (self._stage.piece,)), self._dialect)

    def _demand(self, accounts: Accounts) -> None:
        try:
            accounts.demand()
        except CheckError:
            self._staging.accounts += [account for account in accounts.results if account.outcome == "failed"]
            raise


def batch_table(staging: Staging) -> BatchTable:
    """Return the side table's part that is this step's."""
    ledger = staging.ledger
    return BatchTable(staging.database, ledger.name, ledger.series, staging.step.migration.version)


def _cursor(progress: BatchProgress) -> str | None:
    return None if progress.cursor is None else str(progress.cursor)
