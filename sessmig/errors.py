"""What can go wrong, as one tree; each error knows its exit code.

    SessmigError                exit code
    |- UsageError               2    an option, setting or URL that is not understood
    |- FileError                1    a file that cannot be read as what it should be
    |- ConnectError             1    no database at the other end, or none that serves
    |- DatabaseError            1    what the database said to a query
    |- StepError                1    a statement failed, or a commit
    |- BackupError              1    a backup that could not be made, or cannot be restored
    |- CheckError               3    a require, check, merge account or the loss guard did not hold
    |- PlanError                4    migrations and ledger do not fit together
    |- LedgerError              4    the table is not sessmig's ledger
    |- LockError                5    another process held the lock for too long
    |- StoppedError             130  the run was asked to stop, and did so between two commits
    `- PendingError             6    migrations are pending, and the caller asked for an error

Every message says, in this order: what and where, what the database holds now, what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessmig.model import Holder
    from sessmig.run_report import Report


class SessmigError(Exception):
    """The root of the tree.

    Args:
        what: what happened, and where.
        holds: what the database holds now; empty where no database was touched.
        remedy: what to do.
    """

    exit_code = 1

    def __init__(self, what: str, *, holds: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.holds = holds
        self.remedy = remedy
        self.report: Report | None = None
        """What the run did until then, where there was a run."""

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.holds, self.remedy) if part)


class UsageError(SessmigError):
    """An option, setting or URL that is not understood."""

    exit_code = 2


class FileError(SessmigError):
    """A file that cannot be read as what it should be.

    Args:
        path: the file or folder.
        reason: what is wrong with it.
        line: the line, from 1, where one can be named.
        remedy: what to do.
    """

    def __init__(self, path: Path | str, reason: str, *, line: int | None = None, remedy: str = "") -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {reason}", remedy=remedy)
        self.path = Path(path)
        self.line = line
        self.reason = reason


class ConnectError(SessmigError):
    """No database at the other end, or none that serves."""


class DatabaseError(SessmigError):
    """What the database said to a query.

    Args:
        message: the database's own words, in one or more lines.
        code: the SQLSTATE, or SQLite's name of the error.
        index: which of the statements sent failed, from 0.
        position: the character of the script at which it failed, from 0.
        escaped: the script ended the transaction itself, and what it did until then may stand.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        index: int | None = None,
        position: int | None = None,
        escaped: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.index = index
        self.within = 0
        """Where a bundle of INSERTs failed: which of them, from 0."""
        self.position = position
        self.escaped = escaped
        self.generated = ""
        """The statement that failed, where a query gave it."""
        self.in_doubt = False
        """The connection was lost at the commit: only the database knows whether it was done."""

        self.hindrance = ""
        """Who was in the way, and how long that was borne, in words; where `is_contention`."""

    @property
    def is_contention(self) -> bool:
        """Whether only what others do at the same time was in the way: the same may go well a moment later."""
        return self.code in ("55P03", "40P01", "40001") or self.code.startswith("SQLITE_BUSY")

    @property
    def is_missing_table(self) -> bool:
        """Whether a table that was named is not there."""
        return self.code == "42P01" or self.what.startswith("no such table")

    @property
    def is_there_already(self) -> bool:
        """Whether a table, index or the like was to be made that is there."""
        return self.code in ("42P07", "42710") or self.what.endswith("already exists")


class StepError(SessmigError):
    """A statement failed, or a commit."""


class BackupError(SessmigError):
    """A backup that could not be made, or cannot be restored."""


class CheckError(SessmigError):
    """A require, check, merge account or the loss guard did not hold."""

    exit_code = 3


class PlanError(SessmigError):
    """Migrations and ledger do not fit together."""

    exit_code = 4


class LedgerError(SessmigError):
    """The table is not sessmig's ledger."""

    exit_code = 4


class LockError(SessmigError):
    """Another process held the lock for too long."""

    exit_code = 5

    @classmethod
    def not_had(
        cls, label: str, wait: float, holder: Holder, *, what: str = "the lock was not had", who: str = "it is held by"
    ) -> LockError:
        """Say who held it, and for how many seconds it was waited for."""
        return cls(
            f"{label}: {what} within {wait:g} s; {who} {holder}",
            remedy="Run again when it is done, or wait longer (--lock-wait, lock_wait).",
        )


class PendingError(SessmigError):
    """Migrations are pending, and the caller asked for an error."""

    exit_code = 6


class StoppedError(SessmigError):
    """The run was asked to stop, and did so between two commits; the next run goes on.

    Args:
        what: who asked, in words.
        exit_code: 130 for Ctrl-C, 143 for SIGTERM.
    """

    exit_code = 130

    def __init__(self, what: str, *, exit_code: int = 130, holds: str = "", remedy: str = "") -> None:
        super().__init__(what, holds=holds, remedy=remedy)
        self.exit_code = exit_code
