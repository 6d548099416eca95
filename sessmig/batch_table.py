"""Keeps, beside the ledger, which keys each batch of a half-done step has taken, to find what came in behind it.

Knows the table `NAME_batches`, which is there only as long as some step needs it; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sessmig.databases.ranges import Range
from sessmig.ledger_tables import Column, create_statements

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_COLUMNS = (
    Column("series", "text", "NOT NULL", "The series of migrations"),
    Column("version", "integer", "NOT NULL", "The migration's number"),
    Column("statement", "integer", "NOT NULL", "The place of the statement in its file, from 0"),
    Column("batch", "integer", "NOT NULL", "The batches of a statement, from 1"),
    Column("first_key", "text", "NOT NULL", "The lowest key that the batch took"),
    Column("last_key", "text", "NOT NULL", "The highest"),
    Column("row_count", "integer", "NOT NULL", "How many rows it took"),
    Column("keys", "text", "NOT NULL", "Their keys; empty if they are all whole numbers from the first to the last"),
)
_OF_STATEMENT = "series = $1 AND version = $2 AND statement = $3"


class BatchTable:
    """The batches of one version.

    Args:
        database: where the ledger stands.
        ledger: the ledger's name.
        series: whose rows are read and written.
        version: likewise.
    """

    def __init__(self, database: Database, ledger: str, series: str, version: int) -> None:
        self._database = database
        self._name = f"{ledger}_batches"
        self._table = database.table(self._name)
        self._of = (series, version)

    @property
    def is_standing(self) -> bool:
        """Whether it is there, and ours."""
        return {column.name for column in _COLUMNS} <= {*self._database.columns(self._name)}

    def begin(self, statement: int) -> None:
        """Make the table, if it is not there; forget what a state of the database that is no more has left in it."""
        if not self._database.columns(self._name):
            for one in create_statements(self._database, self._name, _COLUMNS):
                self._database.query(one)
        self._database.query(f"DELETE FROM {self._table} WHERE {_OF_STATEMENT}", (*self._of, statement))

    def add(self, statement: int, batch: int, taken: Range) -> None:
        """Note what a batch has taken."""
        self._database.query(
            f"INSERT INTO {self._table} ({', '.join(column.name for column in _COLUMNS)}) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            (*self._of, statement, batch, taken.first, taken.last, taken.rows, taken.keys),
        )

    def replace(self, statement: int, batch: int, taken: Range) -> None:
        """Note that a batch, with what was caught up since, has taken more."""
        self._database.query(
            f"DELETE FROM {self._table} WHERE {_OF_STATEMENT} AND batch = $4", (*self._of, statement, batch)
        )
        self.add(statement, batch, taken)

    def batches(self, statement: int, *, since: int = 1) -> Iterator[tuple[int, Range]]:
        """Give the batches of a statement in the order of their keys; one by one, as their keys may be many."""
        if not self._database.columns(self._name):
            return
        numbers = self._database.query(
            f"SELECT batch FROM {self._table} WHERE {_OF_STATEMENT} AND batch >= $4 ORDER BY batch",
            (*self._of, statement, since),
        ).rows
        for (number,) in numbers:
            ((first, last, rows, keys),) = self._database.query(
                f"SELECT first_key, last_key, row_count, keys FROM {self._table} WHERE {_OF_STATEMENT} AND batch = $4",
                (*self._of, statement, number),
            ).rows
            yield int(str(number)), Range(str(first), str(last), int(str(rows)), str(keys))

    def clear(self) -> None:
        """Forget the version; the table goes with its last row."""
        if not self._database.columns(self._name):
            return
        self._database.query(f"DELETE FROM {self._table} WHERE series = $1 AND version = $2", self._of)
        if not self._database.query(f"SELECT 1 FROM {self._table}", limit=1).rows:
            self._database.query(f"DROP TABLE {self._table}")
