"""Lists the tables of a SQLite database, and knows each again after it was renamed.

SQLite has no number that stays with a table: one is given to each here, and carried along by looking at the schema
after each statement that may have changed a name. Decides nothing about what becomes of rows.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import insort
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import count
from operator import attrgetter

from sessmig.databases.sqlite_names import GAP, OURS, Names, folded, quoted, words
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell
from sessmig.rows import Column, Table

_CHANGES_NAMES = re.compile(
    rf"(?:(CREATE){GAP}(?:TEMP\w*{GAP}|VIRTUAL{GAP})?|(ALTER){GAP}|(DROP){GAP})TABLE\b", re.IGNORECASE | re.DOTALL
)
_MASTER = """
SELECT name, rootpage, coalesce(sql, '') AS sql
FROM main.sqlite_master
WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
ORDER BY rowid"""
# In one text: each value that comes by itself costs as much as all of it. In the order in which the tables were made:
# where only some were added, the text begins as it was, and of a thousand tables none but the new ones are read.
_PARTS, _ROWS = "\x1f", "\x1e"
_AS_ONE = f"""
SELECT count(*), group_concat(name || char(31) || rootpage || char(31) || sql, char(30)) FROM ({_MASTER})"""
_TRIGGERS = f"""
SELECT tbl_name, sql FROM main.sqlite_master WHERE type = 'trigger' AND sql <> ''
UNION ALL
SELECT tbl_name, sql FROM temp.sqlite_master WHERE type = 'trigger' AND substr(name, 1, {len(OURS)}) <> '{OURS}'"""
_VIRTUAL = re.compile(rf"CREATE{GAP}VIRTUAL\b", re.IGNORECASE | re.DOTALL)
_REFERS = re.compile("REFERENCES", re.IGNORECASE)
_ON_CONFLICT = re.compile(rf"\bON{GAP}CONFLICT{GAP}REPLACE\b", re.IGNORECASE | re.DOTALL)
_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
_SHADOW_ENDINGS = "content|data|idx|docsize|config|segments|segdir|stat|node|parent|rowid"

_Query = Callable[..., Answer]
_Row = tuple[str, int, str]
"""A table's name, its root page and its text."""
_NAME, _IDENTITY = attrgetter("name"), attrgetter("identity")
_numbers = count(1)


@dataclass(slots=True)
class Known:
    """A table, as the schema had it when it was looked at last."""

    identity: int
    name: str
    root: int
    sql: str
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    """The tables that its foreign keys name, each with what becomes of a row here when one is deleted there."""
    is_virtual: bool = False
    replaces: bool = False
    """Whether a constraint of its own says ON CONFLICT REPLACE."""

    def define(self, root: int, sql: str) -> None:
        """Take over what the schema says now."""
        if sql != self.sql:
            self.is_virtual = _VIRTUAL.match(sql) is not None
            self.replaces = _ON_CONFLICT.search(sql) is not None
        self.root, self.sql = root, sql

    @property
    def full_name(self) -> str:
        return f"main.{quoted(self.name)}"


