"""The first look at a database: what stands in its ledger, asked in the shortest way there is.

Knows which database is meant where that is plain, and imports only its driver; whatever is odd it leaves to others.
"""

from __future__ import annotations

import os

from sessmig.naming import file_label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import psycopg

    from sessmig.config import Address
    from sessmig.errors import ConnectError
    from sessmig.model import Cell, Dialect


class File:
    """A SQLite file.

    Args:
        path: where it is.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self.label = file_label(path)
        self.secrets = ()
        self._path = path

    @property
    def where(self) -> str:
        """The same for all who mean this file."""
        return os.path.realpath(self._path)

    def standing(self, table: str, series: str) -> list[tuple[Cell, ...]]:
        """Return `ledger_columns.STANDING` of all rows of a series; any error says that it takes a closer look."""
        from sessmig.databases.sqlite_idle import standing

        return standing(self._path, table, series)

    def take(self, database: Any) -> None:
        """To open a file anew costs nothing."""

    def close(self) -> None:
        """Nothing is left open."""


class Server:
    """A PostgreSQL database.

    Args:
        database: its URL, as it was given.
        address: the same, understood.
    """

    dialect: Dialect = "postgres"

    def __init__(self, database: str, address: Address) -> None:
        self.label = address.label
        self.secrets = address.secrets
        self.where = address.label
        self._database = database
        self._address = address
        self._connection: psycopg.Connection[Any] | None = None
        self._failure: ConnectError | None = None

    def standing(self, table: str, series: str) -> list[tuple[Cell, ...]]:
        """Return `ledger_columns.STANDING` of all rows of a series; any error says that it takes a closer look."""
        from sessmig.databases.postgres_connecting import connected
        from sessmig.databases.postgres_idle import standing
        from sessmig.errors import ConnectError

        try:
            if self._connection is None:
                self._connection = connected(self._address.target, self._address.label, self._address.secrets)
        except ConnectError as error:
            self._failure = error
            raise
        return standing(self._connection, table, series)

    def take(self, database: Any) -> psycopg.Connection[Any] | None:
        """Hand the connection on to whoever is to open this database, so that it is not opened twice.

        Raises:
            ConnectError: it could not be opened, and nobody need wait for that a second time.
        """
        if database != self._database:
            return None
        if self._failure:
            raise self._failure
        connection, self._connection = self._connection, None
        if connection and not connection.closed:
            return connection
        return None

    def close(self) -> None:
        """Close the connection, unless somebody has taken it."""
        if self._connection:
            self._connection.close()
            self._connection = None


def plain(database: str) -> File | Server | None:
    """Return the database that a URL or path plainly means; None where it takes a closer look to tell."""
    if database.startswith("sqlite:///"):
        path = database.removeprefix("sqlite:///")
        return File(path) if path and "?" not in path and "\0" not in path and path != ":memory:" else None
    if database and not set(database) & set(":=\0"):
        return File(database)
    if not database.startswith(("postgres://", "postgresql://", "postgresql+psycopg://")):
        return None
    from sessmig.config import read_address  # its modules are nothing beside those of the driver

    return Server(database, read_address(database))
