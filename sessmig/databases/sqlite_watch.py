"""Counts the rows that are deleted in SQLite, whoever deletes them, by temporary triggers.

Knows SQLite's triggers and what fires none; decides nothing about what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from sessmig.databases.sqlite_tables import Known, Tables, quoted
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell, Piece
from sessmig.rows import Change

KEYS = 5
"""How many keys of deleted rows are kept for each table."""
_WIDE = 16
"""Keys of more columns than this are not kept."""
# The function replace() deletes nothing.
_REPLACE = re.compile(r"\bREPLACE\b(?!\s*\()", re.IGNORECASE)
_REPLACED = re.compile(
    r"(?:REPLACE\s+INTO|UPDATE\s+OR\s+REPLACE)\s+(?:main\s*\.\s*)?"
    r'(?:"((?:[^"]|"")*)"|`([^`]*)`|\[([^\]]*)\]|([^\s"`\[(;.]+))(?!\s*\.)',
    re.IGNORECASE,
)
_ON_CONFLICT = re.compile(r"\bON\s+CONFLICT\s+REPLACE\b", re.IGNORECASE)


class Watch:
    """The counters of one connection.

    REPLACE deletes rows and fires no trigger for it, unless `recursive_triggers` is on, which would change what the
    application's own triggers do. Where it may happen the rows are counted before and after, and what came meanwhile.
    See https://sqlite.org/lang_conflict.html

    Args:
        query: sends one statement and returns its rows.
        command: sends one statement.
        tables: knows the tables, also after they were renamed.
    """

    def __init__(self, query: Callable[..., Answer], command: Callable[[str], None], tables: Tables) -> None:
        self._query = query
        self._command = command
        self._tables = tables
        self._counted: dict[int, int] = {}
        """How many rows those tables had in which the triggers do not see everything."""
        self._watched: list[int] = []
        self._is_inserting: set[int] = set()
        self._from_start: frozenset[int] = frozenset()
        """The tables whose inserted rows are counted since the beginning."""
        self._suspects: set[str] = set()
        """The names, in small letters, of what REPLACE may delete rows of."""
        self._has_made = False
        """Whether the statements have made tables that are not watched yet."""
        self.is_on = False

    def begin(self, pieces: Sequence[Piece]) -> None:
        """Make the triggers. They and their tables go with the transaction, if it is rolled back."""
        tables = self._tables.refresh()
        self._suspects = self._find_suspects(pieces)
        keys = "".join(f", k{n}" for n in range(_WIDE))
        self._command(
            "CREATE TEMP TABLE sessmig_watch (id INTEGER PRIMARY KEY, deleted INTEGER NOT NULL DEFAULT 0, "
            "inserted INTEGER NOT NULL DEFAULT 0)"
        )
        self._command(f"CREATE TEMP TABLE sessmig_keys (id INTEGER{keys})")
        self._watched, self._is_inserting, self._counted, self._has_made = [], set(), {}, False
        self._add([table for table in tables if not table.is_virtual])
        self._counted |= self._counts(self._named_virtual(pieces))
        self._from_start = frozenset(self._is_inserting)
        self.is_on = True

    def has_run(self, kind: str) -> None:
        """Be told that a statement has run which may have made or renamed a table.

        A table that takes the place of another is watched from the moment on in which the other gives up its name, or
        is dropped; while it is filled it need not be.
        """
        self._tables.has_run(kind)
        if kind == "CREATE":
            self._has_made = True
        elif self._has_made or (kind == "ALTER" and self._suspects):
            self._has_made = False
            self._add([table for table in self._tables.refresh() if not table.is_virtual])

    def _add(self, tables: Sequence[Known]) -> None:
        watched = set(self._watched)
        new = [table for table in tables if table.identity not in watched]
        self._watched += [table.identity for table in new]
        if numbers := ", ".join(f"({table.identity})" for table in new):
            self._command(f"INSERT INTO temp.sessmig_watch (id) VALUES {numbers}")
        for table in new:
            self._make(table)
        inserting = [t for t in tables if t.name.lower() in self._suspects and t.identity not in self._is_inserting]
        for table in inserting:
            self._command(
                f"CREATE TEMP TRIGGER sessmig_inserted_{table.identity} AFTER INSERT ON {table.full_name} BEGIN "
                f"UPDATE sessmig_watch SET inserted = inserted + 1 WHERE id = {table.identity}; END"
            )
        self._is_inserting |= {table.identity for table in inserting}
        # Whatever was deleted until now is not there any more.
        earlier = self._numbers() if inserting else {}
        for identity, rows in self._counts(inserting).items():
            self._counted[identity] = rows + earlier[identity][0]

    def _numbers(self) -> dict[int, tuple[int, int]]:
        found = self._query("SELECT id, deleted, inserted FROM temp.sessmig_watch").rows
        return {int(str(i)): (int(str(deleted)), int(str(inserted))) for i, deleted, inserted in found}

    def _make(self, table: Known) -> None:
        number = table.identity
        keep = ""
        if 0 < len(table.key) <= _WIDE:
            into = ", ".join(f"k{n}" for n in range(len(table.key)))
            values = ", ".join(f"OLD.{quoted(name)}" for name in table.key)
            keep = (
                f"INSERT INTO sessmig_keys (id, {into}) SELECT {number}, {values} "
                f"WHERE (SELECT deleted FROM sessmig_watch WHERE id = {number}) <= {KEYS}; "
            )
        self._command(
            f"CREATE TEMP TRIGGER sessmig_deleted_{number} AFTER DELETE ON {table.full_name} BEGIN "
            f"UPDATE sessmig_watch SET deleted = deleted + 1 WHERE id = {number}; {keep}END"
        )

    def _find_suspects(self, pieces: Sequence[Piece]) -> set[str]:
        """Name, in small letters, the tables in which REPLACE may delete rows.

        A statement's own REPLACE goes for what its triggers write too, whatever they say themselves.
        """
        tables = {table.name.lower(): table for table in self._tables.refresh()}
        direct: set[str] = set()
        for piece in pieces:
            if _REPLACE.search(piece.text, piece.body):
                direct |= _replaced(piece.statement, tables)
        for on, body in self._tables.triggers():
            if _REPLACE.search(body):
                direct |= {on, *_named(body, tables)}
        direct |= {name for name, table in tables.items() if _ON_CONFLICT.search(table.sql)}
        return self._with_reached(direct)

    def _with_reached(self, names: set[str]) -> set[str]:
        reached = self._tables.reached(by_keys=True) if names else {}
        found, new = set(names), set(names)
        while new:
            new = {name for each in new for name in reached.get(each, ())} - found
            found |= new
        return found

    def _named_virtual(self, pieces: Sequence[Piece]) -> list[Known]:
        """A virtual table can have no trigger: one that a statement names is counted before and after."""
        virtual = [table for table in self._tables.refresh() if table.is_virtual]
        text = "".join(piece.statement.lower() for piece in pieces) if virtual else ""
        return [table for table in virtual if table.name.lower() in text]

    def _counts(self, tables: Iterable[Known]) -> dict[int, int]:
        found = {}
        for table in tables:
            try:
                rows = self._query(f"SELECT count(*) FROM {table.full_name}").rows
            except DatabaseError:  # a virtual table may not be read in every way
                continue
            found[table.identity] = int(str(rows[0][0]))
        return found

    def changes(self) -> dict[int, Change]:
        """Return what was counted until now."""
        if not self.is_on:
            return {}
        numbers = self._numbers()
        tables = {table.identity: table for table in self._tables.refresh()}
        after = self._counts(tables[identity] for identity in self._counted if identity in tables)
        changes = {}
        for identity in {**dict.fromkeys(self._watched), **dict.fromkeys(after)}:
            deleted, inserted = numbers.get(identity, (0, 0))
            if identity in after:
                deleted += max(0, self._counted[identity] + inserted - after[identity] - deleted)
            known = inserted if identity in self._from_start and identity in tables else None
            if deleted or known:
                changes[identity] = Change(inserted=known, deleted=deleted, keys=self._keys(tables.get(identity)))
        return changes

    def _keys(self, table: Known | None) -> tuple[tuple[Cell, ...], ...]:
        if table is None or not 0 < len(table.key) <= _WIDE:
            return ()
        names = ", ".join(f"k{n}" for n in range(len(table.key)))
        answer = self._query(f"SELECT {names} FROM temp.sessmig_keys WHERE id = $1 ORDER BY rowid", (table.identity,))
        return answer.rows

    def end(self) -> None:
        """Take the triggers and their tables away."""
        if not self.is_on:
            return
        for identity in self._watched:
            self._command(f"DROP TRIGGER IF EXISTS temp.sessmig_deleted_{identity}")
        for identity in self._is_inserting:
            self._command(f"DROP TRIGGER IF EXISTS temp.sessmig_inserted_{identity}")
        self._command("DROP TABLE temp.sessmig_watch")
        self._command("DROP TABLE temp.sessmig_keys")
        self.is_on = False


def _replaced(statement: str, tables: Iterable[str]) -> set[str]:
    """Name what a statement replaces rows of; where that is not plain, everything that it speaks of."""
    found = [next(name for name in match if name) for match in _REPLACED.findall(statement) if any(match)]
    return {name.replace('""', '"').lower() for name in found} or _named(statement, tables)


def _named(text: str, tables: Iterable[str]) -> set[str]:
    lower = text.lower()
    return {name for name in tables if name in lower}
