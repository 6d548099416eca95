"""What a SQLite connection keeps beyond a transaction: its settings and temporary objects.

Knows what they were before a file ran, and gives them back; decides nothing and prints nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from sessmig.databases.sqlite_names import OURS
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell, Mark
from sessmig.quoting import quoted

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
_MAKING = re.compile("TEMP|run-each-row", re.IGNORECASE)
_TEMPORARY = f"""
SELECT type, name FROM temp.sqlite_master
WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '{OURS}%'
ORDER BY type = 'table', type DESC, name"""


class Settings:
    """The settings of one connection, and its temporary objects.

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
        self._temporary: list[tuple[Cell, ...]] | None = None
        """The temporary objects at the mark; None where the file makes none."""

    def note_temporary(self, name: str) -> None:
        """Remember a temporary table that is not the file's, and stays for an account."""
        if self._temporary is not None:
            self._temporary.append(("table", name))

    def _drop_temporary(self) -> None:
        """Drop the temporary objects that have come since; their names would hide others from the checks."""
        if self._temporary is None:
            return
        for kind, name in self._query(_TEMPORARY).rows:
            if (kind, name) not in self._temporary:
                self._command(f"DROP {kind!s} IF EXISTS temp.{quoted(str(name))}")

    def mark(self, text: str = "") -> Mark:
        """Remember the open transaction; and the settings and temporary objects, unless a file is to run that has none.

        Args:
            text: the file.
        """
        is_making = not text or _MAKING.search(text)
        self._temporary = list(self._query(_TEMPORARY).rows) if is_making else None
        if text and not _CHANGING.search(text):
            return Mark("open" if self._connection().in_transaction else "", ())
        settings = [(name, str(self._query(f"PRAGMA {name}").rows[0][0]), True) for name in _SETTINGS]
        return Mark("open" if self._connection().in_transaction else "", tuple(settings))

    def undo(self, mark: Mark) -> None:
        """Give back the settings that a file has changed, and drop the temporary objects that it has made.

        Raises:
            DatabaseError: it has ended the transaction.
        """
        if mark.transaction and not self._connection().in_transaction:
            raise DatabaseError("the transaction was ended by the file itself", escaped=True)
        self._drop_temporary()
        self.set(mark)

    def set(self, mark: Mark) -> None:
        """Give back the settings."""
        for name, value, _ in set(mark.settings) - set(self.mark().settings) if mark.settings else ():
            self._command(f"PRAGMA {name} = {value}")
