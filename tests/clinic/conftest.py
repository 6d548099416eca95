"""Fixtures of the clinic tests: the database of `cases`, migrated once for all tests that only read it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from sessmig import Report
from tests.clinic import cases, legacy
from tests.clinic.data import Rows
from tests.fixtures.postgres import PostgresServer


class Clinic(NamedTuple):
    """A migrated database, and what was there before."""

    url: str
    before: Rows
    after: Rows
    report: Report


@pytest.fixture(scope="session")
def _sqlite_clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    return _migrated(f"sqlite:///{tmp_path_factory.mktemp('clinic') / 'clinic.db'}")


@pytest.fixture(scope="session")
def _postgres_clinic(postgres_server: PostgresServer) -> Clinic:
    return _migrated(postgres_server.new_database())


@pytest.fixture(
    params=[
        pytest.param("_sqlite_clinic", id="sqlite"),
        pytest.param("_postgres_clinic", id="postgres", marks=pytest.mark.postgres),
    ]
)
def clinic(request: pytest.FixtureRequest) -> Clinic:
    """The database of `cases` after steps 1 to 3; the test must not write to it."""
    found: Clinic = request.getfixturevalue(request.param)
    return found


def _migrated(url: str) -> Clinic:
    legacy.build(url, cases.rows(legacy.dialect_of(url)))
    before = legacy.look(url)
    report = legacy.migrate(url)
    return Clinic(url, before, legacy.look(url), report)
