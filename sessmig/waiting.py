"""How long to wait for a lock that others hold: the lock_timeout of each try, and the sleeps between.

Knows numbers only; waits for nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

TIMEOUTS = (0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds that a statement waits for a lock, try by try; whoever comes behind it waits as long."""
SLEEPS = (0.1, 0.5, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds between the tries, in which everybody else gets on."""
_LEAST = 0.01
"""What a try has at least; to PostgreSQL a lock_timeout of 0 would be for ever."""


def longest(limit: float) -> float:
    """Return how many seconds a statement may wait where there is only one try, and the limit is that."""
    return max(min(TIMEOUTS[-1], limit), _LEAST)


def _jitter() -> float:
    """Let two who hinder each other not meet again and again."""
    import random  # only now: who waits has the time

    return random.uniform(0.75, 1.25)  # noqa: S311


class Waiting:
    """The waiting of one step: short tries first, and all of it together no longer than asked.

    Args:
        limit: how many seconds in all; the last sleep is cut so that the last try ends with them.
        jitter: by what a sleep is multiplied.
    """

    def __init__(self, limit: float, *, jitter: Callable[[], float] = _jitter) -> None:
        self.limit = limit
        self.tries = 0
        self._jitter = jitter
        self._spent = 0.0

    @property
    def left(self) -> float:
        """How many seconds may still be waited."""
        return max(self.limit - self._spent, 0.0)

    @property
    def lock_timeout(self) -> float:
        """How many seconds a statement of this try may wait."""
        return max(min(TIMEOUTS[min(self.tries, len(TIMEOUTS) - 1)], self.left), _LEAST)

    def add(self, seconds: float) -> None:
        """Count seconds that were waited for something else."""
        self._spent += seconds

    def pause(self) -> float | None:
        """Count a try that came to nothing; return the seconds to sleep before the next, None if there is none."""
        self._spent += self.lock_timeout
        self.tries += 1
        if self.left < _LEAST:
            return None
        longest = SLEEPS[min(self.tries, len(SLEEPS)) - 1] * self._jitter()
        seconds = min(longest, max(self.left - self.lock_timeout, 0.0))
        self._spent += seconds
        return seconds
