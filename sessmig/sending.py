"""Sends the statements of a script under the guard, and those that its `run-each-row` queries give.

Knows the order in which they are sent, and looked at; what is done with the results, its callers know.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from sessmig import generated
from sessmig.errors import DatabaseError
from sessmig.guard import Guard
from sessmig.model import Piece, Script
from sessmig.results import StatementResult

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

DETAILED = 200
"""In a file of more statements than this, like statements are accounted for together."""
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
        alike = _Alike(guard, pieces, start)
        merging = source.statements > DETAILED
        try:
            with closing(database.run(pieces)) as counts:
                for index, rows in enumerate(counts):
                    if merging and alike.takes(index, rows):
                        continue
                    yield from alike.told()
                    if merging and alike.begins(index, rows):
                        continue
                    outline = guard.done(start + index, rows)
                    if rows is None and outline.verb in _CHANGING:
                        rows = 0
                    yield StatementResult(pieces[index].statement_line, outline.verb, outline.target, rows)
            yield from alike.told()
        except DatabaseError as error:
            yield from alike.told()
            error.index = None if error.index is None else error.index + start
            raise


class _Alike:
    """Statements side by side that bring rows into the same table, taken together: there may be 200,000 of them.

    Args:
        guard: told of them.
        pieces: the statements that are sent.
        start: how many of the script stand before them.
    """

    def __init__(self, guard: Guard, pieces: Sequence[Piece], start: int) -> None:
        self._guard = guard
        self._pieces = pieces
        self._start = start
        self._first = 0
        self._number = 0
        self._rows = 0

    def begins(self, index: int, rows: int | None) -> bool:
        """Take a statement that others like it may follow; tell whether it is one."""
        if not self._pieces[index].is_plain:
            return False
        self._first, self._number, self._rows = index, self._pieces[index].statements, rows or 0
        return True

    def takes(self, index: int, rows: int | None) -> bool:
        """Take a statement that is like those before it; tell whether it is."""
        if not self._number or not self._guard.is_alike(self._start + index, self._start + self._first):
            return False
        self._number += self._pieces[index].statements
        self._rows += rows or 0
        return True

    def told(self) -> Iterator[StatementResult]:
        """Give what they did, and begin anew."""
        if self._number:
            number, self._number = self._number, 0
            outline = self._guard.done(self._start + self._first, self._rows)
            line = self._pieces[self._first].statement_line
            yield StatementResult(line, outline.verb, outline.target, self._rows, number)


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
