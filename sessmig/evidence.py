"""What a guard has seen of one step: the tables before and after it, their rows, and what was looked at on the way.

Knows how to put it together for each table, a partitioned one as a whole; asks no database and judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sessmig.course import Course, Tally
from sessmig.model import Cell
from sessmig.rows import Change, Column, Table

Keys = tuple[tuple[Cell, ...], ...]
_NOTHING = Change()


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


@dataclass(slots=True)
class Evidence:
    """What was seen of a step. Tables go by their identity."""

    course: Course
    before: dict[int, Table]
    after: dict[int, Table] = field(default_factory=dict)
    rows_before: dict[int, int] = field(default_factory=dict)
    rows_after: dict[int, int] = field(default_factory=dict)
    changes: Mapping[int, Change] = field(default_factory=dict)
    filled: dict[int, bool] = field(default_factory=dict)
    """Tables of which it is only known whether they had rows."""
    drops: dict[int, Drop] = field(default_factory=dict)
    truncated: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    """The line of the TRUNCATE that names it, and the rows that there were."""
    columns: dict[tuple[int, int], tuple[int, int | None]] = field(default_factory=dict)
    """The line of the statement that drops a column, and the values that there were."""
    cascading: tuple[tuple[str, int], ...] = ()
    """The verb and line of each statement that may drop or empty tables which it does not name."""

    def top(self, identity: int) -> int:
        """Return the partitioned table that a table is, or was, a part of; itself where there is none."""
        for tables in (self.after, self.before):
            while (table := tables.get(identity)) and table.parent in tables:
                identity = table.parent
        return identity

    def trees(self) -> dict[int, list[int]]:
        """Return the tables, each partitioned one with its parts."""
        found: dict[int, list[int]] = {}
        for identity in {**self.before, **self.after}:
            found.setdefault(self.top(identity), []).append(identity)
        return found

    def name(self, identity: int) -> str:
        return (self.after.get(identity) or self.before[identity]).name

    def successor(self, identity: int) -> int | None:
        """Return the table that was made in a dropped one's place, if there is one."""
        links = self.links(identity)
        return links[-1][2] if links else None

    def links(self, identity: int) -> list[tuple[Drop, Copy, int]]:
        """Return how a dropped table was made anew, once or several times; the last has borne its name."""
        table = self.before.get(identity)
        return [] if table is None or identity in self.after else self._links(identity, {table.sql})

    def _links(self, identity: int, names: set[str]) -> list[tuple[Drop, Copy, int]]:
        found: list[list[tuple[Drop, Copy, int]]] = []
        if (drop := self.drops.get(identity)) is None:
            return []
        for other, copied in drop.copies.items():
            rest = self._links(other, names | {drop.table.sql})
            if rest or (other in self.after and self._has_borne(other, names | {drop.table.sql})):
                found.append([(drop, copied, other), *rest])
        # Rows may have gone by way of a table that was made for that alone.
        return min(found, key=lambda links: sum(1 if c.missing is None else c.missing for _, c, _ in links), default=[])

    def _has_borne(self, identity: int, names: set[str]) -> bool:
        return self.after[identity].sql in names or any(self.course.has_borne(identity, name) for name in names)

    def gone_later(self, copied: Copy, identity: int) -> int:
        """Return how many rows went from a table made in the step, after it was compared with another."""
        drop = self.drops.get(identity)
        told = max(self.tally(identity).rows["DELETE"], self.change(identity).deleted)
        said = (drop.deleted if drop else told) - copied.deleted
        rows = drop.rows if drop else self.rows_after.get(identity)
        return max(0, said, 0 if copied.rows is None or rows is None else copied.rows - rows)

    def change(self, identity: int) -> Change:
        return self.changes.get(identity, _NOTHING)

    def tally(self, identity: int) -> Tally:
        return self.course.tallies.get(identity) or Tally()

    def counted(self, identity: int) -> int:
        """Return how many rows the database says were deleted; of a table that is gone, until then."""
        drop = self.drops.get(identity)
        return drop.deleted if drop else self.change(identity).deleted

    def said(self, identities: list[int], *verbs: str) -> int:
        """Return how many rows the statements of these verbs changed in these tables."""
        return sum(self.tally(identity).rows[verb] for identity in identities for verb in verbs)

    def deleted(self, members: list[int], among: list[int] | None = None) -> int:
        """Return how many rows were deleted in a table, or in some parts of a partitioned one.

        A row that an UPDATE moves to another part counts as deleted here and as inserted there.

        Args:
            members: the table with all its parts.
            among: those parts that are asked for; all if None.
        """
        asked = members if among is None else among
        counted = sum(map(self.counted, asked))
        said = self.said(asked, "DELETE")
        if len(members) > 1:
            arrived = sum(self.change(member).inserted or 0 for member in members)
            moved = min(self.said(members, "UPDATE", "MERGE"), max(0, arrived - self.said(members, "INSERT")))
            return max(said, counted - moved)
        return max(said, counted)

    def emptied(self, identity: int) -> tuple[int, int | None] | None:
        """Return the line of the TRUNCATE and how many rows it took; None if there was none, or no row."""
        old, new = self.before.get(identity), self.after.get(identity)
        if old is None or new is None:
            return None
        if identity in self.truncated and (old.storage != new.storage or not old.storage):
            line, rows = self.truncated[identity]
            return None if rows == 0 else (line, rows)
        if old.storage == new.storage:
            return None
        # A rewrite (ALTER TABLE) leaves the rows that there were. How many they were others may have changed meanwhile;
        # so what counts is that nothing stands there but what the step has brought.
        change, after = self.change(identity), self.rows_after.get(identity)
        if after is None or after > (change.inserted or 0):
            return None
        before = self.rows_before.get(identity)
        if before is None:
            return (0, None) if self.filled.get(identity, True) else None
        return (0, before - change.deleted) if before > change.deleted else None
