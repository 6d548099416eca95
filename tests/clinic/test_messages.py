"""Each element of an old array becomes one message; what the old script dropped is there."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clinic import cases, model
from tests.clinic.conftest import Clinic
from tests.clinic.data import DERMA, DIAGNOSIS, OLD, Row

both_tables = pytest.mark.parametrize("table", OLD)


def _messages(clinic: Clinic, name: str) -> list[Row]:
    """Return the messages of a session in the order of their ids."""
    return [row for row in clinic.after["messages"] if row["session_id"] == name]


def _contents(clinic: Clinic, name: str) -> list[str]:
    return [row["content"] for row in _messages(clinic, name)]


def _mark(row: Row) -> dict[str, Any]:
    found = json.loads(row["structured_data"])
    assert isinstance(found, dict)
    return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@both_tables
def test_the_same_content_twice_in_a_session_is_two_messages_of_which_the_old_script_dropped_the_second(
    clinic: Clinic, table: str
) -> None:
    assert _contents(clinic, f"full {table}") == ["Since when?", "好的", "Where?", "好的", "好的", "好的"]


@both_tables
def test_what_a_user_wrote_at_another_time_is_another_message(clinic: Clinic, table: str) -> None:
    times = Counter(model.moment(row["created_at"]) for row in _messages(clinic, f"full {table}") if _is_ok(row))
    assert times == {_at("2026-01-05 12:00:00"): 3, _at("2026-01-05 12:07:00"): 1}


@both_tables
def test_messages_stand_in_the_arrays_order_and_say_their_position(clinic: Clinic, table: str) -> None:
    marks = [_mark(row) for row in _messages(clinic, f"full {table}")]
    assert [mark["position"] for mark in marks] == list(range(len(cases.TALK)))
    assert {mark["migrated_from"] for mark in marks} == {table}


@both_tables
def test_the_sender_is_ai_for_assistant_ai_and_system_and_else_user(clinic: Clinic, table: str) -> None:
    senders = [row["sender"] for row in _messages(clinic, f"roles {table}")]
    assert senders == ["ai"] * 3 + ["user"] * (len(cases.ROLES) - 3)
    assert _messages(clinic, f"bare {table}")[0]["sender"] == "user"


@both_tables
def test_the_type_is_image_report_or_text_by_the_task(clinic: Clinic, table: str) -> None:
    types = [row["message_type"] for row in _messages(clinic, f"tasks {table}")]
    assert types == ["image", "image", "report", "text", "text", "text", "text"]
    assert _messages(clinic, f"bare {table}")[0]["message_type"] == "text"


@both_tables
def test_created_at_is_the_elements_own_time_with_or_without_t_z_and_fractions(clinic: Clinic, table: str) -> None:
    found = {row["content"]: model.moment(row["created_at"]) for row in _messages(clinic, f"times {table}")}
    assert found == {text: _at(moment) for text, moment in cases.TIMES.items()}


@both_tables
def test_where_an_element_has_no_iso_time_created_at_is_the_sessions(clinic: Clinic, table: str) -> None:
    (old,) = [row for row in clinic.before[table] if row["id"] == f"no times {table}"]
    found = [model.moment(row["created_at"]) for row in _messages(clinic, f"no times {table}")]
    assert found == [model.moment(old["created_at"])] * len(cases.NO_TIMES)


@both_tables
def test_content_arrives_word_for_word_a_megabyte_too(clinic: Clinic, table: str) -> None:
    assert _contents(clinic, f"texts {table}") == list(cases.TEXTS)


@both_tables
def test_nothing_stands_in_the_columns_of_which_the_old_tables_knew_nothing(clinic: Clinic, table: str) -> None:
    found = {(row["attachment_url"], row["attachments"]) for row in _messages(clinic, f"full {table}")}
    assert found == {(None, None)}


@both_tables
def test_elements_without_content_are_counted_and_stay_in_original_messages(clinic: Clinic, table: str) -> None:
    name = f"silent {table}"
    assert _contents(clinic, name) == ["好的", "好的"]
    assert [_mark(row)["position"] for row in _messages(clinic, name)] == [0, len(cases.SILENT) + 1]
    (row,) = [row for row in clinic.after["sessions"] if row["id"] == name]
    assert json.loads(row["agent_state"])["original_messages"] == [cases.OK, *cases.SILENT, cases.LATER]


def test_the_elements_without_content_of_both_tables_are_in_the_ledger(clinic: Clinic) -> None:
    expected = sum(model.migrate(clinic.before).without_content.values())
    assert expected == len(OLD) * len(cases.SILENT)
    measured = {m.name: m.value for m in clinic.report.steps[2].measurements}
    assert measured["elements_without_content"] == expected


@both_tables
def test_json_that_is_no_array_is_no_message_and_stays_in_original_messages(clinic: Clinic, table: str) -> None:
    name = f"object {table}"
    assert _messages(clinic, name) == []
    (row,) = [row for row in clinic.after["sessions"] if row["id"] == name]
    assert json.loads(row["agent_state"])["original_messages"] == {"role": "user", "content": "no list"}


@both_tables
def test_of_a_session_that_was_there_only_the_occurrences_that_lack_come(clinic: Clinic, table: str) -> None:
    found = [(row["content"], row["structured_data"] is None) for row in _messages(clinic, f"there {table}")]
    # One "好的" of that moment stood there, so of the two the second comes, and the one of seven minutes later.
    assert Counter(found) == {("好的", True): 1, ("Only here", True): 1, ("好的", False): 2}


def test_what_an_id_says_in_both_old_tables_is_all_there(clinic: Clinic) -> None:
    found = Counter((_mark(row)["migrated_from"], row["content"]) for row in _messages(clinic, "both"))
    assert found == {(DERMA, "好的"): 1, (DERMA, DERMA): 1, (DIAGNOSIS, "好的"): 1, (DIAGNOSIS, DIAGNOSIS): 1}


def test_messages_from_before_stay_as_they_are(clinic: Clinic) -> None:
    after = {row["id"]: row for row in clinic.after["messages"]}
    for row in clinic.before["messages"]:
        assert after[row["id"]] == row


def test_the_database_of_all_cases_equals_the_model(clinic: Clinic) -> None:
    expected = model.migrate(clinic.before)
    sessions, messages = model.arrived(clinic.before, clinic.after)
    assert sessions == expected.sessions
    assert messages == expected.messages


def _is_ok(row: Row) -> bool:
    return bool(row["content"] == "好的")
