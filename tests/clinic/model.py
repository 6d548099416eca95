"""What the migration must give, in plain Python: the rows that come into sessions and messages, from those before.

Written from the specification, not from the SQL. Knows rows; opens no database and reads no file.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tests.clinic.data import ADDED, AGENTS, FLAGS, JSON, LAST_MESSAGE, LISTS, OBJECTS, OLD, SHARED, Row, Rows
from tests.webui.model import Number, Object, read

Moment = datetime | str | None
"""A point in time where the text says one; else the text."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_IMAGES = ("skin_analysis", "analyze_skin")


class Said(NamedTuple):
    """A message that comes; `position` is its place in the old array."""

    session_id: str
    sender: str
    content: str
    message_type: str
    created_at: Moment
    migrated_from: str
    position: int


@dataclass(frozen=True)
class Migrated:
    """What comes to what was there, and what does not."""

    sessions: dict[Any, tuple[Any, ...]]
    """By id, agent_state as a value."""
    messages: list[Said]
    """Sorted by session, old table and position, as they come."""
    already_there: Counter[str]
    """How many sessions of each old table are in sessions, or came from the other."""
    present: Counter[str]
    """How many messages of each old table the target held."""
    without_content: Counter[str]
    """How many elements of each old table are no message."""
    no_array: Counter[str]
    """How many rows of each old table hold text for messages that is no JSON, or JSON that is no array."""


def migrate(before: Rows) -> Migrated:
    """Work out which rows come, and with what values."""
    standing = {row["id"] for row in before["sessions"]}
    held = Counter(_key(row) for row in before["messages"])
    found = Migrated({}, [], Counter(), Counter(), Counter(), Counter())
    for table in OLD:
        for row in before[table]:
            if row["id"] in standing:
                found.already_there[table] += 1
            else:
                standing.add(row["id"])
                found.sessions[row["id"]] = session_from(table, row)
            elements = read_or_text(row["messages"])
            if isinstance(elements, list):
                found.without_content[table] += sum(content_of(element) is None for element in elements)
            elif elements is not None:
                found.no_array[table] += 1
            for said in spoken(table, row):
                key = said.session_id, said.sender, said.content, said.created_at
                if held[key]:
                    held[key] -= 1
                    found.present[table] += 1
                else:
                    found.messages.append(said)
    found.messages.sort(key=_place)
    return found


def session_from(table: str, row: Row) -> tuple[Any, ...]:
    """Return the row of sessions that an old one becomes, without its id."""
    status = "completed" if row["stage"] == "completed" else "active"
    last = row[LAST_MESSAGE[table]]
    times = row["created_at"], row["updated_at"]
    return row["user_id"], None, AGENTS[table], state_from(table, row), last, status, *times


def state_from(table: str, row: Row) -> Object:
    """Return the agent_state that an old row becomes."""
    state = {name: cell_value(name, row[name]) for name in (*SHARED, *ADDED[table])}
    state["original_messages"] = cell_value("messages", row["messages"])
    return Object((*state.items(), ("migrated_from", table)))


def cell_value(column: str, cell: Any) -> Any:
    """Return what a column's value is in JSON."""
    if column in JSON:
        value = read_or_text(cell)
        if value is not None:
            return value
        return [] if column in LISTS else Object(()) if column in OBJECTS else None
    if column in FLAGS:
        return None if cell is None else bool(cell)
    if column == "risk_level" and cell in (None, ""):
        return "low"
    return Number(Decimal(str(cell))) if isinstance(cell, int | float) else cell


def read_or_text(cell: Any) -> Any:
    """Return JSON as a value, text that is none as it is, and nothing at all as None."""
    if cell is None or cell == "":
        return None
    try:
        return read(cell)
    except ValueError:
        return cell


def spoken(table: str, row: Row) -> Iterator[Said]:
    """Yield the messages of an old row, in the array's order."""
    elements = read_or_text(row["messages"])
    # Fractions are cut at the microsecond, which is as far as either database goes.
    for position, element in enumerate(elements if isinstance(elements, list) else []):
        content = content_of(element)
        if content is None:
            continue
        task = last(element, "task_type")
        yield Said(
            row["id"],
            "ai" if last(element, "role") in ("assistant", "ai", "system") else "user",
            content,
            "image" if task in _IMAGES else "report" if task == "report_interpret" else "text",
            iso(last(element, "timestamp")) or moment(row["created_at"]),
            table,
            position,
        )


def last(element: Object, key: str) -> Any:
    """Return the value of a key; of one that stands twice the last, as the old application read it."""
    return dict(element.pairs).get(key)


def content_of(element: Any) -> str | None:
    """Return what an element of the array says; None if it has no content."""
    content = last(element, "content") if isinstance(element, Object) else None
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, Number):
        return str(content.value)
    return content or None


def iso(text: Any) -> datetime | None:
    """Read an ISO time, with or without T, Z, fractions; without a zone it is UTC."""
    if not isinstance(text, str) or not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def moment(text: str | None) -> Moment:
    """Read a time as a database gives it."""
    return iso(text) or text


def arrived(before: Rows, after: Rows) -> tuple[dict[Any, tuple[Any, ...]], list[Said]]:
    """Return the rows that came, in the form of `migrate`; those that were there must stand unchanged.

    Raises:
        AssertionError: a row from before is gone or changed, or messages of one array are not in its order.
    """
    sessions = {row["id"]: row for row in after["sessions"]}
    for row in before["sessions"]:
        assert sessions.pop(row["id"]) == row
    messages = {row["id"]: row for row in after["messages"]}
    for row in before["messages"]:
        assert messages.pop(row["id"]) == row
    said = [_said(row) for _, row in sorted(messages.items())]
    by_array: dict[Any, list[int]] = defaultdict(list)
    for one in said:
        by_array[one.session_id, one.migrated_from].append(one.position)
    assert all(positions == sorted(positions) for positions in by_array.values())
    return {name: _values(row) for name, row in sessions.items()}, sorted(said, key=_place)


def _values(row: Row) -> tuple[Any, ...]:
    """Return all of a row of sessions but its id."""
    return (
        row["user_id"],
        row["doctor_id"],
        row["agent_type"],
        read(row["agent_state"]),
        row["last_message"],
        row["status"],
        row["created_at"],
        row["updated_at"],
    )


def _said(row: Row) -> Said:
    assert (row["attachment_url"], row["attachments"]) == (None, None)
    mark = dict(read(row["structured_data"]).pairs)
    return Said(
        row["session_id"],
        row["sender"],
        row["content"],
        row["message_type"],
        moment(row["created_at"]),
        mark["migrated_from"],
        int(mark["position"].value),
    )


def _key(row: Row) -> tuple[Any, ...]:
    return row["session_id"], row["sender"], row["content"], moment(row["created_at"])


def _place(said: Said) -> tuple[str, str, int]:
    return said.session_id, said.migrated_from, said.position
