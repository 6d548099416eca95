"""Watches what a step does to the rows of every table: their effects, and what is lost that nobody has declared.

Knows when to look: before the statements, before each one that takes a table or column away (`last_look`), and after
them. What was seen, `effects` and `losses` judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig import looks, script
from sessmig.course import CHANGING, NAMING, Course
from sessmig.declared import Declared, may_lose
from sessmig.effects import effects
from sessmig.evidence import Evidence
from sessmig.free_checks import new_faults, switched_off
from sessmig.last_look import LastLook
from sessmig.losses import losses
from sessmig.model import Script
from sessmig.results import CheckResult
from sessmig.rows import Effect, Fault, Loss, Table

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_HIDING = ("DO", "CALL", "SELECT", "EXECUTE")
"""Statements that may do anything at all."""
_REWRITING = ("ALTER TABLE", "CLUSTER")
_CALLED = re.compile(r"(\w+)\s*\(")
_HARMLESS = {"set_config", "setval", "nextval", "currval", "max", "min", "count", "sum", "coalesce", "greatest", "now"}


class Guard:
    """What watches one step.

    Args:
        database: where the step is carried out.
        source: its script.
    """

    def __init__(self, database: Database, source: Script) -> None:
        self._database = database
        self._source = source
        self._dialect = database.dialect
        directive = source.directive("may-lose")
        patterns = may_lose(source.path, directive) if directive else ()
        self._declared = Declared(patterns, self._dialect)
        kinds: dict[script.Outline, script.Outline] = {}
        found = (script.outline(piece.statement, self._dialect) for piece in source.pieces)
        self.outlines = [kinds.setdefault(outline, outline) for outline in found]
        """What each statement is; of 200,000 most are the same."""
        self._acts = {
            number: script.act(source.pieces[number].statement, self._dialect)
            for number, outline in enumerate(self.outlines)
            if outline.verb in NAMING
        }
        self._seen = Evidence(Course((), self._dialect), {})
        self._last = LastLook(database, source, self._declared, self._seen)
        self._faults: tuple[Fault, ...] = ()
        self._checks: tuple[CheckResult, ...] = ()

    def begin(self) -> None:
        """Look at the tables, and begin to count."""
        database, pieces = self._database, self._source.pieces
        tables = database.tables()
        self._seen = seen = Evidence(Course(tables, self._dialect), {table.identity: table for table in tables})
        self._last = LastLook(database, self._source, self._declared, seen)
        seen.cascading = tuple(self._cascading())
        counted = self._to_count(tables)
        with database.read_only():
            self._faults = database.faults(counted, pieces)
        seen.alone = database.held(tables)
        seen.rows_before = looks.counts(database, counted)
        unknown = [t for t in tables if t.storage and looks.is_small(t) and t.identity not in seen.rows_before]
        if not any(verb in _HIDING or verb == "TRUNCATE" for verb, _ in seen.cascading):
            rewritten = {seen.top(identity) for identity in self._rewritten()}
            unknown = [table for table in unknown if seen.top(table.identity) in rewritten]
        seen.filled = looks.filled(database, unknown)
        database.watch(pieces)

    def locked(self) -> None:
        """Count the rows that nobody else can change now; before, it might have waited, or others have changed them."""
        seen = self._seen
        held = self._database.held(seen.before.values()) - seen.alone
        seen.alone |= held
        # A partitioned table is locked with its parts.
        seen.rows_before |= looks.counts(self._database, [t for t in seen.before.values() if t.identity in held])

    def _rewritten(self) -> Iterator[int]:
        """Return the tables that a statement may write anew, row by row: they get another storage, and lose nothing."""
        course = Course(self._seen.before.values(), self._dialect)
        for number, (piece, outline) in enumerate(zip(self._source.pieces, self.outlines, strict=True)):
            if outline.verb in _REWRITING and (identity := course.find(outline.target)) is not None:
                yield identity
            if number in self._acts:
                course.done(piece, outline, 0)

    def _cascading(self) -> Iterator[tuple[str, int]]:
        for piece, outline, number in zip(self._source.pieces, self.outlines, range(len(self.outlines)), strict=True):
            if (outline.verb in _HIDING and not _is_harmless(outline.verb, piece.statement)) or (
                outline.verb.startswith(("DROP", "TRUNCATE"))
                and (number not in self._acts or self._acts[number].cascades)
            ):
                yield outline.verb, piece.statement_line

    def _to_count(self, tables: Iterable[Table]) -> list[Table]:
        """Return the tables that the statements name, those that hang on them, and those that may lose something."""
        known = {table.identity: table for table in tables}
        course = Course(known.values(), self._dialect)
        touched: dict[int, bool] = {}
        met: set[script.Outline] = set()
        for number, (piece, outline) in enumerate(zip(self._source.pieces, self.outlines, strict=True)):
            if outline in met:
                continue
            if outline.verb in NAMING:
                met.clear()  # the names mean other tables from here on
            else:
                met.add(outline)
            if number in self._acts:
                for name in self._acts[number].tables if self._is_destructive(number) else ():
                    if (identity := course.find(name)) is not None:
                        touched[identity] = True
            identity = course.done(piece, outline, 0)
            if identity is not None:
                touched[identity] = touched.get(identity, False) or outline.verb != "INSERT"
        for identity in [*touched]:
            self._add_hanging(identity, known, touched)
        touched |= {table.identity: False for table in known.values() if self._declared.names(table)}
        return [known[identity] for identity in touched if identity in known]

    def _add_hanging(self, identity: int, known: Mapping[int, Table], touched: dict[int, bool]) -> None:
        """Add what triggers write to, and, where rows may go, what cascades take along."""
        new = [identity]
        while new:
            one = new.pop()
            hanging = set(known[one].reaches) if one in known else set()
            if touched[one]:
                hanging |= {other.identity for other in known.values() if one in other.follows}
            for other in hanging - touched.keys():
                touched[other] = True
                new.append(other)

    def _is_destructive(self, number: int) -> bool:
        act = self._acts.get(number)
        return bool(act and (act.dropped_columns or self.outlines[number].verb.startswith(("DROP", "TRUNCATE"))))

    def stretches(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Cut the statements where something is to be looked at before the next; look as the next stretch is taken."""
        start = first
        for number in range(first, last):
            if self._is_destructive(number):
                if number > start:
                    yield start, number
                    start = number
                self._last.look(number, self._acts[number])
        if start < last:
            yield start, last

    def done(self, number: int, rows: int | None) -> script.Outline:
        """Take a statement into account that was done; return what it is."""
        outline = self.outlines[number]
        self._last.has_run(outline.verb)
        if outline.verb in CHANGING or outline.verb in NAMING or outline.verb == "SELECT":
            self._seen.course.done(self._source.pieces[number], outline, rows)
        return outline

    def end(self) -> None:
        """Look at what the statements have done, and count no longer."""
        seen, database = self._seen, self._database
        seen.changes = dict(database.changes())
        tables = database.tables()
        database.unwatch()
        seen.after = {table.identity: table for table in tables}
        seen.course.settle(tables)
        touched = {*seen.rows_before, *seen.changes, *seen.course.tallies}
        touched |= seen.after.keys() - seen.before.keys()
        touched |= {i for i, t in seen.after.items() if _has_moved(t, seen.before.get(i))}
        touched |= {i for i, t in seen.after.items() if i in seen.before and t.parent != seen.before[i].parent}
        touched |= {seen.top(identity) for identity in touched}
        seen.rows_after = looks.counts(database, [seen.after[i] for i in sorted(touched) if i in seen.after])
        unread = [i for i, t in seen.after.items() if i not in seen.rows_after and _has_moved(t, seen.before.get(i))]
        seen.rewritten = frozenset(self._rewritten()) if unread else frozenset()
        changed = [seen.after[identity] for identity in touched if identity in seen.after]
        with database.read_only():
            found = database.faults(changed, self._source.pieces)
        self._checks = new_faults(self._faults, found, str(self._source.path))
        self._checks += switched_off(self._source, self._dialect)

    def effects(self) -> tuple[Effect, ...]:
        """Return what was done to the rows of each table that was touched."""
        return effects(self._seen)

    def losses(self, covered: Mapping[str, int]) -> tuple[Loss, ...]:
        """Return what was lost and is not declared.

        Args:
            covered: how many deleted rows merges account for, by the name of their source before the step.
        """
        course = Course(self._seen.before.values(), self._dialect)
        known = {course.find(name): rows for name, rows in covered.items()}
        return losses(self._seen, self._declared, {top: rows for top, rows in known.items() if top is not None})

    def checks(self) -> tuple[CheckResult, ...]:
        """Return what is wrong now and was not before, whatever the step meant."""
        return self._checks

    def completed(self, found: tuple[Loss, ...]) -> tuple[Loss, ...]:
        """Count what nobody could count on the way; to be asked once the step was rolled back."""
        unknown = {
            loss.table for loss in found if loss.rows is None and loss.kind in ("table dropped", "table truncated")
        }
        if not unknown:
            return found
        tables = {table.name: table for table in self._seen.before.values() if table.name in unknown}
        with self._database.snapshot():
            rows = looks.counts(self._database, tables.values())
        return tuple(
            replace(loss, rows=rows.get(tables[loss.table].identity))
            if loss.rows is None and loss.table in tables and not loss.column
            else loss
            for loss in found
        )


def _has_moved(table: Table, before: Table | None) -> bool:
    """Tell whether its rows stand elsewhere than before."""
    return before is not None and table.storage != before.storage


def _is_harmless(verb: str, statement: str) -> bool:
    """Tell whether a query calls nothing that could empty a table; pg_dump begins each file with such ones."""
    return verb == "SELECT" and {name.lower() for name in _CALLED.findall(statement)} <= _HARMLESS
