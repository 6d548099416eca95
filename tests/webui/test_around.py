"""What stands around the merge: the trigger, the application afterwards, the indexes, the old system's own ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from sessmig import StepError, ensure_migrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import data, legacy
from tests.webui.data import SERIES
from tests.webui.legacy import chat_session, old_message, old_session

Probes = Callable[[str], Probe]
BROKEN = "update_projects_timestamp"


def _triggers(database: Probe) -> set[str]:
    return {name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")}


def test_the_broken_trigger_makes_every_rename_fail(sqlite_url: str, probe: Probes) -> None:
    legacy.build(sqlite_url)
    with pytest.raises(sqlite3.OperationalError, match="no such column: project_id"):
        probe(sqlite_url).execute("ALTER TABLE webui_messages RENAME TO webui_messages_legacy")


def test_without_33_the_merge_fails_whole(sqlite_url: str, probe: Probes) -> None:
    legacy.build_sample(sqlite_url)
    before = probe(sqlite_url).snapshot()
    with pytest.raises(StepError, match="error in trigger update_projects_timestamp: no such column: project_id"):
        _only(sqlite_url, 34)
    assert probe(sqlite_url).snapshot() == before


def _only(url: str, version: int) -> None:
    from sessmig.databases import connect
    from sessmig.job import Job
    from sessmig.plan import Wish
    from sessmig.run import migrate

    with connect(url) as database:
        migrate(Job(database, SERIES, wish=Wish(only=version)))


def test_33_drops_the_broken_trigger_and_nothing_else(sqlite_url: str, probe: Probes) -> None:
    legacy.build_sample(sqlite_url)
    database = probe(sqlite_url)
    database.execute("CREATE TRIGGER sound AFTER INSERT ON projects BEGIN SELECT 1; END")
    before = database.snapshot()
    text = database.value(f"SELECT sql FROM sqlite_master WHERE name = '{BROKEN}'")
    ensure_migrations(sqlite_url, SERIES, to=33)
    after = database.snapshot()
    before["schema"]["trigger"] = [row for row in before["schema"]["trigger"] if row[0] != BROKEN]
    assert after == before
    assert legacy.measures(sqlite_url, "repair_broken_triggers") == {"trigger_dropped": text}


def test_projects_can_be_updated_afterwards(sqlite_url: str, probe: Probes) -> None:
    legacy.build_sample(sqlite_url)
    legacy.migrate(sqlite_url)
    probe(sqlite_url).execute("UPDATE projects SET name = 'Atlas 2', updated_at = 'now' WHERE id = 'p-1'")
    assert probe(sqlite_url).rows("SELECT name, updated_at FROM projects WHERE id = 'p-1'") == [("Atlas 2", "now")]


@pytest.mark.parametrize("without", [f"DROP TRIGGER {BROKEN}", "DROP TABLE projects"])
def test_33_works_where_the_trigger_or_its_table_is_absent(sqlite_url: str, probe: Probes, without: str) -> None:
    legacy.build(sqlite_url, webui_sessions=[old_session()])
    probe(sqlite_url).execute(without)
    assert legacy.migrate(sqlite_url).applied == 2
    assert legacy.measures(sqlite_url, "repair_broken_triggers") == {"trigger_dropped": "none"}


def test_a_trigger_that_somebody_repaired_is_dropped_and_said(sqlite_url: str, probe: Probes) -> None:
    legacy.build(sqlite_url)
    body = f"CREATE TRIGGER {BROKEN} AFTER UPDATE ON projects BEGIN SELECT 1; END"
    probe(sqlite_url).execute(f"DROP TRIGGER {BROKEN}; {body}")
    report = legacy.migrate(sqlite_url)
    (warning,) = [c for c in report.steps[0].checks if c.outcome == "warned"]
    assert warning.name == "the trigger that was dropped was not the broken one"
    assert warning.examples == ((body,),)
    assert legacy.measures(sqlite_url, "repair_broken_triggers") == {"trigger_dropped": body}


def test_verify_of_33_holds_when_a_sound_trigger_of_that_name_is_made_later(
    sqlite_url: str, probe: Probes, cli: Cli
) -> None:
    legacy.build(sqlite_url)
    legacy.migrate(sqlite_url)
    probe(sqlite_url).execute(f"CREATE TRIGGER {BROKEN} AFTER UPDATE ON projects BEGIN SELECT 1; END")
    assert cli("verify", "--database", sqlite_url, "--dir", SERIES).returncode == 0


def test_postgres_has_no_33(postgres_url: str, probe: Probes) -> None:
    legacy.build(postgres_url)
    legacy.migrate(postgres_url)
    assert probe(postgres_url).rows("SELECT version FROM schema_migrations") == [(34,)]


@pytest.fixture
def merged(database_url: str) -> str:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("s-0")],
        webui_sessions=[old_session("s-1")],
        webui_messages=[old_message("m-1", "s-1"), old_message("m-2", "s-1")],
    )
    legacy.migrate(database_url)
    return database_url


def test_the_application_writes_and_foreign_keys_hold_afterwards(merged: str, probe: Probes) -> None:
    database = probe(merged)
    if legacy.dialect_of(merged) == "sqlite":
        _write_in_sqlite(merged)
    else:
        database.execute("INSERT INTO chat_sessions (session_id, title) VALUES ('new', 'New')")
        database.execute("INSERT INTO chat_messages VALUES ('n-1', 'new', 'user', 'x', now(), NULL)")
        database.execute("UPDATE chat_messages SET content = 'y' WHERE message_id IN ('m-1', 'n-1')")
        database.execute("DELETE FROM chat_sessions WHERE session_id = 's-1'")
    assert database.rows("SELECT message_id, content FROM chat_messages") == [("n-1", "y")]


def _write_in_sqlite(url: str) -> None:
    with closing(sqlite3.connect(legacy.file_of(url), isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("INSERT INTO chat_sessions (session_id, title) VALUES ('new', 'New')")
        connection.execute("INSERT INTO chat_messages VALUES ('n-1', 'new', 'user', 'x', 'now', NULL)")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"):
            connection.execute("INSERT INTO chat_messages VALUES ('n-2', 'nobody', 'user', 'x', 'now', NULL)")
        connection.execute("UPDATE chat_messages SET content = 'y' WHERE message_id IN ('m-1', 'n-1')")
        connection.execute("DELETE FROM chat_sessions WHERE session_id = 's-1'")


def test_the_legacy_messages_still_refer_to_the_legacy_sessions(sqlite_url: str, probe: Probes) -> None:
    legacy.build_numbers(sqlite_url)
    legacy.migrate(sqlite_url)
    keys = probe(sqlite_url).rows(
        'SELECT "table", "from", on_delete FROM pragma_foreign_key_list(\'webui_messages_legacy\')'
    )
    assert keys == [("webui_sessions_legacy", "session_id", "CASCADE")]


@pytest.mark.parametrize(
    "metadata", ["no JSON", "", "[1]", '{"half": ', '{"source": "webui_migration"}', "nul\0byte", b"\xff"]
)
def test_the_indexes_do_not_hinder_metadata_of_any_kind(sqlite_url: str, metadata: legacy.Value) -> None:
    legacy.build(sqlite_url, webui_sessions=[old_session()], webui_messages=[old_message()])
    legacy.migrate(sqlite_url)
    with closing(sqlite3.connect(legacy.file_of(sqlite_url))) as connection, connection:
        connection.execute("INSERT INTO chat_sessions VALUES ('new', 'New', NULL, NULL, NULL, ?)", (metadata,))
        connection.execute("INSERT INTO chat_messages VALUES ('n', 'new', 'user', 'x', NULL, ?)", (metadata,))
        connection.execute("UPDATE chat_sessions SET metadata = ?", (metadata,))
        connection.execute("UPDATE chat_messages SET metadata = ?", (metadata,))
        kept = connection.execute(
            "SELECT metadata FROM chat_sessions UNION ALL SELECT metadata FROM chat_messages"
        ).fetchall()
    assert kept == [(metadata,)] * 4


@pytest.mark.parametrize("metadata", ["null", '"text"', "[1]", '{"source": {"a": 1}}'])
def test_the_indexes_do_not_hinder_json_of_any_kind(merged: str, probe: Probes, metadata: str) -> None:
    database = probe(merged)
    database.execute(f"INSERT INTO chat_sessions VALUES ('new', 'New', NULL, NULL, NULL, '{metadata}')")
    database.execute(f"UPDATE chat_messages SET metadata = '{metadata}'")
    assert database.value(f"SELECT count(*) FROM chat_messages WHERE metadata = '{metadata}'") == 2


def test_both_chat_tables_have_a_partial_index_on_migrated_rows(merged: str, probe: Probes) -> None:
    query = {
        "sqlite": "SELECT tbl_name, sql FROM sqlite_master WHERE name LIKE 'idx_chat_%_webui_migration'",
        "postgres": "SELECT tablename, indexdef FROM pg_indexes WHERE indexname LIKE 'idx_chat_%_webui_migration'",
    }[legacy.dialect_of(merged)]
    found = sorted(probe(merged).rows(query))
    assert [table for table, _ in found] == ["chat_messages", "chat_sessions"]
    assert all("webui_migration'" in text.partition("WHERE")[2] for _, text in found)


def test_a_query_for_migrated_rows_uses_the_index(sqlite_url: str, probe: Probes) -> None:
    legacy.build_numbers(sqlite_url)
    legacy.migrate(sqlite_url)
    condition = probe(sqlite_url).value(
        "SELECT substr(sql, instr(sql, 'WHERE')) FROM sqlite_master WHERE name = 'idx_chat_messages_webui_migration'"
    )
    plan = probe(sqlite_url).rows(f"EXPLAIN QUERY PLAN SELECT session_id FROM chat_messages {condition}")
    assert "idx_chat_messages_webui_migration" in plan[0][3]


_OLD_LEDGER = (
    "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT, "
    "status TEXT, metadata TEXT)"
)


def test_rows_of_the_old_systems_own_ledger_are_kept(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    database = probe(database_url)
    database.execute(_OLD_LEDGER)
    database.execute(
        "INSERT INTO schema_migrations VALUES "
        "('add_tasks', '2025-01-01 10:00:00', 'Tasks', 'success', '{\"rows\": 3}'), "
        "('add_index', '2025-02-01 10:00:00', NULL, 'failed', NULL)"
    )
    legacy.migrate(database_url)
    rows = database.rows(
        "SELECT series, version, migration_id, description, status FROM schema_migrations "
        "WHERE series = 'legacy' ORDER BY version"
    )
    assert rows == [("legacy", 1, "add_tasks", "Tasks", "baseline"), ("legacy", 2, "add_index", None, "baseline")]
    assert legacy.measures(database_url, "add_tasks") == {"rows": 3, "old_status": "success"}
    measured = legacy.measures(database_url)
    assert {name: measured[name] for name in data.MEASURES} == data.MEASURES


def test_a_merge_that_the_old_system_recorded_as_success_is_not_done_again(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    database = probe(database_url)
    database.execute(_OLD_LEDGER)
    database.execute(
        "INSERT INTO schema_migrations VALUES ('merge_webui_sessions', '2026-01-31 03:00:00', 'Merge', 'success', NULL)"
    )
    before = database.snapshot()["rows"]
    report = legacy.migrate(database_url)
    # 33 is not covered by what the old script did: it runs, and does no harm.
    assert [step.version for step in report.steps] == ([33] if legacy.dialect_of(database_url) == "sqlite" else [])
    assert report.standing == 1
    assert database.snapshot()["rows"] == before
    assert legacy.migrate(database_url).steps == ()


def test_a_merge_that_the_old_system_recorded_as_failed_is_done(database_url: str, probe: Probes) -> None:
    legacy.build_numbers(database_url)
    database = probe(database_url)
    database.execute(_OLD_LEDGER)
    database.execute(
        "INSERT INTO schema_migrations VALUES ('merge_webui_sessions', '2026-01-31 03:00:00', 'Merge', 'failed', NULL)"
    )
    legacy.migrate(database_url)
    assert database.value("SELECT count(*) FROM chat_messages") == 572
    rows = database.rows(
        "SELECT series, status FROM schema_migrations WHERE migration_id = 'merge_webui_sessions' ORDER BY 1"
    )
    assert rows == [("legacy", "baseline"), ("webui_sessions", "success")]
