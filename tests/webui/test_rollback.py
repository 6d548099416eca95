"""The way back: the database is what it was, and nothing that was written since is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError, reading, source
from tests.fixtures.probe import Probe
from tests.webui import legacy
from tests.webui.data import SERIES
from tests.webui.legacy import chat_message, chat_session, old_message, old_session
from tests.webui.nasty import nasty_rows

Probes = Callable[[str], Probe]


def _picture(database: Probe) -> tuple[Any, Any]:
    """Return schema and rows, without the quotation marks that SQLite sets around a name when it renames."""
    found = database.snapshot()
    schema = {
        kind: sorted(str(entry).replace('"', "").replace("'", "") for entry in entries)
        for kind, entries in found["schema"].items()
    }
    return schema, found["rows"]


def _there_and_back(url: str, database: Probe) -> None:
    """Migrate and roll back, and hold that nothing has changed; then migrate again."""
    legacy.migrate_to_start(url)
    start = _picture(database)
    legacy.migrate(url)
    first = legacy.look(url)
    assert _picture(database) != start
    legacy.roll_back(url)
    assert _picture(database) == start
    assert legacy.migrate(url).applied == 1
    again = legacy.look(url)
    assert [row[:-1] for row in again.chat_sessions] == [row[:-1] for row in first.chat_sessions]
    assert [row[:-1] for row in again.chat_messages] == [row[:-1] for row in first.chat_messages]
    assert again[2:] == first[2:]


def test_the_sample_comes_back_as_it_was_and_goes_again(database_url: str, probe: Probes) -> None:
    legacy.build_sample(database_url)
    _there_and_back(database_url, probe(database_url))


def test_the_14_and_97_come_back_as_they_were_and_go_again(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    _there_and_back(database_url, probe(database_url))


def test_empty_tables_come_back_as_they_were_and_go_again(database_url: str, probe: Probes) -> None:
    legacy.build(database_url)
    _there_and_back(database_url, probe(database_url))


@pytest.mark.parametrize("seed", range(12))
def test_random_data_comes_back_as_it_was_and_goes_again(database_url: str, probe: Probes, seed: int) -> None:
    rows = nasty_rows(seed, legacy.dialect_of(database_url))
    # Orphans whose session arrives block the way back; they have a test of their own.
    arriving = {row[0] for row in rows["webui_sessions"]} - {row[0] for row in rows["chat_sessions"]}
    rows["chat_messages"] = [row for row in rows["chat_messages"] if row[1] not in arriving]
    legacy.build_from(database_url, rows)
    _there_and_back(database_url, probe(database_url))


def test_the_rollback_tells_what_it_took(database_url: str) -> None:
    legacy.build_numbers(database_url)
    legacy.migrate(database_url)
    report = legacy.roll_back(database_url)
    measured = {m.name: m.value for m in report.measurements}
    assert (measured["sessions_to_remove"], measured["messages_to_remove"]) == (2, 97)
    assert [(s.target, s.rows) for s in report.statements if s.verb == "DELETE"] == [
        ("chat_messages", 97),
        ("chat_sessions", 2),
        ("schema_version", 1),
    ]


@pytest.fixture
def merged(database_url: str) -> str:
    """A database in which s-1 came with two messages, and s-0 was there before and got one."""
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-0")],
        chat_messages=[chat_message("c-1", "s-0"), chat_message("c-2", "gone")],
        webui_sessions=[old_session("s-0"), old_session("s-1", metadata='{"title": "Plans"}')],
        webui_messages=[old_message("m-0", "s-0"), old_message("m-1", "s-1"), old_message("m-2", "s-1")],
    )
    legacy.migrate(database_url)
    return database_url


def _blocked(url: str, database: Probe) -> str:
    """Hold that the rollback is refused and changes nothing; return what was found, with the rows."""
    before = database.snapshot(exclude=("schema_migrations_log",))
    with pytest.raises(CheckError) as refusal:
        legacy.roll_back(url)
    after = database.snapshot(exclude=("schema_migrations_log",))
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])
    return re.sub(r" {2,}", "  ", str(refusal.value))


def test_messages_written_to_migrated_sessions_since_block_it_with_their_count(merged: str, probe: Probes) -> None:
    database = probe(merged)
    for number in range(3):
        database.execute(
            f"INSERT INTO chat_messages VALUES ('n-{number}', 's-1', 'user', 'more', CURRENT_TIMESTAMP, NULL)"
        )
    found = _blocked(merged, database)
    assert (
        "require failed: no message was written to a migrated session since"
        " (move these to a session that stays, or delete them)\n"
    ) in found
    assert "\n  session_id  messages  messages_in_all  message_ids\n  s-1  3  3  n-0, ..., n-2\n" in found
    assert "0034_merge_webui_sessions stands as it did, and nothing of its rollback stays." in found


def test_a_message_that_claims_to_be_migrated_blocks_it_too(merged: str, probe: Probes) -> None:
    database = probe(merged)
    database.execute(
        "INSERT INTO chat_messages SELECT 'copy', session_id, role, content, created_at, metadata "
        "FROM chat_messages WHERE message_id = 'm-1'"
    )
    assert "\n  s-1  1  1  copy\n" in _blocked(merged, database)


def test_messages_written_to_sessions_from_before_stay(merged: str, probe: Probes) -> None:
    probe(merged).execute("INSERT INTO chat_messages VALUES ('n-1', 's-0', 'user', 'more', CURRENT_TIMESTAMP, NULL)")
    probe(merged).execute("INSERT INTO chat_sessions (session_id, title) VALUES ('s-9', 'New')")
    legacy.roll_back(merged)
    after = legacy.look(merged)
    assert [row.session_id for row in after.chat_sessions] == ["s-0", "s-9"]
    assert [row.message_id for row in after.chat_messages] == ["c-1", "c-2", "n-1"]


def test_rows_from_before_stay_even_where_they_bear_the_mark_of_a_merge(database_url: str, probe: Probes) -> None:
    metadata = '{"source": "webui_migration", "migrated_at": "2025-11-02 03:00:00"}'
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-1", metadata=metadata)],
        chat_messages=[chat_message("m-1", "s-1", metadata=metadata)],
        webui_sessions=[old_session("s-1")],
        webui_messages=[old_message("m-1", "s-1"), old_message("m-2", "s-1")],
    )
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    report = legacy.roll_back(database_url)
    assert legacy.look(database_url) == before
    (warning,) = [c for c in report.checks if c.outcome == "warned"]
    assert (warning.name, warning.total) == ("rows of another migration run, which stay", 2)


def test_a_row_of_this_moment_that_is_not_in_the_legacy_table_stays(merged: str, probe: Probes) -> None:
    database = probe(merged)
    database.execute(
        "INSERT INTO chat_sessions SELECT 'copy', title, task_id, created_at, updated_at, metadata "
        "FROM chat_sessions WHERE session_id = 's-1'"
    )
    legacy.roll_back(merged)
    assert [row.session_id for row in legacy.look(merged).chat_sessions] == ["copy", "s-0"]


@pytest.mark.parametrize(
    ("change", "require"),
    [
        (
            "UPDATE chat_messages SET content = 'edited' WHERE message_id = 'm-1'",
            "no migrated message was changed since",
        ),
        (
            "UPDATE chat_messages SET session_id = 's-0' WHERE message_id = 'm-1'",
            "no migrated message was changed since",
        ),
        ("UPDATE chat_sessions SET title = 'Mine' WHERE session_id = 's-1'", "no migrated session was changed since"),
        ("UPDATE chat_sessions SET task_id = 't' WHERE session_id = 's-1'", "no migrated session was changed since"),
    ],
)
def test_what_was_changed_since_blocks_it(merged: str, probe: Probes, change: str, require: str) -> None:
    probe(merged).execute(change)
    assert f"require failed: {require}\n" in _blocked(merged, probe(merged))


def test_an_orphan_that_got_its_session_back_blocks_it(database_url: str, probe: Probes) -> None:
    legacy.build(database_url, chat_messages=[chat_message("o-1", "s-1")], webui_sessions=[old_session("s-1")])
    legacy.migrate(database_url)
    assert "\n  s-1  1  1  o-1\n" in _blocked(database_url, probe(database_url))


@pytest.mark.parametrize("table", ["webui_sessions", "webui_messages"])
def test_a_table_of_the_old_name_blocks_it(merged: str, probe: Probes, table: str) -> None:
    probe(merged).execute(f"CREATE TABLE {table} (id TEXT)")
    assert "require failed: the old names are free\n" in _blocked(merged, probe(merged))


def test_without_the_moment_of_the_run_it_is_refused(merged: str, probe: Probes) -> None:
    probe(merged).execute("DELETE FROM schema_version WHERE version = '0.34.0'")
    assert "require failed: schema_version holds the moment of the run\n" in _blocked(merged, probe(merged))


def test_new_metadata_goes_with_the_rows_and_is_said(merged: str, probe: Probes) -> None:
    change = {
        "sqlite": "UPDATE chat_sessions SET metadata = json_set(metadata, '$.pinned', 1) WHERE session_id = 's-1'",
        "postgres": "UPDATE chat_sessions SET metadata = metadata || '{\"pinned\": 1}' WHERE session_id = 's-1'",
    }
    probe(merged).execute(change[legacy.dialect_of(merged)])
    report = legacy.roll_back(merged)
    (warning,) = [c for c in report.checks if c.outcome == "warned"]
    assert warning.name == "metadata that was written to migrated rows since has gone with them"
    assert warning.examples == ((1, 0),)


def test_what_the_merge_itself_wrote_is_no_new_metadata(database_url: str) -> None:
    legacy.build_sample(database_url)
    legacy.migrate(database_url)
    measured = {m.name: m.value for m in legacy.roll_back(database_url).measurements}
    assert (measured["sessions_with_new_metadata"], measured["messages_with_new_metadata"]) == (0, 0)


def test_a_session_deleted_since_comes_back_with_the_old_table_and_is_said(merged: str, probe: Probes) -> None:
    probe(merged).execute("DELETE FROM chat_messages WHERE session_id = 's-1'")
    probe(merged).execute("DELETE FROM chat_sessions WHERE session_id = 's-1'")
    report = legacy.roll_back(merged)
    (warning,) = [c for c in report.checks if c.outcome == "warned"]
    assert warning.name == "sessions that were deleted since stand in webui_sessions again"
    assert len(legacy.look(merged).old_sessions) == 2


def test_33_says_why_there_is_no_way_back(sqlite_url: str) -> None:
    first = source.discover(SERIES, "sqlite").migrations[0]
    reason = reading.read_step(first, "sqlite").script.directive("irreversible")
    assert (first.version, first.rollback) == (33, None)
    assert reason is not None
    assert reason.argument == "a trigger that fails always is not worth restoring"
