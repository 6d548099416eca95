"""Messages: which come, word for word, and which stay behind and are named."""

from __future__ import annotations

from typing import Any

import pytest

from sessmig import Report
from sessmig.results import CheckResult
from tests.webui import legacy
from tests.webui.legacy import chat_message, chat_session, old_message, old_session


def _warning(report: Report, start: str) -> CheckResult:
    (found,) = [check for check in report.steps[-1].checks if check.verb == "warn" and check.name.startswith(start)]
    return found


@pytest.mark.parametrize(
    "content",
    [
        "",
        " ",
        "It's \"fine\", isn't it?",
        "C:\\temp\\new and \\u0041 and \\",
        "one\ntwo\r\n\n\tthree  ",
        "🗺️ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧",
        "مرحبا بالعالم, שלום \u202e",
        "e\u0301 is not é",
        "'; DROP TABLE chat_messages; -- ${x} %s ? :name $1",
        "\u0001\u007f\ufeff",
        "x" * 1_000_000,
    ],
)
def test_content_arrives_word_for_word(database_url: str, content: str) -> None:
    legacy.build(database_url, webui_sessions=[old_session()], webui_messages=[old_message(content=content)])
    legacy.migrate(database_url)
    assert legacy.look(database_url).message("m-1")[:5] == legacy.look(database_url).old_messages[0][:5]
    assert legacy.look(database_url).message("m-1").content == content


@pytest.mark.parametrize("content", [b"\x00\xff\xfe", "nul\0byte"])
def test_bytes_and_nul_in_content_arrive(sqlite_url: str, content: Any) -> None:
    legacy.build(sqlite_url, webui_sessions=[old_session()], webui_messages=[old_message(content=content)])
    legacy.migrate(sqlite_url)
    assert legacy.look(sqlite_url).message("m-1").content == content


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_every_role_that_chat_messages_knows_arrives(database_url: str, role: str) -> None:
    legacy.build(database_url, webui_sessions=[old_session()], webui_messages=[old_message(role=role)])
    legacy.migrate(database_url)
    assert legacy.look(database_url).message("m-1").role == role


def test_the_same_words_at_the_same_time_are_two_messages(database_url: str) -> None:
    twice = [old_message("m-1", content="好的"), old_message("m-2", content="好的")]
    legacy.build(database_url, webui_sessions=[old_session()], webui_messages=twice)
    legacy.migrate(database_url)
    assert [row.content for row in legacy.look(database_url).chat_messages] == ["好的", "好的"]


def test_messages_of_sessions_in_either_table_arrive(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("both"), chat_session("chat only")],
        webui_sessions=[old_session("both"), old_session("webui only")],
        webui_messages=[old_message(f"m {home}", home) for home in ("both", "chat only", "webui only")],
    )
    legacy.migrate(database_url)
    arrived = {(row.message_id, row.session_id) for row in legacy.look(database_url).chat_messages}
    assert arrived == {("m both", "both"), ("m chat only", "chat only"), ("m webui only", "webui only")}
    assert legacy.measures(database_url)["messages_migrated"] == 3


def test_messages_without_a_session_are_rejected_by_name_counted_and_kept(database_url: str) -> None:
    legacy.build(
        database_url,
        webui_sessions=[old_session()],
        webui_messages=[old_message("m-1"), old_message("lost-1", "gone"), old_message("lost-2", "gone")],
    )
    before = legacy.look(database_url)
    report = legacy.migrate(database_url)
    after, measured = legacy.look(database_url), legacy.measures(database_url)
    warning = _warning(report, "messages rejected: no such session")
    assert (warning.outcome, warning.total) == ("warned", 2)
    assert [example[:2] for example in warning.examples] == [("lost-1", "gone"), ("lost-2", "gone")]
    account = report.steps[-1].merges[1]
    assert (account.source, account.inserted, account.rejected) == (3, 1, (("no such session", 2),))
    assert (measured["messages_before"], measured["messages_migrated"]) == (3, 1)
    assert [row.message_id for row in after.chat_messages] == ["m-1"]
    assert after.old_messages == before.old_messages


