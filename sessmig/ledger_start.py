"""Begins the ledger of a run: a database's first, or the one that takes an older system's over.

Knows what has to be saved before it; decides nothing about migrations.
"""

from __future__ import annotations

from sessmig.backup import RunBackup
from sessmig.errors import DatabaseError, StepError
from sessmig.ledger import Ledger
from sessmig.model import Migration


def begin_ledger(ledger: Ledger, backup: RunBackup, first: Migration, *, is_shared: bool) -> None:
    """Make the backup, which holds the database without our ledger or with the old one; then the ledger.

    Another process may have made it while we waited for the lock; as long as none has, nothing is applied.

    Args:
        ledger: the ledger, within a transaction that begins with the lock.
        backup: that of the run.
        first: what is applied next.
        is_shared: steps follow in the same transaction, and the log is written with the first of them.

    Raises:
        LedgerError: the log is another program's table.
        BackupError: the backup could not be made.
        StepError: the ledger could not be made.
    """
    if ledger.is_standing:
        ledger.refuse_unfit()
        return
    ledger.refuse_foreign_log()
    backup.make(first)
    make_ledger(ledger)
    if not is_shared:
        backup.log(first)


def make_ledger(ledger: Ledger) -> None:
    """Make the ledger, or take an old one over; under the lock.

    Raises:
        LedgerError: the table, or its log, is another program's.
        StepError: it could not be made.
    """
    try:
        ledger.ensure()
    except DatabaseError as error:
        if error.is_contention:
            raise
        raise StepError(
            f"{ledger.database.label}: the ledger {ledger.name} cannot be made: {error.what}",
            remedy=(error.remedy if error.code == "25006" else "")
            or "Whoever runs this for the first time needs the right to make tables there.",
        ) from None
