"""Tells whether a step may change or empty the source of a merge, so that a copy of it is kept.

Knows what statements write, and the tables that stand before them. A copy too many is better than one too few: what is
not surely another table counts as the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sessmig import generated, script
from sessmig.databases.scripting import Tie
from sessmig.merge import Merge
from sessmig.model import Dialect, Script
from sessmig.rows import Table
from sessmig.terms import Name, relations
from sessmig.writes import Write, writes

_CHANGING = ("update", "take", "shape")


@dataclass(frozen=True, slots=True)
class Touched:
    """What a script's statements write.

    Attributes:
        writes: in their order.
    """

    writes: tuple[Write, ...] = ()

    def may_change(self, merge: Merge, surroundings: Surroundings) -> bool:
        """Tell whether the source may be another after the step than before it."""
        if not self.writes:
            return False
        place = _Place(merge, surroundings, {write.kind for write in self.writes})
        return any(map(place.is_hit, self.writes))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step finds."""

    tables: Sequence[Table]
    merges: Sequence[Merge]
    """All of its verify file: what they write to is their targets."""
    dialect: Dialect
    ties: Callable[[], Sequence[Tie]] = tuple
    """What hangs together by keys and inheritance, where the database tells."""
    is_to_come: bool = False
    """Whether there is nothing yet by the name of the merge's target."""


def touched(source: Script, dialect: Dialect) -> Touched:
    """Read what a script's statements write."""
    # What queries give, nobody knows yet.
    return Touched((Write("anything"),) if generated.queries(source) else writes(source, dialect))


class _Place:
    """The source of a merge among all tables, as the statements go on.

    Args:
        merge: the merge.
        around: what there is.
        kinds: what the statements do.
    """

    def __init__(self, merge: Merge, around: Surroundings, kinds: set[str]) -> None:
        self._dialect = around.dialect
        self._full = {script.parts(table.sql, around.dialect)[-2:]: table for table in around.tables}
        self._home = {full[-1:]: t for full, t in self._full.items() if self._is_at_home(full[-1], t)}
        self._known = {table.identity: table for table in around.tables}
        self._called: dict[Name, Table] = {}
        """What the step has renamed."""
        self._made: set[Name] = set()
        self._unsure: set[str] = set()
        self._is_moved = False
        self._keys: dict[int, set[str]] = {}
        """The columns by which other tables may refer to each target."""
        for other in around.merges:
            for name in self._named(other.target):
                if (table := self._find(name)) is not None:
                    columns = {script.parts(column, self._dialect)[-1] for _, column in other.keys}
                    columns |= {script.comparable(column, self._dialect) for column in table.key}
                    self._keys.setdefault(table.identity, set()).update(columns)
        self._to_come = set(self._named(merge.target)) if around.is_to_come else set()
        names = self._named(merge.source)
        found = [self._find(name) for name in names]
        own = [table for table in found if table is not None and table.holds_rows]
        self._is_opaque = len(own) < len(names) or not names
        """Whether it is read from a view, or from what else may show the rows of any table."""
        self._own = {table.identity for table in own}
        self._above: set[int] = set()
        ties = around.ties() if kinds & {*_CHANGING} or any(t.reaches for t in around.tables) else ()
        self._add_tied(ties)
        last = [*names, *self._named(merge.after)] if merge.after else names
        self._names = {name[-1] for name in last if name} | set(self._names_of(self._own))

    def _is_at_home(self, last: str, table: Table) -> bool:
        return last == script.comparable(table.name, self._dialect)

    def _named(self, place: str) -> list[Name]:
        if place.startswith("("):
            return list(relations(place, self._dialect))
        return [script.parts(place, self._dialect)]

    def _names_of(self, identities: set[int]) -> Iterator[str]:
        return (script.parts(self._known[identity].sql, self._dialect)[-1] for identity in identities)

    def _find(self, name: Name) -> Table | None:
        """Return the table that a name surely means, of those that stood before the step."""
        if name in self._called:
            return self._called[name]
        if not name or name[-1] in self._unsure or (len(name) == 1 and self._is_moved):
            return None
        return self._full.get(name[-2:]) if len(name) > 1 else self._home.get(name)

    def _add_tied(self, ties: Sequence[Tie]) -> None:
        """Add the parts and parents of the source to it; note what its rows may change with."""
        pairs = [(table.identity, table.parent) for table in self._known.values() if table.parent is not None]
        keys = [(table.identity, other) for table in self._known.values() for other in table.follows]
        for tie in ties:
            one, other = (self._full.get(names[0][-2:]) for names in (tie.one_is, tie.other_is) if names)
            if one is not None and other is not None:
                (pairs if tie.kind == "child" else keys).append((one.identity, other.identity))
        grown = -1
        while grown < len(self._own):
            grown = len(self._own)
            self._own |= {side for pair in pairs if not self._own.isdisjoint(pair) for side in pair} & {*self._known}
        grown = -1
        while grown < len(self._above):
            grown = len(self._above)
            self._above |= {other for one, other in keys if one in self._own | self._above}

    def is_hit(self, write: Write) -> bool:
        """Tell whether a statement may change the source; take into account what it does to names."""
        if write.kind == "anything":
            return True
        if write.kind == "path":
            self._is_moved = True
            return False
        if self._is_source(write.name):
            return not self._is_renamed(write)
        if write.new_name and write.new_name[-1] in self._names:
            return True
        if write.kind in ("make", "may make", "drop", "hide", "rename"):
            self._note(write)
            return False
        if not write.others.isdisjoint(self._names):
            return True
        if write.name in self._made:
            return False
        table = self._find(write.name)
        if table is None or not table.holds_rows or self._is_opaque:
            return True
        if write.kind == "shape":
            return False
        return self._may_reach(table) or (write.kind != "insert" and self._may_change_with(table, write))

    def _is_source(self, name: Name) -> bool:
        table = self._find(name)
        if table is not None and (len(name) > 1 or name[-1] not in self._names):
            return table.identity in self._own
        return bool(name) and name[-1] in self._names

    def _is_renamed(self, write: Write) -> bool:
        if write.kind == "rename":
            self._names.add(write.new_name[-1])
        return write.kind in ("rename", "drop")

    def _note(self, write: Write) -> None:
        name = write.name
        if write.kind == "make" or (write.kind == "may make" and name in self._to_come):
            self._made.add(name)
        elif write.kind == "hide":
            self._unsure.add(name[-1])
            self._made.discard(name)
        elif write.kind == "drop":
            self._made.discard(name)
        elif write.kind == "rename":
            if name in self._made:
                self._made.discard(name)
                self._made.add(write.new_name)
            elif (table := self._find(name)) is not None:
                self._called[write.new_name] = table

    def _may_reach(self, table: Table) -> bool:
        """Tell whether triggers may write to the source, or to what its rows change with."""
        found, new = {table.identity}, {table.identity}
        while new:
            new = {other for one in new if one in self._known for other in self._known[one].reaches} - found
            found |= new
        return not (found - {table.identity}).isdisjoint(self._own | self._above)

    def _may_change_with(self, table: Table, write: Write) -> bool:
        """Tell whether the source's rows may change with those of a table, by a foreign key or by inheritance.

        A target is updated often: so there it is asked what, as a key refers to a key.
        """
        if table.identity not in self._keys or table.identity in self._above or write.kind == "take":
            return True
        return not write.columns or not write.columns.isdisjoint(self._keys[table.identity])
