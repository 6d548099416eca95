"""What a database has to do for statements that run outside transactions: a lock over all of them, and each of them.

Decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sessmig.index_act import IndexAct
from sessmig.model import Holder, Piece


class Alone(Protocol):
    """The part of the contract that no-transaction files need."""

    def exclusive(self, lock: str, *, wait: float, on_wait: Callable[[Holder], None]) -> AbstractContextManager[None]:
        """Hold the lock of `transaction` over several of them; those of this session do not wait for it.

        Args:
            lock: the ledger's table, which the lock is for.
            wait: how many seconds to wait for the lock.
            on_wait: told now and then who holds it.

        Raises:
            LockError: the lock was not had in time.
            DatabaseError: no lock can be held here: behind a pooler one session is not one server process.
        """

    def run_alone(
        self, piece: Piece, act: IndexAct | None, *, resumed: bool, on_event: Callable[[str], None]
    ) -> int | None:
        """Send one statement outside transactions, within `exclusive`; return how many rows it changed.

        An index that is there as it was asked for is not built again; one that is not valid is. After a failure none
        that is not valid is left, or `holds` of the error says which.

        Args:
            piece: the statement.
            act: what it does to an index beside running writers, if it does.
            resumed: it was begun before, and nobody knows how far it came.
            on_event: told now and then how far it is, and for whom it waits.

        Raises:
            DatabaseError: what the database said, with the position in the script.
        """
