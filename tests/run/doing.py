"""Runs sessmig on a database as its two doors do, with what only one of them has; for the tests of this folder."""

import json
from pathlib import Path
from typing import Any

from sessmig import rollback as undoing
from sessmig import status as looking
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.results import StatusReport
from sessmig.run import migrate as run
from sessmig.run_report import Report
from tests.fixtures.probe import Probe


def migrate(url: str, folder: Path, *, wish: Wish | None = None, create: bool = True, **options: Any) -> Report:
    """Apply what is pending, as `sessmig migrate` does."""
    with connect(url, create=create) as database:
        return run(Job(database, folder, wish=wish or Wish(), **options))


def status(url: str, folder: Path, **options: Any) -> StatusReport:
    """Look, as `sessmig status` does."""
    with connect(url, create=False) as database:
        return looking.status(Job(database, folder, **options))


def verify(url: str, folder: Path, **options: Any) -> Report:
    """Ask the checks again, as `sessmig verify` does."""
    with connect(url, create=False) as database:
        return looking.verify(Job(database, folder, **options))


def state(probe: Probe) -> tuple[Any, Any]:
    """Return schema and rows of all but sessmig's own tables; PostgreSQL's sequences are not rolled back."""
    found = probe.snapshot()
    return found.get("schema"), found.get("rows")


def log(probe: Probe, table: str = "schema_migrations_log") -> list[tuple[int, str, str, dict[str, Any]]]:
    """Return version, action, outcome and detail of each attempt, in their order."""
    rows = probe.rows(f"SELECT version, action, outcome, CAST(detail AS TEXT) FROM {table} ORDER BY id")
    return [(version, action, outcome, json.loads(detail)) for version, action, outcome, detail in rows]


def is_postgres(url: str) -> bool:
    """Tell whether the test runs on PostgreSQL."""
    return url.startswith("postgresql")


def roll_back(url: str, folder: Path, to: int | None = None, **options: Any) -> Report:
    """Undo the newest migration, or all above a version, as `sessmig rollback` does."""
    with connect(url, create=False) as database:
        return undoing.roll_back(Job(database, folder, **options), to)
