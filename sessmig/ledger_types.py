"""The noun of how a database declares the ledger's columns.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerTypes:
    """How a database declares the ledger's columns, and writes the time now (UTC)."""

    text: str
    integer: str
    time: str
    json: str
    now: str
    identity: str
    """A column that numbers its rows by itself."""
    utc: str
    """How a time is read as the text `YYYY-MM-DD HH:MM:SS` in UTC; `%s` is the column."""
    moment: str
    """How a UTC text is written into such a column; `%s` is the parameter."""
    iso: str
    """How a column of whatever type is read as text, times as ISO 8601 has them; `%s` is the column."""
    count_up: tuple[str, ...]
    """What gives a row without version the next one of its series.

    `{name}` and `{table}` are the ledger, `{table_count_up}` is what counts.
    """
    unfit: str
    """Asks why a table with the ledger's columns (`$1`, as a query writes it) cannot keep what is written into it."""
    is_far: bool = False
    """Whether each question is a round trip to a server."""
    comment: str = ""
    """The statement that comments a column, where there is one: `%s` is the column, then the text."""
