"""Counts the rows that are deleted in SQLite, whoever deletes them, by temporary triggers.

Knows SQLite's triggers and what fires none; decides nothing about what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sessmig.databases.sqlite_known import Known
from sessmig.databases.sqlite_names import OURS, Names, folded
from sessmig.databases.sqlite_reach import Reach, spoken
from sessmig.databases.sqlite_tables import Tables
from sessmig.databases.sqlite_virtual import Brought
from sessmig.errors import DatabaseError
from sessmig.model import Answer, Cell, Piece
from sessmig.quoting import quoted
from sessmig.rows import Change

KEYS = 5
"""How many keys of deleted rows are kept for each table."""
_WIDE = 16
"""Keys of more columns than this are not kept."""
_WATCH, _KEYS, _DELETED, _INSERTED = (f"{OURS}_{name}" for name in ("watch", "keys", "deleted", "inserted"))


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
        self._brought = Brought(query, tables)
        self.has_brought = self._brought.add
        self._reach: Reach
        self._pieces: tuple[Piece, ...] = ()
        self._counted: dict[int, int] = {}
        """How many rows those tables had in which the triggers do not see everything."""
        self._watched: list[int] = []
        self._is_inserting: set[int] = set()
        self._from_start: frozenset[int] = frozenset()
        """The tables whose inserted rows are counted since the beginning."""
        self._is_counting = False
        self._has_made = False
        """Whether the statements have made tables that are not watched yet."""
        self.is_on = False

    def begin(self, pieces: Sequence[Piece], *, more: bool = False) -> None:
        """Make the triggers. They and their tables go with the transaction, if it is rolled back.

        Args:
            pieces: the statements that are to run.
            more: beside others; then only the triggers are made that these need as well.
        """
        self._pieces = (*self._pieces, *pieces) if more else tuple(pieces)
        self._reach = Reach(self._tables, self._pieces)
        if self._reach.is_by_hand:
            self._tables.distrust()
        if more:
            self._add()
            seen = self._counted.keys()
            self._counted |= {i: n for i, n in self._counts(self._named_virtual(pieces)).items() if i not in seen}
            self._brought.count(self._counted)
            return
        self._watched, self._is_inserting, self._counted, self._has_made = [], set(), {}, False
        self._is_counting = False
        self._brought.begin()
        self._add()
        self._counted |= self._counts(self._named_virtual(pieces))
        self._brought.count(self._counted)
        self._from_start = frozenset(self._is_inserting)
        self.is_on = True

    def has_run(self, kind: str) -> None:
        """Be told that a statement has run which may have made or renamed a table.

        A table that takes the place of another is watched from the moment on in which the other gives up its name, or
        is dropped; while it is filled it need not be.
        """
        self._tables.has_run(kind)
        self._brought.forget_names()
        if kind == "CREATE":
            self._has_made = True
        elif self._has_made or (kind == "ALTER" and self._is_inserting):
            self._has_made = False
            self._add()

    @property
    def _moment(self) -> str:
        """Where another trigger's RAISE(IGNORE) may be first, a row too many is better than one too few."""
        return "BEFORE" if self._reach.ignores else "AFTER"

    def _count(self) -> None:
        """Make the tables that are counted in, where there is a trigger that does."""
        if self._is_counting:
            return
        self._is_counting = True
        keys = "".join(f", k{n}" for n in range(_WIDE))
        self._command(
            f"CREATE TEMP TABLE {_WATCH} (id INTEGER PRIMARY KEY, deleted INTEGER NOT NULL DEFAULT 0, "
            "inserted INTEGER NOT NULL DEFAULT 0)"
        )
        self._command(f"CREATE TEMP TABLE {_KEYS} (id INTEGER{keys})")

    def _add(self) -> None:
        """Watch those of the tables that rows may go from, and that are not watched yet."""
        if self._reach.is_harmless:
            return
        tables = [table for table in self._tables.refresh() if not table.is_virtual and self._reach.may_take(table)]
        watched = set(self._watched)
        new = [table for table in tables if table.identity not in watched]
        self._watched += [table.identity for table in new]
        if numbers := ", ".join(f"({table.identity})" for table in new):
            self._count()
            self._command(f"INSERT INTO temp.{_WATCH} (id) VALUES {numbers}")
        for table in new:
            self._make(table)
        inserting = [t for t in tables if self._reach.may_replace(t) and t.identity not in self._is_inserting]
        for table in inserting:
            self._command(
                f"CREATE TEMP TRIGGER {_INSERTED}_{table.identity} {self._moment} INSERT ON {table.full_name} BEGIN "
                f"UPDATE {_WATCH} SET inserted = inserted + 1 WHERE id = {table.identity}; END"
            )
        self._is_inserting |= {table.identity for table in inserting}
        # Whatever was deleted until now is not there any more.
        earlier = self._numbers() if inserting else {}
        for identity, rows in self._counts(inserting).items():
            self._counted[identity] = rows + earlier.get(identity, (0, 0))[0]

    def _numbers(self) -> dict[int, tuple[int, int]]:
        """Return how many rows were deleted and inserted, of those tables that had any."""
        if not self._is_counting:
            return {}
        found = self._query(f"SELECT id, deleted, inserted FROM temp.{_WATCH} WHERE deleted OR inserted").rows
        return {int(str(i)): (int(str(deleted)), int(str(inserted))) for i, deleted, inserted in found}

    def _make(self, table: Known) -> None:
        number = table.identity
        keep = ""
        if 0 < len(table.key) <= _WIDE:
            into = ", ".join(f"k{n}" for n in range(len(table.key)))
            values = ", ".join(f"OLD.{quoted(name)}" for name in table.key)
            keep = (
                f"INSERT INTO {_KEYS} (id, {into}) SELECT {number}, {values} "
                f"WHERE (SELECT deleted FROM {_WATCH} WHERE id = {number}) <= {KEYS}; "
            )
        self._command(
            f"CREATE TEMP TRIGGER {_DELETED}_{number} {self._moment} DELETE ON {table.full_name} BEGIN "
            f"UPDATE {_WATCH} SET deleted = deleted + 1 WHERE id = {number}; {keep}END"
        )

    def _named_virtual(self, pieces: Sequence[Piece]) -> list[Known]:
        """A virtual table can have no trigger: one that a statement names is counted before and after."""
        virtual = {folded(table.name): table for table in self._tables.virtual if not table.shows_another}
        named = Names(virtual).among(spoken(pieces)) if virtual else set()
        return [table for name, table in virtual.items() if name in named]

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
        if not (self._is_counting or self._counted):
            self._tables.refresh()
            return {}
        numbers = self._numbers()
        tables = {table.identity: table for table in self._tables.refresh()}
        after = self._counts(tables[identity] for identity in self._counted if identity in tables)
        keys = self._keys()
        changes = {}
        for identity in {**numbers, **after}:
            deleted, inserted = numbers.get(identity, (0, 0))
            if identity in after:
                came = inserted + self._brought.rows[identity]
                deleted += max(0, self._counted[identity] + came - after[identity] - deleted)
            known = inserted if identity in self._from_start and identity in tables else None
            if deleted or known:
                changes[identity] = Change(inserted=known, deleted=deleted, keys=_cut(keys, tables.get(identity)))
        return changes

    def _keys(self) -> dict[int, list[tuple[Cell, ...]]]:
        found: dict[int, list[tuple[Cell, ...]]] = {}
        if not self._is_counting:
            return found
        for number, *values in self._query(f"SELECT * FROM temp.{_KEYS} ORDER BY rowid").rows:
            found.setdefault(int(str(number)), []).append(tuple(values))
        return found

    def end(self) -> None:
        """Take the triggers and their tables away."""
        if not self.is_on:
            return
        for identity in self._watched:
            self._command(f"DROP TRIGGER IF EXISTS temp.{_DELETED}_{identity}")
        for identity in self._is_inserting:
            self._command(f"DROP TRIGGER IF EXISTS temp.{_INSERTED}_{identity}")
        if self._is_counting:
            self._command(f"DROP TABLE temp.{_WATCH}")
            self._command(f"DROP TABLE temp.{_KEYS}")
        self._brought.begin()
        self.is_on = False


def _cut(keys: dict[int, list[tuple[Cell, ...]]], table: Known | None) -> tuple[tuple[Cell, ...], ...]:
    """Return the keys that were kept of a table, as wide as they are."""
    return tuple(key[: len(table.key)] for key in keys.get(table.identity, ())) if table else ()
