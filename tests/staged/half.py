"""Files that stop half-way, and looks at what the ledger says of them."""

import json
from typing import Any

from tests.fixtures.probe import Probe

ALONE = {
    "0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO a VALUES (1, 'tea');\nVACUUM;\nINSERT INTO a VALUES (1, 'cake');\nCREATE INDEX a_name ON a (name);\n",
    "0001_a.rollback.sql": "-- sessmig: may-lose a\nDROP TABLE a;\n",
}
"""Outside transactions; the fourth of five statements fails."""
MENDED = {"0001_a.sql": ALONE["0001_a.sql"].replace("(1, 'cake')", "(2, 'cake')")}

TABLES = {
    "0001_tables.sql": "CREATE TABLE old (id INTEGER PRIMARY KEY, name TEXT);\n"
    "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT CHECK (name <> 'bad'));\n"
    "INSERT INTO old VALUES " + ", ".join(f"({n}, 'name {n}')" for n in range(1, 41)) + ";\n"
    "UPDATE old SET name = 'bad' WHERE id = 25;\n"
}
BATCH = {
    "0002_copy.sql": "CREATE TABLE extra (id INTEGER);\n-- sessmig: batch old by id size 10\n"
    "INSERT INTO new SELECT id, name FROM old WHERE id BETWEEN :first AND :last;\nINSERT INTO extra VALUES (1);\n",
    "0002_copy.rollback.sql": "-- sessmig: may-lose new, extra\nDELETE FROM new;\nDROP TABLE extra;\n",
}
"""In batches of ten rows, of which the third fails."""


def rows(probe: Probe) -> list[tuple[int, str, Any]]:
    """Return version, status and metadata of each ledger row."""
    found = probe.rows("SELECT version, status, CAST(metadata AS TEXT) FROM schema_migrations ORDER BY version")
    return [(version, status, json.loads(metadata or "null")) for version, status, metadata in found]


def statuses(probe: Probe) -> list[tuple[int, str]]:
    """Return version and status of each ledger row."""
    return [(version, status) for version, status, _ in rows(probe)]


def attempts(probe: Probe) -> list[tuple[str, int, str, list[tuple[int, int | None]]]]:
    """Return action, version and outcome of each attempt, and the lines of its statements with their rows."""
    found = probe.rows(
        "SELECT action, version, outcome, CAST(detail AS TEXT) FROM schema_migrations_log "
        "WHERE action <> 'backup' ORDER BY id"
    )
    return [
        (action, version, outcome, [(one["line"], one["rows"]) for one in json.loads(detail).get("statements", ())])
        for action, version, outcome, detail in found
    ]
