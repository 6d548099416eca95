"""The files are plain SQL: sqlite3 and psql run them too, and give the same rows."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from sessmig import script
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.webui import data, legacy

Probes = Callable[[str], Probe]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def _picture(database: Probe) -> tuple[Any, dict[str, list[str]]]:
    """Return schema and rows; the run's own moment is taken out."""
    found = database.snapshot()
    rows = {
        table: sorted(re.sub(rf"(migrated_at\W+){_MOMENT.pattern}", r"\1now", str(row)) for row in table_rows)
        for table, table_rows in found["rows"].items()
        if table != "schema_version"
    }
    return found["schema"], rows


def by_sqlite(url: str, *names: str) -> None:
    """Run files as sqlite3 does, with foreign keys enforced."""
    with closing(sqlite3.connect(legacy.file_of(url), isolation_level=None)) as connection:
        for name in names:
            text = (data.SERIES / "sqlite" / name).read_text(encoding="utf-8")
            connection.executescript(f"PRAGMA foreign_keys = ON;\n{text}")


def by_psql(server: PostgresServer, url: str, name: str) -> None:
    """Run a file with psql."""
    psql = "psql" if server.programs is None else server.programs / "psql"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    subprocess.run(
        [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", data.SERIES / "postgres" / name, url],
        check=True,
        capture_output=True,
        env=environment,
    )


@pytest.mark.parametrize("build", [legacy.build_sample, legacy.build_numbers], ids=["sample", "numbers"])
def test_sqlite3_gives_the_same_rows(sqlite_url: str, probe: Probes, build: Callable[[str], None]) -> None:
    plain = f"{sqlite_url}.plain"
    build(sqlite_url)
    build(plain)
    legacy.migrate(sqlite_url)
    by_sqlite(plain, "0033_repair_broken_triggers.sql", "0034_merge_webui_sessions.sql")
    assert _picture(probe(plain)) == _picture(probe(sqlite_url))


def test_sqlite3_rolls_back_to_the_same_rows(sqlite_url: str, probe: Probes) -> None:
    legacy.build_sample(sqlite_url)
    before = legacy.look(sqlite_url)
    by_sqlite(sqlite_url, "0033_repair_broken_triggers.sql", "0034_merge_webui_sessions.sql")
    assert legacy.look(sqlite_url) != before
    by_sqlite(sqlite_url, "0034_merge_webui_sessions.rollback.sql")
    assert legacy.look(sqlite_url) == before
    assert probe(sqlite_url).rows("SELECT version FROM schema_version") == [("0.33.0",)]


@pytest.mark.parametrize("build", [legacy.build_sample, legacy.build_numbers], ids=["sample", "numbers"])
def test_psql_gives_the_same_rows(
    postgres_server: PostgresServer, new_postgres_url: Callable[[], str], probe: Probes, build: Callable[[str], None]
) -> None:
    plain, ours = new_postgres_url(), new_postgres_url()
    build(plain)
    build(ours)
    legacy.migrate(ours)
    by_psql(postgres_server, plain, "0034_merge_webui_sessions.sql")
    assert _picture(probe(plain)) == _picture(probe(ours))


CHANGES = {
    "edited message": (
        "UPDATE chat_messages SET content = 'edited' WHERE message_id = 'm-1'",
        "messages were changed since",
    ),
    "new message": (
        "INSERT INTO chat_messages VALUES ('n-1', 's-1', 'user', 'more', CURRENT_TIMESTAMP, NULL)",
        "messages were written to migrated sessions since",
    ),
    "renamed session": (
        "UPDATE chat_sessions SET title = 'Mine' WHERE session_id = 's-1'",
        "sessions were changed since",
    ),
    "used session": ("UPDATE chat_sessions SET task_id = 't' WHERE session_id = 's-1'", "sessions were changed since"),
    "no moment": ("DELETE FROM schema_version WHERE version = '0.34.0'", "does not hold the moment of the run"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES.keys())
def test_by_hand_too_the_rollback_refuses_to_take_what_was_written_since(
    postgres_server: PostgresServer, database_url: str, probe: Probes, change: str, said: str
) -> None:
    legacy.build(
        database_url,
        webui_sessions=[legacy.old_session("s-1")],
        webui_messages=[legacy.old_message("m-1", "s-1"), legacy.old_message("m-2", "s-1")],
    )
    legacy.migrate(database_url)
    probe(database_url).execute(change)
    before = probe(database_url).snapshot()
    if legacy.dialect_of(database_url) == "sqlite":
        with pytest.raises(sqlite3.IntegrityError) as refused:  # whose connection is closed then, as by sqlite3 -bail
            by_sqlite(database_url, "0034_merge_webui_sessions.rollback.sql")
        told = str(refused.value)
    else:
        with pytest.raises(subprocess.CalledProcessError) as failed:
            by_psql(postgres_server, database_url, "0034_merge_webui_sessions.rollback.sql")
        told = failed.value.stderr.decode()
    assert said in told
    assert probe(database_url).snapshot() == before


def test_a_client_that_goes_on_behind_the_error_deletes_nothing(sqlite_url: str, probe: Probes) -> None:
    legacy.build(
        sqlite_url, webui_sessions=[legacy.old_session("s-1")], webui_messages=[legacy.old_message("m-1", "s-1")]
    )
    legacy.migrate(sqlite_url)
    probe(sqlite_url).execute("UPDATE chat_sessions SET title = 'Mine' WHERE session_id = 's-1'")
    before = legacy.look(sqlite_url)
    text = (data.SERIES / "sqlite" / "0034_merge_webui_sessions.rollback.sql").read_text(encoding="utf-8")
    refused = 0
    with closing(sqlite3.connect(legacy.file_of(sqlite_url), isolation_level=None)) as connection:
        for piece in script.split(text, "sqlite", data.SERIES):
            try:
                connection.execute(piece.statement)
            except sqlite3.IntegrityError:
                refused += 1
    assert refused == 1
    assert legacy.look(sqlite_url) == before
    assert probe(sqlite_url).value("SELECT count(*) FROM schema_version WHERE version = '0.34.0'") == 1


def test_psql_rolls_back_to_the_same_rows(postgres_server: PostgresServer, postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    before = probe(postgres_url).snapshot()
    by_psql(postgres_server, postgres_url, "0034_merge_webui_sessions.sql")
    assert probe(postgres_url).snapshot() != before
    by_psql(postgres_server, postgres_url, "0034_merge_webui_sessions.rollback.sql")
    assert probe(postgres_url).snapshot() == before
