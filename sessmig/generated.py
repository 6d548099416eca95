"""Asks a `run-each-row` query for the statements that it gives, each by the rules of a statement in a file.

Knows what a row has to be; what the statements do, the runner and the guard see as they see those of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.errors import DatabaseError, FileError
from sessmig.model import Cell, Dialect, Piece, Script
from sessmig.words import cut, short, shown, speaks_of_passwords

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_WORD = "run-each-row"
_QUERIES = ("SELECT", "VALUES")
_HIDDEN = "(a statement that speaks of a password)"
_WHOLE = "Let each row give one whole statement, as a file would hold it."


def is_query(source: Script, piece: Piece) -> bool:
    """Tell whether a statement is a query whose rows are to be run."""
    return any(d.word == _WORD and piece.line <= d.line < piece.statement_line for d in source.directives)


def queries(source: Script) -> tuple[int, ...]:
    """Return the numbers of the statements whose rows are to be run."""
    if all(directive.word != _WORD for directive in source.directives):
        return ()
    return tuple(number for number, piece in enumerate(source.pieces) if is_query(source, piece))


def refuse_queries(source: Script, dialect: Dialect) -> None:
    """Refuse, while a file is read, a `run-each-row` that stands above anything but one query.

    Raises:
        FileError: naming the first.
    """
    marked = [source.pieces[number] for number in queries(source)]
    for directive in source.directives:
        if directive.word != _WORD:
            continue
        own = [piece for piece in marked if piece.line <= directive.line < piece.statement_line]
        if not own or script.outline(own[0].statement, dialect).verb not in _QUERIES:
            raise FileError(
                source.path,
                f"{_WORD} does not stand above a query",
                line=directive.line,
                remedy="Write it right above a SELECT whose rows are statements.",
            )
        words = [other.word for other in source.directives if own[0].line <= other.line < own[0].statement_line]
        if words.count(_WORD) > 1 or "batch" in words:
            what = f"given twice: {_WORD}" if words.count(_WORD) > 1 else f"{_WORD} beside batch"
            raise FileError(source.path, f"directive {what}", line=directive.line, remedy="Leave one of them.")


def asked(database: Database, source: Script, number: int) -> tuple[Script, int]:
    """Ask a query for its statements, before the first of them runs; return them as a script, and how many rows it had.

    Args:
        database: with an open transaction.
        source: the file.
        number: which of its statements the query is.

    Raises:
        DatabaseError: the query failed, or a row is no single text, or that text no statement that a step may hold;
            with the number of the query.
    """
    piece = source.pieces[number]
    try:
        answer = database.query(piece.statement)
    except DatabaseError as error:
        error.index = number
        if error.position is not None:
            error.position += piece.offset + piece.body
        raise
    if len(answer.columns) != 1:
        raise _refusal(number, f"{_WORD}: the query has {len(answer.columns)} columns", "", "Let it have one, of text.")
    pieces: list[Piece] = []
    at = 0
    for row, (value,) in enumerate(answer.rows, 1):
        if value is None:  # as psql does: a query need not have something to do for each row
            continue
        text = _statement(source, number, row, value, database.dialect)
        pieces.append(Piece(text, at, piece.statement_line, 0))
        at += len(text)
    return replace(source, text="".join(one.text for one in pieces), pieces=tuple(pieces)), len(answer.rows)


def _statement(source: Script, number: int, row: int, value: Cell, dialect: Dialect) -> str:
    """Return the one statement that a row gives, with its semicolon."""
    if not isinstance(value, str):
        what = f"{_WORD}: row {row} is no text: {short(shown(value))}"
        raise _refusal(number, what, "", "Let the query give text: || and CAST (... AS TEXT) make it.")
    try:
        pieces = script.split(value, dialect, source.path)
        statements = [piece for piece in pieces if piece.is_statement]
        if len(statements) != 1:
            how_many = f"{len(statements)} statements" if statements else "no statement"
            raise _refusal(number, f"{_WORD}: row {row} holds {how_many}", value, _WHOLE)
        script.refuse(statements, dialect, source.path, no_transaction=False)
    except FileError as error:
        # What a whole file may do is no way out here.
        remedy = "" if "no-transaction" in error.remedy or "BEGIN" in error.remedy else error.remedy
        raise _refusal(number, f"{_WORD}: row {row}: {error.reason}", value, remedy or _WHOLE) from None
    text = statements[0].statement.strip()
    *_, (_, at, end) = script.atoms(text, dialect)
    # Behind a comment to the line's end it would be a part of that.
    return f"{text}\n" if text[at:end] == ";" else f"{text}\n;\n" if "--" in text else f"{text};\n"


def _refusal(number: int, what: str, text: str, remedy: str) -> DatabaseError:
    error = DatabaseError(what, index=number)
    error.generated, error.remedy = text, remedy
    return error


def told(text: str) -> str:
    """Return a generated statement as it is shown and kept."""
    text = text.strip()
    return _HIDDEN if speaks_of_passwords(text) else str(cut(text))


def lines(text: str) -> Iterator[str]:
    """Lay a generated statement out below a message."""
    first = "    in the statement of this row: "
    for number, line in enumerate(told(text).splitlines()):
        yield f"{first if not number else ' ' * len(first)}{line}"
