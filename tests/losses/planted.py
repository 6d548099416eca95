"""A small chat with its old messages, and what a planted loss is: a wrong step beside the right one.

Knows no loss of its own; the tables of them stand in `moving`, `taking` and `changing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Finder = Literal["merge", "guard", "check", "free check"]

CHAT = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role <> ''),
    body TEXT,
    said {time},
    extra {json}
);
CREATE TABLE legacy (id INTEGER PRIMARY KEY, session_id INTEGER, role TEXT, body TEXT, said {time}, extra {json});
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO sessions VALUES (10, 1, 'tea'), (11, 1, NULL), (20, 2, 'cake');
INSERT INTO messages VALUES
    (1, 10, 'user', 'hello', '2026-01-01 10:00:00', NULL),
    (2, 11, 'user', 'more', '2026-01-02 10:00:00', NULL),
    (500, 20, 'user', 'late', '2026-01-03 10:00:00', NULL);
INSERT INTO legacy VALUES
    (101, 10, 'user', 'hello', '2025-12-01 10:00:00', '{{"tokens": 7}}'),
    (102, 10, 'assistant', 'one moment', '2025-12-01 10:00:05', NULL),
    (103, 10, 'user', 'thanks', '2025-12-02 10:00:00', '{{"tokens": 1}}'),
    (104, 11, 'user', 'thanks', '2025-12-31 23:59:59', NULL),
    (105, 11, 'user', 'thanks', '2025-12-31 23:59:59', NULL),
    (106, 20, 'user', NULL, '2025-12-31 23:59:59', NULL);
"""
COLUMNS = "id, session_id, role, body, said, extra"
ACCOUNT = "-- merge: legacy into messages on id comparing session_id, role, body, said, extra\n"


def chat(*, is_postgres: bool) -> str:
    """Return the SQL that makes the chat."""
    types = ("TIMESTAMPTZ", "JSONB") if is_postgres else ("TEXT", "TEXT")
    return CHAT.format(time=types[0], json=types[1])


@dataclass(frozen=True)
class Planted:
    """A loss as people write it, and what is right instead."""

    bad: str
    good: str
    by: tuple[Finder, ...]
    """All that find it; the first is the one that is meant to."""
    says: str
    """What the message says, beside the name of the migration."""
    verify: str = ""
    good_verify: str | None = None
    """The verify file of the right step, where it is another."""
    setup: str = ""
    only: Literal["", "sqlite", "postgres"] = ""
    leaves: tuple[str, int] | None = field(default=None)
    """A query of one number, and what it is when the right step is done."""
