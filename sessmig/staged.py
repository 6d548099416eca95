"""Carries a step of several commits out: its statements one after the other, then what is asked after it.

Knows the order of things; the state between the commits is `staging`'s, ranges are `batches`'.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

from sessmig import batches, proof, script, verdict
from sessmig.errors import CheckError, DatabaseError
from sessmig.free_checks import new_faults, switched_off
from sessmig.guard import Guard
from sessmig.results import CheckResult, StepOutcome, StepReport
from sessmig.retrying import persist
from sessmig.stage import Stage
from sessmig.staging import Staging
from sessmig.standing import account

_TRIES = 3
"""How often the last transaction is tried, while others write at the same time."""


def begin_staged(staging: Staging) -> None:
    """Within the first transaction: begin a step or go on with it; what cannot be cut into ranges is not begun."""
    entry = staging.ledger.entry(staging.step.migration.version)
    batches.refuse_unfit(staging, is_halfway=bool(entry and entry.is_halfway))
    staging.begin()


def carry_staged(staging: Staging, outcome: StepOutcome, record: Callable[[StepReport], None]) -> StepReport:
    """Carry out what is not done yet, statement by statement, and conclude the step.

    Called behind the transaction of `staging.begin`; where `staging.is_shared`, within the caller's.

    Args:
        staging: the step, begun.
        outcome: what its report says in the end.
        record: writes its row, within the last transaction.

    Raises:
        PassedError: another process has finished it meanwhile, or rolled it back.
        CheckError, DatabaseError: what stopped it; what is committed stays.
        StoppedError: the run was asked to stop.
    """
    while (number := staging.state.done) < len(staging.stages):
        batches.stop_if_asked(staging)
        stage = staging.stages[number]
        if stage.kind == "batch":
            batches.carry_batches(staging, stage)
        elif stage.kind == "alone":
            _run_alone(staging, stage)
        else:
            with staging.rewound():
                persist(staging.job, staging.step, partial(_run_own, staging, stage), again=staging.rewind)
    tries = 1 if staging.is_shared else _TRIES
    while True:
        if not staging.is_shared:
            batches.approach(staging)
        batches.stop_if_asked(staging)
        tries -= 1
        try:
            with staging.transaction(steady=True):
                return _conclude(staging, outcome, record)
        except DatabaseError as error:
            if not tries or not error.is_contention:
                if error.is_contention and not staging.is_shared:
                    error.hindrance = f"Others were in the way of the step's last transaction, in {_TRIES} tries."
                raise
        time.sleep(random.uniform(0.1, 0.5))  # noqa: S311


def _run_own(staging: Staging, stage: Stage) -> None:
    """Within a transaction: run a statement, unless another process has done it since."""
    staging.look()
    if staging.state.done != stage.number:
        return
    staging.send(stage)
    batches.demand_kept(staging, stage)
    staging.finish(stage)
    staging.save()


def _run_alone(staging: Staging, stage: Stage) -> None:
    """Run a statement outside transactions; that it was begun stands in the ledger before it is."""
    with staging.transaction():
        state = staging.state
        resumed = (state.begun, state.begun_hash) == (stage.number, stage.hash)
        if state.done != stage.number:
            return
        state.begun, state.begun_hash = stage.number, stage.hash
        staging.save()
    act = script.index_act(stage.piece.statement, staging.database.dialect)
    title = staging.step.migration.title
    try:
        rows = staging.database.run_alone(
            stage.piece, act, resumed=resumed, on_event=lambda text: staging.job.emit("waiting", text, title)
        )
    except DatabaseError as error:
        error.index = stage.number
        staging.state.begun = None
        raise
    finally:
        staging.notes()
    with staging.transaction():
        staging.count(stage, rows)
        staging.finish(stage)
        staging.save()


def _conclude(staging: Staging, outcome: StepOutcome, record: Callable[[StepReport], None]) -> StepReport:
    """Within the last transaction: catch up, ask what is to be asked after the step, and record it."""
    batches.catch_up(staging)
    database, step, attempt = staging.database, staging.step, staging.attempt
    attempt.picture = picture = staging.picture()
    proof.ask_after(database, step.blocks, picture)
    for block in step.blocks:
        if block.expects == "same" and block not in picture.answers:
            why = "it was not asked before the step, as it came into the file when the step was begun"
            picture.checks.append(verdict.not_rerunnable(block, why))
    picture.checks += _free_checks(staging)
    picture.demand()
    _demand_accounts(staging)
    account(staging)
    report = attempt.report(outcome)
    record(report)
    return report


def _free_checks(staging: Staging) -> tuple[CheckResult, ...]:
    """Find what is wrong now and was not before the step, whatever it meant."""
    database, source = staging.database, staging.step.script
    named = {table.identity for table in Guard(database, source).named()}
    touched = {effect.table for effect in staging.state.effects}
    tables = [table for table in database.tables() if table.name in touched or table.identity in named]
    with database.read_only():
        found = database.faults(tables, source.pieces)
    return (*new_faults(staging.state.faults, found, str(source.path)), *switched_off(source, database.dialect))


def _demand_accounts(staging: Staging) -> None:
    failed = [account for account in staging.state.accounts if account.outcome == "failed"]
    if failed:
        raise CheckError(f"{failed[0].where}: merge {failed[0].name}: {failed[0].found}")
