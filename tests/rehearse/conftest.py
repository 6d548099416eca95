"""Where a rehearsal is played: SQLite, PostgreSQL in one transaction, PostgreSQL on a copy that is handed over."""

from collections.abc import Callable

import pytest

from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rehearse.playing import Stage


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("one transaction", id="postgres", marks=pytest.mark.postgres),
        pytest.param("on a copy", id="postgres-on", marks=pytest.mark.postgres),
    ]
)
def stage(request: pytest.FixtureRequest, probe: Callable[[str], Probe], cli: Cli) -> Stage:
    """A fresh database to rehearse, and where needed a copy of it."""
    if request.param == "sqlite":
        return Stage(request.getfixturevalue("sqlite_url"), None, probe, cli)
    new_url = request.getfixturevalue("new_postgres_url")
    return Stage(new_url(), new_url() if request.param == "on a copy" else None, probe, cli)
