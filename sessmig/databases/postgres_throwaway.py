"""Makes PostgreSQL databases that are gone after use, empty or as the copy of another.

Knows CREATE DATABASE … TEMPLATE; knows nothing of migrations.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import psycopg
from psycopg import sql

from sessmig.config import read_address
from sessmig.databases.postgres_connecting import connected
from sessmig.errors import ConnectError

PREFIX = "sessmig_pytest_"
_BUSY = "55006"
_HOLDERS = "SELECT pid, application_name FROM pg_catalog.pg_stat_activity WHERE datname = %s ORDER BY pid LIMIT 3"


@contextmanager
def empty(server: str, template: str = "") -> Iterator[str]:
    """Make a database as `createdb` does, and drop it at the end, whoever is still connected to it.

    Args:
        server: the URL of another database on the same server, which stays as it is.
        template: the URL of the one to copy, to which nobody may be connected; `template1`, if empty.

    Raises:
        ConnectError: it could not be made.
    """
    name = PREFIX + os.urandom(8).hex()
    made = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        made += sql.SQL(" TEMPLATE {}").format(sql.Identifier(_name_in(template)))
    _send(server, made, template)
    try:
        yield _with_name(server, name)
    finally:
        _send(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _send(server: str, statement: sql.Composed, template: str = "") -> None:
    """Run a statement that no transaction can hold."""
    address = read_address(server)
    with closing(connected(address.target, address.label, address.secrets)) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error)
            raise ConnectError(f"{address.label}: {words}", remedy=_remedy(connection, error, template)) from None


def _remedy(connection: psycopg.Connection[tuple[object, ...]], error: psycopg.Error, template: str) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"The tests make databases of their own: ALTER ROLE {connection.info.user} CREATEDB"
    if error.sqlstate == _BUSY and template:
        held = [f"pid {pid} ({name or 'no name'})" for pid, name in connection.execute(_HOLDERS, [_name_in(template)])]
        told = f"Connected are {', '.join(held)}. " if held else ""
        return f"{told}Whoever fills it before the tests has to close the connection, and an engine's pool (dispose())."
    return "The tests make databases of their own on the server that is named for them."


def _name_in(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


def _with_name(url: str, name: str) -> str:
    """Return the URL of another database of a server, however it was written."""
    parts = urlsplit(url)
    options = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "dbname"]
    # Not by urlunsplit, which drops the slashes where no host stands behind them.
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{urlencode(options)}" if options else "")
