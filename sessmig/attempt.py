"""Carries one step out within an open transaction, and keeps account of what it did.

Knows statements and checks; knows nothing of locks, commits and the ledger.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sessmig import proof, script
from sessmig.accounts import Accounts
from sessmig.allowance import Allowance
from sessmig.errors import CheckError
from sessmig.guard import Guard
from sessmig.model import Dialect, Script, Step
from sessmig.proof import Picture
from sessmig.results import Account, StatementResult, StepOutcome, StepReport
from sessmig.row_words import loss_text
from sessmig.rows import Effect, Loss
from sessmig.sending import DETAILED, send
from sessmig.words import since, speaks_of_passwords, utc_now

if TYPE_CHECKING:
    from sessmig.databases.contract import Database
    from sessmig.touched import Touched

_LISTED = 10_000
"""So many statements that queries gave are listed, each with its text."""
_MORE = "and others like these"
_NOTICES = 100
"""How many notices are kept; a loop may raise one for each row."""
_KEPT_TEXT = 100_000
"""A text of up to so many characters is kept in the log, to show later what changed."""
_LOCKING = ("LOCK", "SET")
_WAITING = (("SET", "lock_timeout"), ("SET", "statement_timeout"))


@dataclass(slots=True)
class Attempt:
    """One step on its way: what has been done and asked until now."""

    step: Step
    started_at: str = ""
    clock: float = 0.0
    statements: list[StatementResult] = field(default_factory=list)
    picture: Picture = field(default_factory=Picture)
    accounts: list[Account] = field(default_factory=list)
    places: dict[tuple[str, str], int] = field(default_factory=dict)
    """Where in `statements` each kind of statement stands, by its verb and target."""
    given: int = 0
    """How many statements queries have given until now."""
    guard: Guard | None = None
    effects: tuple[Effect, ...] = ()
    losses: tuple[Loss, ...] = ()
    allowance: Allowance = field(default_factory=Allowance)
    allowed: list[Loss] = field(default_factory=list)
    """What was lost that no `may-lose` names, and was agreed to."""
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.started_at = utc_now()
        self.clock = time.monotonic()

    def report(self, outcome: StepOutcome, error: str = "") -> StepReport:
        """Return the account as it stands."""
        migration = self.step.migration
        return StepReport(
            migration.version,
            migration.label,
            migration.name,
            self.step.script.description,
            str(migration.path),
            outcome,
            self.started_at,
            since(self.clock),
            tuple(self.statements),
            tuple(self.picture.measurements),
            tuple(self.picture.checks),
            tuple(self.accounts),
            self.effects,
            self.losses,
            allowed=tuple(self.allowed),
            notices=self.notices,
            error=error,
        )

    def refused(self, found: tuple[Loss, ...]) -> tuple[Loss, ...]:
        """Return the losses that were not agreed to; keep the others in `allowed`."""
        let_go = [loss for loss in found if self.allowance.covers(self.step.migration.title, loss)]
        self.allowed += [loss for loss in let_go if loss not in self.allowed]
        return tuple(loss for loss in found if loss not in let_go)


def carry_out(database: Database, attempt: Attempt, *, shared: bool = False) -> None:
    """Ask what is to be asked before, send the statements, give the settings back, ask what is to be asked after.

    Args:
        database: with an open transaction.
        attempt: at the step.
        shared: other steps follow in the same transaction.

    Raises:
        CheckError: a require, check, measure, row account or free check did not hold, or something was lost.
        DatabaseError: a statement failed, with its number.
    """
    step = attempt.step
    # Behind the locks that the file itself takes first nobody else writes any more.
    locks = leading_locks(step.script, database.dialect)
    attempt.picture = proof.ask_before(database, step.blocks, same=not locks)
    attempt.picture.demand()
    accounts = Accounts(database, step.merges, _touched(step, database.dialect))
    attempt.accounts = accounts.results
    attempt.guard = guard = Guard(database, step.script)
    guard.begin()
    mark = database.mark(step.script.telling)
    try:
        _send(database, attempt, guard, 0, locks)
        if locks:
            guard.locked()
            proof.ask_same(database, step.blocks, attempt.picture)
            attempt.picture.demand()
        accounts.begin()
        accounts.demand()
        _send(database, attempt, guard, locks, len(step.script.pieces))
        # What a deferred trigger does is the step's doing; at the commit nobody would see it.
        database.settle(shared=shared)
    finally:
        attempt.notices = _first(database.notices())
    database.undo_settings(mark)
    guard.end()
    proof.ask_after(database, step.blocks, attempt.picture)
    accounts.end()
    attempt.effects, attempt.losses = guard.effects(), attempt.refused(guard.losses(accounts.covered))
    attempt.picture.checks += guard.checks()
    attempt.picture.demand()
    accounts.demand()
    if attempt.losses:
        raise CheckError(f"{step.script.path}: loss guard: {loss_text(attempt.losses[0])}")


def _touched(step: Step, dialect: Dialect) -> Touched | None:
    """Return what its statements write, if a merge has to know."""
    if not step.merges:
        return None
    from sessmig.touched import touched

    return touched(step.script, dialect)


def leading_locks(source: Script, dialect: Dialect) -> int:
    """Count the statements at a script's head that take locks, or say how long to wait for them."""
    for number, piece in enumerate(source.pieces):
        if piece.is_plain or not piece.text[piece.body : piece.body + 4].upper().startswith(_LOCKING):
            return number
        outline = script.outline(piece.statement, dialect)
        if outline.verb != "LOCK" and (outline.verb, outline.target.lower()) not in _WAITING:
            return number
    return len(source.pieces)


