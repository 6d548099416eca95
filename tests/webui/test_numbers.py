"""The merge of 14 sessions and 97 messages into 158 and 475: the account that the migration was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import data, legacy

Probes = Callable[[str], Probe]


@pytest.fixture
def merged(database_url: str) -> str:
    legacy.build_numbers(database_url)
    legacy.migrate(database_url)
    return database_url


def test_the_chat_tables_hold_160_sessions_and_572_messages(merged: str, probe: Probes) -> None:
    database = probe(merged)
    assert database.value("SELECT count(*) FROM chat_sessions") == 160
    assert database.value("SELECT count(*) FROM chat_messages") == 572


def test_the_ledger_row_holds_the_six_numbers(merged: str) -> None:
    measured = legacy.measures(merged)
    assert {name: measured[name] for name in data.MEASURES} == {
        "sessions_before": 14,
        "messages_before": 97,
        "sessions_migrated": 2,
        "messages_migrated": 97,
        "sessions_total": 160,
        "messages_total": 572,
    }


def test_the_old_tables_keep_their_14_and_97_rows(database_url: str) -> None:
    legacy.build_numbers(database_url)
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    after = legacy.look(database_url)
    assert (len(after.old_sessions), len(after.old_messages)) == (14, 97)
    assert (after.old_sessions, after.old_messages) == (before.old_sessions, before.old_messages)


def test_the_158_and_475_rows_stay_as_they_are(database_url: str) -> None:
    legacy.build_numbers(database_url)
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    after = legacy.look(database_url)
    assert set(before.chat_sessions) < set(after.chat_sessions)
    assert set(before.chat_messages) < set(after.chat_messages)


def test_the_four_queries_hold_as_written(sqlite_url: str, probe: Probes) -> None:
    legacy.build_numbers(sqlite_url)
    legacy.migrate(sqlite_url)
    database = probe(sqlite_url)
    columns = [
        name for (name,) in database.rows("SELECT name FROM pragma_table_info('schema_migrations') ORDER BY cid")
    ]
    (row,) = database.rows("SELECT * FROM schema_migrations WHERE migration_id = 'merge_webui_sessions'")
    assert dict(zip(columns, row, strict=True))["status"] == "success"
    query = "SELECT COUNT(*) FROM webui_sessions_legacy WHERE session_id NOT IN (SELECT session_id FROM chat_sessions)"
    assert database.rows(query) == [(0,)]
    query = "SELECT COUNT(*) FROM webui_messages_legacy WHERE message_id NOT IN (SELECT message_id FROM chat_messages)"
    assert database.rows(query) == [(0,)]
    names = database.rows("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE 'webui_%'")
    assert sorted(names) == [("webui_messages_legacy",), ("webui_sessions_legacy",)]


def test_the_old_names_are_gone(merged: str, probe: Probes) -> None:
    tables = {name for name in probe(merged).tables() if name.startswith("webui_")}
    assert tables == {"webui_sessions_legacy", "webui_messages_legacy"}


def test_the_ledger_row_is_complete(merged: str, probe: Probes) -> None:
    (row,) = probe(merged).rows(
        "SELECT series, version, description, status, length(checksum) FROM schema_migrations "
        "WHERE migration_id = 'merge_webui_sessions'"
    )
    description = "Merge webui_sessions and webui_messages into chat_sessions and chat_messages"
    assert row == ("webui_sessions", 34, description, "success", 64)


def test_schema_version_gets_0_34_0_beside_0_33_0(merged: str, probe: Probes) -> None:
    versions = probe(merged).rows("SELECT version FROM schema_version ORDER BY version")
    assert versions == [("0.33.0",), ("0.34.0",)]


def test_the_ten_orphans_from_before_are_a_warning_and_still_ten(database_url: str) -> None:
    legacy.build_numbers(database_url)
    report = legacy.migrate(database_url)
    (warning,) = [c for c in report.steps[-1].checks if c.name.startswith("orphaned chat messages, whose")]
    assert (warning.outcome, warning.total) == ("warned", data.ORPHANS)
    assert legacy.measures(database_url)["orphans_before"] == 10
    after = legacy.look(database_url)
    standing = {row.session_id for row in after.chat_sessions}
    assert sum(row.session_id not in standing for row in after.chat_messages) == 10


def test_migrated_at_is_the_moment_of_the_run_in_utc(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    if legacy.dialect_of(database_url) == "postgres":
        name = probe(database_url).value("SELECT current_database()")
        probe(database_url).execute(f"ALTER DATABASE \"{name}\" SET TimeZone = 'Pacific/Kiritimati'")
    start = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    legacy.migrate(database_url)
    end = datetime.now(UTC).replace(tzinfo=None)
    after = legacy.look(database_url)
    metadata = [row.metadata for row in after.chat_sessions] + [row.metadata for row in after.chat_messages]
    moments = {json.loads(text or "{}").get("migrated_at") for text in metadata} - {None}
    (moment,) = moments
    assert start <= datetime.strptime(moment, "%Y-%m-%d %H:%M:%S") <= end
    assert legacy.measures(database_url)["migrated_at"] == moment


def test_the_report_tells_the_rows_of_each_statement(database_url: str) -> None:
    legacy.build_numbers(database_url)
    step = legacy.migrate(database_url).steps[-1]
    inserted = {s.target: s.rows for s in step.statements if s.verb == "INSERT"}
    assert inserted == {"schema_version": 1, "chat_sessions": 2, "chat_messages": 97}
    assert all(check.outcome in ("passed", "warned") for check in step.checks)


def test_a_second_run_has_nothing_to_do(merged: str, probe: Probes) -> None:
    before = probe(merged).snapshot()
    assert legacy.migrate(merged).applied == 0
    assert probe(merged).snapshot() == before


def test_verify_holds_afterwards_and_after_the_application_went_on(merged: str, probe: Probes, cli: Cli) -> None:
    assert cli("verify", "--database", merged, "--dir", data.SERIES).returncode == 0
    database = probe(merged)
    database.execute("UPDATE chat_sessions SET title = 'Renamed', updated_at = CURRENT_TIMESTAMP")
    database.execute("INSERT INTO chat_messages VALUES ('new', 'webui-12', 'user', 'more', CURRENT_TIMESTAMP, NULL)")
    done = cli("verify", "--database", merged, "--dir", data.SERIES)
    assert done.returncode == 0, done.stdout
    assert "FAILED" not in done.stdout


def test_a_dry_run_shows_the_numbers_and_writes_nothing(database_url: str, probe: Probes, cli: Cli) -> None:
    legacy.build_numbers(database_url)
    before = probe(database_url).snapshot(exclude=())
    done = cli("migrate", "--dry-run", "--json", "--database", database_url, "--dir", data.SERIES)
    assert done.returncode == 0, done.stderr
    measured = {m["name"]: m["value"] for m in json.loads(done.stdout)["steps"][-1]["measurements"]}
    assert {name: measured[name] for name in data.MEASURES} == data.MEASURES
    assert probe(database_url).snapshot(exclude=()) == before
