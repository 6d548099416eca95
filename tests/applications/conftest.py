"""The examples of the how-to for applications, each in a folder of its own, with a fresh database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.applications.example import Example
from tests.fixtures.probe import Probe


@pytest.fixture
def example(tmp_path: Path, database_url: str, probe: Callable[[str], Probe]) -> Iterator[Example]:
    """Write the examples; the test runs on SQLite and on PostgreSQL."""
    made = Example(tmp_path, database_url, probe)
    with made.processes:
        yield made


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_url: str, probe: Callable[[str], Probe]) -> Iterator[Example]:
    """Write the examples, for what is the same on both databases."""
    made = Example(tmp_path, sqlite_url, probe)
    with made.processes:
        yield made
