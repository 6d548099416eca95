"""What to do about the errors of SQLite that are the disk's, the file's or a neighbour's, and no statement's.

Knows SQLite's names of errors; opens no file.
"""

from __future__ import annotations

import sqlite3

_ROOM = "Make room on the disk, and run it again."
_REMEDIES = {
    "SQLITE_FULL": _ROOM,
    "SQLITE_READONLY": "The database may not be written: mend the rights of its file and folder, and run it again.",
    "SQLITE_CANTOPEN": "The file, or one that SQLite needs beside it, could not be opened or made: "
    "mend the rights of its folder, or make room on the disk, and run it again.",
    "SQLITE_IOERR": "The disk did not do what it was asked: is it full, a limit reached, or the disk broken? "
    "When that is mended, run it again.",
    "SQLITE_PROTOCOL": "Another process stands still as it opens the WAL: let it go on, or end it, and run it again.",
    "SQLITE_NOTADB": "Give the path of a SQLite database; this file is left as it is.",
}


def remedy(code: str) -> str:
    """Return what to do about an error of this name (`SQLITE_IOERR_WRITE`); empty where it is a statement's."""
    family = "_".join(code.split("_")[:2])
    return _REMEDIES.get(family, "")


def error_name(error: sqlite3.Error) -> str:
    """Return SQLite's name of an error; empty where Python's module has raised it by itself."""
    return getattr(error, "sqlite_errorname", "") or ""
