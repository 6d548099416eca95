"""The schedule: short tries first, longer sleeps between, and all of it within what was asked for."""

from __future__ import annotations

import random

import pytest

from sessmig.waiting import SLEEPS, TIMEOUTS, Waiting, longest


def _course(limit: float, jitter: float = 1.0) -> tuple[list[float], list[float]]:
    """Return the lock_timeouts and the sleeps of a step that never gets its lock."""
    waiting = Waiting(limit, jitter=lambda: jitter)
    tries, sleeps = [waiting.lock_timeout], []
    while (seconds := waiting.pause()) is not None:
        sleeps.append(seconds)
        tries.append(waiting.lock_timeout)
    return tries, sleeps


def test_the_default_minute_is_used_to_its_end_and_the_last_sleep_is_cut() -> None:
    tries, sleeps = _course(60)
    assert tries == list(TIMEOUTS)
    assert sleeps[:6] == list(SLEEPS[:6])
    assert sleeps[6] < SLEEPS[6]
    assert sum(tries) + sum(sleeps) == pytest.approx(60)


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.3, 1, 4, 7, 20, 59, 60, 90, 600])
def test_all_waiting_together_is_never_longer_than_asked(limit: float) -> None:
    for _ in range(50):
        tries, sleeps = _course(limit, random.uniform(0.75, 1.25))
        assert sum(tries) + sum(sleeps) == pytest.approx(limit, abs=0.02)
        assert max(tries) <= longest(limit)
        assert min(sleeps, default=0) >= 0


def test_who_waits_longer_tries_on_with_the_longest_timeout() -> None:
    tries, sleeps = _course(600)
    assert len(tries) > len(TIMEOUTS)
    assert set(tries[len(TIMEOUTS) : -1]) == {TIMEOUTS[-1]}
    assert set(sleeps[len(SLEEPS) : -1]) <= {SLEEPS[-1]}


def test_no_wait_at_all_is_one_try_that_postgres_does_not_take_for_endless() -> None:
    tries, sleeps = _course(0)
    assert (len(tries), sleeps) == (1, [])
    assert tries[0] * 1000 >= 1


def test_what_was_waited_for_the_lock_of_other_runs_counts() -> None:
    waiting = Waiting(60)
    waiting.add(59.95)
    assert waiting.lock_timeout == pytest.approx(0.05)
    assert waiting.pause() is None


def test_sleeps_are_not_the_same_for_two_runs() -> None:
    assert len({Waiting(60).pause() for _ in range(20)}) > 1
