"""Begins PostgreSQL transactions with the lock of a ledger.

Knows advisory locks and who holds them; knows nothing of what the transaction is for.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable

from sessmig.databases.wire import Wire
from sessmig.errors import LockError
from sessmig.model import Holder

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
STEADY = "BEGIN ISOLATION LEVEL REPEATABLE READ"
LOCK = "SELECT pg_try_advisory_xact_lock($1), current_setting('standard_conforming_strings')"
# The lock's number stands in two halves in pg_locks.
_HOLDER = """
SELECT a.pid, a.application_name, a.usename,
       to_char(coalesce(a.xact_start, a.state_change) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = $1"""


_NAMED_EVERY = 1.0
"""Seconds; whoever holds the lock is not asked for at each try: eight that start at once would ask all the time."""


def begin_locked(
    wire: Wire, key: int, label: str, *, wait: float, on_wait: Callable[[Holder], None], steady: bool = False
) -> str:
    """Poll for the lock, and leave the transaction open that has it; whoever calls rolls back after an error.

    To wait inside the server would deadlock with CREATE INDEX CONCURRENTLY.

    Returns:
        what the session says of standard_conforming_strings.

    Raises:
        LockError: the lock was not had in `wait` seconds.
    """
    quotes = ""

    def had() -> bool:
        nonlocal quotes
        # READ COMMITTED: a snapshot taken before the lock would not see what its last holder committed.
        wire.later(STEADY if steady else BEGIN)
        ((is_had, found),) = wire.query(LOCK, (key,)).rows
        quotes = str(found)
        if not is_had:
            wire.command("ROLLBACK")
        return bool(is_had)

    polled(wire, key, label, wait=wait, on_wait=on_wait, had=had)
    return quotes


def polled(
    wire: Wire, key: int, label: str, *, wait: float, on_wait: Callable[[Holder], None], had: Callable[[], bool]
) -> None:
    """Try until the lock is had, more and more seldom.

    Args:
        had: tries once, and leaves no transaction open where it fails.

    Raises:
        LockError: the lock was not had in `wait` seconds.
    """
    deadline = time.monotonic() + wait
    pause, again, holder = 0.02, 0.0, Holder()
    while not had():
        now = time.monotonic()
        if now >= min(again, deadline):
            holder = _held_by(wire, key)
            again = now + _NAMED_EVERY if holder.pid else now
        if now >= deadline:
            raise LockError.not_had(label, wait, holder)
        on_wait(holder)
        time.sleep(min(pause * random.uniform(0.75, 1.25), max(deadline - time.monotonic(), 0.01)))  # noqa: S311
        pause = min(pause * 1.5, 0.5)


def _held_by(wire: Wire, key: int) -> Holder:
    found = wire.query(_HOLDER, (key,)).rows
    return Holder(*found[0]) if found else Holder()  # type: ignore[arg-type]


def lock_key(*names: str) -> int:
    """Return the number of the advisory lock for a ledger: eight bytes of a hash of its full name."""
    digest = hashlib.sha256("\0".join(("sessmig", *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
