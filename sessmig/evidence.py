"""What a guard has seen of one step: the tables before and after it, their rows, and what was looked at on the way.

Knows how to put it together for each table, a partitioned one as a whole; asks no database and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sessmig.course import Course, Tally
from sessmig.heirs import Heirs
from sessmig.rows import Change, Table, lineage
from sessmig.stands import Copy, Drop, Link, Stand, Truncate, Unsetting

_NOTHING = Change()


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
    unset: list[Unsetting] = field(default_factory=list)
    """What the drops have set in tables that stay."""
    truncated: dict[int, Truncate] = field(default_factory=dict)
    columns: dict[tuple[int, int], tuple[int, int | None, str]] = field(default_factory=dict)
    """The line of the statement that drops a column, and the values that there were."""
    cascading: tuple[tuple[str, int], ...] = ()
    """The verb and line of each statement that may drop or empty tables which it does not name."""
    alone: frozenset[int] = frozenset()
    """The tables that nobody else has written to since their rows were counted."""
    rewritten: frozenset[int] = frozenset()
    """The tables that a statement may have written anew, as far as it was asked for."""
    changed: frozenset[int] | None = None
    """The tables that are not as they were, or not there any more; None where nobody has compared them."""
    _trees: dict[int, list[int]] | None = None
    _chains: dict[int, list[Link]] | None = None

    def top(self, identity: int) -> int:
        """Return the partitioned table that a table is, or was, a part of; itself where there is none."""
        for tables in (self.after, self.before):
            *_, identity = identity, *lineage(identity, tables)
        return identity

    def was_part_of(self, identity: int) -> int:
        """Return the partitioned table that a table was a part of before the step; itself where there was none."""
        *_, whole = lineage(identity, self.before)
        return whole

    def trees(self) -> dict[int, list[int]]:
        """Return the tables that are to be judged, a partitioned one with its parts; to be asked once all is seen."""
        if self._trees is None:
            self._trees = {}
            looked = self._to_look_at()
            for identity in (one for one in {**self.before, **self.after} if looked is None or one in looked):
                self._trees.setdefault(self.top(identity), []).append(identity)
        return self._trees

    def _to_look_at(self) -> set[int] | None:
        """Return the tables that something may have happened to, and all parts of others; None stands for all."""
        if self.changed is None:
            return None
        looked = {*self.changed, *self.rows_before, *self.rows_after, *self.changes, *self.course.tallies}
        looked |= {*self.drops, *self.truncated, *(identity for identity, _ in self.columns)}
        parts = (i for tables in (self.before, self.after) for i, table in tables.items() if table.parent is not None)
        return looked.union(parts, map(self.top, looked))

    def note_changed(self) -> set[int]:
        """Note which tables are not as they were; return those of them that stand. Of a thousand it is one or two."""
        changed = {i for i, t in self.after.items() if (old := self.before.get(i)) is not t and old != t}
        self.changed = frozenset(changed | (self.before.keys() - self.after.keys()))
        return changed

    def name(self, identity: int) -> str:
        return (self.after.get(identity) or self.before[identity]).name

    def successor(self, identity: int) -> int | None:
        """Return the table that was made in a dropped one's place, if there is one."""
        links = self.links(identity)
        return links[-1][2] if links else None

    def was_empty(self, drop: Drop) -> bool:
        """Tell whether a table surely held no row, from before the step until it was dropped under a lock of its own.

        One that was emptied on the way has lost rows, or has its rows in another place since.
        """
        if drop.rows != 0 or drop.deleted or self.rows_before.get(drop.table.identity):
            return False
        old = [(self.before.get(stand.table.identity), stand.table) for stand in drop.stands.values()]
        return all(before is not None and before.storage == table.storage for before, table in old)

    def links(self, identity: int) -> list[Link]:
        """Return how a dropped table was made anew, once or several times; the last has borne its name.

        To be asked once all is seen.
        """
        if self._chains is None:
            self._chains = Heirs(self.course, self.before, self.after, self.drops).chained()
        return self._chains.get(identity, [])

    def gone_later(self, copied: Copy, identity: int) -> int:
        """Return how many rows went from a table made in the step, after it was compared with another."""
        if drop := self.drops.get(identity):
            return gone_between(copied, drop.deleted, drop.rows, copied.members)
        members = self.under(identity)
        now = [(member, self.change(member).inserted or 0) for member in members]
        return gone_between(copied, self.deleted(members), self.rows_after.get(identity), now)

    def under(self, identity: int) -> list[int]:
        """Return a table with its parts, as it stands now; it may be a part itself."""
        members = self.trees().get(self.top(identity), [identity])
        return [member for member in members if identity in lineage(member, self.after)]

    def balance(self, members: list[int]) -> tuple[int | None, int | None]:
        """Return the rows of a table with all its parts before and after; None where others may have written too."""
        old = [member for member in members if member in self.before]
        if any(not self._is_balanced(self.before[member]) for member in old):
            return None, None
        before = [self.rows_before.get(i) for i in old if self.before[i].parent not in self.before]
        last = {self.successor(member) or member for member in members}
        after = [self.rows_after.get(i) for i in last if i in self.after and self.after[i].parent not in last]
        return _sum(before), _sum(after)

    def _is_balanced(self, table: Table) -> bool:
        """Tell whether its rows before and after are the step's own.

        What a virtual or foreign table shows may stand in another one; of a partitioned one the parts hold the rows.
        Of a distributed one (Citus) nobody counts what a cascade takes along: better a row too many that somebody else
        has deleted meanwhile than none that went.
        """
        if not table.storage or table.identity in self.alone:
            return table.is_counted or bool(table.storage)
        return not table.is_counted and any(map(self._has_fewer, table.follows))

    def _has_fewer(self, identity: int) -> bool:
        """Tell whether rows of a table went that the database does not count, and may have taken others along."""
        before, after = self.rows_before.get(identity), self.rows_after.get(identity)
        fewer = before is not None and after is not None and after < before
        return fewer or bool(self.said([identity], "DELETE"))

    def change(self, identity: int) -> Change:
        return self.changes.get(identity, _NOTHING)

    def tally(self, identity: int) -> Tally:
        return self.course.tallies.get(identity) or Tally()

    def counted(self, identity: int) -> int:
        """Return how many rows the database says were deleted; of a table that is gone, until then."""
        drop = self.drops.get(identity)
        if drop and identity not in self.after:
            return drop.deleted
        deleted, truncated = self.change(identity).deleted, self.truncated.get(identity)
        if truncated is None:
            return deleted
        # What was deleted before a TRUNCATE is not counted any more, or still is.
        return deleted + truncated.deleted if deleted < truncated.deleted else deleted

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
        said = 0 if all(map(self._is_counted, members)) else self.said(asked, "DELETE")
        if len(members) > 1:
            elsewhere = sum(self.counted(member) for member in members if member not in asked)
            return max(said, counted - max(0, self._moved(members) - elsewhere))
        return max(said, counted)

    def _moved(self, members: list[int]) -> int:
        """Return how many rows UPDATEs have surely moved from part to part: those that they did not change in place.

        What else changes rows in place (ON CONFLICT, a trigger) makes it fewer: then a move is told as a delete, which
        the file may declare; the other way round a deleted row would pass as moved.
        """
        changes = [self.change(member) for member in members]
        in_place = sum(change.updated or 0 for change in changes)
        arrived = sum(change.inserted or 0 for change in changes)
        if self._is_vague(members):
            return 0
        return max(0, min(self.said(members, "UPDATE") - in_place, arrived - self.said(members, "INSERT", "MERGE")))

    def _is_vague(self, members: list[int]) -> bool:
        """Tell whether rows may have come that no statement's number tells, or the counters of a part are gone."""
        if self.course.is_vague or any(verb in ("DO", "CALL", "SELECT", "EXECUTE") for verb, _ in self.cascading):
            return True
        standing = self.after or self.before  # what stands on the way nobody has asked for
        if any(member in self.truncated or member in self.drops or member not in standing for member in members):
            return True
        writing = [standing[i] for i in {*self.changes, *self.course.tallies} if i in standing]
        dropped = any(identity not in self.before for identity in self.drops)
        return dropped or any(not set(members).isdisjoint(table.reaches) for table in writing)

    def _is_counted(self, identity: int) -> bool:
        """Tell whether the database counts what is deleted there, so that no name can be mistaken."""
        return all(tables[identity].is_counted for tables in (self.before, self.after) if identity in tables)

    def last(self, identity: int) -> Stand | None:
        """Return how a table stood when it was seen last."""
        if identity in self.after:
            return Stand(self.after[identity], self.rows_after.get(identity), self.change(identity))
        return next((drop.stands[identity] for drop in self.drops.values() if identity in drop.stands), None)

    def emptied(self, identity: int) -> tuple[int, int | None] | None:
        """Return the line of the TRUNCATE and how many rows it took; None if there was none, or no row."""
        old, last = self.before.get(identity), self.last(identity)
        if old is None or last is None:
            return None
        new, truncated = last.table, self.truncated.get(identity)
        if truncated and (old.storage != new.storage or not old.storage):
            if truncated.rows == 0:
                return self._emptied_before(identity, truncated)
            return truncated.line, truncated.rows
        if old.storage == new.storage:
            return None
        # A rewrite (ALTER TABLE) leaves the rows that there were. How many they were others may have changed meanwhile;
        # so what counts is that nothing stands there but what the step has brought.
        change, after = last.change, last.rows
        if after is None and (identity in self.rewritten or identity not in self.after):
            return None
        if after is not None and after > (change.inserted or 0):
            return None
        before = self.rows_before.get(identity)
        if before is None:
            return (0, None) if self.filled.get(identity, old.size != 0) else None
        return (0, before - change.deleted) if before > change.deleted else None

    def _emptied_before(self, identity: int, truncated: Truncate) -> tuple[int, int | None] | None:
        """Return what a TRUNCATE that nobody saw had taken, where the one that was seen found no row any more."""
        if not truncated.was_elsewhere:
            return None
        before = self.rows_before.get(identity)
        if before is None:
            return (0, None) if self.filled.get(identity, True) else None
        return (0, before - truncated.deleted) if before > truncated.deleted else None


def gone_between(copied: Copy, deleted: int, rows: int | None, inserted: Iterable[tuple[int, int]]) -> int:
    """Return how many rows went from a table since it was compared with another.

    Args:
        copied: the table as it was compared.
        deleted: how many rows had been deleted there by the later time.
        rows: how many it had then.
        inserted: how many had been inserted into it and each of its parts; a TRUNCATE has that begin anew.
    """
    fewer = 0 if copied.rows is None or rows is None else copied.rows - rows
    now = dict(inserted)
    emptied = sum(max(0, number - now.get(member, 0)) for member, number in copied.members)
    return max(0, deleted - copied.deleted, fewer, emptied)


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
