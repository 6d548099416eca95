"""What would run: the pending steps read whole, and where the ledger stands; for whoever is to read or sign it.

Knows how to look without a lock and without writing anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sessmig.databases.scripting import Tie
from sessmig.job import Job, find
from sessmig.model import Entry, Plan, Step
from sessmig.pair_files import file_hashes
from sessmig.plan import Wish
from sessmig.problems import refuse, refuse_mended
from sessmig.reading import read_step
from sessmig.source import Series


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do, as one moment found it."""

    series: Series
    plan: Plan
    label: str
    """The database for people, without password."""
    table: str
    """The ledger's name."""
    identity: Mapping[str, str]
    """By what the database is told from another one."""
    entries: tuple[Entry, ...] = ()
    """The ledger's rows."""
    steps: tuple[Step, ...] = ()
    """What would run, in its order."""
    backs_up: bool = False
    """Whether a run begins with a backup, unless it is told otherwise."""
    is_new: bool = False
    """There is no database yet."""
    wish: Wish = field(default_factory=Wish)
    """What was asked for."""
    hashes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Of each step's files, by its version and by the file's part in it."""
    ties: tuple[Tie, ...] = ()
    """What is locked together."""


def preview(job: Job) -> Preview:
    """Look at what would run; whatever is not applied is read whole.

    Raises:
        SessmigError: as `migrate`, before it would touch anything.
    """
    series, ledger, plan = find(job)
    refuse(plan, ledger)
    dialect = job.database.dialect
    versions = {held.version for held in plan.held if not held.ignored}
    held = [migration for migration in series.migrations if migration.version in versions]
    steps = [read_step(migration, dialect) for migration in (*plan.pending, *plan.later, *held)]
    refuse_mended(plan, steps, dialect)
    todo = tuple(steps[: len(plan.pending)])
    return Preview(
        series,
        plan,
        job.database.label,
        job.table,
        job.database.scripting().identity(),
        ledger.read(),
        todo,
        job.database.saving().is_usual,
        job.database.is_missing,
        job.wish,
        hashes={step.migration.version: file_hashes(step.migration) for step in todo},
        ties=job.database.scripting().ties() if todo else (),
    )
