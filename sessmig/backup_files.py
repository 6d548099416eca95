"""The files of backups: how they are named, found again, and pruned.

Knows files and folders; knows nothing of what stands in them.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sessmig.backup_seal import ENDING, Seal, read_seal
from sessmig.errors import BackupError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # there a file that somebody has open cannot be removed, which serves as well
    flock = None  # type: ignore[assignment]

_CHUNK = 1 << 20
_STAMP = r"(?P<stamp>\d{8}_\d{6})(?:_(?P<number>\d+))?"
_SEAL_PARTIAL = f"{ENDING}.partial"
GZIP = ".gz"
_FORMAT = "%Y%m%d_%H%M%S"
ANOTHER_FOLDER = "Give another folder (--backup-dir)."


@dataclass(frozen=True, slots=True)
class Found:
    """A backup by its name; whether it is whole, only its hash tells."""

    path: str
    stamp: str
    number: int
    seal: Seal | None
    oddity: str = ""
    """What it is, if it is no file of ours."""


class NewFile:
    """A file under a name that nobody takes for whole, until it is; what is left of it when it fails is removed."""

    def __init__(self, folder: str, name: str, ending: str = "", after: str = "") -> None:
        """Make it, readable for us alone.

        Args:
            folder: where.
            name: what it is a copy of, and what kind of copy: `app.db.backup`.
            ending: what the name ends with.
            after: the newest stamp that stands; where the clock was set back, it is used again with a higher number.
        """
        stamp = max(datetime.now(UTC).strftime(_FORMAT), after)
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
        try:
            is_ours = os.path.samestat(os.fstat(self._descriptor), os.stat(self.partial))
            if is_ours and os.path.exists(self.path):
                os.unlink(self.partial)
                is_ours = False
        except FileNotFoundError:  # removed, by who saw it before it was held
            is_ours = False
        return is_ours

    def finish(self) -> None:
        """Give it its name, when all of it is on the disk."""
        os.fsync(self._descriptor)
        os.rename(self.partial, self.path)
        _sync_folder(self.path)

    def close(self) -> None:
        """Let go of it; unfinished, it is removed."""
        # While it is held still: behind that, another process may have made its own of that name.
        with suppress(OSError):  # what stays is swept by the next one
            os.unlink(self.partial)
        os.close(self._descriptor)


@contextmanager
def new_file(
    folder: str, name: str, ending: str = "", *, after: str = "", remedy: str = ANOTHER_FOLDER
) -> Iterator[NewFile]:
    """Make a file of which only `finish` makes one that counts; `remedy` is what to do if that cannot be.

    Raises:
        BackupError: it cannot be made, or written.
    """
    try:
        file = NewFile(folder, name, ending, after)
    except OSError as error:
        raise cannot_write(folder, error, remedy) from None
    try:
        yield file
    except OSError as error:
        raise cannot_write(file.path, error, remedy) from None
    finally:
        file.close()


def cannot_write(place: str, error: OSError, remedy: str) -> BackupError:
    """Say why a backup cannot be written there."""
    return BackupError(f"{place}: no backup can be written there: {error.strerror or error}", remedy=remedy)


def sweep(folder: str, name: str) -> None:
    """Remove what processes that are gone have left half-written."""
    left = re.compile(
        rf"{re.escape(name)}\.(?:backup|before_restore|restore)_{_STAMP}(?:{re.escape(GZIP)})?(?:{re.escape(ENDING)})?\.partial"
    )
    leftovers = [os.path.join(folder, entry) for entry in _names(folder) if left.fullmatch(entry)]
    for path in sorted(leftovers, key=lambda path: path.endswith(_SEAL_PARTIAL)):
        if path.endswith(_SEAL_PARTIAL) and os.path.exists(f"{path.removesuffix(_SEAL_PARTIAL)}.partial"):
            continue  # whoever writes the file is about to seal it
        with suppress(OSError):
            if oddity_of(path):
                continue
            descriptor = os.open(path, os.O_RDWR)
            try:
                if flock is not None:
                    flock(descriptor, LOCK_EX | LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


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
            odd = oddity_of(path)
            number = int(match["number"] or 1)
            found.append(Found(path, match["stamp"], number, None if odd else read_seal(path), odd))
    return sorted(found, key=lambda backup: (backup.stamp, backup.number), reverse=True)


def oddity_of(path: str) -> str:
    """Say what stands under a name, if it is no file by itself: a link may lead anywhere, a pipe gives no end."""
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        return error.strerror or str(error)
    if stat.S_ISREG(mode):
        return ""
    return "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no file"


def taken_at(path: str) -> str:
    """Return when a backup was made, by its name; empty if that does not tell."""
    if match := re.search(rf"\.backup_{_STAMP}(?:{re.escape(GZIP)})?$", path):
        with suppress(ValueError):
            return f"{datetime.strptime(match['stamp'], _FORMAT):%Y-%m-%d %H:%M:%S}"
    return ""


def expanded_size(path: str) -> int:
    """Return how many bytes a compressed file holds, by what it says itself at its end; modulo 4 GB."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 4, 0))
        return max(int.from_bytes(file.read(4), "little"), size)


def is_whole(backup: Found) -> bool:
    """Tell whether a backup has the hash that it was sealed with."""
    try:
        return backup.seal is not None and hash_of(backup.path)[0] == backup.seal.sha256
    except OSError:
        return False


def prune(ours: Sequence[Found], keep: int, made: Callable[[Found], bool], spared: Sequence[str] = ()) -> list[str]:
    """Remove all but the newest backups of a database: only what is ours by name and hash, and never the last good one.

    Args:
        ours: its backups, the newest first.
        keep: how many stay.
        made: tells which of them are known to be good, as this run has made them.
        spared: hashes; the first of them that a whole backup has keeps it from going.

    Returns:
        The paths that are gone.
    """
    older = [backup for backup in ours[keep:] if not made(backup)]
    for sha256 in spared:
        if found := [one for one in ours if one.seal and one.seal.sha256 == sha256 and (made(one) or is_whole(one))]:
            older = [backup for backup in older if backup not in found]
            break
    # A good one among those that stay? Only then may older ones go.
    if not any(made(backup) or is_whole(backup) for backup in ours[:keep]):
        while older and not is_whole(older.pop(0)):
            pass
    gone = []
    for backup in older:
        if is_whole(backup):
            for path in (backup.path, f"{backup.path}{ENDING}"):
                with suppress(OSError):
                    os.unlink(path)
                    gone.append(path)
    return [path for path in gone if not path.endswith(ENDING)]


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
