"""Builds learning databases as they were before the migration, migrates them and back, and reads them another way.

Knows the tables of `sql/learning_sessions`; what must come of them, `tests.learning.model` knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sessmig import Event, Report
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.results import StepReport
from sessmig.rollback import roll_back
from sessmig.run import migrate
from tests.fixtures import postgres

if TYPE_CHECKING:
    import psycopg

SERIES: Final = Path(__file__).parents[2] / "sql" / "learning_sessions"
FILES: Final = SERIES / "postgres"
TITLES: Final = (
    "0001_create_session_enums",
    "0002_add_session_management_fields",
    "0003_backfill_last_activity",
    "0004_index_session_lookups",
    "0005_use_message_role_enum",
)

Row = tuple[str | int | None, ...]
Picture = dict[str, list[dict[str, Any]]]
"""Each row of each table, by the table's name; a value by its column's, times and JSON as text."""

_TABLES = ("users", "learning_sessions", "learning_messages")
_NOON = "2026-01-05 12:00:00"


def session(
    name: str = "s-1",
    user: str = "ada",
    title: str | None = "Fractions",
    context: str | None = None,
    count: int = 0,
    created_at: str = _NOON,
    updated_at: str = _NOON,
) -> Row:
    """A row of learning_sessions as it was."""
    return name, user, title, context, count, created_at, updated_at


def message(
    name: str = "m-1", session_id: str = "s-1", role: str = "USER", content: str = "Why?", created_at: str = _NOON
) -> Row:
    """A row of learning_messages as it was."""
    return name, session_id, role, content, created_at


def build(url: str, sessions: Sequence[Row] = (), messages: Sequence[Row] = ()) -> None:
    """Make the legacy tables with these rows; each user who has a session is there."""
    users = [(name, f"{name}@example.org") for name in sorted({str(row[1]) for row in sessions})]
    with postgres.connect(url) as connection:
        connection.execute(_legacy("postgres_1_schema.sql"))
        with connection.transaction(), connection.cursor() as cursor:
            for table, rows in zip(_TABLES, (users, sessions, messages), strict=True):
                if rows:
                    marks = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({marks})".encode(), rows)


def build_sample(url: str) -> None:
    """Make the sample that stands in `legacy/`, by its own files."""
    with postgres.connect(url) as connection:
        connection.execute(_legacy("postgres_1_schema.sql"))
        connection.execute(_legacy("postgres_2_sample.sql"))


def carry_out(
    url: str, *, to: int | None = None, on_event: Callable[[Event], None] | None = None, directory: Path = SERIES
) -> Report:
    """Migrate, also what `wait` holds back."""
    with connect(url) as database:
        return migrate(Job(database, directory, wish=Wish(to=to, ignore_wait=True), on_event=on_event))


def take_back(url: str, to: int | None = None, *, directory: Path = SERIES) -> tuple[StepReport, ...]:
    """Undo the newest migration, or all above a version."""
    with connect(url, create=False) as database:
        return roll_back(Job(database, directory), to).steps


def look(url: str) -> Picture:
    """Read every row of the three tables."""
    with postgres.connect(url) as connection:
        return {table: _rows(connection, table) for table in _TABLES}


def measures(url: str, version: int) -> dict[str, Any]:
    """Return what the ledger row holds as metadata."""
    with postgres.connect(url) as connection:
        found = connection.execute("SELECT metadata::text FROM schema_migrations WHERE version = %s", (version,))
        values: dict[str, Any] = json.loads(found.fetchall()[0][0])
    return values


def files(url: str) -> dict[str, int]:
    """Return the file in which each table's rows stand; a table that is written anew gets another one."""
    with postgres.connect(url) as connection:
        return dict(
            connection.execute(
                "SELECT relname::text, pg_relation_filenode(oid) FROM pg_class WHERE relname = ANY (%s)", ([*_TABLES],)
            ).fetchall()
        )


@contextmanager
def opened(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A client of the application."""
    with postgres.connect(url) as connection:
        yield connection


def _rows(connection: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    query = f'SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY id COLLATE "C"'
    return [json.loads(text) for (text,) in connection.execute(query.encode()).fetchall()]


def _legacy(name: str) -> bytes:
    return (SERIES / "legacy" / name).read_bytes()
