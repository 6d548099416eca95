"""Whether a run was asked to stop, and whether it is where it can.

Knows neither signals nor databases: the command line asks, and a run that works in batches looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sessmig.errors import StoppedError

ASKED = {2: ("Ctrl-C", 130), 15: ("a request to end (SIGTERM)", 143)}
"""What people call a signal, and the exit code of a run that it has ended."""


@contextmanager
def saying(stands: str) -> Iterator[None]:
    """Have whoever is ended at once here say what stands."""
    try:
        yield
    except KeyboardInterrupt as ended:
        ended.add_note(stands)
        raise


class Stop:
    """A request to stop, which a batch that is open outlives."""

    def __init__(self) -> None:
        self.signal = 0
        """The signal that asked first; 0 as long as none did."""
        self.can_wait = False
        """Whether the run will look soon, and is best left alone until then."""

    def look(self) -> None:
        """Stop here, if that was asked for.

        Raises:
            StoppedError: it was.
        """
        if self.signal:
            who, code = ASKED.get(self.signal, (f"signal {self.signal}", 128 + self.signal))
            raise StoppedError(f"stopped by {who}", exit_code=code, remedy="Run again to go on.")

    @contextmanager
    def later(self) -> Iterator[None]:
        """Have a request wait for the next look."""
        before, self.can_wait = self.can_wait, True
        try:
            yield
        finally:
            self.can_wait = before
