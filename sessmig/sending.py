"""Sends the statements of a script under the guard, and those that its `run-each-row` queries give.

Knows the order in which they are sent, and looked at; what is done with the results, its callers know.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from sessmig import generated
from sessmig.errors import DatabaseError
from sessmig.guard import Guard
from sessmig.model import Script
from sessmig.results import StatementResult

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")


def send(database: Database, guard: Guard, source: Script, first: int, last: int) -> Generator[StatementResult]:
    """Send the statements from the first to before the last, and give what each did; each query's rows in its turn.

    Args:
        database: with an open transaction.
        guard: at its script.
        source: that script.
        first: the first statement.
        last: the one that is not sent any more.

    Raises:
        DatabaseError: a statement failed, with its number; or one that a query gave, with the number of the query.
    """
    start = first
    for number in generated.queries(source):
        if start <= number < last:
            yield from _stretches(database, guard, source, start, number)
            yield from _rows(database, guard, source, number)
            start = number + 1
    yield from _stretches(database, guard, source, start, last)


def _stretches(database: Database, guard: Guard, source: Script, first: int, last: int) -> Iterator[StatementResult]:
    for start, stop in guard.stretches(first, last):
        pieces = source.pieces[start:stop]
        try:
            with closing(database.run(source.text, pieces)) as counts:
                for index, rows in enumerate(counts):
                    outline = guard.done(start + index, rows)
                    if rows is None and outline.verb in _CHANGING:
                        rows = 0
                    yield StatementResult(pieces[index].statement_line, outline.verb, outline.target, rows)
        except DatabaseError as error:
            error.index = None if error.index is None else error.index + start
            raise


def _rows(database: Database, guard: Guard, source: Script, number: int) -> Iterator[StatementResult]:
    """Ask a query for statements, and send them."""
    given, rows = generated.asked(database, source, number)
    outline = guard.done(number, rows)
    yield StatementResult(source.pieces[number].statement_line, outline.verb, outline.target, rows)
    guard.grow(number, given)
    try:
        for piece, result in zip(given.pieces, _stretches(database, guard, given, 0, len(given.pieces)), strict=True):
            yield StatementResult(
                result.line, result.verb, result.target, result.rows, text=generated.told(piece.statement)
            )
    except DatabaseError as error:
        if error.index is not None:
            error.generated = given.pieces[min(error.index, len(given.pieces) - 1)].statement
        error.index, error.position = number, None
        raise
    guard.go_on(number, given)
