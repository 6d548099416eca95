"""35: the old tables go two weeks after the merge, and what stands nowhere else is kept; no row is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from sessmig import CheckError, PlanError, Report
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.rollback import roll_back
from sessmig.run import migrate as run
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import data, legacy
from tests.webui.leftovers import MESSAGES, SESSIONS, as_json_row, as_row, left_over
from tests.webui.legacy import chat_message, chat_session, old_message, old_session
from tests.webui.nasty import nasty_rows
from tests.webui.test_plain_sql import by_psql, by_sqlite

Probes = Callable[[str], Probe]


def drop(url: str) -> Report:
    """Carry out 35, whose time has come."""
    legacy.let_pass(url, days=15)
    with connect(url) as database:
        return run(Job(database, data.SERIES))


def _hold_that_nothing_is_lost(url: str) -> None:
    """Drop the old tables, and hold that the chat tables are as they were and the rest is in the leftovers."""
    before = legacy.look(url)
    expected = left_over(before)
    report = drop(url)
    after, found = legacy.look(url), legacy.leftovers(url)
    assert [step.title for step in report.steps] == ["0035_drop_webui_legacy"]
    assert after == before._replace(old_sessions=[], old_messages=[])
    assert {key: reason for key, (_, reason) in found.items()} == expected
    old = {(SESSIONS, row.session_id): row for row in before.old_sessions}
    said = {(MESSAGES, row.message_id): row for row in before.old_messages}
    for key, (row, _) in found.items():
        was = old.get(key) or said[key]
        if legacy.dialect_of(url) == "sqlite":
            assert row == as_row(was)
        else:
            assert {name: cell for name, cell in row.items() if not name.endswith("_at")} == as_json_row(was)
    measured = legacy.measures(url, "drop_webui_legacy")
    assert measured == {
        "legacy_sessions": len(old),
        "legacy_messages": len(said),
        "sessions_in_chat": len(old) - measured["leftover_sessions"],
        "messages_in_chat": len(said) - measured["leftover_messages"],
        "leftover_sessions": sum(table == SESSIONS for table, _ in expected),
        "leftover_messages": sum(table == MESSAGES for table, _ in expected),
    }


@pytest.mark.parametrize("seed", range(40))
def test_of_random_data_nothing_is_lost_on_sqlite(sqlite_url: str, seed: int) -> None:
    legacy.build_from(sqlite_url, nasty_rows(seed, "sqlite"))
    legacy.migrate(sqlite_url)
    _hold_that_nothing_is_lost(sqlite_url)


@pytest.mark.parametrize("seed", range(15))
def test_of_random_data_nothing_is_lost_on_postgres(postgres_url: str, seed: int) -> None:
    legacy.build_from(postgres_url, nasty_rows(seed, "postgres"))
    legacy.migrate(postgres_url)
    _hold_that_nothing_is_lost(postgres_url)


@pytest.mark.parametrize("seed", range(8))
def test_both_databases_leave_the_same_over(sqlite_url: str, postgres_url: str, seed: int) -> None:
    rows = nasty_rows(seed, "sqlite", common=True)
    found = []
    for url in (sqlite_url, postgres_url):
        legacy.build_from(url, rows)
        legacy.migrate(url)
        drop(url)
        found.append({key: reason for key, (_, reason) in legacy.leftovers(url).items()})
    assert found[0] == found[1]


def test_of_the_sample_the_session_that_was_there_and_the_rejected_message_are_kept(database_url: str) -> None:
    legacy.build_sample(database_url)
    legacy.migrate(database_url)
    _hold_that_nothing_is_lost(database_url)
    assert {key: reason for key, (_, reason) in legacy.leftovers(database_url).items()} == {
        (SESSIONS, "ws-13"): "not the same as the row in chat_sessions",
        (MESSAGES, "wm-21"): "no such session",
    }


def test_of_the_14_and_97_the_12_that_were_there_are_kept(database_url: str) -> None:
    legacy.build_numbers(database_url)
    legacy.migrate(database_url)
    _hold_that_nothing_is_lost(database_url)
    measured = legacy.measures(database_url, "drop_webui_legacy")
    assert (measured["legacy_sessions"], measured["leftover_sessions"]) == (14, data.ALREADY_THERE)
    assert (measured["legacy_messages"], measured["leftover_messages"]) == (97, 0)


def test_the_random_data_leaves_something_over_for_every_reason() -> None:
    reasons: Counter[str] = Counter()
    kept = 0
    for seed in range(40):
        rows = nasty_rows(seed, "sqlite")
        old = [legacy.OldSession(*row) for row in rows["webui_sessions"]]  # type: ignore[arg-type]
        said = [legacy.OldMessage(*row) for row in rows["webui_messages"]]  # type: ignore[arg-type]
        chat = [legacy.ChatSession(*row) for row in rows["chat_sessions"]]  # type: ignore[arg-type]
        spoken = [legacy.ChatMessage(*row) for row in rows["chat_messages"]]  # type: ignore[arg-type]
        found = left_over(legacy.Picture(chat, spoken, old, said))
        reasons.update(found.values())
        kept += len(old) + len(said) - len(found)
    assert kept > 20
    assert len(reasons) == 5, reasons
    assert all(number > 20 for number in reasons.values()), reasons


@pytest.fixture
def merged(database_url: str) -> str:
    """Two sessions that came, one that was there; a message that came, one that was there with other metadata."""
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-0")],
        chat_messages=[chat_message("m-0", "s-0", metadata='{"tokens": 7}')],
        webui_sessions=[old_session("s-0"), old_session("s-1", metadata='{"title": "Plans"}'), old_session("s-2")],
        webui_messages=[
            old_message("m-0", "s-0", metadata='{"client": "web"}'),
            old_message("m-1", "s-1", metadata='{"source": "telegram", "n": 1.50}'),
            old_message("m-2", "s-2"),
        ],
    )
    legacy.migrate(database_url)
    return database_url


def test_a_message_that_was_there_with_other_metadata_is_kept(merged: str) -> None:
    drop(merged)
    row, reason = legacy.leftovers(merged)[MESSAGES, "m-0"]
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
    assert (metadata, reason) == ({"client": "web"}, "not the same as the row in chat_messages")
    assert set(legacy.leftovers(merged)) == {(MESSAGES, "m-0"), (SESSIONS, "s-0")}


@pytest.mark.parametrize("metadata", ["[1]", '"x"', '{"source": "telegram"}', "{}", None])
def test_a_message_that_was_there_with_the_same_metadata_is_not_kept(database_url: str, metadata: str | None) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-0")],
        chat_messages=[chat_message("m-0", "s-0", metadata=metadata)],
        webui_messages=[old_message("m-0", "s-0", metadata=metadata)],
    )
    legacy.migrate(database_url)
    _hold_that_nothing_is_lost(database_url)
    assert legacy.leftovers(database_url) == {}


@pytest.mark.parametrize("content", [b"\x00\xff\xfe", "nul\0byte", "x" * 1_000_000])
def test_bytes_nul_and_long_texts_are_kept_exactly(sqlite_url: str, content: legacy.Value) -> None:
    lost = [old_message("m-1", "gone", content=content), old_message("m-2", "gone", metadata=content)]
    legacy.build(sqlite_url, webui_sessions=[old_session()], webui_messages=lost)
    legacy.migrate(sqlite_url)
    _hold_that_nothing_is_lost(sqlite_url)
    assert set(legacy.leftovers(sqlite_url)) == {(MESSAGES, "m-1"), (MESSAGES, "m-2")}


def test_what_users_do_to_a_session_afterwards_is_no_reason_to_keep_it(merged: str, probe: Probes) -> None:
    probe(merged).execute("UPDATE chat_sessions SET title = 'Mine', updated_at = CURRENT_TIMESTAMP, task_id = 't'")
    _hold_that_nothing_is_lost(merged)
    assert (SESSIONS, "s-1") not in legacy.leftovers(merged)


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ("DELETE FROM chat_messages WHERE message_id = 'm-1'", (MESSAGES, "m-1"), "not in chat_messages"),
        (
            "UPDATE chat_messages SET content = 'edited' WHERE message_id = 'm-1'",
            (MESSAGES, "m-1"),
            "not the same as the row in chat_messages",
        ),
        (
            "UPDATE chat_messages SET metadata = NULL WHERE message_id = 'm-1'",
            (MESSAGES, "m-1"),
            "not the same as the row in chat_messages",
        ),
        (
            "UPDATE chat_sessions SET metadata = '{}' WHERE session_id = 's-1'",
            (SESSIONS, "s-1"),
            "not the same as the row in chat_sessions",
        ),
        (
            "UPDATE chat_sessions SET created_at = '2026-01-06 12:00:00+00:00' WHERE session_id = 's-1'",
            (SESSIONS, "s-1"),
            "not the same as the row in chat_sessions",
        ),
        (
            "UPDATE chat_messages SET created_at = NULL WHERE message_id = 'm-1'",
            (MESSAGES, "m-1"),
            "not the same as the row in chat_messages",
        ),
        (
            "UPDATE chat_sessions SET metadata = NULL WHERE session_id = 's-1'",
            (SESSIONS, "s-1"),
            "not the same as the row in chat_sessions",
        ),
    ],
)
def test_what_was_deleted_or_overwritten_since_is_kept(
    merged: str, probe: Probes, change: str, key: tuple[str, str], reason: str
) -> None:
    probe(merged).execute(change)
    _hold_that_nothing_is_lost(merged)
    assert legacy.leftovers(merged)[key][1] == reason


def test_a_session_that_was_deleted_with_its_messages_is_kept_whole(merged: str, probe: Probes) -> None:
    probe(merged).execute("DELETE FROM chat_messages WHERE session_id = 's-1'")
    probe(merged).execute("DELETE FROM chat_sessions WHERE session_id = 's-1'")
    _hold_that_nothing_is_lost(merged)
    found = legacy.leftovers(merged)
    assert found[SESSIONS, "s-1"][1] == "not in chat_sessions"
    assert found[MESSAGES, "m-1"][1] == "no such session"


def test_it_waits_for_14_days(merged: str, probe: Probes, cli: Cli) -> None:
    arguments = ("--database", merged, "--dir", data.SERIES)
    legacy.let_pass(merged, days=13.99)
    before = probe(merged).snapshot(exclude=())
    done = cli("migrate", *arguments)
    assert done.returncode == 0
    assert "0035_drop_webui_legacy is held until " in done.stdout
    assert cli("status", "--check", *arguments).returncode == 0
    assert probe(merged).snapshot(exclude=()) == before
    legacy.let_pass(merged, days=14.01)
    assert cli("status", "--check", *arguments).returncode == 6
    assert cli("migrate", *arguments).returncode == 0
    assert {name for name in probe(merged).tables() if name.startswith("webui_")} == {"webui_legacy_leftovers"}


def test_after_a_rollback_of_34_it_waits_anew(merged: str) -> None:
    legacy.let_pass(merged, days=15)
    legacy.roll_back(merged)
    assert [step.version for step in legacy.migrate(merged).steps] == [34]
    assert [held.version for held in legacy.migrate(merged).held] == [35]


def test_a_merge_that_the_old_system_did_is_not_followed_by_it(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    probe(database_url).execute(
        "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT, "
        "status TEXT, metadata TEXT)"
    )
    probe(database_url).execute(
        "INSERT INTO schema_migrations VALUES ('merge_webui_sessions', '2025-01-31 03:00:00', 'Merge', 'success', NULL)"
    )
    (held,) = legacy.migrate(database_url).held
    assert str(held) == "0035_drop_webui_legacy is held back: 14 days after 34, and sessmig has not applied 34"


def test_it_has_no_way_back_and_says_why(merged: str, probe: Probes) -> None:
    drop(merged)
    before = probe(merged).snapshot(exclude=())
    with connect(merged) as database, pytest.raises(PlanError) as refused:
        roll_back(Job(database, data.SERIES))
    lines = str(refused.value).splitlines()
    assert lines[:2] == [
        "the newest migration cannot be rolled back:",
        "irreversible: 0035_drop_webui_legacy: the old tables are gone; all but an old updated_at stands in "
        "the chat tables, or in leftovers",
    ]
    assert probe(merged).snapshot(exclude=()) == before


def test_a_table_of_leftovers_that_is_there_already_stops_it(merged: str, probe: Probes) -> None:
    probe(merged).execute("CREATE TABLE webui_legacy_leftovers (id TEXT)")
    before = legacy.look(merged)
    with pytest.raises(CheckError, match=r"leftovers is free \(else rename the table that has it\)"):
        drop(merged)
    assert legacy.look(merged) == before


def test_verify_holds_afterwards_and_names_what_cannot_be_asked_any_more(merged: str, cli: Cli) -> None:
    drop(merged)
    done = cli("verify", "--database", merged, "--dir", data.SERIES)
    assert done.returncode == 0, done.stdout
    assert "FAILED" not in done.stdout
    gone = "webui_messages_legacy is gone, which 0035_drop_webui_legacy may lose"
    assert f"    not re-runnable  measure: messages_migrated: {gone}\n" in done.stdout
    assert f"    not re-runnable  warn: messages rejected: no such session: {gone}\n" in done.stdout
    assert "    ok               schema_version says 0.34.0\n" in done.stdout
    assert "    ok               the old tables are gone\n" in done.stdout
    assert " not re-runnable, as they need the picture before the step, or what is gone" in done.stdout


def test_verify_fails_where_a_leftover_was_spoilt(merged: str, probe: Probes, cli: Cli) -> None:
    drop(merged)
    probe(merged).execute("UPDATE webui_legacy_leftovers SET id = 'x' WHERE id = 's-0'")
    assert cli("verify", "--database", merged, "--dir", data.SERIES).returncode == 3


def test_sqlite3_gives_the_same(sqlite_url: str) -> None:
    plain = f"{sqlite_url}.plain"
    for url in (sqlite_url, plain):
        legacy.build_sample(url)
        legacy.migrate(url)
    drop(sqlite_url)
    by_sqlite(plain, "0035_drop_webui_legacy.sql")
    assert legacy.leftovers(plain) == legacy.leftovers(sqlite_url)
    assert legacy.look(plain).old_sessions == []


def test_psql_gives_the_same(postgres_server: PostgresServer, new_postgres_url: Callable[[], str]) -> None:
    plain, ours = new_postgres_url(), new_postgres_url()
    for url in (plain, ours):
        legacy.build_sample(url)
        legacy.migrate(url)
    drop(ours)
    by_psql(postgres_server, plain, "0035_drop_webui_legacy.sql")
    assert legacy.leftovers(plain) == legacy.leftovers(ours)
    assert legacy.look(plain).old_sessions == []


def test_it_can_be_rehearsed_before_its_time(sqlite_url: str, probe: Probes, cli: Cli) -> None:
    legacy.build_sample(sqlite_url)
    legacy.migrate(sqlite_url)
    before = probe(sqlite_url).snapshot(exclude=())
    done = cli("rehearse", "--ignore-wait", "--database", sqlite_url, "--dir", data.SERIES)
    assert done.returncode == 0, done.stderr
    assert "0035 drop_webui_legacy, rehearsed in " in done.stdout
    assert probe(sqlite_url).snapshot(exclude=()) == before


def test_ignore_wait_drops_them_at_once(merged: str) -> None:
    with connect(merged) as database:
        report = run(Job(database, data.SERIES, wish=Wish(ignore_wait=True)))
    assert [step.title for step in report.steps] == ["0035_drop_webui_legacy"]
