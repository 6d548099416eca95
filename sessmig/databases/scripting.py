"""What a database's own program (psql, sqlite3) needs in a script that does what a run does.

Each method returns lines of SQL or of the program's commands; values that are known only when the script runs are kept
by the program under names. Decides nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sessmig.model import Block, Piece


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run sends around a step, as it is sent."""

    begin: tuple[str, ...]
    """To open the transaction with the lock."""
    before_questions: tuple[str, ...]
    """So that what is asked cannot write."""
    after_questions: tuple[str, ...]
    behind: tuple[str, ...]
    """Behind the statements, before the checks."""
    commit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tie:
    """Two relations of which one is locked with the other."""

    kind: str
    """`key`: the one refers to the other; `child`: is a partition of it, or inherits; `index`: is an index of it."""
    one: str
    """As a statement would write it."""
    other: str
    one_is: tuple[tuple[str, ...], ...] = ()
    """By which names a statement may speak of it."""
    other_is: tuple[tuple[str, ...], ...] = ()
    name: str = ""
    """The key's."""
    columns: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    """The columns that the key refers to."""


class Scripting(Protocol):
    """Writes one script for the database's own program."""

    @property
    def program(self) -> str:
        """Its name."""

    @property
    def command(self) -> str:
        """How a script is run; `SCRIPT` is the file, `DATABASE` the database."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever runs such a script has to know."""

    @property
    def each_row_words(self) -> str:
        """How the rows of a query are run."""

    def identity(self) -> Mapping[str, str]:
        """Say which database this is, without password, so that another one is told from it."""

    def ties(self) -> tuple[Tie, ...]:
        """Return what is locked together; nothing where there are no such locks."""

    def sent(self, lock: str, *, foreign_keys: bool = True, wait: float | None = None) -> Sent:
        """Return what a run sends around a step, where a statement waits so many seconds for the locks of others."""

    def head(self, wait: float) -> list[str]:
        """Have the program stop at the first error, and read what follows as sessmig does."""

    def foot(self) -> list[str]: ...

    def say(self, text: str) -> str:
        """Print a text of plain letters, digits, blanks and _."""

    def begin(self, lock: str, *, foreign_keys: bool = True) -> list[str]:
        """Open a transaction that begins with the lock."""

    def commit(self, *, foreign_keys: bool = True) -> list[str]: ...

    def hold(self, lock: str) -> list[str]:
        """Take the lock for several transactions, where that can be."""

    def let_go(self, lock: str) -> list[str]: ...

    def start_clock(self) -> list[str]:
        """Remember when the step began."""

    @property
    def moment(self) -> str:
        """The expression for when it began, as UTC text."""

    @property
    def spent_ms(self) -> str:
        """The expression for how long it has taken."""

    @property
    def who(self) -> str:
        """The expression for who runs the script."""

    def reading(self, lines: Sequence[str]) -> list[str]:
        """Have these lines asked so that they cannot write."""

    def statement(self, text: str) -> str:
        """Return a statement so that the program sends it as it is.

        Raises:
            ValueError: it cannot be; says why.
        """

    def each_row(self, query: str, file: str) -> list[str]:
        """Run what the rows of a query say; `file` is a name for what has to be written down on the way."""

    def behind(self, pieces: Sequence[Piece]) -> list[str]:
        """Do what is deferred now, and give the session's settings back."""

    def bound(self, function: str, table: str, column: str) -> str:
        """Return the expression for the least or greatest value of a column."""

    def named(self, measure: str) -> str:
        """Return how a query names the value of a measure."""

    def measure(self, name: str, query: str, label: str) -> list[str]:
        """Keep the one value that a query gives."""

    def json(self, measure: str) -> str:
        """Return the expression for a measure's value as JSON text."""

    def demand(self, block: Block, query: str, label: str) -> list[str]:
        """Stop the script with this label unless the answer is what the block expects."""

    def warn(self, block: Block, query: str, label: str, number: int) -> list[str]:
        """Say so unless the answer is what the block expects; keep by the number what came of it."""

    def warned(self, number: int) -> str:
        """Return the expression for `"passed"` or `"warned"`."""

    def found(self, number: int) -> tuple[str, str]:
        """Return the expressions for what a warn found, as JSON text, and for how many rows."""

    def keep_same(self, number: int, query: str) -> list[str]:
        """Keep an answer, to be compared later."""

    def demand_same(self, number: int, query: str, label: str) -> list[str]:
        """Stop the script with this label unless the answer is the one that was kept."""

    def keep_faults(self) -> list[str]:
        """Look for rows without their row, before the step, where the database may have any."""

    def demand_no_faults(self, label: str) -> list[str]:
        """Stop the script unless there are as few after it."""

    def demand_no_table(self, table: str, label: str) -> list[str]:
        """Stop the script if there is such a table, named as `Database.table` names it."""

    def demand_equal(self, query: str, expected: str, label: str) -> list[str]:
        """Stop the script unless a query gives this text."""

    def joined(self, column: str, rows: str) -> str:
        """Return a query for one text: all of a column in the order of its bytes, a line each.

        Args:
            column: an expression of type text.
            rows: what stands behind FROM.
        """

    def forget(self, measures: Sequence[str]) -> list[str]:
        """Let go of what was kept for a step."""
