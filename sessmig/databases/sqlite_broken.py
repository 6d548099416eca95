"""Replaces a SQLite file that SQLite itself cannot work with, by the bytes of another; keeps what stood there.

Knows SQLite's lock bytes and what it writes beside a file; decides nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from sessmig.databases import sqlite_file
from sessmig.errors import LockError
from sessmig.model import Holder

try:
    from fcntl import LOCK_EX, LOCK_NB, flock, lockf
except ImportError:  # there a file that somebody has open cannot be replaced, which serves as well
    lockf = None  # type: ignore[assignment]

_PENDING, _BYTES = 0x40000000, 512
"""Where every connection in a transaction has a lock, and in WAL mode every open one."""
_PAUSE = 0.05


class BrokenFile:
    """A file that was found broken, held so that nobody else can be in it.

    Args:
        path: the file.
        label: the database for people.
    """

    def __init__(self, path: str, label: str) -> None:
        self._path = path
        self._label = label
        self._kept = ""
        # Closing any other descriptor of the file would drop the lock: from here on it is read by this one alone.
        self._file = open(path, "r+b")  # noqa: SIM115

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def hold(self, wait: float, on_wait: Callable[[Holder], None] | None = None) -> None:
        """Take the lock that SQLite does not even try to take; and see that nobody has the file open.

        It is replaced as a file: whoever has it open would go on with one that has no name any more.

        Raises:
            LockError: somebody has it.
        """
        deadline = time.monotonic() + wait
        while not self._is_held():
            holders = [sqlite_file.holder(self._path, kind, but=os.getpid()) for kind in ("WRITE", "READ")]
            holder = next((one for one in holders if one.pid), Holder())
            if time.monotonic() >= deadline:
                raise LockError.not_had(self._label, wait, holder)
            if on_wait:
                on_wait(holder)
            time.sleep(_PAUSE)
        wait_for_openers(self._path, self._label, wait, deadline, on_wait)

    def _is_held(self) -> bool:
        if lockf is None:
            return True
        try:
            lockf(self._file, LOCK_EX | LOCK_NB, _BYTES, _PENDING)
        except OSError:
            return False
        return True

    def save(self, path: str) -> None:
        """Copy it as the bytes stand; it is going to be kept under this name without `.partial`."""
        self._kept = path.removesuffix(".partial")
        self._file.seek(0)
        with open(path, "r+b") as target:
            shutil.copyfileobj(self._file, target)
            target.truncate()

    def replace(self, path: str) -> None:
        """Put another file in its place, whole or not at all, with its rights; its journals go with what is kept."""
        about = os.fstat(self._file.fileno())
        partial = f"{self._path}.restore_{time.strftime('%Y%m%d_%H%M%S', time.gmtime())}.partial"
        with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
            try:
                if lockf is not None:
                    flock(target, LOCK_EX)  # so that nobody takes it for a dead one's
                with suppress(OSError, AttributeError):  # another's file, or another system
                    os.fchown(target.fileno(), about.st_uid, about.st_gid)
                os.chmod(partial, stat.S_IMODE(about.st_mode))
                with open(path, "rb") as source:
                    shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
                for ending in ("-wal", "-journal"):
                    with suppress(FileNotFoundError):
                        if os.stat(f"{self._path}{ending}").st_size:
                            os.rename(f"{self._path}{ending}", f"{self._kept}{ending}")
                        else:
                            os.unlink(f"{self._path}{ending}")
                with suppress(FileNotFoundError):
                    os.unlink(f"{self._path}-shm")
                os.replace(partial, self._path)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(partial)
                raise


def wait_for_openers(
    path: str, label: str, wait: float, deadline: float, on_wait: Callable[[Holder], None] | None = None
) -> None:
    """Wait until nobody else has a file open, until so many seconds are over.

    Raises:
        LockError: somebody still has.
    """
    while (holder := sqlite_file.opener(path)).pid:
        if time.monotonic() >= deadline:
            raise LockError.not_had(label, wait, holder, what="the file was not let go of", who="it is open in")
        if on_wait:
            on_wait(holder)
        time.sleep(_PAUSE)
