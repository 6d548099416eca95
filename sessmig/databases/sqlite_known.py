"""A table of a SQLite database as it was looked at last, with the numbers by which it and its columns are known again.

Knows what a table's text says; asks no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count

from sessmig.databases.sqlite_names import GAP
from sessmig.quoting import quoted
from sessmig.rows import Column

_VIRTUAL = re.compile(rf"CREATE{GAP}VIRTUAL\b", re.IGNORECASE | re.DOTALL)
ELSEWHERE = re.compile(r"\bcontent\s*=", re.IGNORECASE)
"""In a virtual table's text: what it shows stands in another one, or nowhere (content='...')."""
_OF_ANOTHER = re.compile(r"\bcontent\s*=\s*(?!''|\"\"|``|\[\])", re.IGNORECASE)
_READING = re.compile(
    rf"\bUSING(?:{GAP})?[\"'`\[]?(?:fts5vocab|fts4aux|fts3tokenize|dbstat|sqlite_dbpage|csv)\b",
    re.IGNORECASE | re.DOTALL,
)
"""The modules whose tables show what stands in another one, or in a file."""
_ON_CONFLICT = re.compile(rf"\bON{GAP}CONFLICT{GAP}REPLACE\b", re.IGNORECASE | re.DOTALL)
identities = count(1)
"""Of tables and columns, of all databases."""


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
    holds_rows: bool = True
    """Whether it is no virtual table that reads another, or keeps no rows at all."""
    shows_another: bool = False
    """Whether its rows are those of another table."""
    replaces: bool = False
    """Whether a constraint of its own says ON CONFLICT REPLACE."""

    def define(self, root: int, sql: str) -> None:
        """Take over what the schema says now."""
        if sql != self.sql:
            self.is_virtual = _VIRTUAL.match(sql) is not None
            self.holds_rows = not (self.is_virtual and (ELSEWHERE.search(sql) or _READING.search(sql)))
            self.shows_another = self.is_virtual and bool(_OF_ANOTHER.search(sql) or _READING.search(sql))
            self.replaces = _ON_CONFLICT.search(sql) is not None
        self.root, self.sql = root, sql

    @property
    def full_name(self) -> str:
        return f"main.{quoted(self.name)}"


def carried(before: tuple[Column, ...], names: list[str], *, renaming: bool) -> tuple[Column, ...]:
    """Give each column the number that it had."""
    numbers = {column.name: column.identity for column in before}
    if renaming and len(before) == len(names):
        changed = [n for n, column in enumerate(before) if column.name != names[n]]
        if len(changed) == 1:
            numbers[names[changed[0]]] = before[changed[0]].identity
    return tuple(Column(numbers.get(name) or next(identities), name) for name in names)
