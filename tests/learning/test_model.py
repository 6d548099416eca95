"""The migrated database equals an independent model of the specification, on random nasty data; then it goes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fixtures.probe import Probe
from tests.learning import legacy, model
from tests.learning.nasty import existing_types, nasty_rows

Probes = Callable[[str], Probe]
_AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, 50, _AT_ONCE))
def test_every_row_is_what_the_model_says_and_the_rollback_equals_the_start(
    new_postgres_url: Callable[[], str], probe: Probes, first: int
) -> None:
    for seed in range(first, first + _AT_ONCE):
        url = new_postgres_url()
        legacy.build(url, *nasty_rows(seed))
        database = probe(url)
        for statement in existing_types(seed):
            database.execute(statement)
        start, before = database.snapshot(), legacy.look(url)
        assert legacy.carry_out(url).applied == 5
        assert legacy.look(url) == model.migrated(before, 5)
        assert len(legacy.take_back(url, 0)) == 5
        assert database.snapshot() == start
        database.close()


def test_the_random_data_holds_every_case() -> None:
    found = [nasty_rows(seed) for seed in range(50)]
    sessions = [row for rows, _ in found for row in rows]
    messages = [row for _, rows in found for row in rows]
    roles = [str(row[2]) for row in messages]
    assert sum(not rows for rows, _ in found) > 2
    assert sum(role == role.upper() for role in roles) > 500
    assert sum(role == role.lower() for role in roles) > 50
    assert sum(role not in (role.upper(), role.lower()) for role in roles) > 500
    assert sum("infinity" in str(row[6]) for row in sessions) > 10
    assert sum(len(str(row[3])) > 1_000_000 for row in messages) > 1
    assert sum(len(existing_types(seed)) in (1, 2, 3) for seed in range(50)) > 20
