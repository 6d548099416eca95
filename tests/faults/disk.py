"""Plants faults at the file operations of a process: each write, cut, removal and creation of a file has a number.

SQLite's are met below it, at the system calls of its VFS; Python's at its audit events. What a database file holds
changes at these places alone: whoever kills at each of them in turn has killed at every instant.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_OFFSET, _SIZE, _POINTER = ctypes.c_int64, ctypes.c_size_t, ctypes.c_void_p
_CALLS = {
    "write": ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, _POINTER, _SIZE, use_errno=True),
    "pwrite": ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, _POINTER, _SIZE, _OFFSET, use_errno=True),
    "pwrite64": ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, _POINTER, _SIZE, _OFFSET, use_errno=True),
    "ftruncate": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, _OFFSET, use_errno=True),
    "unlink": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, use_errno=True),
    "open": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, use_errno=True),
}
_REMOVED = ("os.remove", "os.rename", "os.link", "os.chmod", "os.truncate", "os.mkdir", "shutil.copyfile")
_WRITES = ("write", "pwrite", "pwrite64", "ftruncate")


class _Vfs(ctypes.Structure):
    """The head of `sqlite3_vfs`, as far as it is needed."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("path_size", ctypes.c_int),
        *((name, _POINTER) for name in ("next", "name", "data", "open", "delete", "access", "full_name")),
        *((name, _POINTER) for name in ("dl_open", "dl_error", "dl_symbol", "dl_close", "random", "sleep", "time")),
        *((name, _POINTER) for name in ("last_error", "time_64", "set_system_call")),
    ]  # fmt: skip


_kept: list[Any] = []
"""What C calls, and Python must not forget."""

Fault = Callable[[str], int | None]
"""Called before an operation with its name; an errno makes it fail, -1 does it by half, None lets it be."""


def plant(fault: Fault) -> None:
    """Have a function asked before each file operation of this process, from now on."""
    sqlite = ctypes.CDLL(_sqlite3.__file__)
    sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = sqlite.sqlite3_vfs_find(None)
    setting = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Vfs), ctypes.c_char_p, _POINTER)
    put = setting(vfs.contents.set_system_call)
    for name, kind in _CALLS.items():
        call = kind(_met(name, kind((name, _LIBC)) if name != "open" else _opener(), fault))
        _kept.append(call)
        put(vfs, name.encode(), ctypes.cast(call, _POINTER))
    sys.addaudithook(_audited(fault))


def _opener() -> Any:
    opened = _LIBC.open
    opened.argtypes, opened.restype = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int], ctypes.c_int
    return opened


def _met(name: str, real: Any, fault: Fault) -> Callable[..., int]:
    def call(*arguments: Any) -> int:
        if name == "open" and not arguments[1] & os.O_CREAT:
            return int(real(*arguments))
        wrong = fault(name)
        if wrong is None:
            return int(real(*arguments))
        if wrong == -1:
            if name in ("write", "pwrite", "pwrite64"):
                real(arguments[0], arguments[1], max(arguments[2] // 2, 1), *arguments[3:])
            os.kill(os.getpid(), signal.SIGKILL)
        ctypes.set_errno(wrong)
        return -1

    return call


def _audited(fault: Fault) -> Callable[[str, tuple[Any, ...]], None]:
    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_CREAT | os.O_TRUNC) or str(path).startswith("/dev/"):
                return
            event = "create"
        elif event not in _REMOVED:
            return
        wrong = fault(event)
        if wrong == -1:
            os.kill(os.getpid(), signal.SIGKILL)
        # A full disk lets files go, and names be changed.
        if wrong and (wrong != errno.ENOSPC or event == "create"):
            raise OSError(wrong, os.strerror(wrong))

    return hear


class Counted:
    """Counts operations, and does something at one of them. What it met stands in a file, past every kill."""

    def __init__(self, mark: Path, at: int, act: Callable[[str], int | None], *, lasting: bool = False) -> None:
        self._mark = mark
        self._at = at
        self._act = act
        self._lasting = lasting
        self._number = 0
        self._busy = False

    def __call__(self, name: str) -> int | None:
        if self._busy:
            return None
        self._number += 1
        if self._number != self._at and not (self._lasting and self._number > self._at):
            return None
        if self._number == self._at:
            self._busy = True
            self._mark.write_text(name)
            self._busy = False
        return self._act(name)


def kill(name: str) -> None:
    """Die here."""
    os.kill(os.getpid(), signal.SIGKILL)


def tear(name: str) -> int | None:
    """Do it by half, and die."""
    return -1


def fill(name: str) -> int | None:
    """The disk is full: nothing can grow any more; removing goes on."""
    return errno.ENOSPC if name in (*_WRITES, "open", "create", "os.mkdir") and name != "ftruncate" else None


def break_once(name: str) -> int | None:
    """The disk fails once."""
    return errno.EIO


def stop(name: str) -> None:
    """Sleep as a laptop does, till somebody says SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)
