"""Each old session becomes one session, with all that it knew in agent_state."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clinic import cases
from tests.clinic.conftest import Clinic
from tests.clinic.data import (
    ADDED,
    AGENTS,
    DERMA,
    DIAGNOSIS,
    FLAGS,
    JSON,
    LAST_MESSAGE,
    LISTS,
    OBJECTS,
    OLD,
    SHARED,
    Row,
)
from tests.webui.model import read

both_tables = pytest.mark.parametrize("table", OLD)


def _session(clinic: Clinic, name: str) -> Row:
    (found,) = [row for row in clinic.after["sessions"] if row["id"] == name]
    return found


def _old(clinic: Clinic, table: str, name: str) -> Row:
    (found,) = [row for row in clinic.before[table] if row["id"] == name]
    return found


def _state(clinic: Clinic, name: str) -> dict[str, Any]:
    state = json.loads(_session(clinic, name)["agent_state"])
    assert isinstance(state, dict)
    return state


@both_tables
def test_agent_type_says_which_of_the_agents_it_was(clinic: Clinic, table: str) -> None:
    assert _session(clinic, f"full {table}")["agent_type"] == AGENTS[table]
    assert AGENTS == {DERMA: "dermatology", DIAGNOSIS: "general"}


@both_tables
def test_a_session_whose_stage_is_completed_is_completed_and_any_other_active(clinic: Clinic, table: str) -> None:
    found = {name: _session(clinic, f"{name} {table}")["status"] for name in ("completed", "full", "nothing")}
    assert found == {"completed": "completed", "full": "active", "nothing": "active"}


@both_tables
def test_user_and_id_stay_and_there_is_no_doctor(clinic: Clinic, table: str) -> None:
    found = _session(clinic, f"completed {table}")
    assert (found["user_id"], found["doctor_id"]) == (2, None)


@both_tables
def test_last_message_is_the_agents_last_word(clinic: Clinic, table: str) -> None:
    last = _old(clinic, table, f"full {table}")[LAST_MESSAGE[table]]
    assert last
    assert _session(clinic, f"full {table}")["last_message"] == last
    assert _session(clinic, f"nothing {table}")["last_message"] is None


@both_tables
def test_both_times_are_preserved(clinic: Clinic, table: str) -> None:
    for name in ("full", "odd times"):
        old, new = _old(clinic, table, f"{name} {table}"), _session(clinic, f"{name} {table}")
        assert (new["created_at"], new["updated_at"]) == (old["created_at"], old["updated_at"])
    assert _session(clinic, f"odd times {table}")["updated_at"] is None


@both_tables
def test_agent_state_holds_every_field_with_its_value(clinic: Clinic, table: str) -> None:
    old, state = _old(clinic, table, f"full {table}"), _state(clinic, f"full {table}")
    for column in (*SHARED, *ADDED[table]):
        expected = json.loads(old[column]) if column in JSON else bool(old[column]) if column in FLAGS else old[column]
        assert state[column] == expected, column
        assert type(state[column]) is type(expected), column
    assert state["original_messages"] == cases.TALK


@both_tables
def test_migrated_from_names_the_old_table(clinic: Clinic, table: str) -> None:
    assert _state(clinic, f"full {table}")["migrated_from"] == table


@both_tables
@pytest.mark.parametrize("name", ["nothing", "null"])
def test_null_and_json_null_become_the_empty_value_of_their_kind(clinic: Clinic, table: str, name: str) -> None:
    state = _state(clinic, f"{name} {table}")
    columns = {column for column in (*SHARED, *ADDED[table]) if column in JSON}
    empty: Row = {column: [] if column in LISTS else {} if column in OBJECTS else None for column in columns}
    assert {column: state[column] for column in columns} == empty
    assert state["original_messages"] == []


@both_tables
def test_null_stays_null_where_no_other_value_is_said(clinic: Clinic, table: str) -> None:
    state = _state(clinic, f"nothing {table}")
    texts = [column for column in (*SHARED, *ADDED[table]) if column not in JSON and column != "risk_level"]
    assert {state[column] for column in texts} == {None}
    assert state["risk_level"] == "low"


@both_tables
def test_json_stays_json_and_is_no_quoted_string_which_the_old_script_made_of_it(clinic: Clinic, table: str) -> None:
    state = _state(clinic, f"full {table}")
    assert state["symptoms"] == ["itching", "redness"]
    assert state["symptom_details"] == {"itching": {"since": "monday"}}
    assert isinstance(state["original_messages"], list)
    text = _session(clinic, f"full {table}")["agent_state"]
    assert '\\"' not in text


@both_tables
def test_a_text_that_looks_like_json_stays_a_text(clinic: Clinic, table: str) -> None:
    assert _state(clinic, f"texts {table}")["chief_complaint"] == '["a text"]'


def test_numbers_in_json_keep_all_their_digits(clinic: Clinic) -> None:
    state = read(_session(clinic, f"full {DERMA}")["agent_state"])
    old = read(_old(clinic, DERMA, f"full {DERMA}")["skin_analyses"])
    assert state.first("skin_analyses") == old


@both_tables
def test_flags_are_true_false_or_null(clinic: Clinic, table: str) -> None:
    flags = [column for column in ADDED[table] if column in FLAGS]
    assert flags
    for name, value in (("yes", True), ("no", False), ("nothing", None)):
        state = _state(clinic, f"{name} {table}")
        assert all(state[column] is value for column in flags), name


@both_tables
def test_text_of_every_kind_arrives_in_json_word_for_word(clinic: Clinic, table: str) -> None:
    assert _state(clinic, f"texts {table}")["symptoms"] == list(cases.TEXTS[:-1])


@both_tables
def test_a_session_that_is_there_already_stays_as_it_is_and_is_counted(clinic: Clinic, table: str) -> None:
    name = f"there {table}"
    (was,) = [row for row in clinic.before["sessions"] if row["id"] == name]
    assert _session(clinic, name) == was


def test_an_id_of_both_old_tables_becomes_the_first_ones_session_and_the_other_counts_as_there(clinic: Clinic) -> None:
    assert _session(clinic, "both")["agent_type"] == AGENTS[DERMA]
    assert _state(clinic, "both")["migrated_from"] == DERMA
    already = [_measures(clinic, step)["already_there"] for step in (0, 1)]
    assert already == [1, 2]  # `there derma_sessions`; `there diagnosis_sessions` and `both`


def test_every_old_session_is_in_sessions_and_none_but_these_came(clinic: Clinic) -> None:
    old = {row["id"] for table in OLD for row in clinic.before[table]}
    was = {row["id"] for row in clinic.before["sessions"]}
    assert {row["id"] for row in clinic.after["sessions"]} == old | was


def test_the_old_tables_keep_every_row_and_the_users_stay(clinic: Clinic) -> None:
    for table in ("users", *OLD):
        assert clinic.after[table] == clinic.before[table]


def _measures(clinic: Clinic, step: int) -> dict[str, Any]:
    return {m.name: m.value for m in clinic.report.steps[step].measurements}
