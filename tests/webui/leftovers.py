"""What must be left over when the old tables are dropped, in plain Python: what stands nowhere else.

Written from the specification, not from the SQL. Knows rows; opens no database and reads no file.
"""

from __future__ import annotations

import json
from typing import Any

from tests.webui.legacy import ChatMessage, ChatSession, OldMessage, OldSession, Picture, Value
from tests.webui.model import Object, read

SESSIONS = "webui_sessions_legacy"
MESSAGES = "webui_messages_legacy"


def left_over(now: Picture) -> dict[tuple[str, str], str]:
    """Return the reason for each row that the chat tables do not hold with all that it says, by table and id."""
    sessions = {row.session_id: row for row in now.chat_sessions}
    messages = {row.message_id: row for row in now.chat_messages}
    found = {}
    for session in now.old_sessions:
        kept = sessions.get(session.session_id)
        if kept is None:
            found[SESSIONS, session.session_id] = "not in chat_sessions"
        elif not _is_same_session(session, kept):
            found[SESSIONS, session.session_id] = "not the same as the row in chat_sessions"
    for message in now.old_messages:
        said = messages.get(message.message_id)
        if said is None:
            known = message.session_id in sessions
            found[MESSAGES, message.message_id] = "not in chat_messages" if known else "no such session"
        elif message[:-1] != said[:-1] or not _holds(said.metadata, message.metadata):
            found[MESSAGES, message.message_id] = "not the same as the row in chat_messages"
    return found


def _is_same_session(old: OldSession, chat: ChatSession) -> bool:
    """The title and updated_at are the user's to change."""
    metadata = _object(chat.metadata)
    user = metadata.first("original_user_id") if metadata else None
    return old.created_at == chat.created_at and user == old.user_id and _holds(chat.metadata, old.metadata)


def _object(metadata: Value) -> Object | None:
    try:
        value = read(metadata)
    except ValueError:
        return None
    return value if isinstance(value, Object) else None


def _holds(chat: Value, old: Value) -> bool:
    """Tell whether metadata of a chat row holds all that metadata of an old row says."""
    if old is None or old == "" or old == chat:
        return True
    kept = _object(chat)
    if kept is None:
        return False
    whole = kept.first("original_metadata")
    if isinstance(old, bytes):
        return bool(whole == Object((("hex", old.hex().upper()),)))
    try:
        value = read(old)
    except ValueError:
        return bool(whole == old)
    if whole == value and (value is not None or "original_metadata" in dict(kept.pairs)):
        return True
    if not isinstance(value, Object):
        return False
    return all(
        _same(kept.first(key), said, key, kept) or (key == "source" and kept.first("original_source") == said)
        for key, said in ((key, value.first(key)) for key, _ in value.pairs)
    )


def _same(found: Any, said: Any, key: str, kept: Object) -> bool:
    return bool(found == said) and key in dict(kept.pairs)


def as_row(row: OldSession | OldMessage) -> dict[str, Any]:
    """Return an old row as SQLite's leftovers hold it: metadata as its text, bytes in hex."""
    cells = zip(row._fields, row, strict=True)
    return {name: {"hex": cell.hex().upper()} if isinstance(cell, bytes) else cell for name, cell in cells}


def as_json_row(row: ChatMessage | OldSession | OldMessage) -> dict[str, Any]:
    """Return an old row as PostgreSQL's leftovers hold it, but for its times: metadata as JSON."""
    cells = dict(zip(row._fields, row, strict=True))
    metadata = cells.pop("metadata")
    return {name: cell for name, cell in cells.items() if not name.endswith("_at")} | {
        "metadata": None if metadata is None else json.loads(metadata)
    }
