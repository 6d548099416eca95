"""Refuses, before a row is touched, a `batch` statement that cannot be cut into ranges.

Knows statements and what a database says of a column; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.errors import DatabaseError, FileError
from sessmig.model import Dialect, Script
from sessmig.stage import Stage

if TYPE_CHECKING:
    from sessmig.databases.ranges import Keyset

_SETTING = re.compile(r'(?:\bSET|,)\s*("(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)\s*=', re.IGNORECASE)


def demand_fit(
    source: Script, stage: Stage, keyset: Keyset, places: Sequence[tuple[int, str]], dialect: Dialect
) -> bool:
    """Refuse what cannot be cut into ranges.

    Args:
        source: the script.
        stage: the statement, with its `batch`.
        keyset: its table and column.
        places: where its bounds stand.
        dialect: whose statement it is.

    Returns:
        Whether all was asked; without a row, how the statement takes a range is not known.

    Raises:
        FileError: it cannot be.
        DatabaseError: the statement is not understood.
    """
    for reason, remedy in _reasons(stage, keyset, places, dialect):
        line = stage.batch.line if stage.batch else None
        raise FileError(source.path, f"batch {stage.batch}: {reason}", line=line, remedy=remedy)
    return keyset.highest() is not None


def _reasons(
    stage: Stage, keyset: Keyset, places: Sequence[tuple[int, str]], dialect: Dialect
) -> Iterator[tuple[str, str]]:
    batch, text = stage.batch, stage.piece.statement
    assert batch is not None  # noqa: S101  what a stage of this kind has
    if reason := keyset.unfit():
        yield reason, "A batch needs a column that is unique and NOT NULL and has an index, as a primary key is."
    if _adds_to_itself(text, batch.table, dialect):
        what = f"the statement inserts into {batch.table}, which it takes in ranges, and would never end"
        yield what, "Insert into another table, or take all rows in one statement, without `batch`."
    if _sets_its_key(text, batch.column, dialect):
        what = f"the statement sets {batch.column}, by which it is cut"
        yield what, "Cut it by another column, or run it without `batch`."
    if (upto := keyset.highest()) is None:
        return
    try:
        scan = keyset.scanned(text, places, upto)
    except DatabaseError as error:
        raise placed(error, stage) from None
    if scan:
        what = f"each range would read the whole table {batch.table} ({scan})"
        yield what, f"Compare {batch.column} itself: WHERE {batch.column} BETWEEN :first AND :last."


def placed(error: DatabaseError, stage: Stage) -> DatabaseError:
    """Say which statement of the file it was, and where in it."""
    error.index = stage.number
    if error.position is not None:
        error.position += stage.piece.offset + stage.piece.body
    return error


def _sets_its_key(text: str, column: str, dialect: Dialect) -> bool:
    own = script.parts(column, dialect)[-1:]
    named = (script.parts(found[1], dialect)[-1:] for found in _SETTING.finditer(text))
    return script.outline(text, dialect).verb == "UPDATE" and own in named


def _adds_to_itself(text: str, table: str, dialect: Dialect) -> bool:
    outline = script.outline(text, dialect)
    if outline.verb != "INSERT" or "conflict" in text.lower():
        return False
    return script.parts(outline.target, dialect)[-1:] == script.parts(table, dialect)[-1:]
