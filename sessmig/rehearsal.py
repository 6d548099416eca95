"""The nouns of a rehearsal, all frozen: what a database was like, how two such pictures differ, what came of it.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sessmig.results import StepReport
from sessmig.run_report import Report


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a schema is made of: a table, a column, an index, a trigger, a right."""

    kind: str
    name: str
    definition: str
    """As the catalogue has it."""
    alike: str = ""
    """The same, where it may be written in more than one way: only this is compared. Empty: the definition is."""
    table: str = ""
    """The table that it is a part of."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table, in whatever order: how many they are, and a sum of their hashes."""

    table: str
    number: int | None
    """None where this role may not read them."""
    hashes: str
    """Empty where only numbers were asked for."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a database was like at one moment, but for sessmig's own tables."""

    things: tuple[Thing, ...] = ()
    rows: tuple[Rows, ...] = ()
    sequences: tuple[tuple[str, str], ...] = ()
    """The name of each sequence and where it stands; a database does not roll that back."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a database is not as it was."""

    subject: str
    """What: `index idx_a`, `table t`."""
    what: str
    """In words: `left behind`, `gone`, `defined otherwise`, `3 rows fewer`."""
    was: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class TableLock:
    """The strongest lock that a transaction took on one table."""

    table: str
    mode: str
    """As the database calls it: `ACCESS EXCLUSIVE`."""
    blocks: str
    """What others cannot do meanwhile, in words."""
    held_ms: int
    """From the beginning of the statement that took it to the end of the step."""


@dataclass(frozen=True, slots=True)
class StepLocks:
    """The locks that one step took on the tables that stood before it."""

    title: str
    locks: tuple[TableLock, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A statement marked `idempotent`, run a second time."""

    title: str
    where: str
    statement: str
    """Its verb and target."""
    differences: tuple[Difference, ...] = ()
    error: str = ""
    """What the database said, where it did not go a second time."""


@dataclass(frozen=True, slots=True)
class Unrehearsed:
    """What could not be rehearsed."""

    subject: str
    reason: str


Stage = Literal["migrate", "verify", "a second time", "rollback", "migrate again"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not hold."""

    stage: Stage
    exit_code: int
    what: str
    """What and where, in one or more lines."""
    remedy: str = ""
    holds: str = ""
    """What the database itself holds now, where a step failed."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal found; the rehearsed database itself is what it was."""

    series: str
    database: str
    place: str
    """Where it was rehearsed, in words."""
    standing: int = 0
    """How many migrations of the series stood already."""
    steps: tuple[StepReport, ...] = ()
    locks: tuple[StepLocks, ...] = ()
    verified: Report | None = None
    """What all checks gave when they were asked again, after the migrations; None if it did not come to that."""
    repeats: tuple[Repeat, ...] = ()
    undone: tuple[StepReport, ...] = ()
    """The rollbacks, newest first."""
    before: str = ""
    """Title of the oldest migration that was rolled back: the database was compared with how it was before it."""
    differences: tuple[Difference, ...] | None = None
    """In what the database is not as it was, after the rollbacks; None if it was not compared."""
    sequences: tuple[tuple[str, str, str], ...] = ()
    """Name, value at the start and after the rollbacks, of the sequences that moved."""
    again: tuple[StepReport, ...] = ()
    """The same migrations, after their rollback."""
    again_differences: tuple[Difference, ...] | None = None
    """In what the second migration gave another schema or other numbers of rows; None if it was not compared."""
    unrehearsed: tuple[Unrehearsed, ...] = ()
    failures: tuple[Failure, ...] = ()
    pending: tuple[str, ...] = ()
    """Titles of the migrations that are still to be rehearsed."""
    duration_ms: int = 0

    @property
    def exit_code(self) -> int:
        """0 if all of it held; 1 if a statement failed, 3 if something did not hold."""
        return min((failure.exit_code for failure in self.failures), default=0)
