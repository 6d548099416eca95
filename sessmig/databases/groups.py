"""Puts statements together that go to the server in one string.

One by one each statement costs a round trip; all at once they cost the memory of the whole file, twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sessmig.model import Piece

_BYTES = 64 * 1024
_STATEMENTS = 500


def groups(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Cut a script's statements into groups of 64 KB or 500 statements; a bundle is a group of its own.

    In each they stand side by side, so that a place in what is sent is a place in the script.
    """
    first = 0
    for last, piece in enumerate(pieces):
        if last > first and (
            piece.end - pieces[first].offset > _BYTES
            or last - first >= _STATEMENTS
            or piece.bundle
            or pieces[last - 1].bundle
            or piece.offset != pieces[last - 1].end
        ):
            yield pieces[first:last]
            first = last
    if first < len(pieces):
        yield pieces[first:]
