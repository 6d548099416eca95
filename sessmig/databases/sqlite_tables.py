"""Lists the tables of a SQLite database, and knows each again after it was renamed.

SQLite has no number that stays with a table: one is given to each here, and carried along by looking at the schema
after each statement that may have changed a name. Decides nothing about what becomes of rows.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from sessmig.errors import DatabaseError
from sessmig.model import Answer
from sessmig.rows import Column, Table

_GAP = r"(?:\s|--[^\n]*\n|/\*.*?\*/)+"
_CHANGES_NAMES = re.compile(
    rf"(?:(CREATE){_GAP}(?:TEMP\w*{_GAP}|VIRTUAL{_GAP})?|(ALTER){_GAP}|(DROP){_GAP})TABLE\b", re.IGNORECASE | re.DOTALL
)
_MASTER = """
SELECT name, rootpage, coalesce(sql, '')
FROM main.sqlite_master
WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
ORDER BY name"""
_TRIGGERS = """
SELECT tbl_name, sql FROM main.sqlite_master WHERE type = 'trigger' AND sql <> ''
UNION ALL
SELECT tbl_name, sql FROM temp.sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'sessmig%'"""
_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
_SHADOW_ENDINGS = "content|data|idx|docsize|config|segments|segdir|stat|node|parent|rowid"

_Query = Callable[..., Answer]
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

    @property
    def is_virtual(self) -> bool:
        return re.match(rf"CREATE{_GAP}VIRTUAL\b", self.sql, re.IGNORECASE | re.DOTALL) is not None

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
        self._last = ""
        """The kind of the statements since the schema was looked at: as long as it is the same, nothing is missed."""

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
        rows = [(str(name), int(str(root)), str(sql)) for name, root, sql in self._query(_MASTER).rows]
        hidden = self._shadows(rows)
        now = {name: (root, sql) for name, root, sql in rows if name not in hidden}
        if kind == "ALTER":
            self._follow_renames(now)
        known = {table.name: table for table in self._known}
        self._known = [known.get(name) or Known(next(_numbers), name, 0, "") for name in now]
        for table in self._known:
            root, sql = now[table.name]
            if table.sql != sql or not table.columns:
                table.sql = sql
                self._read(table, renaming=kind == "ALTER")
            table.root = root
        return self._known

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
        try:
            found = self._query("SELECT name, pk FROM pragma_table_xinfo($1, 'main') ORDER BY cid", (table.name,)).rows
            parents = self._query(
                "SELECT DISTINCT \"table\", on_delete FROM pragma_foreign_key_list($1, 'main')", (table.name,)
            ).rows
        except DatabaseError:  # a virtual table whose module is not here
            return
        table.columns = _carried(table.columns, [str(name) for name, _ in found], renaming=renaming)
        table.key = tuple(str(name) for _, name in sorted((int(str(pk)), str(name)) for name, pk in found if pk))
        table.parents = tuple((str(name).lower(), str(action)) for name, action in parents)

    def reached(self, *, by_keys: bool) -> dict[str, set[str]]:
        """Return for each table or view what a write to it may reach by a trigger, or a foreign key; small letters."""
        names = [table.name.lower() for table in self._known]
        reached: dict[str, set[str]] = {}
        for on, body in self._query(_TRIGGERS).rows:
            text = str(body).lower()
            reached.setdefault(str(on).lower(), set()).update(name for name in names if name in text)
        for table in self._known if by_keys else ():
            for parent, _ in table.parents:
                reached.setdefault(parent, set()).add(table.name.lower())
        return reached

    def triggers(self) -> tuple[tuple[str, str], ...]:
        """Return the table and the text of each trigger that is not ours."""
        return tuple((str(on).lower(), str(body)) for on, body in self._query(_TRIGGERS).rows)

    def hold(self, table: Table) -> None:
        """Here nobody else writes while our transaction is open."""

    def listed(self) -> tuple[Table, ...]:
        """Return every user table as it stands now."""
        known = self.refresh()
        numbers = {table.name.lower(): table.identity for table in known}
        size = self._query("SELECT page_count * page_size FROM pragma_page_count('main'), pragma_page_size('main')")
        reached = self.reached(by_keys=False)
        return tuple(
            Table(
                identity=table.identity,
                name=table.name,
                sql=table.full_name,
                columns=table.columns,
                key=table.key,
                size=int(str(size.rows[0][0])),
                follows=tuple(numbers[name] for name, does in table.parents if does == "CASCADE" and name in numbers),
                reaches=tuple(sorted(numbers[name] for name in reached.get(table.name.lower(), ()) if name in numbers)),
            )
            for table in known
        )


def quoted(name: str) -> str:
    """Write a name so that it can be nothing else."""
    return '"' + name.replace('"', '""') + '"'


def _carried(before: tuple[Column, ...], names: list[str], *, renaming: bool) -> tuple[Column, ...]:
    """Give each column the number that it had."""
    numbers = {column.name: column.identity for column in before}
    if renaming and len(before) == len(names):
        changed = [n for n, column in enumerate(before) if column.name != names[n]]
        if len(changed) == 1:
            numbers[names[changed[0]]] = before[changed[0]].identity
    return tuple(Column(numbers.get(name) or next(_numbers), name) for name in names)
