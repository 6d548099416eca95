"""What a database has to do for a statement that is run in key ranges.

Values of the key are text here, as a ledger row can keep them; only the database reads them. Decides nothing and prints
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sessmig.blocker import Blocker


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of a table between two values of its key."""

    first: str
    last: str
    rows: int
    keys: str = ""
    """All their keys in order, as a JSON list of texts; empty if they are the whole numbers from first to last."""

    def listed(self) -> Sequence[str]:
        """Return the keys in order."""
        if self.keys:
            return list(map(str, json.loads(self.keys)))
        return [str(number) for number in range(int(self.first), int(self.last) + 1)]


def late(kept: Range | None, now: Range | None, *, joined: bool = True) -> list[tuple[str, str]]:
    """Return the ranges of the keys that are there now and were not then; neighbours are one range, if `joined`.

    Args:
        kept: what was there when the rows were taken; None if nothing was.
        now: what is there now, between the same bounds.
    """
    if now is None or kept == now:
        return []
    done = set(kept.listed()) if kept else set()
    found: list[tuple[str, str]] = []
    was_late = False
    for key in now.listed():
        if is_late := key not in done:
            found[-1:] = [(found[-1][0], key)] if was_late and joined else [*found[-1:], (key, key)]
        was_late = is_late
    return found


def together(kept: Range, now: Range) -> Range:
    """Return what was taken of a range when `now` is taken too; also the keys that are gone since are done."""
    done = kept.listed()
    keys = [*done, *(set(now.listed()) - set(done))]
    return Range(kept.first, kept.last, len(keys), json.dumps(keys, ensure_ascii=False))


class Keyset(Protocol):
    """One table, taken in ranges of one of its columns. Everything is asked within the open transaction."""

    @property
    def seconds(self) -> float:
        """How long a batch is to take: others wait as long for the rows in it, or for the whole file."""

    def pause(self, seconds: float) -> float:
        """Return for how many seconds to leave the database to others behind a batch that took so many."""

    def look_around(self) -> None:
        """Between two batches, see whether others write; by that `seconds` and `pause` are chosen."""

    def moment(self) -> str | None:
        """Return what stays the same as long as nobody else can have brought rows; None where that cannot be known.

        To be asked behind `scanned`: what the statement itself does to the table counts too.
        """

    @property
    def is_alone(self) -> bool:
        """Whether nobody else writes as long as the transaction is open."""

    def writers(self) -> Mapping[str, Blocker]:
        """Return who has an open transaction that may have written to the table, by what names the transaction.

        To be asked outside transactions.
        """

    def unfit(self) -> str:
        """Say why the column cannot cut the table into ranges; nothing if it can."""

    def scanned(self, statement: str, places: Sequence[tuple[int, str]], upto: str) -> str:
        """Say what the database would do that reads the whole table for each range; nothing if it needs not.

        Args:
            statement: with its `:first` and `:last`.
            places: where these stand.
            upto: a value of the column.

        Raises:
            DatabaseError: the statement is not understood; the position is that in the statement.
        """

    def highest(self) -> str | None:
        """Return the highest value; None if there is no row."""

    def estimate(self) -> int:
        """Return about how many rows there are."""

    def following(self, after: str | None, upper: str, size: int) -> Range | None:
        """Return the next rows above `after`, up to `upper`, so many of them; None if there is none."""

    def standing(self, after: str | None, last: str) -> Range | None:
        """Return all rows above `after`, up to `last`; None if there is none."""

    def run(self, statement: str, places: Sequence[tuple[int, str]], first: str, last: str) -> int | None:
        """Run a statement on one range, bound and not pasted; return how many rows it changed.

        Raises:
            DatabaseError: what the database said; the position is that in the statement.
        """

    def between(self, first: str, last: str) -> str:
        """Write the condition that a row is in a range."""
