"""How a signal that is not Ctrl-C ends the command line; and has SIGTERM do so while a start waits for its turn.

The first process of a container is not ended by a signal that it does not hear. Knows signals; a start that waits has
loaded next to nothing, so this imports next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal  # what `signal` adds takes longer


class Ended(KeyboardInterrupt):
    """The run was ended at once by a signal that is not Ctrl-C.

    Args:
        exit_code: what the program ends with.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


class Hearing:
    """Hears SIGTERM as long as it is entered; where that is ignored, or was given another meaning, it stays so."""

    def __init__(self) -> None:
        self._is_heard = False

    def __enter__(self) -> None:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            try:
                signal.signal(signal.SIGTERM, _end)
            except ValueError:  # only the main thread may set what a signal does
                return
            self._is_heard = True

    def __exit__(self, *exc: object) -> None:
        if self._is_heard:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    told = Ended(128 + number)
    told.add_note("it waited for its turn; nothing was touched")
    raise told
