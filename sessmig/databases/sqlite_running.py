"""Sends the statements of a step to SQLite, and counts what each changed.

Knows Python's sqlite3 and its traps; knows nothing of what the statements are for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Protocol

from sessmig.databases.sqlite_tables import Tables
from sessmig.databases.sqlite_watch import Watch
from sessmig.errors import DatabaseError
from sessmig.model import Bundle, Piece


class Telling(Protocol):
    """Puts an error of SQLite's into one of ours."""

    def __call__(self, error: sqlite3.Error, *, index: int | None = None) -> DatabaseError: ...


def run(
    cursor: sqlite3.Cursor, pieces: Sequence[Piece], tables: Tables, watch: Watch, told: Telling
) -> Generator[int | None]:
    """Send statements one after the other; give the rows that each changed as it is done.

    Raises:
        DatabaseError: with the number of the statement that failed.
    """
    connection = cursor.connection
    before = connection.total_changes
    try:
        for index, piece in enumerate(pieces):
            if piece.bundle:
                brought = _run_bundle(cursor, piece.bundle, index, told)
                watch.has_brought(piece.statement, brought)
                yield brought
                before = connection.total_changes
                continue
            kind = tables.about_to_run(piece.statement) if watch.is_on and not piece.is_plain else ""
            try:
                carry_out(cursor, piece)
            except sqlite3.Error as error:
                raise told(error, index=index) from None
            if not connection.in_transaction:
                raise DatabaseError("this statement ended the transaction of the step", index=index, escaped=True)
            rows: int | None = cursor.rowcount
            if connection.total_changes == before or kind:
                rows = None if rows == -1 else rows
            elif rows == -1:
                # WITH ... INSERT: Python does not know it for a change.
                rows = cursor.execute("SELECT changes()").fetchone()[0]
            before = connection.total_changes
            if kind:
                watch.has_run(kind)
            else:
                watch.has_brought(piece.statement, rows)
            yield rows
    finally:
        # Whoever keeps the error keeps this frame, and a cursor that is open keeps the file open.
        with suppress(sqlite3.Error):
            cursor.close()


def _run_bundle(cursor: sqlite3.Cursor, bundle: Bundle, index: int, told: Telling) -> int:
    """Run many INSERTs of plain values, and count the rows of all."""
    text, execute = bundle.read(), cursor.execute
    start = rows = 0
    try:
        for end in bundle.ends:
            execute(text[start:end])
            rows += cursor.rowcount
            start = end
    except sqlite3.Error as error:
        failed = told(error, index=index)
        failed.within = bundle.ends.index(start) + 1 if start else 0
        raise failed from None
    return rows


def carry_out(cursor: sqlite3.Cursor, piece: Piece) -> None:
    """Run one statement to its end."""
    if piece.is_plain:
        cursor.execute(piece.text)
        return
    cursor.execute(piece.statement)
    for _ in cursor:  # a statement that gives rows works only while they are fetched
        pass
