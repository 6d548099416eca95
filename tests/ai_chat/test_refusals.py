"""Without users, its key or the right to make tables no step starts; a table that is not as it is meant is undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError
from tests.ai_chat import system
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.run.doing import verify

Probes = Callable[[str], Probe]
pytestmark = pytest.mark.postgres


def _stopped(url: str, probe: Probe, step: str, folder: Path = system.SERIES, to: int | None = None) -> list[str]:
    """Hold that a step fails and leaves nothing; return the message's lines."""
    with pytest.raises(CheckError) as caught:
        system.migrate(url, folder, to=to)
    lines = str(caught.value).replace(f"{folder}/postgres/", "").splitlines()
    assert any(line.endswith(f"nothing of {step} stays.") for line in lines), lines
    assert step.partition("create_")[2] not in probe.tables()
    return lines


def _heads(lines: list[str]) -> list[str]:
    return [line.partition(": ")[2] for line in lines if line.startswith("000")]


def test_without_users_it_does_not_start(postgres_url: str, probe: Probes) -> None:
    before = probe(postgres_url).snapshot()
    lines = _stopped(postgres_url, probe(postgres_url), "0001_create_chat_sessions")
    assert lines[:2] == [
        "0001_create_chat_sessions.verify.sql:3: require failed: users table exists",
        "    expected 1, found 0",
    ]
    assert len(_heads(lines)) == 1
    assert probe(postgres_url).snapshot() == before


@pytest.mark.parametrize(
    ("users", "failed", "found"),
    [
        ("CREATE VIEW users AS SELECT 1 AS id", "users table exists", "found 0"),
        ("CREATE TABLE users (id INTEGER)", "users has its primary key on id", "users       NULL"),
        ("CREATE TABLE users (id INTEGER UNIQUE)", "users has its primary key on id", "users       NULL"),
        ("CREATE TABLE users (uid INTEGER PRIMARY KEY)", "users has its primary key on id", "PRIMARY KEY (uid)"),
        ("CREATE TABLE users (id INTEGER, a INT, PRIMARY KEY (id, a))", "users has its primary key on id", "(id, a)"),
    ],
)
def test_what_is_no_users_table_with_its_key_stops_it(
    postgres_url: str, probe: Probes, users: str, failed: str, found: str
) -> None:
    probe(postgres_url).execute(users)
    lines = _stopped(postgres_url, probe(postgres_url), "0001_create_chat_sessions")
    assert f"require failed: {failed}" in _heads(lines)
    assert any(found in line for line in lines)


def test_a_role_that_may_not_make_tables_or_refer_to_users_is_told_so(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes
) -> None:
    system.build(postgres_url)
    role = postgres_server.new_role()
    system.migrate(postgres_url, to=1)  # which makes the ledger; the role could not
    probe(postgres_url).execute(
        "DROP TABLE chat_sessions; DELETE FROM schema_migrations; REVOKE ALL ON SCHEMA public FROM PUBLIC;"
        f'GRANT USAGE ON SCHEMA public TO "{role}"; GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}";'
        f'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "{role}"; REVOKE REFERENCES ON users FROM "{role}"'
    )
    with pytest.raises(CheckError) as caught:
        system.migrate(postgres_server.url(postgres_url, user=role))
    assert _heads(str(caught.value).replace(f"{system.SERIES}/postgres/", "").splitlines()) == [
        "require failed: the role may refer to users",
        "require failed: the role may create tables in the schema",
    ]
    assert probe(postgres_url).tables() == {"users", "schema_migrations", "schema_migrations_log"}


