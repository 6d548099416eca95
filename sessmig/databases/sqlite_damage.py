"""Tells whether a SQLite file is whole, whatever the application that made it has added to SQLite.

Knows `quick_check` and its words; decides nothing.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from urllib.parse import quote

from sessmig.databases.sqlite_connection import connect

_MANY = 1000
"""How many findings are read: what is no damage must not hide what is."""
_SHOWN = 3
# Rows that break a rule of their table, as an old application or a switched-off check left them: the file is whole.
_RULES = re.compile(r"(?:CHECK constraint failed in|non-unique entry in|(?:non-)?[A-Z]+ value in) ")
_LACKING = re.compile(r"(?:no such|unknown) (?P<kind>collation sequence|function): (?P<name>.+)")
_ORDER = re.compile(r"row \d+ (?:not in PRIMARY KEY order|missing from index)|wrong # of entries")
"""What cannot be judged by a collation that only stands in for the application's own."""


def opened(path: str) -> sqlite3.Connection:
    """Open a backup: nobody writes to it, and nothing may be left beside it."""
    return connect(f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro&immutable=1", path)


def damage(path: str) -> str:
    """Return what `quick_check` finds wrong with a file; empty if it is whole."""
    if _is_cut(path):  # what is missing of its last page SQLite would read as zeros
        return "it ends in the middle of a page"
    try:
        with closing(opened(path)) as connection:
            found, stood_in = _checked(connection)
    except sqlite3.Error as error:
        if code(error) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        return str(error)
    lines = [line for line in found if line != "ok" and not _RULES.match(line)]
    return "; ".join([line for line in lines if not (stood_in and _ORDER.match(line))][:_SHOWN])


def _is_cut(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(18)
        page = int.from_bytes(head[16:18], "big")
        return page > 1 and file.seek(0, 2) % page > 0


def _checked(connection: sqlite3.Connection) -> tuple[list[str], bool]:
    """Check a file; collations and functions that only the application has are stood in for."""
    stood_in: set[str] = set()
    while True:
        try:
            return [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_MANY})")], bool(stood_in)
        except sqlite3.OperationalError as error:
            lacking = _LACKING.search(str(error))
            if lacking is None or lacking[0] in stood_in:
                raise
            stood_in.add(lacking[0])
            if lacking["kind"] == "function":
                connection.create_function(lacking["name"].removesuffix("()"), -1, _nothing, deterministic=True)
            else:
                connection.create_collation(lacking["name"], _compared)


def _nothing(*_: object) -> None:
    """Stand in for a function: a CHECK over NULL holds."""


def _compared(one: str, other: str) -> int:
    return (one > other) - (one < other)


def tells_damage(error: sqlite3.Error) -> bool:
    """Tell whether SQLite says that a file is no database, or not a whole one."""
    return code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
