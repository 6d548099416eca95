"""Carries one step out within an open transaction, and keeps account of what it did.

Knows statements and checks; knows nothing of locks, commits and the ledger.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sessmig import proof, script
from sessmig.model import Step
from sessmig.proof import Picture
from sessmig.results import StatementResult, StepOutcome, StepReport
from sessmig.words import since, speaks_of_passwords, utc_now

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_DETAILED = 200
"""In a file of more statements than this, like statements are accounted for together."""
_NOTICES = 100
"""How many notices are kept; a loop may raise one for each row."""
_KEPT_TEXT = 100_000
"""A text of up to so many characters is kept in the log, to show later what changed."""
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")


@dataclass(slots=True)
class Attempt:
    """One step on its way: what has been done and asked until now."""

    step: Step
    started_at: str = ""
    clock: float = 0.0
    statements: list[StatementResult] = field(default_factory=list)
    picture: Picture = field(default_factory=Picture)
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
            self.notices,
            error,
        )


def carry_out(database: Database, attempt: Attempt) -> None:
    """Ask what is to be asked before, send the statements, give the settings back, ask what is to be asked after.

    Raises:
        CheckError: a require, check or measure did not hold.
        DatabaseError: a statement failed, with its number.
    """
    step = attempt.step
    attempt.picture = proof.ask_before(database, step.blocks)
    attempt.picture.demand()
    mark = database.mark()
    try:
        _send(database, attempt)
    finally:
        attempt.notices = _first(database.notices())
    database.undo_settings(mark)
    proof.ask_after(database, step.blocks, attempt.picture)
    attempt.picture.demand()


def _send(database: Database, attempt: Attempt) -> None:
    source = attempt.step.script
    dialect = database.dialect
    merging = len(source.pieces) > _DETAILED
    places: dict[tuple[str, str], int] = {}
    with closing(database.run(source.text, source.pieces)) as counts:
        for index, rows in enumerate(counts):
            piece = source.pieces[index]
            outline = script.outline(piece.statement, dialect)
            if rows is None and outline.verb in _CHANGING:
                rows = 0
            result = StatementResult(piece.statement_line, outline.verb, outline.target, rows)
            place = places.setdefault((result.verb, result.target), len(attempt.statements))
            if merging and place < len(attempt.statements):
                attempt.statements[place] = _merged(attempt.statements[place], result)
            else:
                attempt.statements.append(result)


def _first(notices: tuple[str, ...]) -> tuple[str, ...]:
    more = len(notices) - _NOTICES
    return notices if more <= 0 else (*notices[:_NOTICES], f"... and {more:,} more")


def _merged(one: StatementResult, other: StatementResult) -> StatementResult:
    rows = None if one.rows is None and other.rows is None else (one.rows or 0) + (other.rows or 0)
    return StatementResult(one.line, one.verb, one.target, rows, one.statements + other.statements)


def detail(report: StepReport, text: str) -> dict[str, Any]:
    """Return what the log keeps of an attempt."""
    kept = {
        "statements": [asdict(statement) for statement in report.statements],
        "checks": [asdict(check) for check in report.checks],
        "measures": {m.name: m.value for m in report.measurements},
    }
    if report.notices:
        kept["notices"] = list(report.notices)
    if report.error:
        kept["error"] = report.error
    return kept | kept_text(text)


def kept_text(text: str) -> dict[str, str]:
    """Return a file's text as the log keeps it: not at all where it is long or speaks of passwords."""
    return {"text": text} if len(text) <= _KEPT_TEXT and not speaks_of_passwords(text) else {}
