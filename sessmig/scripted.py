"""Writes one script that the database's own program runs to what a run would do, ledger and log included.

Knows the order of things, as `attempt` and `staged` have it; the program's words are the database's. What cannot be in
such a script (row accounts, the loss guard) its head says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sessmig import generated, script
from sessmig.attempt import detail, leading_locks
from sessmig.databases.contract import Database
from sessmig.databases.scripting import Scripting
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import FileError, PlanError
from sessmig.escapes import one_line
from sessmig.halfway import Progress
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.ledger_rows import done_by
from sessmig.model import LEGACY, Entry, Piece, Step
from sessmig.preview import Preview
from sessmig.recorder import Recorder
from sessmig.results import StatementResult, StepReport
from sessmig.script_head import head_lines
from sessmig.script_questions import Questions
from sessmig.stage import Stage, stages

_MOVED = "the ledger is not as it was when this script was planned: plan anew"
_BLANKS = " \t\r\n\f\v"
"""What stands around a statement; others that Python would strip are characters like any other to a database."""


def script_text(job: Job, preview: Preview) -> str:
    """Write the script.

    Raises:
        FileError: a statement that the program would not send as it is; with file and line.
        PlanError: a step is half done: only a run goes on with it.
    """
    if preview.plan.halfway:
        half = preview.plan.halfway[0]
        raise PlanError(
            f"{half.version} {half.name} is half done, and no script knows where to go on",
            holds="Nothing was touched.",
            remedy="Bring it to its end first: sessmig migrate; or take back what is done: sessmig rollback.",
        )
    return "\n".join(Scripted(job, preview).lines()) + "\n"


class Scripted:
    """The script of one plan.

    Args:
        job: where.
        preview: what would run.
    """

    def __init__(self, job: Job, preview: Preview) -> None:
        self._job = job
        self._preview = preview
        self._database: Database = job.database
        self._program: Scripting = job.database.scripting()
        self._recorder = Recorder(job.database)
        who = self._recorder.mark(self._program.who)
        database, name = self._recorder.as_database, preview.series.name
        self._ledger = Ledger(database, job.table, name, run=job.run, by=who, proves=False)
        self._entries = {(e.series, e.version): e for e in preview.entries}

    def lines(self) -> Iterator[str]:
        """Give the whole script."""
        # A comment's line must not end early: what stands behind would be run.
        yield from map(one_line, head_lines(self._preview, self._program, self._database.dialect))
        if not self._preview.steps:
            yield "-- Nothing would run."
            return
        yield from self._program.head(self._job.lock_wait)
        yield from self._begin_ledger()
        for number, step in enumerate(self._preview.steps, 1):
            yield ""
            yield f"-- {'=' * 76}"
            number_of = f"{number} of {len(self._preview.steps)}"
            yield one_line(f"-- {number_of}: {step.migration.title}: {step.script.description}")
            yield one_line(f"-- {step.migration.path}")
            yield f"-- {'=' * 76}"
            if step.script.is_staged:
                yield from self._staged(step)
            else:
                yield from self._plain(step)
            names = [block.name for block in step.blocks if block.verb == "measure"]
            yield from self._program.forget(names)
            yield self._program.say(f"{step.migration.title} applied")
        yield from ["", *self._program.foot(), self._program.say("all of it is done")]

    def _begin_ledger(self) -> Iterator[str]:
        """Make the ledger where there is none, or take an old one over, in a transaction of its own."""
        database, program, name = self._database, self._program, self._job.table
        if self._ledger.is_standing:
            return
        yield from ["", "-- The ledger", *program.begin(name)]
        if not database.columns(name):
            yield from program.demand_no_table(database.table(name), _MOVED)
        elif any(entry.series == LEGACY for entry in self._preview.entries):
            names = sorted((e.name for e in self._preview.entries), key=str.encode)
            yield from program.demand_equal(program.joined("migration_id", database.table(name)), _list(names), _MOVED)
        self._ledger.ensure()
        yield from self._recorder.taken()
        yield from program.commit()

    def _demand_ledger(self) -> list[str]:
        """Stop where somebody has migrated since the plan was made."""
        program, table = self._program, self._database.table(self._job.table)
        series = ", ".join(self._database.literal(name) for name in (self._preview.series.name, LEGACY))
        column = (
            "series || ' ' || coalesce(CAST(version AS TEXT), '') || ' ' || migration_id || ' ' || status || ' ' ||"
            " coalesce(checksum, '')"
        )
        lines = [f"{e.series} {e.version} {e.name} {e.status} {e.checksum or ''}" for e in self._entries.values()]
        query = program.joined(column, f"{table} WHERE series IN ({series})")
        return program.demand_equal(query, _list(sorted(lines, key=str.encode)), _MOVED)

    def _plain(self, step: Step) -> Iterator[str]:
        """One step in one transaction, in the order of `attempt.carry_out`."""
        program, source = self._program, step.script
        asks, keys = self._asks(step), enforces_foreign_keys(source)
        locks = leading_locks(source, self._database.dialect)
        yield from program.begin(self._job.table, foreign_keys=keys)
        yield from self._demand_ledger()
        yield from program.start_clock()
        # Where they are enforced, the database itself lets no such row be.
        yield from () if keys else program.keep_faults()
        yield from program.reading([*asks.before(), *(() if locks else asks.same())])
        for number in range(locks):
            yield from self._statement(step, number)
        if locks:
            yield from program.reading(list(asks.same()))
        for number in range(locks, len(source.pieces)):
            yield from self._statement(step, number)
        yield from program.behind(source.pieces)
        faults = [] if keys else program.demand_no_faults(_keys_label(step))
        yield from program.reading([*asks.after(), *faults])
        yield from self._record(step)
        yield from program.commit(foreign_keys=keys)

    def _staged(self, step: Step) -> Iterator[str]:
        """One step in several commits, in the order of `staged.carry_staged`."""
        program, table, asks = self._program, self._job.table, self._asks(step)
        found = stages(step.script, step.merges, self._database.dialect)
        progress = Progress(statements=len(found))
        yield from program.hold(table)
        yield from program.begin(table)
        yield from self._demand_ledger()
        yield from program.start_clock()
        yield from program.reading([*asks.before(), *asks.same()])
        progress.measures = [one for one in self._asks(step).measured() if one.before]
        yield from self._half(step, progress)
        yield from program.commit()
        for stage in found:
            is_alone = stage.kind == "alone"
            lines = list(self._stage(step, stage))
            yield from lines if is_alone else [*program.begin(table), *lines, *program.behind((stage.piece,))]
            yield from program.begin(table) if is_alone else ()
            progress.done += 1
            progress.hashes.append(stage.hash)
            yield from self._half(step, progress)
            yield from program.commit()
        yield from program.begin(table)
        yield from program.reading(list(asks.after()))
        yield from self._record(step)
        yield from program.commit()
        yield from program.let_go(table)

    def _stage(self, step: Step, stage: Stage) -> Iterator[str]:
        if stage.batch is None:
            yield from self._statement(step, stage.number)
            return
        bounds = {
            "first": self._program.bound("min", stage.batch.table, stage.batch.column),
            "last": self._program.bound("max", stage.batch.table, stage.batch.column),
        }
        yield "-- A batch statement: here in one go, so others wait for its rows until the COMMIT."
        text = stage.piece.statement
        for at, name in reversed(script.placeholders(text, self._database.dialect)):
            text = text[:at] + bounds.get(name, f":{name}") + text[at + 1 + len(name) :]
        yield self._sent(step, stage.piece, text)

    def _half(self, step: Step, progress: Progress) -> list[str]:
        spent = self._recorder.mark(self._program.spent_ms)
        self._ledger.record_half(step, "running", progress.as_json(), spent)  # type: ignore[arg-type]
        return self._recorder.taken()

    def _statement(self, step: Step, number: int) -> Iterator[str]:
        piece = step.script.pieces[number]
        text = self._sent(step, piece, piece.text.strip(_BLANKS))
        if generated.is_query(step.script, piece):
            file = f"{step.migration.title}.line_{piece.statement_line}.sql"
            yield from self._program.each_row(text, file)
        else:
            yield text

    def _sent(self, step: Step, piece: Piece, text: str) -> str:
        """Return a statement so that the program sends it as it is, with its semicolon."""
        dialect = self._database.dialect
        for at, _ in reversed(script.placeholders(text, dialect)):
            text = f"{text[: at + 1]} {text[at + 1 :]}"  # the bound of a slice, which the program would fill in
        try:
            text = self._program.statement(text)
        except ValueError as error:
            raise FileError(
                step.script.path, str(error), line=piece.statement_line, remedy="Put it beside the words before it."
            ) from None
        *_, (_, at, end) = script.atoms(text, dialect)
        return text if text[at:end] == ";" else f"{text}\n;"

    def _asks(self, step: Step) -> Questions:
        return Questions(self._program, self._recorder, step.blocks)

    def _record(self, step: Step) -> list[str]:
        """Write the row that says that it is done, and that of the log."""
        recorder, program, migration = self._recorder, self._program, step.migration
        statements = [
            (piece.statement_line, script.outline(piece.statement, self._database.dialect))
            for piece in step.script.pieces
        ]
        report = StepReport(
            migration.version,
            migration.label,
            migration.name,
            step.script.description,
            str(migration.path),
            "applied",
            recorder.mark(program.moment),
            recorder.mark(program.spent_ms),  # type: ignore[arg-type]
            tuple(StatementResult(line, outline.verb, outline.target, None) for line, outline in statements),
            tuple(self._asks(step).measured()),
            tuple(self._asks(step).checked()),
        )
        self._ledger.record(migration, report)
        kept = detail(report, replace(step, blocks=(), merges=(), script=replace(step.script, text="")))
        kept.pop("text", None)  # the file itself stands beside the script
        held = next((one for one in self._preview.plan.held if one.version == migration.version), None)
        if held is not None:
            kept["ignored_wait"] = held.how
        self._ledger.log(
            migration,
            "apply",
            "success",
            started_at=report.started_at,
            duration_ms=report.duration_ms,
            detail=kept
            | {"run_by": f"{program.program}, with a script planned by {done_by()}"}
            | {"not_asked": [merge.name for merge in step.merges]},
        )
        series = self._preview.series.name
        self._entries[series, migration.version] = Entry(
            series, migration.version, migration.name, "success", migration.checksum
        )
        return recorder.taken()


def _keys_label(step: Step) -> str:
    return one_line(f"free check: no new row without the row it refers to ({step.script.path})")


def _list(lines: Sequence[str]) -> str:
    return "\n".join(lines)
