"""Asks the blocks of a verify file: before the step, after it, and again at any later time.

Knows how to ask within a transaction so that nothing is written; what an answer means, `verdict` decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessmig import verdict
from sessmig.errors import CheckError, DatabaseError
from sessmig.model import Answer, Block, Cell
from sessmig.results import CheckResult, Measurement
from sessmig.words import count

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


@dataclass(slots=True)
class Picture:
    """What was asked until now: the measures' values, the answers before the step, the results."""

    measures: dict[str, Cell] = field(default_factory=dict)
    answers: dict[Block, Answer] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)

    def require(self) -> None:
        """Refuse to go on if anything asked until now did not hold.

        Raises:
            CheckError: naming what failed; the whole account is in the picture.
        """
        failed = [check for check in self.checks if check.outcome == "failed"]
        if failed:
            raise CheckError(f"{failed[0].where}: {failed[0].verb} {failed[0].name!r}: {failed[0].found}")


def ask_before(database: Database, blocks: Sequence[Block]) -> Picture:
    """Ask what is to be asked before the step: require, measure before, and the first half of each `same`."""
    picture = Picture()
    for block in blocks:
        if block.verb == "require" or block.before:
            _ask(database, block, picture)
        elif block.expects == "same":
            _ask_whole(database, block, picture)
        if _is_consequence(picture):
            picture.checks.pop()
    return picture


def _is_consequence(picture: Picture) -> bool:
    """Where a required table is not there, ten queries that cannot be asked for it only hide that."""
    failed = [check for check in picture.checks if check.outcome == "failed"]
    return len(failed) > 1 and failed[-1] is picture.checks[-1] and not failed[-1].expected


def ask_after(database: Database, blocks: Sequence[Block], picture: Picture) -> None:
    """Ask what is to be asked after the step, in the file's order, and add it to the picture."""
    for block in blocks:
        if block.verb != "require" and not block.before:
            _ask(database, block, picture)


def ask_again(database: Database, blocks: Sequence[Block]) -> Picture:
    """Ask checks and warns at a later time; what needs the picture before the step is named as not re-runnable."""
    picture = Picture()
    for block in blocks:
        if block.verb == "require":
            continue
        names = {name for _, name in block.query.names} | ({block.expected} if block.expects == "measure" else set())
        if block.before or block.expects == "same" or not names <= picture.measures.keys():
            picture.checks.append(verdict.not_rerunnable(block))
        else:
            _ask(database, block, picture)
    return picture


def _ask(database: Database, block: Block, picture: Picture) -> None:
    try:
        if block.verb == "measure":
            _measure(database, block, picture)
        elif block.expects == "same":
            _compare(database, block, picture)
        else:
            sql = verdict.fill(block.query, picture.measures)
            answer, total = _first_rows(database, sql)
            picture.checks.append(verdict.judge(block, answer, total, picture.measures))
    except DatabaseError as error:
        picture.checks.append(verdict.unanswered(block, f"cannot be asked: {error.what}"))
    except KeyError as missing:
        # A measure that could not be asked has failed already; what builds on it cannot be asked either.
        picture.checks.append(verdict.unanswered(block, f"cannot be asked: the measure {missing} has no value"))


def _measure(database: Database, block: Block, picture: Picture) -> None:
    with database.read_only():
        answer = database.query(verdict.fill(block.query, picture.measures), limit=2)
    if len(answer.rows) != 1 or len(answer.columns) != 1:
        rows = "more than one row" if len(answer.rows) > 1 else "no row" if not answer.rows else "one row"
        found = f"{rows} of {count(len(answer.columns), 'column')}, where one value is expected"
        picture.checks.append(verdict.unanswered(block, found))
        return
    value = answer.rows[0][0]
    picture.measures[block.name] = value
    picture.measurements.append(Measurement(block.name, value, block.before))


def _ask_whole(database: Database, block: Block, picture: Picture) -> None:
    try:
        with database.read_only():
            picture.answers[block] = database.query(verdict.fill(block.query, picture.measures))
    except DatabaseError as error:
        picture.checks.append(verdict.unanswered(block, f"cannot be asked before the step: {error.what}"))


def _compare(database: Database, block: Block, picture: Picture) -> None:
    before = picture.answers[block]
    with database.read_only():
        # Only what was known before may be in the query, so that both times the same was asked.
        after = database.query(verdict.fill(block.query, picture.measures))
    picture.checks.append(verdict.judge_same(block, before, after))


def _first_rows(database: Database, sql: str) -> tuple[Answer, int]:
    """Return the first rows and how many there are; a million counter-examples need not be fetched."""
    with database.read_only():
        answer = database.query(f"SELECT * FROM (\n{sql}\n) AS asked LIMIT {verdict.EXAMPLES + 1}")
        total = len(answer.rows)
        if total > verdict.EXAMPLES:
            total = int(str(database.query(f"SELECT count(*) FROM (\n{sql}\n) AS asked").rows[0][0]))
    return answer, total
