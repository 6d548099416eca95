"""The sample in `legacy/` holds every odd case that the step survives; what it keeps, and what it measures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from sessmig import script
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.report_snapshots import app, model

Probes = Callable[[str], Probe]
FILE = app.SERIES / "sqlite" / "0001_migrate_to_temp_tables.sql"


def _ids(probe: Probe) -> list[str]:
    return [name for (name,) in probe.rows("SELECT id FROM sessions")]


def test_the_sample_migrates_to_what_the_model_says(sqlite_url: str, probe: Probes) -> None:
    app.build_sample(sqlite_url)
    before, sessions = probe(sqlite_url).snapshot()["rows"], _ids(probe(sqlite_url))
    app.migrate(sqlite_url)
    after = probe(sqlite_url).snapshot()["rows"]
    going = {name for name in before if model.is_leftover(name, sessions)}
    assert len(going) == 8
    kept = {name: rows for name, rows in before.items() if name not in going and name != "report_snapshots"}
    changed = "session_interactions"
    assert {name: rows for name, rows in after.items() if name != changed} == {
        name: rows for name, rows in kept.items() if name != changed
    }
    old = "id, session_id, user_query, sql_query, chart_config, summary, created_at"
    assert len(probe(sqlite_url).rows(f"SELECT {old} FROM {changed} WHERE temp_table_name IS NULL")) == 4
    assert app.measures(sqlite_url) == {"snapshots_dropped": 3, "temp_tables_dropped": 8}


@pytest.mark.parametrize(
    "case",
    [
        "sqlite_master WHERE name LIKE '%-%' AND type = 'table'",
        "sqlite_master WHERE name GLOB '*\"*' AND type = 'table'",
        "sqlite_master WHERE name GLOB 'SESSION_*'",
        "sqlite_master WHERE name GLOB 'session_deadbeef*'",
        "sqlite_master WHERE name = 'session_notes_interaction_log'",
        "sqlite_master WHERE name GLOB '*_interaction_1_backup'",
        "sqlite_master WHERE name GLOB '*_interaction_007'",
        "sqlite_master WHERE type = 'view'",
        "sqlite_master WHERE type = 'trigger' AND tbl_name GLOB 'session_0*'",
        "sqlite_master WHERE type = 'trigger' AND tbl_name = 'session_interactions'",
        "sessions WHERE user_id IS NULL AND created_at IS NULL AND last_activity IS NULL",
        "sessions WHERE created_at GLOB '*T*Z'",
        "session_interactions WHERE summary GLOB '*🗺*مرحبا*'",
        "session_interactions WHERE user_query GLOB '*DROP TABLE*'",
        "session_interactions WHERE user_query = '' AND chart_config IS NULL",
        "session_interactions WHERE NOT json_valid(chart_config)",
        "report_snapshots WHERE data_snapshot IS NULL",
        "report_snapshots WHERE NOT json_valid(data_snapshot)",
    ],
)
def test_the_sample_holds(sqlite_url: str, probe: Probes, case: str) -> None:
    app.build_sample(sqlite_url)
    assert probe(sqlite_url).value(f"SELECT count(*) FROM {case}") > 0


def test_rows_of_every_type_stay_as_they_are(sqlite_url: str, probe: Probes) -> None:
    values = "7, 2.5, x'00ff', 'nul' || char(0) || 'byte', '🗺 שלום', '''; DROP TABLE sessions; --', 1e300"
    more = (
        f"INSERT INTO session_interactions VALUES ({values}); INSERT INTO session_interactions VALUES "
        "(NULL, 'nobody', '', NULL, '', 'null', -0.0), (NULL, 'nobody', '', NULL, '', 'null', '');"
        "INSERT INTO sessions VALUES (NULL, NULL, NULL, NULL), (NULL, 1, x'', '');"
    )
    app.build(sqlite_url, more=more)
    columns = "id, session_id, user_query, sql_query, chart_config, summary, created_at"
    asked = [f"SELECT typeof({one}), quote({one}), hex({one}) FROM session_interactions" for one in columns.split(", ")]
    asked += ["SELECT typeof(id), quote(user_id), quote(created_at), quote(last_activity) FROM sessions"]
    before = [probe(sqlite_url).rows(query) for query in asked]
    app.migrate(sqlite_url)
    assert [probe(sqlite_url).rows(query) for query in asked] == before


def test_the_new_column_is_last_empty_and_takes_a_name_with_hyphens(sqlite_url: str, probe: Probes) -> None:
    app.build(sqlite_url)
    app.migrate(sqlite_url)
    columns = probe(sqlite_url).rows(
        "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info('session_interactions')"
    )
    assert columns[-1] == ("temp_table_name", "TEXT", 0, None)
    probe(sqlite_url).execute(f"UPDATE session_interactions SET temp_table_name = 'session_{app.ADA}_interaction_1'")
    assert len(probe(sqlite_url).rows("SELECT temp_table_name FROM session_interactions")) == 1


def test_a_view_and_a_trigger_that_were_broken_before_hinder_nothing(sqlite_url: str, probe: Probes) -> None:
    more = (
        "CREATE TABLE gone (x); CREATE VIEW broken AS SELECT x FROM gone; "
        "CREATE TRIGGER failing AFTER UPDATE ON sessions BEGIN UPDATE gone SET x = 1; END; DROP TABLE gone;"
    )
    app.build(sqlite_url, more=more)
    app.migrate(sqlite_url)
    names = "SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY name"
    assert probe(sqlite_url).rows(names) == [("broken",), ("failing",)]


def test_verify_holds_later_when_the_application_has_made_tables_of_its_own(
    sqlite_url: str, probe: Probes, cli: Cli
) -> None:
    app.build_sample(sqlite_url)
    app.migrate(sqlite_url)
    name = f"session_{app.ADA}_interaction_1"
    probe(sqlite_url).execute(
        f"CREATE TABLE \"{name}\" (x); UPDATE session_interactions SET temp_table_name = '{name}';"
        "DELETE FROM session_interactions WHERE id = 'i-4'"
    )
    done = cli("verify", "--db", str(app.file_of(sqlite_url)), "--dir", str(app.SERIES))
    assert done.returncode == 0, done.stdout
    assert "    ok               report_snapshots is gone" in done.stdout
    assert "    not re-runnable  no left-over table stands" in done.stdout


def test_by_hand_sqlite3_gives_the_same_tables_in_two_steps(sqlite_url: str, probe: Probes) -> None:
    by_hand = f"{sqlite_url}.hand"
    app.build_sample(sqlite_url)
    app.build_sample(by_hand)
    app.migrate(sqlite_url)
    drops = []
    with closing(sqlite3.connect(app.file_of(by_hand), isolation_level=None)) as connection:
        for piece in script.split(FILE.read_text(encoding="utf-8"), "sqlite", FILE):
            if piece.is_statement:
                drops += [text for (text,) in connection.execute(piece.statement)]
        assert not connection.in_transaction
        connection.executescript("\n".join(drops))
    assert probe(by_hand).snapshot() == probe(sqlite_url).snapshot()
