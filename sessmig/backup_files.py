"""The files of backups: how they are named, sealed with their hash, found again, and pruned.

Knows files and folders; knows nothing of what stands in them.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sessmig.errors import BackupError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # there a file that somebody has open cannot be removed, which serves as well
    flock = None  # type: ignore[assignment]

_CHUNK = 1 << 20
_STAMP = r"(?P<stamp>\d{8}_\d{6})(?:_(?P<number>\d+))?"
_SEALED = re.compile(r"(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>[^\n]*)")
_ORIGIN, _BEFORE = "# backup of ", "# made before "
_SEAL_PARTIAL = ".sha256.partial"
GZIP = ".gz"


@dataclass(frozen=True, slots=True)
class Seal:
    """What the file beside a backup says of it."""

    sha256: str
    origin: str = ""
    """Of which database it is; empty if that is not said."""
    before: str = ""
    """Before which migration a run has made it, under its lock; empty if it was made by itself."""


@dataclass(frozen=True, slots=True)
class Found:
    """A backup by its name; whether it is whole, only its hash tells."""

    path: str
    stamp: str
    number: int
    seal: Seal | None


class NewFile:
    """A file under a name that nobody takes for whole, until it is; what is left of it when it fails is removed."""

    def __init__(self, folder: str, name: str, ending: str = "") -> None:
        """Make it, readable for us alone.

        Args:
            folder: where.
            name: what it is a copy of, and what kind of copy: `app.db.backup`.
            ending: what the name ends with.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        number = _last_number(folder, f"{name}_{stamp}") + 1
        while True:
            self.path = os.path.join(folder, f"{name}_{stamp}{f'_{number}' if number > 1 else ''}{ending}")
            self.partial = f"{self.path}.partial"
            number += 1
            # The same name compressed or not would be one backup twice, for whoever sorts them.
            if any(map(os.path.exists, (self.path, self.path.removesuffix(GZIP), self.path + GZIP))):
                continue
            with suppress(FileExistsError):
                self._descriptor = os.open(self.partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
                if self._is_ours():
                    return
                os.close(self._descriptor)

    def _is_ours(self) -> bool:
        """Hold the file, so that it is seen to be alive; somebody may have been faster, and removed or finished it."""
        if flock is not None:
            flock(self._descriptor, LOCK_EX)
        if os.path.exists(self.path):
            os.unlink(self.partial)
            return False
        return os.path.exists(self.partial) and os.path.samestat(os.fstat(self._descriptor), os.stat(self.partial))

    def finish(self) -> None:
        """Give it its name, when all of it is on the disk."""
        os.fsync(self._descriptor)
        os.rename(self.partial, self.path)
        _sync_folder(self.path)

    def close(self) -> None:
        """Let go of it; unfinished, it is removed."""
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            os.unlink(self.partial)


@contextmanager
def new_file(folder: str, name: str, ending: str = "") -> Iterator[NewFile]:
    """Make a file of which only `finish` makes one that counts.

    Raises:
        BackupError: it cannot be made, or written.
    """
    try:
        file = NewFile(folder, name, ending)
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        yield file
    except OSError as error:
        raise cannot_write(file.path, error) from None
    finally:
        file.close()


def cannot_write(place: str, error: OSError) -> BackupError:
    """Say why a backup cannot be written there."""
    return BackupError(
        f"{place}: no backup can be written there: {error.strerror or error}",
        remedy="Give a folder that can be written (--backup-dir), or go on without a backup (--no-backup).",
    )


def sweep(folder: str, name: str) -> None:
    """Remove what processes that are gone have left half-written."""
    left = re.compile(rf"{re.escape(name)}\.(?:backup|before_restore|restore)_{_STAMP}.*\.partial")
    leftovers = [os.path.join(folder, entry) for entry in _names(folder) if left.fullmatch(entry)]
    for path in sorted(leftovers, key=lambda path: path.endswith(_SEAL_PARTIAL)):
        if path.endswith(_SEAL_PARTIAL) and os.path.exists(f"{path.removesuffix(_SEAL_PARTIAL)}.partial"):
            continue  # whoever writes the file is about to seal it
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                if flock is not None:
                    flock(descriptor, LOCK_EX | LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


def seal(path: str, about: Seal) -> None:
    """Write the hash of a backup beside it, as sha256sum has it and `sha256sum -c` reads it."""
    sealed = f"{path}.sha256"
    partial = f"{sealed}.partial"
    with suppress(FileNotFoundError):
        os.unlink(partial)
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{about.sha256}  {os.path.basename(path)}\n{_ORIGIN}{about.origin}\n")
        file.write(f"{_BEFORE}{about.before}\n" if about.before else "")
        file.flush()
        os.fsync(descriptor)
    os.replace(partial, sealed)


def read_seal(path: str) -> Seal | None:
    """Read what stands beside a backup; None if nothing does that speaks of it."""
    try:
        with open(f"{path}.sha256", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(_CHUNK)
    except OSError:
        return None
    told = {"": "", _ORIGIN: "", _BEFORE: ""}
    for line in text.splitlines():
        if (match := _SEALED.fullmatch(line)) and os.path.basename(match["name"]) == os.path.basename(path):
            told[""] = match["sha256"].lower()
        for head in (_ORIGIN, _BEFORE):
            if line.startswith(head):
                told[head] = line.removeprefix(head)
    return Seal(told[""], told[_ORIGIN], told[_BEFORE]) if told[""] else None


def hash_of(path: str) -> tuple[str, int]:
    """Return the SHA-256 of a file, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def compress(path: str, into: str) -> None:
    """Compress a file into one that is there already."""
    with (
        open(path, "rb") as source,
        open(into, "r+b") as target,
        # Without a name and time in it, the same database gives the same file.
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=target, mtime=0) as packed,
    ):
        while chunk := source.read(_CHUNK):
            packed.write(chunk)


def expand(path: str, into: str) -> None:
    """Write what a compressed file holds into one that is there already.

    Raises:
        BackupError: it is truncated, or no such file.
    """
    try:
        with gzip.open(path) as packed, open(into, "r+b") as target:
            while chunk := packed.read(_CHUNK):
                target.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupError(f"{path}: the backup is damaged: {error}", remedy="Give another one.") from None


def find(folder: str, name: str) -> list[Found]:
    """Return the backups of a database by their names, the newest first."""
    pattern = re.compile(rf"{re.escape(name)}\.backup_{_STAMP}(?:{re.escape(GZIP)})?")
    found = []
    for entry in _names(folder):
        if match := pattern.fullmatch(entry):
            path = os.path.join(folder, entry)
            found.append(Found(path, match["stamp"], int(match["number"] or 1), read_seal(path)))
    return sorted(found, key=lambda backup: (backup.stamp, backup.number), reverse=True)


def is_whole(backup: Found) -> bool:
    """Tell whether a backup has the hash that it was sealed with."""
    try:
        return backup.seal is not None and hash_of(backup.path)[0] == backup.seal.sha256
    except OSError:
        return False


def prune(folder: str, name: str, origin: str, keep: int, made: Callable[[Found], bool]) -> list[str]:
    """Remove all but the newest backups of a database: only what is ours by name and hash, and never the last good one.

    Args:
        folder: where they stand.
        name: the database's.
        origin: which database; another one of the same name may have its backups there too.
        keep: how many stay.
        made: tells which of them are known to be good, as this run has made them.

    Returns:
        The paths that are gone.
    """
    ours = [backup for backup in find(folder, name) if backup.seal and backup.seal.origin == origin]
    older = [backup for backup in ours[keep:] if not made(backup)]
    # A good one among those that stay? Only then may older ones go.
    if not any(made(backup) or is_whole(backup) for backup in ours[:keep]):
        while older and not is_whole(older.pop(0)):
            pass
    gone = []
    for backup in older:
        if is_whole(backup):
            for path in (backup.path, f"{backup.path}.sha256"):
                with suppress(OSError):
                    os.unlink(path)
                    gone.append(path)
    return [path for path in gone if not path.endswith(".sha256")]


def _last_number(folder: str, start: str) -> int:
    """Return the highest number in use of this second; one that was freed is not used again, or it would be the older.

    0 if there is none.
    """
    pattern = re.compile(rf"{re.escape(start)}(?:_(\d+))?(?:\..*)?")
    return max((int(match[1] or 1) for entry in _names(folder) if (match := pattern.fullmatch(entry))), default=0)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:
        return []


def _sync_folder(path: str) -> None:
    with suppress(OSError):  # not everywhere can a folder be opened
        descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
