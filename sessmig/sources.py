"""Knows the tables behind the sources of a step's merges: which they are, and what may become of their rows.

Asks the catalogue; what statements do, `touched` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.merge import Merge
from sessmig.rows import Table
from sessmig.touched import Surroundings, Touched

if TYPE_CHECKING:
    from sessmig.databases.contract import Database
    from sessmig.databases.scripting import Tie


class Sources:
    """The sources of one step's merges.

    Args:
        database: where the step is carried out.
        merges: all of its verify file.
        touched: what its statements write.
    """

    def __init__(self, database: Database, merges: Sequence[Merge], touched: Touched | None) -> None:
        self._database = database
        self._merges = merges
        self._touched = touched

    @cached_property
    def _ties(self) -> Sequence[Tie]:
        return self._database.scripting().ties()

    def table(self, merge: Merge) -> Table | None:
        """Return the table that is the source, as it stands now; None if it is a query, or a view."""
        dialect = self._database.dialect
        name = () if merge.source.startswith("(") else script.parts(merge.source, dialect)
        for table in self._database.tables() if name else ():
            full = script.parts(table.sql, dialect)
            # A name without schema is the one of the ledger's schema, or of none that we know.
            if full == name or (len(name) == 1 and full[-1:] == name and "." not in table.name):
                return table
        return None

    def is_unique(self, merge: Merge) -> bool:
        """Tell whether the catalogue knows that no key stands in the source twice."""
        dialect = self._database.dialect
        keys = {part for source, _ in merge.keys for part in script.parts(source, dialect)}
        found = self.table(merge)
        if found is None or not found.key or not keys >= {script.comparable(n, dialect) for n in found.key}:
            return False
        # What inherits from a table has keys of its own. In batches there is no such table.
        return not found.only or bool(merge.within) or not self._has_heirs(found)

    def _has_heirs(self, table: Table) -> bool:
        full = script.parts(table.sql, self._database.dialect)
        return any(tie.kind == "child" and full in tie.other_is for tie in self._ties)

    def may_change(self, merge: Merge, *, is_to_come: bool) -> bool:
        """Tell whether the source may not be there any more, as it was, when the account is closed.

        Args:
            merge: the merge.
            is_to_come: whether its target is still to be made.
        """
        if self._touched is None:
            return False
        database = self._database
        around = Surroundings(database.tables(), self._merges, database.dialect, lambda: self._ties, is_to_come)
        return self._touched.may_change(merge, around)
