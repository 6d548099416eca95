"""What a run is asked to do, and the first look at it: the files, the ledger, the plan.

Knows how to look without a lock and without writing anything.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sessmig.config import TABLE
from sessmig.errors import SessmigError
from sessmig.escapes import visible
from sessmig.head import read_wait, top_directive
from sessmig.ledger import Ledger
from sessmig.ledger_rights import reading
from sessmig.model import Entry, Holder, Plan
from sessmig.plan import Waits, Wish, make_plan
from sessmig.results import BatchReport, Event, EventKind, StepReport
from sessmig.source import Series, discover
from sessmig.stop import Stop
from sessmig.waiting import longest

if TYPE_CHECKING:
    from sessmig.databases.contract import Database
    from sessmig.signed import Signed

_LOG = logging.getLogger("sessmig")
# A library does not print: without a handler of the application's own, Python would write warnings to stderr.
_LEVELS = {"failed": logging.ERROR, "waiting": logging.WARNING, "progress": logging.DEBUG}
_LOG.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class BackupWish:
    """What backups are asked for.

    Args:
        when: `auto` is as the database has it: SQLite files yes, PostgreSQL no.
        folder: where they stand; as the database has it, if None: beside a SQLite file, else the working directory.
        keep: how many of them stay; all, if None.
        programs: PostgreSQL: the folder of pg_dump and pg_restore; found on PATH, if None.
    """

    when: Literal["auto", "always", "never"] = "never"
    folder: str | None = None
    keep: int | None = None
    programs: str | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """What makes a run in batches pause between two of them.

    Args:
        max_lag: PostgreSQL: how many seconds the slowest replica may be behind; as many as it likes, if None.
        query: while this query gives more than 0, the run pauses.
    """

    max_lag: float | None = None
    query: str | None = None


@dataclass(slots=True)
class Told:
    """When a run may say next that it waits: it may wait at each of a thousand commits."""

    next: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run, where, and how.

    Args:
        database: an open database.
        directory: the series folder.
        series: the series' name; the folder's, if None.
        table: the ledger's name.
        wish: which migrations.
        lock_wait: seconds to wait for the lock, and in each step for those of others.
        dry_run: roll everything back at the end.
        single_transaction: make the whole run one commit.
        within: the caller has opened the transaction, under the lock, and ends it.
        pending: `error` refuses to apply what is pending.
        backup: whether the run begins with one.
        throttle: what makes batches pause.
        stop: how it is asked to stop.
        told: when it said last that it waits.
        signed: the plan that it has to be, if there is one.
        run: by what the log knows its attempts from those of other runs.
        on_event: told what is happening, from the thread that runs.
    """

    database: Database
    directory: Path
    series: str | None = None
    table: str = TABLE
    wish: Wish = field(default_factory=Wish)
    lock_wait: float = 60.0
    dry_run: bool = False
    single_transaction: bool = False
    within: bool = False
    pending: Literal["apply", "error"] = "apply"
    backup: BackupWish = field(default_factory=BackupWish)
    throttle: Throttle = field(default_factory=Throttle)
    stop: Stop = field(default_factory=Stop)
    told: Told = field(default_factory=Told, repr=False, compare=False)
    signed: Signed | None = None
    run: str = field(default_factory=lambda: os.urandom(8).hex(), compare=False)
    on_event: Callable[[Event], None] | None = None

    def emit(
        self,
        kind: EventKind,
        text: str,
        title: str = "",
        report: StepReport | None = None,
        progress: BatchReport | None = None,
    ) -> None:
        """Tell whoever watches, and the logger `sessmig`."""
        _LOG.log(_LEVELS.get(kind, logging.INFO), "%s", visible(text))
        for check in report.checks if report else ():
            if check.outcome == "warned":
                _LOG.warning("%s", visible(f"{title}: {check.name}: {check.found}"))
        if self.on_event:
            self.on_event(Event(kind, text, title, report, progress))

    def tell_failure(self, error: SessmigError, report: StepReport) -> None:
        """Tell of a step that failed, or could not begin; what `on_event` raises must not hide what went wrong."""
        try:
            self.emit("failed", f"{report.title}: {error.what}", report.title, report)
        except Exception as also:
            error.add_note(f"on_event failed too: {type(also).__name__}: {also}")

    def signed_kept(self) -> dict[str, str]:
        """Return what the log keeps of the plan that it has to be."""
        return {"signed_plan": str(self.signed)} if self.signed else {}

    def await_reading(self) -> None:
        """Wait until nobody stands in the way of reading, no longer than for the lock."""
        self.database.await_reading(wait=self.lock_wait, on_wait=_Patience(self).told)

    def patience(self) -> Callable[[Holder], None]:
        """Return what says, now and then, who is in the way."""
        return _Patience(self).told

    def forgiving(self) -> Job:
        """Return the same job, for a look at what is applied: what is late or ahead is no reason to refuse that."""
        return replace(self, wish=replace(self.wish, allow_late=True, ahead="ok"))

    def transaction(
        self,
        *,
        wait: float | None = None,
        lock_timeout: float | None = None,
        foreign_keys: bool = True,
        steady: bool = False,
    ) -> AbstractContextManager[None]:
        """Open a transaction under the lock; in a dry run it is rolled back at its end.

        Args:
            wait: seconds to wait for the lock; `lock_wait`, if None.
            lock_timeout: seconds that each statement waits for the locks of others; as long as one try may, if None.
            foreign_keys: False has none enforced until it is over.
            steady: what others commit meanwhile is not seen.
        """
        if self.within:
            return nullcontext()
        return self.database.transaction(
            self.table,
            wait=self.lock_wait if wait is None else wait,
            on_wait=_Patience(self).told,
            keep=not self.dry_run,
            steady=steady,
            lock_timeout=longest(self.lock_wait) if lock_timeout is None else lock_timeout,
            foreign_keys=foreign_keys,
        )

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock over several transactions, and what stands between them."""
        return self.database.exclusive(self.table, wait=self.lock_wait, on_wait=_Patience(self).told)

    def steady_transaction(self) -> AbstractContextManager[None]:
        """Open one under the lock that is rolled back at its end, and does not see what others commit meanwhile."""
        return self.database.transaction(
            self.table,
            wait=self.lock_wait,
            on_wait=_Patience(self).told,
            keep=False,
            steady=True,
            lock_timeout=longest(self.lock_wait),
        )

    def snapshot(self) -> AbstractContextManager[None]:
        """Let nothing write; every query sees the same state."""
        return self.database.read_only() if self.within else self.database.snapshot()


class _Patience:
    """Says who holds the lock: at once, and then every few seconds."""

    _EVERY = 5.0

    def __init__(self, job: Job) -> None:
        self._job = job

    def told(self, holder: Holder) -> None:
        self._job.stop.look()
        now = time.monotonic()
        if now >= self._job.told.next:
            self._job.told.next = now + self._EVERY
            self._job.emit("waiting", f"waiting for the lock, held by {holder}")


def find(job: Job) -> tuple[Series, Ledger, Plan]:
    """Read the file names, then the ledger, and plan; writes nothing.

    Raises:
        UsageError, FileError: the folder is not a series.
        LedgerError: the table is another program's.
        DatabaseError: this role may not read it.
        LockError: another process let nobody read for all of `lock_wait`.
    """
    series = discover(job.directory, job.database.dialect, series=job.series)
    job.await_reading()
    with reading(job.database, job.table):
        ledger = Ledger(job.database, job.table, series.name, run=job.run)
        entries = ledger.read()
    return series, ledger, planned(job, series, entries)


def planned(job: Job, series: Series, entries: Sequence[Entry]) -> Plan:
    """Plan by these rows of the ledger; of the files that are not applied only a `wait` at the head is read.

    Raises:
        UsageError: the wish names a version that there is no file for.
        FileError: a `wait` is not understood.
    """
    plan = make_plan(series.migrations, entries, job.wish)
    waits = {}
    for migration in (*plan.pending, *plan.later):
        if directive := top_directive(migration.path, "wait", job.database.dialect):
            waits[migration.version] = read_wait(migration.path, directive, migration.version)
    if not waits:
        return plan
    types = job.database.types
    now = str(job.database.query(f"SELECT {types.utc % types.now}").rows[0][0])
    return make_plan(series.migrations, entries, job.wish, Waits(waits, now))
