"""A process that reads a SQLite file and does not stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

_READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def sqlite_reader() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a reader of a file by its path; it reads until its standard input is closed."""
    with ExitStack() as stack:

        def start(path: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", _READ, path]
            reader = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert reader.stdout
            assert reader.stdout.readline() == "reading\n"
            return reader

        yield start
