"""The nouns of a chronicle, all frozen: runs with their attempts, where migrations stand, the ways back.

Knows nothing of logs, databases and formats.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sessmig.results import Account, Backup, CheckResult, Standing, StepReport


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One row of the log."""

    number: int
    """The row's id."""
    series: str
    version: int
    label: str
    name: str
    description: str
    action: str
    """apply, rollback, backup, restore, resign, or a word of a later version's."""
    outcome: str
    """success, failed or interrupted."""
    started_at: str
    """UTC."""
    duration_ms: int
    done_by: str
    sessmig_version: str
    step: StepReport | None = None
    """What it did; None where it is no step, or the log tells it otherwise than this version knows."""
    queries: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What each block asked, by verb and name; the log of older versions does not hold it."""
    backup: Backup | None = None
    error: str = ""
    holds: str = ""
    """What the database held after it failed, in words; the log of older versions does not hold it."""
    text: str = ""
    """The file as it ran; empty where it was long or spoke of passwords."""
    others: tuple[tuple[str, str], ...] = ()
    """What else the log tells, by name."""
    undone_at: str = ""
    """When it was rolled back later."""
    run_by: str = ""
    """What ran it, where it was no run of sessmig but a script: then merges and loss guard were not asked."""
    not_asked: tuple[str, ...] = ()
    """The merges that a script left out, as far as the log names them."""
    is_resumed: bool = False
    """It went on with what an attempt before it had left half done."""

    @property
    def title(self) -> str:
        return f"{self.label} {self.name}" if self.name else ""

    @property
    def is_described(self) -> bool:
        """Whether its description says more than its name."""
        return bool(self.name) and self.description != self.name.replace("_", " ")

    @property
    def is_step(self) -> bool:
        return self.action in ("apply", "rollback")

    @property
    def is_recorded(self) -> bool:
        """Whether it counts as done though sessmig never ran it."""
        return self.action == "baseline" and self.outcome == "success"

    @property
    def caveat(self) -> str:
        """What has to be known beside its numbers, in a sentence or none."""
        if self.run_by and self.is_step:
            return by_script(self.not_asked)
        if self.is_resumed:
            return (
                "it went on where an attempt before it had stopped: rows by statement are of this attempt alone, "
                "all else is of the whole step"
            )
        return ""

    @property
    def stands(self) -> bool:
        """Whether what it did was committed as a whole."""
        return self.is_step and self.outcome == "success"

    @property
    def result(self) -> str:
        """What came of it, in a word or two."""
        if self.outcome != "success":
            return f"{self.outcome}, half done" if self.step and self.step.is_half_done else self.outcome
        done = {"apply": "applied", "rollback": "rolled back", "baseline": "recorded, not run"}.get(self.action, "done")
        done += " by script" if self.run_by and self.is_step else ""
        return f"{done}, rolled back later" if self.undone_at else done

    @property
    def findings(self) -> tuple[CheckResult | Account, ...]:
        return self.step.findings if self.step else ()


@dataclass(frozen=True, slots=True)
class Run:
    """The attempts of one run of sessmig, in their order."""

    number: int
    """The id of its first row: its name for `--run`."""
    kind: str
    """migrate, rollback, backup, restore, resign, or a word of a later version's."""
    attempts: tuple[PastAttempt, ...]
    is_guessed: bool = False
    """The log does not say that these are one run, as an older version wrote it."""

    @property
    def outcome(self) -> str:
        return next((one.outcome for one in self.attempts if one.outcome != "success"), "success")

    @property
    def started_at(self) -> str:
        return min(one.started_at for one in self.attempts)

    @property
    def done_by(self) -> str:
        return self.attempts[0].done_by

    @property
    def sessmig_version(self) -> str:
        return self.attempts[0].sessmig_version

    @property
    def steps(self) -> tuple[PastAttempt, ...]:
        return tuple(one for one in self.attempts if one.is_step)

    @property
    def backups(self) -> tuple[PastAttempt, ...]:
        return tuple(one for one in self.attempts if one.action == "backup")


@dataclass(frozen=True, slots=True)
class WayBack:
    """How one applied migration would be undone now."""

    version: int
    title: str
    kind: str
    """rollback, irreversible, none or baseline."""
    text: str
    """The rollback file, or why there is none."""
    backup: str = ""
    """The newest backup from before it that is still there."""
    behind: str = ""
    """What stands above it and cannot be rolled back: a rollback does not come to it, only a restore goes behind."""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """What was done to a database, and where it stands."""

    series: str
    database: str
    made_at: str
    """UTC."""
    runs: tuple[Run, ...] = ()
    """Those that were asked for, the newest last."""
    total: int = 0
    """How many runs there are."""
    chosen: str = ""
    """Which run was asked for; all, if empty."""
    standings: tuple[Standing, ...] = ()
    problems: tuple[str, ...] = ()
    unknown: str = ""
    """Why nobody can tell where the migrations stand."""
    ways_back: tuple[WayBack, ...] = ()
    """Of what is applied, in the order in which a rollback goes."""
    is_standing: bool = True
    """There is a log."""
    backups_there: frozenset[str] = frozenset()
    """The paths of the backups that are still there."""

    @property
    def steps(self) -> tuple[PastAttempt, ...]:
        """The steps of these runs that were committed, the newest last."""
        return tuple(step for run in self.runs for step in run.steps if step.stands)


def by_script(not_asked: Collection[str]) -> str:
    """Say what nobody knows of a step that a script ran, and which merges it left out where the log names them."""
    merges = f"{len(not_asked)} merge{'' if len(not_asked) == 1 else 's'}" if not_asked else "merges"
    return f"run by a script: {merges} and the loss guard were not asked, and rows were not counted"


def choose(chronicle: Chronicle, chosen: str) -> Chronicle:
    """Keep one run: the number of one, or `last`; raises LookupError if there is no such run."""
    runs = chronicle.runs
    found = runs[-1:] if chosen == "last" else tuple(run for run in runs if str(run.number) == chosen)
    if not found:
        raise LookupError(chosen)
    return replace(chronicle, runs=found, chosen=str(found[0].number))
