"""Makes SQLite files that are gone after use, empty or as the copy of another.

Knows the backup API; knows nothing of migrations.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

from sessmig.errors import ConnectError

_PATIENCE = 2.0
"""Seconds that somebody else may hold the file before it is said."""


@contextmanager
def empty(folder: str) -> Iterator[str]:
    """Make an empty file, alone in a folder of its own: what comes to stand beside it goes with it."""
    with tempfile.TemporaryDirectory(prefix="sessmig_pytest_", dir=folder, ignore_cleanup_errors=True) as own:
        path = os.path.join(own, "test.db")
        open(path, "xb").close()
        yield path


@contextmanager
def copied(template: str, folder: str) -> Iterator[str]:
    """Copy a file, with what is still in its WAL.

    Raises:
        ConnectError: it cannot be read, or somebody holds it.
    """
    with empty(folder) as path:
        try:
            _copy(template, path)
        except sqlite3.Error as error:
            raise ConnectError(
                f"sqlite:///{template}: could not be copied for a test: {error}",
                remedy="Whoever fills it has to commit, and to close the connection.",
            ) from None
        yield path


def _copy(template: str, path: str) -> None:
    uri = f"file:{quote(os.fsencode(os.path.abspath(template)))}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)) as source,
        closing(sqlite3.connect(path, isolation_level=None)) as target,
    ):
        # Read first: the backup itself would wait without end for who holds the file.
        source.execute("BEGIN").close()
        source.execute("SELECT 1 FROM sqlite_master").close()
        for setting in ("journal_mode = OFF", "synchronous = OFF"):  # if it breaks off, the copy is thrown away
            target.execute(f"PRAGMA {setting}").close()
        source.backup(target)
