"""Builds webui databases as they were before the migration, migrates them, rolls back, and reads them by another way.

Knows the tables of `sql/webui_sessions`; what must come of them, `tests.webui.model` knows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sessmig import Report, ensure_migrations, rollback
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.results import StepReport
from tests.fixtures import postgres
from tests.webui import data
from tests.webui.data import SERIES, Dialect

Value = str | bytes | None
Rows = dict[str, list[tuple[Value, ...]]]

NOON = "2026-01-05 12:00:00+00:00"
"""A time as both databases take it."""


class ChatSession(NamedTuple):
    """A row of chat_sessions; times as text, metadata as it is kept."""

    session_id: str | None
    title: str
    task_id: str | None
    created_at: str | None
    updated_at: str | None
    metadata: Value


class ChatMessage(NamedTuple):
    """A row of chat_messages."""

    message_id: str | None
    session_id: str
    role: str
    content: Value
    created_at: str | None
    metadata: Value


class OldSession(NamedTuple):
    """A row of webui_sessions."""

    session_id: str
    user_id: str
    created_at: str
    updated_at: str
    metadata: Value


class OldMessage(NamedTuple):
    """A row of webui_messages."""

    message_id: str
    session_id: str
    role: str
    content: Value
    created_at: str
    metadata: Value


class Picture(NamedTuple):
    """All rows of the four tables; the old ones under whichever name they bear."""

    chat_sessions: list[ChatSession]
    chat_messages: list[ChatMessage]
    old_sessions: list[OldSession]
    old_messages: list[OldMessage]

    def session(self, session_id: str) -> ChatSession:
        (found,) = [row for row in self.chat_sessions if row.session_id == session_id]
        return found

    def message(self, message_id: str) -> ChatMessage:
        (found,) = [row for row in self.chat_messages if row.message_id == message_id]
        return found


def chat_session(
    session_id: str | None = "s-1",
    title: str = "Kept",
    task_id: str | None = None,
    created_at: Value = NOON,
    updated_at: Value = NOON,
    metadata: Value = None,
) -> tuple[Value, ...]:
    return session_id, title, task_id, created_at, updated_at, metadata


def chat_message(
    message_id: str | None = "m-1",
    session_id: str = "s-1",
    role: str = "user",
    content: Value = "Hello",
    created_at: Value = NOON,
    metadata: Value = None,
) -> tuple[Value, ...]:
    return message_id, session_id, role, content, created_at, metadata


def old_session(
    session_id: str | None = "s-1",
    user_id: str = "ada",
    created_at: Value = NOON,
    updated_at: Value = NOON,
    metadata: Value = None,
) -> tuple[Value, ...]:
    return session_id, user_id, created_at, updated_at, metadata


old_message = chat_message
"""The columns are the same."""


def dialect_of(url: str) -> Dialect:
    return "sqlite" if url.startswith("sqlite:") else "postgres"


def build(
    url: str,
    *,
    chat_sessions: Sequence[tuple[Value, ...]] = (),
    chat_messages: Sequence[tuple[Value, ...]] = (),
    webui_sessions: Sequence[tuple[Value, ...]] = (),
    webui_messages: Sequence[tuple[Value, ...]] = (),
) -> None:
    """Make the legacy tables with these rows, orphans and all."""
    build_from(
        url,
        {
            "chat_sessions": list(chat_sessions),
            "chat_messages": list(chat_messages),
            "webui_sessions": list(webui_sessions),
            "webui_messages": list(webui_messages),
        },
    )


def build_from(url: str, rows: Rows) -> None:
    """Make the legacy tables with these rows, by table."""
    dialect = dialect_of(url)
    mark = "?" if dialect == "sqlite" else "%s"
    with _opened(url) as connection:
        _script(connection, data.legacy_schema(dialect))
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        for table, table_rows in rows.items():
            if table_rows:
                cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(table_rows[0]))})", table_rows)
        cursor.execute("COMMIT")
        _script(connection, data.legacy_constraints(dialect))


def build_numbers(url: str) -> None:
    """Make the database of 14 sessions, 97 messages, 158 chat sessions and 475 chat messages."""
    build_from(url, {table: list(rows) for table, rows in data.rows(dialect_of(url)).items()})


def build_sample(url: str) -> None:
    """Make the sample that stands in `legacy/`, by its own files."""
    dialect = dialect_of(url)
    with _opened(url) as connection:
        for script in (data.legacy_schema(dialect), data.legacy_sample(dialect), data.legacy_constraints(dialect)):
            _script(connection, script)


def migrate(url: str) -> Report:
    return ensure_migrations(url, SERIES)


def migrate_to_start(url: str) -> None:
    """Carry out what stands before the merge: in SQLite the trigger's repair, elsewhere nothing."""
    if dialect_of(url) == "sqlite":
        ensure_migrations(url, SERIES, to=33)


