"""What a SQLite connection keeps beyond a transaction: its settings.

Knows what they were before a file ran, and gives them back; decides nothing and prints nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from sessmig.errors import DatabaseError
from sessmig.model import Answer, Mark

_SETTINGS = (
    "automatic_index",
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "query_only",
    "recursive_triggers",
    "reverse_unordered_selects",
    "trusted_schema",
)
# Nothing else changes one; but what a query's rows are, nobody knows before.
_CHANGING = re.compile("PRAGMA|run-each-row", re.IGNORECASE)


class Settings:
    """The settings of one connection.

    Args:
        connection: asked for at each use, as a file that is made anew has another.
        query: asks it.
        command: tells it something.
    """

    def __init__(
        self, connection: Callable[[], sqlite3.Connection], query: Callable[..., Answer], command: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._query = query
        self._command = command

    def mark(self, text: str = "") -> Mark:
        """Remember the open transaction, and the settings, unless a file is to run that changes none."""
        if text and not _CHANGING.search(text):
            return Mark("open" if self._connection().in_transaction else "", ())
        settings = [(name, str(self._query(f"PRAGMA {name}").rows[0][0]), True) for name in _SETTINGS]
        return Mark("open" if self._connection().in_transaction else "", tuple(settings))

    def undo(self, mark: Mark) -> None:
        """Give back what a file has changed.

        Raises:
            DatabaseError: it has ended the transaction.
        """
        if mark.transaction and not self._connection().in_transaction:
            raise DatabaseError("the transaction was ended by the file itself", escaped=True)
        self.set(mark)

    def set(self, mark: Mark) -> None:
        """Give back the settings."""
        for name, value, _ in set(mark.settings) - set(self.mark().settings) if mark.settings else ():
            self._command(f"PRAGMA {name} = {value}")
