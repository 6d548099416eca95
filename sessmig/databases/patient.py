"""What a database has to do for waiting on the locks of others: to say who is in the way.

Decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sessmig.blocker import Blocker


class Patient(Protocol):
    """The part of the contract that locks need."""

    def blockers(self, statements: Sequence[str]) -> tuple[Blocker, ...]:
        """Return who holds the locks that these statements want now, the longest first; asked after the rollback.

        Args:
            statements: the one that did not get its lock; or all that may have wanted it.
        """
