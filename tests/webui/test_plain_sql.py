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


def test_psql_rolls_back_to_the_same_rows(postgres_server: PostgresServer, postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    before = probe(postgres_url).snapshot()
    by_psql(postgres_server, postgres_url, "0034_merge_webui_sessions.sql")
    assert probe(postgres_url).snapshot() != before
    by_psql(postgres_server, postgres_url, "0034_merge_webui_sessions.rollback.sql")
    assert probe(postgres_url).snapshot() == before
