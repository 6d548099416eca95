"""A file as the rules look at it: its statements, what stands beside it, and what the series tells of its tables.

Knows what was read; reads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sessmig import script
from sessmig.lint.change import Change
from sessmig.lint.finding import Kind
from sessmig.lint.statement import Statement
from sessmig.lint.tables import Tables
from sessmig.merge import Merge
from sessmig.model import Block, Dialect, Directive

_TEMPORARY = ("TEMP", "TEMPORARY")


@dataclass(frozen=True)
class Sheet:
    """One file of a migration."""

    path: Path
    kind: Kind
    dialect: Dialect
    statements: tuple[Statement, ...]
    tables: Tables
    directives: tuple[Directive, ...] = ()
    verify: Path | None = None
    """Its verify file."""
    rollback: Path | None = None
    blocks: tuple[Block, ...] = ()
    """Those of its verify file; a verify file's own."""
    merges: tuple[Merge, ...] = ()
    beside: Sheet | None = None
    """Of a verify file, the file beside which it stands."""
    is_empty: bool = False
    """It holds neither a statement nor a remark."""

    def has(self, word: str) -> bool:
        """Whether it bears a directive."""
        return any(directive.word == word for directive in self.directives)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What it does to rows of tables that stay."""
        return tuple(c for s in self.statements for c in s.changes if not self.is_temporary(c))

    @cached_property
    def bodies(self) -> tuple[Change, ...]:
        """What the bodies of its triggers do to rows, whenever they run."""
        return tuple(c for s in self.statements for inner in s.body for c in inner.changes)

    def is_temporary(self, change: Change) -> bool:
        """Whether a change is of a table that goes with the step."""
        if change.verb == "CREATE TABLE" and set(_TEMPORARY) & set(change.statement.head[:3]):
            return True
        return change.target in self.temporary

    @cached_property
    def temporary(self) -> set[str]:
        """The temporary tables that it makes."""
        return {name for name, is_temporary in self._made if is_temporary}

    @cached_property
    def made(self) -> set[str]:
        """The tables that it makes."""
        return {name for name, _ in self._made}

    @cached_property
    def _made(self) -> tuple[tuple[str, bool], ...]:
        made = []
        for statement in self.statements:
            if statement.head[:1] == ("CREATE",) and "TABLE" in statement.head[:4]:
                act = script.act(statement.text, self.dialect)
                made.append((statement.bare(act.tables[0]), act.is_temporary))
        return tuple(made)

    @cached_property
    def renamed(self) -> tuple[tuple[str, str, int], ...]:
        """What it renames: the old name, the new one, and the place of the statement."""
        found = []
        for number, statement in enumerate(self.statements):
            if statement.head[:2] == ("ALTER", "TABLE"):
                act = script.act(statement.text, self.dialect)
                if act.new_name:
                    found.append((statement.bare(act.tables[0]), statement.bare(act.new_name), number))
        return tuple(found)

    @cached_property
    def dropped(self) -> tuple[tuple[str, Statement], ...]:
        """The tables that it drops, temporary ones not counted."""
        found = []
        for statement in self.statements:
            if statement.head[:2] == ("DROP", "TABLE"):
                names = (statement.bare(name) for name in script.act(statement.text, self.dialect).tables)
                found += [(name, statement) for name in names if name not in self.temporary]
        return tuple(found)

    @cached_property
    def rebuilt(self) -> set[str]:
        """The tables that it makes anew: another is made, the old one dropped, and the other takes its name."""
        dropped = {name for name, _ in self.dropped}
        gone = dropped | {old for old, new, _ in self.renamed if new in dropped}
        return {new for old, new, _ in self.renamed if new in gone and old in self.made}

    @cached_property
    def remade(self) -> set[str]:
        """The tables that it drops, and makes again under the same name."""
        found, gone = set(), set()
        for statement in self.statements:
            if statement.head[:2] == ("DROP", "TABLE"):
                gone |= {statement.bare(name) for name in script.act(statement.text, self.dialect).tables}
            elif statement.head[:1] == ("CREATE",) and "TABLE" in statement.head[:4]:
                found |= gone & {statement.bare(script.act(statement.text, self.dialect).tables[0])}
        return found

    def former(self, table: str) -> set[str]:
        """Return all names that a table has had in this file, the one it has at last too."""
        found = {table}
        for old, new, _ in reversed(self.renamed):
            found |= {old} if new in found else set()
        return found
