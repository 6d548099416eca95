"""Lists the user tables of SQLite as the guard has them; a table that is as it was is the same object as before.

Knows what hangs on a table by triggers and foreign keys; the schema itself, `sqlite_tables` knows.
"""

from __future__ import annotations

from collections.abc import Callable

from sessmig.databases.sqlite_known import Known
from sessmig.databases.sqlite_names import folded
from sessmig.databases.sqlite_tables import Tables
from sessmig.model import Answer
from sessmig.rows import Table


class Listing:
    """What was listed last.

    Args:
        query: sends one statement and returns its rows.
        tables: the tables as the schema has them.
    """

    def __init__(self, query: Callable[..., Answer], tables: Tables) -> None:
        self._query = query
        self._tables = tables
        self._size = 0
        """How big the file was, where no table hung on another."""
        self._made: dict[int, Table] = {}

    def listed(self) -> tuple[Table, ...]:
        """Return every user table as it stands now."""
        known = self._tables.refresh()
        size, anew = self._file_size(), self._tables.anew
        reached = self._tables.reached(by_keys=False)
        numbers, old = {}, self._made
        if reached or self._tables.are_keyed:
            numbers = {folded(table.name): table.identity for table in known}
        elif size == self._size and not anew and len(old) == len(known):
            return tuple(old.values())
        # Of a thousand tables that do not hang on each other it is one or two that are not as they were.
        is_plain = not numbers and size == self._size
        self._made = {
            table.identity: old[table.identity]
            if is_plain and table.identity in old and table.identity not in anew
            else self._table(table, size, reached, numbers)
            for table in known
        }
        self._size = 0 if numbers else size
        anew.clear()
        return tuple(self._made.values())

    def _file_size(self) -> int:
        """Return how many bytes a table takes at most: those of the file, in steps, so that it is seldom another."""
        pages, page = (int(str(self._query(f"PRAGMA main.{n}").rows[0][0])) for n in ("page_count", "page_size"))
        return 1 << max(0, pages * page - 1).bit_length()

    def _table(self, known: Known, size: int, reached: dict[str, set[str]], numbers: dict[str, int]) -> Table:
        follows = tuple(numbers[name] for name, does in known.parents if does == "CASCADE" and name in numbers)
        reaches: tuple[int, ...] = ()
        if reached:
            reaches = tuple(sorted(numbers[n] for n in reached.get(folded(known.name), ()) if n in numbers))
        old = self._made.get(known.identity)
        if (
            old is not None
            and (old.columns, old.key, old.name) == (known.columns, known.key, known.name)
            and (old.size, old.follows, old.reaches) == (size, follows, reaches)
            and old.is_counted is not known.is_virtual
        ):
            return old
        return Table(
            identity=known.identity,
            name=known.name,
            sql=known.full_name,
            columns=known.columns,
            key=known.key,
            size=size,
            follows=follows,
            reaches=reaches,
            is_counted=not known.is_virtual,
            holds_rows=known.holds_rows,
        )
