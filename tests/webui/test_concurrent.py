"""The application goes on writing while the merge begins, on PostgreSQL; SQLite lets nobody write beside it.

The requires are asked before the step has its locks, so what is committed between them and the locks is what matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from sessmig import CheckError, Report, StepError
from tests.fixtures import postgres
from tests.fixtures.probe import Probe
from tests.webui import legacy
from tests.webui.legacy import chat_session, old_message, old_session

Probes = Callable[[str], Probe]


@pytest.fixture
def standing(postgres_url: str) -> str:
    legacy.build(
        postgres_url,
        chat_sessions=[chat_session("s-0")],
        webui_sessions=[old_session("s-1")],
        webui_messages=[old_message("m-1", "s-1")],
    )
    return postgres_url


def _while_it_waits(url: str, database: Probe, write: str, run: Callable[[str], Any]) -> Future[Any]:
    """Run against a writer that commits only when the run waits for its lock, and return how the run ended."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with postgres.connect(url) as writer, ThreadPoolExecutor(1) as threads:
        writer.execute("BEGIN")
        writer.execute(write.encode())
        running = threads.submit(run, url)
        while not database.value(waiting) and not running.done():
            time.sleep(0.01)
        assert not running.done(), "the run did not wait for the writer"
        writer.execute("COMMIT")
    return running


def test_what_is_written_before_the_locks_comes_along(standing: str, probe: Probes) -> None:
    write = "INSERT INTO webui_messages VALUES ('late', 's-1', 'user', 'Just now', now(), NULL)"
    report: Report = _while_it_waits(standing, probe(standing), write, legacy.migrate).result()
    assert report.applied == 1
    assert {row.message_id for row in legacy.look(standing).chat_messages} == {"m-1", "late"}
    assert legacy.measures(standing)["messages_migrated"] == 2


def test_a_chat_message_written_before_the_locks_stays(standing: str, probe: Probes) -> None:
    write = "INSERT INTO chat_messages VALUES ('late', 's-0', 'user', 'Just now', now(), NULL)"
    assert _while_it_waits(standing, probe(standing), write, legacy.migrate).result().applied == 1
    assert legacy.look(standing).message("late").metadata is None


def test_a_clash_written_before_the_locks_is_found_by_the_account(standing: str, probe: Probes) -> None:
    write = "INSERT INTO chat_messages VALUES ('m-1', 's-0', 'user', 'Other words', now(), NULL)"
    ended = _while_it_waits(standing, probe(standing), write, legacy.migrate)
    with pytest.raises(CheckError, match="1 key stands in the target already, with other values"):
        ended.result()
    assert {"webui_sessions", "webui_messages"} < probe(standing).tables()
    assert legacy.look(standing).message("m-1").content == "Other words"


def test_an_unknown_role_written_before_the_locks_fails_the_statement(standing: str, probe: Probes) -> None:
    write = "INSERT INTO webui_messages VALUES ('late', 's-1', 'robot', 'Just now', now(), NULL)"
    ended = _while_it_waits(standing, probe(standing), write, legacy.migrate)
    with pytest.raises(StepError, match="chat_messages_role_check"):
        ended.result()
    assert legacy.look(standing).chat_messages == []


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO chat_messages VALUES ('late', 's-1', 'user', 'Just now', now(), NULL)",
        "UPDATE chat_messages SET content = 'edited' WHERE message_id = 'm-1'",
        "UPDATE chat_sessions SET updated_at = now() WHERE session_id = 's-1'",
    ],
)
def test_what_is_written_before_the_locks_undoes_a_rollback(standing: str, probe: Probes, write: str) -> None:
    legacy.migrate(standing)
    ended = _while_it_waits(standing, probe(standing), write, legacy.roll_back)
    with pytest.raises(
        StepError, match=r"1 (migrated \w+ were changed|messages were written to migrated sessions) since: "
    ):
        ended.result()
    assert {"webui_sessions_legacy", "webui_messages_legacy"} < probe(standing).tables()
    after = legacy.look(standing)
    assert {row.session_id for row in after.chat_sessions} == {"s-0", "s-1"}
    assert "m-1" in {row.message_id for row in after.chat_messages}


def test_a_rollback_takes_nothing_that_was_written_beside_it(standing: str, probe: Probes) -> None:
    legacy.migrate(standing)
    write = "INSERT INTO chat_messages VALUES ('late', 's-0', 'user', 'Just now', now(), NULL)"
    _while_it_waits(standing, probe(standing), write, legacy.roll_back).result()
    assert [row.message_id for row in legacy.look(standing).chat_messages] == ["late"]
