"""Makes backups: once a run, before its first step, or by itself; looks first whether there is room, and logs them.

Knows when one is due and what is kept of it; how a database is copied, the databases know.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig import backup_files
from sessmig.backup_files import ANOTHER_FOLDER, GZIP, Found, find, new_file
from sessmig.backup_log import before_last_step, log_backup, logged, series_of
from sessmig.backup_room import look_for_room
from sessmig.backup_seal import Seal, seal
from sessmig.errors import BackupError, LedgerError, SessmigError
from sessmig.job import BackupWish, Job
from sessmig.ledger import Ledger
from sessmig.model import Migration
from sessmig.report import backup_line
from sessmig.results import Backup
from sessmig.words import since, utc_now

if TYPE_CHECKING:
    from sessmig.databases.saving import Saving

_LOG_WAIT = 1.0
"""Seconds that a backup which is made waits for the log."""
_OR_WITHOUT = 'or go on without a backup (--no-backup, backup="never").'
_WITHOUT = f"Give another folder (--backup-dir), {_OR_WITHOUT}"
"""The way out of a run."""


def folder_of(wish: BackupWish, saving: Saving) -> str:
    """Return the folder where the backups of a database stand."""
    return os.path.abspath(wish.folder or saving.folder or ".")


def of_this(saving: Saving, folder: str) -> list[Found]:
    """Return the backups of a database that stand in a folder, the newest first."""
    return [one for one in find(folder, saving.name) if one.seal and saving.is_of(one.seal.origin, one.path)]


def make_backup(
    saving: Saving, folder: str, *, wait: float, packed: bool = False, before: str = "", remedy: str = ANOTHER_FOLDER
) -> Backup:
    """Write a backup: under its name stands only what is whole, checked, on the disk and sealed with its hash.

    Args:
        saving: of which database.
        folder: where to.
        wait: how many seconds to wait for whoever lets nobody read.
        packed: compress it.
        before: the migration that comes next, where it is made under the lock.
        remedy: what to do if it cannot be written.

    Raises:
        BackupError, LockError: it could not be made; nothing of it stays.
    """
    started_at, clock = utc_now(), time.monotonic()
    backup_files.sweep(folder, saving.name)
    wal = saving.position()
    newest = max((one.stamp for one in of_this(saving, folder)), default="")
    name = f"{saving.name}.backup"
    with new_file(folder, name, GZIP if packed else "", after=newest, remedy=remedy) as file:
        if packed:
            with new_file(folder, name, remedy=remedy) as plain:
                saving.dump(plain.partial, wait=wait)
                backup_files.compress(plain.partial, file.partial)
        else:
            saving.dump(file.partial, wait=wait)
        sha256, size = backup_files.hash_of(file.partial)
        seal(file.path, Seal(sha256, saving.origin(), before))
        file.finish()
    ahead = backup_files.taken_at(file.path)
    return Backup(file.path, size, sha256, started_at, since(clock), wal, ahead=ahead if ahead > utc_now() else "")


def prune(job: Job, made: Backup | None) -> list[str]:
    """Remove all but the newest backups, as many as are to be kept, and that from before what was applied last."""
    keep = job.backup.keep
    if keep is None:
        return []
    wanted: list[str] = []
    with suppress(SessmigError):  # without a log there is nothing to go back behind
        wanted = before_last_step(job.database, Ledger(job.database, job.table, ""))
    saving = job.database.saving(job.backup.programs)
    path = made.path if made else ""
    ours = of_this(saving, folder_of(job.backup, saving))
    return backup_files.prune(ours, keep, lambda found: found.path == path, wanted)


class RunBackup:
    """The backup of one run: whether it is due, and that it is made once, whoever else makes one meanwhile.

    Args:
        job: the run.
        ledger: its ledger.
    """

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job = job
        self._ledger = ledger
        self._saving = job.database.saving(job.backup.programs)
        self._folder = folder_of(job.backup, self._saving)
        self._is_due = self._is_wanted()
        self._began = time.time()
        self._last = max((one.number for one in logged(job.database, ledger)), default=0) if self._is_due else 0
        self.backup: Backup | None = None
        self._is_logged = True

    def _is_wanted(self) -> bool:
        when = self._job.backup.when
        if self._job.dry_run or self._job.within or not self._saving.name or self._job.database.is_missing:
            return False
        return when == "always" or (when == "auto" and self._saving.is_usual)

    def prepare(self) -> None:
        """Look for all that a backup takes, before anything is touched.

        Raises:
            BackupError: it could not be made.
        """
        if not self._is_due:
            return
        self._is_due = self._holds_anything()
        if self._is_due:
            with _named(self._job.database.label, "Nothing was applied."):
                self._saving.prepare()
                look_for_room(self._folder, self._saving.size(), self._saving.name, way_out=_WITHOUT)

    def _holds_anything(self) -> bool:
        ours = {self._ledger.name, f"{self._ledger.name}_log"} if self._ledger.is_standing else set()
        return any(table.name not in ours for table in self._job.database.tables())

    def make(self, before: Migration) -> None:
        """Make it, under the lock and before anything is written there; another process's serves as well.

        Args:
            before: what is done next.

        Raises:
            BackupError: it could not be made.
        """
        if not self._is_due:
            return
        self._is_due = False
        self.backup = self._of_another()
        if self.backup is None:
            with _named(self._job.database.label, "Nothing was applied."):
                self.backup = make_backup(
                    self._saving, self._folder, wait=self._job.lock_wait, before=before.title, remedy=_WITHOUT
                )
            self._is_logged = False
            self._job.emit("backup", backup_line(self.backup))

    def _of_another(self) -> Backup | None:
        """Find the backup that another process has made since this run began, by the log, or in the folder.

        The log of a run that failed is written only after its rollback, when another may have the lock already.
        """
        for one in reversed(logged(self._job.database, self._ledger, after=self._last)):
            if one.is_of_run:
                return replace(one.backup, by_another=True)
        for found in of_this(self._saving, self._folder):
            with suppress(OSError):
                about = os.stat(found.path)
                if found.seal and found.seal.before and about.st_mtime > self._began:
                    return Backup(found.path, about.st_size, found.seal.sha256, utc_now(), by_another=True)
        return None

    def position(self) -> str:
        """Return where the write-ahead log stands, for the log of whatever is applied."""
        return "" if self._job.dry_run else self._saving.position()

    def log(self, migration: Migration) -> None:
        """Write it to the log, unless that was done; `keep_log` says that it stands there."""
        if self.backup and not self._is_logged:
            log_backup(self._ledger, self.backup, migration)

    def log_failure(self, error: SessmigError, migration: Migration) -> None:
        """Write a backup that could not be made to the log, where there is one and it can be written."""
        if isinstance(error, BackupError):
            with suppress(SessmigError), self._job.transaction():
                if self._ledger.is_standing:
                    self._ledger.log(
                        migration,
                        "backup",
                        "failed",
                        started_at=utc_now(),
                        duration_ms=0,
                        detail={"error": error.what},
                    )

    def keep_log(self) -> None:
        """Know that what was logged is committed."""
        self._is_logged = True

    def told(self, error: SessmigError) -> str:
        """Say which backup would serve, after a failure."""
        if self.backup is None or isinstance(error, BackupError):
            return ""
        return f"\nThe backup {self.backup.path} holds it as it was before this run."

    def prune(self) -> None:
        """Remove what is older than what is to be kept."""
        if self.backup:
            prune(self._job, self.backup)


@contextmanager
def _named(label: str, holds: str) -> Iterator[None]:
    """Name the database in an error, and say what became of it."""
    try:
        yield
    except BackupError as error:
        if label not in error.what:
            error.what = f"{label}: {error.what}"
        error.holds = error.holds or holds
        if holds and _OR_WITHOUT not in error.remedy:  # of a run
            error.remedy = f"{error.remedy.rstrip('.')}; {_OR_WITHOUT}" if error.remedy else f"O{_OR_WITHOUT[1:]}"
        raise


def back_up(
    job: Job, *, packed: bool, on_made: Callable[[Backup], None] | None = None
) -> tuple[Backup, list[str], str]:
    """Make a backup by itself, without sessmig's lock, while others write; log it where a ledger stands.

    Args:
        job: of which database.
        packed: compress it.
        on_made: told of it as soon as it stands, before the log is waited for.

    Returns:
        The backup, the old ones that were removed, and why it is not in the log; empty if it is, or there is none.

    Raises:
        BackupError, LockError: it could not be made.
    """
    saving = job.database.saving(job.backup.programs)
    if job.database.is_missing or not saving.name:
        raise BackupError(f"{job.database.label}: there is no such database", remedy="Is that its right name?")
    folder = folder_of(job.backup, saving)
    with _named(job.database.label, ""):
        saving.prepare()
        look_for_room(folder, saving.size() * (2 if packed else 1), saving.name)
    backup = make_backup(saving, folder, wait=job.lock_wait, packed=packed)
    if on_made:
        on_made(backup)
    unlogged = ""
    try:
        # Whoever holds the database for long was no hindrance for the backup, and must be none now.
        job.database.await_reading(wait=min(job.lock_wait, _LOG_WAIT), on_wait=lambda _: None)
        ledger = Ledger(job.database, job.table, series_of(job), run=job.run)
        if ledger.is_standing:
            log_backup(ledger, backup, None)
    except LedgerError:
        pass
    except SessmigError as error:  # a standby, or a file that may only be read: the backup is good nevertheless
        unlogged = error.what
    return backup, prune(job, backup), unlogged
