"""Metadata: what is no JSON object is kept whole, and what is one is kept to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sessmig import CheckError
from tests.fixtures.probe import Probe
from tests.webui import legacy
from tests.webui.legacy import old_message, old_session

Probes = Callable[[str], Probe]


def _both(url: str, metadata: legacy.Value) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give a session and a message this metadata, migrate, and return what each has then, without what is added."""
    legacy.build(url, webui_sessions=[old_session(metadata=metadata)], webui_messages=[old_message(metadata=metadata)])
    legacy.migrate(url)
    after = legacy.look(url)
    session, message = (json.loads(row.metadata or "") for row in (after.session("s-1"), after.message("m-1")))
    added = {"source": "webui_migration", "migrated_at": legacy.measures(url)["migrated_at"]}
    for key, value in added.items():
        assert (session.pop(key), message.pop(key)) == (value, value)
    for key, value in {"original_user_id": "ada", "conversation_mode": "chat", "execution_phase": "planning"}.items():
        assert session.pop(key) == value
    return session, message


@pytest.mark.parametrize("metadata", [None, "{}"])
def test_null_and_an_empty_object_leave_nothing_but_what_is_added(database_url: str, metadata: str | None) -> None:
    assert _both(database_url, metadata) == ({}, {})


def test_the_empty_text_counts_as_an_empty_object(sqlite_url: str) -> None:
    assert _both(sqlite_url, "") == ({}, {})


@pytest.mark.parametrize(
    "text",
    [
        "draft",
        "{",
        '{"half": ',
        "{'a': 1}",
        '{"a": 1} x',
        "[1,]",
        "01",
        "NaN",
        " ",
        "\n",
        "\ufeff{}",
        "nul\0byte",
        '"',
        "\\",
    ],
)
def test_text_that_is_no_json_is_kept_under_original_metadata(sqlite_url: str, text: str) -> None:
    kept = {"original_metadata": text}
    assert _both(sqlite_url, text) == (kept, kept)


def test_json_with_a_nul_behind_it_is_kept_to_its_end(sqlite_url: str) -> None:
    text = '{"a": 1}\0and more'
    assert _both(sqlite_url, text) == ({"original_metadata": text}, {"original_metadata": text})


def test_bytes_are_kept_in_hex(sqlite_url: str) -> None:
    kept = {"original_metadata": {"hex": "00FF7B7D"}}
    assert _both(sqlite_url, b"\x00\xff{}") == (kept, kept)


@pytest.mark.parametrize("text", ["[]", '["red", 2, null]', "42", "-1.5", "null", "true", '"just so"', '""', '"{}"'])
def test_json_that_is_no_object_is_kept_under_original_metadata(database_url: str, text: str) -> None:
    kept = {"original_metadata": json.loads(text)}
    assert _both(database_url, text) == (kept, kept)


def test_what_was_no_object_is_named_by_a_warning(database_url: str) -> None:
    legacy.build(
        database_url,
        webui_sessions=[old_session("s-1", metadata="[1]"), old_session("s-2", metadata='{"a": 1}')],
        webui_messages=[old_message("m-1", metadata="7"), old_message("m-2")],
    )
    report = legacy.migrate(database_url)
    (warning,) = [c for c in report.steps[-1].checks if c.name.startswith("metadata of migrated rows that was no JSON")]
    assert warning.outcome == "warned"
    assert warning.examples == (("chat_messages", "m-1", "7"), ("chat_sessions", "s-1", "[1]"))


@pytest.mark.parametrize(
    "number",
    ["1.0", "1.50", "-0.0", "1e400", "1E+2", "12345678901234567890", "9007199254740993", "0.1000000000000000055511"],
)
@pytest.mark.parametrize("form", ['{{"n": {}}}', '{{"deep": [{{"n": {}}}]}}', "[{}]", "{}"])
def test_numbers_are_as_they_were_written_in_sqlite(sqlite_url: str, probe: Probes, number: str, form: str) -> None:
    text = form.format(number)
    legacy.build(sqlite_url, webui_sessions=[old_session(metadata=text)], webui_messages=[old_message(metadata=text)])
    legacy.migrate(sqlite_url)
    for table in ("chat_sessions", "chat_messages"):
        metadata = probe(sqlite_url).value(f"SELECT metadata FROM {table}")
        assert text.replace(" ", "").strip("{}") in metadata.replace(" ", "")


