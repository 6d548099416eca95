"""The noun of a `batch` directive: the table whose rows a statement takes in ranges, and the column that cuts them.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """What `-- sessmig: batch TABLE by COLUMN [size N]` says."""

    table: str
    """The table's name as the directive writes it, so that it can stand in SQL; with its schema, if that is written."""
    column: str
    """The column's name as the directive writes it, so that it can stand in SQL."""
    size: int | None = None
    """How many rows the first batch is to have; as the database has it, if None."""
    line: int = 0
    """The directive's line."""

    def __str__(self) -> str:
        return f"{self.table} by {self.column}"
