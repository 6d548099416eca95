"""What the merge must give, in plain Python: the rows that come into the chat tables, from the rows that were there.

Written from the specification, not from the SQL. Knows rows; opens no database and reads no file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from tests.webui.data import Dialect
from tests.webui.legacy import ChatMessage, ChatSession, OldMessage, OldSession, Picture, Value

_ALWAYS = ("source", "migrated_at", "original_source", "original_metadata")
_OF_SESSIONS = (*_ALWAYS, "original_user_id", "conversation_mode", "execution_phase")


@dataclass(frozen=True)
class Number:
    """A JSON number: 1.0 is 1, but True is not."""

    value: Decimal


@dataclass(frozen=True)
class Object:
    """A JSON object: the order of different keys does not count, a key that stands twice does."""

    pairs: tuple[tuple[str, Any], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Object) and self._sorted() == other._sorted()

    def __hash__(self) -> int:
        return len(self.pairs)

    def _sorted(self) -> list[tuple[str, Any]]:
        return sorted(self.pairs, key=lambda pair: pair[0])

    def first(self, key: str) -> Any:
        return next((value for name, value in self.pairs if name == key), None)


@dataclass(frozen=True)
class Merged:
    """What comes to what was there, by id; metadata as values."""

    sessions: dict[str, tuple[Any, ...]]
    messages: dict[str, tuple[Any, ...]]
    rejected: set[str]
    already_there: tuple[int, int]


def merge(before: Picture, dialect: Dialect, migrated_at: str) -> Merged:
    """Work out which rows come, and with what values.

    Args:
        before: all rows before the migration.
        dialect: how times are written.
        migrated_at: the moment of the run.
    """
    standing = {row.session_id for row in before.chat_sessions}
    said = {row.message_id for row in before.chat_messages}
    known = standing | {row.session_id for row in before.old_sessions}
    sessions = [row for row in before.old_sessions if row.session_id not in standing]
    unsaid = [row for row in before.old_messages if row.message_id not in said]
    return Merged(
        {row.session_id: _session(row, dialect, migrated_at) for row in sessions},
        {row.message_id: _message(row, migrated_at) for row in unsaid if row.session_id in known},
        {row.message_id for row in unsaid if row.session_id not in known},
        (len(before.old_sessions) - len(sessions), len(before.old_messages) - len(unsaid)),
    )


def arrived(before: Picture, after: Picture) -> tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]:
    """Return the rows that came, in the form of `merge`; those that were there must stand unchanged.

    Raises:
        AssertionError: a row from before is gone or changed.
    """
    sessions, messages = list(after.chat_sessions), list(after.chat_messages)
    for session in before.chat_sessions:
        sessions.remove(session)
    for message in before.chat_messages:
        messages.remove(message)
    return {str(row.session_id): _as_values(row) for row in sessions}, {
        str(row.message_id): _as_values(row) for row in messages
    }


def read(text: Value) -> Any:
    """Read JSON strictly, numbers with all their digits.

    Raises:
        ValueError: it is no JSON.
    """
    if not isinstance(text, str):
        raise ValueError(f"no text: {text!r}")
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: Object(tuple(pairs)),
        parse_int=lambda digits: Number(Decimal(digits)),
        parse_float=lambda digits: Number(Decimal(digits)),
        parse_constant=_refused,
    )


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _as_values(row: ChatSession | ChatMessage) -> tuple[Any, ...]:
    return (*row[:-1], read(row.metadata))


def _session(row: OldSession, dialect: Dialect, migrated_at: str) -> tuple[Any, ...]:
    added = {"source": "webui_migration", "migrated_at": migrated_at, "original_user_id": row.user_id}
    pairs = _kept(row.metadata, _OF_SESSIONS)
    for key, value in added.items():
        pairs = _with(pairs, key, value)
    for key, value in {"conversation_mode": "chat", "execution_phase": "planning"}.items():
        if key not in dict(pairs):
            pairs = _with(pairs, key, value)
    title = _title(row.metadata) or "Chat " + _day(row, dialect)
    return row.session_id, title, None, row.created_at, row.updated_at, Object(tuple(pairs))


def _message(row: OldMessage, migrated_at: str) -> tuple[Any, ...]:
    pairs = _with(_kept(row.metadata, _ALWAYS), "source", "webui_migration")
    return (*row[:-1], Object(tuple(_with(pairs, "migrated_at", migrated_at))))


def _kept(metadata: Value, written: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return what stays of the metadata, before the migration writes its own keys."""
    if metadata is None or metadata == "":
        return []
    if isinstance(metadata, bytes):
        return [("original_metadata", Object((("hex", metadata.hex().upper()),)))]
    try:
        value = read(metadata)
    except ValueError:
        return [("original_metadata", metadata)]
    if not isinstance(value, Object):
        return [("original_metadata", value)]
    keys = [key for key, _ in value.pairs]
    if any(keys.count(key) > 1 for key in written):
        return [("original_metadata", value)]
    pairs = list(value.pairs)
    if "source" in keys:
        pairs = _with(pairs, "original_source", value.first("source"))
    # Written over without having been said elsewhere: source moves to original_source, unless that is taken too; a
    # mode or phase of its own stays.
    overwritten = {key for key in keys if key in written} - {"source", "conversation_mode", "execution_phase"}
    if "source" not in keys:
        overwritten.discard("original_source")
    return _with(pairs, "original_metadata", value) if overwritten else pairs


def _with(pairs: list[tuple[str, Any]], key: str, value: Any) -> list[tuple[str, Any]]:
    """Set a key; all other pairs stay."""
    return [pair for pair in pairs if pair[0] != key] + [(key, value)]


def _title(metadata: Value) -> str | None:
    try:
        value = read(metadata)
    except ValueError:
        return None
    title = value.first("title") if isinstance(value, Object) else None
    return title if isinstance(title, str) and title.strip(" ") else None


def _day(row: OldSession, dialect: Dialect) -> str:
    if dialect == "postgres":  # read in UTC; no day has infinity
        return row.created_at if "infinity" in row.created_at else row.created_at[:10]
    if not re.match(r"\d{4}-\d\d-\d\d", row.created_at):
        return row.created_at.strip(" ") or row.session_id
    try:
        moment = datetime.fromisoformat(row.created_at)
    except ValueError:
        return row.created_at[:10]
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d}"
