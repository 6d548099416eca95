"""Watches what a step does to the rows of every table: their effects, and what is lost that nobody has declared.

Knows when to look: before the statements, before each one that takes a table or column away (`last_look`), and after
them. What was seen, `effects` and `losses` judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from sessmig import generated, looks, script
from sessmig.course import CHANGING, NAMING, Course, is_harmless
from sessmig.declared import Declared, may_lose
from sessmig.effects import effects
from sessmig.errors import DatabaseError
from sessmig.evidence import Evidence
from sessmig.free_checks import new_faults, switched_off
from sessmig.kinds import Kinds
from sessmig.last_look import LastLook
from sessmig.losses import losses
from sessmig.model import Script
from sessmig.results import CheckResult
from sessmig.rows import Effect, Fault, Loss, Moved, Table

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_HIDING = ("DO", "CALL", "SELECT", "EXECUTE")
"""Statements that may do anything at all."""
_REWRITING = ("ALTER TABLE", "CLUSTER")


class Guard:
    """What watches one step.

    Args:
        database: where the step is carried out.
        source: its script.
        depth: what is looked at: all that a whole step is asked for; without the free checks, for one statement of a
            step of several commits; or only what costs next to nothing, for one range of such a statement.
    """

    def __init__(
        self, database: Database, source: Script, *, depth: Literal["step", "statement", "range"] = "step"
    ) -> None:
        self._database = database
        self._depth = depth
        self._source = source
        self._dialect = database.dialect
        directive = source.directive("may-lose")
        patterns = may_lose(source.path, directive) if directive else ()
        self._declared = Declared(patterns, self._dialect, source.path)
        self._kinds = Kinds(self._dialect)
        self.outlines = self._kinds.outlined(source.pieces)
        """What each statement is."""
        self._acts = self._acted()
        self._queries = {source.pieces[number].statement_line for number in generated.queries(source)}
        """The lines of the queries whose rows are run: until then nobody knows what they do."""
        self._place = 0
        """How many statements stand before the first of those that are sent now."""
        self._seen = Evidence(Course((), self._dialect), {})
        self._last = LastLook(database, source, self._declared, self._seen)
        self._faults: tuple[Fault, ...] = ()
        self._checks: tuple[CheckResult, ...] = ()

    def _acted(self) -> dict[int, script.Act]:
        return {
            number: script.act(self._source.pieces[number].statement, self._dialect)
            for number, outline in enumerate(self.outlines)
            if outline.verb in NAMING
        }

    def begin(self) -> None:
        """Look at the tables, and begin to count."""
        database, pieces = self._database, self._source.pieces
        tables = database.tables()
        self._seen = seen = Evidence(Course(tables, self._dialect), {table.identity: table for table in tables})
        self._last = LastLook(database, self._source, self._declared, seen)
        seen.cascading = tuple(self._cascading())
        if self._depth == "range":
            database.watch(pieces)
            return
        counted = self._to_count(tables, seen.course.again())
        if self._depth == "step":
            may_reach_all = self._queries or any(verb in _HIDING for verb, _ in seen.cascading)
            self._faults = self._find_faults(tables if may_reach_all else counted)
        seen.alone = database.held(tables)
        seen.rows_before = looks.counts(database, counted)
        unknown = [t for t in tables if t.storage and looks.is_small(t) and t.identity not in seen.rows_before]
        if not self._queries and not any(verb in _HIDING or verb == "TRUNCATE" for verb, _ in seen.cascading):
            rewritten = {seen.top(identity) for identity in self._rewritten()}
            unknown = [table for table in unknown if seen.top(table.identity) in rewritten]
        seen.filled = looks.filled(database, unknown)
        database.watch(pieces)

    def named(self) -> list[Table]:
        """Return the tables that the statements speak of, as they stand now; within no `begin`."""
        tables = self._database.tables()
        return self._to_count(tables, Course(tables, self._dialect))

    def _find_faults(self, tables: Iterable[Table]) -> tuple[Fault, ...]:
        with self._database.read_only():
            return self._database.faults(tuple(tables), self._source.pieces, is_all=bool(self._queries))

    def grow(self, number: int, given: Script) -> None:
        """Take in what a query gives, before the first of it runs; its statements are those that are sent now.

        Args:
            number: which of the file's statements the query is.
            given: the statements.
        """
        seen, database, pieces = self._seen, self._database, self._source.pieces
        self._place = at = self._place + number + 1
        self._source = replace(
            self._source, text=self._source.text + given.text, pieces=(*pieces[:at], *given.pieces, *pieces[at:])
        )
        self.outlines[at:at] = self._kinds.outlined(given.pieces)
        self._acts = self._acted()
        self._last.source = self._source
        seen.cascading = tuple(self._cascading())
        now = {table.identity: table for table in database.tables()}
        # What nothing has happened to holds as many rows as before the step.
        changed = {*seen.rows_before, *seen.course.tallies, *database.changes()}
        named = self._to_count(seen.before.values(), Course(seen.before.values(), self._dialect))
        still = [table.identity for table in named if table.identity not in changed]
        seen.rows_before |= looks.counts(database, [now[identity] for identity in still if identity in now])
        database.watch(given.pieces, more=True)

    def go_on(self, number: int, given: Script) -> None:
        """Go back to the file's own statements, behind the query whose rows have been run."""
        self._place += len(given.pieces) - number - 1

    def locked(self) -> None:
        """Count the rows that nobody else can change now; before, it might have waited, or others have changed them."""
        seen = self._seen
        held = self._database.held(seen.before.values()) - seen.alone
        seen.alone |= held
        # A partitioned table is locked with its parts.
        seen.rows_before |= looks.counts(self._database, [t for t in seen.before.values() if t.identity in held])

    def _rewritten(self) -> Iterator[int]:
        """Return the tables that a statement may write anew, row by row: they get another storage, and lose nothing."""
        if self._kinds.verbs.isdisjoint(_REWRITING):
            return
        course = Course(self._seen.before.values(), self._dialect)
        for number, (piece, outline) in enumerate(zip(self._source.pieces, self.outlines, strict=True)):
            if outline.verb in _REWRITING and (identity := course.find(outline.target)) is not None:
                yield identity
            if number in self._acts:
                course.done(piece, outline, 0)

    def _cascading(self) -> Iterator[tuple[str, int]]:
        for piece, outline, number in zip(self._source.pieces, self.outlines, range(len(self.outlines)), strict=True):
            hides = outline.verb in _HIDING and not is_harmless(outline.verb, piece.statement)
            if (hides and piece.statement_line not in self._queries) or (
                outline.verb.startswith(("DROP", "TRUNCATE"))
                and (number not in self._acts or self._acts[number].cascades)
            ):
                yield outline.verb, piece.statement_line

    def _to_count(self, tables: Iterable[Table], course: Course) -> list[Table]:
        """Return the tables that the statements name, those that hang on them, and those that may lose something.

        Args:
            tables: all there are.
            course: of these, for the statements to be followed on.
        """
        known = {table.identity: table for table in tables}
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
        touched |= {table.identity: False for table in self._declared.named(known.values())}
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
            if self._is_destructive(self._place + number):
                if number > start:
                    yield start, number
                    start = number
                try:
                    self._last.look(self._place + number, self._acts[self._place + number])
                except DatabaseError as error:
                    error.index = number
                    raise
        if start < last:
            yield start, last

    def is_alike(self, number: int, other: int) -> bool:
        """Tell whether two INSERTs of plain values bring rows into the same table."""
        number += self._place
        return self._source.pieces[number].is_plain and self.outlines[number] is self.outlines[self._place + other]

    def done(self, number: int, rows: int | None) -> script.Outline:
        """Take a statement into account that was done; return what it is."""
        number += self._place
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
        if self._depth == "range":  # what came since is the batch's own bookkeeping
            tables = tuple(table for table in tables if table.identity in seen.before)
        database.unwatch()
        seen.after = {table.identity: table for table in tables}
        seen.course.settle(tables)
        changed = seen.note_changed()
        moved = {i for i in changed if (old := seen.before.get(i)) and old.storage != seen.after[i].storage}
        if self._depth == "range":  # whose own statement truncates nothing: a trigger may
            seen.rows_after = looks.counts(database, [seen.after[identity] for identity in sorted(moved)])
            return
        touched = {*seen.rows_before, *seen.changes, *seen.course.tallies}
        touched |= {i for i in changed if (old := seen.before.get(i)) is None or old.parent != seen.after[i].parent}
        touched |= moved | {seen.top(identity) for identity in touched | moved}
        seen.rows_after = looks.counts(database, [seen.after[i] for i in sorted(touched) if i in seen.after])
        seen.rewritten = frozenset() if moved <= seen.rows_after.keys() else frozenset(self._rewritten())
        if self._depth == "statement":
            return
        standing = [seen.after[identity] for identity in touched if identity in seen.after]
        with database.read_only():
            found = database.faults(standing, self._source.pieces)
        self._checks = new_faults(self._faults, found, str(self._source.path))
        self._checks += switched_off(self._source, self._dialect)

    def effects(self) -> tuple[Effect, ...]:
        """Return what was done to the rows of each table that was touched."""
        return effects(self._seen)

    def losses(self, covered: Mapping[str, Moved]) -> tuple[Loss, ...]:
        """Return what was lost and is not declared.

        Args:
            covered: what merges account for, by the name of their source before the step.
        """
        course = Course(self._seen.before.values() if covered else (), self._dialect)
        known = {course.find(name): rows for name, rows in covered.items()}
        return losses(self._seen, self._declared, {top: rows for top, rows in known.items() if top is not None})

    def checks(self) -> tuple[CheckResult, ...]:
        """Return what is wrong now and was not before, whatever the step meant."""
        return self._checks

    def completed(self, found: tuple[Loss, ...]) -> tuple[Loss, ...]:
        """Count what nobody could count on the way; to be asked once the step was rolled back."""
        unknown = {one.table for one in found if one.rows is None and one.kind in ("table dropped", "table truncated")}
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
