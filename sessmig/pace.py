"""How many rows a batch is to have: few enough to be over in time, and as many as that allows.

Knows numbers only; what they were taken from it is told.
"""

from __future__ import annotations

SMALLEST, START, LARGEST = 100, 1_000, 50_000
TRIES = 3
"""How often a batch is tried at the same bounds before it is halved."""
_WEIGHT = 0.3
"""How much the last batch counts against those before it."""
_GROWTH, _SHRINKAGE = 1.5, 0.5
_LEAP, _EASY = 4.0, 0.1
"""How much a batch may grow that took no more than this share of its time: it would still be well within it."""


class Pace:
    """The size of the batches, adapted to the time that they take.

    Args:
        target: how many seconds a batch is to take.
        size: how many rows the first one is to have; `START`, if 0.
    """

    def __init__(self, target: float, size: int = 0) -> None:
        self.target = target
        self.size = size or START
        self.rate = 0.0
        """Rows in a second, smoothed; 0 as long as nothing is known."""
        self._failed = 0

    def took(self, rows: int, seconds: float) -> None:
        """Take a batch into account that was committed."""
        self._failed = 0
        rate = rows / max(seconds, 0.001)
        self.rate = rate if not self.rate else _WEIGHT * rate + (1 - _WEIGHT) * self.rate
        if rows < self.size:  # the end of the table tells little of a whole batch
            return
        wanted = self.rate * self.target
        # What was given as the first size may be beyond the bounds, and need not be left at once.
        least, most = min(SMALLEST, self.size), max(LARGEST, self.size)
        growth = _LEAP if seconds <= self.target * _EASY else _GROWTH
        self.size = round(min(max(wanted, self.size * _SHRINKAGE, least), self.size * growth, most))

    def failed(self) -> bool:
        """Take a failed try into account; tell whether there is to be another one."""
        self._failed += 1
        if self._failed < TRIES:
            return True
        if self.size <= SMALLEST:
            return False
        self._failed = 0
        self.size = max(self.size // 2, SMALLEST)
        return True

    def left(self, rows: int) -> float | None:
        """Return how many seconds so many rows will take; None as long as nothing is known."""
        return rows / self.rate if self.rate else None
