"""What a database has to do for backups; all that differs between two databases stands behind this.

Decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sessmig.model import Holder


class Saving(Protocol):
    """What backups need of a database: to write one, to look at one, and to take its state from one."""

    @property
    def name(self) -> str:
        """What its backups are named after; empty if there is nothing that can be saved (a database in memory)."""

    @property
    def folder(self) -> str:
        """Where its backups stand, if nobody says otherwise."""

    @property
    def is_usual(self) -> bool:
        """Whether a run makes one unasked; not where nothing can be written anyway."""

    @property
    def to_confirm(self) -> str:
        """What has to be typed before its state is replaced; empty if nothing."""

    @property
    def others_stay(self) -> str:
        """What stands to be feared if its state is replaced while others have it open."""

    def origin(self) -> str:
        """Tell which database this is, by whatever name it is reached: another one of the same name differs."""

    def size(self) -> int:
        """Return how many bytes a backup may take."""

    def position(self) -> str:
        """Return where the write-ahead log stands; empty where that is of no use to anybody."""

    def prepare(self) -> None:
        """Look for all that it takes.

        Raises:
            BackupError: something is missing.
        """

    def dump(self, path: str, *, wait: float) -> None:
        """Write a backup into an empty file, one consistent picture while others write, and see that it is whole.

        Raises:
            BackupError: it could not be written, or is not whole.
            LockError: somebody let nobody read for all of `wait` seconds.
        """

    def inspect(self, path: str, *, sealed: bool) -> None:
        """Look whether a file is a whole backup of this kind of database.

        Args:
            path: the file, not compressed.
            sealed: its hash is known to be right, so that its end need not be looked for.

        Raises:
            BackupError: it is not.
        """

    def held(
        self, lock: str, *, wait: float, on_wait: Callable[[Holder], None], force: bool
    ) -> AbstractContextManager[None]:
        """Keep others out, as far as the database can, while its state is replaced; what is recorded then is kept.

        Args:
            lock: the ledger's table, which the lock is for.
            wait: how many seconds to wait for others.
            on_wait: told now and then who is in the way.
            force: go on though others have the database open, if they stand in no transaction.

        Raises:
            LockError: others have it.
        """

    def save_state(self, path: str) -> bool:
        """Within `held`, write the state to be replaced into an empty file; tell whether there was any to be kept."""

    def replace_state(self, path: str) -> tuple[str, ...]:
        """Within `held`, take the state from a backup, whole or not at all.

        Returns:
            The tables that the backup does not know, and that stay beside what it holds; with their schema.

        Raises:
            BackupError: it could not be done; the database is as it was.
        """
