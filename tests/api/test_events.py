"""Whoever watches a run is told in order; logging, output and the caller's own errors are left alone."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sessmig import Event, LockError, StepError, ensure_migrations
from sessmig.databases import connect
from sessmig.idle import Look
from sessmig.report import text_lines
from sessmig.start import ensure
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

FILES = {
    "0001_people.sql": "-- Who there is\nCREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_fill.sql": "INSERT INTO people VALUES (1, 'Ada');\n",
}
BAD = {"0003_bad.sql": "INSERT INTO nowhere VALUES (1);\n"}
LEDGER = {"schema_migrations", "schema_migrations_log"}


class RefusalError(Exception):
    """What a callback of the caller raises."""


def test_events_come_in_order_and_carry_what_the_step_did(database_url: str, migrations: WriteMigrations) -> None:
    events: list[Event] = []
    report = ensure_migrations(database_url, migrations(FILES), on_event=events.append)
    assert [(event.kind, event.title) for event in events] == [
        ("plan", ""),
        ("step", "0001_people"),
        ("done", "0001_people"),
        ("step", "0002_fill"),
        ("done", "0002_fill"),
    ]
    assert events[0].text == "2 migrations pending"
    assert events[1].text == "0001_people: Who there is"
    assert [event.report for event in events if event.kind == "done"] == list(report.steps)


def test_with_nothing_pending_there_is_no_event(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    events: list[Event] = []
    ensure_migrations(database_url, folder, on_event=events.append)
    assert events == []


@pytest.mark.parametrize("steps", [1, 2])
def test_a_step_that_others_have_done_meanwhile_is_passed_and_stands(
    database_url: str, migrations: WriteMigrations, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    folder = migrations(FILES)
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if event.kind == "plan":
            ensure(Look(), database_url, folder, to=steps)

    with caplog.at_level("INFO", "sessmig"):
        report = ensure_migrations(database_url, folder, backup="never", on_event=watch)
    told = [(event.kind, event.text) for event in events if event.kind in ("done", "passed")]
    passed = [("passed", f"{name}: already applied by another process") for name in ("0001_people", "0002_fill")]
    assert told[:steps] == passed[:steps]
    assert [kind for kind, _ in told[steps:]] == ["done"] * (2 - steps)
    assert (report.applied, report.standing) == (2 - steps, steps)
    assert "0001_people: already applied by another process" in caplog.messages
    last = list(text_lines(report))[-1]
    if steps == 2:
        assert last == "nothing left to do: others have applied 2 migrations meanwhile"
    else:
        assert re.fullmatch(r"1 migration applied in .* m?s, 1 by others meanwhile", last)


def test_a_failure_is_an_event_after_the_step_was_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    events: list[Event] = []
    logged: list[Any] = []

    def watch(event: Event) -> None:
        events.append(event)
        if event.kind == "failed":
            logged.extend(probe(database_url).rows("SELECT version, outcome FROM schema_migrations_log ORDER BY id"))

    with pytest.raises(StepError) as caught:
        ensure_migrations(database_url, migrations(FILES | BAD), on_event=watch)
    assert [event.kind for event in events] == ["plan", "step", "done", "step", "done", "step", "failed"]
    assert events[-1].text == f"0003_bad: {caught.value.what}"
    assert events[-1].report is not None
    assert events[-1].report.outcome == "failed"
    assert logged == [(1, "success"), (2, "success"), (3, "failed")]


@pytest.mark.parametrize("step", [1, 2])
def test_a_step_that_does_not_get_its_lock_is_told_as_failed(
    database_url: str, migrations: WriteMigrations, caplog: pytest.LogCaptureFixture, step: int
) -> None:
    events: list[Event] = []
    with ExitStack() as stack:

        def watch(event: Event) -> None:
            events.append(event)
            if event.kind == ("plan", "done")[step - 1]:
                holder = stack.enter_context(connect(database_url))
                stack.enter_context(holder.transaction("schema_migrations", wait=5, on_wait=print))

        with pytest.raises(LockError) as caught:
            ensure_migrations(database_url, migrations(FILES), lock_wait=0.05, on_event=watch)
    name = ("0001_people", "0002_fill")[step - 1]
    assert (events[-1].kind, events[-1].title, events[-1].text) == ("failed", name, f"{name}: {caught.value.what}")
    assert events[-1].report is not None
    assert (events[-1].report.outcome, events[-1].report.error) == ("failed", caught.value.what)
    assert [event.kind for event in events].count("failed") == 1
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [events[-1].text]
    assert caught.value.report is not None
    assert [done.outcome for done in caught.value.report.steps] == ["applied"] * (step - 1)


@pytest.mark.parametrize(
    ("kind", "standing"), [("plan", []), ("step", []), ("done", [(1,)])], ids=["plan", "step", "done"]
)
def test_an_error_of_the_callback_ends_the_run_between_two_steps_and_reaches_the_caller(
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    kind: str,
    standing: list[tuple[int]],
) -> None:
    folder = migrations(FILES)

    def refuse(event: Event) -> None:
        if event.kind == kind:
            raise RefusalError(event.text)

    with pytest.raises(RefusalError):
        ensure_migrations(database_url, folder, on_event=refuse)
    seen = probe(database_url)
    if kind == "plan":
        assert seen.tables() == set()
    else:
        assert seen.tables() - LEDGER == ({"people"} if standing else set())
        assert seen.rows("SELECT version FROM schema_migrations") == standing
    # The connection is closed and no lock is left: the next run goes on at once.
    assert ensure_migrations(database_url, folder, lock_wait=0).applied == 2 - len(standing)


def test_an_error_of_the_callback_at_a_failure_does_not_hide_the_failure(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    def refuse(event: Event) -> None:
        if event.kind == "failed":
            raise RefusalError

    with pytest.raises(StepError, match="nowhere") as caught:
        ensure_migrations(database_url, migrations(BAD), on_event=refuse)
    assert caught.value.__notes__ == ["on_event failed too: RefusalError: "]
    assert probe(database_url).rows("SELECT version, outcome FROM schema_migrations_log") == [(3, "failed")]


def test_the_logger_sessmig_gets_each_event(
    database_url: str, migrations: WriteMigrations, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="sessmig"), pytest.raises(StepError) as caught:
        ensure_migrations(database_url, migrations(FILES | BAD))
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert [(name, level) for name, level, _ in told] == [("sessmig", "INFO")] * 6 + [("sessmig", "ERROR")]
    assert told[0][2] == "3 migrations pending"
    assert told[-1][2] == f"0003_bad: {caught.value.what}"


def test_nothing_is_printed(database_url: str, migrations: WriteMigrations, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepError):
        ensure_migrations(database_url, migrations(FILES | BAD))
    (migrations(FILES) / "0003_bad.sql").unlink()
    ensure_migrations(database_url, migrations(FILES))
    assert capfd.readouterr() == ("", "")


def test_an_application_without_logging_sees_no_output_and_its_logging_stays_as_it_was(
    database_url: str, migrations: WriteMigrations
) -> None:
    code = """
import logging, sys

def state(logger):
    own = [handler for handler in logger.handlers if type(handler) is not logging.NullHandler]
    return logger.level, logger.propagate, logger.disabled, own, logger.filters

def everything():
    return state(logging.root), state(logging.getLogger("sessmig")), logging.root.manager.disable, logging.lastResort

before = everything()
import sessmig
try:
    sessmig.ensure_migrations(*sys.argv[1:])
except sessmig.StepError:
    sys.exit(0 if everything() == before else f"{before} became {everything()}")
"""
    command = [sys.executable, "-c", code, database_url, str(migrations(FILES | BAD))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
