"""The sample in `legacy/`: it loads alone, and holds every odd case that the migration survives."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing

import pytest

from sessmig import CheckError
from tests.clinic import data, legacy, model
from tests.clinic.data import DERMA, DIAGNOSIS
from tests.fixtures import postgres
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

_BOTH = {
    "a value in every column": "derma_sessions WHERE id = 'd-01' AND awaiting_image IS NOT NULL",
    "quick options of derma": "derma_sessions WHERE CAST(quick_options AS TEXT) LIKE '[\"yes%'",
    "NULL everywhere": "derma_sessions WHERE stage IS NULL AND messages IS NULL AND created_at IS NULL",
    "NULL in diagnosis": "diagnosis_sessions WHERE stage IS NULL AND messages IS NULL AND updated_at IS NULL",
    "JSON null": "derma_sessions WHERE CAST(symptoms AS TEXT) = 'null' AND CAST(messages AS TEXT) = 'null'",
    "no options, with a blank": "derma_sessions WHERE CAST(quick_options AS TEXT) = '[ ]'",
    "a completed session": "derma_sessions WHERE stage = 'completed'",
    "an empty risk": "derma_sessions WHERE risk_level = ''",
    "the same words twice": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%好的%好的%好的%'",
    "empty content": 'derma_sessions WHERE CAST(messages AS TEXT) LIKE \'%"content": ""%\'',
    "no content": 'derma_sessions WHERE CAST(messages AS TEXT) LIKE \'%{"role": "user"}%\'',
    "elements that are no object": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%\"only text\", [], 7%'",
    "each role": 'derma_sessions WHERE CAST(messages AS TEXT) LIKE \'%"ai"%"system"%"doctor"%\'',
    "each task": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%skin_analysis%analyze_skin%report_interpret%'",
    "content that is a number": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%37.50%'",
    "an offset": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%+08:00%+0530%'",
    "a day that is none": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%2026-02-30%'",
    "a time that is none": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%\"yesterday\"%'",
    "a number for a time": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%\"timestamp\": 17%'",
    "an object for a list": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '{%'",
    "JSON that is no list": "derma_sessions WHERE CAST(symptoms AS TEXT) = '\"itching\"'",
    "text that looks like JSON": "derma_sessions WHERE chief_complaint LIKE '[\"a text%'",
    "four bytes, and half of them as escapes": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%🗺%ud83d%ude00%'",
    "right to left": "derma_sessions WHERE CAST(messages AS TEXT) LIKE '%שלום%'",
    "a backslash": "derma_sessions WHERE care_advice LIKE '%C:_temp%'",
    "ids that differ by case": "derma_sessions AS d WHERE id = 'D-09' AND EXISTS (SELECT 1 FROM derma_sessions"
    " WHERE id = lower(d.id))",
    "a key twice": 'derma_sessions WHERE CAST(messages AS TEXT) LIKE \'%"first"%"content": "last"%\'',
    "numbers with many digits": "derma_sessions WHERE CAST(skin_analyses AS TEXT) LIKE '%12345678901234567890%'",
    "an id in sessions, of another user": "derma_sessions AS d JOIN sessions AS s USING (id)"
    " WHERE d.user_id <> s.user_id",
    "an id in both old tables": "derma_sessions JOIN diagnosis_sessions USING (id)",
    "a message that was copied by hand": "messages WHERE content = '好的' AND structured_data IS NULL",
    "an empty chief complaint": "diagnosis_sessions WHERE chief_complaint = ''",
    "an own session without state or messages": "sessions AS s WHERE agent_state IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM messages WHERE session_id = s.id)",
    "an own message with attachments": "messages WHERE attachments IS NOT NULL",
}
_SQLITE = {
    "the empty text in JSON": "derma_sessions WHERE symptoms = '' AND messages = ''",
    "the empty text for a flag": "derma_sessions WHERE need_offline_visit = ''",
    "symptoms that are no JSON": "derma_sessions WHERE symptoms = 'itching, redness'",
    "a list that is no JSON": "derma_sessions WHERE messages LIKE '[''user:%'",
    "words for a flag": "derma_sessions WHERE need_offline_visit = 'yes' AND awaiting_image = 'false'",
    "a NUL in a text": "derma_sessions WHERE instr(CAST(chief_complaint AS BLOB), x'00') > 0",
    "a NUL in JSON": "derma_sessions WHERE instr(messages, '\"one\\u0000two') > 0",
    "what looks like a NUL": "derma_sessions WHERE instr(messages, '\\\\u0000') > 0",
    "a session's time in ISO": "derma_sessions WHERE created_at LIKE '%T%+08:00'",
    "a session's time that is none": "derma_sessions WHERE updated_at = 'yesterday'",
    "state of the application that is no JSON": "sessions WHERE NOT json_valid(agent_state)",
}


def build_sample(url: str) -> None:
    """Make the sample that stands in `legacy/`, by its own files."""
    dialect = legacy.dialect_of(url)
    files = [data.SERIES / "legacy" / f"{dialect}_{name}.sql" for name in ("1_schema", "2_sample")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    if dialect == "postgres":
        with postgres.connect(url) as connection:
            for text in texts:
                connection.execute(text.encode())
        return
    with closing(sqlite3.connect(legacy.file_of(url))) as file:
        for text in texts:
            file.executescript(text)


def _holds(database: Probe, case: str) -> bool:
    return bool(database.value(f"SELECT count(*) FROM {case}"))


def test_the_sample_holds_every_case_of_both_databases(database_url: str, probe: Probes) -> None:
    build_sample(database_url)
    assert [name for name, case in _BOTH.items() if not _holds(probe(database_url), case)] == []


def test_the_sample_of_sqlite_holds_every_case_of_its_own(sqlite_url: str, probe: Probes) -> None:
    build_sample(sqlite_url)
    assert [name for name, case in _SQLITE.items() if not _holds(probe(sqlite_url), case)] == []


def test_the_sample_migrates_to_what_the_model_says_and_back_to_the_start(database_url: str, probe: Probes) -> None:
    build_sample(database_url)
    start, before = legacy.picture(probe(database_url)), legacy.look(database_url)
    expected = model.migrate(before)
    legacy.migrate(database_url)
    sessions, messages = model.arrived(before, legacy.look(database_url))
    assert messages == expected.messages
    differing = {name for name in expected.sessions if sessions[name] != expected.sessions[name]}
    assert differing == ({"d-04", "d-11"} if legacy.dialect_of(database_url) == "sqlite" else set())  # see below
    assert sessions.keys() == expected.sessions.keys()
    legacy.roll_back(database_url, to=0)
    assert legacy.picture(probe(database_url)) == start


def test_flags_that_are_words_become_true_and_false_and_the_empty_text_is_none(sqlite_url: str) -> None:
    """The model reads numbers only."""
    build_sample(sqlite_url)
    legacy.migrate(sqlite_url)
    states = [legacy.state(sqlite_url, name) for name in ("d-04", "d-11")]
    flags = [(state["need_offline_visit"], state["awaiting_image"]) for state in states]
    assert flags == [(None, None), (True, False)]


@pytest.mark.parametrize("word", ["maybe", "2026-01-05"])
def test_a_flag_that_is_no_word_for_yes_or_no_stops_it_by_name(sqlite_url: str, word: str) -> None:
    rows = {"users": [data.user()], DERMA: [data.derma("d-1", awaiting_image=word)]}
    legacy.build(sqlite_url, rows)
    with pytest.raises(
        CheckError, match=r"require failed: every flag is a number, or a word for yes or no\n.*\n.*\n.*d-1"
    ):
        legacy.migrate(sqlite_url)
    assert legacy.look(sqlite_url)["sessions"] == []


@pytest.mark.parametrize("table", [DERMA, DIAGNOSIS])
def test_bytes_where_text_is_meant_stop_it_by_name(sqlite_url: str, table: str) -> None:
    rows = {"users": [data.user()], table: [data.old_row(table, "odd", chief_complaint=b"\x00\xff")]}
    legacy.build(sqlite_url, rows)
    with pytest.raises(CheckError, match="require failed: no session holds bytes"):
        legacy.migrate(sqlite_url)
    assert legacy.look(sqlite_url)["sessions"] == []


def test_half_a_character_in_a_message_stops_it_by_name(sqlite_url: str) -> None:
    rows = {"users": [data.user()], DERMA: [data.derma("d-1", '[{"content": "cut \\ud83d off"}]')]}
    legacy.build(sqlite_url, rows)
    with pytest.raises(CheckError, match="require failed: every message can be read as text"):
        legacy.migrate(sqlite_url)
    assert legacy.look(sqlite_url)["messages"] == []


def test_the_two_files_load_in_the_order_of_their_names_and_psql_and_sessmig_give_the_same(
    postgres_server: PostgresServer, new_postgres_url: Callable[[], str]
) -> None:
    """As the comments in the sample and in the migrations say: psql -f, one after the other."""
    psql = "psql" if postgres_server.programs is None else postgres_server.programs / "psql"
    by_hand, ours = new_postgres_url(), new_postgres_url()
    files = sorted((data.SERIES / "legacy").glob("postgres_*.sql"))
    files += [path for path in sorted((data.SERIES / "postgres").glob("000[123]_*.sql")) if path.name.count(".") == 1]
    asked = [argument for file in files for argument in ("-f", str(file))]
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *asked, by_hand]
    subprocess.run(command, check=True, capture_output=True)
    build_sample(ours)
    legacy.migrate(ours)
    assert legacy.look(by_hand) == legacy.look(ours)


def test_sqlite3_and_sessmig_give_the_same_there_and_back(sqlite_url: str) -> None:
    by_hand = f"{sqlite_url}.plain"
    for url in (sqlite_url, by_hand):
        build_sample(url)
    before = legacy.look(by_hand)
    legacy.migrate(sqlite_url)
    folder = data.SERIES / "sqlite"
    ways = [path for path in sorted(folder.glob("000[123]_*.sql")) if path.name.count(".") == 1]
    with closing(sqlite3.connect(legacy.file_of(by_hand), isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys = ON")
        for path in ways:
            file.executescript(path.read_text(encoding="utf-8"))
        assert legacy.look(by_hand) == legacy.look(sqlite_url)
        for path in reversed(ways):
            file.executescript(path.with_suffix(".rollback.sql").read_text(encoding="utf-8"))
    assert legacy.look(by_hand) == before