@pytest.mark.parametrize(
    ("taken", "step", "name"),
    [
        ("CREATE TABLE chat_sessions (x INTEGER)", 1, "chat_sessions"),
        ("CREATE VIEW chat_messages AS SELECT 1 AS x", 2, "chat_messages"),
        ("CREATE SEQUENCE work_flow_states_id_seq", 3, "work_flow_states_id_seq"),
        ("CREATE INDEX idx_chat_messages_role ON users (email)", 2, "idx_chat_messages_role"),
    ],
)
def test_a_name_that_is_taken_is_named(postgres_url: str, probe: Probes, taken: str, step: int, name: str) -> None:
    system.build(postgres_url, more=taken)
    before = probe(postgres_url).snapshot()
    with pytest.raises(CheckError) as caught:
        system.migrate(postgres_url)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("require failed: the names of the table and of all that belongs to it are free")
    assert lines[3].split()[0] == name
    assert len(caught.value.report.steps) == step  # type: ignore[union-attr]
    system.roll_back(postgres_url)
    assert probe(postgres_url).snapshot() == before


COLUMNS = "the columns have their types and defaults, in their order"
CONSTRAINTS = "every constraint is there, as it is meant, and valid"
INDEXES = "every index is there, on its column, and valid"


@pytest.mark.parametrize(
    ("step", "old", "new", "failed"),
    [
        (1, "work_id     VARCHAR(50)", "work_id     VARCHAR(60)", COLUMNS),
        (1, "work_id     VARCHAR(50) NOT NULL", "work_id     VARCHAR(50)", COLUMNS),
        (1, "DEFAULT 'active'", "DEFAULT 'archived'", COLUMNS),
        (1, "created_at  TIMESTAMPTZ", "created_at  TIMESTAMP", COLUMNS),
        (1, "'code', 'writing'", "'code', 'writing', 'other'", CONSTRAINTS),
        (1, "ON DELETE CASCADE", "ON DELETE SET NULL", CONSTRAINTS),
        (1, "(100) UNIQUE NOT NULL", "(100) NOT NULL", CONSTRAINTS),
        (1, "ON chat_sessions (status)", "ON chat_sessions (status) WHERE status = 'active'", INDEXES),
        (2, "ON DELETE CASCADE", "ON DELETE RESTRICT", CONSTRAINTS),
        (2, "'user', 'assistant'", "'User', 'assistant'", CONSTRAINTS),
        (2, "CREATE INDEX idx_chat_messages_role ON chat_messages (role);", "", INDEXES),
        (2, "metadata     JSONB", "metadata     JSON", COLUMNS),
        (3, "CONSTRAINT chk_current_state CHECK", "CONSTRAINT chk_state CHECK", CONSTRAINTS),
        (3, "id                SERIAL PRIMARY", "id                INTEGER PRIMARY", COLUMNS),
    ],
)
def test_a_table_that_is_not_as_it_is_meant_is_found_by_the_catalogue_and_taken_back(
    postgres_url: str, probe: Probes, tmp_path: Path, step: int, old: str, new: str, failed: str
) -> None:
    system.build(postgres_url)
    folder = system.another(tmp_path, system.TITLES[step - 1], old, new)
    lines = _stopped(postgres_url, probe(postgres_url), system.TITLES[step - 1], folder)
    assert f"check failed: {failed}" in _heads(lines)


def test_verify_finds_a_constraint_a_trigger_and_an_index_that_went_later(postgres_url: str, probe: Probes) -> None:
    system.build(postgres_url)
    system.migrate(postgres_url)
    assert _verified(postgres_url) == []
    probe(postgres_url).execute(
        "ALTER TABLE chat_sessions DROP CONSTRAINT chk_status; ALTER TABLE chat_messages DISABLE TRIGGER ALL;"
        "DROP INDEX idx_work_flow_states_work_id; ALTER TABLE chat_sessions ADD COLUMN colour TEXT"
    )
    assert _verified(postgres_url) == [CONSTRAINTS, "the foreign key's triggers are switched on", INDEXES]


def _verified(url: str) -> list[str]:
    """Return the checks that do not hold now."""
    report = verify(url, system.SERIES)
    return [check.name for step in report.steps for check in step.checks if check.outcome == "failed"]
