"""Compares source and target of a batched step's merges once more, whole, at its end.

A range is accounted for as it is taken; what others change in the source afterwards, only this sees. Knows what the
answers mean; the queries `merge_sql` writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig.errors import CheckError, DatabaseError
from sessmig.merge import Merge
from sessmig.merge_sql import MergeSql
from sessmig.results import Account
from sessmig.stage import Stage
from sessmig.verdict import EXAMPLES
from sessmig.words import count, cut

if TYPE_CHECKING:
    from sessmig.staging import Staging


def demand_same(staging: Staging, stage: Stage) -> None:
    """Within the last transaction, behind the catch-up: ask each merge for rows that are missing, or differ, now.

    What differs is counted where the merge keeps it, and stops the step where it does not.

    Raises:
        CheckError: naming the first; the account is in `staging.accounts`.
    """
    accounts = {account.where: account for account in staging.state.accounts}
    for merge in stage.merges:
        account = accounts.get(merge.where)
        if account is None or (
            merge.after and merge.rejects
        ):  # no row was taken; or rules that speak of the time before
            continue
        judged = _judged(staging, merge, account)
        staging.state.accounts = [judged if one is account else one for one in staging.state.accounts]
        if judged.outcome == "failed":
            staging.accounts.append(judged)
            raise CheckError(f"{judged.where}: merge {judged.name}: {judged.found}")


def _judged(staging: Staging, merge: Merge, account: Account) -> Account:
    database = staging.database
    rules = " OR ".join(f"({rule.condition})" for rule in merge.rejects)
    merge = replace(merge, within=f"CASE WHEN {rules} THEN 1 ELSE 0 END = 0" if rules else "")
    sql = MergeSql(merge, database.unlike)
    try:
        with database.read_only():
            sql = sql.known(database.kinds(sql.compared(after=True)))
            _, missing, differing = (int(str(cell)) for cell in database.query(sql.arrived()).rows[0])
            found, examples = [], ""
            if differing and merge.differing == "fail":
                found, examples = [f"{count(differing, 'row')} in the target with other values"], sql.changed(EXAMPLES)
            if missing:
                found, examples = [f"{count(missing, 'row')} missing in the target", *found], sql.lost(EXAMPLES)
            answer = database.query(examples) if examples else None
    except DatabaseError as error:
        if error.is_contention:
            raise
        return replace(account, outcome="failed", found=f"cannot be asked after the last batch: {error.what}")
    if answer is None:
        return replace(account, differing=max(differing, account.differing))
    return replace(
        account,
        outcome="failed",
        missing=missing,
        columns=answer.columns,
        examples=tuple(tuple(map(cut, row)) for row in answer.rows),
        total=missing or differing,
        found=f"{'; '.join(found)}: changed behind the place the batches had reached, or by a statement behind them. "
        f"Bring that over by a statement at the file's end (UPDATE {merge.target} ...), or by a trigger",
    )
