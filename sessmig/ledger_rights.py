"""Tells a role that may not read the ledger, or its log, which right it lacks.

Knows the server's code for that; what is read, others know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sessmig.errors import DatabaseError

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_DENIED = "42501"


@contextmanager
def reading(database: Database, name: str) -> Iterator[None]:
    """Put into words that the ledger or its log may not be read; nothing is written within.

    Args:
        database: where they stand.
        name: the ledger's name.

    Raises:
        DatabaseError: the role lacks the right.
    """
    try:
        yield
    except DatabaseError as error:
        if error.code == _DENIED and not error.holds:
            tables = f"{database.table(name)}, {database.table(f'{name}_log')}"
            error.what = f"{database.label}: this role may not read the ledger {name}, or its log: {error.what}"
            error.holds = "Nothing was touched."
            error.remedy = (
                f"Have their owner GRANT SELECT, INSERT, UPDATE ON {tables} to this role (to look, SELECT is enough), "
                "or run it as another role; docs/security.md lists the rights."
            )
        raise
