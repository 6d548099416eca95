"""How single tables stood when a guard looked at them: just before a DROP or TRUNCATE, and as they were seen last.

Nouns, all frozen; asks no database and judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sessmig.model import Cell
from sessmig.rows import Change, Column, Table, Unset

Keys = tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """A table made in the step, as it stood when the one that it may stand for was dropped."""

    rows: int | None
    missing: int | None
    """How many rows of the other have no row here."""
    keys: Keys = ()
    lacking: tuple[tuple[Column, int | None], ...] = ()
    """The columns of the other that are not here, with their number of values."""
    deleted: int = 0
    """How many rows the statements until then had deleted here."""
    columns: tuple[Column, ...] = ()
    """Its own columns."""
    emptied: tuple[tuple[Column, int], ...] = ()
    """The columns of the other that have fewer values here, and how many fewer."""
    members: tuple[tuple[int, int], ...] = ()
    """The table and its parts, and how many rows were inserted into each until then."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A table as it stood when it was seen last."""

    table: Table
    rows: int | None
    change: Change


Link = tuple["Drop", Copy, int]
"""A table that was dropped, how one stood that was made in its place, and which that is."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A table as it stood just before it was dropped."""

    table: Table
    line: int
    rows: int | None
    keys: Keys = ()
    deleted: int = 0
    """How many of its rows had been deleted until then."""
    copies: Mapping[int, Copy] = field(default_factory=dict)
    """The tables that may stand for it, by their identity."""
    stands: Mapping[int, Stand] = field(default_factory=dict)
    """The table itself, and the parts that it had then."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """A table as it stood just before a TRUNCATE that names it."""

    line: int
    rows: int | None
    deleted: int = 0
    """How many of its rows had been deleted until then; some databases forget that with the rows."""
    was_elsewhere: bool = False
    """Whether what held its rows was another file by then: they had been written anew, or truncated."""


@dataclass(frozen=True, slots=True)
class Unsetting:
    """What the DROP TABLE of one table sets in another, just before it."""

    unset: Unset
    column: int
    """The column's identity."""
    parent: str
    """The name of the table that is dropped."""
    line: int
    kept: frozenset[int]
    """The tables made in the step that hold as many values, and do not refer to what is dropped."""
