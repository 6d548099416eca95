"""Finds the `--` comments of a piece, which is where directives and the heads of checks stand.

Knows comments; knows nothing of what they say.
"""

from __future__ import annotations

import re

from sessmig.model import Comment, Dialect, Piece
from sessmig.script.tokens import tokens

_SPEAKS = re.compile(r"--[- \t]*[A-Za-z][A-Za-z \t]*:")


def comments(piece: Piece, dialect: Dialect) -> list[Comment]:
    """Return the `--` comments of a piece, with their lines in the file.

    Those inside the statement are looked for only where one has the form `word:`, and may be meant for sessmig:
    there it stands in the wrong place, and must not be overlooked.
    """
    text = piece.text if _SPEAKS.search(piece.text, piece.body) else piece.comments
    if "--" not in text:
        return []
    found = []
    line, at = piece.line, 0
    for kind, start, end in tokens(text, dialect):
        line += text.count("\n", at, start)
        at = start
        if kind == "comment" and text.startswith("--", start):
            alone = start < piece.body and _begins_line(text, start, piece)
            found.append(Comment(text[start:end].lstrip("-").strip(), line, alone))
    return found


def _begins_line(text: str, start: int, piece: Piece) -> bool:
    """A comment behind the statement before it, on the same line, is a remark on that one."""
    before = text[:start].rpartition("\n")
    return not before[2].strip() and (bool(before[1]) or piece.offset == 0)
