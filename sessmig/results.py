"""What a run or a look at a database found, all frozen: reports, and the events on the way.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sessmig.model import Cell, Problem, Verb
from sessmig.rows import Effect, Loss
from sessmig.wait import Held

Outcome = Literal["passed", "failed", "warned", "not re-runnable"]


@dataclass(frozen=True, slots=True)
class StatementResult:
    """What one statement did, or a row of like statements in one line."""

    line: int
    verb: str
    target: str
    rows: int | None
    statements: int = 1
    batches: int = 0
    """In how many ranges it was run; 0 if in one go."""
    text: str = ""
    """The statement itself, where a query gave it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number (or text) that a `measure` block asked for."""

    name: str
    value: Cell
    before: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one require, check or warn block found."""

    verb: Verb
    name: str
    where: str
    outcome: Outcome
    expected: str = "none"
    found: str = ""
    """What came instead, in words; empty where the check passed."""
    columns: tuple[str, ...] = ()
    examples: tuple[tuple[Cell, ...], ...] = ()
    total: int = 0
    """How many rows the examples were taken from."""


@dataclass(frozen=True, slots=True)
class Account:
    """The row account of one `merge` block: where each row of the source went.

    `source = inserted + identical + differing + rejected`, and `missing` is 0; otherwise the step was rolled back.
    """

    name: str
    where: str
    outcome: Outcome
    source: int = 0
    inserted: int = 0
    identical: int = 0
    """Already in the target, with the same values in the compared columns."""
    differing: int = 0
    """Already in the target, with other values; the target's row stays."""
    rejected: tuple[tuple[str, int], ...] = ()
    """How many rows each `reject` rule took; a row that two rules fit counts for the first."""
    absent: int = 0
    """How many rejected rows are not in the target: what a later look must not take for missing."""
    missing: int = 0
    found: str = ""
    """What does not hold, in words; empty where it all does."""
    columns: tuple[str, ...] = ()
    examples: tuple[tuple[Cell, ...], ...] = ()
    total: int = 0
    """How many rows the examples were taken from."""


StepOutcome = Literal[
    "applied",
    "would apply",
    "already applied",
    "held",
    "failed",
    "rolled back",
    "undone",
    "would undo",
    "already undone",
    "verified",
    "rehearsed",
]
"""A step of a whole run that failed is `rolled back`: it never stood. What stood, and was taken back, is `undone`."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What carrying out one migration did."""

    version: int
    label: str
    name: str
    description: str
    path: str
    outcome: StepOutcome
    started_at: str = ""
    duration_ms: int = 0
    statements: tuple[StatementResult, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    merges: tuple[Account, ...] = ()
    effects: tuple[Effect, ...] = ()
    losses: tuple[Loss, ...] = ()
    allowed: tuple[Loss, ...] = ()
    """What was taken away that no `may-lose` names: `losses` rolled it back, `allowed` were agreed to."""
    notices: tuple[str, ...] = ()  # what the server said meanwhile (RAISE NOTICE)
    error: str = ""
    is_half_done: bool = False
    """It stopped on its way, and what it had committed stays."""

    @property
    def title(self) -> str:
        return f"{self.label}_{self.name}"

    @property
    def findings(self) -> tuple[CheckResult | Account, ...]:
        """All that had to hold: checks and row accounts."""
        return (*self.checks, *self.merges)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup of a database, whole and checked."""

    path: str
    size: int
    """In bytes."""
    sha256: str
    started_at: str
    """UTC, `YYYY-MM-DD HH:MM:SS`."""
    duration_ms: int = 0
    wal: str = ""
    """PostgreSQL: where its write-ahead log stood, for point-in-time recovery."""
    by_another: bool = False
    """Another process made it while this one waited for the lock."""
    ahead: str = ""
    """The time in its name, where that lies ahead: the clock was set back, and a newer one has a later name."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How far a statement is that is run in batches.

    Args:
        rows: how many rows of the batched table were taken until now.
        total: how many there are, as far as the database can tell without counting them.
        rate: rows in a second.
        seconds_left: how long the rest will take; None as long as nobody can tell.
    """

    rows: int
    total: int
    rate: float = 0.0
    seconds_left: float | None = None


EventKind = Literal["plan", "waiting", "backup", "step", "progress", "done", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """What is happening now, for whoever watches a run.

    Args:
        kind: `plan` before the first step, `waiting` while another process holds the lock, `backup` when one has
            been made, `step` as a step begins, `progress` after each batch of a batched statement, `done` when it
            has been committed (in a dry run: tried out), `passed` when others were found to have done it, or it is
            held now, `failed` when it was rolled back, stopped half done, or could not begin.
        text: the same in words, one line.
        title: the migration, where there is one.
        report: what the step did, with `done`, `passed` and `failed`.
        progress: how far it is, with `progress`.
    """

    kind: EventKind
    text: str
    title: str = ""
    report: StepReport | None = None
    progress: BatchReport | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether the step that `failed` was only asked to stop."""
        return bool(self.report and self.report.error.startswith("stopped by "))


State = Literal[
    "applied",
    "pending",
    "running",
    "failed",
    "held",
    "baseline",
    "rolled back",
    "half undone",
    "half done",
    "changed",
    "missing",
    "late",
    "ahead",
]
"""`running` and `failed` are half done; of a process that was killed nobody knows, so its step is `running` still."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one migration of a series stands."""

    version: int
    label: str
    name: str
    state: State
    applied_at: str | None = None
    duration_ms: int | None = None
    applied_by: str | None = None
    description: str | None = None
    held: Held | None = None
    """What holds it back, in the state `held`."""
    rolled_back_at: str | None = None
    """UTC; in the state `rolled back`, where the log tells."""
    rolled_back_by: str | None = None
    progress: str = ""
    """How far it is, where it is half done."""
    error: str = ""
    """What stopped it last, where it is half done."""
    is_half_done: bool = False
    """A step of several commits that is not done, whatever stands in its way."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Where a series stands in a database, and every problem there is."""

    series: str
    database: str
    standings: tuple[Standing, ...]
    problems: tuple[Problem, ...]
    is_missing: bool = False
    """There is no such database yet."""

    @property
    def pending(self) -> int:
        """How many migrations the next `migrate` would apply."""
        waiting = ("pending", "running", "failed", "rolled back")
        return sum(standing.state in waiting or standing.is_half_done for standing in self.standings)

    @property
    def held(self) -> int:
        """How many a `wait` holds back."""
        return sum(standing.state == "held" for standing in self.standings)
