"""Finds out and says where a run stands that was ended at once.

Asks the ledger what was committed; where that cannot be read, the step stands as it was known to.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sessmig.errors import SessmigError
from sessmig.halfway import read_progress
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.model import Status, Step
from sessmig.standing import again, standing

if TYPE_CHECKING:
    from sessmig.staging import Staging


def cut_off(
    job: Job, ledger: Ledger, step: Step | None, staging: Staging | None, *, is_undoing: bool = False
) -> tuple[str, bool]:
    """Say, behind `interrupted: `, where a run stands that was ended at once, and how it goes on.

    Args:
        job: what was run, and how.
        ledger: the ledger of the series.
        step: the step it was at; None if it was at none yet.
        staging: the same, where that takes several commits.
        is_undoing: the run was a rollback.

    Returns:
        The words, and whether the step is done all the same: the interrupt may come right behind the commit.
    """
    if step is None and not is_undoing:
        return "the step that was next was not begun; run again to go on", False
    if step and _is_recorded(job, ledger, step, "rolled_back" if is_undoing else "success"):
        done = "is rolled back" if is_undoing else "stands applied"
        return f"{step.migration.title} {done}; run again to go on", True
    if job.single_transaction:
        return "the whole run was rolled back; run again to go on", False
    if staging:
        _recall(staging)
        if staging.is_begun and not staging.is_undone:
            return f"{standing(staging)}; {again(staging)}", False
    if is_undoing:
        return "nothing of the rollback that ran stays; run again to go on", False
    return "the step that ran was rolled back; run again to go on", False


def _is_recorded(job: Job, ledger: Ledger, step: Step, status: Status) -> bool:
    if not (job.dry_run or job.within):
        with suppress(SessmigError):
            entry = ledger.entry(step.migration.version)
            return entry is not None and entry.status == status
    return False


def _recall(staging: Staging) -> None:
    """Take back what `rewind` took for rolled back, if the ledger has it."""
    if staging.undone is None or staging.is_shared:
        return
    state, here = staging.undone
    with suppress(SessmigError):
        entry = staging.ledger.entry(staging.step.migration.version)
        if entry and entry.is_halfway and read_progress(entry.metadata) == read_progress(state.as_json()):
            staging.state, staging.here = state, here
