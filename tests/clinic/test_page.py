"""docs/series/clinic_sessions.md shows only what was run: every command of it is run here, in its order."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessmig import CheckError
from tests.clinic import data, legacy
from tests.clinic.test_sample import build_sample
from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody
from tests.pages import ROOT, Shown, demand, run, shown

Probes = Callable[[str], Probe]

PAGE = ROOT / "docs" / "series" / "clinic_sessions.md"
TEXT = PAGE.read_text(encoding="utf-8")


@contextmanager
def _writing(url: str) -> Iterator[None]:
    with closing(sqlite3.connect(legacy.file_of(url), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield


def _run_as_nobody(one: Shown, environment: dict[str, str], file: Path, as_nobody: AsNobody) -> str:
    """Run a command where the database may not be written."""
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        return as_nobody(lambda: run(one, environment))
    finally:
        file.parent.chmod(0o755)
        file.chmod(0o644)


def test_every_command_of_the_page_prints_what_the_page_shows(
    sqlite_url: str, probe: Probes, as_nobody: AsNobody
) -> None:
    build_sample(sqlite_url)
    database = probe(sqlite_url)

    def start_again() -> None:
        legacy.file_of(sqlite_url).unlink()
        build_sample(sqlite_url)

    def written_since() -> None:
        legacy.migrate(sqlite_url)
        database.execute("INSERT INTO messages (session_id, sender, content) VALUES ('d-01', 'user', 'And now?')")

    def moved() -> None:
        (way,) = re.findall(r"`(UPDATE messages SET session_id [^`]+)`", TEXT)
        database.execute(way)
        assert database.rows("SELECT session_id FROM messages WHERE content = 'And now?'") == [("app-1",)]

    def user_is_gone() -> None:
        database.execute("UPDATE derma_sessions SET user_id = 99 WHERE id = 'd-06'")

    before: dict[str, Callable[[], object]] = {
        "Where messages were written since": written_since,
        "Clean up after the retention": moved,
        "Permission denied": start_again,
        "A failing check": user_is_gone,
    }
    environment = {"SESSMIG_DATABASE": sqlite_url, "SESSMIG_DIR": "sql/clinic_sessions"}
    commands = list(shown(PAGE))
    for one in commands:
        if one.heading in before:
            before.pop(one.heading)()
        if one.heading == "Clean up after the retention":
            legacy.let_pass(sqlite_url, 4 if "deprecated_leftovers" in "".join(one.lines) else 3, days=8)
        if one.heading == "Permission denied":
            printed = _run_as_nobody(one, environment, legacy.file_of(sqlite_url), as_nobody)
        elif one.heading == "Locked by another process":
            with _writing(sqlite_url):
                printed = run(one, environment)
        else:
            printed = run(one, environment)
        demand(one, printed)
    assert not before
    assert len(commands) == 13


def test_the_user_that_the_page_adds_lets_the_step_go_on(sqlite_url: str, probe: Probes) -> None:
    legacy.build(sqlite_url, {"users": [data.user()], data.DERMA: [data.derma("d-1", user_id=99)]})
    (way,) = re.findall(r"`(INSERT INTO users [^`]+)`", TEXT)
    probe(sqlite_url).execute(way)
    legacy.migrate(sqlite_url)
    assert legacy.session(sqlite_url, "d-1")["user_id"] == 99


def test_what_the_page_takes_out_lets_the_step_go_on(postgres_url: str, probe: Probes) -> None:
    said = '[{"content": "one\\u0000two"}]'
    legacy.build(postgres_url, {"users": [data.user()], data.DERMA: [data.derma("d-1", said)]})
    with pytest.raises(CheckError, match="PostgreSQL can read all JSON of the sessions"):
        legacy.migrate(postgres_url)
    (way,) = re.findall(r"`(UPDATE derma_sessions SET messages [^`]+)`", TEXT)
    probe(postgres_url).execute(way.replace("'...'", "'d-1'"))
    legacy.migrate(postgres_url)
    assert [row["content"] for row in legacy.messages(postgres_url, "d-1")] == ["onetwo"]


def test_a_list_that_was_written_to_behind_the_copy_is_warned_of_and_kept(database_url: str, probe: Probes) -> None:
    """As "Before you start" says."""
    legacy.build(database_url, {"users": [data.user()], data.DERMA: [data.derma("d-1", quick_options=None)]})
    legacy.migrate(database_url)
    more = '[{"content": "more"}]'
    probe(database_url).execute(f"UPDATE derma_sessions SET messages = '{more}'")
    report = legacy.migrate(database_url, ignore_wait=True)
    found = {check.name: check.total for check in report.steps[0].checks if check.outcome == "warned"}
    assert found == {"old lists of messages that were written to since they were copied": 1}
    (left,) = legacy.table(database_url, "deprecated_leftovers")
    assert (left["id"], left["reason"]) == ("d-1", "not the same as sessions")


def test_the_page_says_what_an_operator_asks() -> None:
    assert re.findall(r"^## (.*)", TEXT, flags=re.MULTILINE) == [
        "What it does",
        "Before you start",
        "Preview",
        "Run",
        "Verify",
        "What the figures mean",
        "Roll back",
        "Clean up after the retention",
        "Troubleshooting",
    ]
    assert len(TEXT.partition("## What it does\n\n")[2].partition("\n\n")[0].splitlines()) == 5
