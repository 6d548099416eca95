"""What is measured: the rows of the table, each with its files, its contenders, its floor and its targets.

Knows what a contender has to have done in the end; measures nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.bench import contenders, peers
from tests.bench.contenders import Contender, Pyfloor, PyfloorSingle, Sessmig, SessmigSingle

Way = Literal["whole", "first", "warm", "eight"]
"""A whole process; the import and the first call; the calls behind the first; eight processes at once."""

_FLOORS: tuple[Contender, ...] = (Pyfloor(), contenders.Sqlite3(), contenders.Psql())
_SINGLE: tuple[Contender, ...] = (
    SessmigSingle(),
    PyfloorSingle(),
    contenders.Sqlite3Single(),
    contenders.PsqlSingle(),
)
_ALL = (Sessmig(), *_FLOORS, *peers.PEERS)
_BY_HAND = (Sessmig(), Pyfloor(), *peers.PEERS)
"""Those that keep a history; the programs do not know what is done."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: so many times the floor of that name, and so many MB at the most."""

    times: float
    floor: str = "pyfloor"
    mb: float = 0.0
    server_mb: float = 0.0
    words: str = ""
    """What is to be reached in place of a ratio; a test holds it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of the table.

    Args:
        name: as `--only` has it.
        title: as the table has it.
        files: how many migrations of CREATE TABLE and CREATE INDEX there are.
        way: what is measured.
        is_pending: whether they are still to be applied.
        inserts: how many single-row INSERTs stand in one file, in place of the others.
        contenders: who is measured.
        targets: by dialect.
    """

    name: str
    title: str
    files: int
    way: Way
    is_pending: bool
    contenders: tuple[Contender, ...]
    targets: Mapping[str, Target] = field(default_factory=dict)
    inserts: int = 0

    def write(self, folder: Path) -> Path:
        """Write the series, and return its folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(1, self.files + 1):
            text = (
                f"-- Table {n}\nCREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT);\n"
                f"CREATE INDEX i{n} ON t{n} (name);\n"
            )
            (folder / f"{n:04}_table_{n}.sql").write_text(text, encoding="utf-8")
        if self.inserts:
            with (folder / "0001_data.sql").open("w", encoding="utf-8") as file:
                file.write("CREATE TABLE data (id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL);\n")
                for n in range(1, self.inserts + 1):
                    text = f"the quick brown fox jumps over the lazy dog, {n % 977}"
                    file.write(f"INSERT INTO data (id, name, body) VALUES ({n}, 'name {n}', '{text}');\n")
        return folder

    def fault(self, database: str) -> str:
        """Return what is not as it has to be in the end; empty if all is."""
        if self.inserts:
            found = _asked(database, "SELECT count(*), sum(id), min(name), max(length(body)) FROM data")
            wanted = (self.inserts, self.inserts * (self.inserts + 1) // 2, "name 1", 48)
            return "" if found == [wanted] else f"the rows are not there: {found}"
        sqlite = "SELECT name FROM sqlite_master WHERE sql <> ''"
        postgres = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        names = {name for (name,) in _asked(database, postgres if database.startswith("postgresql:") else sqlite)}
        lacking = {f"{kind}{n}" for n in range(1, self.files + 1) for kind in "ti"} - names
        return f"{len(lacking)} tables and indexes are not there" if lacking else ""


def _asked(database: str, query: str) -> list[Any]:
    if database.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(database) as server:
            return server.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(database)) as file:
        return file.execute(query).fetchall()


def _both(sqlite: float, postgres: float, **more: float) -> dict[str, Target]:
    return {"sqlite": Target(sqlite, **more), "postgres": Target(postgres, **more)}  # type: ignore[arg-type]


def _single(sqlite: float, postgres: float) -> dict[str, Target]:
    return {
        "sqlite": Target(sqlite, "pyfloor, one transaction"),
        "postgres": Target(postgres, "pyfloor, one transaction"),
    }


_OWN = (Sessmig(), Pyfloor())
_WARM = {"sqlite": Target(1.0), "postgres": Target(1.0, words="one round trip beyond connecting")}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("startup", "nothing pending of 100, whole process", 100, "whole", False, _BY_HAND, _both(1.5, 1.1)),
    Scenario(
        "first",
        "nothing pending of 100, in process: import and first call",
        100,
        "first",
        False,
        _BY_HAND,
        _both(1.5, 1.1),
    ),
    Scenario("warm", "the same, warm, 100 files", 100, "warm", False, _OWN, _WARM),
    Scenario("warm1000", "the same, warm, 1,000 files", 1000, "warm", False, _OWN, _WARM),
    Scenario("hundred", "100 migrations", 100, "whole", True, _ALL, _both(1.5, 1.3)),
    Scenario("single", "100 migrations in one transaction", 100, "whole", True, _SINGLE, _single(3.0, 1.5)),
    Scenario("thousand", "1,000 migrations", 1000, "whole", True, _ALL, _both(1.2, 1.2)),
    Scenario(
        "inserts",
        "200,000 INSERTs in one file",
        0,
        "whole",
        True,
        _ALL,
        {"sqlite": Target(1.5, "sqlite3", mb=60), "postgres": Target(1.0, "pyfloor", mb=60, server_mb=70)},
        inserts=200_000,
    ),
    Scenario(
        "eight",
        "100 migrations, 8 processes at once on an empty database",
        100,
        "eight",
        True,
        (Sessmig(),),
        {"sqlite": Target(1.5, ALONE := "one process alone"), "postgres": Target(1.5, ALONE)},
    ),
)
