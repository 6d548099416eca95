"""Reads a file's bytes, its checksum and its text; the checksum is the same on every machine.

Knows encodings and line ends; knows nothing of what a file says.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sessmig.errors import FileError

_BOM = b"\xef\xbb\xbf"


def read_bytes(path: Path) -> bytes:
    """Read a file as it is.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
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
