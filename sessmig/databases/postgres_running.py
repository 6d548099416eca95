"""Sends the statements of a step to a PostgreSQL server within its transaction, and tells which one failed.

Knows the protocol and its traps; knows nothing of what the statements are for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import partial

from sessmig.databases.postgres_rows import is_whole, rows
from sessmig.databases.postgres_settings import Settings
from sessmig.databases.wire import Wire
from sessmig.errors import DatabaseError
from sessmig.model import Piece


def run(
    wire: Wire,
    settings: Settings,
    groups: Iterable[Sequence[Piece]],
    pieces: Sequence[Piece],
    transaction: str,
) -> Generator[int | None]:
    """Send statements one after the other; give the rows that each changed as it is done.

    Args:
        groups: the pieces, as many at once as are to be sent in one message.
        pieces: the statements.
        transaction: the number of the open transaction.

    Raises:
        DatabaseError: with the number of the statement that failed.
    """
    done = 0
    ahead = _Ahead()
    for group in groups:
        start, sent, answered = group[0].offset, sum(piece.statements for piece in group), 0
        settings.keep_reading()
        text = "".join(map(ahead.sent, group))
        try:
            if group[0].bundle:
                answered, changed = wire.count(
                    text, offset=start, meanwhile=partial(ahead.read, pieces[done + 1 : done + 2])
                )
                yield changed
                done += 1
            else:
                with closing(wire.exchange(text, offset=start)) as results:
                    for result in filter(is_whole, results):
                        answered += 1
                        if answered <= sent:
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
        if answered != sent:
            raise DatabaseError(
                f"sessmig sent {sent} statements, and the server found {answered}: it reads quotes otherwise",
                index=max(done - 1, 0),
                escaped=settings.look().transaction != transaction,
            )


class _Ahead:
    """What is sent next, read while the server works on what was sent before."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        """By where in the script it stands."""

    def read(self, pieces: Sequence[Piece]) -> None:
        """Read what is to be sent."""
        self._texts = {piece.offset: piece.sent for piece in pieces}

    def sent(self, piece: Piece) -> str:
        """Return what is sent of a piece."""
        text = self._texts.pop(piece.offset, None)
        return piece.sent if text is None else text
