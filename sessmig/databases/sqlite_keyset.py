"""Takes a SQLite table in ranges of one of its columns.

Knows the catalogue, plans and parameters; decides nothing. A value of the key is kept as the literal that SQLite itself
writes for it: 12, 'it''s', X'00ff'.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sessmig.blocker import Blocker
from sessmig.databases.ranges import Range
from sessmig.databases.sqlite_literals import LITERAL, is_bindable, literally, parts, value
from sessmig.databases.sqlite_names import folded
from sessmig.databases.sqlite_turns import Turns
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell
from sessmig.quoting import quoted

_SCAN = re.compile(r"(SCAN|SEARCH) (?:TABLE )?")
_WORD = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|\w+)'
# What may stand behind a table's name without being its other name.
_NO_ALIAS = re.compile(
    "where|on|using|join|left|inner|cross|natural|right|full|order|group|limit|set|union|except|intersect|returning|"
    "values|indexed|not|as|window|having|default|select",
    re.IGNORECASE,
)
_INDEXES = """
SELECT l.name, l."unique" AND NOT l.partial AND i.seqno = 0
           AND (SELECT count(*) FROM pragma_index_info(l.name, 'main')) = 1
FROM pragma_index_list($1, 'main') AS l
JOIN pragma_index_info(l.name, 'main') AS i
WHERE i.name = $2"""

_ROWID = """
SELECT 1 FROM pragma_table_info($1, 'main') AS c
WHERE c.pk = 1 AND upper(c.type) = 'INTEGER'
  AND NOT EXISTS (SELECT 1 FROM pragma_index_list($1, 'main') AS l WHERE l.origin = 'pk')"""
_NUMBERS = (
    f"{LITERAL.format('min(sessmig_key)')}, {LITERAL.format('max(sessmig_key)')}, count(*), "
    "total(typeof(sessmig_key) = 'integer')"
)
_KEYS = f"json_group_array({LITERAL.format('sessmig_key')})"
_CACHE = "PRAGMA main.cache_size = -65536"
"""64 MB: rows that are read in the order of a key lie all over the file, and so do the pages of the other indexes."""

_SAMPLES, _WIDE, _MANY = 20, 100, 2**40
"""At how many places, and over how many rows at each, a key is looked at to tell whether its numbers have gaps; and a
span in which they surely have."""


class Keyset:
    """A table and its column.

    Args:
        query: sends one statement and returns its rows.
        cursor: gives a cursor.
        told: puts an error into words.
        table: the table's name as SQL writes it.
        column: the column's.
    """

    is_alone = True

    def __init__(
        self,
        query: Callable[..., Answer],
        cursor: Callable[[], sqlite3.Cursor],
        told: Callable[[sqlite3.Error], DatabaseError],
        table: str,
        column: str,
    ) -> None:
        self._query = query
        self._cursor = cursor
        self._told = told
        self._table = table
        self._column = column
        self._turns = Turns(query)
        self._is_rowid = self._is_file = self._only_reads = self._has_gaps = False

    @property
    def seconds(self) -> float:
        return 0.25 if self._turns.has_met else 0.5

    def pause(self, seconds: float) -> float:
        return self._turns.pause(seconds)

    def look_around(self) -> None:
        self._turns.look_around()

    def moment(self) -> str | None:
        # A database in memory may be written to by the application, on this very connection.
        return str(self._turns.version()) if self._is_file and self._only_reads else None

    def writers(self) -> Mapping[str, Blocker]:
        return {}  # a file has one writer at a time

    def unfit(self) -> str:
        *schema, name = parts(self._table)
        if schema not in ([], ["main"]):
            return f"{self._table} is not in the schema main"
        found = self._query("SELECT type, name FROM main.sqlite_master WHERE name = $1 COLLATE NOCASE", (name,)).rows
        if [row for row in found if row[0] != "table"] or not found:
            return f"there is no table {self._table}"
        self._is_file = bool(self._query("SELECT 1 FROM pragma_database_list WHERE name = 'main' AND file <> ''").rows)
        if self._is_file:
            self._query(_CACHE)
        if self._query("SELECT 1 FROM temp.sqlite_master WHERE name = $1 COLLATE NOCASE", (name,)).rows:
            return f"a temporary table or view has the name {self._table} too"
        column = parts(self._column)[-1]
        columns = self._query(
            "SELECT name, type, \"notnull\", pk FROM pragma_table_info($1, 'main')", (found[0][1],)
        ).rows
        own = [row for row in columns if folded(str(row[0])) == folded(column)]
        if not own:
            return f"{self._table} has no column {self._column}"
        written, kind, filled, place = own[0]
        if place and str(kind).upper() == "INTEGER" and sum(1 for row in columns if row[3]) == 1:
            self._is_rowid = bool(self._query(_ROWID, (found[0][1],)).rows)
            if self._is_rowid:
                return ""
        if reason := self._ambiguous(self._query(_INDEXES, (found[0][1], written)).rows):
            return reason
        # What stands as TEXT PRIMARY KEY may be NULL here, an old fault of SQLite's.
        if not filled and self._query(f"SELECT 1 FROM {self._table} WHERE {self._column} IS NULL LIMIT 1").rows:
            return f"{self._column} is NULL in some row"
        if not (filled or place):
            return f"{self._column} may be NULL"
        return ""

    def _ambiguous(self, indexes: Sequence[tuple[Cell, ...]]) -> str:
        """Say why no index tells each value of the column from every other."""
        if not indexes:
            return f"{self._column} has no index"
        unique = [str(name) for name, is_unique in indexes if is_unique]
        if not unique:
            return f"{self._column} is not unique"
        if not any(map(self._is_ordered_as, unique)):
            return f"{self._column} is unique by another collation than its own"
        return ""

    def _is_ordered_as(self, index: str) -> bool:
        """Tell whether an index takes for equal what the column does: only then a value is looked up in it."""
        asked = f"SELECT 1 FROM {self._table} INDEXED BY {quoted(index)} WHERE {self._column} = 'x'"
        try:
            plan = self._query(f"EXPLAIN QUERY PLAN {asked}").rows
        except DatabaseError:  # "no query solution"
            return False
        return all(str(detail).startswith("SEARCH") for *_, detail in plan)

    def scanned(self, statement: str, places: Sequence[tuple[int, str]], upto: str) -> str:
        told_of = literally(statement, places, upto)
        self._only_reads = not self._writes(told_of)
        plan = self._query(f"EXPLAIN QUERY PLAN {told_of}").rows
        names = self._names(statement)
        for *_, detail in plan:
            told = str(detail)
            if not (found := _SCAN.match(told)):
                continue
            reads = folded(told[found.end() :]) + " "
            is_whole = found[1] == "SCAN" or "using automatic" in reads
            if is_whole and any(reads.startswith(f"{name} ") or f" as {name} " in reads for name in names):
                return told
        return ""

    def _writes(self, statement: str) -> bool:
        """Tell whether it may write to the table, itself or by a trigger; what a virtual table does nobody knows."""
        roots = self._query(
            "SELECT rootpage FROM main.sqlite_master WHERE name = $1 COLLATE NOCASE", (parts(self._table)[-1],)
        ).rows
        program = self._query(f"EXPLAIN {statement}").rows
        return any(code == "VUpdate" or (code == "OpenWrite" and (root,) in roots) for _, code, _, root, *_ in program)

    def _names(self, statement: str) -> set[str]:
        """Return what the table is called in a statement, as a plan calls it."""
        name = parts(self._table)[-1]
        own = "|".join(re.escape(form) for form in {name, quoted(name), f"`{name}`", f"[{name}]"})
        behind = re.finditer(rf"(?<![\w\"])(?:{own})(?![\w\"])\s+(?:AS\s+)?({_WORD})", statement, re.IGNORECASE)
        aliases = {parts(found[1])[-1] for found in behind}
        return {folded(name)} | {folded(alias) for alias in aliases if not _NO_ALIAS.fullmatch(alias)}

    def highest(self) -> str | None:
        highest = f"(SELECT max({self._column}) AS sessmig_key FROM {self._table})"
        found = self._query(f"SELECT {LITERAL.format('sessmig_key')} FROM {highest}").rows[0][0]
        return None if found == "NULL" else self._bindable(found)

    def _bindable(self, literals: Cell) -> str:
        """Refuse keys that no statement could be given."""
        if is_bindable(literals):
            return str(literals)
        raise DatabaseError(
            f"{self._table}: a value of {self._column} has a NUL character, or is no UTF-8 text, and cannot be the "
            "bound of a batch; mend it, or run the statement without `batch`"
        )

    def estimate(self) -> int:
        if self._is_rowid and (span := self._span()) is not None:
            return span
        return int(str(self._query(f"SELECT count(*) FROM {self._table}").rows[0][0]))

    def _span(self) -> int | None:
        """Return how many numbers the key has from the first to the last; None if it seems to have gaps."""
        # Two questions: asked for both at once, SQLite would read the table.
        ends = (f"SELECT {which}({self._column}) FROM {self._table}" for which in ("min", "max"))
        first, last = (self._query(end).rows[0][0] for end in ends)
        if first is None:
            return None
        low, high = int(str(first)), int(str(last))
        if high - low > _MANY or low < -_MANY:
            return None
        for place in range(_SAMPLES):
            at = low + (high - low - _WIDE) * place // (_SAMPLES - 1)
            if self._query(f"{self._nth} OFFSET {_WIDE - 1}", (high, at - 1)).rows != ((at + _WIDE - 1,),):
                return None
        return high - low + 1

    def following(self, after: str | None, upper: str, size: int) -> Range | None:
        if self._is_rowid and after is not None and (found := self._dense(int(after), int(upper), size)):
            return found
        return self._asked(after, upper, f" LIMIT {size}")

    def standing(self, after: str | None, last: str) -> Range | None:
        return self._asked(after, last, "")

    def _dense(self, after: int, upper: int, size: int) -> Range | None:
        """Return so many rows, if their keys are all numbers from the first to the last: that is seen at the ends."""
        ends = [self._query(f"{self._nth} OFFSET {n}", (upper, after)).rows for n in (0, size - 1)]
        if not all(ends):
            return None
        first, last = (int(str(rows[0][0])) for rows in ends)
        return Range(str(first), str(last), size) if last - first == size - 1 else None

    @property
    def _nth(self) -> str:
        return (
            f"SELECT {self._column} FROM {self._table} WHERE {self._column} > $2 AND {self._column} <= $1 "
            f"ORDER BY {self._column} LIMIT 1"
        )

    def _asked(self, after: str | None, last: str, limit: str) -> Range | None:
        listed = f", {_KEYS}" if self._has_gaps else ""
        ((first, end, rows, whole, *keys),) = self._query(*self._rows(_NUMBERS + listed, after, last, limit)).rows
        if not rows:
            return None
        found = Range(self._bindable(first), self._bindable(end), int(str(rows)))
        if whole == rows and int(found.last) - int(found.first) + 1 == rows:
            return found
        if not keys:
            self._has_gaps = True  # the next range will have some too: then all is asked at once
            keys = list(self._query(*self._rows(_KEYS, after, found.last, "")).rows[0])
        return replace(found, keys=self._bindable(keys[0]))

    def _rows(self, what: str, after: str | None, last: str, limit: str) -> tuple[str, tuple[Cell, ...]]:
        above = "" if after is None else f"{self._column} > $2 AND "
        rows = (
            f"SELECT {self._column} AS sessmig_key FROM {self._table} WHERE {above}{self._column} <= $1 "
            f"ORDER BY {self._column}{limit}"
        )
        return f"SELECT {what} FROM ({rows})", (value(last),) if after is None else (value(last), value(after))

    def run(self, statement: str, places: Sequence[tuple[int, str]], first: str, last: str) -> int | None:
        cursor = self._cursor()
        before = cursor.connection.total_changes
        try:
            cursor.execute(statement, {"first": value(first), "last": value(last)})
            for _ in cursor:  # a statement that gives rows works only while they are fetched
                pass
            if cursor.connection.total_changes == before:
                return 0
            # WITH ... INSERT: Python does not know it for a change.
            changed = cursor.rowcount
            return int(cursor.execute("SELECT changes()").fetchone()[0]) if changed < 0 else changed
        except sqlite3.Error as error:
            raise self._told(error) from None
        finally:
            cursor.close()

    def between(self, first: str, last: str) -> str:
        return f"{self._column} BETWEEN {first} AND {last}"
