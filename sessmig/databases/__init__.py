"""Opens a database by its URL, its path, or a connection that somebody else has opened.

Knows which module serves which database, and imports only that one.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not from typing: a start with nothing pending imports this package
if TYPE_CHECKING:
    from typing import Any

    import psycopg

    from sessmig.config import Address
    from sessmig.databases.contract import Database
    from sessmig.databases.idle import File, Server
    from sessmig.errors import ConnectError


def connect(database: Any, *, create: bool = True, first: File | Server | None = None) -> Database:
    """Open a database.

    Args:
        database: a URL or path (see `sessmig.config.read_address`), an `os.PathLike`, or an open
            `sqlite3.Connection` or `psycopg.Connection`.
        create: False never makes a SQLite file that is not there; the database then reads as empty.
        first: a first look at it, which may have opened it already.

    Raises:
        UsageError: neither URL, path nor such a connection; a connection that stands in a transaction.
        ConnectError: the database does not answer.
    """
    import os

    from sessmig.config import read_address
    from sessmig.errors import UsageError

    if isinstance(database, str | os.PathLike):
        address = read_address(os.fspath(database))
        if address.dialect == "sqlite":
            from sessmig.databases import sqlite

            return sqlite.open_file(address.target, address.label, create=create)
        return _postgres(address, first.take(database) if first else None)
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


def _postgres(
    database: Address | psycopg.Connection[Any], connection: psycopg.Connection[Any] | None = None
) -> Database:
    from sessmig.config import Address

    try:
        from sessmig.databases import postgres
    except ImportError as error:
        raise driverless(error) from None
    if isinstance(database, Address):
        return postgres.open_url(database.target, database.label, database.secrets, connection)
    return postgres.adopt(database)


def driverless(error: ImportError) -> ConnectError:
    """Say that the driver is not there: psycopg alone is pure Python, and needs the libpq of the system."""
    from sessmig.errors import ConnectError

    return ConnectError(
        f"PostgreSQL cannot be reached: {str(error).strip().splitlines()[0]}",
        remedy="Install the driver with its library: pip install 'sessmig[binary]'",
    )
