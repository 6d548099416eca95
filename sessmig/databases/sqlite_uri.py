"""How a SQLite file has to be opened.

Knows the file system; opens no database. A start with nothing pending imports it, so it imports next to nothing.
"""

from __future__ import annotations

import os

HEADER = b"SQLite format 3\0"


def uri(path: str, *, create: bool = False) -> str:
    """Return the URI that opens a file, and makes it only with `create`.

    A file in WAL mode that we may not write is opened as immutable, unless somebody has it open (`-wal` is there):
    SQLite would leave `-wal` and `-shm` beside it that its owner cannot use, or, where it may not make them, read
    nothing at all.
    """
    path = os.path.abspath(path)
    mode = "rwc" if create else "rw"
    if not create and not os.access(path, os.W_OK) and not os.path.exists(f"{path}-wal") and _is_wal(path):
        mode = "ro&immutable=1"
    # Every byte as %XX: nothing of a path then has a meaning in a URI, and nothing is imported to know which.
    return f"file:%{os.fsencode(path).hex('%')}?mode={mode}"


def _is_wal(path: str) -> bool:
    """Read it from the header; to be asked only of a file that we may not write.

    Closing the file drops every lock that this process has on it, those of the application's connections too; here
    they can be no more than readers'. See https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled
    """
    try:
        with open(path, "rb") as file:
            header = file.read(20)
    except OSError:
        return False
    return header.startswith(HEADER) and header[18:20] == b"\2\2"
