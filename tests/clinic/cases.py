"""One clinic database in which each sentence of the specification has a session of its own, migrated once.

Knows rows; `tests.clinic.conftest` migrates them. Tests that read it must not write to it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from tests.clinic.data import DERMA, DIAGNOSIS, FLAGS, JSON, NOON, OLD, Row, Rows, message, old_row, session, user

OK: Final = {"role": "user", "content": "好的", "timestamp": "2026-01-05T12:00:00Z"}
LATER: Final = OK | {"timestamp": "2026-01-05T12:07:00Z"}
QUESTION: Final = {"role": "assistant", "content": "Since when?", "timestamp": "2026-01-05T11:59:00Z"}
TALK: Final = [QUESTION, OK, QUESTION | {"content": "Where?"}, OK, LATER, OK]
"""What the old script made four of: "好的" once in all, wherever it stood."""

ROLES: Final = ("assistant", "ai", "system", "user", "tool", "patient", "", None, 7)
TASKS: Final = ("skin_analysis", "analyze_skin", "report_interpret", "text", "", None, 7)
TIMES: Final = {
    "2026-01-05T12:30:00": "2026-01-05 12:30:00",
    "2026-01-05 12:30:00": "2026-01-05 12:30:00",
    "2026-01-05T12:30:00Z": "2026-01-05 12:30:00",
    "2026-01-05 12:30:00Z": "2026-01-05 12:30:00",
    "2026-01-05T12:30:00.5": "2026-01-05 12:30:00.5",
    "2026-01-05T12:30:00.123Z": "2026-01-05 12:30:00.123",
    "2026-01-05T12:30:00.123456+00:00": "2026-01-05 12:30:00.123456",
    "2026-01-05T20:30:00+08:00": "2026-01-05 12:30:00",
}
"""ISO, with or without T, Z, fractions; and which moment each is, in UTC."""
NO_TIMES: Final[tuple[Any, ...]] = (
    None,
    "",
    "yesterday",
    "now",
    "infinity",
    "2026-02-30 12:00:00",
    "2460000.5",
    1767225600,
    [],
)
TEXTS: Final = (
    " ",
    "It's \"fine\", isn't it?",
    "C:\\temp\\new and \\u0041 and \\",
    "one\ntwo\r\n\n\tthree  ",
    "🗺️ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧",
    "مرحبا بالعالم, שלום \u202e",
    "e\u0301 is not é",
    "'; DROP TABLE messages; -- ${x} %s ? :name $1",
    "\u0001\u007f\ufeff",
    '["a list"]',
    "null",
    "x" * 1_000_000,
)
SILENT: Final[tuple[Any, ...]] = (
    {"role": "user"},
    {"role": "ai", "content": None},
    {"content": ""},
    None,
    "only text",
    7,
    [],
)
"""Elements without content."""


def rows(dialect: str) -> Rows:
    """Return the rows of each table."""
    found: Rows = {"users": [user(1), user(2)], "sessions": [], "messages": [], DERMA: [], DIAGNOSIS: []}
    for table in OLD:
        for row in _of(table):
            found[table].append(row)
    found["sessions"] = [session(f"there {table}", agent_state='{"kept": true}') for table in OLD]
    found["sessions"].append(session("alone"))
    found["messages"] = [
        *(message(f"there {table}", "好的", created_at=NOON) for table in OLD),
        *(message(f"there {table}", "Only here") for table in OLD),
        message("alone", "好的"),
    ]
    if dialect == "sqlite":
        for table in OLD:
            found[table].append(old_row(table, f"no JSON {table}", "['user: hi']", symptoms="itching, redness"))
            empty = dict.fromkeys((column for column in old_row(table) if column in JSON), "")
            found[table].append(old_row(table, f"empty {table}") | empty)
    return found


def said(*elements: Any) -> str:
    """Write an array as the old applications did."""
    return json.dumps(elements, ensure_ascii=False)


def _of(table: str) -> list[Row]:
    """Return what each of the old tables holds; ids end with the table's name."""
    nothing = {column: None for column in old_row(table) if column not in ("id", "user_id", "created_at", "updated_at")}
    null = {column: "null" for column in old_row(table) if column in JSON}
    flags = [column for column in old_row(table) if column in FLAGS]
    made: dict[str, Row] = {
        "full": {"messages": said(*TALK)},
        "completed": {"stage": "completed", "user_id": 2},
        "nothing": nothing,
        "null": null,
        "yes": dict.fromkeys(flags, True),
        "no": dict.fromkeys(flags, False),
        "texts": {"symptoms": said(*TEXTS[:-1]), "chief_complaint": '["a text"]', "messages": said(*map(_text, TEXTS))},
        "roles": {"messages": said(*({"role": role, "content": f"{n}"} for n, role in enumerate(ROLES)))},
        "tasks": {"messages": said(*({"task_type": task, "content": f"{n}"} for n, task in enumerate(TASKS)))},
        "bare": {"messages": said({"content": "bare"})},
        "times": {"messages": said(*({"content": text, "timestamp": text} for text in TIMES))},
        "no times": {"messages": said(*({"content": f"{n}", "timestamp": t} for n, t in enumerate(NO_TIMES)))},
        "silent": {"messages": said(OK, *SILENT, LATER)},
        "object": {"messages": '{"role": "user", "content": "no list"}'},
        "there": {"messages": said(OK, OK, LATER)},
        "odd times": {"created_at": "2024-02-29 23:59:59.123456+00:00", "updated_at": None},
    }
    found = [old_row(table, f"{name} {table}") | more for name, more in made.items()]
    return [*found, old_row(table, "both", said(OK, {"content": table, "timestamp": OK["timestamp"]}))]


def _text(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
