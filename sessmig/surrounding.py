"""Collects the SQL that sessmig adds around a step, from the places where it is built.

Knows which part sends what; sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sessmig import script
from sessmig.attempt import leading_locks
from sessmig.databases.contract import Database
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import DatabaseError
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.merge import Merge
from sessmig.merge_sql import MergeSql
from sessmig.model import Block, Step
from sessmig.preview import Preview
from sessmig.proof import asked
from sessmig.recorder import Recorder
from sessmig.results import Measurement, StepReport
from sessmig.verdict import EXAMPLES
from sessmig.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Added:
    """Some statements, and what they are for."""

    title: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What is sent before the statements of a step, and behind them."""

    before: tuple[Added, ...]
    behind: tuple[Added, ...]
    amid: Mapping[int, tuple[Added, ...]]
    """What stands behind a line of the file, by its number."""


def surroundings(job: Job, preview: Preview) -> dict[int, Surrounding]:
    """Return what is sent around each step, by its version."""
    return {
        step.migration.version: _Around(job, preview, step, is_first=not n).surrounding()
        for n, step in enumerate(preview.steps)
    }


class _Around:
    """What is sent around one step."""

    def __init__(self, job: Job, preview: Preview, step: Step, *, is_first: bool) -> None:
        self._job = job
        self._step = step
        self._is_first = is_first
        self._database: Database = job.database
        self._recorder = Recorder(job.database)
        self._ledger = Ledger(self._recorder.as_database, job.table, preview.series.name, proves=False)
        keys, wait = enforces_foreign_keys(step.script), Waiting(job.lock_wait).lock_timeout
        self._sent = job.database.scripting().sent(job.table, foreign_keys=keys, wait=wait)

    def surrounding(self) -> Surrounding:
        blocks, source = self._step.blocks, self._step.script
        before = [b for b in blocks if b.verb == "require" or b.before]
        after = [b for b in blocks if not (b.verb == "require" or b.before)]
        picture = [*self._questions([b for b in after if b.expects == "same"]), *self._merges(after=False)]
        amid = {line: (Added(words, ()),) for line, words in self._replaced()}
        locks = 0 if source.is_staged else leading_locks(source, self._database.dialect)
        if locks:  # the picture is taken when nobody else writes any more
            piece = source.pieces[locks - 1]
            line = piece.statement_line + piece.statement.count("\n")
            amid[line] = (*amid.get(line, ()), *picture)
            picture = []
        return Surrounding(
            (
                *self._making(),
                Added("the transaction, which begins with the lock", self._sent.begin),
                *self._questions(before),
                *picture,
            ),
            (
                *([Added("what is deferred, now", self._sent.behind)] if self._sent.behind else []),
                *self._questions(after),
                *self._merges(after=True),
                *self._recording(),
                Added("the end", self._sent.commit),
            ),
            amid,
        )

    def _replaced(self) -> Iterator[tuple[int, str]]:
        """Name the file's own BEGIN and COMMIT: sessmig's are sent in their place."""
        source, dialect = self._step.script, self._database.dialect
        kept = {piece.statement_line for piece in source.pieces}
        for piece in script.split(source.text, dialect, source.path):
            if piece.is_statement and piece.statement_line not in kept and script.words(piece.statement, dialect):
                what = script.words(piece.statement, dialect, limit=1)[0]
                yield piece.statement_line, f"{what} in line {piece.statement_line} is not sent: sessmig's own is"

    def _making(self) -> Iterator[Added]:
        """The ledger itself, in a transaction of its own, before the first step."""
        if self._is_first and not self._ledger.is_standing:
            self._ledger.ensure()
            statements = self._recorder.taken()
            yield Added("the ledger, in a transaction of its own", (*self._sent.begin, *statements, *self._sent.commit))

    def _questions(self, blocks: list[Block]) -> Iterator[Added]:
        for block in blocks:
            text = block.query.text.strip()
            if block.expects == "same":
                sent = text
            else:
                limit = 2 if block.verb == "measure" else EXAMPLES + 1
                sent = asked(self._database, text, f"* FROM sessmig_asked LIMIT {limit}")
            yield Added(
                f"{block.verb}: {block.name} ({block.where})",
                (*self._sent.before_questions, sent, *self._sent.after_questions),
            )

    def _merges(self, *, after: bool) -> Iterator[Added]:
        for number, merge in enumerate(self._step.merges, 1):
            sql = MergeSql(merge, self._database.unlike)
            with suppress(DatabaseError):  # an earlier step makes the tables, and their types are known only then
                sql = sql.known(self._database.kinds(sql.compared()))
            keeps = bool(merge.rejects) or merge.differing == "keep"
            name = f"sessmig_merge_{number}"
            kept = sql.keeping(name) if keeps else sql
            yield from self._merge_behind(merge, kept, keeps) if after else self._merge_before(merge, sql, kept, name)

    def _merge_before(self, merge: Merge, sql: MergeSql, kept: MergeSql, name: str) -> Iterator[Added]:
        statements = [sql.probe(), sql.totals(), sql.twice("count(*)")]
        statements += [sql.rejected()] if merge.rejects else []
        yield Added(f"merge {merge.name}, before the statements", (*statements, sql.standing()))
        keeping = [kept.keep_rejected()] if merge.rejects else []
        keeping += [kept.keep_differing()] if merge.differing == "keep" else []
        if keeping:
            made = f"CREATE TEMPORARY TABLE {name} AS {sql.nothing_kept()}"
            title = "where there are such rows (it takes the right to make temporary tables)"
            yield Added(f"merge {merge.name}, {title}", (made, *keeping))

    def _merge_behind(self, merge: Merge, kept: MergeSql, keeps: bool) -> Iterator[Added]:
        yield Added(f"merge {merge.name}, behind the statements", (kept.arrived(), kept.standing_total()))
        if keeps:
            asked = (kept.absent(), kept.overruled("count(*)"), kept.overwritten("count(*)"))
            dropped = f"DROP TABLE IF EXISTS sessmig_merge_{self._step.merges.index(merge) + 1}"
            yield Added(f"merge {merge.name}, where there were such rows", (*asked, dropped))

    def _recording(self) -> Iterator[Added]:
        """The ledger row and the log row; what is known only then is named."""
        mark, migration = self._recorder.mark, self._step.migration
        report = StepReport(
            migration.version,
            migration.label,
            migration.name,
            self._step.script.description,
            str(migration.path),
            "applied",
            mark(":started_at"),
            mark(":duration_ms"),  # type: ignore[arg-type]
            measurements=(Measurement("measures", mark(":metadata")),),
        )
        self._recorder.json = ":metadata"
        self._ledger.record(migration, report)
        self._recorder.json = ":detail"
        self._ledger.log(
            migration,
            "apply",
            "success",
            started_at=report.started_at,
            duration_ms=report.duration_ms,
            detail={"statements": mark(":detail")},
        )
        yield Added("the ledger row, and the log's", tuple(self._recorder.taken()))
