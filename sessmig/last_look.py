"""Looks at a table or column while it is still there, just before a statement takes it away.

Knows what to ask of it, and of the table that may stand in its place; what that means, `losses` judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sessmig import looks, script
from sessmig.course import CHANGING, Course
from sessmig.declared import Declared
from sessmig.evidence import Evidence
from sessmig.model import Script
from sessmig.rows import Column, Table, lineage
from sessmig.stands import Copy, Drop, Stand, Truncate
from sessmig.unset import unsettings

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
        self.source = source
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
            DatabaseError: the table is not to be had.
        """
        if not self._seen.drops and all((self._seen.course.find(name) or 0) < 0 for name in act.tables):
            return  # the step has made them itself
        if self._standing is None:
            self._standing = {table.identity: table for table in self._database.tables()}
        tables = self._standing
        named = Course(tables.values(), self._dialect)
        line = self.source.pieces[number].statement_line
        self._seen.changes = self._database.changes()
        for name in act.tables:
            if self._seen.course.is_temporary(name):
                continue
            table = tables.get(named.find(name) or 0)
            if table is not None and not act.dropped_columns and act.verb != "TRUNCATE":
                self._seen.unset += unsettings(self._database, table, tables, self._seen, line)
            if table is None or not (table.identity in self._seen.before or self._stands_in(table, tables)):
                continue
            if not self._is_declared(table):
                self._hold(table)
            if act.dropped_columns:
                self._columns(table, act.dropped_columns, line)
            elif act.verb == "TRUNCATE":
                self._truncate(table, line)
            else:
                self._seen.drops[table.identity] = self._drop(table, tables, line)
                tables.pop(table.identity)

    def _hold(self, table: Table) -> None:
        """What others write between the look and the statement would go unseen; it would lock them out anyway."""
        self._database.hold(table)

    def _stands_for_another(self, identity: int) -> bool:
        return any(identity in drop.copies for drop in self._seen.drops.values())

    def _stands_in(self, table: Table, tables: Mapping[int, Table]) -> bool:
        return any(map(self._stands_for_another, lineage(table.identity, tables)))

    def _truncate(self, table: Table, line: int) -> None:
        before = self._seen.before.get(table.identity, table)
        was_elsewhere = before.storage not in (0, table.storage)
        old = self._seen.truncated.get(table.identity, Truncate(line, 0, was_elsewhere=was_elsewhere))
        rows = self._rows(table)
        self._seen.truncated[table.identity] = Truncate(
            old.line if old.rows != 0 else line,
            None if rows is None or old.rows is None else rows + old.rows,
            max(old.deleted, self._seen.change(table.identity).deleted),
            old.was_elsewhere,
        )

    def _rows(self, table: Table) -> int | None:
        return looks.counts(self._database, [table]).get(table.identity)

    def _drop(self, table: Table, tables: Mapping[int, Table], line: int) -> Drop:
        seen = self._seen
        seen.course.settle(tuple(tables.values()))
        key = {self._folded(name) for name in table.key}
        # One that reads another table, or has one as its part that stood before, holds no rows in its place.
        made = [
            other
            for other in tables.values()
            if other.identity not in (*seen.before, *lineage(table.identity, tables))
            and other.holds_rows
            and key <= set(self._names(other))
            and all(map(self._is_own(table), _parts(other, tables)))
        ]
        likely = sorted(made, key=lambda other: self._unlikeness(table, other))
        rows, parts = self._rows(table), _parts(table, tables)
        copies = {other.identity: self._copy(table, other, tables) for other in likely[:_COPIES]}
        return Drop(
            table,
            line,
            rows,
            looks.keys(self._database, table),
            seen.deleted([part.identity for part in parts]),
            copies,
            {part.identity: self._stand(part, rows if part is table else None) for part in parts},
        )

    def _is_own(self, table: Table) -> Callable[[Table], bool]:
        """Return what tells whether a part of a table made anew is new as well, or was one of the dropped table's."""
        seen = self._seen
        whole = seen.was_part_of(table.identity) if table.identity in seen.before else 0
        return lambda part: part.identity not in seen.before or seen.was_part_of(part.identity) == whole

    def _stand(self, part: Table, rows: int | None) -> Stand:
        old = self._seen.before.get(part.identity)
        if rows is None and old and old.storage != part.storage:
            rows = self._rows(part)
        return Stand(part, rows, self._seen.change(part.identity))

    def _names(self, table: Table) -> dict[str, Column]:
        return {self._folded(column.name): column for column in table.columns}

    def _unlikeness(self, table: Table, other: Table) -> tuple[bool, bool, int, int]:
        """Put those first that are called alike, stand for no other table yet, and are the newest."""
        name = self._folded(other.name)
        known = {self._folded(t.name) for t in (table, self._seen.before.get(table.identity, table))}
        alike = any(one in name or name in one for one in known)
        return not alike, self._stands_for_another(other.identity), len(name) if alike else 0, -other.identity

    def _copy(self, table: Table, other: Table, tables: Mapping[int, Table]) -> Copy:
        names = self._names(other)
        lacking = [column for column in table.columns if self._folded(column.name) not in names]
        numbers = looks.values(self._database, table, [column.name for column in lacking])
        missing, keys = looks.missing(self._database, table, other)
        return Copy(
            self._rows(other),
            missing,
            keys,
            tuple(zip(lacking, numbers, strict=True)),
            self._seen.deleted([part.identity for part in _parts(other, tables)]),
            other.columns,
            () if missing or missing is None else tuple(self._emptied(table, other)),
            tuple((part.identity, self._seen.change(part.identity).inserted or 0) for part in _parts(other, tables)),
        )

    def _emptied(self, table: Table, other: Table) -> Iterator[tuple[Column, int]]:
        """Find the columns that have fewer values in a copy that has all the rows."""
        names = self._names(other)
        shared = [column for column in table.columns if self._folded(column.name) in names]
        there = [names[self._folded(column.name)].name for column in shared]
        before = looks.values(self._database, table, [column.name for column in shared])
        after = looks.values(self._database, other, there)
        for column, old, new in zip(shared, before, after, strict=True):
            if old is not None and new is not None and new < old:
                yield column, old - new

    def _columns(self, table: Table, dropped: Iterable[str], line: int) -> None:
        names = {part for written in dropped for part in script.parts(written, self._dialect)}
        columns = [column for column in table.columns if self._folded(column.name) in names]
        numbers = looks.values(self._database, table, [column.name for column in columns])
        for column, number in zip(columns, numbers, strict=True):
            self._seen.columns[table.identity, column.identity] = line, number, column.name

    def _folded(self, name: str) -> str:
        return script.comparable(name, self._dialect)

    def _is_declared(self, table: Table) -> bool:
        old = self._seen.before.get(table.identity, table)
        return self._declared.names(table) or self._declared.names(old)


def _parts(table: Table, tables: Mapping[int, Table]) -> list[Table]:
    """Return a table with the partitions that it has now."""
    found, known = [table], {table.identity}
    while more := [t for t in tables.values() if t.parent in known and t.identity not in known]:
        found += more
        known |= {t.identity for t in more}
    return found
