"""Builds the samples of the series, and takes pictures of databases in which the moments of a run are one word."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.fixtures import postgres
from tests.fixtures.probe import Probe

SQL: Final = Path(__file__).parents[2] / "sql"
Probes = Callable[[str], Probe]
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:\+00(?::00)?|Z)?")
_LATELY = timedelta(hours=1)
_LEDGER = "series, version, migration_id, description, status, checksum, CAST(metadata AS TEXT)"


def build_sample(url: str, series: str) -> None:
    """Make the sample that stands in a series' `legacy/`."""
    dialect = "sqlite" if url.startswith("sqlite:") else "postgres"
    texts = [path.read_text(encoding="utf-8") for path in sorted((SQL / series / "legacy").glob(f"{dialect}_*.sql"))]
    assert texts
    if dialect == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            for text in texts:
                connection.executescript(text)
        return
    with postgres.connect(url) as connection:
        for text in texts:
            connection.execute(text.encode())


def timeless(value: Any) -> Any:
    """Return a value in which every moment of the last hour is the word now."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(timeless(one) for one in value)
    return _MOMENT.sub(_lately, value) if isinstance(value, str) else value


def _lately(found: re.Match[str]) -> str:
    try:
        moment = datetime.fromisoformat(f"{found[1]} {found[2]}+00:00")
    except ValueError:
        return found[0]
    return "now" if abs(datetime.now(UTC) - moment) < _LATELY else found[0]


def picture(database: Probe) -> Any:
    """Return schema, rows and sequences, without the ledger; rows sorted behind what is taken out."""
    found = timeless(database.snapshot())
    found["rows"] = {table: sorted(map(str, rows)) for table, rows in found["rows"].items()}
    return found


def ledger(database: Probe) -> list[tuple[Any, ...]]:
    """Return the ledger's rows, but for when they were written, by whom, and how long it took."""
    rows = database.rows(f"SELECT {_LEDGER} FROM schema_migrations ORDER BY series, version")
    return [(*row[:-1], timeless(json.loads(row[-1] or "null"))) for row in rows]


def log(database: Probe) -> list[tuple[Any, ...]]:
    """Return what the log tells of each step that was applied: version, outcome, measures, checks, statements."""
    rows = database.rows(
        "SELECT version, outcome, CAST(detail AS TEXT) FROM schema_migrations_log WHERE action = 'apply' ORDER BY id"
    )
    found = []
    for version, outcome, detail in rows:
        kept = json.loads(detail)
        checks = [
            (c["verb"], c["name"], c["outcome"]) for c in kept["checks"] if not c["name"].startswith("free check")
        ]
        statements = [(s["line"], s["verb"], s["target"]) for s in kept["statements"] if not s.get("text")]
        found.append((version, outcome, timeless(kept["measures"]), sorted(checks), statements))
    return found