def roll_back(url: str) -> StepReport:
    """Undo the merge, which is the newest migration while 35 is held, as `sessmig rollback` does.

    Raises:
        CheckError: what the rollback's verify file did not find in order.
    """
    with connect(url, create=False) as database:
        (step,) = rollback.roll_back(Job(database, SERIES)).steps
    assert step.title == "0034_merge_webui_sessions"
    return step


def let_pass(url: str, *, days: float) -> None:
    """Let the merge have been done so long ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    with _opened(url) as connection:
        connection.execute(
            f"UPDATE schema_migrations SET applied_at = '{moment:%Y-%m-%d %H:%M:%S}'"
            f"{'' if dialect_of(url) == 'sqlite' else '::timestamp AT TIME ZONE ' + chr(39) + 'UTC' + chr(39)}"
            " WHERE version = 34"
        )


def leftovers(url: str) -> dict[tuple[str, str], tuple[dict[str, Any], str]]:
    """Return the rows of webui_legacy_leftovers: row and reason, by table and id."""
    with _opened(url) as connection:
        rows = connection.execute(
            "SELECT source_table, id, CAST(legacy_row AS TEXT), reason FROM webui_legacy_leftovers"
        ).fetchall()
    return {(table, name): (json.loads(row), reason) for table, name, row, reason in rows}


def look(url: str) -> Picture:
    """Read every row of the four tables; of the old ones, as long as they stand."""
    times = "CAST(created_at AS TEXT), CAST(updated_at AS TEXT)"
    metadata = "metadata" if dialect_of(url) == "sqlite" else "CAST(metadata AS TEXT)"
    with _opened(url) as connection:
        if dialect_of(url) == "sqlite":
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        else:
            connection.execute("SET TimeZone = 'UTC'")
            tables = {name for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'")}
        suffix = "" if "webui_sessions" in tables else "_legacy"

        def rows(columns: str, table: str) -> list[tuple[Any, ...]]:
            if table not in tables:
                return []
            found: list[tuple[Any, ...]] = connection.execute(f"SELECT {columns}, {metadata} FROM {table}").fetchall()
            return sorted(found, key=repr)

        spoken = "message_id, session_id, role, content, CAST(created_at AS TEXT)"
        return Picture(
            [ChatSession(*row) for row in rows(f"session_id, title, task_id, {times}", "chat_sessions")],
            [ChatMessage(*row) for row in rows(spoken, "chat_messages")],
            [OldSession(*row) for row in rows(f"session_id, user_id, {times}", f"webui_sessions{suffix}")],
            [OldMessage(*row) for row in rows(spoken, f"webui_messages{suffix}")],
        )


def measures(url: str, migration_id: str = "merge_webui_sessions") -> dict[str, Any]:
    """Return what the ledger row holds as metadata."""
    query = f"SELECT CAST(metadata AS TEXT) FROM schema_migrations WHERE migration_id = '{migration_id}'"
    with _opened(url) as connection:
        ((found,),) = connection.execute(query).fetchall()
    values: dict[str, Any] = json.loads(found)
    return values


def file_of(url: str) -> Path:
    """Return the path of a SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    if dialect_of(url) == "postgres":
        with postgres.connect(url) as connection:
            yield connection
        return
    with closing(sqlite3.connect(file_of(url), isolation_level=None)) as file:
        file.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        file.execute("PRAGMA synchronous = OFF")  # of this connection only: nobody cuts the power of a test
        yield file


def _script(connection: Any, sql: str) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.executescript(sql)
    elif sql:
        connection.execute(sql.encode())
