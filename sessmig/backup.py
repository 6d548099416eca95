"""Makes backups: once a run, before its first step, or by itself; looks first whether there is room, and logs them.

Knows when one is due and what is kept of it; how a database is copied, the databases know.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig import backup_files
from sessmig.backup_files import GZIP, Seal, find, new_file
from sessmig.backup_log import log_backup, logged, series_of
from sessmig.errors import BackupError, LedgerError, SessmigError
from sessmig.job import BackupWish, Job
from sessmig.ledger import Ledger
from sessmig.model import Migration
from sessmig.report import backup_line
from sessmig.results import Backup
from sessmig.words import file_size, since, utc_now

if TYPE_CHECKING:
    from sessmig.databases.saving import Saving

_RESERVE = 16 << 20
"""How many bytes stay free beside a backup."""


def folder_of(wish: BackupWish, saving: Saving) -> str:
    """Return the folder where the backups of a database stand."""
    return os.path.abspath(wish.folder or saving.folder or ".")


_WAY_OUT = "Give another folder (--backup-dir), or go on without a backup (--no-backup)."


def look_for_room(folder: str, size: int, name: str, *, way_out: str = _WAY_OUT) -> None:
    """Look whether a folder can be written, and has room for a backup of so many bytes.

    Raises:
        BackupError: it cannot, or has not.
    """
    try:
        if not os.path.isdir(folder):
            raise BackupError(
                f"{folder}: no such folder for backups", remedy="Make it, or give another (--backup-dir)."
            )
        free = shutil.disk_usage(folder).free
        if free < size + _RESERVE:
            raise BackupError(
                f"{folder}: no room for a backup of {name}: "
                f"it takes {file_size(size + _RESERVE)}, and {file_size(free)} are free",
                remedy=f"Make room. {way_out}".strip(),
            )
        # Only who has made a file knows that he may.
        with new_file(folder, f"{name}.backup"):
            pass
    except OSError as error:
        raise backup_files.cannot_write(folder, error) from None


def make_backup(saving: Saving, folder: str, *, wait: float, packed: bool = False, before: str = "") -> Backup:
    """Write a backup: under its name stands only what is whole, checked, on the disk and sealed with its hash.

    Args:
        saving: of which database.
        folder: where to.
        wait: how many seconds to wait for whoever lets nobody read.
        packed: compress it.
        before: the migration that comes next, where it is made under the lock.

    Raises:
        BackupError, LockError: it could not be made; nothing of it stays.
    """
    started_at, clock = utc_now(), time.monotonic()
    backup_files.sweep(folder, saving.name)
    wal = saving.position()
    with new_file(folder, f"{saving.name}.backup", GZIP if packed else "") as file:
        if packed:
            with new_file(folder, f"{saving.name}.backup") as plain:
                saving.dump(plain.partial, wait=wait)
                backup_files.compress(plain.partial, file.partial)
        else:
            saving.dump(file.partial, wait=wait)
        sha256, size = backup_files.hash_of(file.partial)
        backup_files.seal(file.path, Seal(sha256, saving.origin(), before))
        file.finish()
    return Backup(file.path, size, sha256, started_at, since(clock), wal)


def prune(saving: Saving, wish: BackupWish, known: Backup | None) -> list[str]:
    """Remove all but the newest backups, as many as are to be kept; return what is gone."""
    if wish.keep is None:
        return []
    path = known.path if known else ""
    return backup_files.prune(
        folder_of(wish, saving), saving.name, saving.origin(), wish.keep, lambda found: found.path == path
    )


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
            with _nothing_done(self._job.database.label):
                self._saving.prepare()
                look_for_room(self._folder, self._saving.size(), self._saving.name)

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
            with _nothing_done(self._job.database.label):
                self.backup = make_backup(self._saving, self._folder, wait=self._job.lock_wait, before=before.title)
            self._is_logged = False
            self._job.emit("backup", backup_line(self.backup))

    def _of_another(self) -> Backup | None:
        """Find the backup that another process has made since this run began, by the log, or in the folder.

        The log of a run that failed is written only after its rollback, when another may have the lock already.
        """
        for one in reversed(logged(self._job.database, self._ledger, after=self._last)):
            if one.is_of_run:
                return replace(one.backup, by_another=True)
        for found in find(self._folder, self._saving.name):
            with suppress(OSError):
                about = os.stat(found.path)
                is_of_run = found.seal and found.seal.before and found.seal.origin == self._saving.origin()
                if found.seal and is_of_run and about.st_mtime > self._began:
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
            prune(self._saving, self._job.backup, self.backup)


@contextmanager
def _nothing_done(label: str) -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        if label not in error.what:
            error.what = f"{label}: {error.what}"
        error.holds = error.holds or "Nothing was applied."
        raise


def back_up(job: Job, *, packed: bool) -> tuple[Backup, list[str], str]:
    """Make a backup by itself, without sessmig's lock, while others write; log it where a ledger stands.

    Returns:
        The backup, the old ones that were removed, and why it is not in the log; empty if it is, or there is none.

    Raises:
        BackupError, LockError: it could not be made.
    """
    saving = job.database.saving(job.backup.programs)
    if job.database.is_missing or not saving.name:
        raise BackupError(f"{job.database.label}: there is no such database", remedy="Is its name right?")
    folder = folder_of(job.backup, saving)
    with _nothing_done(job.database.label):
        saving.prepare()
        look_for_room(folder, saving.size() * (2 if packed else 1), saving.name)
    backup = make_backup(saving, folder, wait=job.lock_wait, packed=packed)
    unlogged = ""
    try:
        ledger = Ledger(job.database, job.table, series_of(job))
        if ledger.is_standing:
            log_backup(ledger, backup, None)
    except LedgerError:
        pass
    except SessmigError as error:  # a standby, or a file that may only be read: the backup is good nevertheless
        unlogged = error.what
    return backup, prune(saving, job.backup, backup), unlogged
