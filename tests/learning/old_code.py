"""The learning application as it was: it knows nothing of the new columns, and its tables have to serve it on and on.

Each function is one of its queries, with the columns and the order that it has always had.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_NUMBERS = count(1)


def talk(client: psycopg.Connection[Any], *, role: str = "user", user: str = "ada") -> str:
    """Begin a session, say something in it, and read both back; return the session's id.

    Args:
        client: a connection of the application.
        role: as this build of the application writes it.
        user: whose session it is.
    """
    name = f"talk-{next(_NUMBERS)}"
    client.execute(
        "INSERT INTO learning_sessions (id, user_id, title, context, updated_at) "
        "VALUES (%s, %s, 'Old code', '{}', CURRENT_TIMESTAMP)",
        (name, user),
    )
    say(client, name, role=role)
    assert client.execute("SELECT message_count, title FROM learning_sessions WHERE id = %s", (name,)).fetchall() == [
        (1, "Old code")
    ]
    spoken = client.execute("SELECT role::text, content FROM learning_messages WHERE session_id = %s", (name,))
    assert [(found.upper(), words) for found, words in spoken.fetchall()] == [(role.upper(), "Hello")]
    return name


def say(client: psycopg.Connection[Any], session: str, *, role: str = "user") -> None:
    """Say something in a session: a message, and the session's counter and time."""
    with client.transaction():
        client.execute(
            "INSERT INTO learning_messages (id, session_id, role, content) VALUES (%s, %s, %s, 'Hello')",
            (f"said-{next(_NUMBERS)}", session, role),
        )
        client.execute(
            "UPDATE learning_sessions SET message_count = message_count + 1, updated_at = CURRENT_TIMESTAMP "
            "WHERE id = %s",
            (session,),
        )


def latest(client: psycopg.Connection[Any], user: str = "ada") -> list[str]:
    """List a user's sessions, the one that was changed last first."""
    found = client.execute(
        "SELECT id, user_id, title, context, message_count, created_at, updated_at FROM learning_sessions "
        "WHERE user_id = %s ORDER BY updated_at DESC, id LIMIT 50",
        (user,),
    )
    return [row[0] for row in found.fetchall()]
