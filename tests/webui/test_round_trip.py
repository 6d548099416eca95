"""The command there and back: 158 and 475 as they were, and migrated again like the first time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.webui import data, legacy

Probes = Callable[[str], Probe]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def _run(cli: Cli, url: str, *arguments: str) -> str:
    done = cli(*arguments, "--database", url, "--dir", data.SERIES)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def _picture(database: Probe) -> tuple[Any, dict[str, list[str]]]:
    """Return schema and rows: without the run's own moment, and the quotation marks that a rename sets."""
    found = database.snapshot()
    schema = {
        kind: sorted(re.sub("[\"']", "", str(entry)) for entry in entries) for kind, entries in found["schema"].items()
    }
    rows = {
        table: sorted(re.sub(rf"(migrated_at\W+){_MOMENT.pattern}", r"\1now", str(row)) for row in table_rows)
        for table, table_rows in found["rows"].items()
        if table != "schema_version"
    }
    return schema, rows


def test_the_rollback_leads_back_to_158_and_475_with_every_row_as_it_was(
    database_url: str, probe: Probes, cli: Cli
) -> None:
    legacy.build_numbers(database_url)
    before = legacy.look(database_url)
    _run(cli, database_url, "migrate")
    told = _run(cli, database_url, "rollback")
    database = probe(database_url)
    assert database.value("SELECT count(*) FROM chat_sessions") == 158
    assert database.value("SELECT count(*) FROM chat_messages") == 475
    assert legacy.look(database_url) == before
    assert "0034 merge_webui_sessions, rolled back in " in told
    assert told.endswith(
        "; 0034_merge_webui_sessions is pending again: the next migrate, or start of the application, applies it\n"
    )


def test_messages_written_since_block_it_with_their_number(database_url: str, probe: Probes, cli: Cli) -> None:
    legacy.build_numbers(database_url)
    _run(cli, database_url, "migrate")
    database = probe(database_url)
    for number in range(3):
        database.execute(
            f"INSERT INTO chat_messages VALUES ('n-{number}', 'webui-13', 'user', 'more', CURRENT_TIMESTAMP, NULL)"
        )
    before = database.snapshot()["rows"]
    done = cli("rollback", "--database", database_url, "--dir", data.SERIES)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert any(": require failed: no message was written to a migrated session since (" in line for line in lines)
    assert "    webui-13    3         3                n-0, ..., n-2" in lines
    assert database.snapshot()["rows"] == before
    assert database.value("SELECT status FROM schema_migrations WHERE version = 34") == "success"


@pytest.mark.parametrize("build", [legacy.build_sample, legacy.build_numbers], ids=["sample", "numbers"])
def test_there_back_and_there_again_is_as_there_once_on_sqlite(
    sqlite_url: str, probe: Probes, cli: Cli, build: Callable[[str], None]
) -> None:
    _there_and_back(sqlite_url, f"{sqlite_url}.once", probe, cli, build)


@pytest.mark.parametrize("build", [legacy.build_sample, legacy.build_numbers], ids=["sample", "numbers"])
def test_there_back_and_there_again_is_as_there_once_on_postgres(
    new_postgres_url: Callable[[], str], probe: Probes, cli: Cli, build: Callable[[str], None]
) -> None:
    _there_and_back(new_postgres_url(), new_postgres_url(), probe, cli, build)


def _there_and_back(url: str, once: str, probe: Probes, cli: Cli, build: Callable[[str], None]) -> None:
    build(url)
    build(once)
    _run(cli, once, "migrate")
    for command in ("migrate", "rollback", "migrate"):
        _run(cli, url, command)
    assert _picture(probe(url)) == _picture(probe(once))
    story = probe(url).rows("SELECT action, outcome FROM schema_migrations_log WHERE version = 34 ORDER BY id")
    assert [told for told in story if told[0] != "backup"] == [
        ("apply", "success"),
        ("rollback", "success"),
        ("apply", "success"),
    ]
    assert probe(url).value("SELECT status FROM schema_migrations WHERE version = 34") == "success"
