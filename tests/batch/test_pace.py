"""The size of batches follows the time that they take, within bounds, and goes down where they fail."""

from __future__ import annotations

import pytest

from sessmig.pace import LARGEST, SMALLEST, START, TRIES, Pace


def _after(seconds_a_row: float, batches: int = 60, *, target: float = 0.5, size: int = 0) -> Pace:
    pace = Pace(target, size)
    for _ in range(batches):
        pace.took(pace.size, pace.size * seconds_a_row)
    return pace


def test_the_first_batch_has_a_thousand_rows_or_as_many_as_the_file_says() -> None:
    assert Pace(0.5).size == START == 1_000
    assert Pace(0.5, 30).size == 30


@pytest.mark.parametrize("target", [0.12, 0.5])
def test_the_size_comes_to_what_takes_the_time_aimed_at(target: float) -> None:
    assert _after(0.00005, target=target).size == pytest.approx(target / 0.00005, rel=0.01)


def test_the_size_stays_within_its_bounds() -> None:
    assert _after(1.0).size == SMALLEST == 100
    assert _after(0.0000001).size == LARGEST == 50_000


def test_a_first_size_beyond_the_bounds_is_not_overruled_at_once() -> None:
    assert _after(1.0, 1, size=10).size == 10
    assert _after(0.0000001, 1, size=90_000).size == 90_000


def test_one_batch_changes_the_size_by_half_of_it_at_most() -> None:
    fast, slow = Pace(0.5), Pace(0.5)
    fast.took(1_000, 0.06)
    slow.took(1_000, 100)
    assert (fast.size, slow.size) == (1_500, 500)


def test_a_batch_that_took_a_tenth_of_its_time_may_grow_to_the_fourfold() -> None:
    pace = Pace(0.5)
    pace.took(1_000, 0.05)
    assert pace.size == 4_000


def test_one_slow_batch_among_many_counts_for_less_than_a_third() -> None:
    pace = _after(0.00005)
    rate = pace.rate
    pace.took(pace.size, 1_000)
    assert pace.rate == pytest.approx(0.7 * rate, rel=0.01)


def test_the_last_rows_of_a_table_say_nothing_of_the_size() -> None:
    pace = Pace(0.5)
    pace.took(3, 0.4)
    assert pace.size == START


def test_a_batch_is_tried_three_times_at_the_same_bounds_and_then_halved_until_it_is_small() -> None:
    pace, sizes = Pace(0.5), []
    while pace.failed():
        sizes.append(pace.size)
    assert sizes == [1000, 1000, 500, 500, 500, 250, 250, 250, 125, 125, 125, 100, 100, 100]
    assert TRIES == 3


def test_what_was_committed_in_between_gives_all_tries_anew() -> None:
    pace = Pace(0.5)
    for _ in range(TRIES - 1):
        assert pace.failed()
    pace.took(1, 0.1)
    assert pace.failed()
    assert pace.size == START


def test_the_time_left_is_not_told_before_there_is_a_rate() -> None:
    pace = Pace(0.5)
    assert pace.left(100) is None
    pace.took(1_000, 2.0)
    assert pace.left(5_000) == pytest.approx(10.0)
