"""Has Ctrl-C and SIGTERM end a run between two commits where it works in batches, and at once elsewhere.

Knows signals and `Stop`; knows nothing of databases. Only the command line may set what a signal does: an application
has its own ways.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from sessmig.ended import Ended
from sessmig.stop import ASKED, Stop


def _say(text: str) -> None:
    """Write a line past Python's streams: a signal may come while one of them is being written."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


@contextmanager
def heard(stop: Stop) -> Iterator[None]:
    """Hand requests to end on to `stop`: the first is kept for the next look, if there will be one; a second is not.

    What is ignored (nohup), or was given another meaning, stays as it is.

    Raises:
        KeyboardInterrupt: the run was ended where it stood.
    """
    if threading.current_thread() is not threading.main_thread():  # others may not set what a signal does
        yield
        return

    def hear(number: int, frame: FrameType | None) -> None:
        is_first, stop.signal = not stop.signal, stop.signal or number
        if not (is_first and stop.can_wait):
            raise KeyboardInterrupt
        _say("stopping as soon as the open batch is committed; Ctrl-C stops at once, and rolls it back")

    mine = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if before in (signal.SIG_DFL, signal.default_int_handler):
            mine[number] = before
            signal.signal(number, hear)
    try:
        yield
    except KeyboardInterrupt as ended:
        if stop.signal == signal.SIGTERM:
            told = Ended(ASKED[stop.signal][1])
            for note in getattr(ended, "__notes__", ()):  # where the run stands
                told.add_note(note)
            raise told from None
        raise
    finally:
        for number, before in mine.items():
            signal.signal(number, before)
