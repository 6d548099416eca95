"""Which keys came in late is told exactly, whatever the others are."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sessmig.databases.ranges import Range, late


def _range(numbers: list[int]) -> Range | None:
    if not numbers:
        return None
    first, last = numbers[0], numbers[-1]
    keys = "" if last - first + 1 == len(numbers) else json.dumps([str(number) for number in numbers])
    return Range(str(first), str(last), len(numbers), keys)


@given(st.frozensets(st.integers(-9, 9)), st.frozensets(st.integers(-9, 9)))
def test_the_late_ranges_hold_every_key_that_is_new_and_none_that_was_done(
    kept: frozenset[int], now: frozenset[int]
) -> None:
    found = [(int(first), int(last)) for first, last in late(_range(sorted(kept)), _range(sorted(now)))]
    held = [number for number in sorted(now) if any(first <= number <= last for first, last in found)]
    assert held == sorted(now - kept)


def test_late_neighbours_are_one_range() -> None:
    assert late(_range([1, 9]), _range([1, 3, 4, 6, 9, 12])) == [("3", "6"), ("12", "12")]
