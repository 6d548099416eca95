"""The nouns that the rest of sessmig speaks of, all frozen.

Knows nothing of files, databases or output: every value here can be made by hand in a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from sessmig.merge import Merge
from sessmig.naming import APPLIED
from sessmig.naming import DIALECTS as DIALECTS
from sessmig.naming import LEGACY as LEGACY
from sessmig.piece import Bundle as Bundle
from sessmig.piece import Piece as Piece
from sessmig.wait import Held

Dialect = Literal["sqlite", "postgres"]
Status = Literal["success", "running", "failed", "baseline", "rolled_back"]
Scalar = str | int | float | bool | None

ADOPTED = "adopted_from"
"""What a baseline's metadata names the tool by whose history it was recorded."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One `-- sessmig: word argument` comment."""

    word: str
    argument: str
    line: int


@dataclass(frozen=True, slots=True)
class Script:
    """A migration or rollback file that was read and cut into pieces."""

    path: Path
    text: str
    """Empty where the file was cut in blocks."""
    description: str
    pieces: tuple[Piece, ...]
    """Only the pieces that hold a statement to run, in the file's order."""
    directives: tuple[Directive, ...] = ()
    in_blocks: bool = False
    """Whether it is so large that it was cut while it was read, and its rows stay in the file until they are sent."""

    def directive(self, word: str) -> Directive | None:
        """Return the directive at the file's top with this word, if there is one."""
        return next((d for d in self.directives if d.word == word), None)

    @property
    def telling(self) -> str:
        """Its statements without the INSERTs of plain values: what is looked for in SQL is not in those."""
        return "".join(piece.text for piece in self.pieces if not piece.is_plain)

    @property
    def statements(self) -> int:
        """How many statements it holds."""
        return sum(piece.statements for piece in self.pieces)

    @property
    def is_staged(self) -> bool:
        """Whether it takes more than one commit, and can stop half done."""
        return any(d.word in ("no-transaction", "batch") for d in self.directives)


@dataclass(frozen=True, slots=True)
class Migration:
    """A versioned file with its pair files, as it stands in the series folder; not yet read as SQL."""

    series: str
    version: int
    label: str
    """The version's digits as the file name writes them, `0034`."""
    name: str
    path: Path
    checksum: str
    """SHA-256 of the migration file alone, with a BOM dropped and CRLF read as LF."""
    verify: Path | None = None
    rollback: Path | None = None
    rollback_verify: Path | None = None

    @property
    def title(self) -> str:
        return f"{self.label}_{self.name}"


@dataclass(frozen=True, slots=True)
class Comment:
    """One `--` comment of a script; `text` is what stands behind the dashes, stripped."""

    text: str
    line: int
    alone: bool = True
    """On a line of its own, and not inside a statement: where directives and heads have to stand."""
    is_block: bool = False
    """A `/* word: … */`, which is none of these and may be meant for one."""
    indent: int = 0
    """How many blanks stand behind the dashes."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a verify file, with the comments over it."""

    comments: tuple[Comment, ...]
    text: str
    """The query without its semicolon."""
    line: int
    verb: str
    names: tuple[tuple[int, str], ...] = ()
    """The `:name` places in `text`: where the colon stands, and the name."""


Verb = Literal["require", "measure", "check", "warn"]
Expectation = Literal["none", "some", "same", "value", "measure"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a verify file: what to ask, and what the answer has to be."""

    verb: Verb
    name: str
    query: Query
    path: Path
    line: int
    before: bool = False
    """Asked before the step's statements."""
    expects: Expectation = "none"
    expected: str | Decimal | bool = ""
    """The literal's value."""
    measure: str = ""
    """The name of the measure that the answer is compared with."""
    expected_text: str = "none"
    """The expectation as the file writes it."""

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The measures that have to have a value when it is asked."""
        return tuple(name for _, name in self.query.names) + ((self.measure,) if self.measure else ())


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that was read whole and can be carried out."""

    migration: Migration
    script: Script
    blocks: tuple[Block, ...] = ()
    merges: tuple[Merge, ...] = ()
    rollback: Script | None = None
    rollback_blocks: tuple[Block, ...] = ()
    rollback_merges: tuple[Merge, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    series: str
    version: int
    name: str
    status: Status
    checksum: str | None = None
    description: str | None = None
    applied_at: str | None = None
    """UTC, `YYYY-MM-DD HH:MM:SS`."""
    duration_ms: int | None = None
    applied_by: str | None = None
    metadata: str | None = None
    """JSON text."""

    @property
    def is_applied(self) -> bool:
        return self.status in APPLIED

    @property
    def covers(self) -> bool:
        """Whether all below it counts as done too; what another tool's history tells stands for itself alone."""
        return self.status == "baseline" and f'"{ADOPTED}"' not in (self.metadata or "")

    @property
    def is_halfway(self) -> bool:
        """Whether it is a step of several commits that is not done."""
        return self.status in ("running", "failed")


ProblemKind = Literal["changed", "missing", "late", "ahead", "half undone", "half done"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason to refuse the plan."""

    kind: ProblemKind
    version: int
    name: str
    text: str
    """What is wrong, in a sentence."""
    remedy: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and every reason not to."""

    pending: tuple[Migration, ...] = ()
    applied: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    later: tuple[Migration, ...] = ()
    """Not applied and not to be run now (above `--to`, beside `--only`)."""
    held: tuple[Held, ...] = ()
    """Not applied, and held back by a `wait`; or run none the less, where that is ignored."""
    rolled_back: frozenset[int] = frozenset()
    """The versions that were applied once and then rolled back."""
    halfway: tuple[Entry, ...] = ()
    """The rows of steps that are half done; those that have a file are pending too."""


# What a database answers.

Cell = str | int | float | Decimal | bool | bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that a query gave."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock that we wait for; what the database does not tell is empty."""

    pid: int | None = None
    application: str = ""
    user: str = ""
    since: str = ""

    def __str__(self) -> str:
        told = (
            f"pid {self.pid}" if self.pid else "another process",
            self.application and f"application {self.application}",
            self.user and f"user {self.user}",
            self.since and f"since {self.since}",
        )
        return ", ".join(part for part in told if part)


@dataclass(frozen=True, slots=True)
class Mark:
    """A transaction and the session's settings, as one moment found them."""

    transaction: str
    settings: tuple[tuple[str, str, bool], ...]
    """Name, value, and whether the session has set it itself."""
