"""Keeps account of which statement did how much to which table, by the names that the tables had just then.

Knows statements; knows nothing of databases, and of what triggers and cascades do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sessmig import script
from sessmig.model import Dialect, Piece
from sessmig.rows import Table

NAMING = ("CREATE TABLE", "ALTER TABLE", "DROP TABLE", "DROP FOREIGN TABLE", "TRUNCATE")
"""The verbs that make, rename or empty tables."""
CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")
_DELETES = re.compile(r"\bDELETE\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_OTHER_ARMS = re.compile(r"\b(?:DELETE|INSERT)\b", re.IGNORECASE)
_TEMPORARY: dict[Dialect, str] = {"sqlite": "temp", "postgres": "pg_temp"}
"""The schema of temporary tables."""
_INTO_TEMPORARY = re.compile(r"\bINTO\s+(?:LOCAL\s+|GLOBAL\s+)?TEMP(?:ORARY)?\b", re.IGNORECASE)
_CALLED = re.compile(r"(\w+)\s*\(")
_HARMLESS = {"set_config", "setval", "nextval", "currval", "max", "min", "count", "sum", "coalesce", "greatest", "now"}
_LINES = 3
"""How many lines are named."""


@dataclass(slots=True)
class Tally:
    """What the statements that name a table did to its rows."""

    rows: Counter[str] = field(default_factory=Counter)
    """How many rows the statements of each verb changed."""
    lines: list[int] = field(default_factory=list)
    """The lines of those that deleted some."""
    replacing: int = 0
    """The line of the first that says REPLACE; 0 if none does."""
    merging: int = 0
    """The line of the first MERGE; it may delete."""

    @property
    def deleted_by(self) -> str:
        shown = ", ".join(map(str, self.lines[:_LINES]))
        more = len(self.lines) - _LINES
        return f"DELETE in line{'s' if len(self.lines) > 1 else ''} {shown}" + (
            f" and {more:,} more" if more > 0 else ""
        )


class Course:
    """The statements of a script as they are done, one after the other.

    Args:
        tables: the tables that stand before the first.
        dialect: how the database compares names.
    """

    def __init__(self, tables: Iterable[Table], dialect: Dialect) -> None:
        self._dialect = dialect
        standing = tuple(tables)
        self._standing = {script.parts(table.sql, dialect): table.identity for table in standing}
        self._home = next(_homes(standing, dialect), "")
        """The schema of the tables that are named without it."""
        self._borne: dict[int, set[tuple[str, ...]]] = {}
        """The names that the tables made or renamed by the script have had."""
        self._temporary: set[tuple[str, ...]] = set()
        self._found: dict[str, int | None] = {}
        self._made = 0
        self.tallies: dict[int, Tally] = {}
        self.hidden: list[int] = []
        """The lines of statements that delete within a WITH."""
        self.is_vague = False
        """Whether a statement may have written to a table that is none of its name: a view's, or one in a WITH."""

    def again(self) -> Course:
        """Return another one that begins where this does; to be asked before the first statement."""
        other = Course((), self._dialect)
        other._standing, other._home = dict(self._standing), self._home
        return other

    def done(self, piece: Piece, outline: script.Outline, rows: int | None) -> int | None:
        """Take a statement into account; return the table that it names, where that is known."""
        verb = outline.verb
        if verb in NAMING:
            self._follow(script.act(piece.statement, self._dialect), verb)
            return None
        if verb == "SELECT" and outline.target and _INTO_TEMPORARY.search(piece.statement):
            self._temporary.add(script.parts(outline.target, self._dialect)[-1:])
            self._found.clear()
        # Of these there may be 200,000.
        start = piece.text[piece.body : piece.body + 40].upper()
        if start.startswith("WITH"):
            self._look_within(piece, verb)
        if verb not in CHANGING:
            return None
        target = outline.target
        identity = self._found[target] if target in self._found else self.find(target)
        if identity is None:
            self.is_vague = self.is_vague or not self.is_temporary(target)
            return None
        tally = self.tallies.get(identity)
        if tally is None:
            tally = self.tallies[identity] = Tally()
        if rows:
            tally.rows["UPDATE" if verb == "MERGE" and _only_updates(piece.statement) else verb] += rows
            if verb == "DELETE" and tally.lines[-1:] != [piece.statement_line]:  # rows of one query have its line
                tally.lines.append(piece.statement_line)
        if verb == "MERGE":
            tally.merging = tally.merging or piece.statement_line
        if not tally.replacing and (verb == "REPLACE" or " REPLACE" in start):
            tally.replacing = piece.statement_line
        return identity

    def _look_within(self, piece: Piece, verb: str) -> None:
        text = piece.statement
        self.is_vague |= len(_WRITES.findall(text)) > (verb in CHANGING)
        if verb in CHANGING and verb != "DELETE" and _DELETES.search(text):
            self.hidden.append(piece.statement_line)

    def find(self, written: str) -> int | None:
        """Return the table that a statement means; one that this script has made has a number below 0."""
        if written not in self._found:
            self._found[written] = self._sought(written)
        return self._found[written]

    def is_temporary(self, written: str) -> bool:
        """Tell whether a statement means a temporary table by this name."""
        name = script.parts(written, self._dialect)
        return name in self._temporary or (len(name) > 1 and name[-2] == _TEMPORARY[self._dialect])

    def _sought(self, written: str) -> int | None:
        name = script.parts(written, self._dialect)
        if not name or self.is_temporary(written):
            return None
        if len(name) > 1:
            return self._standing.get(name[-2:])
        if (self._home, *name) in self._standing:
            return self._standing[self._home, *name]
        others = [identity for full, identity in self._standing.items() if full[-1:] == name]
        return others[0] if len(others) == 1 else None

    def _follow(self, act: script.Act, verb: str) -> None:
        self._found.clear()
        if verb == "CREATE TABLE":
            name = script.parts(act.tables[0], self._dialect)
            full = name if len(name) > 1 else (self._home, *name)
            if act.is_temporary or full[0] == _TEMPORARY[self._dialect]:
                self._temporary.add(name[-1:])
            elif full not in self._standing:
                self._made -= 1
                self._stand(full, self._made)
        elif verb.startswith("DROP"):
            for written in act.tables:
                self._drop(written)
        elif act.new_name:
            self._rename(act.tables[0], script.parts(act.new_name, self._dialect)[-1:])

    def _drop(self, written: str) -> None:
        if self.is_temporary(written):
            self._temporary.discard(script.parts(written, self._dialect)[-1:])
        else:
            self._forget(self._sought(written))

    def _forget(self, identity: int | None) -> tuple[str, ...]:
        full = next((full for full, known in self._standing.items() if known == identity), ())
        self._standing.pop(full, None)
        return full

    def _rename(self, written: str, name: tuple[str, ...]) -> None:
        if self.is_temporary(written):
            self._temporary.discard(script.parts(written, self._dialect)[-1:])
            self._temporary.add(name)
            return
        identity = self._sought(written)
        if identity is not None and (full := self._forget(identity)):
            self._stand((*full[:-1], *name), identity)

    def _stand(self, full: tuple[str, ...], identity: int) -> None:
        self._standing[full] = identity
        self._borne.setdefault(identity, set()).add(full)

    def has_borne(self, identity: int, written: str) -> bool:
        """Tell whether the script has ever given a table this name."""
        return script.parts(written, self._dialect) in self._borne.get(identity, ())

    def have_shared_a_name(self, one: int, other: int) -> bool:
        """Tell whether the script has given the same name to two tables, one after the other."""
        return not self._borne.get(one, set()).isdisjoint(self._borne.get(other, ()))

    def settle(self, tables: Sequence[Table]) -> None:
        """Give the tables that were made the numbers that they have."""
        standing = set(self._standing.values())
        for table in tables if self._made else ():
            if table.identity in standing:
                continue
            made = self._standing.get(script.parts(table.sql, self._dialect), 0)
            if made < 0:
                self.tallies[table.identity] = self.tallies.pop(made, Tally())
                self._borne[table.identity] = self._borne.pop(made, set())
                self._standing[script.parts(table.sql, self._dialect)] = table.identity
        self._found.clear()


def _homes(tables: Iterable[Table], dialect: Dialect) -> Iterator[str]:
    for table in tables:
        full = script.parts(table.sql, dialect)
        if full[-1] == script.comparable(table.name, dialect):
            yield full[0]


def _only_updates(merge: str) -> bool:
    return not _OTHER_ARMS.search(merge)


def is_harmless(verb: str, statement: str) -> bool:
    """Tell whether a query calls nothing that could empty a table; pg_dump begins each file with such ones."""
    return verb == "SELECT" and {name.lower() for name in _CALLED.findall(statement)} <= _HARMLESS
