"""A piece of a script: at most one statement; or rows of a data file, many INSERTs, that stay in the file until sent.

Knows where a piece begins and ends; knows nothing of what SQL means, and reads no file.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Protocol


class Bundle(Protocol):
    """INSERTs of plain values into one table, side by side: read from their file again whenever they are sent."""

    @property
    def ends(self) -> array[int]:
        """Where each of them ends, in characters from where the first begins; CRLF counts as one."""

    def read(self) -> str:
        """Return their text, CRLF read as LF.

        Raises:
            FileError: they are not what they were when the file was hashed, or not there any more.
        """


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a script: comments, then at most one statement with its semicolon.

    The pieces of a script, joined, are the script. A piece without a statement holds only comments
    and white space (the tail of a file), or a lone semicolon; its `body` is `len(text)`.
    """

    text: str
    """Where it has a bundle: what all its statements begin with, up to the first value."""
    offset: int
    """Characters of the script before this piece."""
    line: int
    """The line, from 1, on which the piece's text begins."""
    body: int
    """Where in `text` the statement begins, behind blanks and comments."""
    is_plain: bool = False
    """An INSERT of numbers, texts and NULLs, without a comment: as data files hold them, 200,000 of them."""
    bundle: Bundle | None = None
    """Where it stands for many of these: them."""

    @property
    def is_statement(self) -> bool:
        return self.body < len(self.text)

    @property
    def comments(self) -> str:
        """What stands before the statement."""
        return self.text[: self.body]

    @property
    def statement(self) -> str:
        """The statement as it is sent, with its semicolon."""
        return self.text[self.body :]

    @property
    def statement_line(self) -> int:
        return self.line + self.text.count("\n", 0, self.body)

    @property
    def head(self) -> str:
        """Where it is plain: what stands before the first column or value, the same in all INSERTs into a table."""
        return self.text[self.body : self.text.find("(", self.body)]

    @property
    def statements(self) -> int:
        """How many statements it stands for."""
        return len(self.bundle.ends) if self.bundle else 1

    @property
    def end(self) -> int:
        return self.offset + (self.bundle.ends[-1] if self.bundle else len(self.text))

    @property
    def sent(self) -> str:
        """Its text as it is sent, blanks and comments before it included."""
        return self.bundle.read() if self.bundle else self.text

    def at(self, number: int, position: int | None = None) -> Piece:
        """Return one of its statements as a piece of its own.

        Args:
            number: which of them, from 0.
            position: a character of the script, by which it is told where that is known.
        """
        if self.bundle is None:
            return self
        ends, text = self.bundle.ends, self.bundle.read()
        if position is not None:
            number = next((n for n, end in enumerate(ends) if self.offset + end > position), number)
        number = min(number, len(ends) - 1)
        start = ends[number - 1] if number else 0
        one = text[start : ends[number]]
        body = len(one) - len(one.lstrip())
        return Piece(one, self.offset + start, self.line + text.count("\n", 0, start), body, is_plain=True)
