"""SQLite: how many statements sessmig sends around a step, which is what the step costs beside its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from sessmig import ensure_migrations
from tests.fixtures.files import WriteMigrations

_TABLE = "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT);\nCREATE INDEX i{n} ON t{n} (name);\n"
_MOST = 30


def _steps(sent: list[str]) -> Iterator[list[str]]:
    """Give what was sent in each transaction that records a step; what SQLite itself adds begins as a comment."""
    begun = [place for place, text in enumerate(sent) if text.startswith("BEGIN")]
    for start in begun:
        step = [text for text in sent[start : sent.index("COMMIT", start)] if not text.startswith("--")]
        if any(text.startswith("CREATE TABLE t") for text in step):
            yield step


def test_a_plain_step_takes_few_statements_and_as_many_among_many_tables(migrations: WriteMigrations) -> None:
    folder = migrations({f"{n:04}_table.sql": _TABLE.format(n=n) for n in range(1, 81)})
    sent: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_trace_callback(sent.append)
        ensure_migrations(connection, folder)
        connection.set_trace_callback(None)
    steps = list(_steps(sent))
    assert len(steps) == 80
    assert len(steps[-1]) == len(steps[10]) <= _MOST, "\n".join(steps[-1])


def test_a_step_that_only_adds_to_the_schema_has_nothing_else_of_it_read(migrations: WriteMigrations) -> None:
    folder = migrations({f"{n:04}_table.sql": _TABLE.format(n=n) for n in range(1, 11)})
    sent: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.set_trace_callback(sent.append)
        ensure_migrations(connection, folder)
        connection.set_trace_callback(None)
    reading = [text for step in list(_steps(sent))[1:] for text in step if "sqlite_master" in text]
    assert len(reading) == 9
    assert all("WHERE rowid > " in text for text in reading), reading
