"""Tries again what only the locks of others were in the way of, and says whose they are.

Knows transactions and waiting; knows nothing of what is done in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sessmig.blocker import Blocker
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import DatabaseError, SessmigError
from sessmig.failure import failed
from sessmig.job import Job
from sessmig.model import Script, Step
from sessmig.waiting import Waiting, longest
from sessmig.words import took

_Done = TypeVar("_Done")

_SHOWN = 5
"""How many who are in the way are named."""
_ASKED = 100
"""In how many statements of a file is looked for the one that was hindered, where that is not known."""
_NO_LOCK = "55P03"
_WORDS = {"40P01": "a deadlock with others", "40001": "what others wrote at the same time was in the way"}


def persist(job: Job, step: Step, carry: Callable[[], _Done], *, again: Callable[[], None]) -> _Done:
    """Carry something out in a transaction under the lock, as often as it takes while others are in the way.

    Short tries with pauses between, so that whoever queues behind us never waits long. Where the caller's transaction
    is open around it, there is one try.

    Args:
        job: where, and how long to wait in all.
        step: what it is done for.
        carry: does it, within the transaction.
        again: called before each further try: nothing of the one before stands.

    Raises:
        DatabaseError: the last try came to nothing; `hindrance` tells why, where it was for others.
        SessmigError: anything else.
    """
    if job.within or job.dry_run or job.single_transaction:
        return carry()
    waiting = Waiting(job.lock_wait)
    while True:
        began = time.monotonic()
        try:
            wait = round(waiting.left, 1) if waiting.tries else job.lock_wait
            keys = enforces_foreign_keys(step.script)
            with job.transaction(wait=wait, lock_timeout=waiting.lock_timeout, foreign_keys=keys):
                waiting.add(time.monotonic() - began)
                return carry()
        except DatabaseError as error:
            if not error.is_contention or error.escaped or error.in_doubt:
                raise
            rest(job, step, waiting, error)
        again()


def rest(job: Job, step: Step, waiting: Waiting, error: DatabaseError) -> None:
    """Say who is in the way, and sleep; raise again what stopped the try, if there is no time left."""
    lock_timeout = waiting.lock_timeout
    seconds = waiting.pause()
    others = named(_blockers(job, step, error))
    if seconds is None:
        at_last = f"; at last {others}" if others else ""
        tries = "1 try" if waiting.tries == 1 else f"{waiting.tries} tries"
        error.hindrance = f"Others were in the way, in {tries} within {waiting.limit:g} s{at_last}."
        raise error
    what = _WORDS.get(error.code, "the database is busy")
    if error.code == _NO_LOCK:
        # A file that sets it has its own reason, and its own number.
        own = "lock_timeout" in step.script.telling.lower()
        what = "a lock was not had" if own else f"a lock was not had within {round(lock_timeout, 2):g} s"
    words = f"{what}, {others}" if others else what
    where = _where(step.script, error)
    job.emit("waiting", f"{where}: {words}; next try in {seconds:.1f} s", step.migration.title)
    time.sleep(seconds)


def name_blockers(job: Job, step: Step, error: SessmigError) -> None:
    """Say who was in the way of the one try that a run in one transaction has; asked after its rollback."""
    if isinstance(error, DatabaseError) and error.is_contention and not error.hindrance and not job.within:
        others = named(_blockers(job, step, error))
        who = f": {others}" if others else ""
        tried = f"In one transaction there is one try, with a lock_timeout of {longest(job.lock_wait):g} s"
        error.hindrance = f"Others were in the way{who}. {tried}."


def named(blockers: Sequence[Blocker]) -> str:
    """Name those in the way: pid, application, and how long their transactions have been open; '' for nobody."""
    if not blockers:
        return ""
    told = "; ".join(map(_in_words, blockers[:_SHOWN]))
    more = len(blockers) - _SHOWN
    return f"held by {told}" + (f"; and {more} more" if more > 0 else "")


def _in_words(blocker: Blocker) -> str:
    parts = (
        f"pid {blocker.pid}" if blocker.pid else "",
        blocker.application and (f"application {blocker.application}" if blocker.pid else blocker.application),
        f"its transaction open for {took(blocker.age_ms)}" if blocker.age_ms is not None else "",
        blocker.state,
    )
    return ", ".join(filter(None, parts))


def _hindered(job: Job, step: Step, error: DatabaseError) -> Iterator[str]:
    """Give the statement that did not get its lock; or all that may have wanted it, the likeliest first."""
    pieces = step.script.pieces
    if error.index is not None and error.index < len(pieces):
        yield failed(pieces[error.index], error).statement
        return
    yield from (block.query.text for block in step.blocks if block.query.text)
    yield from (f"INSERT INTO {job.database.table(name)}" for name in (job.table, f"{job.table}_log"))
    yield from (piece.statement for piece in pieces[:_ASKED])


def _blockers(job: Job, step: Step, error: DatabaseError) -> tuple[Blocker, ...]:
    try:
        return job.database.blockers(list(_hindered(job, step, error)))
    except DatabaseError:  # who may not see it must do without
        return ()


def _where(source: Script, error: DatabaseError) -> str:
    if error.index is None or error.index >= len(source.pieces):
        return str(source.path)
    return f"{source.path}:{failed(source.pieces[error.index], error).statement_line}"
