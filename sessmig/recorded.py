"""What was recorded without being run, all frozen: baselines, and what another tool's history says.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass

from sessmig.results import Account, CheckResult


@dataclass(frozen=True, slots=True)
class Past:
    """A migration that another tool has applied, as that tool knows it."""

    id: str
    """As the tool writes it."""
    keys: tuple[tuple[int | None, str], ...]
    """The versions and names under which its file may stand here, the likeliest first; `None` and empty: not known."""
    applied_at: str = ""
    """`YYYY-MM-DD HH:MM:SS`: UTC where `is_utc`, else as it is written there."""
    covers: bool = False
    """All that stands below it counts as applied too: the tool keeps the newest number only, or began there."""
    is_start: bool = False
    """The tool began there, with a database that was there already: it has no file of its own."""
    checksum: str = ""
    """The tool's own checksum of the file, as `algorithm:digest`."""
    is_utc: bool = False
    """Whether what is written there says its zone; without one nobody knows whose clock it was."""


@dataclass(frozen=True, slots=True)
class History:
    """What another tool keeps of what it has applied."""

    tool: str
    table: str
    """Its table, as people write it."""
    pasts: tuple[Past, ...] = ()
    """What stands applied, in the order in which it was."""
    notes: tuple[str, ...] = ()
    """What else stands in the table, and does not count as applied: undone, reverted, repeatable."""
    faults: tuple[str, ...] = ()
    """What the tool itself would not go on with: failed, dirty, unfinished."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One migration that counts as done from now on, though sessmig never ran it."""

    version: int
    label: str
    name: str
    path: str
    checks: tuple[CheckResult, ...] = ()
    merges: tuple[Account, ...] = ()
    id_there: str = ""
    """What the other tool calls it."""
    applied_there: str = ""
    """UTC where `is_utc_there`, else as it is written there."""
    matched_by: str = ""
    """What says that it is the same: `version and name`, `version`, `name`, `below 7`."""
    is_utc_there: bool = False
    is_same_text: bool | None = None
    """Whether the file is, byte for byte, the one that the tool ran; None where it does not tell."""

    @property
    def title(self) -> str:
        return f"{self.label}_{self.name}"

    @property
    def findings(self) -> tuple[CheckResult | Account, ...]:
        """All that was asked: checks and row accounts."""
        return (*self.checks, *self.merges)

    @property
    def failed(self) -> tuple[CheckResult | Account, ...]:
        return tuple(found for found in self.findings if found.outcome == "failed")


@dataclass(frozen=True, slots=True)
class BaselineReport:
    """What `baseline` or `adopt` has recorded, or would record."""

    action: str
    """`baseline` or `adopt`."""
    series: str
    database: str
    table: str
    """The ledger."""
    recorded: tuple[Recorded, ...] = ()
    standing: tuple[str, ...] = ()
    """Titles of those that the ledger had already."""
    pending: tuple[str, ...] = ()
    """Titles of what `migrate` would apply next."""
    late: tuple[str, ...] = ()
    """Titles of what is not applied, though something above it is; `migrate` refuses these."""
    absent: tuple[str, ...] = ()
    """What the other tool has applied, and has no file here."""
    history: History | None = None
    is_dry: bool = False
    """Nothing was recorded."""
