"""Reads from a SQLite file what stands in its ledger, in one query and without waiting for anybody.

Knows Python's sqlite3; decides nothing. A start with nothing pending imports it, so it imports next to nothing.
"""

from __future__ import annotations

import sqlite3

from sessmig.databases.sqlite_uri import uri
from sessmig.ledger_columns import STANDING, ledger_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sessmig.model import Cell


def standing(path: str, table: str, series: str) -> list[tuple[Cell, ...]]:
    """Return the columns `STANDING` of all rows of a series.

    Raises:
        sqlite3.Error: no such file, no such ledger, somebody in the way: whatever it is, others have words for it.
    """
    # To be opened just as for writing: in WAL mode a reader that may not write leaves `-wal` and `-shm` behind.
    connection = sqlite3.connect(uri(path), uri=True, isolation_level=None, timeout=0)
    try:
        ledger = f'SELECT {ledger_names()} FROM main."{table}"'
        return connection.execute(f"SELECT {STANDING} FROM ({ledger}) WHERE series = ?", (series,)).fetchall()
    finally:
        connection.close()
