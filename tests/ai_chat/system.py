"""Builds the AI system's database as it was before the migration, and migrates it. Knows `sql/ai_chat`."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sessmig import Report, ensure_migrations, rollback
from sessmig.databases import connect
from sessmig.job import Job
from tests.fixtures import postgres

SERIES: Final = Path(__file__).parents[2] / "sql" / "ai_chat"
TITLES: Final = ["0001_create_chat_sessions", "0002_create_chat_messages", "0003_create_work_flow_states"]
STATES: Final = (
    *("CREATED", "PLANNING", "MODELING", "CODING", "EXECUTING"),
    *("ANALYZING", "WRITING", "REVIEWING", "COMPLETED", "ARCHIVED"),
)
CONVERSATION: Final = """
INSERT INTO users (id, username, email) VALUES (107, 'kay', 'k'), (108, 'bob', 'b');
INSERT INTO chat_sessions (session_id, work_id, system_type, created_by)
VALUES ('s-1', 'w', 'brain', 107), ('s-2', 'w', 'code', 107), ('s-3', 'w', 'writing', 108);
INSERT INTO chat_messages (session_id, role, content)
VALUES ('s-1', 'user', 'Hello'), ('s-1', 'assistant', ''), ('s-3', 'tool', '[exit 0]');
INSERT INTO work_flow_states (work_id, current_state) VALUES ('w', 'CREATED'), ('w', 'PLANNING');
"""
"""Two users, three sessions, three messages, two states."""


def legacy(name: str) -> str:
    """Return the SQL of a file in `legacy/`: `1_schema`, `2_sample`."""
    return (SERIES / "legacy" / f"postgres_{name}.sql").read_text(encoding="utf-8")


def build(url: str, *names: str, more: str = "") -> None:
    """Make the legacy tables, by the files of these names, else by the schema alone."""
    with postgres.connect(url) as connection:
        for text in (*map(legacy, names or ("1_schema",)), more):
            if text:
                connection.execute(text.encode())


def add_users(url: str, users: Sequence[tuple[int, str, str]]) -> None:
    with postgres.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO users (id, username, email) VALUES (%s, %s, %s)", users)


def migrate(url: str, folder: Path = SERIES, *, to: int | None = None) -> Report:
    return ensure_migrations(url, folder, to=to)


def roll_back(url: str, to: int | None = 0, *, allow_loss: bool = False) -> Report:
    with connect(url, create=False) as database:
        return rollback.roll_back(Job(database, SERIES), to, allow_loss=allow_loss)


def another(tmp_path: Path, step: str, old: str, new: str) -> Path:
    """Return a copy of the series in which a migration's own text is another, its verify file being the same."""
    folder = tmp_path / "ai_chat"
    shutil.copytree(SERIES, folder)
    path = folder / "postgres" / f"{step}.sql"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


_TEXTS = (
    "",
    " ",
    "O'Brien ''twice''",
    'say "hi"',
    "C:\\temp\\",
    "line\nbreak\r\n\ttab",
    "🗺️ 👩‍👩‍👧 𝔘𝔫𝔦",
    "مرحبا שלום",
    "e\u0301 \u00e9 \u200b\u2028\ufeff",
    "'; DROP TABLE users; --",
    "%s ? :name $1 ${x} {0}",
    "NULL",
    "$$x$$",
    "\u0001\u007f\ufffd",
    "x" * 40,
)


def users(seed: int) -> list[tuple[int, str, str]]:
    """Make up users with hostile texts; the same seed makes the same."""
    choose = random.Random(f"ai_chat {seed}")
    ids = choose.sample((-(2**31), 2**31 - 1, *range(-50, 50)), (0, 1, 40, 102)[seed % 4])
    return [(one, f"{choose.choice(_TEXTS)}{n}", f"{n}{choose.choice(_TEXTS)}") for n, one in enumerate(ids)]
