"""Keeps the row accounts of a step's merges: where each row of a source goes.

Knows what has to be asked before the statements and after them, and what the answers mean; the queries themselves
`merge_sql` writes. The classes of the rows are fixed before the step: rejected by the first rule that fits, standing in
the target with the same values, or with others, or new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sessmig.account_hints import OTHER_VALUES, TWICE, WITHOUT_KEY
from sessmig.errors import CheckError, DatabaseError
from sessmig.merge import Merge
from sessmig.merge_sql import MergeSql
from sessmig.results import Account
from sessmig.rows import Moved
from sessmig.sources import Sources
from sessmig.verdict import EXAMPLES
from sessmig.words import count, cut

if TYPE_CHECKING:
    from sessmig.databases.contract import Database
    from sessmig.touched import Touched


@dataclass(slots=True)
class _Open:
    """A merge whose classes are known, and whose rows are on their way."""

    merge: Merge
    account: Account
    sql: MergeSql
    kept: str = ""
    copy: str = ""
    is_to_come: bool = False
    """The step itself makes the target."""


class Accounts:
    """The row accounts of one step.

    Args:
        database: where the step is carried out.
        merges: the merge blocks of its verify file.
        touched: what its statements write.
    """

    def __init__(self, database: Database, merges: Sequence[Merge], touched: Touched | None = None) -> None:
        self._database = database
        self._merges = merges
        self._sources = Sources(database, merges, touched)
        self._mark = os.urandom(4).hex()
        """A part of our tables' names, so that no other has them."""
        self._open: list[_Open] = []
        self.results: list[Account] = []
        self.covered: dict[str, Moved] = {}
        """What has left each source, and stands in the target instead."""

    def demand(self) -> None:
        """Refuse to go on if an account does not balance.

        Raises:
            CheckError: naming it; the whole account is in `results`.
        """
        failed = [account for account in self.results if account.outcome == "failed"]
        if failed:
            raise CheckError(f"{failed[0].where}: merge {failed[0].name}: {failed[0].found}")

    def begin(self) -> None:
        """Fix the classes: count the rows of each source, and keep the keys of those that are to stay behind."""
        for number, merge in enumerate(self._merges, 1):
            account = Account(merge.name, merge.where, "passed")
            try:
                opened = _Open(merge, account, MergeSql(merge, self._database.unlike))
                self._classify(opened, number)
            except DatabaseError as error:
                if error.is_contention:
                    raise
                self.results.append(_failed(account, f"cannot be asked before the step: {error.what}"))
                return  # what failed outside a savepoint has ended the transaction for all that would follow
            if opened.account.outcome == "failed":
                self.results.append(opened.account)
            self._open.append(opened)

    def _classify(self, opened: _Open, number: int) -> None:
        merge, sql = opened.merge, opened.sql
        if self._is_to_come(sql):
            opened.is_to_come = True
            sql = sql.to_come()
        with self._database.read_only():
            opened.sql = sql = sql.known(self._database.kinds(sql.compared()))
            source, without_key = self._numbers(sql.totals())
            opened.account = account = replace(opened.account, source=source)
            if without_key:
                found = f"{count(without_key, 'row')} {WITHOUT_KEY}"
                opened.account = self._showing(account, found, sql.without_key(EXAMPLES), without_key)
                return
            if not self._sources.is_unique(merge) and (twice := self._numbers(sql.twice("count(*)"))[0]):
                found = f"{count(twice, 'key')} of the source {'stands' if twice == 1 else 'stand'} {TWICE}"
                opened.account = self._showing(account, found, sql.twice("*") + f" LIMIT {EXAMPLES}", twice)
                return
            rejected = self._rejected(merge, sql)
        opened.account = account = replace(account, rejected=rejected)
        if any(number for _, number in rejected):
            self._keep(opened, number)
            self._database.query(opened.sql.keep_rejected())
        with self._database.read_only():
            standing, differing = self._numbers(opened.sql.standing())
            if differing and merge.differing == "fail":
                stand = "stands" if differing == 1 else "stand"
                found = f"{count(differing, 'key')} {stand} in the target already, with other values"
                asked = opened.sql.differing(EXAMPLES)
                opened.account = self._showing(replace(account, differing=differing), found, asked, differing)
                return
        opened.account = replace(account, identical=standing - differing, differing=differing)
        if differing:
            self._keep(opened, number)
            self._database.query(opened.sql.keep_differing())
        if self._sources.may_change(merge, is_to_come=opened.is_to_come):
            opened.copy = self._database.keep(f"sessmig_source_{number}_{self._mark}", sql.copy())

    def _is_to_come(self, sql: MergeSql) -> bool:
        try:
            with self._database.read_only():
                self._database.query(sql.probe())
        except DatabaseError as error:
            if error.is_missing_table:
                return True
            raise
        return False

    def _rejected(self, merge: Merge, sql: MergeSql) -> tuple[tuple[str, int], ...]:
        if not merge.rejects:
            return ()
        found = {rule: int(str(rows)) for rule, rows in self._database.query(sql.rejected()).rows}
        return tuple((rule.name, found.get(n, 0)) for n, rule in enumerate(merge.rejects, 1))

    def _keep(self, opened: _Open, number: int) -> None:
        if not opened.kept:
            sql = opened.sql
            opened.kept = self._database.keep(f"sessmig_merge_{number}_{self._mark}", sql.nothing_kept(), sql.kept_keys)
            opened.sql = sql.keeping(opened.kept)

    def end(self) -> None:
        """Ask what arrived, and close the accounts."""
        if not self._open:
            return
        for opened in self._open:
            try:
                with self._database.read_only():
                    self._turn(opened)
                    self.results.append(self._closed(opened))
            except DatabaseError as error:
                if error.is_contention:
                    raise
                self.results.append(_failed(opened.account, f"cannot be asked after the step: {error.what}"))
        with suppress(DatabaseError), self._database.read_only():  # what cannot be asked, an account has told
            self._cover()
        for opened in self._open:
            for name in filter(None, (opened.kept, opened.copy)):
                self._database.query(f"DROP TABLE IF EXISTS {name}")
        self._open.clear()

    def _turn(self, opened: _Open) -> None:
        """Have the queries speak of the time after the step."""
        if opened.is_to_come:
            sql = MergeSql(opened.merge, self._database.unlike)
            if opened.copy:
                sql = sql.standing_at(opened.copy)
            opened.sql = sql.known(self._database.kinds(sql.compared(after=True))).keeping(opened.kept)
        if opened.copy:
            opened.sql = opened.sql.standing_at(opened.copy)

    def _closed(self, opened: _Open) -> Account:
        sql, account = opened.sql, opened.account
        apart = account.differing + sum(number for _, number in account.rejected)
        others, missing, changed = self._numbers(sql.arrived())
        came = others - missing - account.identical
        account = replace(account, missing=missing, inserted=max(came, 0), absent=0)
        found: list[tuple[str, str, int]] = []
        if missing:
            found += [(f"{count(missing, 'row')} missing in the target", sql.lost(EXAMPLES), missing)]
        if changed:
            found += [(f"{count(changed, 'row')} {OTHER_VALUES}", sql.changed(EXAMPLES), changed)]
        if opened.kept:
            account = replace(account, absent=self._numbers(sql.absent())[0])
            found += self._kept_apart(sql)
        if opened.copy and opened.merge.after:
            # Where it stands now nothing of it may be gone, whatever the copy says.
            now = self._numbers(MergeSql(opened.merge, self._database.unlike).standing_total())[0]
            found += self._fewer(opened.account.source, now)
        if opened.kept or others + apart != account.source:
            account = replace(account, source=self._numbers(sql.standing_total())[0])
            doubled = sql.doubled(EXAMPLES)
            found += self._unbalanced(opened.account.source, account.source, others + apart, doubled)
        if not found:
            return account
        return self._showing(account, "; ".join(words for words, _, _ in found), found[0][1], found[0][2])

    def _kept_apart(self, sql: MergeSql) -> Iterator[tuple[str, str, int]]:
        keys = sql.kept_shown()
        if overruled := self._numbers(sql.overruled("count(*)"))[0]:
            found = f"{count(overruled, 'row')} rejected, yet in the target"
            yield found, sql.overruled(keys) + f" LIMIT {EXAMPLES}", overruled
        if overwritten := self._numbers(sql.overwritten("count(*)"))[0]:
            found = f"{count(overwritten, 'row')} of the target that differed did not stay as they were"
            yield found, sql.overwritten(keys) + f" LIMIT {EXAMPLES}", overwritten

    def _fewer(self, before: int, now: int) -> Iterator[tuple[str, str, int]]:
        if now < before:
            yield f"the source held {count(before, 'row')} before the step, and {now:,} after it", "", 0

    def _unbalanced(self, before: int, now: int, matched: int, doubled: str) -> Iterator[tuple[str, str, int]]:
        """Find out why the rows do not add up; what others have written into the source since is no reason."""
        yield from self._fewer(before, now)
        if matched > now:
            yield f"the target has {count(matched - now, 'row')} more than the source has keys", doubled, matched - now
        elif matched < now:
            yield f"{count(now - matched, 'row')} of the source came while the account was taken", "", 0

    def _cover(self) -> None:
        """Count what has left each source and stands elsewhere; several merges may share a source between them."""
        tables = [None if one.merge.after else self._sources.table(one.merge) for one in self._open]
        done = set[int]()
        for opened, table in zip(self._open, tables, strict=True):
            keys = [key for key, _ in opened.merge.keys]
            if opened.copy and table is not None and table.identity not in done:
                done.add(table.identity)
                same = [one for one, other in zip(self._open, tables, strict=True) if other == table]
                sharing = [one.sql for one in same if [key for key, _ in one.merge.keys] == keys]
                self.covered[opened.merge.source] = Moved(*self._numbers(opened.sql.moved(opened.copy, sharing)))

    def _numbers(self, sql: str) -> list[int]:
        return [int(str(cell)) for cell in self._database.query(sql).rows[0]]

    def _showing(self, account: Account, found: str, examples: str, total: int) -> Account:
        account = _failed(account, found)
        if not examples:
            return account
        answer = self._database.query(examples)
        rows = tuple(tuple(map(cut, row)) for row in answer.rows)
        return replace(account, columns=answer.columns, examples=rows, total=total)


