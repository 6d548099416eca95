"""The sample in `legacy/`: it loads alone, and holds every odd case that the merge survives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.webui import data, legacy, model

Probes = Callable[[str], Probe]

_IN_CHAT = "EXISTS (SELECT 1 FROM chat_sessions AS c WHERE c.session_id = m.session_id)"
_IN_WEBUI = "EXISTS (SELECT 1 FROM webui_sessions AS s WHERE s.session_id = m.session_id)"
_BOTH = {
    "a title": "webui_sessions WHERE session_id = 'ws-01' AND metadata LIKE '%\"title\": \"Ada%'",
    "no title": 'webui_sessions WHERE metadata = \'{"theme": "dark"}\'',
    "an empty title": 'webui_sessions WHERE metadata = \'{"title": ""}\'',
    "a title that is no text": "webui_sessions WHERE metadata = '{\"title\": 7}'",
    "metadata NULL in a session": "webui_sessions WHERE metadata IS NULL",
    "metadata NULL in a message": "webui_messages WHERE metadata IS NULL",
    "metadata an array": "webui_sessions WHERE metadata LIKE '[%'",
    "metadata a number": "webui_sessions WHERE metadata = '42'",
    "metadata JSON null": "webui_sessions WHERE metadata = 'null'",
    "metadata of a message an array": "webui_messages WHERE metadata LIKE '[%'",
    "metadata of a message JSON null": "webui_messages WHERE metadata = 'null'",
    "a source of its own in a session": 'webui_sessions WHERE metadata LIKE \'%"source": "telegram"%\'',
    "a source of its own in a message": 'webui_messages WHERE metadata LIKE \'%"source": "telegram"%\'',
    "a mode of its own": "webui_sessions WHERE metadata LIKE '%conversation_mode%'",
    "a phase of its own": "webui_sessions WHERE metadata LIKE '%execution_phase%'",
    "the names that are written in a session": "webui_sessions WHERE metadata LIKE '%original_user_id%'",
    "the names that are written in a message": "webui_messages WHERE metadata LIKE '%original_metadata%'",
    "a session in both tables": "webui_sessions JOIN chat_sessions USING (session_id) WHERE title LIKE 'Renamed%'",
    "an apostrophe in a user": "webui_sessions WHERE user_id LIKE '%''%'",
    "an apostrophe in content": "webui_messages WHERE content LIKE '%''%'",
    "a backslash in content": "webui_messages WHERE content LIKE 'C:_temp%'",
    "newlines in content": "webui_messages WHERE content LIKE 'one' || {newline} || '%'",
    "four bytes a character": "webui_messages WHERE content LIKE '%🗺%'",
    "right to left": "webui_messages WHERE content LIKE '%שלום%'",
    "empty content": "webui_messages WHERE content = ''",
    "the same words twice": "webui_messages WHERE content = '好的' AND message_id <> 'wm-22'",
    "content like SQL": "webui_messages WHERE content LIKE '%DROP TABLE%'",
    "each role": "webui_messages WHERE (SELECT count(DISTINCT role) FROM webui_messages) = 4",
    "a session in chat_sessions only": f"webui_messages AS m WHERE {_IN_CHAT} AND NOT {_IN_WEBUI}",
    "no session at all": f"webui_messages AS m WHERE NOT {_IN_CHAT} AND NOT {_IN_WEBUI}",
    "an identical message": "webui_messages AS m JOIN chat_messages AS c USING (message_id, content)",
    "orphans from before": f"chat_messages AS m WHERE NOT {_IN_CHAT}",
    "NULL where a column lets it in": "chat_sessions WHERE task_id IS NULL AND created_at IS NULL AND metadata IS NULL",
    "NULL in a chat message": "chat_messages WHERE created_at IS NULL AND metadata IS NULL",
    "a row of another merge": "chat_sessions WHERE metadata LIKE '%webui_migration%'",
    "numbers that must not be rounded": "webui_sessions WHERE metadata LIKE '%12345678901234567890%'",
}
_SQLITE = {
    "metadata the empty text": "webui_sessions WHERE metadata = ''",
    "metadata of a message the empty text": "webui_messages WHERE metadata = ''",
    "metadata that is no JSON": "webui_sessions WHERE NOT json_valid(metadata) AND metadata <> ''",
    "metadata of a message that is no JSON": "webui_messages WHERE NOT json_valid(metadata) AND metadata <> ''",
    "ISO with T and Z": "webui_sessions WHERE created_at GLOB '*T*Z'",
    "an offset": "webui_sessions WHERE created_at LIKE '%-02:00'",
    "fractions of a second": "webui_sessions WHERE created_at LIKE '%.123456'",
    "no time at all": "webui_messages WHERE created_at = ''",
    "a time that is none": "webui_sessions WHERE created_at = 'yesterday'",
    "seconds since 1970": "webui_messages WHERE created_at = '1767225600'",
    "application metadata that is no JSON": "chat_sessions WHERE NOT json_valid(metadata)",
    "the broken trigger": "sqlite_master WHERE type = 'trigger' AND name = 'update_projects_timestamp'",
}


@pytest.mark.parametrize("case", _BOTH)
def test_the_sample_holds(database_url: str, probe: Probes, case: str) -> None:
    legacy.build_sample(database_url)
    text = _BOTH[case].format(newline="char(10)") if "{newline}" in _BOTH[case] else _BOTH[case]
    if legacy.dialect_of(database_url) == "postgres":
        text = text.replace("metadata LIKE", "metadata::text LIKE").replace("char(10)", "chr(10)")
    assert probe(database_url).value(f"SELECT count(*) FROM {text}") > 0


@pytest.mark.parametrize("case", _SQLITE)
def test_the_sample_of_sqlite_holds(sqlite_url: str, probe: Probes, case: str) -> None:
    legacy.build_sample(sqlite_url)
    assert probe(sqlite_url).value(f"SELECT count(*) FROM {_SQLITE[case]}") > 0


def test_the_sample_migrates_to_what_the_model_says(database_url: str) -> None:
    legacy.build_sample(database_url)
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    after, measured = legacy.look(database_url), legacy.measures(database_url)
    expected = model.merge(before, legacy.dialect_of(database_url), measured["migrated_at"])
    assert model.arrived(before, after) == (expected.sessions, expected.messages)
    assert (len(expected.sessions), len(expected.messages)) == (14, 24)
    assert expected.rejected == {"wm-21"}
    assert expected.already_there == (1, 1)


def test_the_titles_of_the_sample_read_well(database_url: str) -> None:
    legacy.build_sample(database_url)
    legacy.migrate(database_url)
    after = legacy.look(database_url)
    titles = {name: after.session(name).title for name in ("ws-01", "ws-02", "ws-03", "ws-13", "ws-14", "ws-15")}
    assert titles == {
        "ws-01": "Ada's notes on C:\\temp",
        "ws-02": "Chat 2026-01-02",
        "ws-03": "Chat 2026-01-04",
        "ws-13": "Renamed in the new application",
        "ws-14": "🗺 مرحبا 你好",
        "ws-15": "Chat yesterday" if legacy.dialect_of(database_url) == "sqlite" else "Chat 2026-01-15",
    }
    assert json.loads(after.session("ws-11").metadata or "")["conversation_mode"] == "task"


def test_the_legacy_schema_is_the_one_that_the_samples_are_loaded_into(database_url: str, probe: Probes) -> None:
    legacy.build(database_url)
    tables = {"schema_version", "chat_sessions", "chat_messages", "webui_sessions", "webui_messages"}
    assert probe(database_url).tables() - {"projects"} == tables
    assert probe(database_url).rows("SELECT version FROM schema_version") == [("0.33.0",)]


def test_the_three_files_load_in_the_order_of_their_names(
    postgres_server: PostgresServer, postgres_url: str, probe: Probes
) -> None:
    """As the comment in the sample says: psql -f, one after the other."""
    psql = "psql" if postgres_server.programs is None else postgres_server.programs / "psql"
    files = [arg for path in sorted((data.SERIES / "legacy").glob("postgres_*.sql")) for arg in ("-f", str(path))]
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *files, postgres_url]
    subprocess.run(command, check=True, capture_output=True)
    assert probe(postgres_url).value("SELECT count(*) FROM webui_messages") == 26
    key = probe(postgres_url).rows("SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f'")
    assert key == [("chat_messages_session_fk", False)]
