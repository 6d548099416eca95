"""The verify files notice: each file is given a fault here, and the check that is there for it stops it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError
from tests.fixtures.probe import Probe
from tests.learning import legacy
from tests.learning.legacy import message, session

Probes = Callable[[str], Probe]


def _changed(tmp_path: Path, version: int, ending: str, old: str, new: str) -> Path:
    """Return a copy of the series in which a file says something else."""
    directory = tmp_path / "learning_sessions"
    shutil.copytree(legacy.SERIES, directory)
    path = directory / "postgres" / f"{legacy.TITLES[version - 1]}{ending}"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return directory


@pytest.fixture
def standing(postgres_url: str) -> str:
    legacy.build(
        postgres_url,
        [session("s-1"), session("s-2", updated_at="2026-02-01 08:00:00")],
        [message("m-1", role="user"), message("m-2", role="ASSISTANT"), message("m-3", "s-2", "System")],
    )
    return postgres_url


THERE = {
    "a label forgotten": (1, "('LEARNING', 'COPILOT', 'QA')", "('LEARNING', 'QA')", "every enum has its labels"),
    "another default": (2, "DEFAULT 'TUTOR'", "DEFAULT 'QA'", "the new columns have their types and defaults"),
    "no default": (
        2,
        "ALTER COLUMN last_activity_at SET DEFAULT CURRENT_TIMESTAMP",
        "ALTER COLUMN last_activity_at DROP DEFAULT",
        "the new columns have their types and defaults",
    ),
    "another type": (2, "TIMESTAMP(3);", "TIMESTAMP(6);", "the new columns have their types and defaults"),
    "message_count renamed": (
        2,
        "ALTER COLUMN last_activity_at SET DEFAULT CURRENT_TIMESTAMP;",
        "ALTER COLUMN last_activity_at SET DEFAULT CURRENT_TIMESTAMP;\n"
        "ALTER TABLE learning_sessions RENAME message_count TO messages;",
        "every column that was there, message_count among them, is as it was",
    ),
    "the old script's now()": (
        2,
        "last_activity_at TIMESTAMP(3);",
        "last_activity_at TIMESTAMP(3) DEFAULT now();",
        "no session that stood already has got the moment of the migration as its last activity",
    ),
    "a table written anew": (2, "DEFAULT '{}'", "DEFAULT to_jsonb(random())", "no table was written anew"),
    "a session forgotten": (
        3,
        "AND last_activity_at IS NULL",
        "AND last_activity_at IS NULL AND id <> 's-2'",
        "every session has a type, a status, a mode and a last activity",
    ),
    "an index the other way round": (
        4,
        "last_activity_at DESC",
        "last_activity_at",
        "the new indexes are there, valid and as written",
    ),
    "the old index kept": (
        4,
        "DROP INDEX CONCURRENTLY IF EXISTS learning_sessions_user_id_updated_at_idx;",
        "",
        "the index on (user_id, updated_at) is gone",
    ),
    "a role lost by USING": (
        5,
        'CAST(upper(role COLLATE "C") AS "MessageRole")',
        """CAST(CASE WHEN role = 'ASSISTANT' THEN role ELSE 'USER' END AS "MessageRole")""",
        "as many messages of each role as before",
    ),
    "two roles swapped by USING": (
        5,
        'CAST(upper(role COLLATE "C") AS "MessageRole")',
        """CAST(CASE id WHEN 'm-1' THEN 'ASSISTANT' WHEN 'm-2' THEN 'USER' ELSE upper(role) END AS "MessageRole")""",
        "every message is what it was, but for the case of its role",
    ),
}


@pytest.mark.parametrize(("version", "old", "new", "name"), THERE.values(), ids=THERE.keys())
def test_a_fault_in_a_step_is_noticed_and_the_step_does_not_stand(
    standing: str, probe: Probes, tmp_path: Path, version: int, old: str, new: str, name: str
) -> None:
    directory = _changed(tmp_path, version, ".sql", old, new)
    if version > 1:
        legacy.carry_out(standing, to=version - 1)
    database = probe(standing)
    before = database.snapshot()
    with pytest.raises(CheckError) as noticed:
        legacy.carry_out(standing, to=version, directory=directory)
    assert f": check failed: {name}\n" in str(noticed.value)
    statuses = database.rows(f"SELECT status FROM schema_migrations WHERE version = {version}")
    assert statuses == ([("failed",)] if version in (3, 4) else [])
    if version not in (3, 4):  # which are several commits, and go on once their files are mended
        assert database.snapshot() == before


BACK = {
    "a type forgotten": (1, 'DROP TYPE "ModeType"', "NULL", "none of the types that the migration has made is left"),
    "a column forgotten": (2, "DROP COLUMN status,\n", "", "the new columns are gone"),
    "another column renamed": (
        2,
        "ALTER TABLE learning_messages\nDROP COLUMN metadata;",
        "ALTER TABLE learning_messages\nDROP COLUMN metadata;\nALTER TABLE learning_messages RENAME content TO words;",
        "every other column is as it was",
    ),
    "last activities of their own taken too": (
        3,
        "WHERE last_activity_at = updated_at",
        "",
        "what is not updated_at stays, and what is taken out is updated_at",
    ),
    "a last activity forgotten": (
        3,
        "WHERE last_activity_at = updated_at",
        "WHERE last_activity_at = updated_at AND id <> 's-1'",
        "no last activity is left that is only updated_at",
    ),
    "the old index the other way round": (
        4,
        "(user_id, updated_at DESC)",
        "(user_id, updated_at)",
        "the index on (user_id, updated_at) is there again, valid",
    ),
    "a new index kept": (
        4,
        "DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_user_type_status;",
        "",
        "the new indexes are gone",
    ),
    "a role lost on the way back": (
        5,
        "SET role = kept.role",
        "SET role = 'user'",
        "every message is what it was, but for the case of its role",
    ),
    "another type on the way back": (
        5,
        "ALTER COLUMN role TYPE VARCHAR(20)",
        "ALTER COLUMN role TYPE VARCHAR(40)",
        "role is a varchar(20) again",
    ),
}


@pytest.mark.parametrize(("version", "old", "new", "name"), BACK.values(), ids=BACK.keys())
def test_a_fault_in_a_way_back_is_noticed_and_the_step_goes_on_to_stand(
    standing: str, probe: Probes, tmp_path: Path, version: int, old: str, new: str, name: str
) -> None:
    directory = _changed(tmp_path, version, ".rollback.sql", old, new)
    legacy.carry_out(standing, to=version)
    database = probe(standing)
    if version == 3:
        database.execute("UPDATE learning_sessions SET last_activity_at = '2030-01-01' WHERE id = 's-2'")
    before = database.snapshot()
    with pytest.raises(CheckError) as noticed:
        legacy.take_back(standing, directory=directory)
    assert f": check failed: {name}\n" in str(noticed.value)
    status = database.value(f"SELECT status FROM schema_migrations WHERE version = {version}")
    assert status == ("failed" if version == 4 else "success")
    if version != 4:
        assert database.snapshot() == before
