"""Puts into words how far a step of several commits is, and what can be done about it.

Knows the state of such a step; asks no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessmig.errors import DatabaseError, PlanError, SessmigError, StoppedError
from sessmig.job import Job
from sessmig.mended import PassedError
from sessmig.model import Step
from sessmig.results import Account, StepReport

if TYPE_CHECKING:
    from sessmig.staging import Staging


def standing(staging: Staging) -> str:
    """Say what of a step stays in the database that did not come to its end."""
    title = staging.step.migration.title
    if not staging.is_begun:
        return f"nothing of {title} stays"
    from sessmig.half_words import how_far

    what = f"the rollback of {title}" if staging.is_undoing else title
    return f"{what} is half done, and that stays ({how_far(staging.state, staging.stages)})"


def account(staging: Staging) -> None:
    """Give the attempt the account of the step as it stands, with what earlier runs did."""
    state, attempt = staging.state, staging.attempt
    known = {one.where: one for one in (*state.accounts, *staging.accounts)}
    for merge in staging.step.merges:
        known.setdefault(merge.where, Account(merge.name, merge.where, "passed"))
    attempt.statements, attempt.accounts = list(state.results), list(known.values())
    attempt.effects, attempt.losses = tuple(state.effects), staging.losses
    attempt.notices = tuple(staging.notices)


def of_run(
    job: Job, done: Sequence[StepReport], staging: Staging | None, failed: Step | None, error: SessmigError
) -> str:
    """Say what the database holds after a run that stopped.

    Args:
        job: what was run, and how.
        done: what it did until then.
        staging: the step it stopped at, where that takes several commits.
        failed: the step it stopped at, if it was at one.
        error: what stopped it.
    """
    title = failed.migration.title if failed else ""
    if failed and isinstance(error, DatabaseError) and error.escaped:
        return f"The database may hold what {title} did until then; it is not recorded as applied."
    if failed and isinstance(error, DatabaseError) and error.in_doubt:
        return f"The connection was lost at the commit: whether {title} stands, sessmig status tells."
    if job.within:
        return "The database holds what it held before: it was a rehearsal."
    if job.dry_run:
        return "The database holds what it held before: it was a dry run."
    if job.single_transaction:
        return "The database holds what it held before: the whole run was rolled back."
    applied = [report.title for report in done if report.outcome == "applied"]
    before = f"{', '.join(applied)} stand{'s' if len(applied) == 1 else ''} applied" if applied else ""
    if failed is None:
        return f"The database: {before}." if before else "Nothing was applied."
    gone = standing(staging) if staging else f"nothing of {title} stays"
    if staging and staging.is_begun and not before:
        return f"The database: {gone}."
    return f"The database: {before}; {gone}." if before else f"The database holds what it held before; {gone}."


def again(staging: Staging) -> str:
    """Say how a half-done step goes on, or back."""
    command = "sessmig rollback" if staging.is_undoing else "sessmig migrate"
    back = not staging.is_undoing and staging.step.rollback
    return f"{command} goes on where it stopped." + (" sessmig rollback takes back what is done." if back else "")


def left_half_done(staging: Staging, told: SessmigError, error: SessmigError) -> SessmigError:
    """Add to the words of a failure how a half-done step goes on, or back.

    Args:
        staging: the step.
        told: the failure in words.
        error: as it was raised.
    """
    if holds := getattr(error, "holds", "") if not isinstance(error, StoppedError) and told is not error else "":
        told.holds += f"\n{holds}" if holds not in told.holds else ""
    told.remedy = f"{told.remedy}\n{again(staging)}".strip()
    return told


def passed_by(step: Step, passed: PassedError) -> PlanError:
    """Say that another process took away what this one was at."""
    done = "its rollback was begun" if passed.status is None else "it was rolled back"
    return PlanError(
        f"{step.migration.title}: {done} meanwhile, by another process",
        holds="What that process did stands; nothing of this one's open transaction does.",
        remedy="See where it stands (sessmig status), and run it again.",
    )
