"""Sessions: which come, and with which title, times, task and metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.probe import Probe
from tests.webui import legacy
from tests.webui.legacy import ChatSession, chat_message, chat_session, old_message, old_session

Probes = Callable[[str], Probe]


def _migrated(url: str, **columns: Any) -> ChatSession:
    """Migrate a database of this one session, and return what it became."""
    legacy.build(url, webui_sessions=[old_session(**columns)])
    legacy.migrate(url)
    return legacy.look(url).session("s-1")


def _metadata(url: str, metadata: legacy.Value) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(_migrated(url, metadata=metadata).metadata or "")
    moment = values.pop("migrated_at")
    assert moment == legacy.measures(url)["migrated_at"]
    return values


_ADDED = {
    "source": "webui_migration",
    "original_user_id": "ada",
    "conversation_mode": "chat",
    "execution_phase": "planning",
}


@pytest.mark.parametrize(
    "title", ["Plans", 'It\'s "C:\\temp"', "🗺 مرحبا 你好", "two\nlines\tand a tab", " kept blanks ", "0", "\ufffd"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_title_is_that_of_the_metadata(database_url: str, title: str, ascii_only: bool) -> None:
    metadata = json.dumps({"title": title}, ensure_ascii=ascii_only)
    assert _migrated(database_url, metadata=metadata).title == title


@pytest.mark.parametrize(
    "metadata", [None, "{}", '{"title": ""}', '{"title": "  "}', '{"title": null}', '{"title": 7}', '["title"]']
)
def test_without_a_title_it_is_chat_and_the_date(database_url: str, metadata: str | None) -> None:
    created = "2026-01-05 12:00:00+00:00"
    assert _migrated(database_url, created_at=created, metadata=metadata).title == "Chat 2026-01-05"


@pytest.mark.parametrize(
    ("created_at", "day"),
    [
        ("2026-01-03T23:30:00-02:00", "2026-01-04"),
        ("2026-01-04 00:30:00+05:30", "2026-01-03"),
        ("2026-01-04T00:30:00+0200", "2026-01-03"),
        ("2026-01-03T23:30:00.123456-03", "2026-01-04"),
        ("2025-12-31T23:59:59Z", "2025-12-31"),
    ],
)
def test_the_date_of_the_title_is_utc_however_the_offset_is_written(
    database_url: str, created_at: str, day: str
) -> None:
    assert _migrated(database_url, created_at=created_at).title == f"Chat {day}"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "America/St_Johns"])
def test_the_date_of_the_title_is_utc_whatever_the_session_says(postgres_url: str, probe: Probes, zone: str) -> None:
    name = probe(postgres_url).value("SELECT current_database()")
    probe(postgres_url).execute(f"ALTER DATABASE \"{name}\" SET TimeZone = '{zone}'")
    probe(postgres_url).execute(f"ALTER DATABASE \"{name}\" SET DateStyle = 'SQL, DMY'")
    late, early = "2026-01-03 23:59:59.999999+00", "2026-01-04 00:00:00+00"
    legacy.build(postgres_url, webui_sessions=[old_session("a", created_at=late), old_session("b", created_at=early)])
    legacy.migrate(postgres_url)
    after = legacy.look(postgres_url)
    assert (after.session("a").title, after.session("b").title) == ("Chat 2026-01-03", "Chat 2026-01-04")


@pytest.mark.parametrize(
    ("created_at", "title"),
    [("yesterday", "Chat yesterday"), ("", "Chat s-1"), ("  ", "Chat s-1"), ("1767225600", "Chat 1767225600")],
)
def test_a_time_that_is_none_gives_a_title_all_the_same(sqlite_url: str, created_at: str, title: str) -> None:
    assert _migrated(sqlite_url, created_at=created_at).title == title


@pytest.mark.parametrize("created_at", ["infinity", "-infinity"])
def test_infinity_gives_a_title_all_the_same(postgres_url: str, created_at: str) -> None:
    row = _migrated(postgres_url, created_at=created_at)
    assert (row.title, row.created_at) == (f"Chat {created_at}", created_at)


def test_half_a_character_in_a_title_does_not_make_the_row_unreadable(sqlite_url: str, probe: Probes) -> None:
    metadata = '{"title": "Holiday \\ud83d"}'
    legacy.build(sqlite_url, webui_sessions=[old_session(metadata=metadata)])
    legacy.migrate(sqlite_url)
    (row,) = probe(sqlite_url).rows("SELECT title, metadata -> '$.title' FROM chat_sessions")
    assert row == ("Chat 2026-01-05", '"Holiday \\ud83d"')


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-05 12:00:00",
        "2026-01-05T12:00:00Z",
        "2026-01-05T12:00:00.250Z",
        "2026-01-05 12:00:00.000001",
        "2026-01-05T12:00:00+02:00",
        "2026-01-05",
        "1767225600",
        "1767225600.25",
        "",
        "nonsense",
    ],
)
def test_times_are_exactly_as_they_were_in_sqlite(sqlite_url: str, moment: str) -> None:
    legacy.build(
        sqlite_url,
        webui_sessions=[old_session(created_at=moment, updated_at=moment)],
        webui_messages=[old_message(created_at=moment)],
    )
    legacy.migrate(sqlite_url)
    after = legacy.look(sqlite_url)
    session = after.session("s-1")
    assert (session.created_at, session.updated_at) == (moment, moment)
    assert after.message("m-1").created_at == moment


def test_times_are_exactly_as_they_were_in_postgres(postgres_url: str, probe: Probes) -> None:
    moments = ["2026-01-05 12:00:00.000001+00", "2026-01-05 12:00:00+05:30", "0044-03-15 12:00:00+00 BC", "infinity"]
    legacy.build(
        postgres_url,
        webui_sessions=[old_session(f"s-{n}", created_at=m, updated_at=m) for n, m in enumerate(moments)],
        webui_messages=[old_message(f"m-{n}", f"s-{n}", created_at=m) for n, m in enumerate(moments)],
    )
    legacy.migrate(postgres_url)
    database = probe(postgres_url)
    for kind, key, times in (
        ("sessions", "session_id", "created_at, updated_at"),
        ("messages", "message_id", "created_at"),
    ):
        migrated = database.rows(f"SELECT {key}, ({times})::text FROM chat_{kind} ORDER BY 1")
        assert migrated == database.rows(f"SELECT {key}, ({times})::text FROM webui_{kind}_legacy ORDER BY 1")
        assert len(migrated) == 4


def test_a_new_session_belongs_to_no_task(database_url: str) -> None:
    assert _migrated(database_url, metadata='{"task_id": "t-1"}').task_id is None


def test_all_metadata_of_its_own_stays_beside_what_is_added(database_url: str) -> None:
    own = {"theme": "dark", "tags": ["a", {"b": None}], "a.b": 1, 'quo"te': "x", "": "empty", "ключ": "🔑", "n": -0.5}
    assert _metadata(database_url, json.dumps(own)) == own | _ADDED


@pytest.mark.parametrize("source", ["telegram", None, 7, ["a"], {"b": 1}, ""])
def test_a_source_of_its_own_is_kept_as_original_source(database_url: str, source: Any) -> None:
    assert _metadata(database_url, json.dumps({"source": source})) == {"original_source": source} | _ADDED


@pytest.mark.parametrize("own", [{"conversation_mode": "task"}, {"execution_phase": None}, {"conversation_mode": ""}])
def test_mode_and_phase_are_written_only_where_there_is_none(database_url: str, own: dict[str, Any]) -> None:
    assert _metadata(database_url, json.dumps(own)) == _ADDED | own


def test_names_that_are_written_do_not_overwrite_what_stood_there(database_url: str) -> None:
    own = {"source": "scan", "original_source": "paper", "original_user_id": 77, "migrated_at": "2019", "theme": "x"}
    kept = {"original_metadata": own, "original_source": "scan", "theme": "x"}
    assert _metadata(database_url, json.dumps(own)) == kept | _ADDED


def test_a_session_that_is_there_already_stays_as_it_is(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session(title="New name", task_id="t-4", created_at=None, metadata='{"pinned": true}')],
        webui_sessions=[old_session(metadata='{"title": "Old name"}')],
    )
    before = legacy.look(database_url)
    report = legacy.migrate(database_url)
    assert legacy.look(database_url).chat_sessions == before.chat_sessions
    account = report.steps[-1].merges[0]
    assert (account.source, account.inserted, account.identical, account.differing) == (1, 0, 0, 1)
    (warning,) = [c for c in report.steps[-1].checks if c.name.startswith("sessions that were in chat_sessions")]
    assert (warning.outcome, warning.total, warning.examples[0][:3]) == ("warned", 1, ("s-1", "Old name", "New name"))


def test_rows_of_a_merge_that_ran_elsewhere_count_as_already_there(database_url: str) -> None:
    metadata = '{"source": "webui_migration", "migrated_at": "2025-01-01 00:00:00"}'
    legacy.build(
        database_url,
        chat_sessions=[chat_session(metadata=metadata)],
        chat_messages=[chat_message(metadata=metadata)],
        webui_sessions=[old_session()],
        webui_messages=[old_message()],
    )
    accounts = legacy.migrate(database_url).steps[-1].merges
    measured = legacy.measures(database_url)
    assert (measured["sessions_migrated"], measured["messages_migrated"]) == (0, 0)
    assert [(account.source, account.inserted, account.identical) for account in accounts] == [(1, 0, 1), (1, 0, 1)]


def test_ids_that_differ_in_case_or_blanks_are_different_sessions(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("abc")],
        webui_sessions=[old_session(name) for name in ("abc", "ABC", "abc ", "", "äbc")],
    )
    legacy.migrate(database_url)
    assert {row.session_id for row in legacy.look(database_url).chat_sessions} == {"", "ABC", "abc", "abc ", "äbc"}


def test_empty_tables_migrate(database_url: str, probe: Probes) -> None:
    legacy.build(database_url)
    legacy.migrate(database_url)
    assert {name: number for name, number in legacy.measures(database_url).items() if name != "migrated_at"} == (
        dict.fromkeys(legacy.measures(database_url).keys() - {"migrated_at"}, 0)
    )
    assert legacy.look(database_url) == legacy.Picture([], [], [], [])
    assert {"webui_sessions_legacy", "webui_messages_legacy"} < probe(database_url).tables()
