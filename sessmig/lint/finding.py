"""The nouns of lint: a rule, what it found, and a whole report.

Knows nothing of how anything is found or printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sessmig.model import DIALECTS, Dialect

if TYPE_CHECKING:
    from sessmig.lint.sheet import Sheet

Kind = Literal["migration", "rollback", "verify"]

REFUSED = "refused"
"""What `migrate` would refuse anyway; not waivable."""
WAIVER = "waiver"
"""A waiver that does not do what it says; not waivable."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule says of a file."""

    line: int
    what: str
    remedy: str = ""
    """What to write instead, where the rule's own words do not fit."""
    is_whole: bool = False
    """It speaks of the whole file, and the line is only where that begins."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; docs/lint/NAME.md says why it is one."""

    name: str
    instead: str
    """What to write instead, in a sentence."""
    ask: Callable[[Sheet], Iterator[Found]]
    kinds: tuple[Kind, ...] = ("migration", "rollback")
    dialects: tuple[Dialect, ...] = DIALECTS


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, where, and what to do."""

    path: Path
    line: int
    rule: str
    what: str
    remedy: str = ""
    source: str = "sessmig"
    """Who found it: sessmig or squawk."""
    is_whole: bool = False
    reason: str = ""
    """Why it is meant, where a waiver says so."""

    @property
    def page(self) -> str:
        """The page of the documentation that says why."""
        return f"docs/lint/{self.rule if self.source == 'sessmig' else self.source}.md"


@dataclass(frozen=True, slots=True)
class LintReport:
    """What was found in all files."""

    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    files: int
    """How many files were looked at."""
    notes: tuple[str, ...] = ()
    """What was not asked, and why."""
