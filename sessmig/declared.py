"""Reads `may-lose` directives, and says which tables and columns they name.

Knows patterns and names; knows nothing of what was lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sessmig import script
from sessmig.errors import FileError
from sessmig.model import Dialect, Directive
from sessmig.rows import Table

_ENTRY = re.compile(r'\s*((?:"(?:[^"]|"")+"|[^\s",.;]+)(?:\.(?:"(?:[^"]|"")+"|[^\s",.;]+))*)\s*')
_PART = re.compile(r'"((?:[^"]|"")+)"|([^.]+)')
_HOW = "Write -- sessmig: may-lose TABLE, TABLE.COLUMN, SCHEMA.TABLE; a * stands for any letters."


@dataclass(frozen=True, slots=True)
class Pattern:
    """One entry of a `may-lose`: its parts, each with whether it stands in double quotes."""

    parts: tuple[tuple[str, bool], ...]

    def fits(self, names: tuple[str, ...], dialect: Dialect) -> bool:
        """Tell whether it names just this: as many parts, each fitting its own."""
        return len(names) == len(self.parts) and all(
            _fits(text, name, dialect, is_quoted=is_quoted)
            for (text, is_quoted), name in zip(self.parts, names, strict=True)
        )


def may_lose(path: Path, directive: Directive) -> tuple[Pattern, ...]:
    """Read the entries of a `may-lose`.

    Raises:
        FileError: it has none, or one that is no name; with file and line.
    """
    found, at, text = [], 0, directive.argument
    while True:
        entry = _ENTRY.match(text, at)
        if entry is None or text[entry.end() : entry.end() + 1] not in ("", ","):
            rest = text[at:].strip().partition(",")[0].strip()
            what = f"{rest!r} is no name of a table" if rest else "a name of a table is missing"
            raise FileError(path, f"may-lose: {what}", line=directive.line, remedy=_HOW)
        parts = _PART.findall(entry[1])
        found.append(Pattern(tuple((quoted.replace('""', '"') or bare, bool(quoted)) for quoted, bare in parts)))
        at = entry.end() + 1
        if at > len(text):
            return tuple(found)


class Declared:
    """What a file says may be lost.

    Args:
        patterns: its entries.
        dialect: how the database compares names.
        path: the file. A rollback may drop what its migration has made, as long as no row stands there.
    """

    def __init__(self, patterns: Iterable[Pattern], dialect: Dialect, path: Path) -> None:
        self._patterns = tuple(patterns)
        self._dialect = dialect
        self.drops_empty_tables = path.name.endswith(".rollback.sql")

    def names(self, table: Table) -> bool:
        """Tell whether an entry names this table, and so its rows and its columns."""
        return any(pattern.fits(name, self._dialect) for pattern in self._patterns for name in self._names(table))

    def named(self, tables: Iterable[Table]) -> list[Table]:
        """Return those of the tables that an entry names."""
        return [table for table in tables if self.names(table)] if self._patterns else []

    def names_column(self, table: Table, column: str) -> bool:
        """Tell whether an entry names this column, or the table."""
        last = script.comparable(column, self._dialect)
        names = [(*name, last) for name in self._names(table)]
        return self.names(table) or any(p.fits(name, self._dialect) for p in self._patterns for name in names)

    def _names(self, table: Table) -> list[tuple[str, ...]]:
        """With its schema, and without it where people write it so."""
        full = script.parts(table.sql, self._dialect)
        bare = script.comparable(table.name, self._dialect)
        return [full, full[-1:]] if full[-1] == bare else [full]


def _fits(text: str, name: str, dialect: Dialect, *, is_quoted: bool) -> bool:
    own = script.comparable(text, dialect, is_quoted=is_quoted)
    if is_quoted:
        return own == name
    return re.fullmatch(".*".join(map(re.escape, own.split("*"))), name, re.DOTALL) is not None
