"""Lets processes that start at once on one machine take turns: the first one works, and the others wait for it.

Who waits here has loaded next to nothing yet, and mostly finds that all is done when the other one is. It is a
courtesy and no lock: whoever has something to do takes the database's lock in any case. Knows names of sockets, of
which Linux lets one process at a time have each, and takes it back when that one dies; elsewhere nobody waits here.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable
    from contextlib import AbstractContextManager

LONGEST = 2.0
"""Seconds; who has waited so long goes on, and then says for whom it waits."""
_PAUSE = 0.01


class Turn:
    """The turn of those who start with the same thing to do.

    Args:
        what: what that is; no secret stands in it, as a hash of it is to be seen by everybody.
    """

    def __init__(self, *what: str) -> None:
        user = os.getuid() if hasattr(os, "getuid") else 0
        told = hashlib.sha256("\0".join((str(user), *what)).encode(errors="surrogatepass"))
        self._name = b"\0sessmig-" + told.hexdigest()[:32].encode()
        self._held: socket | None = None

    def waited(self, seconds: float, hearing: Callable[[], AbstractContextManager[None]] | None = None) -> bool:
        """Take the turn if it is free; otherwise wait until it is, or the time is over, and leave it to others.

        Args:
            seconds: how long at most.
            hearing: makes what is entered as long as it waits.

        Returns:
            whether somebody else had it; what they had to do may be done.
        """
        if self._taken():
            return False
        if hearing:
            with hearing():
                self._wait(seconds)
        else:
            self._wait(seconds)
        return True

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + min(seconds, LONGEST)
        while time.monotonic() < until:
            time.sleep(_PAUSE)
            if self._taken():
                # All who waited go on at once: if there is still something to do, it is not for each after the other.
                self.end()
                break

    def _taken(self) -> bool:
        if sys.platform != "linux":
            return True
        import _socket  # what `socket` adds takes longer than the whole of this
        import errno

        held = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            held.bind(self._name)
        except OSError as error:
            held.close()
            return error.errno != errno.EADDRINUSE
        self._held = held
        _taken.add(self)
        return True

    def end(self) -> None:
        """Let the others go on."""
        if self._held:
            self._held.close()
            self._held = None


_taken: weakref.WeakSet[Turn] = weakref.WeakSet()
"""The turns of this process; one that was ended may be among them."""


def _leave() -> None:
    """Close the turns in a process that was forked: it has them too, and would keep them as long as it lives."""
    for turn in list(_taken):
        turn.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave)
