"""Reads a file's bytes, its checksum and its text; the checksum is the same on every machine.

Knows encodings and line ends; knows nothing of what a file says. A start with nothing pending imports it, so it
imports next to nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessmig.errors import FileError

_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
LARGE = 1 << 20
"""A file of more bytes than this is not held whole where that can be helped."""
_BLOCK = 1 << 18
_BOM = b"\xef\xbb\xbf"


def read_bytes(path: Path | str) -> bytes:
    """Read a file as it is.

    Raises:
        FileError: it cannot be read; a pipe or a device, which may give no end.
    """
    data = _unless_large(path)
    return b"".join(_blocks(path)) if data is None else data


def _unless_large(path: Path | str) -> bytes | None:
    """Read a file as it is; None if it is `LARGE`."""
    try:
        # Past Python's files, which take twice as long to open: a start reads every file of the series.
        descriptor = os.open(path, _READING)
        try:
            found = os.fstat(descriptor)
            size = found.st_size
            if not stat.S_ISREG(found.st_mode):
                raise _no_file(path, found.st_mode)
            if size > LARGE:
                return None
            data = os.read(descriptor, size + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from None
    # One that grows meanwhile, or whose size the system does not know.
    return data if len(data) == size else None


def unreadable(path: Path | str, error: OSError) -> FileError:
    """Put into words that a file cannot be read."""
    from sessmig.errors import FileError

    return FileError(path, f"cannot be read: {error.strerror}")


def is_large(path: Path | str) -> bool:
    """Tell whether a file is `LARGE`.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return os.stat(path).st_size > LARGE
    except OSError as error:
        raise unreadable(path, error) from None


def _blocks(path: Path | str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise unreadable(path, error) from None


def _no_file(path: Path | str, mode: int) -> FileError:
    from sessmig.errors import FileError

    what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
    return FileError(path, f"cannot be read: it is {what}", remedy="Put the file itself in its place.")


def _even(data: bytes) -> bytes:
    """Drop a BOM, and read CRLF as LF: an editor's choice is no change of the file."""
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n")


def checksum(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, a BOM dropped and CRLF read as LF."""
    return hashlib.sha256(_even(data)).hexdigest()


class _Checksum:
    """The `checksum` of bytes that come in blocks."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rest = b""
        self._is_first = True

    def add(self, block: bytes) -> None:
        block = self._rest + block
        if self._is_first:
            block, self._is_first = block.removeprefix(_BOM), False
        # Whether this is half of a CRLF the next block tells.
        self._rest = b"\r" if block.endswith(b"\r") else b""
        if b"\r" in block:  # which is seen ten times as quickly as that there is no CRLF
            block = block.removesuffix(b"\r").replace(b"\r\n", b"\n")
        self._hash.update(block)

    def hexdigest(self) -> str:
        self._hash.update(self._rest)
        return self._hash.hexdigest()


def checksum_of(path: Path | str) -> str:
    """Return the `checksum` of a file; of a large one only a block is held.

    Raises:
        FileError: it cannot be read.
    """
    data = _unless_large(path)
    if data is not None:
        return checksum(data)
    found = _Checksum()
    for block in _blocks(path):
        found.add(block)
    return found.hexdigest()


def text_blocks(path: Path, hashed: str = "") -> Iterator[str]:
    """Read a file as UTF-8 block by block, a BOM and each CRLF as they are.

    Args:
        path: the file.
        hashed: the checksum that it had, if it was hashed.

    Raises:
        FileError: as `decode` does; once all is read, where it is not what was hashed.
    """
    import codecs

    decoder, found = codecs.getincrementaldecoder("utf-8")(), _Checksum()
    for block in _blocks(path):
        found.add(block)
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            decode(path, read_bytes(path))  # which has words for it
        yield text
    demand_same(path, hashed, found.hexdigest())
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        decode(path, read_bytes(path))


def demand_same(path: Path, hashed: str, now: str) -> None:
    """Refuse a file that is not what it was; one that was not hashed may be anything.

    Raises:
        FileError: it has changed.
    """
    if hashed and now != hashed:
        from sessmig.errors import FileError

        raise FileError(path, "changed while it was read", remedy="Run again when nobody writes to it.")


def read_text(path: Path) -> str:
    """Read a file as UTF-8, a BOM dropped and CRLF read as LF.

    Raises:
        FileError: another encoding or a NUL byte, with its position; a file that cannot be read.
    """
    return decode(path, read_bytes(path))


def decode(path: Path, data: bytes) -> str:
    """Read a file's bytes as UTF-8, a BOM dropped and CRLF read as LF.

    Raises:
        FileError: another encoding or a NUL byte, with its position.
    """
    from sessmig.errors import FileError

    nul = data.find(b"\0")
    if nul >= 0:
        raise FileError(
            path,
            f"a NUL byte at position {nul}",
            line=data.count(b"\n", 0, nul) + 1,
            remedy="Is it UTF-16? Save the file as UTF-8.",
        )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise FileError(
            path,
            f"not UTF-8: byte 0x{data[error.start]:02x} at position {error.start}",
            line=data.count(b"\n", 0, error.start) + 1,
            remedy="Save the file as UTF-8.",
        ) from None
    return _even(data).decode()
