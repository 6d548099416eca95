"""Asks the blocks of a verify file: before the step, after it, and again at any later time.

Knows how to ask within a transaction so that nothing is written; what an answer means, `verdict` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessmig import verdict
from sessmig.errors import CheckError, DatabaseError
from sessmig.model import Answer, Block, Cell
from sessmig.results import CheckResult, Measurement

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


@dataclass(slots=True)
class Picture:
    """What was asked until now: the measures' values, the answers before the step, the results."""

    measures: dict[str, Cell] = field(default_factory=dict)
    answers: dict[Block, Answer] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)

    def demand(self) -> None:
        """Refuse to go on if anything asked until now did not hold.

        Raises:
            CheckError: naming what failed; the whole account is in the picture.
        """
        failed = [check for check in self.checks if check.outcome == "failed"]
        if failed:
            raise CheckError(f"{failed[0].where}: {failed[0].verb} {failed[0].name!r}: {failed[0].found}")


def ask_before(database: Database, blocks: Sequence[Block], *, same: bool = True) -> Picture:
    """Ask what is to be asked before the step: require, measure before, and the first half of each `same`.

    Args:
        database: with an open transaction.
        blocks: those of the verify file.
        same: whether that half too; else it is left to `ask_same`.
    """
    picture = Picture()
    for block in blocks:
        if block.verb == "require" or block.before:
            _ask(database, block, picture)
        elif same and block.expects == "same":
            _ask_whole(database, block, picture)
        if _is_consequence(picture):
            picture.checks.pop()
    return picture


def ask_same(database: Database, blocks: Sequence[Block], picture: Picture) -> None:
    """Ask the first half of each `same`, and add it to the picture."""
    for block in blocks:
        if block.verb != "require" and not block.before and block.expects == "same":
            _ask_whole(database, block, picture)


def _is_consequence(picture: Picture) -> bool:
    """Where a required table is not there, ten queries that cannot be asked for it only hide that."""
    failed = [check for check in picture.checks if check.outcome == "failed"]
    return len(failed) > 1 and failed[-1] is picture.checks[-1] and not failed[-1].expected


def ask_after(database: Database, blocks: Sequence[Block], picture: Picture) -> None:
    """Ask what is to be asked after the step, in the file's order, and add it to the picture."""
    for block in blocks:
        if block.expects == "same" and block not in picture.answers:
            continue  # it could not be asked before the step, and that has been told
        if block.verb != "require" and not block.before:
            _ask(database, block, picture)


def ask_again(database: Database, blocks: Sequence[Block], why_gone: Callable[[str, str], str]) -> Picture:
    """Ask checks and warns at a later time; what needs the picture before the step is named as not re-runnable.

    Args:
        database: where the step was carried out.
        blocks: those of its verify file.
        why_gone: says by a query, and what the database said to it, who has taken away what it asks for; or nothing.
    """
    picture = Picture()
    gone: dict[str, str] = {}
    for block in blocks:
        if block.verb == "require":
            continue
        lacking = [name for name in block.needs if name not in picture.measures]
        if block.before or block.expects == "same" or lacking:
            picture.checks.append(verdict.not_rerunnable(block, gone.get(lacking[0], "") if lacking else ""))
            continue
        told = len(picture.checks)
        _ask(database, block, picture, again=True)
        unanswered = picture.checks[told:] if not all(check.expected for check in picture.checks[told:]) else []
        if unanswered and (why := why_gone(block.query.text, unanswered[0].found)):
            gone[block.name] = why
            picture.checks[told:] = [verdict.not_rerunnable(block, why)]
    return picture


def _ask(database: Database, block: Block, picture: Picture, *, again: bool = False) -> None:
    if lacking := _lacking(block, picture):
        picture.checks.append(verdict.unanswered(block, lacking))
        return
    try:
        if block.verb == "measure":
            _measure(database, block, picture)
        elif block.expects == "same":
            _compare(database, block, picture)
        else:
            answer, total = _first_rows(database, _filled(database, block, picture))
            picture.checks.append(verdict.judge(block, answer, total, picture.measures))
    except DatabaseError as error:
        if error.is_contention and not again:  # the step can be tried again, and says nothing of the check
            raise
        picture.checks.append(verdict.unanswered(block, f"cannot be asked: {error.what}"))


def _lacking(block: Block, picture: Picture) -> str:
    """Name the measure without which a block cannot be asked: one that has failed already, or is NULL."""
    for name in block.needs:
        if picture.measures.get(name) is None:
            has = "is NULL" if name in picture.measures else "has no value"
            return f"cannot be asked: the measure {name!r} {has}"
    return ""


def _filled(database: Database, block: Block, picture: Picture) -> str:
    return verdict.fill(block.query, picture.measures, database.literal)


def _measure(database: Database, block: Block, picture: Picture) -> None:
    with database.read_only():
        answer = database.query(asked(database, _filled(database, block, picture), "* FROM sessmig_asked LIMIT 2"))
    if len(answer.rows) != 1 or len(answer.columns) != 1:
        rows = "more than one row" if len(answer.rows) > 1 else "no row" if not answer.rows else "one row"
        picture.checks.append(verdict.unanswered(block, verdict.no_single_value(rows, answer)))
        return
    value = answer.rows[0][0]
    picture.measures[block.name] = value
    picture.measurements.append(Measurement(block.name, value, block.before))


def _ask_whole(database: Database, block: Block, picture: Picture) -> None:
    if lacking := _lacking(block, picture):
        picture.checks.append(verdict.unanswered(block, lacking))
        return
    try:
        with database.read_only():
            picture.answers[block] = database.query(_filled(database, block, picture))
    except DatabaseError as error:
        if error.is_contention:
            raise
        picture.checks.append(verdict.unanswered(block, f"cannot be asked before the step: {error.what}"))


def _compare(database: Database, block: Block, picture: Picture) -> None:
    with database.read_only():
        # Only what was known before may be in the query, so that both times the same was asked.
        after = database.query(_filled(database, block, picture))
    picture.checks.append(verdict.judge_same(block, picture.answers[block], after))


def _first_rows(database: Database, sql: str) -> tuple[Answer, int]:
    """Return the first rows and how many there are; a million counter-examples need not be fetched."""
    with database.read_only():
        answer = database.query(asked(database, sql, f"* FROM sessmig_asked LIMIT {verdict.EXAMPLES + 1}"))
        total = len(answer.rows)
        if total > verdict.EXAMPLES:
            total = int(str(database.query(asked(database, sql, "count(*) FROM sessmig_asked")).rows[0][0]))
    return answer, total


def asked(database: Database, sql: str, what: str) -> str:
    """Ask something of a query's answer.

    A LIMIT must not reach into the query: PostgreSQL's planner would take the plan that is the fastest way to a first
    row, where the hope is that there is none. See https://www.postgresql.org/docs/current/queries-with.html
    """
    return f"WITH sessmig_asked AS {database.materialized} (\n{sql}\n) SELECT {what}"
