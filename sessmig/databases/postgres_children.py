"""Starts other programs so that nothing of them goes on without us: not after a Ctrl-C, nor after our own end.

Knows processes; knows nothing of what they do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sessmig.errors import BackupError

_LOOK = 0.2
"""How many seconds lie between two looks at what happens meanwhile."""
_PR_SET_PDEATHSIG = 1


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; whatever is raised before its end ends it.

    Raises:
        BackupError: it could not be started.
    """
    with _signals_kept() as kept:
        try:
            process = subprocess.Popen(command, env=environment, preexec_fn=_ending_with_us(), **streams)  # noqa: S603
        except OSError as error:
            raise BackupError(f"{command[0]}: {error.strerror}") from None
    with process:
        try:
            for number in kept:
                signal.raise_signal(number)
            yield process
        except BaseException:  # Ctrl-C first of all: nothing of it goes on behind our back
            process.kill()
            process.wait()  # `with` would not, after a Ctrl-C
            raise


def ended(process: subprocess.Popen[bytes], meanwhile: Callable[[], None]) -> bytes:
    """Wait for the end of a program and return what it printed, if that is ours to read."""
    while True:
        try:
            return process.communicate(timeout=_LOOK)[0] or b""
        except subprocess.TimeoutExpired:
            meanwhile()


def _ending_with_us() -> Callable[[], None] | None:
    """Return what a child has to call so that it is killed when we are; only Linux knows that."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # only here: whoever has nothing to start need not wait for it

    try:
        call = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    ours = os.getpid()

    def end_with_us() -> None:
        call(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != ours:  # we were gone before that
            os.kill(os.getpid(), signal.SIGKILL)

    return end_with_us


@contextmanager
def _signals_kept() -> Iterator[list[int]]:
    """Keep Ctrl-C and SIGTERM for later: while a program is being started there is nobody yet who could end it."""
    kept: list[int] = []
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # What the system does by itself, or ignores, stays; and only the main thread may set what a signal does.
    ours = threading.current_thread() is threading.main_thread()
    usual = {number: way for number, way in heard.items() if ours and callable(way)}
    for number in usual:
        signal.signal(number, lambda caught, _: kept.append(caught))
    try:
        yield kept
    finally:
        for number, way in usual.items():
            signal.signal(number, way)
