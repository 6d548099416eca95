"""What a run or a look at a database found, all frozen: reports, and the events on the way.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sessmig.model import Cell, Problem, Verb

Outcome = Literal["passed", "failed", "warned", "not re-runnable"]


@dataclass(frozen=True, slots=True)
class StatementResult:
    """What one statement did, or a row of like statements in one line."""

    line: int
    verb: str
    target: str
    rows: int | None
    statements: int = 1


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


StepOutcome = Literal["applied", "would apply", "already applied", "failed", "rolled back", "verified"]


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
    notices: tuple[str, ...] = ()
    """What the server said meanwhile (RAISE NOTICE)."""
    error: str = ""

    @property
    def title(self) -> str:
        return f"{self.label}_{self.name}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, step by step.

    `action` is `migrate`, `dry-run` or `verify`; `applied` counts the steps that this run itself committed.
    """

    action: str
    series: str
    database: str
    steps: tuple[StepReport, ...] = ()
    standing: int = 0
    """How many migrations of the series stood already when the run began."""
    pending: tuple[str, ...] = ()
    """Titles of the migrations that are still to be run."""
    duration_ms: int = 0
    idle: str = ""
    """Why the one migration that was asked for did not run."""

    @property
    def applied(self) -> int:
        return sum(step.outcome == "applied" for step in self.steps)


EventKind = Literal["plan", "waiting", "step", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """What is happening now, for whoever watches a run.

    Args:
        kind: `plan` before the first step, `waiting` while another process holds the lock, `step` as a step
            begins, `done` when it has been committed, `failed` when it was rolled back.
        text: the same in words, one line.
        title: the migration, where there is one.
        report: what the step did, with `done` and `failed`.
    """

    kind: EventKind
    text: str
    title: str = ""
    report: StepReport | None = None


State = Literal["applied", "pending", "baseline", "rolled back", "changed", "missing", "late", "ahead"]


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
        return sum(standing.state in ("pending", "rolled back") for standing in self.standings)
