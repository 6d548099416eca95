"""Finds out which sources of merges a step itself may empty or change, so that a copy of them is kept.

Knows statements, by their words alone; asks no database. Where it has to guess, a copy too many is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sessmig import generated, script
from sessmig.merge import Merge
from sessmig.model import Dialect, Script
from sessmig.rows import Table

_EMPTYING = re.compile(r"\b(?:DELETE|TRUNCATE|DROP|REPLACE(?!\s*\())\b", re.IGNORECASE)
# ALTER TABLE … TYPE … USING writes every row anew.
_UPDATING = re.compile(r"\bUPDATE\b|\bALTER\s+TABLE\b.*\bTYPE\b", re.IGNORECASE | re.DOTALL)
_NAME = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|\w+)'
_NAMES = re.compile(_NAME)
_GAP = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
# With UPDATE in it, an INSERT or MERGE changes what stands behind its INTO.
_TARGETS = re.compile(
    rf"\b(?:UPDATE|INTO|ALTER{_GAP}+TABLE)(?:{_GAP}+OR{_GAP}+\w+)?(?:{_GAP}+IF{_GAP}+EXISTS\b)?(?:{_GAP}+ONLY\b)?"
    rf"{_GAP}*({_NAME}(?:\s*\.\s*{_NAME})*)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Touched:
    """The names in a script's statements, made comparable; also those in the text of a DO block."""

    emptied: frozenset[str] = frozenset()
    """All names in statements that may take rows away."""
    updated: frozenset[str] = frozenset()
    """What statements update, or give another type by ALTER TABLE."""
    anything: bool = False
    """Queries give statements that nobody knows yet."""

    def may_empty(self, merge: Merge, tables: Iterable[Table], dialect: Dialect) -> bool:
        """Tell whether the step may take rows of the source away, by a statement or by a cascade."""
        if self.anything or not self.emptied:
            return self.anything
        tables = tuple(tables)
        names = {table.identity: script.parts(table.sql, dialect)[-1] for table in tables}
        gone = {identity for identity, name in names.items() if name in self.emptied}
        while more := {t.identity for t in tables if t.identity not in gone and not gone.isdisjoint(t.follows)}:
            gone |= more
        return not _written(merge, dialect).isdisjoint({names[identity] for identity in gone} | self.emptied)

    def may_change(self, merge: Merge, dialect: Dialect) -> bool:
        """Tell whether the step may change the source: then it would be compared with what it has become."""
        return self.anything or (bool(self.updated) and not _written(merge, dialect).isdisjoint(self.updated))


def touched(source: Script, dialect: Dialect) -> Touched:
    """Read what a script's statements may empty or change."""
    emptied, updated = set[str](), set[str]()
    for piece in source.pieces:
        if piece.is_plain:
            continue
        if _EMPTYING.search(piece.text, piece.body):
            emptied.update(_NAMES.findall(piece.statement))
        if _UPDATING.search(piece.text, piece.body):
            updated.update(_TARGETS.findall(piece.statement))
    return Touched(
        frozenset(part for name in emptied for part in script.parts(name, dialect)),
        # `UPDATE shop.old`: the table, not its schema.
        frozenset(part for name in updated for part in script.parts(name, dialect)[-1:]),
        anything=bool(generated.queries(source)),
    )


def _written(merge: Merge, dialect: Dialect) -> set[str]:
    """Return all names that the source speaks of."""
    atoms = script.atoms(merge.source, dialect)
    return {part for _, at, end in atoms for part in script.parts(merge.source[at:end], dialect)}
