"""Takes the picture of a SQLite database that a rehearsal compares: its schema, and a sum of hashes for each table.

Reads only, row by row; knows nothing of what is made of it.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterator

from sessmig.databases.values import decoded
from sessmig.errors import DatabaseError
from sessmig.quoting import quoted
from sessmig.rehearsal import Fingerprint, Rows, Thing

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?P<word>\w+)|.""",
    re.DOTALL | re.VERBOSE,
)
_OBJECTS = """
SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_master
WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY type, name"""
_COLUMNS = """
SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1"""
_PRAGMAS = ("user_version", "application_id")
_WIDTH = 1 << 128


def fingerprint(connection: sqlite3.Connection, exclude: Collection[str], values: bool) -> Fingerprint:
    """Return the picture of the main database, but for these tables and what belongs to them; in a transaction.

    Without `values` the rows are only counted.
    """
    factory = connection.text_factory
    try:
        connection.text_factory = decoded
        objects = [row for row in _rows(connection, _OBJECTS) if row[2].lower() not in exclude]
        inner = _inner_tables(connection, objects)
        kept = [row for row in objects if row[1] not in inner]
        things = [Thing("setting", name, str(_value(connection, f"PRAGMA main.{name}"))) for name in _PRAGMAS]
        for kind, name, table, sql in kept:
            things.append(Thing(kind, name, sql, _alike(sql), "" if name == table else table))
            if kind == "table":
                things += _columns(connection, name)
        # Text by its bytes, one character each: also what is no UTF-8 is told from anything else.
        connection.text_factory = lambda data: data.decode("latin-1")
        rows = [_hashed(connection, name, values) for kind, name, _, _ in kept if kind == "table"]
        return Fingerprint(tuple(things), tuple(rows), tuple(_sequences(connection, exclude)))
    except sqlite3.Error as error:
        raise DatabaseError(str(error), code=getattr(error, "sqlite_errorname", "") or "") from None
    finally:
        connection.text_factory = factory


def _rows(connection: sqlite3.Connection, sql: str, *params: str) -> sqlite3.Cursor:
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(sql, params)


def _value(connection: sqlite3.Connection, sql: str) -> object:
    return _rows(connection, sql).fetchone()[0]


def _inner_tables(connection: sqlite3.Connection, objects: list[tuple[str, str, str, str]]) -> set[str]:
    """Return the tables that a virtual table keeps for itself: an index in them may be built in many ways."""
    if sqlite3.sqlite_version_info >= (3, 37):
        found = _rows(connection, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'")
        return {name for (name,) in found}
    virtual = tuple(f"{name}_" for _, name, _, sql in objects if re.match(r"create\s+virtual", sql, re.IGNORECASE))
    return {name for _, name, _, _ in objects if name.startswith(virtual)}


def _columns(connection: sqlite3.Connection, table: str) -> Iterator[Thing]:
    for name, kind, not_null, default, key, hidden in _rows(connection, _COLUMNS, table):
        parts = [kind, "PRIMARY KEY" if key else "", "NOT NULL" if not_null else "", "GENERATED" if hidden else ""]
        parts += [f"DEFAULT {default}"] if default is not None else []
        definition = " ".join(filter(None, parts))
        yield Thing("column", f"{table}.{name}", definition, _alike(definition) or "-", table)


def _alike(sql: str) -> str:
    """Return a definition without what does not count: SQLite itself quotes the names in it when it renames."""
    parts = []
    for token in _TOKEN.finditer(sql):
        if token.lastgroup == "name":
            text = token[0][1:-1].lower()
            parts.append(text.replace(token[0][0] * 2, token[0][0]))
        elif token.lastgroup != "blank":
            parts.append(token[0] if token.lastgroup == "text" else token[0].lower())
    return " ".join(parts)


def _hashed(connection: sqlite3.Connection, table: str, values: bool) -> Rows:
    """Add the hashes of all rows up: the sum is the same in whatever order they come."""
    name = f"main.{quoted(table)}"
    number = total = 0
    try:
        if not values:
            return Rows(table, _rows(connection, f"SELECT count(*) FROM {name}").fetchone()[0], "")
        for row in _rows(connection, f"SELECT * FROM {name}"):
            number += 1
            # What Python writes for a row tells 1, 1.0, '1', x'31' and NULL apart.
            total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest(), "big")
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
        return Rows(table, None, "")  # a virtual table of an extension that is not loaded here
    return Rows(table, number, f"{total % _WIDTH:032x}")


def _sequences(connection: sqlite3.Connection, exclude: Collection[str]) -> Iterator[tuple[str, str]]:
    if _value(connection, "SELECT count(*) FROM main.sqlite_master WHERE name = 'sqlite_sequence'"):
        for name, value in _rows(connection, "SELECT name, seq FROM main.sqlite_sequence ORDER BY name"):
            if name.lower() not in exclude:
                yield f"sqlite_sequence of {name}", str(value)
