"""The way back: only what was migrated goes, and nothing that was there before, or was written since, is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError, PlanError
from tests.clinic import cases, legacy
from tests.clinic.data import DERMA, DIAGNOSIS, OLD, Rows, derma, diagnosis, message, old_row, session, user
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

_BEFORE = {
    "users": [user()],
    "sessions": [session("there"), session("alone")],
    "messages": [message("there", "好的"), message("there", "Only here"), message("alone")],
    DERMA: [derma("there", cases.said(cases.OK)), derma("new", cases.said(cases.OK, cases.OK))],
    DIAGNOSIS: [diagnosis("newer", cases.said(cases.OK))],
}


@pytest.fixture
def migrated(database_url: str) -> str:
    """A database of two sessions that were there with three messages, and two that came with three."""
    legacy.build(database_url, _BEFORE)
    legacy.migrate(database_url)
    return database_url


def _blocked(url: str, database: Probe, *, to: int | None = None) -> str:
    """Hold that the rollback is refused and changes nothing; return what was found, with the rows."""
    before = database.snapshot(exclude=("schema_migrations_log",))
    with pytest.raises(CheckError) as refusal:
        legacy.roll_back(url, to=to)
    after = database.snapshot(exclude=("schema_migrations_log",))
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])
    return re.sub(r" {2,}", "  ", str(refusal.value))


def _ids(url: str) -> tuple[list[Any], list[tuple[Any, Any]]]:
    found = legacy.look(url)
    messages = [(row["session_id"], row["content"]) for row in found["messages"]]
    return [row["id"] for row in found["sessions"]], messages


_WAS = [("there", "好的"), ("there", "Only here"), ("alone", "Hello")]


def test_sessions_and_messages_from_before_stay_which_the_old_rollback_deleted(migrated: str) -> None:
    legacy.roll_back(migrated, to=0)
    assert _ids(migrated) == (["alone", "there"], _WAS)


def test_each_step_takes_back_only_what_it_brought(migrated: str) -> None:
    legacy.roll_back(migrated)
    assert _ids(migrated) == (["alone", "new", "newer", "there"], _WAS)
    legacy.roll_back(migrated)
    assert _ids(migrated) == (["alone", "new", "there"], _WAS)
    legacy.roll_back(migrated)
    assert _ids(migrated) == (["alone", "there"], _WAS)
    assert legacy.statuses(migrated) == dict.fromkeys((1, 2, 3), "rolled_back")


def test_what_was_rolled_back_can_be_migrated_again(migrated: str) -> None:
    once = legacy.look(migrated)
    legacy.roll_back(migrated, to=0)
    assert legacy.migrate(migrated).applied == 3
    again = legacy.look(migrated)
    assert [row["id"] for row in again["sessions"]] == [row["id"] for row in once["sessions"]]
    assert [row["content"] for row in again["messages"]] == [row["content"] for row in once["messages"]]


@pytest.mark.parametrize("number", [1, 3])
def test_messages_written_after_the_migration_block_it_with_their_count(
    migrated: str, probe: Probes, number: int
) -> None:
    for _ in range(number):
        probe(migrated).execute(
            "INSERT INTO messages (session_id, sender, content) VALUES ('new', 'user', 'And now it hurts.')"
        )
    found = _blocked(migrated, probe(migrated), to=0)
    assert "require failed: no message was written to a migrated session since" in found
    assert re.search(rf"\n *new +{number} ", found), found
    assert legacy.statuses(migrated) == dict.fromkeys((1, 2, 3), "success")


def test_a_message_written_since_that_says_the_same_is_not_taken_for_a_migrated_one(
    migrated: str, probe: Probes
) -> None:
    probe(migrated).execute("INSERT INTO messages (session_id, sender, content) VALUES ('there', 'user', '好的')")
    legacy.roll_back(migrated, to=0)
    assert _ids(migrated)[1] == [*_WAS, ("there", "好的")]


def test_messages_written_to_a_session_from_before_stay(migrated: str, probe: Probes) -> None:
    probe(migrated).execute("INSERT INTO messages (session_id, sender, content) VALUES ('alone', 'user', 'later')")
    legacy.roll_back(migrated, to=0)
    assert _ids(migrated)[1] == [*_WAS, ("alone", "later")]


@pytest.mark.parametrize("change", ["content = 'edited'", "session_id = 'alone'", "attachment_url = 'rash.png'"])
def test_a_migrated_message_that_was_changed_since_blocks_it(migrated: str, probe: Probes, change: str) -> None:
    probe(migrated).execute(f"UPDATE messages SET {change} WHERE session_id = 'newer'")
    assert "require failed: no migrated message was changed since" in _blocked(migrated, probe(migrated))


def test_a_copy_that_says_it_was_migrated_blocks_it_too(migrated: str, probe: Probes) -> None:
    probe(migrated).execute(
        "INSERT INTO messages (session_id, sender, content, message_type, structured_data, created_at)"
        " SELECT 'alone', sender, content, message_type, structured_data, created_at"
        " FROM messages WHERE session_id = 'newer'"
    )
    assert " alone " in _blocked(migrated, probe(migrated))


def test_what_was_deleted_since_stays_deleted(migrated: str, probe: Probes) -> None:
    probe(migrated).execute("DELETE FROM messages WHERE session_id = 'newer' OR content = 'Only here'")
    legacy.roll_back(migrated, to=0)
    assert _ids(migrated) == (["alone", "there"], [("there", "好的"), ("alone", "Hello")])


def test_a_copy_of_a_migrated_message_in_its_own_session_blocks_it_too(migrated: str, probe: Probes) -> None:
    database = probe(migrated)
    database.execute(
        "INSERT INTO messages (session_id, sender, content, message_type, structured_data, created_at) SELECT "
        "session_id, sender, content, message_type, structured_data, created_at FROM messages "
        "WHERE session_id = 'newer'"
    )
    told = _blocked(migrated, database, to=2)
    assert "no migrated message stands there twice (set structured_data of the copy to NULL" in told
    database.execute("UPDATE messages SET structured_data = NULL WHERE id = (SELECT max(id) FROM messages)")
    assert "no message was written to a migrated session since" in _blocked(migrated, database, to=2)


@pytest.mark.parametrize("change", ["last_message = 'And now?'", "doctor_id = 7", "status = 'completed'"])
def test_a_migrated_session_that_was_changed_since_blocks_it(migrated: str, probe: Probes, change: str) -> None:
    probe(migrated).execute(f"UPDATE sessions SET {change} WHERE id = 'new'")
    legacy.roll_back(migrated, to=1)
    assert "new" in _blocked(migrated, probe(migrated))


@pytest.mark.parametrize("table", OLD)
def test_rows_from_before_stay_even_where_they_say_that_they_were_migrated(database_url: str, table: str) -> None:
    said = f'{{"migrated_from": "{table}", "position": 0}}'
    old: Rows = {table: [old_row(table, "s-1", cases.said(cases.OK, cases.LATER))]}
    legacy.build(
        database_url,
        {
            "users": [user()],
            "sessions": [session("s-1", agent_state=f'{{"migrated_from": "{table}"}}')],
            "messages": [message("s-1", "好的", structured_data=said)],
            **old,
        },
    )
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    assert len(legacy.messages(database_url)) == 2
    legacy.roll_back(database_url, to=0)
    assert legacy.look(database_url) == before


def test_the_names_come_back_with_the_rollback_of_4(migrated: str, probe: Probes) -> None:
    before = legacy.picture(probe(migrated))
    legacy.migrate(migrated, to=4, ignore_wait=True)
    assert legacy.old_tables(migrated) == {f"{table}_deprecated" for table in OLD}
    legacy.roll_back(migrated)
    assert legacy.picture(probe(migrated)) == before


def test_5_is_irreversible_and_says_so_before_anything_is_undone(migrated: str, probe: Probes) -> None:
    legacy.migrate(migrated, ignore_wait=True)
    before = probe(migrated).snapshot(exclude=())
    with pytest.raises(PlanError, match="irreversible: 0005_drop_old_tables: "):
        legacy.roll_back(migrated, to=0)
    assert probe(migrated).snapshot(exclude=()) == before
