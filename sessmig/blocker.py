"""Who stands in the way of a statement, as a database tells it.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blocker:
    """A transaction of somebody else that holds a lock; what the database does not tell is empty."""

    pid: int | None = None
    application: str = ""
    age_ms: int | None = None
    """How long its transaction has been open."""
    state: str = ""
    """`active`, `idle in transaction`, ...; never what it runs: that may hold people's data."""
