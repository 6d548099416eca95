"""Tells what each statement of a script is; of 200,000 most are the same, and are told by one object.

Knows pieces and outlines; knows nothing of tables and databases.
"""

from __future__ import annotations

from collections.abc import Iterable

from sessmig import script
from sessmig.model import Dialect, Piece


class Kinds:
    """The kinds of statement that were met.

    Args:
        dialect: how the statements are read.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._met: dict[script.Outline, script.Outline] = {}
        self._heads: dict[str, script.Outline] = {}

    @property
    def verbs(self) -> set[str]:
        """The verbs that were met."""
        return {outline.verb for outline in self._met}

    def outlined(self, pieces: Iterable[Piece]) -> list[script.Outline]:
        """Return what each of these is."""
        return [self._plain(piece) if piece.is_plain else self._kind(piece) for piece in pieces]

    def _kind(self, piece: Piece) -> script.Outline:
        outline = script.outline(piece.statement, self._dialect)
        return self._met.setdefault(outline, outline)

    def _plain(self, piece: Piece) -> script.Outline:
        """Ask by what stands before an INSERT's first value or column: that is the same in all of a table."""
        head = piece.head
        found = self._heads.get(head)
        if found is None:
            found = self._heads[head] = self._kind(piece)
        return found
