"""A project with tests of its own, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.postgres import PostgresServer
from tests.plugin.inner import Inner, postgres_inner, ready, sqlite_inner


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Inner:
    """Make a project whose tests run on SQLite."""
    return ready(sqlite_inner(tmp_path))


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_server: PostgresServer) -> Inner:
    """Make a project whose tests run on PostgreSQL."""
    return ready(postgres_inner(tmp_path, postgres_server))


@pytest.fixture(params=[pytest.param("on_sqlite", id="sqlite"), pytest.param("on_postgres", id="postgres")])
def inner(request: pytest.FixtureRequest) -> Inner:
    """Make a project, and run the test on each database."""
    made: Inner = request.getfixturevalue(request.param)
    return made
