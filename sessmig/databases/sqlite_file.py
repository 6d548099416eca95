"""What can be told of a SQLite file from outside: whether it is there, and who holds it.

Knows the file system; opens no database.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from sessmig.blocker import Blocker
from sessmig.errors import ConnectError
from sessmig.model import Holder


def exists(path: str, label: str) -> bool:
    """Tell whether there is such a file; one behind a folder that we may not enter is not taken for none.

    Raises:
        ConnectError: it cannot be told.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConnectError(f"{label}: {error.strerror}", remedy="May you enter all of its folders?") from None
    return True


def opener(path: str) -> Holder:
    """Find another process that has a file open, locked or not; only Linux tells, and only of what we may look at."""
    try:
        ours = os.stat(path)
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return Holder()
    for pid in pids:
        with suppress(OSError):  # gone, or somebody else's
            for number in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    if os.path.samestat(os.stat(f"/proc/{pid}/fd/{number}"), ours):
                        return Holder(pid, _command(pid))
    return Holder()


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
        return comm.read().strip()


def holder(path: str, kind: str = "WRITE", *, but: int = 0) -> Holder:
    """Find who holds a lock of this kind on a file, but for one process; only Linux tells, in /proc/locks."""
    try:
        inodes = {os.stat(name).st_ino for name in (path, f"{path}-shm") if os.path.exists(name)}
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                part = line.split()
                if part[3] == kind and int(part[5].rpartition(":")[2]) in inodes and int(part[4]) not in (-1, but):
                    pid = int(part[4])
                    return Holder(pid, _command(pid))
    except (OSError, ValueError, IndexError):
        pass
    return Holder()


def in_the_way(path: str, kind: str) -> Holder:
    """Find who holds a lock of this kind; other processes first, as who waits for readers holds a read lock too."""
    found = holder(path, kind, but=os.getpid())
    return found if found.pid else holder(path, kind)


def readers(path: str, statements: Sequence[str] = ()) -> tuple[Blocker, ...]:
    """Find which other process reads a file; to a writer it is all one, whatever it would write."""
    found = holder(path, "READ", but=os.getpid())
    return (Blocker(found.pid, found.application),) if found.pid else ()
