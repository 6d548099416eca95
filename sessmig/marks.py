"""Knows the marks by which other tools part a file into pieces: to sessmig they are remarks, and it would run it whole.

Knows comments; reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sessmig.errors import FileError
from sessmig.model import Comment

_MARKS = {
    "dbmate": re.compile(r"migrate:(up|down)\b"),
    "goose": re.compile(r"\+goose\s+(up|down|statementbegin|statementend|no\s+transaction|envsub\b.*)", re.IGNORECASE),
    "sql-migrate": re.compile(r"\+migrate\s+(up|down|statementbegin|statementend)", re.IGNORECASE),
}


def is_mark(text: str) -> bool:
    """Tell whether a comment is another tool's mark."""
    return any(mark.match(text) for mark in _MARKS.values())


def refuse_marks(path: Path, comments: Iterable[Comment]) -> None:
    """Refuse a file that is parted for another tool: what stands under its `down` would be run with the rest.

    Raises:
        FileError: with the mark's line.
    """
    for comment in comments:
        for tool, mark in _MARKS.items():
            if comment.alone and not comment.is_block and mark.match(comment.text):
                raise FileError(
                    path,
                    f"a mark of {tool}: -- {comment.text}; sessmig runs a file whole, what stands under its `down` too",
                    line=comment.line,
                    remedy=f"Move what undoes it to {path.stem}.rollback.sql, and take the marks away.",
                )
