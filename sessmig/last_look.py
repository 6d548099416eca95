"""Looks at a table or column while it is still there, just before a statement takes it away.

Knows what to ask of it, and of the table that may stand in its place; what that means, `losses` judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sessmig import looks, script
from sessmig.course import CHANGING, Course
from sessmig.declared import Declared
from sessmig.errors import DatabaseError
from sessmig.evidence import Copy, Drop, Evidence
from sessmig.model import Script
from sessmig.rows import Table

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_COPIES = 5
"""So many tables made in a step are compared with one that is dropped."""


class LastLook:
    """What looks at what is about to go.

    Args:
        database: where the step is carried out.
        source: its script.
        declared: what the script says may be lost.
        seen: where to write what was seen.
    """

    def __init__(self, database: Database, source: Script, declared: Declared, seen: Evidence) -> None:
        self._database = database
        self._source = source
        self._dialect = database.dialect
        self._declared = declared
        self._seen = seen
        self._standing: dict[int, Table] | None = None
        """The tables that stand now, where no statement has changed that since they were looked at."""

    def has_run(self, verb: str) -> None:
        """Be told of a statement that has run."""
        if verb not in (*CHANGING, "DROP TABLE", "TRUNCATE"):
            self._standing = None

    def look(self, number: int, act: script.Act) -> None:
        """Look at what a statement takes away, before it runs.

        Args:
            number: which of the script's statements it is.
            act: what it does to tables.

        Raises:
            DatabaseError: the table is not to be had; with the number of the statement.
        """
        if not self._seen.drops and all((self._seen.course.find(name) or 0) < 0 for name in act.tables):
            return  # the step has made them itself
        if self._standing is None:
            self._standing = {table.identity: table for table in self._database.tables()}
        tables = self._standing
        named = Course(tables.values(), self._dialect)
        line = self._source.pieces[number].statement_line
        for name in act.tables:
            table = tables.get(named.find(name) or 0)
            if table is None or not (table.identity in self._seen.before or self._stands_for_another(table.identity)):
                continue
            if not self._is_declared(table):
                self._hold(table, number)
            if act.dropped_columns:
                self._columns(table, act.dropped_columns, line)
            elif act.verb == "TRUNCATE":
                self._seen.truncated[table.identity] = line, self._rows(table)
            else:
                self._seen.drops[table.identity] = self._drop(table, tables, line)
                tables.pop(table.identity)

    def _hold(self, table: Table, number: int) -> None:
        """What others write between the look and the statement would go unseen; it would lock them out anyway."""
        try:
            self._database.hold(table)
        except DatabaseError as error:
            error.index = number
            raise

    def _stands_for_another(self, identity: int) -> bool:
        return any(identity in drop.copies for drop in self._seen.drops.values())

    def _rows(self, table: Table) -> int | None:
        return looks.counts(self._database, [table]).get(table.identity)

    def _drop(self, table: Table, tables: Mapping[int, Table], line: int) -> Drop:
        seen = self._seen
        seen.course.settle(tuple(tables.values()))
        made = [other for other in tables.values() if other.identity not in {*seen.before, table.identity}]
        copies = {
            other.identity: self._copy(table, other)
            for other in made[-_COPIES:]
            if {self._folded(name) for name in table.key} <= {self._folded(column.name) for column in other.columns}
        }
        return Drop(table, line, self._rows(table), looks.keys(self._database, table), self._gone(table), copies)

    def _copy(self, table: Table, other: Table) -> Copy:
        names = {self._folded(column.name) for column in other.columns}
        lacking = [column for column in table.columns if self._folded(column.name) not in names]
        numbers = looks.values(self._database, table, [column.name for column in lacking])
        missing, keys = looks.missing(self._database, table, other)
        return Copy(self._rows(other), missing, keys, tuple(zip(lacking, numbers, strict=True)), self._gone(other))

    def _gone(self, table: Table) -> int:
        """Return how many rows of a table were deleted until now."""
        changes = self._database.changes().get(table.identity)
        return max(changes.deleted if changes else 0, self._seen.tally(table.identity).rows["DELETE"])

    def _columns(self, table: Table, dropped: Iterable[str], line: int) -> None:
        names = {part for written in dropped for part in script.parts(written, self._dialect)}
        columns = [column for column in table.columns if self._folded(column.name) in names]
        numbers = looks.values(self._database, table, [column.name for column in columns])
        for column, number in zip(columns, numbers, strict=True):
            self._seen.columns[table.identity, column.identity] = line, number

    def _folded(self, name: str) -> str:
        return script.comparable(name, self._dialect)

    def _is_declared(self, table: Table) -> bool:
        old = self._seen.before.get(table.identity, table)
        return self._declared.names(table) or self._declared.names(old)
