"""Writes a ledger row and sees that it stands: somebody else's trigger, rule or policy may be in its way.

Knows how to ask for it without a round trip of its own; what is written, the ledger knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessmig.errors import LedgerError
from sessmig.model import Cell

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


@dataclass(frozen=True, slots=True)
class Written:
    """What a row has to say."""

    version: int
    status: str


class LedgerProof:
    """Proves the ledger rows of one series.

    Args:
        database: where the ledger stands.
        name: the ledger's name.
        series: whose rows are written.
    """

    def __init__(self, database: Database, name: str, series: str) -> None:
        self._database = database
        self._name = name
        self._series = series
        self._table = database.table(name)
        self._unseen: Written | None = None

    def write(self, sql: str, params: Sequence[Cell], row: Written) -> None:
        """Send what writes a row; with RETURNING the row as it came to stand, which no trigger before it has changed.

        Raises:
            LedgerError: it does not stand there.
        """
        if self._database.types.is_far:
            answer = self._database.query(f"{sql} RETURNING status", params)
            self._unseen = row  # by what a trigger does behind it: the log's row is asked for that
        else:
            self._database.query(sql, params)
            answer = self._database.query(self._standing("$1", "$2"), (self._series, row.version))
        self._demand(row, answer.rows)

    def log(self, sql: str, params: Sequence[Cell], version: int) -> None:
        """Send what logs a success, and see with it that the row of that version still stands.

        Args:
            sql: the INSERT; its first two parameters are series and version.
            params: the parameters.
            version: the version.

        Raises:
            LedgerError: it does not.
        """
        row, self._unseen = self._unseen, None
        if row is None or row.version != version:
            self._unseen = row
            self._database.query(sql, params)
            return
        answer = self._database.query(f"{sql} RETURNING ({self._standing('$1', '$2')})", params)
        self._demand(row, answer.rows)

    def _standing(self, series: str, version: str) -> str:
        return f"SELECT status FROM {self._table} WHERE series = {series} AND version = {version}"

    def _demand(self, row: Written, found: Sequence[Sequence[Cell]]) -> None:
        if [list(one) for one in found] != [[row.status]]:
            raise LedgerError(
                f"{self._database.label}: what was written into {self._name} does not stand there",
                remedy="A trigger, a rule or a policy of that table keeps it away: mend that, and run it again.",
            )
