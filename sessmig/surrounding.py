"""Collects the SQL that sessmig adds around a step, from the places where it is built.

Knows which part sends what; sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sessmig.databases.contract import Database
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import DatabaseError
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.merge_sql import MergeSql
from sessmig.model import Block, Step
from sessmig.preview import Preview
from sessmig.proof import asked
from sessmig.recorder import Recorder
from sessmig.results import Measurement, StepReport
from sessmig.verdict import EXAMPLES


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
        self._ledger = Ledger(self._recorder.as_database, job.table, preview.series.name)
        self._sent = job.database.scripting().sent(job.table, foreign_keys=enforces_foreign_keys(step.script))

    def surrounding(self) -> Surrounding:
        blocks = self._step.blocks
        before = [b for b in blocks if b.verb == "require" or b.before]
        after = [b for b in blocks if not (b.verb == "require" or b.before)]
        same = [b for b in after if b.expects == "same"]
        return Surrounding(
            (
                *self._making(),
                Added("the transaction, which begins with the lock", self._sent.begin),
                *self._questions([*before, *same]),
                *self._merges(after=False),
            ),
            (
                *([Added("what is deferred, now", self._sent.behind)] if self._sent.behind else []),
                *self._questions(after),
                *self._merges(after=True),
                *self._recording(),
                Added("the end", self._sent.commit),
            ),
        )

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
            keeps = merge.rejects or merge.differing == "keep"
            kept = sql.keeping(f"sessmig_merge_{number}") if keeps else sql
            if after:
                statements = [kept.arrived(), *([kept.absent()] if merge.rejects else []), kept.standing_total()]
            else:
                statements = [sql.probe(), sql.totals(), sql.twice("count(*)")]
                statements += [sql.rejected(), kept.keep_rejected()] if merge.rejects else []
                statements += [kept.standing()]
                statements += [kept.keep_differing()] if merge.differing == "keep" else []
            yield Added(f"merge {merge.name}, {'behind' if after else 'before'} the statements", tuple(statements))

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
