"""A database with rows in it, a folder for its backups, and the command line that knows both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.yard import FILES, ROWS, Yard
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli


@pytest.fixture
def yard_at(
    tmp_path: Path, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> Callable[[str, dict[str, str]], Yard]:
    """Make a yard of a URL and what the command line finds in its environment."""

    def made(url: str, env: dict[str, str]) -> Yard:
        folder = tmp_path / "saved"
        folder.mkdir()
        yard = Yard(url, migrations(FILES), folder, cli, probe, env)
        yard.probe.execute(ROWS)
        return yard

    return made


@pytest.fixture
def sqlite_yard(sqlite_url: str, yard_at: Callable[[str, dict[str, str]], Yard]) -> Yard:
    """A SQLite file with 40 people in it."""
    return yard_at(sqlite_url, {})


@pytest.fixture
def programs(postgres_server: PostgresServer) -> dict[str, str]:
    """What has to stand in the environment for the server's own pg_dump to be found; else it is on PATH."""
    return {"SESSMIG_PG_BIN": str(postgres_server.programs)} if postgres_server.programs else {}


@pytest.fixture
def postgres_yard(postgres_url: str, programs: dict[str, str], yard_at: Callable[[str, dict[str, str]], Yard]) -> Yard:
    """A PostgreSQL database with 40 people in it."""
    return yard_at(postgres_url, programs)


@pytest.fixture(
    params=[
        pytest.param("sqlite_yard", id="sqlite"),
        pytest.param("postgres_yard", id="postgres", marks=pytest.mark.postgres),
    ]
)
def yard(request: pytest.FixtureRequest) -> Yard:
    """A database with 40 people in it; the test runs on both."""
    made: Yard = request.getfixturevalue(request.param)
    return made
