"""docs/series/webui_sessions.md shows only what was run: every command of it is run here, in its order."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody, Cli
from tests.pages import ROOT, Shown, demand, run, shown
from tests.webui import data, legacy

Probes = Callable[[str], Probe]

PAGE = ROOT / "docs" / "series" / "webui_sessions.md"
TEXT = PAGE.read_text(encoding="utf-8")
GIVE_BACK, PUT_ASIDE = re.findall(r"```sql\n(.*?)```", TEXT, flags=re.DOTALL)


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
    legacy.build_sample(sqlite_url)
    database = probe(sqlite_url)

    def start_again() -> None:
        legacy.file_of(sqlite_url).unlink()
        legacy.build_sample(sqlite_url)

    def written_since() -> None:
        legacy.migrate(sqlite_url)
        database.execute("INSERT INTO chat_messages VALUES ('new-1', 'ws-01', 'user', 'More', '2026-02-01', NULL)")

    before: dict[str, Callable[[], object]] = {
        "Where messages were written since": written_since,
        "Clean up after the retention": lambda: legacy.let_pass(sqlite_url, days=15),
        "Permission denied": start_again,
        "A failing check": lambda: database.execute(
            "UPDATE webui_messages SET role = 'bot' WHERE message_id = 'wm-16'"
        ),
    }
    environment = {"SESSMIG_DATABASE": sqlite_url, "SESSMIG_DIR": "sql/webui_sessions"}
    commands = list(shown(PAGE))
    for one in commands:
        if one.heading in before:
            before.pop(one.heading)()
        if one.heading == "Permission denied":
            printed = _run_as_nobody(one, environment, legacy.file_of(sqlite_url), as_nobody)
        elif one.heading == "Locked by another process":
            with _writing(sqlite_url):
                printed = run(one, environment)
        else:
            printed = run(one, environment)
        demand(one, printed)
    assert not before
    assert len(commands) == 12


@pytest.mark.parametrize("statements", [GIVE_BACK, PUT_ASIDE], ids=["give back", "put aside"])
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_the_orphans_from_before_can_be_dealt_with_as_the_page_says(
    database_url: str, probe: Probes, cli: Cli, statements: str, is_before: bool
) -> None:
    legacy.build_sample(database_url)
    database = probe(database_url)
    if not is_before:
        legacy.migrate(database_url)
    for statement in statements.split(";\n"):
        database.execute(statement + ";")
    legacy.migrate(database_url)
    orphans = (
        "SELECT message_id FROM chat_messages AS m WHERE NOT EXISTS "
        "(SELECT 1 FROM chat_sessions AS s WHERE s.session_id = m.session_id)"
    )
    assert database.rows(orphans) == []
    if statements == GIVE_BACK:
        assert database.rows("SELECT title FROM chat_sessions WHERE session_id = 'chat-gone'") == [
            ("Recovered chat-gone",)
        ]
    else:
        assert sorted(database.rows("SELECT message_id FROM chat_messages_orphaned")) == [("cm-6",), ("cm-7",)]
    if legacy.dialect_of(database_url) == "postgres":
        (way,) = re.findall(r"`(ALTER TABLE chat_messages VALIDATE [^`]+)`", TEXT)
        database.execute(way)
    assert cli("verify", "--database", database_url, "--dir", data.SERIES).returncode == 0
    legacy.roll_back(database_url)


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
