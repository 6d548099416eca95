"""Cuts a large file while it is read, block by block; its rows stay in the file until they are sent.

Knows bytes and characters, and how rows are read again and are still what was hashed. What a statement is, the lexer
knows.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from sessmig import script
from sessmig.errors import FileError
from sessmig.files import text_blocks, unreadable
from sessmig.model import Dialect, Piece

_CHARACTERS = 65_535
"""A bundle is no longer, unless one statement is: what is sent at once, and what two bytes can count."""
_APART = 200
"""So many statements at the head of a file are told one by one, as all are where there are no more."""
_FEW = 8
_SMALL = 4096
"""Fewer statements, together no longer than this, are held."""
_LEAST = 1 << 18
"""So many characters lie ahead where something is cut, or all that are left: few statements are longer."""


@dataclass(frozen=True, slots=True, eq=False)
class FileBundle:
    """INSERTs of plain values that stay in their file."""

    path: Path
    start: int
    """Where in the file they begin, in bytes."""
    stop: int
    digest: bytes
    ends: array[int]

    def read(self) -> str:
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self.start)
                data = file.read(self.stop - self.start)
        except OSError as error:
            raise unreadable(self.path, error) from None
        if _digest(data) != self.digest:
            raise FileError(self.path, "changed while it was carried out", remedy="Run again when nobody writes to it.")
        return data.decode().replace("\r\n", "\n")


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=20).digest()


class _Window:
    """What of a file is held: from the place up to which it is cut.

    Args:
        path: the file.
        hashed: the checksum that it had, if it was hashed.
    """

    def __init__(self, path: Path, hashed: str) -> None:
        self._blocks = text_blocks(path, hashed)
        self.text = ""
        self.at = 0
        """Where in `text` the next piece begins; the next ones are where that is, in the whole file."""
        self.byte = 0
        self.offset = 0
        self.line = 1
        self.seen: re.Match[str] | None = None
        """What `plain` finds at some place further on, where that is known."""
        self.is_last = False
        """Whether the file has no more than this."""
        self._fill(_LEAST)
        if self.text.startswith("\ufeff"):
            self.text = self.text[1:]
            self.byte = 3

    def __bool__(self) -> bool:
        """Whether anything is left; read on, where little is."""
        if len(self.text) - self.at < _LEAST and not self.is_last:
            self._fill(_LEAST)
        return self.at < len(self.text)

    def plain(self) -> re.Match[str] | None:
        """Return the INSERT of plain values that begins here, whole or not."""
        seen, self.seen = self.seen, None
        if seen and seen.string is self.text and seen.start() == self.at:
            return seen
        return script.plain(self.text, self.at)

    def grow(self) -> None:
        """Read on until twice as much lies ahead."""
        self._fill(2 * (len(self.text) - self.at))

    def _fill(self, wanted: int) -> None:
        parts = [self.text[self.at :]]
        held = len(parts[0])
        while held < wanted:
            block = next(self._blocks, None)
            if block is None:
                self.is_last = True
                break
            parts.append(block)
            held += len(block)
        self.text, self.at = "".join(parts), 0

    def take(self, end: int) -> str:
        """Go on to the end of a piece; return what was passed."""
        text = self.text[self.at : end]
        self.at = end
        self.byte += len(text) if text.isascii() else len(text.encode())
        self.offset += len(text) - (text.count("\r\n") if "\r" in text else 0)
        self.line += text.count("\n")
        return text


def cut(path: Path, dialect: Dialect, hashed: str = "") -> list[Piece]:
    """Cut a file into pieces as `script.split` does, but for its rows.

    Args:
        path: the file.
        dialect: how it is read.
        hashed: the checksum that it had, if it was hashed.

    Raises:
        FileError: as `script.split` and `files.read_text` do; the file is not what was hashed.
    """
    window, pieces, statements = _Window(path, hashed), list[Piece](), 0
    while window:
        piece = _bundle(window, path, is_head=statements < _APART) or _piece(window, dialect, path)
        pieces.append(piece)
        statements += piece.is_statement
    return pieces


def _bundle(window: _Window, path: Path, *, is_head: bool) -> Piece | None:
    """Take the INSERTs of plain values that begin here, as far as they bring rows into the same table."""
    found = window.plain()
    while found and not found[2] and not window.is_last:
        window.grow()
        found = window.plain()
    if not found or not found[2]:
        return None
    head, body = found[1], found.start(1) - window.at
    ends = [found.end() - window.at] if is_head else _ends(window, found)
    byte, offset, line = window.byte, window.offset, window.line
    raw = whole = window.take(window.at + ends[-1])
    if "\r" in raw:
        ends, body = _without_cr(raw, ends), body - raw.count("\r\n", 0, body)
        whole, head = raw.replace("\r\n", "\n"), head.replace("\r\n", "\n")
    if len(ends) == 1 and len(whole) <= _SMALL:
        return Piece(whole, offset, line, body, is_plain=True)
    rows = FileBundle(
        path, byte, window.byte, _digest(raw.encode()), array("H" if ends[-1] <= _CHARACTERS else "Q", ends)
    )
    return Piece(f"{whole[:body]}{head} (", offset, line, body, is_plain=True, bundle=rows)


def _ends(window: _Window, first: re.Match[str]) -> list[int]:
    """Return where the INSERTs that begin here end, as far as they are sent together."""
    text, start, head = window.text, window.at, first[1]
    ends = [first.end() - start]
    found = second = script.plain(text, first.end())
    while found and found[2] and found[1] == head and found.end() - start <= _CHARACTERS:
        ends.append(found.end() - start)
        found = script.plain(text, found.end())
    # Few and short ones are held: to send them by themselves, by turns with others, would take longer.
    is_held = len(ends) < _FEW and ends[-1] <= _SMALL
    window.seen = second if is_held else found
    return ends[:1] if is_held else ends


def _without_cr(text: str, ends: list[int]) -> list[int]:
    """Return where statements end once CRLF is read as LF."""
    found, left, start = [], 0, 0
    for end in ends:
        left += text.count("\r\n", start, end)
        found.append(end - left)
        start = end
    return found


def _piece(window: _Window, dialect: Dialect, path: Path) -> Piece:
    """Take the piece that begins here; where it does not end in what is held, or seems to be wrong, read on first."""
    while True:
        offset, line = window.offset, window.line
        try:
            piece = script.next_piece(window.text, window.at, dialect, path, offset=offset, line=line)
        except FileError:
            if window.is_last:
                raise
        else:
            end = window.at + len(piece.text)
            if window.is_last or end < len(window.text):
                break
        window.grow()
    raw = window.take(end)
    if "\r" not in raw:
        return piece
    return Piece(raw.replace("\r\n", "\n"), offset, line, piece.body - raw.count("\r\n", 0, piece.body))
