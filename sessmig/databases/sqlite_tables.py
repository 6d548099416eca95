"""Lists the tables of a SQLite database, and knows each again after it was renamed.

SQLite has no number that stays with a table: one is given to each here, and carried along by looking at the schema
after each statement that may have changed a name. Decides nothing about what becomes of rows.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import insort
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter

from sessmig.databases.sqlite_known import ELSEWHERE, Known, carried, identities
from sessmig.databases.sqlite_names import GAP, OURS, Names, folded, words
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell
from sessmig.quoting import quoted
from sessmig.rows import Table

_CHANGES_NAMES = re.compile(
    rf"(?:(CREATE){GAP}(?:TEMP\w*{GAP}|VIRTUAL{GAP})?|(ALTER){GAP}|(DROP){GAP})TABLE\b", re.IGNORECASE | re.DOTALL
)
_MASTER = """
SELECT name, rootpage, coalesce(sql, '') AS sql
FROM main.sqlite_master
WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
ORDER BY name"""
# In one text: each value that comes by itself costs as much as all of it.
_PARTS, _ROWS = "\x1f", "\x1e"
_AS_ONE = f"""
SELECT count(*), group_concat(name || char(31) || rootpage || char(31) || sql, char(30)) FROM ({_MASTER})"""
# What is made stands behind all that was made before it.
_NEWEST = "SELECT coalesce(max(rowid), 0) FROM main.sqlite_master"
_NEWER = """
SELECT rowid, type, name, rootpage, coalesce(sql, '') FROM main.sqlite_master WHERE rowid > $1 ORDER BY rowid"""
_TRIGGERS = f"""
SELECT tbl_name, sql FROM main.sqlite_master WHERE type = 'trigger' AND sql <> ''
UNION ALL
SELECT tbl_name, sql FROM temp.sqlite_master WHERE type = 'trigger' AND substr(name, 1, {len(OURS)}) <> '{OURS}'"""
_REFERS = re.compile("REFERENCES", re.IGNORECASE)
_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
_SHADOW_ENDINGS = "content|data|idx|docsize|config|segments|segdir|stat|node|parent|rowid"

_NO_SCHEMA = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLAC", "WITH", "VALUES")
"""How statements begin that make, rename and drop nothing."""

_Query = Callable[..., Answer]
_Row = tuple[str, int, str]
"""A table's name, its root page and its text."""
_NAME, _IDENTITY = attrgetter("name"), attrgetter("identity")


class Tables:
    """The user tables of one connection's `main`.

    Args:
        query: sends one statement and returns its rows.
    """

    def __init__(self, query: _Query) -> None:
        self._query = query
        self._known: list[Known] = []
        self._rows: list[_Row] = []
        self._newest: Cell = 0
        """The last row of the schema."""
        self._made: int | None = 0
        """How many statements since then have made something; None where one did otherwise to the schema."""
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
        self._is_kept, self._made = True, 0

    def forget(self) -> None:
        """Look anew: a transaction was rolled back, or the file may be another one, and the numbers begin anew."""
        if not self._is_kept:
            self._version, self._said = None, ((None, None), ())
        self._is_kept, self._made = False, 0

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
        verb = statement[:6].upper()
        if verb == "CREATE" and self._made is not None:
            self._made += 1
        elif not verb.startswith(_NO_SCHEMA):
            self._made = None
        return kind

    def has_run(self, kind: str) -> None:
        """Be told that a statement of this kind has run. Only right after it can a rename be told from a drop."""
        self._last = kind or self._last
        if kind == "ALTER":
            self.refresh()

    def refresh(self) -> list[Known]:
        """Look at the schema."""
        kind, self._last = self._last, ""
        made, self._made = self._made, 0
        version = self._number("main")
        if version is None or version != self._version:
            was, self._version = self._version, version
            if not (made and isinstance(was, int) and version == was + made and self._add(was)):
                self._look(kind)
        return self._known

    def _add(self, was: int) -> bool:
        """Take in what was made beside all that stands; tell whether that is so plain that nothing else need be read.

        Only right where as many statements have made something as SQLite has counted changes, and none did otherwise.
        """
        newer = self._query(_NEWER, (self._newest,)).rows
        made = [row[2:] for row in newer if row[1] == "table" and not str(row[2]).startswith("sqlite_")]
        if self.virtual or not all(type(name) is str and root and type(sql) is str for name, root, sql in made):
            return False
        known, rows = list(self._known), list(self._rows)
        for name, root, sql in [(str(name), int(str(root)), str(sql)) for name, root, sql in made]:
            table = Known(next(identities), name, 0, "")
            table.define(root, sql)
            self._read(table, renaming=False)
            insort(known, table, key=_NAME)
            insort(rows, (name, root, sql))
            self.anew.add(table.identity)
            self.are_keyed = self.are_keyed or bool(table.parents)
            self.have_replacing = self.have_replacing or table.replaces
        self._known, self._rows = known, rows
        self._newest = newer[-1][0] if newer else self._newest
        if self._said[0][0] == was and all(row[1] != "trigger" for row in newer):
            self._said = (self._version, self._said[0][1]), self._said[1]
        return True

    def _look(self, kind: str) -> None:
        """Read all of the schema, and know each table again."""
        rows = self._master()
        self._newest = self._query(_NEWEST).rows[0][0]
        if rows == self._rows:
            return
        self._rows = rows
        hidden = self._shadows(rows)
        now = {name: (root, sql) for name, root, sql in rows if name not in hidden}
        if kind == "ALTER":
            self._follow_renames(now)
        known = {table.name: table for table in self._known}
        self._known = [known.get(name) or Known(next(identities), name, 0, "") for name in now]
        new = [table for table in self._known if table.sql != now[table.name][1] or not table.columns]
        for table in self._known:
            table.define(*now[table.name])
        self.anew.update(table.identity for table in new)
        for table in new:
            self._read(table, renaming=kind == "ALTER")
        self.are_keyed = any(table.parents for table in self._known)
        self.virtual = [table for table in self._known if table.is_virtual]
        self.have_replacing = any(table.replaces for table in self._known)

    def _master(self) -> list[_Row]:
        ((number, text),) = self._query(_AS_ONE).rows
        if type(text) is str:  # and not one that is no UTF-8
            rows = [row.split(_PARTS) for row in text.split(_ROWS)]
            if len(rows) == number and all(len(row) == 3 for row in rows):
                return [(name, int(root), sql) for name, root, sql in rows]
        return [(str(name), int(str(root)), str(sql)) for name, root, sql in self._query(_MASTER).rows]

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
        # What stands elsewhere (content='...') is the user's own, by whatever name.
        apart = {folded(f"{name}_content") for name, root, sql in rows if not root and ELSEWHERE.search(sql)}
        if sqlite3.sqlite_version_info >= (3, 37):
            shadows = {str(row[0]) for row in self._query(_SHADOWS).rows}
        else:
            own = re.compile(f"({'|'.join(map(re.escape, names))})_({_SHADOW_ENDINGS})", re.IGNORECASE)
            shadows = {name for name, _, _ in rows if own.fullmatch(name)}
        return {name for name in shadows if folded(name) not in apart}

    def _read(self, table: Known, *, renaming: bool) -> None:
        """Ask for a table's columns and foreign keys."""
        found = [(str(row[1]), int(str(row[5]))) for row in self._told("table_xinfo", table) if row[6] != 1]
        if not found:  # a virtual table whose module is not here
            return
        table.columns = carried(table.columns, [name for name, _ in found], renaming=renaming)
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
