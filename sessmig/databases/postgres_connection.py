"""Tells whether a PostgreSQL connection can be used, what is at its other end, and how to reach that again.

Knows libpq; knows nothing of what is then done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq

from sessmig.databases.postgres_connecting import OLDEST
from sessmig.databases.wire import Wire
from sessmig.errors import ConnectError, UsageError

_IDENTITY = """
SELECT current_schema(), current_database(), current_setting('server_version_num'), version()"""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself and of the session."""

    schema: str
    """The first schema of search_path that exists."""
    database: str
    checks_client: bool
    """It can look whether its client is still there."""


def refuse_busy(connection: Any) -> None:
    """Refuse a connection of somebody else's that cannot be used now.

    Raises:
        UsageError: it is closed, or stands in a transaction.
    """
    if connection.closed:
        raise UsageError("the connection is closed", remedy="Give one that is open, or the URL instead.")
    if connection.info.transaction_status != pq.TransactionStatus.IDLE or connection.pgconn.pipeline_status:
        raise UsageError(
            "the connection stands in a transaction", remedy="Commit or roll back first, or give the URL instead."
        )


def connection_parameters(info: psycopg.ConnectionInfo) -> dict[str, str]:
    """Return by what a second connection reaches the same server, of several that may have been named."""
    # Not `get_parameters`, which leaves out what a service or the environment says: a service is not handed on.
    given = (option for option in info.pgconn.info if option.val is not None and option.val != option.compiled)
    found = {option.keyword.decode(): (option.val or b"").decode() for option in given}
    found.pop("password", None)
    found |= {"dbname": info.dbname, "user": info.user}
    found |= {"host": info.host} if info.host else {}
    found |= {"port": str(info.port)} if info.port else {}
    found |= {"hostaddr": info.hostaddr} if "hostaddr" in found else {}
    return found | ({"password": info.password} if info.password else {})


def introduced(wire: Wire, label: str) -> Server:
    """Ask the server what it is.

    Raises:
        ConnectError: it is too old, or there is no schema for a ledger.
    """
    schema, database, version, words = map(str, wire.query(_IDENTITY).rows[0])
    if int(version) < OLDEST:
        raise ConnectError(f"{label}: the server is {words}", remedy="sessmig needs PostgreSQL 13 or newer.")
    if schema == "None":
        raise ConnectError(
            f"{label}: search_path names no schema that exists and may be used",
            remedy="The ledger needs one: set search_path, or grant USAGE on its schema.",
        )
    return Server(schema, database, int(version) >= 140000 and ("linux" in words or "darwin" in words))