def _send(database: Database, attempt: Attempt, guard: Guard, first: int, last: int) -> None:
    """Send the statements from the first to before the last, and count what each did."""
    source, places = attempt.step.script, attempt.places
    merging = source.statements > DETAILED
    with closing(send(database, guard, source, first, last)) as results:
        for result in results:
            if result.text:
                _add_given(attempt, result)
                continue
            place = places.setdefault((result.verb, result.target), len(attempt.statements))
            if merging and place < len(attempt.statements):
                attempt.statements[place] = _merged(attempt.statements[place], result)
            else:
                attempt.statements.append(result)


def _add_given(attempt: Attempt, result: StatementResult) -> None:
    """List a statement that a query gave with its own text; of very many the last ones together."""
    attempt.given += 1
    if attempt.given <= _LISTED:
        attempt.statements.append(result)
    elif attempt.given == _LISTED + 1 or attempt.statements[-1].text != _MORE:
        attempt.statements.append(StatementResult(result.line, "...", "", result.rows, text=_MORE))
    else:
        attempt.statements[-1] = replace(_merged(attempt.statements[-1], result), text=_MORE)


def _first(notices: tuple[str, ...]) -> tuple[str, ...]:
    more = len(notices) - _NOTICES
    return notices if more <= 0 else (*notices[:_NOTICES], f"... and {more:,} more")


def _merged(one: StatementResult, other: StatementResult) -> StatementResult:
    rows = None if one.rows is None and other.rows is None else (one.rows or 0) + (other.rows or 0)
    return StatementResult(one.line, one.verb, one.target, rows, one.statements + other.statements)


def detail(report: StepReport, step: Step, holds: str = "") -> dict[str, Any]:
    """Return what the log keeps of an attempt; of a failed one also what the database holds after it, in words."""
    kept: dict[str, Any] = {
        "statements": [_kept(statement) for statement in report.statements],
        "checks": [asdict(check) for check in report.checks],
        "measures": {m.name: m.value for m in report.measurements},
    }
    if report.measurements:  # in their order, which not every database keeps of an object's names
        kept["measured"] = [[m.name, "before" if m.before else "after"] for m in report.measurements]
    if report.merges:
        kept["merges"] = [asdict(account) for account in report.merges]
    if report.effects:
        kept["effects"] = [asdict(effect) for effect in report.effects]
    if report.losses:
        kept["losses"] = [asdict(loss) for loss in report.losses]
    if report.allowed:
        kept["allowed"] = [asdict(loss) for loss in report.allowed]
    if report.notices:
        kept["notices"] = list(report.notices)
    if report.error:
        kept["error"] = report.error
    if holds:
        kept["holds"] = holds
    if report.is_half_done:
        kept["half_done"] = True
    if queries := _queries(step):
        kept["queries"] = queries
    return kept if step.script.in_blocks else kept | kept_text(step.script.text)


def _queries(step: Step) -> list[dict[str, str]]:
    """Return what each block asks, so that a report can show it when the file is another one: as much as is kept."""
    blocks = ((str(b.verb), b.name, b.where, b.query.text.strip()) for b in step.blocks)
    merges = (("merge", merge.name, merge.where, merge.text) for merge in step.merges)
    kept, left = [], _KEPT_TEXT
    for verb, name, where, query in (*blocks, *merges):
        left -= len(query)
        if left >= 0 and kept_text(query):
            kept.append({"verb": verb, "name": name, "where": where, "query": query})
    return kept


def _kept(statement: StatementResult) -> dict[str, Any]:
    """Leave out what most statements have not."""
    told = {name: getattr(statement, name) for name in StatementResult.__slots__}
    return {name: value for name, value in told.items() if value or name not in ("text", "batches")}


def kept_text(text: str) -> dict[str, str]:
    """Return a file's text as the log keeps it: not at all where it is long or speaks of passwords."""
    return {"text": text} if len(text) <= _KEPT_TEXT and not speaks_of_passwords(text) else {}
