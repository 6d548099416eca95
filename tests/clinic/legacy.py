"""Builds clinic databases as they were before the migration, migrates them, rolls back, and reads them by another way.

Knows how to drive sessmig and how to look; what must come of the rows, `tests.clinic.model` knows.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sessmig import Report, rollback, run, status
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.plan import Wish
from tests.clinic.data import OLD, SERIES, TABLES, Dialect, Row, Rows, legacy_schema
from tests.fixtures import postgres
from tests.fixtures.probe import Probe

_TIMES = ("created_at", "updated_at")
# What psycopg would read for us; the tests want to see it as it stands.
_AS_TEXT = ("timestamp with time zone", "json", "jsonb")


def dialect_of(url: str) -> Dialect:
    return "sqlite" if url.startswith("sqlite:") else "postgres"


def build(url: str, rows: Rows) -> None:
    """Make the legacy tables with these rows; columns that a row does not name get their default.

    SQLite takes orphans: foreign keys were not enforced when the old rows were written.
    """
    mark = "?" if dialect_of(url) == "sqlite" else "%s"
    with _opened(url) as connection:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")
        _script(connection, f"BEGIN; {legacy_schema(dialect_of(url))}")
        cursor = connection.cursor()
        for table in TABLES:
            for columns, values in _grouped(rows.get(table, [])):
                places = ", ".join([mark] * len(columns))
                cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)
        cursor.execute("COMMIT")


def migrate(
    url: str, *, to: int | None = None, only: int | None = None, ignore_wait: bool = False, series: Path = SERIES
) -> Report:
    """Carry out what is pending, as `sessmig migrate` does without its backup."""
    with connect(url, create=False) as database:
        return run.migrate(Job(database, series, wish=Wish(to=to, only=only, ignore_wait=ignore_wait)))


def verify(url: str) -> Report:
    """Ask the checks of all applied migrations again, as `sessmig verify` does."""
    with connect(url, create=False) as database:
        return status.verify(Job(database, SERIES))


def roll_back(url: str, *, to: int | None = None) -> Report:
    """Undo the newest migration, or all above a version, as `sessmig rollback` does."""
    with connect(url, create=False) as database:
        return rollback.roll_back(Job(database, SERIES), to)


def let_pass(url: str, version: int, *, days: float) -> None:
    """Let a migration have been done so long ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    zone = "" if dialect_of(url) == "sqlite" else "+00:00"
    with _opened(url) as connection:
        connection.execute(
            f"UPDATE schema_migrations SET applied_at = '{moment:%Y-%m-%d %H:%M:%S}{zone}' WHERE version = {version}"
        )


def look(url: str) -> Rows:
    """Read every row of the five tables; the old ones under whichever name they bear, or none where they are gone.

    JSON and times as text, those of PostgreSQL in UTC; flags as the database gives them.
    """
    with _opened(url) as connection:
        standing = _tables(connection)
        found = {}
        for table in TABLES:
            name = table if table in standing else f"{table}_deprecated"
            found[table] = rows_of(connection, name) if name in standing else []
        return found


def rows_of(connection: Any, table: str) -> list[Row]:
    """Read a table, sorted by its first column."""
    if isinstance(connection, sqlite3.Connection):
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
    query = "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    columns = connection.execute(query, (table,)).fetchall()
    shown = ", ".join(f"{name}::text" if kind in _AS_TEXT else name for name, kind in columns)
    found = connection.execute(f"SELECT {shown} FROM {table} ORDER BY 1").fetchall()
    return [dict(zip([name for name, _ in columns], row, strict=True)) for row in found]


def table(url: str, name: str) -> list[Row]:
    """Read one table."""
    with _opened(url) as connection:
        return rows_of(connection, name)


def session(url: str, name: str) -> Row:
    """Read one row of sessions."""
    (found,) = [row for row in look(url)["sessions"] if row["id"] == name]
    return found


def state(url: str, name: str) -> Any:
    """Read the agent_state of a session, as JSON."""
    return json.loads(session(url, name)["agent_state"])


def messages(url: str, name: str = "s-1") -> list[Row]:
    """Read the messages of a session, in the order of their ids."""
    return [row for row in look(url)["messages"] if row["session_id"] == name]


def measures(url: str, version: int) -> dict[str, Any]:
    """Return what the ledger row of a migration holds as metadata."""
    with _opened(url) as connection:
        query = f"SELECT CAST(metadata AS TEXT) FROM schema_migrations WHERE version = {version}"
        ((found,),) = connection.execute(query).fetchall()
    return dict(json.loads(found))


def statuses(url: str) -> dict[int, str]:
    """Return where each migration stands in the ledger."""
    with _opened(url) as connection:
        return dict(connection.execute("SELECT version, status FROM schema_migrations ORDER BY version").fetchall())


def picture(database: Probe) -> tuple[Any, Any]:
    """Return schema and rows, without the quotation marks that SQLite sets around a name when it renames."""
    found = database.snapshot()
    schema = {
        kind: sorted(re.sub("[\"']", "", str(entry)) for entry in entries) for kind, entries in found["schema"].items()
    }
    return schema, found["rows"]


def old_tables(url: str) -> set[str]:
    """Return the names under which the old tables stand."""
    with _opened(url) as connection:
        return {name for name in _tables(connection) if name.startswith(OLD)}


def file_of(url: str) -> Path:
    """Return the path of a SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


def _grouped(rows: list[Row]) -> Iterator[tuple[list[str], list[list[Any]]]]:
    """Part rows by the columns that they name; each group in the order given."""
    groups: dict[tuple[str, ...], list[list[Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(list(row.values()))
    for columns, values in groups.items():
        yield list(columns), values


def _tables(connection: Any) -> set[str]:
    if isinstance(connection, sqlite3.Connection):
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {name for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'").fetchall()}


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    if dialect_of(url) == "postgres":
        with postgres.connect(url) as connection:
            connection.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'")
            yield connection
        return
    with closing(sqlite3.connect(file_of(url), isolation_level=None)) as file:
        file.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        yield file


def _script(connection: Any, sql: str) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.executescript(sql)
    else:
        connection.execute(sql.encode())
