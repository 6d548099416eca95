"""The three tables are exactly those of the specification: each constraint refuses, each cascade cascades."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.ai_chat import system
from tests.fixtures import postgres
from tests.fixtures.postgres import PostgresServer

pytestmark = pytest.mark.postgres

SESSION = "session_id, work_id, system_type, created_by"
GOOD = "'s-9', 'w', 'brain', 107"
VARCHAR, STAMP = "character varying", "timestamp with time zone"
COLUMNS = {
    "chat_sessions": [
        ("id", "integer", None, "NO", "nextval('chat_sessions_id_seq'::regclass)"),
        ("session_id", VARCHAR, 100, "NO", None),
        ("work_id", VARCHAR, 50, "NO", None),
        ("system_type", VARCHAR, 20, "NO", None),
        ("title", VARCHAR, 200, "YES", None),
        ("status", VARCHAR, 20, "YES", "'active'::character varying"),
        ("created_at", STAMP, None, "YES", "now()"),
        ("updated_at", STAMP, None, "YES", "now()"),
        ("created_by", "integer", None, "NO", None),
    ],
    "chat_messages": [
        ("id", "integer", None, "NO", "nextval('chat_messages_id_seq'::regclass)"),
        ("session_id", VARCHAR, 100, "NO", None),
        ("role", VARCHAR, 20, "NO", None),
        ("content", "text", None, "NO", None),
        ("tool_calls", "jsonb", None, "YES", None),
        ("tool_results", "jsonb", None, "YES", None),
        ("metadata", "jsonb", None, "YES", None),
        ("created_at", STAMP, None, "YES", "now()"),
    ],
    "work_flow_states": [
        ("id", "integer", None, "NO", "nextval('work_flow_states_id_seq'::regclass)"),
        ("work_id", VARCHAR, 50, "NO", None),
        ("current_state", VARCHAR, 50, "NO", None),
        ("previous_state", VARCHAR, 50, "YES", None),
        ("state_data", "jsonb", None, "YES", None),
        ("transition_reason", "text", None, "YES", None),
        ("created_at", STAMP, None, "YES", "now()"),
    ],
}
INDEXES = {
    "chat_sessions": ["work_id", "system_type", "created_by", "status"],
    "chat_messages": ["session_id", "role", "created_at"],
    "work_flow_states": ["work_id", "current_state"],
}


@pytest.fixture(scope="module")
def migrated(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated database with a conversation in it."""
    url = postgres_server.new_database()
    system.build(url)
    system.migrate(url)
    with postgres.connect(url) as connection:
        connection.execute(system.CONVERSATION.encode())
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def asked(migrated: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose changes are rolled back."""
    with postgres.connect(migrated) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_are_those_of_the_specification(asked: psycopg.Connection[Any], table: str) -> None:
    query = (
        "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    )
    assert asked.execute(query, [table]).fetchall() == COLUMNS[table]


@pytest.mark.parametrize("table", INDEXES)
def test_the_indexes_are_those_of_the_specification(asked: psycopg.Connection[Any], table: str) -> None:
    found = asked.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s AND indexname LIKE 'idx%%'", [table])
    assert {definition for (definition,) in found} == {
        f"CREATE INDEX idx_{table}_{column} ON public.{table} USING btree ({column})" for column in INDEXES[table]
    }


def test_the_defaults_are_given(asked: psycopg.Connection[Any]) -> None:
    row = asked.execute(
        f"INSERT INTO chat_sessions ({SESSION}) VALUES ({GOOD}) "
        "RETURNING title, status, created_at = now(), updated_at = now(), id > 0"
    ).fetchone()
    assert row == (None, "active", True, True, True)


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("chk_system_type", f"INSERT INTO chat_sessions ({SESSION}) VALUES ('s', 'w', 'Brain', 107)"),
        ("chk_system_type", f"INSERT INTO chat_sessions ({SESSION}) VALUES ('s', 'w', '', 107)"),
        ("chk_status", f"INSERT INTO chat_sessions ({SESSION}, status) VALUES ({GOOD}, 'closed')"),
        ("chk_status", "UPDATE chat_sessions SET status = 'ACTIVE'"),
        ("chat_sessions_session_id_key", f"INSERT INTO chat_sessions ({SESSION}) VALUES ('s-1', 'w', 'code', 107)"),
        ("chat_sessions_pkey", f"INSERT INTO chat_sessions (id, {SESSION}) SELECT min(id), {GOOD} FROM chat_sessions"),
        ("chat_sessions_created_by_fkey", f"INSERT INTO chat_sessions ({SESSION}) VALUES ('s', 'w', 'code', 99)"),
        ("chk_role", "INSERT INTO chat_messages (session_id, role, content) VALUES ('s-1', 'User', '')"),
        ("chk_role", "INSERT INTO chat_messages (session_id, role, content) VALUES ('s-1', 'function', '')"),
        (
            "chat_messages_session_id_fkey",
            "INSERT INTO chat_messages (session_id, role, content) VALUES ('x', 'user', '')",
        ),
        ("chat_messages_session_id_fkey", "UPDATE chat_sessions SET session_id = 'other' WHERE session_id = 's-1'"),
        ("chat_messages_pkey", "UPDATE chat_messages SET id = 1"),
        ("chk_current_state", "INSERT INTO work_flow_states (work_id, current_state) VALUES ('w', 'created')"),
        ("chk_current_state", "INSERT INTO work_flow_states (work_id, current_state) VALUES ('w', 'DONE')"),
        ("work_flow_states_pkey", "UPDATE work_flow_states SET id = 1"),
    ],
)
def test_each_constraint_refuses_a_bad_value(asked: psycopg.Connection[Any], constraint: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        asked.execute(statement.encode())
    assert refused.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, name) for table, columns in COLUMNS.items() for name, _, _, nullable, _ in columns if nullable == "NO"],
)
def test_a_column_that_must_have_a_value_refuses_null(asked: psycopg.Connection[Any], table: str, column: str) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation) as refused:
        asked.execute(f"UPDATE {table} SET {column} = NULL".encode())
    assert refused.value.diag.column_name == column


@pytest.mark.parametrize(
    ("table", "column", "size"),
    [(table, name, size) for table, columns in COLUMNS.items() for name, _, size, _, _ in columns if size],
)
def test_a_text_that_is_too_long_is_refused_and_one_of_just_that_length_is_not(
    asked: psycopg.Connection[Any], table: str, column: str, size: int
) -> None:
    asked.execute("SAVEPOINT one")
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        asked.execute(f"UPDATE {table} SET {column} = repeat('🗺', {size + 1})".encode())
    asked.execute("ROLLBACK TO one")
    if column in ("session_id", "system_type", "status", "role", "current_state"):
        return  # what these may hold is said by constraints
    asked.execute(f"UPDATE {table} SET {column} = repeat('🗺', {size})".encode())


def test_every_value_that_is_named_is_taken(asked: psycopg.Connection[Any]) -> None:
    for kind in ("brain", "code", "writing"):
        asked.execute("UPDATE chat_sessions SET system_type = %s", [kind])
    for status in ("active", "archived", "deleted", None):
        asked.execute("UPDATE chat_sessions SET status = %s", [status])
    for role in ("user", "assistant", "system", "tool"):
        asked.execute("UPDATE chat_messages SET role = %s", [role])
    for state in system.STATES:
        asked.execute("UPDATE work_flow_states SET current_state = %s, previous_state = 'anything'", [state])


def test_a_user_who_is_deleted_takes_his_sessions_and_their_messages_along_and_no_others(
    asked: psycopg.Connection[Any],
) -> None:
    asked.execute("DELETE FROM users WHERE id = 107")
    assert asked.execute("SELECT session_id FROM chat_sessions").fetchall() == [("s-3",)]
    assert asked.execute("SELECT session_id FROM chat_messages").fetchall() == [("s-3",)]
    assert asked.execute("SELECT count(*) FROM work_flow_states").fetchone() == (2,)


def test_a_session_that_is_deleted_takes_its_messages_along_and_no_others(asked: psycopg.Connection[Any]) -> None:
    asked.execute("DELETE FROM chat_sessions WHERE session_id = 's-1'")
    assert asked.execute("SELECT session_id FROM chat_messages").fetchall() == [("s-3",)]
    assert asked.execute("SELECT count(*) FROM users").fetchone() == (2,)


def test_json_is_json(asked: psycopg.Connection[Any]) -> None:
    asked.execute(
        "UPDATE chat_messages SET tool_calls = '[1, null]', tool_results = 'null', metadata = '{\"a\": \"🗺\"}'"
    )
    row = asked.execute("SELECT tool_calls -> 1, tool_results, metadata ->> 'a' FROM chat_messages LIMIT 1").fetchone()
    assert row == (None, None, "🗺")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        asked.execute("UPDATE work_flow_states SET state_data = '{half'")
