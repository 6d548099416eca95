"""Writes a report to a file: whole or not at all, through no link, and never over a database.

Knows files; knows nothing of reports.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress

from sessmig.errors import FileError

_DATABASES = (b"SQLite format 3\x00", b"PGDMP")


def write_file(path: str, text: str) -> int:
    """Write a text, as UTF-8, to a file of the mode that the umask gives; return how many bytes there are.

    It is written beside its place and then put there, so that whoever reads finds the old file or the new one.

    Raises:
        FileError: there is a folder, a link, a device or a database in its place; it cannot be written.
    """
    _refuse_other(path)
    data = text.encode(errors="backslashreplace")
    folder = os.path.dirname(path)
    partial = os.path.join(folder, f".sessmig-{secrets.token_hex(8)}.partial")
    try:
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(partial)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError) and folder and not os.path.isdir(folder)
        reason = f"there is no folder {folder}" if missing else f"cannot be written: {error.strerror}"
        raise FileError(path, reason, remedy="Make it, or give another file to -o." if missing else "") from None
    return len(data)


def _refuse_other(path: str) -> None:
    """Refuse what stands there and is no ordinary file that may go."""
    try:
        about = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be written: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(about.st_mode):
        raise FileError(path, "is a folder", remedy=f"Give a file in it: -o {os.path.join(path, 'report.html')}")
    if stat.S_ISLNK(about.st_mode):
        raise FileError(path, "is a symbolic link, and none is followed", remedy="Give the file itself.")
    if not stat.S_ISREG(about.st_mode):
        raise FileError(path, "is no ordinary file", remedy="Without -o the report goes to standard output.")
    with suppress(OSError), open(path, "rb") as file:
        if file.read(16).startswith(_DATABASES):
            raise FileError(path, "is a database, and not written over", remedy="Give another file to -o.")
