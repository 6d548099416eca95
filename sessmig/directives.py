"""Reads the `-- sessmig:` comments of a script, and its description.

Knows nothing of SQL: it is handed comments with their lines, and tells at which statement each stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sessmig.errors import FileError
from sessmig.model import Comment, Directive

_NEAR_MISS = re.compile(r"(?P<name>\w+)\s*(?P<colon>:?)\s*(?P<word>\S*)")
_DIRECTIVE = re.compile(r"sessmig\s*:\s*(?P<word>\S*)\s*(?P<argument>.*)", re.IGNORECASE | re.DOTALL)

TOP = ("may-lose", "no-transaction", "foreign-keys-off", "wait", "irreversible")
"""Directives that speak of the whole file."""
STATEMENT = ("batch", "run-each-row", "idempotent", "allow")
"""Directives that speak of the next statement."""
_ALONE = ("idempotent", "run-each-row", "foreign-keys-off", "no-transaction")
"""Directives without an argument."""
_LONG = 300
"""A description is no longer, in characters."""


def is_directive(comment: Comment) -> bool:
    """Tell whether a comment speaks to sessmig."""
    return _DIRECTIVE.match(comment.text) is not None


def word_of(comment: Comment) -> str:
    """Return the word of a directive; nothing for any other comment."""
    match = _DIRECTIVE.match(comment.text)
    return match["word"] if match else ""


def description(comments: Sequence[Comment], *, otherwise: str) -> str:
    """Return the first comment line that is no directive and has words in it: a ruler (`-- ====`) has none.

    Of a line that is no line for people only the beginning: it is shown at every step, and kept in the ledger.
    """
    said = (c.text for c in comments if c.alone and not (c.is_block or is_directive(c)))
    found = next((text for text in said if any(map(str.isalnum, text))), otherwise)
    return found if len(found) <= _LONG else f"{found[: _LONG - 4]} ..."


def read_directives(path: Path, comments: Sequence[Comment], first_statement_line: int | None) -> tuple[Directive, ...]:
    """Read the directives of a file, refusing what is not understood or stands in the wrong place.

    Args:
        path: the file, for messages.
        comments: the `--` comments of the file.
        first_statement_line: the line of the first statement, if there is one.

    Raises:
        FileError: an unknown word, a missing argument, a wrong place, a word given twice.
    """
    found: list[Directive] = []
    for comment in comments:
        match = _DIRECTIVE.match(comment.text)
        if match is None:
            _refuse_near_miss(path, comment)
            continue
        if comment.is_block:
            raise FileError(
                path,
                f"a directive in a block comment: sessmig: {match['word']}",
                line=comment.line,
                remedy="Write it as a line of its own: -- sessmig: WORD.",
            )
        if not comment.alone:
            raise FileError(
                path,
                f"a directive inside a statement, or behind one: sessmig: {match['word']}",
                line=comment.line,
                remedy="Give it a line of its own, above the statement.",
            )
        directive = Directive(match["word"], match["argument"].strip(), comment.line)
        _judge(path, directive, first_statement_line)
        if directive.word in TOP and any(earlier.word == directive.word for earlier in found):
            raise FileError(
                path, f"directive given twice: {directive.word}", line=directive.line, remedy="Leave one of them."
            )
        found.append(directive)
    return tuple(found)


def refuse_alone(path: Path, found: Sequence[Directive], last_statement_line: int) -> None:
    """Refuse a directive that speaks of the next statement where none comes.

    Raises:
        FileError: naming the first.
    """
    for directive in found:
        if directive.word in STATEMENT and directive.line > last_statement_line:
            raise FileError(
                path,
                f"no statement behind this directive: sessmig: {directive.word}",
                line=directive.line,
                remedy="It speaks of the next statement: write it above that, or take it away.",
            )


def _refuse_near_miss(path: Path, comment: Comment) -> None:
    """Refuse `-- sessmig may-lose t` and `-- sesmig: may-lose t`, which would be passed over as remarks."""
    match = _NEAR_MISS.match(comment.text)
    if match and (match["colon"] or match["word"] in TOP + STATEMENT) and _is_like_us(match["name"]):
        raise FileError(
            path,
            f"almost a directive: {'/*' if comment.is_block else '--'} {comment.text}",
            line=comment.line,
            remedy="Write -- sessmig: WORD.",
        )


def _is_like_us(name: str) -> bool:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, name.lower(), "sessmig").ratio() > 0.8


def _judge(path: Path, directive: Directive, first_statement_line: int | None) -> None:
    word, line = directive.word, directive.line
    if word not in TOP + STATEMENT:
        known = ", ".join(TOP + STATEMENT)
        raise FileError(path, f"unknown directive: sessmig: {word}", line=line, remedy=f"Known are: {known}.")
    if word in TOP and first_statement_line is not None and line > first_statement_line:
        raise FileError(
            path,
            f"directive {word} stands below the first statement",
            line=line,
            remedy="It speaks of the whole file: move it to the top.",
        )
    if word == "irreversible" and not directive.argument:
        raise FileError(path, "irreversible needs a reason", line=line, remedy="Write -- sessmig: irreversible REASON.")
    if word in _ALONE and directive.argument:
        raise FileError(path, f"{word} takes no argument", line=line, remedy=f"Write -- sessmig: {word} alone.")
