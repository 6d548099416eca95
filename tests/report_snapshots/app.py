"""Builds app.db as it was before the migration, with any left-over tables, and migrates it.

Knows the tables of `sql/report_snapshots`; which of them are left-overs, `tests.report_snapshots.model` knows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sessmig import Report, ensure_migrations

SERIES: Final = Path(__file__).parents[2] / "sql" / "report_snapshots"
ADA: Final = "6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11"
"""The session of `build`."""


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def legacy(*names: str) -> str:
    """Return the SQL of the files in `legacy/`: `1_schema`, `2_sample`."""
    return "".join((SERIES / "legacy" / f"sqlite_{name}.sql").read_text(encoding="utf-8") for name in names)


def build(url: str, tables: Iterable[str] = (), *, sessions: Iterable[str] = (), more: str = "") -> None:
    """Make the legacy tables, a session with an interaction and two snapshots, and these tables with a row each."""
    with closing(sqlite3.connect(file_of(url))) as connection, connection:
        connection.executescript(legacy("1_schema"))
        connection.executemany("INSERT INTO sessions (id) VALUES (?)", [(ADA,), *((name,) for name in sessions)])
        connection.execute(
            "INSERT INTO session_interactions (id, session_id, user_query) VALUES ('i-1', ?, '?')", (ADA,)
        )
        for name in ("r-1", "r-2"):
            connection.execute("INSERT INTO report_snapshots VALUES (?, ?, 'i-1', '[]', NULL)", (name, ADA))
        for name in tables:
            connection.execute(f"CREATE TABLE {quoted(name)} (x)")
            connection.execute(f"INSERT INTO {quoted(name)} VALUES (?)", (name,))
        connection.executescript(more)


def build_sample(url: str) -> None:
    with closing(sqlite3.connect(file_of(url))) as connection:
        connection.executescript(legacy("1_schema", "2_sample"))


def migrate(url: str, folder: Path = SERIES) -> Report:
    return ensure_migrations(url, folder, backup="never")


def tables(url: str) -> set[str]:
    """Return the names of all tables but sessmig's and SQLite's own, as they are written."""
    with closing(sqlite3.connect(file_of(url))) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in rows if not name.startswith(("schema_migrations", "sqlite_"))}


def measures(url: str) -> dict[str, Any]:
    """Return what the ledger row holds as metadata."""
    with closing(sqlite3.connect(file_of(url))) as connection:
        ((found,),) = connection.execute("SELECT metadata FROM schema_migrations WHERE version = 1").fetchall()
    values: dict[str, Any] = json.loads(found)
    return values