def test_an_identical_message_counts_as_already_there(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session()],
        chat_messages=[chat_message(metadata='{"tokens": 7}')],
        webui_sessions=[old_session()],
        webui_messages=[old_message(metadata='{"client": "web"}')],
    )
    before = legacy.look(database_url)
    report = legacy.migrate(database_url)
    measured = legacy.measures(database_url)
    account = report.steps[-1].merges[1]
    assert (account.identical, account.inserted, measured["messages_migrated"]) == (1, 0, 0)
    assert legacy.look(database_url).chat_messages == before.chat_messages
    warning = _warning(report, "messages that were in chat_messages already, with other metadata")
    assert (warning.total, warning.examples[0][0]) == (1, "m-1")


def test_an_orphan_that_says_the_same_is_already_there_and_not_rejected(database_url: str) -> None:
    legacy.build(
        database_url, chat_messages=[chat_message(session_id="gone")], webui_messages=[old_message("m-1", "gone")]
    )
    account = legacy.migrate(database_url).steps[-1].merges[1]
    assert (account.source, account.identical, account.rejected) == (1, 1, (("no such session", 0),))


def test_orphans_from_before_stay_orphans(database_url: str) -> None:
    orphans = [chat_message(f"o-{number}", "gone") for number in range(3)]
    legacy.build(database_url, chat_messages=orphans, webui_sessions=[old_session()], webui_messages=[old_message()])
    before = legacy.look(database_url)
    report = legacy.migrate(database_url)
    assert set(before.chat_messages) < set(legacy.look(database_url).chat_messages)
    assert _warning(report, "orphaned chat messages, whose session").total == 3
    assert legacy.measures(database_url)["orphans_before"] == 3


def test_an_orphan_whose_session_comes_is_an_orphan_no_longer_and_said(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_messages=[chat_message("o-1", "s-1"), chat_message("o-2", "gone")],
        webui_sessions=[old_session("s-1")],
    )
    before = legacy.look(database_url)
    report = legacy.migrate(database_url)
    assert legacy.look(database_url).chat_messages == before.chat_messages
    assert _warning(report, "orphaned chat messages, whose session").examples[0][:2] == ("o-2", "gone")
    assert _warning(report, "orphaned chat messages that got their session back").examples == ((1,),)
    measured = legacy.measures(database_url)
    assert (measured["orphans_before"], measured["orphans_with_session_arriving"]) == (2, 1)


def test_nulls_stand_wherever_a_column_lets_them_in(database_url: str) -> None:
    legacy.build(
        database_url,
        chat_sessions=[chat_session("c-1", task_id=None, created_at=None, updated_at=None, metadata=None)],
        chat_messages=[chat_message("n-1", "c-1", created_at=None, metadata=None)],
        webui_sessions=[old_session(metadata=None)],
        webui_messages=[old_message(metadata=None)],
    )
    before = legacy.look(database_url)
    legacy.migrate(database_url)
    after = legacy.look(database_url)
    assert after.session("c-1") == before.session("c-1")
    assert after.message("n-1") == before.message("n-1")
    assert (len(after.chat_sessions), len(after.chat_messages)) == (2, 2)


def test_null_ids_in_the_chat_tables_hinder_nothing(sqlite_url: str) -> None:
    legacy.build(
        sqlite_url,
        chat_sessions=[chat_session(None), chat_session(None, title="Another")],
        chat_messages=[chat_message(None, "gone"), chat_message(None, "s-1")],
        webui_sessions=[old_session()],
        webui_messages=[old_message(), old_message("m-2", "nowhere")],
    )
    before = legacy.look(sqlite_url)
    legacy.migrate(sqlite_url)
    after = legacy.look(sqlite_url)
    assert set(before.chat_sessions) < set(after.chat_sessions)
    assert set(before.chat_messages) < set(after.chat_messages)
    assert (len(after.chat_sessions), len(after.chat_messages)) == (3, 3)
