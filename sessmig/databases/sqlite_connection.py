"""Opens SQLite connections as sessmig needs them, and asks one that somebody else has opened for its file.

Knows Python's sqlite3; knows nothing of transactions and ledgers.
"""

from __future__ import annotations

import sqlite3

from sessmig.errors import ConnectError, UsageError

_INSTRUCTIONS = 100_000
"""How many of its own instructions, a matter of milliseconds, SQLite carries out between two looks for Ctrl-C."""


def connect(uri: str, label: str) -> sqlite3.Connection:
    """Open a connection of our own, with foreign keys on."""
    try:
        # check_same_thread: the run may be in a thread of its own, one at a time.
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON").close()
        # While SQLite works Python sees no Ctrl-C; so now and then it gets a moment to look.
        connection.set_progress_handler(lambda: 0, _INSTRUCTIONS)
    except sqlite3.Error as error:
        raise ConnectError(
            f"{label}: {error}", remedy="Does the file's folder exist, and may you write there?"
        ) from None
    return connection


def path_of(connection: sqlite3.Connection) -> str:
    """Return the file of somebody else's connection; empty if it is in memory.

    Raises:
        UsageError: it cannot be used, or stands in a transaction.
    """
    try:
        in_transaction, cursor = connection.in_transaction, connection.cursor()
    except sqlite3.ProgrammingError as error:  # closed, or another thread's
        raise UsageError(f"the connection cannot be used: {error}", remedy="Give the path instead.") from None
    # Since Python 3.12 there are connections that stand in a transaction always; what counts is their file.
    always = getattr(connection, "autocommit", None) is False
    if in_transaction and not always:
        raise UsageError(
            "the connection stands in a transaction", remedy="Commit or roll back first, or give the path instead."
        )
    cursor.row_factory = None
    text_factory, connection.text_factory = connection.text_factory, str
    try:
        # As a pragma, not as a query: a query would leave a reader in a transaction that is always open.
        path = next(str(row[2] or "") for row in cursor.execute("PRAGMA database_list") if row[1] == "main")
        journal = str(cursor.execute("PRAGMA main.journal_mode").fetchone()[0])
    finally:
        connection.text_factory = text_factory
        cursor.close()
    if always and not path:
        raise UsageError(
            "the connection was opened with autocommit=False, and so it always stands in a transaction",
            remedy="Open a database in memory without autocommit=False.",
        )
    if journal == "off" and not path:
        raise UsageError(
            "the connection has journal_mode OFF: what a step has done could not be rolled back",
            remedy="Set PRAGMA journal_mode = MEMORY before.",
        )
    return path
