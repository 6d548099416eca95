"""Makes the webui system's tables with as many messages as one likes, for benchmarks.

Keys are random, contents have 120 bytes, and a twentieth of the messages stands in the target already.
"""

from __future__ import annotations

import random
import sqlite3
import string
from collections.abc import Iterator
from pathlib import Path

import psycopg

SERIES = Path(__file__).parents[2] / "sql" / "webui_sessions"
_MESSAGES = "message_id, session_id, role, content, created_at"
_SESSIONS = "session_id, user_id, created_at, updated_at"


def sessions(number: int) -> Iterator[tuple[str, str, str, str]]:
    """Yield sessions as webui_sessions has them."""
    for n in range(number):
        yield f"session-{n}", f"user-{n % 100}", "2024-03-01 10:00:00", "2024-03-02 11:00:00"


def messages(number: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield messages as webui_messages has them, the same at every call."""
    chance = random.Random(20261122)
    letters = string.ascii_lowercase + "      "
    for n in range(number):
        content = "".join(chance.choices(letters, k=120))
        role = ("user", "assistant")[n % 2]
        yield f"{chance.getrandbits(128):032x}", f"session-{n // 20}", role, content, "2024-03-01 10:00:00"


def make_sqlite(path: Path, number: int) -> None:
    """Make a SQLite database with so many messages to be merged."""
    with sqlite3.connect(path) as db:
        db.executescript((SERIES / "legacy" / "sqlite_1_schema.sql").read_text())
        db.executemany(f"INSERT INTO webui_sessions ({_SESSIONS}) VALUES (?, ?, ?, ?)", sessions(number // 20))
        db.executemany(f"INSERT INTO webui_messages ({_MESSAGES}) VALUES (?, ?, ?, ?, ?)", messages(number))
        _overlap(db.execute)
        db.execute("DROP TRIGGER update_projects_timestamp")
    db.close()


def make_postgres(url: str, number: int) -> None:
    """Make a PostgreSQL database with so many messages to be merged."""
    with psycopg.connect(url) as db:
        db.execute((SERIES / "legacy" / "postgres_1_schema.sql").read_text().encode())
        for table, columns, rows in (
            ("webui_sessions", _SESSIONS, sessions(number // 20)),
            ("webui_messages", _MESSAGES, messages(number)),
        ):
            with db.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        _overlap(lambda sql: db.execute(sql.encode()))
        db.execute((SERIES / "legacy" / "postgres_3_foreign_key.sql").read_text().encode())
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
        db.execute("CHECKPOINT")


def _overlap(execute: object) -> None:
    """Have every session in chat_sessions, and a twentieth of the messages in chat_messages."""
    assert callable(execute)
    execute(
        "INSERT INTO chat_sessions (session_id, title, created_at, updated_at)"
        " SELECT session_id, 'Chat', created_at, updated_at FROM webui_sessions"
    )
    execute(
        f"INSERT INTO chat_messages ({_MESSAGES}) SELECT {_MESSAGES} FROM webui_messages"
        " WHERE substr(message_id, 1, 2) < '0d'"
    )
