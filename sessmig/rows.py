"""The nouns of what happens to rows: tables, what was done to them, what was lost. All frozen.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sessmig.model import Cell


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is called now; its identity stays through a rename, and no other column ever has it."""

    identity: int
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """A user table as it stands now."""

    identity: int
    """Stays through renames, as long as the table is watched; a table made anew has another."""
    name: str
    """As people write it: without quotes, with its schema where that is not the ledger's."""
    sql: str
    """Its full name as a query writes it, quoted."""
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    """The names of its primary key's columns."""
    storage: int = 0
    """What holds its rows: another one after a TRUNCATE or a rewrite; 0 where the database does not tell."""
    size: int | None = None
    """How many bytes its rows take, or at most take; None if the database does not tell."""
    follows: tuple[int, ...] = ()
    """The tables (identities) whose deleted rows take rows of this one along (ON DELETE CASCADE)."""
    parent: int | None = None
    """The partitioned table that this is a partition of."""
    reaches: tuple[int, ...] = ()
    """The tables that its triggers may write to, as far as their text tells."""
    is_counted: bool = True
    """Whether the database itself counts the rows deleted in it: not those of a foreign or a virtual table."""
    holds_rows: bool = True
    """Whether its rows are its own: not those of a foreign table, or of a virtual one that reads another."""
    only: str = ""
    """What stands before its name where a query asks for its own rows, and not for those that inherit from it."""

    @property
    def own(self) -> str:
        """Its own rows, as a query names them; those of its parts are a partitioned one's own."""
        return f"{self.only}{self.sql}"


def lineage(identity: int, tables: Mapping[int, Table]) -> Iterator[int]:
    """Yield a table and then the partitioned ones that it is a part of, inside out; nothing if it does not stand."""
    above: int | None = identity
    while above is not None and (table := tables.get(above)) is not None:
        yield above
        above = table.parent


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to the rows of one table, by whomever, as far as the database tells."""

    inserted: int | None = None
    updated: int | None = None
    deleted: int = 0
    keys: tuple[tuple[Cell, ...], ...] = ()
    """The keys of the first rows deleted, where they are known: values of `Table.key`."""


@dataclass(frozen=True, slots=True)
class Unset:
    """The values of one column that dropping another table sets to NULL, or to the column's default."""

    table: int
    """The table's identity."""
    column: str
    values: int
    does: str
    """What its foreign key says: `ON DELETE SET NULL`, `ON DELETE SET DEFAULT`."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The rows that left a merge's source."""

    accounted: int
    """How many of them the merge's target holds instead."""
    gone: int
    """How many keys the source had and has no more; an UPDATE may have given their rows others."""

    def covers(self, deleted: int) -> int:
        """Return how many of the source's deleted rows a target surely holds; better one too few than one too many."""
        return max(0, min(deleted, self.accounted - max(0, self.gone - deleted)))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step did to the rows of one table."""

    table: str
    before: int | None
    """Rows before the step; None if they were not counted, or there was no such table."""
    after: int | None
    inserted: int | None
    updated: int | None
    deleted: int
    by: tuple[str, ...] = ()
    """What took rows away: `DELETE in line 12`, `cascade from sessions`, `a trigger or function`, `REPLACE`."""


LossKind = Literal["rows deleted", "table dropped", "table truncated", "column dropped", "values lost", "values unset"]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step took away and no `may-lose` names."""

    kind: LossKind
    table: str
    rows: int | None
    """How many rows (of a column: values that are not NULL); None if it is not known."""
    column: str = ""
    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """The names of the columns of `keys`."""
    keys: tuple[tuple[Cell, ...], ...] = ()
    """Up to five keys of the rows, where they are known."""
    line: int = 0
    """The line of the statement that took it away; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Case:
    """One value that is wrong, and the rows that have it."""

    values: tuple[Cell, ...]
    rows: int
    example: tuple[Cell, ...] = ()
    """The key of one of these rows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong in a database whatever a step meant, as the free checks find it."""

    kind: str
    """What is wrong, in words that stay the same: `foreign key without its row`."""
    subject: str
    """Where, in words: a table and its column, an index, a constraint."""
    found: str
    """What was found there, in words."""
    places: tuple[frozenset[str], ...]
    """What it concerns (a table, another one), each by its name and its identity.

    So it stays the same fault through a rename, and where a table is made anew under its name.
    """
    number: int = 1
    """How many rows it concerns; of a sequence, how many of its values."""
    is_warning: bool = False
    cases: tuple[Case, ...] = ()
    """All that is wrong, value by value; empty where there is more of it than can be kept, or no such thing."""
    columns: tuple[str, ...] = ()
    """The names of the columns of a case: its values, its rows, its example."""
