"""Who is measured: sessmig, the floors, and the peers (`peers.py`); each tells its command and its call in Python.

Knows how each is spoken to; measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.bench import pyfloor

FLOOR = Path(pyfloor.__file__)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the contenders are installed: a virtual environment, and beside it what npm brought."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    def program(self, name: str) -> Path:
        """Return a program of the virtual environment."""
        return self.python.with_name(name)


@dataclass(frozen=True, slots=True)
class Place:
    """One contender's own database and folder.

    Args:
        environment: where the programs are.
        folder: a folder of its own, and its working directory.
        series: the migrations as plain files, one statement a line.
        database: the path of a SQLite file, or a postgresql:// URL.
        is_big: there are so many statements in a file that nobody writes them into a Python file.
    """

    environment: Environment
    folder: Path
    series: Path
    database: str
    is_big: bool = False

    @property
    def dialect(self) -> str:
        return "postgres" if self.database.startswith("postgresql:") else "sqlite"

    @property
    def url(self) -> str:
        """The database as SQLAlchemy users write it."""
        return self.database if self.dialect == "postgres" else f"sqlite:///{self.database}"

    def files(self) -> list[Path]:
        """Return the migrations in their order."""
        return sorted(self.series.glob("*.sql"))


class Contender:
    """One of those that are measured."""

    name: ClassVar[str]
    dialects: ClassVar[Sequence[str]] = ("sqlite", "postgres")
    package: ClassVar[str] = ""
    """What tells its version."""

    def prepare(self, place: Place) -> None:
        """Write the migrations as it has them; not measured."""

    def command(self, place: Place) -> list[str]:
        """Return the command that applies what is pending."""
        raise NotImplementedError

    def call(self, place: Place) -> str:
        """Return what an application writes in Python to apply what is pending; empty if there is no such way."""
        return ""


class Sessmig(Contender):
    name = "sessmig"
    package = "sessmig"
    options: ClassVar[Sequence[str]] = ()

    def command(self, place: Place) -> list[str]:
        # Beside a backup nobody else makes: the databases are empty, and none is due.
        program = str(place.environment.program("sessmig"))
        return [program, "migrate", "-d", place.database, "--dir", str(place.series), *self.options]

    def call(self, place: Place) -> str:
        return f"import sessmig; sessmig.ensure_migrations({place.database!r}, {str(place.series)!r})"


class SessmigSingle(Sessmig):
    name = "sessmig --single-transaction"
    options = ("--single-transaction",)


class Pyfloor(Contender):
    name = "pyfloor"
    options: ClassVar[Sequence[str]] = ()

    def command(self, place: Place) -> list[str]:
        return [str(place.environment.python), str(FLOOR), place.database, str(place.series), *self.options]

    def call(self, place: Place) -> str:
        path = f"import sys; sys.path.append({str(FLOOR.parent)!r}); "
        return f"{path}import pyfloor; pyfloor.migrate({place.database!r}, {str(place.series)!r})"


class PyfloorSingle(Pyfloor):
    name = "pyfloor, one transaction"
    options = ("--single-transaction",)


class Program(Contender):
    """`sqlite3` or `psql` on the same SQL, each file a transaction; no history, and no file is hashed."""

    is_single: ClassVar[bool] = False

    def prepare(self, place: Place) -> None:
        begin, end = ("", "") if self.is_single else ("BEGIN;\n", "COMMIT;\n")
        with (place.folder / "all.sql").open("w", encoding="utf-8") as script:
            script.write("BEGIN;\n" if self.is_single else "")
            for file in place.files():
                script.write(begin + file.read_text("utf-8") + end)
            script.write("COMMIT;\n" if self.is_single else "")

    def command(self, place: Place) -> list[str]:
        if place.dialect == "sqlite":
            return ["sqlite3", "-bail", place.database, ".read all.sql"]
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", place.database, "-f", "all.sql"]


class Sqlite3(Program):
    name = "sqlite3"
    dialects = ("sqlite",)


class Sqlite3Single(Sqlite3):
    name = "sqlite3, one transaction"
    is_single = True


class Psql(Program):
    name = "psql"
    dialects = ("postgres",)


class PsqlSingle(Psql):
    name = "psql, one transaction"
    is_single = True
