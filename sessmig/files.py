"""Reads a file's bytes, its checksum and its text; the checksum is the same on every machine.

Knows encodings and line ends; knows nothing of what a file says. A start with nothing pending imports it, so it
imports next to nothing.
"""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_SMALL = 1 << 16
"""As large as most files are at most, in bytes."""
_BOM = b"\xef\xbb\xbf"


def read_bytes(path: Path | str) -> bytes:
    """Read a file as it is.

    Raises:
        FileError: it cannot be read.
    """
    try:
        # Past Python's files, which take twice as long to open: a start reads every file of the series.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = os.read(descriptor, _SMALL)
            if len(data) < _SMALL and not os.read(descriptor, 1):
                return data
            with open(descriptor, "rb", closefd=False) as file:
                file.seek(0)
                return file.read()
        finally:
            os.close(descriptor)
    except OSError as error:
        from sessmig.errors import FileError

        raise FileError(path, f"cannot be read: {error.strerror}") from None


def _even(data: bytes) -> bytes:
    """Drop a BOM, and read CRLF as LF: an editor's choice is no change of the file."""
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n")


def checksum(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, a BOM dropped and CRLF read as LF."""
    return hashlib.sha256(_even(data)).hexdigest()


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
