"""The webui_sessions databases before the migration: the legacy schema, the sample, and rows in the true numbers.

Knows the files below `sql/webui_sessions/legacy`, and no database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

Dialect = Literal["sqlite", "postgres"]
Row = tuple[str | None, ...]

SERIES: Final = Path(__file__).parents[2] / "sql" / "webui_sessions"

LEGACY_COUNTS: Final = (14, 97, 158, 475)
"""Rows of webui_sessions, webui_messages, chat_sessions and chat_messages before the migration."""
ALREADY_THERE: Final = 12
"""How many of the legacy sessions are in chat_sessions already."""
ORPHANS: Final = 10
"""How many of the chat messages have no session; the migration leaves them as they are."""
MEASURES: Final = {
    "sessions_before": 14,
    "messages_before": 97,
    "sessions_migrated": 2,
    "messages_migrated": 97,
    "sessions_total": 160,
    "messages_total": 572,
}
"""What the ledger row holds after the migration."""

_ROLES = ("user", "assistant", "system", "tool")
_START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def legacy_schema(dialect: Dialect) -> str:
    """Return the SQL of the tables before the migration, empty but for schema_version."""
    return _legacy(f"{dialect}_1_schema.sql")


def legacy_sample(dialect: Dialect) -> str:
    """Return the SQL of the sample in which every odd case occurs once."""
    return _legacy(f"{dialect}_2_sample.sql")


def legacy_constraints(dialect: Dialect) -> str:
    """Return the SQL to run when the rows are in; PostgreSQL's foreign key came after the orphans."""
    return _legacy("postgres_3_foreign_key.sql") if dialect == "postgres" else ""


def rows(dialect: Dialect) -> dict[str, list[Row]]:
    """Return the rows of each table, in the numbers of `LEGACY_COUNTS`, parents before their children.

    In SQLite they are loaded with foreign keys off, in PostgreSQL before `legacy_constraints`: ten are orphans.
    """
    sessions, messages, chat_sessions, chat_messages = LEGACY_COUNTS
    return {
        "webui_sessions": [_webui_session(dialect, number) for number in range(sessions)],
        "webui_messages": [_webui_message(dialect, number) for number in range(messages)],
        "chat_sessions": [_chat_session(dialect, number) for number in range(chat_sessions)],
        "chat_messages": [_chat_message(dialect, number) for number in range(chat_messages)],
    }


def statements(dialect: Dialect) -> Iterator[tuple[str, Row]]:
    """Yield an INSERT and its parameters for each of `rows`."""
    mark = "?" if dialect == "sqlite" else "%s"
    for table, table_rows in rows(dialect).items():
        for row in table_rows:
            yield f"INSERT INTO {table} VALUES ({', '.join([mark] * len(row))})", row


def _legacy(name: str) -> str:
    return (SERIES / "legacy" / name).read_text(encoding="utf-8")


def _session_id(number: int) -> str:
    """Name a legacy session; the first 12 are in chat_sessions too, the last two are not."""
    return f"shared-{number:02}" if number < ALREADY_THERE else f"webui-{number:02}"


def _webui_session(dialect: Dialect, number: int) -> Row:
    metadata = {"title": f"Web session {number}"} if number % 2 else {"theme": "dark"}
    created = _time(dialect, days=number)
    return (
        _session_id(number),
        f"user-{number % 3}",
        created,
        _time(dialect, days=number, minutes=90),
        json.dumps(metadata),
    )


def _webui_message(dialect: Dialect, number: int) -> Row:
    sessions = LEGACY_COUNTS[0]
    session, position = number % sessions, number // sessions
    metadata = json.dumps({"position": position}) if number % 5 else None
    return (
        f"wm-{number:03}",
        _session_id(session),
        _ROLES[position % 2],
        f"It's message {position} of session {session}: 你好 \\ 👍",
        _time(dialect, days=session, minutes=position),
        metadata,
    )


def _chat_session(dialect: Dialect, number: int) -> Row:
    shared = number < ALREADY_THERE
    session_id = _session_id(number) if shared else f"chat-{number:03}"
    title = f"Kept title {number}" if shared else f"Chat session {number}"
    task_id = f"task-{number}" if number % 4 == 0 else None
    metadata = json.dumps({"conversation_mode": "chat"}) if number % 3 else None
    return (session_id, title, task_id, _time(dialect, days=number), _time(dialect, days=number, minutes=5), metadata)


def _chat_message(dialect: Dialect, number: int) -> Row:
    sessions = LEGACY_COUNTS[2]
    orphan = number < ORPHANS
    session_id = f"gone-{number % 3}" if orphan else _chat_session(dialect, number % sessions)[0]
    metadata = json.dumps({"tokens": number}) if number % 2 else None
    return (
        f"cm-{number:03}",
        session_id,
        _ROLES[number % len(_ROLES)],
        f"Chat message {number}",
        _time(dialect, days=number % sessions, minutes=number // sessions),
        metadata,
    )


def _time(dialect: Dialect, *, days: int, minutes: int = 0) -> str:
    """Write a moment in UTC, as the application writes it on each database."""
    moment = _START + timedelta(days=days, minutes=minutes)
    return f"{moment:%Y-%m-%d %H:%M:%S}" + ("" if dialect == "sqlite" else "+00:00")
