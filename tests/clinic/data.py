"""The clinic's tables before the migration: their names and columns, and rows with something in every column.

Knows the files below `sql/clinic_sessions/legacy`, and no database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

Dialect = Literal["sqlite", "postgres"]
Row = dict[str, Any]
"""A row by column. JSON is text, as SQLite keeps it; times are text."""
Rows = dict[str, list[Row]]

SERIES: Final = Path(__file__).parents[2] / "sql" / "clinic_sessions"

DERMA: Final = "derma_sessions"
DIAGNOSIS: Final = "diagnosis_sessions"
OLD: Final = (DERMA, DIAGNOSIS)
TABLES: Final = ("users", "sessions", "messages", *OLD)
"""Parents before their children."""

AGENTS: Final = {DERMA: "dermatology", DIAGNOSIS: "general"}
LAST_MESSAGE: Final = {DERMA: "current_response", DIAGNOSIS: "current_question"}

SHARED: Final = (
    "stage",
    "progress",
    "questions_asked",
    "chief_complaint",
    "symptoms",
    "symptom_details",
    "risk_level",
)
"""What agent_state takes from either table under the same name; `messages` becomes original_messages."""
ADDED: Final = {
    DERMA: (
        "skin_location",
        "duration",
        "skin_analyses",
        "latest_analysis",
        "report_interpretations",
        "latest_interpretation",
        "possible_conditions",
        "care_advice",
        "need_offline_visit",
        "current_task",
        "awaiting_image",
    ),
    DIAGNOSIS: (
        "current_question",
        "quick_options",
        "reasoning",
        "possible_diseases",
        "recommendations",
        "can_conclude",
    ),
}
LISTS: Final = (
    "symptoms",
    "messages",
    "skin_analyses",
    "report_interpretations",
    "possible_conditions",
    "quick_options",
    "possible_diseases",
)
"""Columns of which nothing at all counts as []."""
OBJECTS: Final = ("symptom_details", "recommendations")
"""Columns of which nothing at all counts as {}."""
JSON: Final = (*LISTS, *OBJECTS, "latest_analysis", "latest_interpretation")
FLAGS: Final = ("need_offline_visit", "awaiting_image", "can_conclude")

NOON: Final = "2026-01-05 12:00:00+00:00"
"""A time as both databases take it."""


def legacy_schema(dialect: Dialect) -> str:
    """Return the SQL of the tables before the migration, empty."""
    return (SERIES / "legacy" / f"{dialect}_1_schema.sql").read_text(encoding="utf-8")


def user(number: int = 1) -> Row:
    return {"id": number, "phone": f"+49 {number}", "created_at": NOON}


def session(name: str | None = "s-1", **more: Any) -> Row:
    """Return a row of sessions, as the new application writes it."""
    row = {
        "id": name,
        "user_id": 1,
        "doctor_id": 7,
        "agent_type": "cardiology",
        "agent_state": '{"own": true}',
        "last_message": "Kept",
        "status": "active",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return row | more


def message(session_id: str = "s-1", content: str = "Hello", **more: Any) -> Row:
    """Return a row of messages, as the new application writes it; the database gives it its id."""
    row = {
        "session_id": session_id,
        "sender": "user",
        "content": content,
        "attachment_url": None,
        "message_type": "text",
        "attachments": None,
        "structured_data": None,
        "created_at": NOON,
    }
    return row | more


def derma(name: str | None = "s-1", messages: str | None = "[]", **more: Any) -> Row:
    """Return a row of derma_sessions with a value in every column."""
    row = _shared(name, messages) | {
        "skin_location": "left arm",
        "duration": "two weeks",
        "current_response": "Show me the rash, please.",
        "quick_options": '["yes", "no"]',
        "skin_analyses": '[{"score": 1.50}]',
        "latest_analysis": '{"score": 1.50}',
        "report_interpretations": '["fine"]',
        "latest_interpretation": '{"text": "fine"}',
        "possible_conditions": '["eczema"]',
        "care_advice": "Keep it dry.",
        "need_offline_visit": True,
        "current_task": "skin_analysis",
        "awaiting_image": False,
    }
    return row | more


def diagnosis(name: str | None = "s-1", messages: str | None = "[]", **more: Any) -> Row:
    """Return a row of diagnosis_sessions with a value in every column."""
    row = _shared(name, messages) | {
        "current_question": "Since when?",
        "quick_options": '["today", "longer"]',
        "reasoning": "A cold, most likely.",
        "possible_diseases": '["cold"]',
        "recommendations": '{"rest": "3 days"}',
        "can_conclude": True,
    }
    return row | more


def _shared(name: str | None, messages: str | None) -> Row:
    return {
        "id": name,
        "user_id": 1,
        "stage": "asking",
        "progress": 40,
        "questions_asked": 3,
        "chief_complaint": "It itches",
        "symptoms": '["itching", "redness"]',
        "symptom_details": '{"itching": {"since": "monday"}}',
        "messages": messages,
        "risk_level": "medium",
        "created_at": "2026-01-05 12:00:00+00:00",
        "updated_at": "2026-01-06 13:30:00+00:00",
    }


def old_row(table: str, name: str | None = "s-1", messages: str | None = "[]", **more: Any) -> Row:
    """Return a row of one of the two old tables."""
    return (derma if table == DERMA else diagnosis)(name, messages, **more)
