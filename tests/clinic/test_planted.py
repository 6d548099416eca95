"""Verification is exact: a step that does one thing wrong in one row is found out, and leaves nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, ensure_migrations
from tests.clinic import cases, legacy
from tests.clinic.data import DERMA, DIAGNOSIS, SERIES, Rows, derma, diagnosis, message, session, user
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

_LAST = "WHERE id = (SELECT max(id) FROM messages)"
_MISTAKES = {
    1: (
        "UPDATE sessions SET user_id = 2 WHERE id = 'd-1'",
        "UPDATE sessions SET doctor_id = 7 WHERE id = 'd-1'",
        "UPDATE sessions SET agent_type = 'general' WHERE id = 'd-1'",
        "UPDATE sessions SET status = 'completed' WHERE id = 'd-1'",
        "UPDATE sessions SET last_message = 'other' WHERE id = 'd-1'",
        "UPDATE sessions SET created_at = CURRENT_TIMESTAMP WHERE id = 'd-1'",
        "UPDATE sessions SET updated_at = NULL WHERE id = 'd-1'",
        "UPDATE sessions SET agent_state = '{}' WHERE id = 'd-1'",
        "UPDATE sessions SET agent_state = NULL WHERE id = 'd-1'",
        "UPDATE sessions SET id = 'D-1' WHERE id = 'd-1'",
        "UPDATE sessions SET last_message = 'other' WHERE id = 'there'",
        "UPDATE sessions SET agent_state = NULL WHERE id = 'there'",
    ),
    2: (
        "UPDATE sessions SET agent_type = 'dermatology' WHERE id = 'g-1'",
        "UPDATE sessions SET agent_state = '{}' WHERE id = 'g-1'",
        "UPDATE sessions SET created_at = CURRENT_TIMESTAMP WHERE id = 'g-1'",
    ),
    3: (
        f"UPDATE messages SET content = content || '.' {_LAST}",
        f"UPDATE messages SET sender = CASE sender WHEN 'ai' THEN 'user' ELSE 'ai' END {_LAST}",
        f"UPDATE messages SET created_at = CURRENT_TIMESTAMP {_LAST}",
        f"UPDATE messages SET message_type = 'report' {_LAST}",
        f"UPDATE messages SET structured_data = NULL {_LAST}",
        f"UPDATE messages SET session_id = 'alone' {_LAST}",
        "UPDATE messages SET content = 'other' WHERE session_id = 'there' AND content = '好的'",
        "INSERT INTO messages (session_id, sender, content, message_type, structured_data, created_at) "
        f"SELECT session_id, sender, content, message_type, structured_data, created_at FROM messages {_LAST}",
    ),
}


@pytest.mark.parametrize(("version", "mistake"), [(v, mistake) for v in _MISTAKES for mistake in _MISTAKES[v]])
def test_a_mistake_in_one_row_is_found_out(database_url: str, tmp_path: Path, version: int, mistake: str) -> None:
    legacy.build(database_url, _rows())
    _hold_found_out(database_url, _planted(database_url, tmp_path, version, f";\n{mistake};\n\nCOMMIT;"), version)


def test_one_message_missing_is_found_out_where_the_old_verification_let_a_tenth_go(
    database_url: str, tmp_path: Path
) -> None:
    legacy.build(database_url, _rows())
    series = _planted(database_url, tmp_path, 3, "\nLIMIT 1000 OFFSET 1;\n\nCOMMIT;")
    assert "1 row missing" in _hold_found_out(database_url, series, 3)


def test_a_copy_without_a_mistake_runs(database_url: str, tmp_path: Path) -> None:
    legacy.build(database_url, _rows())
    report = ensure_migrations(database_url, _planted(database_url, tmp_path, 3, ";\n\nCOMMIT;"), backup="never")
    assert report.applied == 3


def _rows() -> Rows:
    return {
        "users": [user(1), user(2)],
        "sessions": [session("there"), session("alone")],
        "messages": [message("there", "好的")],
        DERMA: [derma("d-1", cases.said(*cases.TALK, *cases.TALK)), derma("there", cases.said(cases.OK))],
        DIAGNOSIS: [diagnosis("g-1", cases.said(*cases.TALK))],
    }


def _planted(url: str, folder: Path, version: int, end: str) -> Path:
    """Copy the series, and let one step end otherwise."""
    series = folder / "sql" / "clinic_sessions"
    shutil.copytree(SERIES, series)
    (path,) = [p for p in (series / legacy.dialect_of(url)).glob(f"000{version}_*.sql") if p.suffixes == [".sql"]]
    text = path.read_text(encoding="utf-8")
    assert text.count(";\n\nCOMMIT;") == 1
    path.write_text(text.replace(";\n\nCOMMIT;", end), encoding="utf-8")
    return series


def _hold_found_out(url: str, series: Path, version: int) -> str:
    """Hold that the step fails and nothing of it stays; return what is said."""
    if version > 1:
        ensure_migrations(url, series, to=version - 1, backup="never")
    before = legacy.look(url)
    with pytest.raises(CheckError) as failure:
        ensure_migrations(url, series, backup="never")
    assert f"nothing of 000{version}_" in str(failure.value)
    assert legacy.look(url) == before
    return str(failure.value)
