"""Sends the statements of a step to a PostgreSQL server within its transaction, and tells which one failed.

Knows the protocol and its traps; knows nothing of what the statements are for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing

from sessmig.databases.postgres_settings import Settings
from sessmig.databases.wire import Wire, is_whole, rows
from sessmig.errors import DatabaseError
from sessmig.model import Piece


def run(
    wire: Wire,
    settings: Settings,
    groups: Iterable[Sequence[Piece]],
    text: str,
    pieces: Sequence[Piece],
    transaction: str,
) -> Generator[int | None]:
    """Send statements one after the other; give the rows that each changed as it is done.

    Args:
        groups: the pieces, as many at once as are to be sent in one message.
        text: the script that the pieces were cut from.
        pieces: the statements.
        transaction: the number of the open transaction.

    Raises:
        DatabaseError: with the number of the statement that failed.
    """
    done = 0
    for group in groups:
        start, answered = group[0].offset, 0
        settings.keep_reading()
        with closing(wire.exchange(text[start : group[-1].end], offset=start)) as results:
            try:
                for result in filter(is_whole, results):
                    answered += 1
                    if answered <= len(group):
                        yield rows(result)
                        done += 1
            except DatabaseError as error:
                # A position tells the statement also where the server refused to parse the whole group.
                at = error.position
                behind = [piece.end > at for piece in pieces] if at is not None else []
                error.index = behind.index(True) if True in behind else done
                error.escaped = wire.is_idle
                raise
        if not wire.in_transaction:
            raise DatabaseError("this statement ended the transaction of the step", index=done - 1, escaped=True)
        if answered != len(group):
            raise DatabaseError(
                f"sessmig sent {len(group)} statements, and the server found {answered}: it reads quotes otherwise",
                index=max(done - 1, 0),
                escaped=settings.look().transaction != transaction,
            )
