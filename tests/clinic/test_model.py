"""The migrated database equals an independent model of the specification, row by row, on random nasty data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clinic import leftovers, legacy, model
from tests.clinic.data import OLD, Rows
from tests.clinic.nasty import nasty_rows
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

# Several in a test: what takes the time is the steps, and less so the tests around them.
_SQLITE_SEEDS = [range(first, first + 10) for first in range(0, 200, 10)]
_POSTGRES_SEEDS = [range(first, first + 5) for first in range(1000, 1050, 5)]
_COMMON_SEEDS = [range(first, first + 3) for first in range(2000, 2012, 3)]


@pytest.mark.parametrize("seeds", _SQLITE_SEEDS, ids=str)
def test_sqlite_equals_the_model_and_the_rollback_equals_the_start(tmp_path: Path, probe: Probes, seeds: range) -> None:
    for seed in seeds:
        _there_and_back(f"sqlite:///{tmp_path / f'{seed}.db'}", probe, nasty_rows(seed, "sqlite"), turn=seed)


@pytest.mark.parametrize("seeds", _POSTGRES_SEEDS, ids=str)
def test_postgres_equals_the_model_and_the_rollback_equals_the_start(
    new_postgres_url: Callable[[], str], probe: Probes, seeds: range
) -> None:
    for seed in seeds:
        _there_and_back(new_postgres_url(), probe, nasty_rows(seed, "postgres"), turn=seed)


def test_the_servers_own_time_zone_and_way_to_write_dates_change_nothing(
    new_postgres_url: Callable[[], str], probe: Probes
) -> None:
    for seed in (3001, 3002):
        url = new_postgres_url()
        name = probe(url).value("SELECT current_database()")
        probe(url).execute(f"ALTER DATABASE \"{name}\" SET TimeZone = 'Asia/Kathmandu'")
        probe(url).execute(f"ALTER DATABASE \"{name}\" SET DateStyle = 'SQL, DMY'")
        _there_and_back(url, probe, nasty_rows(seed, "postgres"), turn=seed)


@pytest.mark.parametrize("seeds", _COMMON_SEEDS, ids=str)
def test_both_databases_give_the_same_values_for_the_same_data(
    tmp_path: Path, new_postgres_url: Callable[[], str], seeds: range
) -> None:
    for seed in seeds:
        rows = nasty_rows(seed, "sqlite", common=True)
        found = []
        for url in (f"sqlite:///{tmp_path / f'{seed}.db'}", new_postgres_url()):
            legacy.build(url, rows)
            legacy.migrate(url)
            found.append(_values(legacy.look(url)))
        for table in found[0]:
            hold_equal(found[0][table], found[1][table])


def hold_equal(found: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Compare by key and show what differs; pytest's own comparison of thousands of rows takes minutes."""
    differing = {
        key: (found.get(key, "absent"), expected.get(key, "absent"))
        for key in found.keys() | expected.keys()
        if found.get(key, "absent") != expected.get(key, "absent")
    }
    assert not differing, "\n".join(f"{key!r}: {str(pair)[:2000]}" for key, pair in list(differing.items())[:3])


def _there_and_back(url: str, probe: Probes, rows: Rows, *, turn: int) -> None:
    """Migrate to 3 or 4, hold that all is as the model says, and roll back to the start; `turn` says what more."""
    legacy.build(url, rows)
    start, before = legacy.picture(probe(url)), legacy.look(url)
    expected = model.migrate(before)
    legacy.migrate(url, to=3 if turn % 4 == 0 else 4, ignore_wait=True)
    _hold_migrated(url, before, expected)
    if turn % 4 == 1:
        findings = [found for step in legacy.verify(url).steps for found in step.findings]
        assert [found for found in findings if found.outcome == "failed"] == []
    legacy.roll_back(url, to=0)
    assert legacy.picture(probe(url)) == start
    if turn % 4 == 2:  # and again, with the old tables dropped
        legacy.migrate(url, ignore_wait=True)
        _hold_migrated(url, before, expected, dropped=True)
        hold_leftovers(url, before, leftovers.left_over(before))


def hold_leftovers(url: str, before: Rows, expected: set[leftovers.Key]) -> None:
    """Hold that exactly these old rows stand in deprecated_leftovers, with all that they said."""
    is_sqlite = legacy.dialect_of(url) == "sqlite"
    found = leftovers.kept(legacy.table(url, "deprecated_leftovers"))
    old = {(table, row["id"]): leftovers.as_kept(row, is_sqlite=is_sqlite) for table in OLD for row in before[table]}
    hold_equal(
        {key: leftovers.comparable(row) for key, row in found.items()},
        {key: leftovers.comparable(old[key]) for key in expected},
    )


def _hold_migrated(url: str, before: Rows, expected: model.Migrated, *, dropped: bool = False) -> None:
    after = legacy.look(url)
    sessions, messages = model.arrived(before, after)
    hold_equal(sessions, expected.sessions)
    hold_equal(_by_place(messages), _by_place(expected.messages))
    assert after["users"] == before["users"]
    for table in OLD:
        assert after[table] == ([] if dropped else before[table])


def _by_place(messages: list[model.Said]) -> dict[Any, model.Said]:
    found = {(said.session_id, said.migrated_from, said.position): said for said in messages}
    assert len(found) == len(messages)
    return found


def _values(found: Rows) -> dict[str, dict[Any, Any]]:
    """Return sessions and messages as values: times as moments, JSON as JSON; messages by their place."""
    sessions = {row["id"]: {name: _value(name, cell) for name, cell in row.items()} for row in found["sessions"]}
    messages: dict[Any, Any] = {}
    places: Counter[Any] = Counter()
    for row in found["messages"]:
        cells = {name: _value(name, cell) for name, cell in row.items() if name != "id"}
        # Before the migration they have their ids; the migrated ones have their array and position.
        mark = row["structured_data"] if "migrated_from" in str(row["structured_data"]) else None
        place = (row["session_id"], repr(cells["structured_data"]) if mark else "")
        places[place] += 1
        messages[place, places[place]] = cells
    return {"sessions": sessions, "messages": messages}


def _value(name: str, cell: Any) -> Any:
    if name.endswith("_at"):
        return model.moment(cell)
    return model.read_or_text(cell) if name in ("agent_state", "structured_data", "attachments") else cell


def test_the_random_data_holds_every_outcome() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(200):
        before = nasty_rows(seed, "sqlite")
        found = model.migrate(before)
        outcomes["sessions"] += len(found.sessions)
        outcomes["messages"] += len(found.messages)
        for name in ("already_there", "present", "without_content", "no_array"):
            for table in OLD:
                outcomes[f"{name} {table}"] += getattr(found, name)[table]
        said = Counter((one.session_id, one.sender, one.content, one.created_at) for one in found.messages)
        outcomes["the same again"] += sum(number - 1 for number in said.values())
        outcomes["a megabyte"] += sum(len(one.content) > 500_000 for one in found.messages)
        outcomes["left over"] += len(leftovers.left_over(before))
    assert outcomes.pop("a megabyte") >= 2
    assert all(number > 100 for number in outcomes.values()), outcomes
    assert len(outcomes) == 12
