"""Counts the rows that statements bring into SQLite's virtual tables, in which no trigger can count.

What REPLACE deletes there, or a trigger of another table, shows in nothing else: there are fewer rows than there were
and came. Knows the modules that ship with SQLite and keep rows; of others nobody knows what an INSERT means to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection

from sessmig.databases.sqlite_literals import parts
from sessmig.databases.sqlite_names import GAP, folded
from sessmig.databases.sqlite_tables import Tables
from sessmig.model import Answer

_NAME = r""""[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`|'[^']*(?:''[^']*)*'|\[[^\]]*\]|[^\W\d][\w$]*"""
_MODULE = re.compile(rf"\bUSING(?:{GAP})?[\"'`\[]?(?:fts[345]|rtree|rtree_i32|geopoly)\b", re.IGNORECASE | re.DOTALL)
_INTO = re.compile(
    rf"(?:INSERT(?:{GAP}OR{GAP}\w+)?|REPLACE){GAP}INTO(?:{GAP})?(?:({_NAME})(?:{GAP})?\.(?:{GAP})?)?({_NAME})"
    rf"(?:{GAP}AS{GAP}(?:{_NAME}))?(?:(?:{GAP})?\(([^)]*)\))?",
    re.IGNORECASE | re.DOTALL,
)
_WITH = re.compile("WITH", re.IGNORECASE)
_ASIDE = re.compile(r"--[^\n]*|/\*.*?\*/|'[^']*'", re.DOTALL)
_COLUMN = re.compile(_NAME)
_HIDING = "SELECT 1 FROM temp.sqlite_master WHERE name = $1 COLLATE NOCASE"


class Brought:
    """The rows that came by INSERT and REPLACE since the tables were counted.

    Args:
        query: sends one statement and returns its rows.
        tables: knows the virtual tables, also after they were renamed.
    """

    def __init__(self, query: Callable[..., Answer], tables: Tables) -> None:
        self._query = query
        self._tables = tables
        self.rows: Counter[int] = Counter()
        """By the identity of the table."""
        self._counted: set[int] = set()
        self._meant: dict[tuple[str, str], int | None] = {}
        """What the names in statements mean now."""

    def begin(self) -> None:
        """Begin anew, with no table."""
        self.rows, self._counted, self._meant = Counter(), set(), {}

    def count(self, tables: Collection[int]) -> None:
        """Count what comes into these tables from now on, as far as they are virtual and keep it themselves."""
        keeping = [table for table in self._tables.virtual if not table.shows_another and _MODULE.search(table.sql)]
        self._counted |= {table.identity for table in keeping if table.identity in tables}
        self._meant = {}

    def forget_names(self) -> None:
        """Know that a table was made or renamed."""
        self._meant = {}

    def add(self, statement: str, rows: int | None) -> None:
        """Take in a statement that has changed so many rows."""
        if not self._counted or not rows:
            return
        found = _INTO.search(_ASIDE.sub(" ", statement)) if _WITH.match(statement) else _INTO.match(statement)
        if not found:
            return
        schema, name = (folded(_bare(written)) if written else "" for written in found.group(1, 2))
        # INSERT INTO t (t) VALUES ('optimize') is a command to a full-text table, and counts as a row.
        if found[3] and any(folded(_bare(column)) == name for column in _COLUMN.findall(found[3])):
            return
        if (schema, name) not in self._meant:
            self._meant[schema, name] = self._sought(schema, name)
        identity = self._meant[schema, name]
        if identity is not None:
            self.rows[identity] += rows

    def _sought(self, schema: str, name: str) -> int | None:
        if schema not in ("", "main") or (not schema and self._query(_HIDING, (name,)).rows):
            return None
        found = [table.identity for table in self._tables.virtual if folded(table.name) == name]
        return found[0] if found and found[0] in self._counted else None


def _bare(written: str) -> str:
    """Return a name without its quotes."""
    return written[1:-1].replace("''", "'") if written.startswith("'") else parts(written)[-1]
