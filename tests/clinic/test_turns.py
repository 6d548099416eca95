"""Step by step: up to one, one by itself, the waits between them, and what a second run does."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.clinic import cases, legacy, model
from tests.clinic.data import DERMA, DIAGNOSIS, OLD, SERIES, Rows, derma, diagnosis, message, session, user
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

Probes = Callable[[str], Probe]


def _rows() -> Rows:
    return {
        "users": [user()],
        "sessions": [session("there")],
        "messages": [message("there", "好的")],
        DERMA: [derma("d-1", cases.said(*cases.TALK)), derma("there", cases.said(cases.OK, cases.OK))],
        DIAGNOSIS: [diagnosis("g-1", cases.said(*cases.TALK)), diagnosis("d-1", cases.said(cases.OK))],
    }


@pytest.fixture
def built(database_url: str) -> str:
    legacy.build(database_url, _rows())
    return database_url


def test_to_1_brings_the_derma_sessions_and_nothing_else(built: str) -> None:
    report = legacy.migrate(built, to=1)
    found = legacy.look(built)
    assert [step.title for step in report.steps] == ["0001_migrate_derma_sessions"]
    assert [row["id"] for row in found["sessions"]] == ["d-1", "there"]
    assert [row["content"] for row in found["messages"]] == ["好的"]


def test_to_2_brings_the_diagnosis_sessions_too(built: str) -> None:
    report = legacy.migrate(built, to=2)
    assert [step.title for step in report.steps] == ["0001_migrate_derma_sessions", "0002_migrate_diagnosis_sessions"]
    assert [row["id"] for row in legacy.look(built)["sessions"]] == ["d-1", "g-1", "there"]


def test_only_2_brings_the_diagnosis_sessions_alone(built: str) -> None:
    report = legacy.migrate(built, only=2)
    assert [step.title for step in report.steps] == ["0002_migrate_diagnosis_sessions"]
    assert legacy.state(built, "d-1")["migrated_from"] == DIAGNOSIS
    assert [row["id"] for row in legacy.look(built)["sessions"]] == ["d-1", "g-1", "there"]


def test_only_3_after_the_sessions_is_the_same_as_all_at_once(built: str) -> None:
    before = legacy.look(built)
    legacy.migrate(built, to=2)
    report = legacy.migrate(built, only=3)
    assert [step.title for step in report.steps] == ["0003_migrate_messages"]
    expected = model.migrate(before)
    assert model.arrived(before, legacy.look(built)) == (expected.sessions, expected.messages)


def test_each_by_itself_is_the_same_as_all_at_once(built: str) -> None:
    before = legacy.look(built)
    for version in (1, 2, 3):
        legacy.migrate(built, only=version)
    expected = model.migrate(before)
    assert model.arrived(before, legacy.look(built)) == (expected.sessions, expected.messages)


def test_the_command_takes_to_1_and_only_3(built: str, cli: Cli) -> None:
    place = ("--database", built, "--dir", SERIES, "--no-backup")
    for option in (("--to", "1"), ("--only", "2"), ("--only", "3")):
        done = cli("migrate", *option, *place)
        assert done.returncode == 0, done.stderr
    assert legacy.statuses(built) == dict.fromkeys((1, 2, 3), "success")
    assert len(legacy.messages(built, "g-1")) == len(cases.TALK)


def test_4_and_5_are_held_for_seven_days_each(built: str) -> None:
    report = legacy.migrate(built)
    assert [step.version for step in report.steps] == [1, 2, 3]
    assert [(held.version, held.wait) for held in report.held] == [
        (4, "7 days after 3"),
        (5, "7 days after 4"),
    ]
    assert legacy.old_tables(built) == set(OLD)


def test_4_gives_the_old_tables_their_new_names_with_every_row(built: str) -> None:
    before = legacy.look(built)
    legacy.migrate(built, to=4, ignore_wait=True)
    after = legacy.look(built)
    assert legacy.old_tables(built) == {"derma_sessions_deprecated", "diagnosis_sessions_deprecated"}
    assert {table: after[table] for table in OLD} == {table: before[table] for table in OLD}


def test_a_second_run_inserts_nothing(built: str, probe: Probes) -> None:
    legacy.migrate(built)
    before = probe(built).snapshot()
    assert legacy.migrate(built).applied == 0
    assert probe(built).snapshot() == before


def test_the_steps_run_again_insert_nothing_as_the_kth_of_a_kind_is_there(built: str, probe: Probes) -> None:
    legacy.migrate(built)
    before = legacy.look(built)
    probe(built).execute("DELETE FROM schema_migrations")
    assert legacy.migrate(built).applied == 3
    assert legacy.look(built) == before


def test_sequences_stand_behind_no_id_after_the_merge_so_the_next_message_is_taken(built: str, probe: Probes) -> None:
    legacy.migrate(built)
    database = probe(built)
    highest = database.value("SELECT max(id) FROM messages")
    database.execute("INSERT INTO messages (session_id, sender, content) VALUES ('d-1', 'user', 'next')")
    assert database.value("SELECT id FROM messages WHERE content = 'next'") > highest


def test_ids_that_were_written_by_hand_do_not_hinder_it(built: str, probe: Probes) -> None:
    """On PostgreSQL the sequence then stands behind the ids, and would give one of them again."""
    probe(built).execute(
        "INSERT INTO messages (id, session_id, sender, content) VALUES (2, 'there', 'user', 'by hand'),"
        " (5, 'there', 'user', 'by hand too')"
    )
    before = legacy.look(built)
    expected = model.migrate(before)
    legacy.migrate(built)
    assert model.arrived(before, legacy.look(built)) == (expected.sessions, expected.messages)
    probe(built).execute("INSERT INTO messages (session_id, sender, content) VALUES ('d-1', 'user', 'next')")


def test_empty_tables_migrate_to_empty_tables(database_url: str) -> None:
    legacy.build(database_url, {})
    legacy.migrate(database_url, ignore_wait=True)
    assert not any(legacy.look(database_url).values())
    assert legacy.old_tables(database_url) == set()
    assert set(legacy.statuses(database_url).values()) == {"success"}


def test_verify_holds_afterwards_and_after_the_application_went_on(built: str, probe: Probes, cli: Cli) -> None:
    legacy.migrate(built)
    probe(built).execute("UPDATE sessions SET last_message = 'And now?', status = 'completed' WHERE id = 'd-1'")
    probe(built).execute("INSERT INTO messages (session_id, sender, content) VALUES ('d-1', 'user', 'Better.')")
    done = cli("verify", "--database", built, "--dir", SERIES, "--json")
    assert done.returncode == 0, done.stdout
    checks = [check for step in json.loads(done.stdout)["steps"] for check in step["checks"]]
    assert {check["outcome"] for check in checks} <= {"passed", "warned", "not re-runnable"}
    assert any(check["outcome"] == "passed" for check in checks)


@pytest.mark.parametrize("version", [4, 5])
def test_verify_holds_after_the_old_tables_have_gone_from_their_names(built: str, version: int) -> None:
    legacy.migrate(built, to=version, ignore_wait=True)
    findings = [found for step in legacy.verify(built).steps for found in step.findings]
    assert [f"{found.name}: {found.found}" for found in findings if found.outcome == "failed"] == []
    assert any(found.outcome == "passed" for found in findings)


def test_verify_is_exact_where_the_old_one_let_a_tenth_be_missing(built: str, probe: Probes, cli: Cli) -> None:
    legacy.migrate(built)
    database = probe(built)
    database.execute("DELETE FROM messages WHERE id = (SELECT max(id) FROM messages)")
    assert database.value("SELECT count(*) FROM messages") >= 14  # one is less than a tenth
    done = cli("verify", "--database", built, "--dir", SERIES)
    assert done.returncode == 3, done.stdout
