"""What has to stop the merge: it is named, and the database then holds what it held before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError, SessmigError
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import data, legacy
from tests.webui.legacy import NOON, chat_message, chat_session, old_message, old_session

Probes = Callable[[str], Probe]
LATER = "2026-01-06 12:00:00+00:00"


def _refused(url: str, database: Probe, error: type[SessmigError] = CheckError) -> str:
    """Migrate, hold that the merge changed nothing, and return the message."""
    legacy.migrate_to_start(url)
    before = database.snapshot()
    with pytest.raises(error) as refusal:
        legacy.migrate(url)
    after = database.snapshot()
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])
    ledger = "SELECT count(*) FROM schema_migrations WHERE migration_id = 'merge_webui_sessions'"
    assert database.value(ledger) == 0
    log = "SELECT outcome FROM schema_migrations_log WHERE migration_id = 'merge_webui_sessions' AND action = 'apply'"
    assert database.rows(log) == [("failed",)]
    return str(refusal.value)


_CLASHES = [
    ({"content": "Other words"}, "content"),
    ({"role": "assistant"}, "role"),
    ({"created_at": LATER}, "created_at"),
    ({"session_id": "s-2"}, "session_id"),
    ({"content": "hello"}, "content"),
    ({"content": "Hello "}, "content"),
]


@pytest.mark.parametrize(("other", "differs_in"), _CLASHES)
def test_a_message_id_with_other_content_stops_the_step(
    database_url: str, probe: Probes, other: dict[str, Any], differs_in: str
) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-1"), chat_session("s-2")],
        chat_messages=[chat_message("clash-1", **other)],
        webui_sessions=[old_session("s-1"), old_session("s-3")],
        webui_messages=[old_message("clash-1"), old_message("m-2"), old_message("m-3", "s-3")],
    )
    message = _refused(database_url, probe(database_url))
    lines = message.splitlines()
    assert lines[0].endswith("merge failed: webui_messages into chat_messages")
    assert lines[1].strip() == "1 key stands in the target already, with other values"
    assert lines[2].split() == ["message_id", "differs_in", "in_source", "in_target"]
    assert lines[3].split()[:2] == ["clash-1", differs_in]
    assert "nothing of 0034_merge_webui_sessions stays" in message


def test_a_message_that_stands_with_no_time_is_another_one(database_url: str, probe: Probes) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session()],
        chat_messages=[chat_message(created_at=None)],
        webui_messages=[old_message()],
    )
    assert "m-1         created_at" in _refused(database_url, probe(database_url))


def test_a_clash_ends_the_command_with_3(database_url: str, probe: Probes, cli: Cli) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session()],
        chat_messages=[chat_message(content="Other words")],
        webui_messages=[old_message()],
    )
    before = probe(database_url).snapshot()["rows"]
    done = cli("migrate", "--database", database_url, "--dir", data.SERIES)
    assert done.returncode == 3
    assert "merge failed: webui_messages into chat_messages" in done.stderr
    assert "1 key stands in the target already, with other values" in done.stderr
    assert "m-1" in done.stderr
    assert probe(database_url).snapshot()["rows"] == before


@pytest.mark.parametrize("role", ["human", "User", "user ", ""])
def test_a_role_that_chat_messages_does_not_know_stops_the_step(database_url: str, probe: Probes, role: str) -> None:
    legacy.build(
        database_url,
        webui_sessions=[old_session()],
        webui_messages=[old_message("m-1"), old_message("m-2", role=role), old_message("m-3", role=role)],
    )
    message = _refused(database_url, probe(database_url))
    assert "require failed: chat_messages knows the role of every message" in message
    assert "unknown_role  messages  first_message" in message
    seen = role if role.strip() and role == role.strip() else repr(role)  # what is hard to see stands in quotes
    assert message.splitlines()[3].split() == [*seen.split(), "2", "m-2"]


def test_a_row_without_an_id_stops_the_step(sqlite_url: str, probe: Probes) -> None:
    legacy.build(
        sqlite_url,
        webui_sessions=[old_session(None, "ada"), old_session()],
        webui_messages=[old_message(None), old_message()],
    )
    message = _refused(sqlite_url, probe(sqlite_url))
    lines = [line.strip() for line in message.splitlines()]
    assert lines[0].endswith("merge failed: webui_sessions into chat_sessions")
    assert lines[4].endswith("merge failed: webui_messages into chat_messages")
    assert lines[1] == lines[5] == "1 row of the source without a key (NULL)"
    assert lines[3].split()[:2] == ["NULL", NOON.split()[0]]
    assert lines[7].split()[:4] == ["NULL", "s-1", "user", "Hello"]


@pytest.mark.parametrize("moment", ["1767225600.50", "00123", "1e3", "1767225600.1234567"])
def test_a_time_that_the_column_would_turn_into_another_number_stops_the_step(
    sqlite_url: str, probe: Probes, moment: str
) -> None:
    legacy.build(
        sqlite_url,
        webui_sessions=[old_session("s-1", updated_at=moment), old_session("s-2")],
        webui_messages=[old_message("m-1", "s-2", created_at=moment)],
    )
    message = _refused(sqlite_url, probe(sqlite_url))
    assert "check failed: every migrated session has its times, its title and no task" in message
    assert "merge failed: webui_messages into chat_messages\n    1 row in the target with other values" in message
    assert moment in message


@pytest.mark.parametrize(
    "table", ["webui_sessions", "webui_messages", "chat_sessions", "chat_messages", "schema_version"]
)
def test_a_table_that_is_not_there_is_named(database_url: str, probe: Probes, table: str) -> None:
    legacy.build(database_url)
    legacy.migrate_to_start(database_url)
    probe(database_url).execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    message = _refused(database_url, probe(database_url))
    assert "require failed: the tables of both sides exist" in message
    assert message.splitlines()[3].strip() == table


@pytest.mark.parametrize("table", ["webui_sessions_legacy", "webui_messages_legacy"])
def test_a_legacy_name_that_is_taken_is_named(database_url: str, probe: Probes, table: str) -> None:
    legacy.build(database_url, webui_sessions=[old_session()])
    probe(database_url).execute(f"CREATE TABLE {table} (held TEXT)")
    probe(database_url).execute(f"INSERT INTO {table} VALUES ('from an earlier attempt')")
    message = _refused(database_url, probe(database_url))
    assert "require failed: the names that the old tables are to take are free" in message
    assert table in message


def test_schema_version_that_says_0_34_0_already_stops_the_step(database_url: str, probe: Probes) -> None:
    legacy.build(database_url, webui_sessions=[old_session()])
    probe(database_url).execute(f"INSERT INTO schema_version VALUES ('0.34.0', '{NOON}')")
    assert "require failed: schema_version does not say 0.34.0 yet" in _refused(database_url, probe(database_url))


def test_all_that_is_required_is_said_at_once(database_url: str, probe: Probes) -> None:
    legacy.build(database_url, webui_messages=[old_message(), old_message("m-2", role="robot")])
    probe(database_url).execute("CREATE TABLE webui_messages_legacy (held TEXT)")
    message = _refused(database_url, probe(database_url))
    assert "the names that the old tables are to take are free" in message
    assert "chat_messages knows the role of every message" in message


def test_both_accounts_are_shown_where_neither_holds(sqlite_url: str, probe: Probes) -> None:
    legacy.build(
        sqlite_url,
        chat_sessions=[chat_session()],
        chat_messages=[chat_message(content="Other words")],
        webui_sessions=[old_session(None)],
        webui_messages=[old_message()],
    )
    message = _refused(sqlite_url, probe(sqlite_url))
    assert "merge failed: webui_sessions into chat_sessions" in message
    assert "merge failed: webui_messages into chat_messages" in message


_LOSSES = {
    "a message is lost on its way": (
        "chat_messages",
        "message_id = 'm-2'",
        "merge failed: webui_messages into chat_messages\n    1 row missing in the target",
    ),
    "a session is lost on its way": (
        "chat_sessions",
        "session_id = 's-2'",
        "merge failed: webui_sessions into chat_sessions\n    1 row missing in the target",
    ),
    "a row from before goes": ("chat_messages", "message_id = 'c-1'", "check failed: chat_messages has"),
}


@pytest.mark.parametrize("loss", _LOSSES)
def test_a_row_that_is_lost_on_its_way_undoes_the_step(sqlite_url: str, probe: Probes, loss: str) -> None:
    """A trigger plays what a wrong statement would do: it deletes a row as the others come."""
    table, which, said = _LOSSES[loss]
    legacy.build(
        sqlite_url,
        chat_sessions=[chat_session("s-0")],
        chat_messages=[chat_message("c-1", "s-0")],
        webui_sessions=[old_session("s-1"), old_session("s-2")],
        webui_messages=[old_message("m-1", "s-1"), old_message("m-2", "s-1")],
    )
    probe(sqlite_url).execute(
        f"CREATE TRIGGER spoil AFTER INSERT ON {table} BEGIN DELETE FROM {table} WHERE {which}; END"
    )
    assert said in _refused(sqlite_url, probe(sqlite_url))


def test_mended_rows_let_the_step_through(database_url: str, probe: Probes) -> None:
    legacy.build(database_url, webui_sessions=[old_session()], webui_messages=[old_message(role="human")])
    _refused(database_url, probe(database_url))
    probe(database_url).execute("UPDATE webui_messages SET role = 'user' WHERE role = 'human'")
    assert legacy.migrate(database_url).applied == 1
    assert legacy.look(database_url).message("m-1").role == "user"
