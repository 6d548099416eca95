"""Finds which table that was made in a step stands in the place of one that was dropped.

A pure function of what a guard has seen; asks no database, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from sessmig.course import Course
from sessmig.rows import Table
from sessmig.stands import Drop, Link

Way = tuple[int, int, list[Link]]
"""How many rows are missing, of which table, and how it was made anew."""


@dataclass(frozen=True, slots=True)
class Heirs:
    """What was dropped in a step, and what may stand for it."""

    course: Course
    before: Mapping[int, Table]
    after: Mapping[int, Table]
    drops: Mapping[int, Drop]

    def chained(self) -> dict[int, list[Link]]:
        """Let each table that was made stand for one that was dropped, the likest pairs first."""
        gone = [identity for identity in self.drops if identity in self.before and identity not in self.after]
        ways = sorted(
            ((lack, identity, links) for identity in gone for lack, links in self._ways(identity)), key=_order
        )
        chains: dict[int, list[Link]] = {}
        taken: dict[int, tuple[int, int]] = {}
        for lack, identity, links in ways:
            made = links[-1][2]
            if identity in chains or (made in taken and not _yields(*taken[made], ways, chains, taken)):
                continue
            chains[identity], taken[made] = links, (lack, identity)
        return chains

    def _ways(self, identity: int) -> Iterator[tuple[int, list[Link]]]:
        """Find the tables that may stand for a dropped one, each by the way on which the fewest rows are missing.

        Rows may have gone by way of a table that was made for that alone.
        """
        turns, done = count(), set[int]()
        start = {self.before[identity].sql}, frozenset({identity})
        found = [(0, next(turns), identity, *start, list[Link]())]
        while found:
            lack, _, one, names, line, links = heappop(found)
            if one in done:
                continue
            done.add(one)
            is_heir = self._is_called_like(one, names, line)
            if links and one in self.after and is_heir:
                yield lack, links
            if (drop := self.drops.get(one)) is None:
                continue
            now = names | {drop.table.sql}
            for other, copied in drop.copies.items():
                more = 1 if copied.missing is None else copied.missing
                way = [*links, (drop, copied, other)]
                heappush(found, (lack + more, next(turns), other, now, line | {one} if is_heir else line, way))

    def _is_called_like(self, identity: int, names: set[str], line: frozenset[int]) -> bool:
        """Tell whether a table has borne one of these names, or in this step one that a table of the line has borne."""
        table = self.after.get(identity)
        return (
            (table is not None and table.sql in names)
            or any(self.course.has_borne(identity, name) for name in names)
            or any(self.course.have_shared_a_name(identity, other) for other in line)
        )


def _yields(
    lack: int, holder: int, ways: list[Way], chains: dict[int, list[Link]], taken: dict[int, tuple[int, int]]
) -> bool:
    """Let another table that was made stand for a dropped one if that is as good; an empty one is like any."""
    for _, _, links in (way for way in ways if way[:2] == (lack, holder)):
        if links[-1][2] not in taken:
            chains[holder], taken[links[-1][2]] = links, (lack, holder)
            return True
    return False


def _order(way: Way) -> tuple[int, int]:
    return way[0], way[1]
