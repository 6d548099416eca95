"""Finds the `--` comments of a piece, which is where directives and the heads of checks stand.

Knows comments; knows nothing of what they say.
"""

from __future__ import annotations

import re

from sessmig.model import Comment, Dialect, Piece
from sessmig.script.tokens import tokens

_SPEAKS_INSIDE = re.compile(r"--\s*sessmig\s*:", re.IGNORECASE)


def comments(piece: Piece, dialect: Dialect) -> list[Comment]:
    """Return the `--` comments of a piece that begin a line, with their lines in the file.

    Of the comments inside the statement only those of pieces that speak to sessmig are looked for: they stand
    in the wrong place, and must not be overlooked.
    """
    text = piece.text if _SPEAKS_INSIDE.search(piece.text, piece.body) else piece.comments
    if "--" not in text:
        return []
    found = []
    line, at = piece.line, 0
    for kind, start, end in tokens(text, dialect):
        line += text.count("\n", at, start)
        at = start
        if kind == "comment" and text.startswith("--", start) and _begins_line(text, start, piece):
            found.append(Comment(text[start:end].lstrip("-").strip(), line))
    return found


def _begins_line(text: str, start: int, piece: Piece) -> bool:
    """A comment behind the statement before it, on the same line, is a remark on that one."""
    before = text[:start].rpartition("\n")
    return not before[2].strip() and (bool(before[1]) or piece.offset == 0)
