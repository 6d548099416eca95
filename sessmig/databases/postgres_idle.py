"""Reads from a PostgreSQL database what stands in its ledger, in one round trip.

Knows SQL; decides nothing, and has no words for what goes wrong.
"""

from __future__ import annotations

from sessmig.databases.postgres_connecting import OLDEST
from sessmig.ledger_columns import STANDING, ledger_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import psycopg

    from sessmig.model import Cell

# The name without its schema finds the first table of search_path; it has to be the one in the first schema, where
# the ledger belongs. A table elsewhere, a view, a partition: no rows.
_STANDING = """
SELECT {columns} FROM (SELECT tableoid, {names} FROM "{table}") AS ledger
WHERE series = %s AND tableoid = (SELECT to_regclass(format('%%I.%%I', current_schema(), '{table}')))
AND current_setting('server_version_num')::integer >= {oldest}"""


def standing(connection: psycopg.Connection[Any], table: str, series: str) -> list[tuple[Cell, ...]]:
    """Return the columns `STANDING` of all rows of a series; none, where the ledger is not where it belongs.

    Raises:
        psycopg.Error: no such ledger, or none that may be read: whatever it is, others have words for it.
    """
    query = _STANDING.format(columns=STANDING, names=ledger_names(), table=table, oldest=OLDEST)
    return connection.execute(query.encode(), (series,)).fetchall()
