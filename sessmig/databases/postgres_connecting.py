"""Connects to a PostgreSQL server, and puts into words why it could not.

Knows libpq; knows nothing of what is then done. A start with nothing pending imports it, so it imports no more than
the driver.
"""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

OLDEST = 130000
"""The version of the oldest server that is served, as it writes it itself."""


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return a text without the passwords in it."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def connected(target: str, label: str, secrets: tuple[str, ...]) -> psycopg.Connection[Any]:
    """Connect by a URL or connection string as libpq takes it.

    Raises:
        ConnectError: without the password.
    """
    try:
        options: dict[str, Any] = {"client_encoding": "UTF8", "fallback_application_name": "sessmig"}
        if "connect_timeout" not in conninfo_to_dict(target):
            options["connect_timeout"] = 10
        return psycopg.connect(make_conninfo(target, **options), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        from sessmig.errors import ConnectError

        words = redacted(str(error).strip(), secrets)
        answered = "FATAL:" in words
        raise ConnectError(
            f"{label}: {words}",
            remedy="The server answered: are database, user and password right?"
            if answered
            else "Is the server running, and are host and port right?",
        ) from None