class Tables:
    """The user tables of one connection's `main`.

    Args:
        query: sends one statement and returns its rows.
    """

    def __init__(self, query: _Query) -> None:
        self._query = query
        self._known: list[Known] = []
        self._rows: list[_Row] = []
        self._text = ""
        """The same as SQLite gave it; empty where it could not be read in one."""
        self._links: tuple[object, dict[str, set[str]]] = (), {}
        """What the triggers reach, and what it was taken from."""
        self._last = ""
        """The kind of the statements since then: as long as it is the same, nothing is missed."""
        self._version: Cell = None
        """The number of the schema when it was looked at: SQLite counts each change of one."""
        self._is_counted = True
        self.are_keyed = False
        """Whether any table had a foreign key when they were looked at last."""
        self._is_kept = False
        self._said: tuple[tuple[Cell, Cell], tuple[tuple[Cell, ...], ...]] = (None, None), ()
        """The triggers, with the numbers of both schemas that they are from, the temporary one's too."""
        self.virtual: list[Known] = []
        self.have_replacing = False
        """Whether a constraint of any table says ON CONFLICT REPLACE."""
        self.anew: set[int] = set()
        """The tables that were read since they were listed."""

    def keep(self) -> None:
        """Know that a transaction was committed, so that the next `forget` is none."""
        self._is_kept = True

    def forget(self) -> None:
        """Look anew: a transaction was rolled back, or the file may be another one, and the numbers begin anew."""
        if not self._is_kept:
            self._version, self._said = None, ((None, None), ())
        self._is_kept = False

    def distrust(self) -> None:
        """Look each time: somebody writes the schema by hand, and SQLite counts that for no change."""
        self._is_counted = False

    def _number(self, place: str) -> Cell:
        """Return the number of a schema; None where it tells nothing."""
        return self._query(f"PRAGMA {place}.schema_version").rows[0][0] if self._is_counted else None

    def about_to_run(self, statement: str) -> str:
        """Be told of a statement before it runs; return its kind if it may change a table's name."""
        found = _CHANGES_NAMES.match(statement)
        kind = next((word.upper() for word in found.groups() if word), "") if found else ""
        if kind and self._last not in ("", kind):
            self.refresh()
        return kind

    def has_run(self, kind: str) -> None:
        """Be told that a statement of this kind has run. Only right after it can a rename be told from a drop."""
        self._last = kind or self._last
        if kind == "ALTER":
            self.refresh()

    def refresh(self) -> list[Known]:
        """Look at the schema."""
        kind, self._last = self._last, ""
        version = self._number("main")
        if version is not None and version == self._version:
            return self._known
        self._version = version
        rows, number = self._master()
        if rows is self._rows:
            return self._known
        before, self._rows = self._rows, rows
        if 0 < number == len(before) and not self.virtual and all(root for _, root, _ in rows[number:]):
            self._add(rows[number:])
        else:
            self._compare(rows, kind)
        self.are_keyed = any(table.parents for table in self._known)
        self.virtual = [table for table in self._known if table.is_virtual]
        self.have_replacing = any(table.replaces for table in self._known)
        return self._known

    def _add(self, rows: list[_Row]) -> None:
        """Take in tables that were made beside those that are known."""
        known = list(self._known)
        for name, root, sql in rows:
            table = Known(next(_numbers), name, 0, "")
            table.define(root, sql)
            self._read(table, renaming=False)
            insort(known, table, key=_NAME)
            self.anew.add(table.identity)
        self._known = known

    def _compare(self, rows: list[_Row], kind: str) -> None:
        """Take the schema as it is, and know each table again."""
        hidden = self._shadows(rows)
        now = {name: (root, sql) for name, root, sql in sorted(rows) if name not in hidden}
        if kind == "ALTER":
            self._follow_renames(now)
        known = {table.name: table for table in self._known}
        self._known = [known.get(name) or Known(next(_numbers), name, 0, "") for name in now]
        new = [table for table in self._known if table.sql != now[table.name][1] or not table.columns]
        for table in self._known:
            table.define(*now[table.name])
        self.anew.update(table.identity for table in new)
        for table in new:
            self._read(table, renaming=kind == "ALTER")

    def _master(self) -> tuple[list[_Row], int]:
        """Return the tables, and how many of them, from the first on, are those that were there before."""
        ((number, text),) = self._query(_AS_ONE).rows
        before, old, self._text = self._rows, self._text, ""
        if type(text) is str:  # and not one that is no UTF-8
            if text == old:
                self._text = text
                return before, len(before)
            same = len(before) if old and text.startswith(old + _ROWS) else 0
            rows = [row.split(_PARTS) for row in text[len(old) + 1 if same else 0 :].split(_ROWS)]
            if same + len(rows) == number and all(len(row) == 3 for row in rows):
                self._text = text
                return before[:same] + [(name, int(root), sql) for name, root, sql in rows], same
        found = [(str(name), int(str(root)), str(sql)) for name, root, sql in self._query(_MASTER).rows]
        return (before, len(before)) if found == before else (found, 0)

    def _follow_renames(self, now: dict[str, tuple[int, str]]) -> None:
        known = {table.name for table in self._known}
        gone = [table for table in self._known if table.name not in now]
        come = [name for name in now if name not in known]
        for table in gone:
            # A virtual table has no page of its own; but a statement renames one table only.
            same = [name for name in come if now[name][0] == table.root]
            if len(same) == 1:
                table.name = same[0]

    def _shadows(self, rows: Iterable[tuple[str, int, str]]) -> set[str]:
        """Name the tables in which virtual ones keep what is theirs."""
        names = [name for name, root, _ in rows if not root]
        if not names:
            return set()
        if sqlite3.sqlite_version_info >= (3, 37):
            return {str(row[0]) for row in self._query(_SHADOWS).rows}
        own = re.compile(f"({'|'.join(map(re.escape, names))})_({_SHADOW_ENDINGS})", re.IGNORECASE)
        return {name for name, _, _ in rows if own.fullmatch(name)}

    def _read(self, table: Known, *, renaming: bool) -> None:
        """Ask for a table's columns and foreign keys."""
        found = [(str(row[1]), int(str(row[5]))) for row in self._told("table_xinfo", table) if row[6] != 1]
        if not found:  # a virtual table whose module is not here
            return
        table.columns = _carried(table.columns, [name for name, _ in found], renaming=renaming)
        table.key = tuple(name for _, name in sorted((pk, name) for name, pk in found if pk))
        keys = self._told("foreign_key_list", table) if _REFERS.search(table.sql) else ()
        table.parents = tuple(dict.fromkeys((folded(str(row[2])), str(row[6])) for row in keys))

    def _told(self, pragma: str, table: Known) -> tuple[tuple[Cell, ...], ...]:
        try:
            return self._query(f"PRAGMA main.{pragma}({quoted(table.name)})").rows
        except DatabaseError:
            return ()

    def reached(self, *, by_keys: bool) -> dict[str, set[str]]:
        """Return for each table or view what a write to it may reach by a trigger, or a foreign key; folded.

        To be asked right behind `refresh`, as `triggers` is.
        """
        rows = self._triggers()
        if not rows and not by_keys:
            return {}
        if self._links[0] != (rows, self._rows):
            reached: dict[str, set[str]] = {}
            names = Names([*(folded(table.name) for table in self._known), *(folded(str(on)) for on, _ in rows)])
            for on, body in rows:
                reached.setdefault(folded(str(on)), set()).update(names.among(words([str(body)])))
            self._links = (rows, self._rows), reached
        found = {on: set(names) for on, names in self._links[1].items()}
        for table in self._known if by_keys else ():
            for parent, _ in table.parents:
                found.setdefault(parent, set()).add(folded(table.name))
        return found

    def triggers(self) -> tuple[tuple[str, str], ...]:
        """Return the table and the text of each trigger that is not ours; the table folded."""
        return tuple((folded(str(on)), str(body)) for on, body in self._triggers())

    def _triggers(self) -> tuple[tuple[Cell, ...], ...]:
        version = self._version, self._number("temp")
        if None in version or version != self._said[0]:
            self._said = version, self._query(_TRIGGERS).rows
        return self._said[1]

    def have_keys(self) -> bool:
        """Tell whether any table has a foreign key."""
        self.refresh()
        return self.are_keyed

    def hold(self, table: Table) -> None:
        """Here nobody else writes while our transaction is open."""

    def held(self, tables: Collection[Table]) -> frozenset[int]:
        """Return all of them."""
        return frozenset(map(_IDENTITY, tables))


def _carried(before: tuple[Column, ...], names: list[str], *, renaming: bool) -> tuple[Column, ...]:
    """Give each column the number that it had."""
    numbers = {column.name: column.identity for column in before}
    if renaming and len(before) == len(names):
        changed = [n for n, column in enumerate(before) if column.name != names[n]]
        if len(changed) == 1:
            numbers[names[changed[0]]] = before[changed[0]].identity
    return tuple(Column(numbers.get(name) or next(_numbers), name) for name in names)
