"""Looks whether a backup, or what a restore writes, has room in a folder that can be written.

Knows the disk; knows nothing of databases.
"""

from __future__ import annotations

import os
import shutil

from sessmig.backup_files import ANOTHER_FOLDER, cannot_write, new_file
from sessmig.errors import BackupError
from sessmig.words import file_size


def spared(size: int) -> int:
    """Return how many bytes stay free beside a backup: a tenth of it, from 1 MB to 16 MB."""
    return min(max(size // 10, 1 << 20), 16 << 20)


def look_for_room(
    folder: str, size: int, name: str, *, way_out: str = ANOTHER_FOLDER, what: str = "a backup of {}"
) -> None:
    """Look whether a folder can be written, and has room for a backup of so many bytes.

    Args:
        folder: the folder.
        size: how many bytes.
        name: the database's, or the file's.
        way_out: what to do if it cannot or has not, beside making room.
        what: what is to be written there; the name stands in it.

    Raises:
        BackupError: it cannot, or has not.
    """
    try:
        if not os.path.isdir(folder):
            raise BackupError(
                f"{folder}: no such folder for backups", remedy="Make it, or give another (--backup-dir)."
            )
        free = shutil.disk_usage(folder).free
        if free < size + spared(size):
            raise BackupError(
                f"{folder}: no room for {what.format(name)}: it takes {file_size(size)}, and {file_size(spared(size))} "
                f"are to stay free; {file_size(free)} are free",
                remedy=f"Make room. {way_out}".strip(),
            )
        # Only who has made a file knows that he may.
        with new_file(folder, f"{os.path.basename(name)}.backup", remedy=way_out):
            pass
    except OSError as error:
        raise cannot_write(folder, error, way_out) from None
