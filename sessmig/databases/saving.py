"""What a database has to do for backups; all that differs between two databases stands behind this.

Decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sessmig.model import Holder


@dataclass(frozen=True, slots=True)
class Beside:
    """Something that stands in a database and not in a backup of it.

    Args:
        kind: what it is, as SQL calls it: TABLE, VIEW, FUNCTION.
        name: for people.
        drop: the statement that drops it.
        sql: its name in SQL.
        rows: how many rows of its own it holds; -1 if nobody may know.
    """

    kind: str
    name: str
    drop: str
    sql: str
    rows: int = 0

    def __str__(self) -> str:
        held = {-1: "rows that could not be counted", 0: "no rows", 1: "1 row"}.get(self.rows, f"{self.rows:,} rows")
        return f"{self.name} ({held})" if self.kind == "TABLE" else f"{self.name} ({self.kind.lower()})"


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

    def is_of(self, origin: str, path: str) -> bool:
        """Tell whether a backup under this path, which names that database as its own, is of this one."""

    def size(self) -> int:
        """Return how many bytes a backup may take."""

    def position(self) -> str:
        """Return where the write-ahead log stands; empty where that is of no use to anybody."""

    def prepare(self, *, restores: bool = False) -> None:
        """Look for all that it takes to make a backup, or to restore one.

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

    def beside(self, path: str, *, count: bool = True) -> tuple[Beside, ...]:
        """Find what a backup does not know, and what would stay where its state is taken; not within `held` to count.

        Args:
            path: the backup, not compressed.
            count: count the rows of tables too.
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

    def replace_state(self, path: str, gone: Collection[Beside] = (), then: str = "") -> None:
        """Within `held`, take the state from a backup, whole or not at all.

        Args:
            path: the backup, not compressed.
            gone: what is to be dropped, of what the backup does not know.
            then: SQL that is to be done with it, to what the backup does not know.

        Raises:
            BackupError: it could not be done; the database is as it was.
            LockError: others hold what is to be replaced.
        """
