"""Connects to a PostgreSQL server, and puts into words why it could not.

Knows libpq; knows nothing of what is then done. A start with nothing pending imports it, so it imports no more than
the driver.
"""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

OLDEST = 130000
"""The version of the oldest server that is served, as it writes it itself."""
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}
"""By what libpq finds out that a network is gone which says nothing: the system's own settings take two hours."""
_QUOTED = re.compile(r'("="|(?<=query parameter: )"[a-z_]+"$|(?<=connection option )"[a-z_]+"$)|".*"', re.DOTALL)


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Return a text without the passwords in it."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _understood(target: str, label: str, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        return conninfo_to_dict(target)
    except psycopg.ProgrammingError as error:
        from sessmig.errors import UsageError

        # It quotes what it could not read, which may be a piece of the password.
        words = _QUOTED.sub(lambda found: found[0] if found[1] else '"***"', redacted(str(error).strip(), secrets))
        raise UsageError(f"{label}: {words}", remedy="Write %40 for @, %25 for %, %20 for a blank.") from None


def connected(target: str, label: str, secrets: tuple[str, ...]) -> psycopg.Connection[Any]:
    """Connect by a URL or connection string as libpq takes it.

    Raises:
        UsageError: libpq does not understand it.
        ConnectError: without the password.
    """
    told = _understood(target, label, secrets)
    try:
        options: dict[str, Any] = {"client_encoding": "UTF8", "fallback_application_name": "sessmig"}
        options |= {name: value for name, value in _PATIENCE.items() if name not in told}
        return psycopg.connect(make_conninfo(target, **options), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        from sessmig.databases.postgres_remedies import connecting
        from sessmig.errors import ConnectError

        words = redacted(str(error).strip(), secrets)
        raise ConnectError(f"{label}: {words}", remedy=connecting(words)) from None
