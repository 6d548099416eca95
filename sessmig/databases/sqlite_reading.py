"""Lets a SQLite connection write nothing while questions are asked, by `query_only`.

Knows that the switch is thrown with the first statement that is sent meanwhile: where none is, as for most steps
without a verify file, it takes nothing. What is asked, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sessmig.model import Answer


class Reading:
    """The switch of one connection.

    Args:
        query: sends it a statement, whatever the switch says.
    """

    def __init__(self, query: Callable[[str], Answer]) -> None:
        self._query = query
        self._is_on = False
        self._before: int | None = None
        """What the switch said before it was thrown; None while it is not."""

    @contextmanager
    def only(self) -> Iterator[None]:
        """Have nothing written until the end; within another one, until that one's."""
        outer, self._is_on = self._is_on, True
        try:
            yield
        finally:
            self._is_on = outer
            if not outer and self._before is not None:
                before, self._before = self._before, None
                self._query(f"PRAGMA query_only = {before}")

    def demand(self) -> None:
        """Throw the switch, where nothing may be written; to be called before anything is sent that might."""
        if self._is_on and self._before is None:
            before = int(bool(self._query("PRAGMA query_only").rows[0][0]))
            self._query("PRAGMA query_only = ON")
            self._before = before