def ask_again(database: Database, merges: Sequence[Merge], before: Mapping[str, int]) -> Iterator[Account]:
    """Ask at a later time whether a row is missing in the target; read only.

    Args:
        database: where the step was carried out.
        merges: the merge blocks of its verify file.
        before: how many rejected rows of each merge the target did not hold when the step was done, by its name.
    """
    for merge in merges:
        sql = MergeSql(merge, database.unlike)
        account = Account(merge.name, merge.where, "passed")
        if merge.rejects and merge.name not in before:
            yield replace(account, outcome="not re-runnable", found="the log does not tell how many rows were rejected")
            continue
        try:
            with database.read_only():
                absent = int(str(database.query(sql.missing("count(*)")).rows[0][0]))
                rejected = before.get(merge.name, 0)
                missing = max(absent - rejected, 0)
                # The compared columns may be gone by now.
                answer = database.query(sql.lost(EXAMPLES, keys_only=True)) if missing else None
        except DatabaseError as error:
            yield replace(account, outcome="not re-runnable", found=f"cannot be asked: {error.what}")
            continue
        if answer is None:
            yield account
        else:
            rows = tuple(tuple(map(cut, row)) for row in answer.rows)
            beside = f", beside {rejected:,} that {'was' if rejected == 1 else 'were'} rejected" if rejected else ""
            account = _failed(account, f"{count(missing, 'row')} missing in the target{beside}")
            yield replace(account, missing=missing, columns=answer.columns, examples=rows, total=absent)


def _failed(account: Account, found: str) -> Account:
    return replace(account, outcome="failed", found=found)
