"""How SQLite declares the ledger's columns, and writes and reads their values.

Knows words of SQL only.
"""

from __future__ import annotations

from sessmig.ledger_types import LedgerTypes

TYPES = LedgerTypes(
    text="TEXT",
    integer="INTEGER",
    time="TEXT",
    json="TEXT",
    now="CURRENT_TIMESTAMP",
    identity="INTEGER PRIMARY KEY AUTOINCREMENT",
    utc="%s",
    moment="%s",
    iso="CAST(%s AS TEXT)",
    count_up=(
        'CREATE TRIGGER main."{name}_count_up" AFTER INSERT ON "{name}" WHEN NEW.version IS NULL BEGIN'
        ' UPDATE "{name}" SET version = (SELECT coalesce(max(version), 0) + 1 FROM "{name}"'
        " WHERE series = NEW.series) WHERE rowid = NEW.rowid; END",
    ),
)
