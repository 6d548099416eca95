"""Lets a run in batches pause while replicas are too far behind, or while a query says so.

Knows what is asked between two batches; knows nothing of batches.
"""

from __future__ import annotations

import time

from sessmig.errors import DatabaseError, UsageError
from sessmig.job import Job
from sessmig.model import Cell

_EVERY = 1.0
"""Seconds between two looks."""
_STEP = 0.1
"""How long it may take until a request to stop is heard."""
_TELL = 5.0


def pause(job: Job, title: str) -> None:
    """Wait as long as there is a reason to; outside of any transaction.

    Args:
        job: whose throttle is asked.
        title: the migration that waits.

    Raises:
        UsageError: the question cannot be asked, or has no answer.
        StoppedError: the run was asked to stop meanwhile.
    """
    told = -_TELL
    while reason := _reason(job):
        now = time.monotonic()
        if now - told >= _TELL:
            told = now
            job.emit("waiting", f"{title}: waiting between two batches: {reason}", title)
        while time.monotonic() - now < _EVERY:
            job.stop.look()
            time.sleep(_STEP)


def demand_askable(job: Job) -> None:
    """Before anything is touched: try once what is to be asked between batches.

    Raises:
        UsageError: it cannot be asked, or has no answer.
    """
    lag = job.throttle.max_lag
    if lag is not None and (isinstance(lag, bool) or not isinstance(lag, int | float) or not lag >= 0):
        raise UsageError(f"max_lag={lag!r} is no number of seconds", remedy="Give a number, 0 or more.")
    _reason(job)


def _reason(job: Job) -> str:
    """Say what there is to wait for; nothing if there is nothing."""
    throttle, database = job.throttle, job.database
    if throttle.max_lag is not None:
        lag = database.replay_lag()
        if lag is None:
            raise UsageError(
                f"--max-lag: {database.label} does not tell how far its replicas are behind",
                remedy="Only PostgreSQL does, to members of pg_monitor. Leave it out, or give --throttle-query.",
            )
        if lag > throttle.max_lag:
            return f"a replica is {lag:.1f} s behind (--max-lag {throttle.max_lag:g})"
    if throttle.query is not None and (value := _asked(job, throttle.query)) > 0:
        return f"the throttle query says {value:g}"
    return ""


def _asked(job: Job, query: str) -> float:
    try:
        with job.database.snapshot():
            rows = job.database.query(query, limit=2).rows
    except DatabaseError as error:
        raise _no_answer(error.what) from None
    if len(rows) != 1 or len(rows[0]) != 1 or (value := _number(rows[0][0])) is None:
        raise _no_answer("it does not give one number")
    return value


def _number(value: Cell) -> float | None:
    if value is None or isinstance(value, bytes | bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _no_answer(why: str) -> UsageError:
    return UsageError(
        f"--throttle-query: {why}",
        remedy="Give a query of one row with one number: while it is more than 0, the run pauses.",
    )
