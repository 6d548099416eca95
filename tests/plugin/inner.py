"""A project with tests of its own, run by pytest in a process of its own. Knows the plugin only by its fixtures."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.fixtures.postgres import PostgresServer, connect

MADE = "sessmig_pytest_"
PASSWORD = "geheim-7"  # must be seen nowhere

# `stamp` tells one run of the migrations from another.
FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0002_stamp.sql": "CREATE TABLE stamp AS SELECT random() AS value;\n",
}

# What a test of the inner project needs to look into its database; nothing of sessmig.
LOOK = """
import os
import sqlite3
from contextlib import closing

import psycopg


def opened(url):
    if url.startswith("sqlite:///"):
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    return psycopg.connect(url)


def ask(url, sql):
    with closing(opened(url)) as connection:
        found = connection.execute(sql)
        rows = found.fetchall() if found.description else []
        connection.commit()
    return rows


def note(*told):
    with open(os.environ["NOTES"], "a") as notes:
        print(*told, file=notes)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the inner project came to."""

    outcomes: dict[str, int]
    output: str
    notes: list[str]


@dataclass(slots=True)
class Inner:
    """A project: a folder with `sql/shop`, tests and settings, and a server to test on."""

    folder: Path
    server: str
    left_behind: Callable[[], list[str]]
    environment: dict[str, str] = field(default_factory=dict)

    def migrations(self, files: dict[str, str], series: str = "shop") -> None:
        for name, text in files.items():
            path = self.folder / "sql" / series / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, check: bool = True) -> Ran:
        """Run pytest on it, as whoever has installed sessmig and pytest does; `check` looks for tests that ran."""
        notes = self.folder / "notes.txt"
        notes.write_text("")
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SESSMIG_", "PG", "DATABASE_URL", "PYTEST_", "COV_"))
        }
        environment = clean | {"NOTES": str(notes), "SESSMIG_TEST_SERVER": self.server} | self.environment
        base = self.folder / "base"
        # Without what takes its time to load; ours is found as every installed plugin is.
        light = [f"-pno:{plugin}" for plugin in ("cacheprovider", "hypothesispytest", "pytest_cov", "timeout")]
        command = [sys.executable, "-m", "pytest", "-q", *light, f"--basetemp={base}", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={name: value for name, value in environment.items() if value},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        output = done.stdout + done.stderr
        assert PASSWORD not in output
        last = done.stdout.rstrip().rpartition("\n")[2]
        outcomes = {word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
        assert outcomes or not check, output
        return Ran(outcomes, output, notes.read_text().splitlines())


def sqlite_inner(folder: Path) -> Inner:
    """What stays of it would stay in the folder for temporary files."""
    base = folder / "base"
    return Inner(folder, "sqlite", lambda: [str(path) for path in base.rglob(f"{MADE}*")])


def postgres_inner(folder: Path, server: PostgresServer) -> Inner:
    """The role may create databases and nothing more, and has a password that the server asks for."""
    role = server.new_role(password=PASSWORD)
    server.execute(f'ALTER ROLE "{role}" CREATEDB')

    def left_behind() -> list[str]:
        with connect(server.admin_url) as connection:
            query = "SELECT datname FROM pg_database WHERE datname LIKE %s AND pg_get_userbyid(datdba) = %s"
            return [str(name) for (name,) in connection.execute(query, [f"{MADE}%", role])]

    return Inner(folder, server.url(server.admin_url, user=role, password=PASSWORD), left_behind)


def ready(made: Inner) -> Inner:
    """Give a project its migrations and settings."""
    made.migrations(FILES)
    made.write("look.py", LOOK)
    made.write("pytest.ini", "[pytest]\nsessmig_dir = sql/shop\nfilterwarnings = error\npythonpath = .\n")
    return made
