"""Finds the comments of a piece in which directives and the heads of checks stand, or seem to.

Knows comments; knows nothing of what they say.
"""

from __future__ import annotations

import re

from sessmig.model import Comment, Dialect, Piece
from sessmig.script.tokens import tokens

# All that was read is taken into the match, also where no word follows: a ruler of 2 MB is read once.
_SPEAKS = re.compile(r"(?:--[- \t]*+|/\*[*\s]*+)([A-Za-z][A-Za-z \t]*+:)?")


def comments(piece: Piece, dialect: Dialect) -> list[Comment]:
    """Return the `--` comments of a piece, and the block comments that begin `word:`, with their lines in the file.

    Those inside the statement are looked for only where one has the form `word:`, and may be meant for sessmig:
    there it stands in the wrong place, and must not be overlooked.
    """
    if piece.is_plain:
        return []
    speaks = any(found[1] for found in _SPEAKS.finditer(piece.text, piece.body))
    text = piece.text if speaks else piece.comments
    if "--" not in text and "/*" not in text:
        return []
    found = []
    line, at = piece.line, 0
    for kind, start, end in tokens(text, dialect):
        line += text.count("\n", at, start)
        at = start
        if kind != "comment":
            continue
        if text.startswith("/*", start):
            if (speaking := _SPEAKS.match(text, start)) and speaking[1]:
                found.append(Comment(_first_line(text[speaking.start(1) : end - 2]), line, is_block=True))
        else:
            alone = start < piece.body and _begins_line(text, start, piece)
            said = text[start:end].lstrip("-")
            indent = len(said) - len(said.lstrip())
            found.append(Comment(said.strip(), line, alone, indent=indent))
    return found


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip("* \t\r")


def _begins_line(text: str, start: int, piece: Piece) -> bool:
    """A comment behind the statement before it, on the same line, is a remark on that one."""
    above = text.rfind("\n", 0, start)  # without a copy of all that stands before: there may be a comment on each line
    return not text[above + 1 : start].strip() and (above >= 0 or piece.offset == 0)
