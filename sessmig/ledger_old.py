"""Takes over the table that the webui system made for itself: its rows stay, as the series `legacy`.

Knows that table's columns, and what an old application goes on writing; decides nothing about migrations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sessmig.errors import LedgerError
from sessmig.ledger_rows import legacy_entries
from sessmig.ledger_tables import COLUMNS, create_statements
from sessmig.model import Cell
from sessmig.words import shown

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


def old_rows(database: Database, name: str) -> tuple[tuple[Cell, ...], ...]:
    """Read the rows of the old table, in their order."""
    return database.query(
        f"SELECT CAST(migration_id AS TEXT), {database.types.iso % 'applied_at'}, CAST(description AS TEXT), "
        f"CAST(status AS TEXT), CAST(metadata AS TEXT) FROM {database.table(name)} ORDER BY applied_at, migration_id"
    ).rows


def take_over(database: Database, name: str) -> None:
    """Rebuild the old table as the ledger.

    Raises:
        LedgerError: a row did not come along.
    """
    table = database.table(name)
    entries = list(legacy_entries(old_rows(database, name)))
    rights = database.rights(name)
    database.query(f"DROP TABLE {table}")
    _send(database, create_statements(database, name, COLUMNS, taken_over=True))
    applied_at = database.types.moment % "$5"
    for entry in entries:
        database.query(
            f"INSERT INTO {table} (series, version, migration_id, description, applied_at, metadata, status) "
            f"VALUES ($1, $2, $3, $4, {applied_at}, $6, 'baseline')",
            (entry.series, entry.version, entry.name, entry.description, entry.applied_at, entry.metadata),
        )
    kept = database.query(f"SELECT count(*) FROM {table}").rows[0][0]
    if kept != len(entries):
        raise LedgerError(f"{table}: of {len(entries)} rows only {shown(kept)} were taken over")
    names = {"name": name, "table": table, "table_count_up": database.table(f"{name}_count_up")}
    _send(database, [statement.format(**names) for statement in database.types.count_up])
    _send(database, rights)


def _send(database: Database, statements: Sequence[str]) -> None:
    for statement in statements:
        database.query(statement)
