"""Databases that are made for a test and gone after it: empty ones, and copies of a template.

Knows which module serves which database, and imports only that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from sessmig.config import read_address
from sessmig.databases import driverless
from sessmig.errors import UsageError

SQLITE = "sqlite"


class Url(str):
    """A database's URL, which shows no password where a failing test prints its arguments."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(read_address(str(self)).label)


@contextmanager
def empty(server: str, folder: Path) -> Iterator[str]:
    """Make an empty database.

    Args:
        server: `sqlite`, or the URL of any database on a PostgreSQL server, which itself stays as it is.
        folder: where SQLite files stand.

    Raises:
        UsageError: neither of these.
        ConnectError: it could not be made.
    """
    if server == SQLITE:
        from sessmig.databases import sqlite_throwaway

        with sqlite_throwaway.empty(str(folder)) as path:
            yield Url(f"sqlite:///{path}")
        return
    with _postgres(server).empty(server) as url:
        yield Url(url)


@contextmanager
def copied(template: str, server: str, folder: Path) -> Iterator[str]:
    """Copy a database that stands on the same server, or is a SQLite file.

    Raises:
        UsageError, ConnectError: it could not be copied.
    """
    address = read_address(template)
    if address.dialect == SQLITE:
        from sessmig.databases import sqlite_throwaway

        with sqlite_throwaway.copied(address.target, str(folder)) as path:
            yield Url(f"sqlite:///{path}")
        return
    with _postgres(server).empty(server, template) as url:
        yield Url(url)


def _postgres(server: str) -> ModuleType:
    remedy = "Write sqlite, or postgresql://user@host/postgres: any database of the server that the tests may use."
    if "://" not in server or read_address(server).dialect == SQLITE:
        raise UsageError("the server for the tests is not understood", remedy=remedy)
    try:
        from sessmig.databases import postgres_throwaway
    except ImportError as error:
        raise driverless(error) from None
    return postgres_throwaway
