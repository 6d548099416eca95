"""Reads the directives at a file's head without reading the rest as SQL: quick enough for every start.

Knows where a head ends; knows nothing of ledgers and databases.
"""

from __future__ import annotations

import re
from pathlib import Path

from sessmig.directives import description, read_directives, word_of
from sessmig.errors import FileError
from sessmig.files import decode, is_large, read_bytes, text_blocks
from sessmig.marks import is_mark
from sessmig.model import Comment, Dialect, Directive
from sessmig.wait import Wait

_ANY = re.compile(rb"sessmig\s*:", re.IGNORECASE)
_WAIT = re.compile(r"([0-9]{1,7})\s+(minute|hour|day|week)s?\s+after\s+([0-9]{1,18})", re.ASCII)
_LONGEST = 36_500  # days: what is longer is a slip, and leads past the last day that a calendar knows


def top_directive(path: Path, word: str, dialect: Dialect) -> Directive | None:
    """Return the directive with this word that stands above a file's first statement, if there is one.

    Other directives are judged when the file is read whole.

    Raises:
        FileError: it stands there twice, or in the wrong place; the file cannot be read.
    """
    text = _beginning(path)
    if text is None:
        return None
    comments = _plain_head(text)
    if comments is None:
        return _read_with_care(path, text, word, dialect)
    spoken = [comment for comment in comments if word_of(comment) == word]
    return next(iter(read_directives(path, spoken, None)), None)


def _beginning(path: Path) -> str | None:
    """Return a text in which the head of a file stands; None where it holds no directive."""
    if is_large(path):
        text = next(text_blocks(path)).removeprefix("\ufeff").replace("\r\n", "\n")
        lines = (line.strip() for line in text.split("\n")[:-1])
        first = next((line for line in lines if line and not line.startswith("--")), "")
        if first and not first.startswith(("/*", ";")):
            return text
    data = read_bytes(path)
    return decode(path, data) if _ANY.search(data) else None


def head_description(text: str) -> str:
    """Return what the head of a file says of it, in `--` lines; empty where that is nothing. Reads no SQL."""
    return description([c for c in _plain_head(text) or () if not is_mark(c.text)], otherwise="")


def _plain_head(text: str) -> list[Comment] | None:
    """Return the comments of a head that is made of `--` lines; None where it takes a lexer to find its end."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if bare.startswith("--"):
            found.append(Comment(bare.lstrip("-").strip(), number))
        elif bare.startswith(("/*", ";")):
            return None
        elif bare:
            break
    return found


def _read_with_care(path: Path, text: str, word: str, dialect: Dialect) -> Directive | None:
    from sessmig import script

    pieces = script.split(text, dialect, path)
    first = next((piece.statement_line for piece in pieces if piece.is_statement), None)
    comments = [comment for piece in pieces for comment in script.comments(piece, dialect)]
    spoken = [c for c in comments if word_of(c) == word and (first is None or c.line < first)]
    return next(iter(read_directives(path, spoken, first)), None)


def read_wait(path: Path, directive: Directive, version: int) -> Wait:
    """Read the argument of a `wait`.

    Args:
        path: the file, for messages.
        directive: what it says.
        version: its own.

    Raises:
        FileError: it is not understood, or waits for itself or a later migration; with file and line.
    """
    match = _WAIT.fullmatch(directive.argument)
    if match is None:
        raise FileError(
            path,
            f"wait {directive.argument}".strip() + ": not understood",
            line=directive.line,
            remedy="Write -- sessmig: wait 14 days after VERSION; minutes, hours, days and weeks are known.",
        )
    wait = Wait(int(match[1]), f"{match[2]}s", int(match[3]), directive.line)
    if wait.number == 0 or wait.long.days > _LONGEST:
        raise FileError(
            path,
            f"wait {directive.argument}: not a time to wait",
            line=directive.line,
            remedy="Give 1 or more, and less than a century.",
        )
    if wait.after >= version:
        raise FileError(
            path,
            f"wait {directive.argument}: {wait.after} is not below {version}",
            line=directive.line,
            remedy="A migration waits for one with a lower version.",
        )
    return wait
