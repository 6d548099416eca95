"""Chooses the backup to be restored: the newest that is whole, or a named one; compares it with its hash.

Knows seals and the log; touches no database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessmig import backup_files
from sessmig.backup import folder_of
from sessmig.backup_files import Seal, find
from sessmig.backup_log import logged
from sessmig.errors import BackupError, SessmigError, UsageError
from sessmig.job import Job
from sessmig.ledger import Ledger

if TYPE_CHECKING:
    from sessmig.databases.saving import Saving

UNTOUCHED = "Nothing was touched."


@dataclass(frozen=True, slots=True)
class Choice:
    """The backup to be restored, whose hash is right, or not known."""

    path: str
    size: int
    sha256: str
    seal: Seal | None
    """Where its hash was known from; None if it was known nowhere."""
    passed_over: tuple[str, ...] = ()
    """Newer ones that are not whole, or of another database."""


def choose(job: Job, file: str | None, *, force: bool) -> Choice:
    """Find the backup to be restored and compare it with its hash; nothing is touched.

    Args:
        job: where, and in which folder the backups stand.
        file: the backup; the newest that is whole, if None.
        force: take one whose hash is not known.

    Raises:
        UsageError: there is none.
        BackupError: it is not what it was, or nothing is known of it.
    """
    saving = job.database.saving(job.backup.programs)
    if not saving.name:
        raise UsageError(f"{job.database.label}: it has no backups", remedy="Give the file of a database.")
    if file is None:
        return _newest(saving, folder_of(job.backup, saving))
    if not os.path.isfile(file):
        raise BackupError(f"{file}: no such file", holds=UNTOUCHED, remedy="Without a name the newest is restored.")
    with readable(file):
        sha256, size = backup_files.hash_of(file)
    seal = backup_files.read_seal(file) or _from_log(job, sha256)
    if seal and seal.sha256 != sha256:
        raise BackupError(
            f"{file}: the backup is not what it was: its SHA-256 is {sha256}, and was {seal.sha256} when it was made",
            holds=UNTOUCHED,
            remedy="It was truncated or changed since. Give another one; this one is not restored, whatever is forced.",
        )
    if seal is None and not force:
        raise BackupError(
            f"{file}: nothing is known of this file: neither {os.path.basename(file)}.sha256 beside it nor the log"
            " has its hash",
            holds=UNTOUCHED,
            remedy="If you know that it is a whole backup of this database, give --force: that it is the one that"
            " was made, or that nothing of it is missing, cannot be told then.",
        )
    return Choice(file, size, sha256, seal)


def _newest(saving: Saving, folder: str) -> Choice:
    passed_over = []
    for found in find(folder, saving.name):
        if found.seal is None:
            passed_over.append(f"{found.path}: nothing is known of it")
        elif found.seal.origin not in ("", saving.origin()):
            passed_over.append(f"{found.path}: it is of another database: {found.seal.origin}")
        else:
            with readable(found.path):
                sha256, size = backup_files.hash_of(found.path)
            if sha256 == found.seal.sha256:
                return Choice(found.path, size, sha256, found.seal, tuple(passed_over))
            passed_over.append(f"{found.path}: it is not what it was when it was made")
    lines = [f"{folder}: there is no backup of {saving.name} that could be restored", *passed_over]
    raise BackupError(
        "\n    ".join(lines),
        holds=UNTOUCHED,
        remedy="Name the file to be restored." if passed_over else "Name the file, or its folder (--backup-dir).",
    )


def _from_log(job: Job, sha256: str) -> Seal | None:
    """Look whether the log of the database knows the hash; a database that cannot be read knows nothing."""
    with suppress(SessmigError):
        ledger = Ledger(job.database, job.table, "")
        if any(one.backup.sha256 == sha256 for one in logged(job.database, ledger)):
            return Seal(sha256)
    return None


@contextmanager
def readable(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror or error}", holds=UNTOUCHED) from None
