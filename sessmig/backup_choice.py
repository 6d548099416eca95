"""Chooses the backup to be restored: the newest that is whole, or a named one; compares it with its hash.

Knows seals and the log; touches no database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sessmig import backup_files
from sessmig.backup import folder_of
from sessmig.backup_files import Found, find
from sessmig.backup_log import logged
from sessmig.backup_seal import ENDING, Seal, read_seal
from sessmig.errors import BackupError, SessmigError, UsageError
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.words import file_size

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

    @property
    def as_of(self) -> str:
        """When it was made, in UTC; empty if its name does not tell."""
        return backup_files.taken_at(self.path)

    @property
    def what_is_lost(self) -> str:
        """Say what a restore takes."""
        moment = f"{self.as_of} UTC" if self.as_of else "an unknown time (its name does not tell)"
        return f"the backup is of {moment}: what was written since is gone, and ledger and log are those of then"


def choose(job: Job, file: str | None, *, force: bool) -> Choice:
    """Find the backup to be restored and compare it with its hash; nothing is touched.

    Args:
        job: where, and in which folder the backups stand.
        file: the backup; the newest that is whole, if None.
        force: take one whose hash is not known, or that is of another database.

    Raises:
        UsageError: there is none.
        BackupError: it is not what it was, nothing is known of it, or it is of another database.
    """
    saving = job.database.saving(job.backup.programs)
    if not saving.name:
        raise UsageError(f"{job.database.label}: it has no backups", remedy="Give the file of a database.")
    known = _log_of(job)
    if file is None:
        return _newest(saving, folder_of(job.backup, saving), known)
    _refuse_other_things(file)
    with readable(file):
        sha256, size = backup_files.hash_of(file)
    sealed = read_seal(file) or (Seal(sha256) if sha256 in known.values() else None)
    for was in filter(None, (sealed and sealed.sha256, known.get(os.path.abspath(file)))):
        if was != sha256:
            raise BackupError(
                f"{file}: the backup is not what it was: its SHA-256 is {sha256}, and was {was} when it was made",
                holds=UNTOUCHED,
                remedy="It was truncated or changed since. Give another one; this one is not restored, whatever is"
                " forced.",
            )
    if sealed is None and not force:
        raise BackupError(
            f"{file}: nothing is known of this file: neither {os.path.basename(file)}{ENDING} beside it nor the log"
            " has its hash",
            holds=UNTOUCHED,
            remedy="If you know that it is a whole backup of this database, give --force: that it is the one that"
            " was made, or that nothing of it is missing, cannot be told then.",
        )
    if sealed and sealed.origin and not force and not saving.is_of(sealed.origin, file):
        raise BackupError(
            f"{file}: it is the backup of another database: {sealed.origin}; this one is {saving.origin()}",
            holds=UNTOUCHED,
            remedy="To put that one's state into this one nevertheless, give --force.",
        )
    return Choice(file, size, sha256, sealed)


def _refuse_other_things(file: str) -> None:
    """Refuse what is no file, or not that of a backup."""
    if os.path.islink(file):
        raise BackupError(
            f"{file}: is a symbolic link, and none is followed",
            holds=UNTOUCHED,
            remedy=f"Give the file itself: {os.path.realpath(file)}",
        )
    if os.path.isdir(file):
        raise BackupError(
            f"{file}: is a folder",
            holds=UNTOUCHED,
            remedy="For the newest backup that stands in it give it as --backup-dir, and no file.",
        )
    if not os.path.isfile(file):
        words = "no such file" if not os.path.exists(file) else "is no file"
        raise BackupError(f"{file}: {words}", holds=UNTOUCHED, remedy="Without a name the newest is restored.")
    if file.endswith(ENDING):
        raise BackupError(
            f"{file}: it holds the hash of a backup, and is none itself",
            holds=UNTOUCHED,
            remedy=f"Give the backup: {file.removesuffix(ENDING)}",
        )


def _newest(saving: Saving, folder: str, known: dict[str, str]) -> Choice:
    passed_over = []
    for found in find(folder, saving.name):
        if reason := _objection(saving, found):
            passed_over.append(f"{found.path}: {reason}")
            continue
        with readable(found.path):
            sha256, size = backup_files.hash_of(found.path)
        if found.seal and {sha256} == {found.seal.sha256, known.get(found.path, sha256)}:
            return Choice(found.path, size, sha256, found.seal, tuple(passed_over))
        passed_over.append(f"{found.path}: it is not what it was when it was made")
    lines = [f"{folder}: there is no backup of {saving.name} that could be restored", *passed_over]
    raise BackupError(
        "\n    ".join(lines),
        holds=UNTOUCHED,
        remedy="Name the file to be restored." if passed_over else "Name the file, or its folder (--backup-dir).",
    )


def _objection(saving: Saving, found: Found) -> str:
    """Say why a backup is passed over, whatever its hash is."""
    if found.oddity:
        return f"it is {found.oddity}"
    if found.seal is None:
        return "nothing is known of it"
    if found.seal.origin and not saving.is_of(found.seal.origin, found.path):
        return f"it is of another database: {found.seal.origin}"
    return ""


def _log_of(job: Job) -> dict[str, str]:
    """Return the hashes that the log of the database knows, by path; one that cannot be read knows nothing."""
    with suppress(SessmigError):
        job.database.await_reading(wait=job.lock_wait, on_wait=lambda _: None)
        ledger = Ledger(job.database, job.table, "")
        return {one.backup.path: one.backup.sha256 for one in logged(job.database, ledger)}
    return {}


def chosen_lines(label: str, choice: Choice) -> Iterator[str]:
    """Lay out what a restore would take."""
    yield f"would restore {label} from {choice.path}, {file_size(choice.size)}"
    yield f"  {choice.what_is_lost}"
    if choice.as_of:
        made = datetime.fromisoformat(f"{choice.as_of}+00:00")
        yield f"  it is {_age((datetime.now(UTC) - made).total_seconds())} old"
    for line in choice.passed_over:
        yield f"  passed over {line}"
    yield "nothing was touched"


def _age(seconds: float) -> str:
    """Return `3 d 4 h`, `5 h 10 min`, `12 min`."""
    minutes = max(int(seconds // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


@contextmanager
def readable(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror or error}", holds=UNTOUCHED) from None
