"""Runs steps on a database past the runner, and tells what the database says was done and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sessmig import script
from sessmig.databases import connect
from sessmig.databases.contract import Database
from sessmig.model import Piece
from sessmig.rows import Fault, Table

Told = dict[str, tuple[int | None, int | None, int]]


@contextmanager
def transaction(url: str, *, keep: bool = False) -> Iterator[Database]:
    """Open a database, and a transaction with the lock."""
    with (
        connect(url) as database,
        database.transaction("schema_migrations", wait=10, on_wait=lambda holder: None, keep=keep),
    ):
        yield database


def pieces(database: Database, text: str) -> tuple[Piece, ...]:
    return tuple(piece for piece in script.split(text, database.dialect, Path("step.sql")) if piece.is_statement)


def send(database: Database, text: str) -> None:
    """Run a script, as a step does."""
    for _ in database.run(pieces(database, text)):
        pass


def step(database: Database, text: str) -> Told:
    """Run a script as a step, and return what was done to each table: inserted, updated, deleted."""
    names = named(database.tables())
    mark = database.mark(text)
    database.watch(pieces(database, text))
    send(database, text)
    database.undo_settings(mark)
    names |= named(database.tables())
    told = {
        names[identity]: (change.inserted, change.updated, change.deleted)
        for identity, change in database.changes().items()
    }
    database.unwatch()
    return told


def steps(url: str, *texts: str) -> list[Told]:
    """Run several steps in one transaction."""
    with transaction(url) as database:
        return [step(database, text) for text in texts]


def named(tables: Sequence[Table]) -> dict[int, str]:
    return {table.identity: table.name for table in tables}


def listed(database: Database) -> dict[str, Table]:
    return {table.name: table for table in database.tables()}


def faults(database: Database, text: str, *touched: str) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Run a script, and return what the free checks find before it and after it."""
    cut = pieces(database, text)
    before = database.faults([t for t in database.tables() if t.name in touched], cut)
    database.watch(cut)
    send(database, text)
    after = database.faults([t for t in database.tables() if t.name in touched], cut)
    database.unwatch()
    return before, after
