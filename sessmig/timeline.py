"""Places the attempts of a run on a line of time.

A pure function of their beginnings, which the log knows to the second, and of how long each took, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sessmig.chronicle import PastAttempt

_LEAST = 0.6
"""How wide, in per cent, what took hardly any time is."""

_UNKNOWN = 1000
"""So many milliseconds between two moments may come of their being cut to the second."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt, in per cent of the run."""

    attempt: PastAttempt
    start: float
    width: float
    offset_ms: int
    """How long after the run's beginning it began, as far as that is known."""


def timeline(attempts: Sequence[PastAttempt]) -> tuple[Bar, ...]:
    """Place attempts one behind the other: none began before the one before it had ended."""
    placed, end = [], 0
    ordered = sorted(attempts, key=lambda one: (one.started_at, one.number))
    first = _moment(ordered[0].started_at) if ordered else None
    for attempt in ordered:
        moment = _moment(attempt.started_at)
        told = int((moment - first) * 1000) if moment is not None and first is not None else 0
        # The clock may have been set back, and both moments are cut to the second: up to that there may be no gap.
        start = told if told - end > _UNKNOWN else end
        end = start + attempt.duration_ms
        placed.append((attempt, start))
    whole = max(end, 1)
    return tuple(_bar(attempt, start, whole) for attempt, start in placed)


def length_ms(attempts: Sequence[PastAttempt]) -> int:
    """Return how long a run took, from its first attempt to the end of its last."""
    bars = timeline(attempts)
    return max((bar.offset_ms + bar.attempt.duration_ms for bar in bars), default=0)


def _bar(attempt: PastAttempt, start: int, whole: int) -> Bar:
    width = max(_LEAST, 100 * attempt.duration_ms / whole)
    return Bar(attempt, min(100 * start / whole, 100 - width), width, start)


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
