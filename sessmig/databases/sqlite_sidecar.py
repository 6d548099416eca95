"""The lock of a SQLite file over several transactions: a second, empty file beside it, held in BEGIN EXCLUSIVE.

Knows that one file, which is made and removed only by who has the write lock of the database: so nobody can hold one
that has been removed, and one that nobody holds is removed by who finds it. A process that is killed holds nothing.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from urllib.parse import quote

from sessmig.databases import sqlite_file
from sessmig.errors import DatabaseError
from sessmig.model import Holder

SUFFIX = "-sessmig-lock"
_MOMENT = 0.05
"""Seconds in which somebody who only looks whether it is free is done."""


class Sidecar:
    """The lock file of one database, as one connection to that sees it.

    Args:
        path: the database's file; empty for one in memory, which nobody else can have.
    """

    def __init__(self, path: str) -> None:
        # As SQLite does with its own files: who comes by a link comes to the same one.
        self._database = os.path.realpath(path) if path else ""
        self._path = f"{self._database}{SUFFIX}"
        self._held: sqlite3.Connection | None = None

    @property
    def holder(self) -> Holder:
        """Who holds it, as far as that can be told."""
        return sqlite_file.holder(self._path)

    @property
    def is_ours(self) -> bool:
        return self._held is not None

    def is_taken(self) -> bool:
        """Tell whether somebody else holds it, as far as a look from outside can tell."""
        if self.is_ours or not self._is_there():
            return False
        found = self._locked()
        if found is not None:
            found.close()
        return found is None and self._is_there()

    def clear(self) -> bool:
        """Under the database's write lock: remove it, unless somebody else holds it; tell whether it is gone."""
        if self.is_ours or not self._is_there():
            return True
        found = self._locked(_MOMENT)
        if found is None:
            return False
        found.close()
        try:
            os.unlink(self._path)
        except OSError as error:
            raise self._useless(error.strerror or str(error)) from None
        return True

    def take(self) -> bool:
        """Under the database's write lock: take it, unless somebody else holds it."""
        if not self._is_there():
            self._make()
        self._held = self._locked(_MOMENT)
        return self.is_ours

    def let_go(self, *, remove: bool) -> None:
        """Hold it no longer.

        Args:
            remove: under the database's write lock; else the file stays, until the next one removes it.
        """
        if self._held is not None:
            self._held.close()
            self._held = None
            if remove:
                with suppress(OSError):
                    os.unlink(self._path)

    def _is_there(self) -> bool:
        return bool(self._database) and os.path.exists(self._path)

    def _identity(self) -> tuple[int, int] | None:
        """Which file it is that stands there; a number of the file system is soon used again."""
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def _make(self) -> None:
        """Make it so that whoever may write the database may lock it too."""
        try:
            like = os.stat(self._database)
            # Closing a file drops every lock that this process has on it: this one nobody can have locked.
            made = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            with closing(os.fdopen(made)):
                # Of the file that is open: under its name another may stand by now.
                os.chmod(made if os.chmod in os.supports_fd else self._path, like.st_mode & 0o777)
                if hasattr(os, "geteuid") and os.geteuid() == 0:
                    os.chown(made, like.st_uid, like.st_gid)
        except OSError as error:
            raise self._useless(error.strerror or str(error)) from None

    def _locked(self, wait: float = 0) -> sqlite3.Connection | None:
        """Return a connection that has it locked; None if another one has, or has removed it meanwhile."""
        uri = f"file:{quote(os.fsencode(self._path))}?mode=rw"
        connection, before = None, self._identity()
        try:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait, check_same_thread=False)
            connection.execute("BEGIN EXCLUSIVE").close()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            # Of a file that was removed since, SQLite says now that it cannot be opened, now that the disk is at fault;
            # and another one of that name may stand there already.
            if code == sqlite3.SQLITE_BUSY or before is None or self._identity() != before:
                return None
            raise self._useless(str(error)) from None
        return connection

    def _useless(self, words: str) -> DatabaseError:
        error = DatabaseError(f"the lock file {self._path} cannot be used: {words}")
        error.remedy = "May you write it, and into its folder?"
        return error