@pytest.mark.parametrize("number", ["1.50", "1e30", "12345678901234567890.5", "9007199254740993"])
def test_numbers_are_as_they_were_in_postgres(postgres_url: str, probe: Probes, number: str) -> None:
    text = f'{{"n": {number}}}'
    legacy.build(postgres_url, webui_sessions=[old_session(metadata=text)], webui_messages=[old_message(metadata=text)])
    legacy.migrate(postgres_url)
    for kind in ("sessions", "messages"):
        old = probe(postgres_url).value(f"SELECT CAST(metadata -> 'n' AS TEXT) FROM webui_{kind}_legacy")
        new = probe(postgres_url).value(f"SELECT CAST(metadata -> 'n' AS TEXT) FROM chat_{kind}")
        assert new == old


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\\",
        "\\\\",
        '"',
        "'",
        "\n\r\t\b\f",
        "\u0001\u001f\u007f",
        "👩‍👩‍👧",
        "𝔘𝔫𝔦",
        "مرحبا",
        "e\u0301",
        "/",
        "\u2028",
        "\\u0041",
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_texts_are_as_they_were_however_they_are_escaped(database_url: str, text: str, ascii_only: bool) -> None:
    own = {"text": text, f"key {text}": [text]}
    assert _both(database_url, json.dumps(own, ensure_ascii=ascii_only)) == (own, own)


@pytest.mark.parametrize("value", [None, True, False, 0, "", [], {}, [None, [True, {"x": {}}]]])
def test_values_keep_their_kind(database_url: str, value: Any) -> None:
    session, message = _both(database_url, json.dumps({"value": value}))
    assert (json.dumps(session), json.dumps(message)) == (json.dumps({"value": value}),) * 2


@pytest.mark.parametrize(
    "text", ['{"source": 1, "source": 2}', '{"sour\\u0063e": 1}', '{"migrated_at": 1, "migrated_at": 2}']
)
def test_a_name_that_is_written_and_stands_twice_or_escaped_is_kept_whole(
    sqlite_url: str, probe: Probes, text: str
) -> None:
    legacy.build(sqlite_url, webui_sessions=[old_session(metadata=text)], webui_messages=[old_message(metadata=text)])
    legacy.migrate(sqlite_url)
    for table in ("chat_sessions", "chat_messages"):
        kept = probe(sqlite_url).value(f"SELECT metadata -> '$.original_metadata' FROM {table}")
        assert kept == text.replace(" ", "")


def test_a_source_of_its_own_in_a_message_is_kept_as_original_source(database_url: str) -> None:
    session, message = _both(database_url, '{"source": "telegram", "model": "small"}')
    assert session == message == {"original_source": "telegram", "model": "small"}


def test_names_that_are_written_do_not_overwrite_what_a_message_held(database_url: str) -> None:
    own = {"source": "a", "original_source": "b", "original_metadata": {"c": 1}, "migrated_at": None}
    kept = {"original_source": "a", "original_metadata": own}
    assert _both(database_url, json.dumps(own)) == (kept, kept)


def test_a_message_gets_no_mode_phase_or_user(database_url: str) -> None:
    legacy.build(database_url, webui_sessions=[old_session()], webui_messages=[old_message()])
    legacy.migrate(database_url)
    metadata = json.loads(legacy.look(database_url).message("m-1").metadata or "")
    assert sorted(metadata) == ["migrated_at", "source"]


_DAMAGES = {
    "a key is dropped": "json_remove(metadata, '$.theme')",
    "a number is rounded": "json_set(metadata, '$.ratio', 1)",
    "a key with a quotation mark is changed": 'replace(metadata, \'"q\\"k":1\', \'"q\\"k":2\')',
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_the_checks_find_metadata_that_was_damaged(sqlite_url: str, probe: Probes, damage: str) -> None:
    """The checks are asked of a database in which the statements did something else: a trigger damages the row."""
    metadata = '{"theme": "dark", "ratio": 1.0, "q\\"k": 1}'
    legacy.build(sqlite_url, webui_sessions=[old_session(metadata=metadata)])
    probe(sqlite_url).execute(
        "CREATE TRIGGER spoil AFTER INSERT ON chat_sessions "
        f"BEGIN UPDATE chat_sessions SET metadata = {_DAMAGES[damage]}; END"
    )
    before = probe(sqlite_url).snapshot()
    with pytest.raises(CheckError, match="check failed: no metadata of a migrated session is lost"):
        legacy.migrate(sqlite_url)
    after = probe(sqlite_url).snapshot()
    assert after["rows"] == before["rows"]
