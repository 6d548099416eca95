"""What a step cannot carry stops it by name, and the database stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError
from tests.clinic import cases, legacy
from tests.clinic.data import DERMA, OLD, Rows, old_row, user
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

both_tables = pytest.mark.parametrize("table", OLD)


def _refused(url: str, database: Probe, *, ignore_wait: bool = False) -> str:
    """Migrate, and hold that the step that refuses left nothing; return what it said."""
    standing = legacy.look(url)
    with pytest.raises(CheckError) as refusal:
        legacy.migrate(url, ignore_wait=ignore_wait)
    text = str(refusal.value)
    assert "nothing of 000" in text or "Nothing" in text, text
    applied = [version for version, status in legacy.statuses(url).items() if status == "success"]
    after = legacy.look(url)
    assert after["messages"] == standing["messages"] or 3 in applied
    assert {table: after[table] for table in OLD} == {table: standing[table] for table in OLD}
    assert {row["id"] for row in standing["sessions"]} <= {row["id"] for row in after["sessions"]}
    return text


def _one(table: str, **more: Any) -> Rows:
    return {"users": [user()], table: [old_row(table, "fine"), old_row(table, "odd") | more]}


@both_tables
def test_a_user_who_does_not_exist_stops_it_by_name(sqlite_url: str, probe: Probes, table: str) -> None:
    legacy.build(sqlite_url, _one(table, user_id=99))
    text = _refused(sqlite_url, probe(sqlite_url))
    assert "require failed: " in text
    assert "99" in text
    assert [row["id"] for row in legacy.look(sqlite_url)["sessions"]] == []


@both_tables
def test_a_session_without_an_id_stops_it_by_name(sqlite_url: str, probe: Probes, table: str) -> None:
    legacy.build(sqlite_url, _one(table, id=None))
    assert "failed: " in _refused(sqlite_url, probe(sqlite_url))
    assert [row["id"] for row in legacy.look(sqlite_url)["sessions"]] == []


@pytest.mark.parametrize("half", ["\\u0000", "\\ud83d", "cut \\ud83d off"])
@both_tables
def test_content_that_postgres_cannot_hold_stops_it_by_name(
    postgres_url: str, probe: Probes, table: str, half: str
) -> None:
    legacy.build(postgres_url, _one(table, messages=f'[{{"role": "user", "content": "{half}"}}]'))
    text = _refused(postgres_url, probe(postgres_url))
    assert "require failed: " in text
    assert "odd" in text


@both_tables
def test_a_table_of_the_new_name_stops_the_renaming(database_url: str, probe: Probes, table: str) -> None:
    legacy.build(database_url, _one(table))
    probe(database_url).execute(f"CREATE TABLE {table}_deprecated (id INTEGER)")
    with pytest.raises(CheckError, match=r"require failed: .*name"):
        legacy.migrate(database_url, ignore_wait=True)
    assert legacy.statuses(database_url) == {1: "success", 2: "success", 3: "success"}
    assert legacy.old_tables(database_url) == {*OLD, f"{table}_deprecated"}


@both_tables
def test_an_old_table_that_is_not_there_stops_its_step_by_name(database_url: str, probe: Probes, table: str) -> None:
    legacy.build(database_url, _one(table))
    probe(database_url).execute(f"DROP TABLE {table}")
    with pytest.raises(CheckError, match=f"require failed: .*\n(.*\n)*.*{table}"):
        legacy.migrate(database_url)
    assert legacy.statuses(database_url) == ({} if table == DERMA else {1: "success"})


@both_tables
def test_nul_in_content_arrives_in_sqlite(sqlite_url: str, table: str) -> None:
    legacy.build(sqlite_url, _one(table, messages=cases.said({"content": "one\0two"}, {"content": "one\0three"})))
    legacy.migrate(sqlite_url)
    assert [row["content"] for row in legacy.messages(sqlite_url, "odd")] == ["one\0two", "one\0three"]


@both_tables
def test_text_with_a_nul_behind_json_is_no_json(sqlite_url: str, table: str) -> None:
    legacy.build(sqlite_url, _one(table, messages='[{"content": "a"}]\0x', symptoms="[]\0x"))
    legacy.migrate(sqlite_url)
    state = legacy.state(sqlite_url, "odd")
    assert (state["original_messages"], state["symptoms"]) == ('[{"content": "a"}]\0x', "[]\0x")
    assert legacy.messages(sqlite_url, "odd") == []
