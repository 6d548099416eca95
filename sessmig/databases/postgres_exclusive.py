"""Holds the lock of a PostgreSQL ledger over several transactions, and what a session needs for as long.

Knows session locks and poolers; knows nothing of what is done under the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sessmig.databases.postgres_lock import polled
from sessmig.databases.wire import Wire
from sessmig.errors import ConnectError
from sessmig.model import Holder

_INTERVAL = "client_connection_check_interval"
TRY = "SELECT pg_catalog.pg_try_advisory_lock($1)"
UNLOCK = "SELECT pg_catalog.pg_advisory_unlock($1)"


@contextmanager
def exclusive(
    wire: Wire, key: int, label: str, *, checks_client: bool, wait: float, on_wait: Callable[[Holder], None]
) -> Iterator[None]:
    """Poll for the lock, and let go of it at the end; the transactions of this session have it meanwhile.

    Whoever waits stands in no transaction: to wait inside the server would deadlock with CREATE INDEX CONCURRENTLY.

    Args:
        checks_client: the server can look whether its client is still there: an index is else built for nobody.

    Raises:
        ConnectError: behind a pooler.
        LockError: the lock was not had in `wait` seconds.
    """
    if not wire.is_direct:
        raise ConnectError(
            f"{label}: a pooler stands before the server (PgBouncer, or one like it): what one session sends may go to "
            "several server processes, and the lock that a no-transaction file needs over all of its statements "
            "would be nobody's",
            remedy="Give the server's own address for this run (-d, DATABASE_URL).",
        )
    polled(wire, key, label, wait=wait, on_wait=on_wait, had=lambda: bool(wire.query(TRY, (key,)).rows[0][0]))
    try:
        with _checked_client(wire) if checks_client else _as_it_is():
            yield
    finally:
        if wire.is_open:
            wire.query(UNLOCK, (key,))


@contextmanager
def _checked_client(wire: Wire) -> Iterator[None]:
    sql = f"SELECT setting, source = 'session' FROM pg_catalog.pg_settings WHERE name = '{_INTERVAL}'"
    ((before, is_own),) = wire.query(sql).rows
    wire.command(f"SET {_INTERVAL} = '1s'")
    try:
        yield
    finally:
        if wire.is_open:
            wire.command(f"SET {_INTERVAL} = {before!s}" if is_own else f"RESET {_INTERVAL}")


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield
