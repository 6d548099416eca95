"""The migrated database equals an independent model of the specification, on random nasty data; then it goes back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sessmig import CheckError
from tests.webui import legacy, model
from tests.webui.nasty import nasty_rows


@pytest.mark.parametrize("seed", range(200))
def test_sqlite_equals_the_model_and_the_rollback_equals_the_start(sqlite_url: str, seed: int) -> None:
    _migrate_and_compare(sqlite_url, seed)


@pytest.mark.parametrize("seed", range(50))
def test_postgres_equals_the_model_and_the_rollback_equals_the_start(postgres_url: str, seed: int) -> None:
    _migrate_and_compare(postgres_url, seed)


def _migrate_and_compare(url: str, seed: int) -> None:
    dialect = legacy.dialect_of(url)
    legacy.build_from(url, nasty_rows(seed, dialect))
    before = legacy.look(url)
    report = legacy.migrate(url)
    after, measured = legacy.look(url), legacy.measures(url)
    expected = model.merge(before, dialect, measured["migrated_at"])
    assert model.arrived(before, after) == (expected.sessions, expected.messages)
    assert (after.old_sessions, after.old_messages) == (before.old_sessions, before.old_messages)
    assert {name: measured[name] for name in measured if name != "migrated_at" and "orphans" not in name} == {
        "sessions_before": len(before.old_sessions),
        "messages_before": len(before.old_messages),
        "chat_sessions_before": len(before.chat_sessions),
        "chat_messages_before": len(before.chat_messages),
        "sessions_migrated": len(expected.sessions),
        "messages_migrated": len(expected.messages),
        "sessions_total": len(before.chat_sessions) + len(expected.sessions),
        "messages_total": len(before.chat_messages) + len(expected.messages),
    }
    sessions, messages = report.steps[-1].merges
    assert (sessions.source, sessions.inserted) == (len(before.old_sessions), len(expected.sessions))
    assert (sessions.identical + sessions.differing, sessions.rejected) == (expected.already_there[0], ())
    assert (messages.source, messages.inserted) == (len(before.old_messages), len(expected.messages))
    assert (messages.identical, messages.differing) == (expected.already_there[1], 0)
    assert messages.rejected == (("no such session", len(expected.rejected)),)
    assert sessions.missing == messages.missing == 0
    if any(row.session_id in expected.sessions for row in before.chat_messages):
        # An orphan that got its session back would lose it again.
        with pytest.raises(CheckError, match="no message was written to a migrated session since"):
            legacy.roll_back(url)
        assert legacy.look(url) == after
    else:
        legacy.roll_back(url)
        assert legacy.look(url) == before


@pytest.mark.parametrize("seed", range(12))
def test_both_databases_give_the_same_rows_for_the_same_data(sqlite_url: str, postgres_url: str, seed: int) -> None:
    rows = nasty_rows(seed, "sqlite", common=True)
    results = []
    for url in (sqlite_url, postgres_url):
        legacy.build_from(url, rows)
        legacy.migrate(url)
        results.append(_comparable(url))
    assert results[0] == results[1]


def test_the_random_data_holds_every_outcome() -> None:
    outcomes: dict[str, int] = dict.fromkeys(("sessions", "messages", "rejected", "session there", "message there"), 0)
    for seed in range(60):
        rows = nasty_rows(seed, "sqlite")
        before = legacy.Picture(
            [legacy.ChatSession(*row) for row in rows["chat_sessions"]],  # type: ignore[arg-type]
            [legacy.ChatMessage(*row) for row in rows["chat_messages"]],  # type: ignore[arg-type]
            [legacy.OldSession(*row) for row in rows["webui_sessions"]],  # type: ignore[arg-type]
            [legacy.OldMessage(*row) for row in rows["webui_messages"]],  # type: ignore[arg-type]
        )
        merged = model.merge(before, "sqlite", "")
        found = (len(merged.sessions), len(merged.messages), len(merged.rejected), *merged.already_there)
        outcomes = {name: outcomes[name] + number for name, number in zip(outcomes, found, strict=True)}
    assert all(number > 50 for number in outcomes.values()), outcomes


def _comparable(url: str) -> list[list[tuple[Any, ...]]]:
    """Return the rows as values: times as moments, metadata as JSON with the run's own moment taken out."""
    moment = legacy.measures(url)["migrated_at"]
    return [
        sorted((tuple(_value(cell, moment) for cell in _with_values(row)) for row in rows), key=repr)
        for rows in legacy.look(url)
    ]


def _with_values(row: Any) -> tuple[Any, ...]:
    times = {"created_at", "updated_at"}
    cells = [
        datetime.fromisoformat(cell) if name in times and cell is not None else cell
        for name, cell in zip(row._fields[:-1], row, strict=False)
    ]
    return (*cells, None if row.metadata is None else model.read(row.metadata))


def _value(cell: Any, moment: str) -> Any:
    if isinstance(cell, model.Object):
        pairs = [(key, "now" if (key, value) == ("migrated_at", moment) else value) for key, value in cell.pairs]
        return model.Object(tuple(sorted(pairs, key=lambda pair: pair[0])))
    return cell
