"""Rehearses on a database as both doors do, and holds that the database itself is not touched by it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessmig.databases import connect
from sessmig.job import Job
from sessmig.rehearsal import Rehearsal
from sessmig.rehearse import rehearse
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

NOTES = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO notes VALUES (1, 'one'), (2, 'two'), (3, NULL);
"""
"""What stands before anything is rehearsed."""
TAGS = {
    "0001_tags.sql": """-- Tags, and notes found by their body
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO tags VALUES (1, 'red');
CREATE INDEX idx_notes_body ON notes (body);
""",
    "0001_tags.rollback.sql": """-- sessmig: may-lose tags
DROP INDEX idx_notes_body;
DROP TABLE tags;
""",
}
"""A migration with its way back."""


@dataclass(slots=True)
class Stage:
    """A database to rehearse, and the copy to do it on where one has to be made by hand."""

    url: str
    on: str | None
    probe: Callable[[str], Probe]
    cli: Cli

    @property
    def is_postgres(self) -> bool:
        return self.url.startswith("postgresql")

    def build(self, sql: str = NOTES) -> None:
        """Run a script in the database, and in its copy."""
        self.each(lambda url: self.probe(url).execute(sql))

    def each(self, work: Callable[[str], Any]) -> None:
        for url in filter(None, (self.url, self.on)):
            work(url)

    def play(self, folder: Path, **options: Any) -> Rehearsal:
        """Rehearse as the API does."""
        with (
            self.untouched(),
            connect(self.url, create=False) as database,
            connect(self.on) if self.on else nullcontext() as copy,
        ):
            return rehearse(Job(database, folder, **options), copy)

    def command(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Rehearse as the command does."""
        on = ("--on", self.on) if self.on else ()
        with self.untouched():
            return self.cli("rehearse", "-d", self.url, "--dir", folder, *on, *arguments)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Hold that the database, and the folder of a SQLite file, are afterwards what they were."""
        before = self._look()
        yield
        assert self._look() == before

    def _look(self) -> Any:
        if not self.is_postgres:
            folder = Path(self.url.removeprefix("sqlite:///")).parent
            return {path.name: path.read_bytes() for path in folder.iterdir()}
        found = self.probe(self.url).snapshot(exclude=())
        return found["schema"], found["rows"]
