"""Opens a database by its URL, its path, or a connection that somebody else has opened.

Knows which module serves which database, and imports only that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessmig.config import Address, read_address
from sessmig.errors import ConnectError, UsageError

if TYPE_CHECKING:
    import psycopg

    from sessmig.databases.contract import Database


def connect(database: Any, *, create: bool = True) -> Database:
    """Open a database.

    Args:
        database: a URL or path (see `sessmig.config.read_address`), an `os.PathLike`, or an open
            `sqlite3.Connection` or `psycopg.Connection`.
        create: False never makes a SQLite file that is not there; the database then reads as empty.

    Raises:
        UsageError: neither URL, path nor such a connection; a connection that stands in a transaction.
        ConnectError: the database does not answer.
    """
    import os

    if isinstance(database, str | os.PathLike):
        address = read_address(os.fspath(database))
        if address.dialect == "sqlite":
            from sessmig.databases import sqlite

            return sqlite.open_file(address.target, address.label, create=create)
        return _postgres(address)
    module = type(database).__module__.partition(".")[0]
    for ancestor in type(database).__mro__:
        root = ancestor.__module__.partition(".")[0]
        if root in ("sqlite3", "psycopg"):
            module = root
    if module == "sqlite3":
        from sessmig.databases import sqlite

        return sqlite.adopt(database, create=create)
    if module == "psycopg":
        return _postgres(database)
    raise UsageError(
        f"not a database: {type(database).__module__}.{type(database).__qualname__}",
        remedy="Give a URL, a path, or an open sqlite3.Connection or psycopg.Connection; with SQLAlchemy that is "
        "connection.connection.driver_connection.",
    )


def _postgres(database: Address | psycopg.Connection[Any]) -> Database:
    try:
        from sessmig.databases import postgres
    except ImportError as error:
        raise driverless(error) from None
    if isinstance(database, Address):
        return postgres.open_url(database.target, database.label, database.secrets)
    return postgres.adopt(database)


def driverless(error: ImportError) -> ConnectError:
    """Say that the driver is not there: psycopg alone is pure Python, and needs the libpq of the system."""
    return ConnectError(
        f"PostgreSQL cannot be reached: {str(error).strip().splitlines()[0]}",
        remedy="Install the driver with its library: pip install 'sessmig[binary]'",
    )
