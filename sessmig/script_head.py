"""Writes the head of a script: what it is, how it is run, and what is not in it.

Knows words; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sessmig import __version__, generated
from sessmig.databases.scripting import Scripting
from sessmig.ledger_rows import done_by
from sessmig.model import Dialect, Step
from sessmig.pair_files import files_of
from sessmig.preview import Preview
from sessmig.stage import stages
from sessmig.words import count, short, utc_now

_RULE = "-- " + "-" * 76
_LONGEST = 110


def head_lines(preview: Preview, program: Scripting, dialect: Dialect) -> Iterator[str]:
    """Give the lines above the first statement, all of them comments."""
    steps = preview.steps
    yield f"-- {preview.series.name}: {count(len(steps), 'migration')} for {preview.label}"
    yield f"-- Written by sessmig {__version__} (plan --format sql) for {done_by()} at {utc_now()} UTC."
    yield "--"
    yield f"-- Run it: {program.command}"
    yield "-- It stops at the first statement, require or check that fails, with its name; the open transaction is gone"
    yield "-- then, and the steps before it stand. It begins by comparing the ledger with what this plan was made for."
    yield "--"
    yield "-- Not in it, as they are sessmig's alone:"
    yield "--   * the row accounts (merge): nobody counts where each row went;"
    yield "--   * the loss guard: rows that are deleted, cascaded away or dropped undeclared are not noticed;"
    yield "--   * the backup: make one first;"
    yield "--   * the numbers of rows in the log, and the free checks of sequences and indexes."
    if merges := [merge.name for step in steps for merge in step.merges]:
        yield "-- Left out for that: " + "; ".join(short(f"merge {name}", _LONGEST) for name in merges)
    for held in preview.plan.held:
        if held.ignored:
            yield f"-- A wait is overruled (--ignore-wait): {held.title} is run, though it would be held {held.how}."
    for note in program.notes:
        yield f"-- {note}"
    for step in steps:
        yield from _otherwise(step, program, dialect)
    yield "--"
    for step in steps:
        for part, path in files_of(step.migration).items():
            yield f"-- {preview.hashes[step.migration.version][part]}  {path}"
    for held in preview.plan.held:
        if not held.ignored:
            yield f"-- Not in it: {held}"
    for migration in preview.plan.later:
        yield f"-- Not in it: {migration.title}, which was not asked for"
    yield _RULE


def _otherwise(step: Step, program: Scripting, dialect: Dialect) -> Iterator[str]:
    """Say which statements the script runs otherwise than the others, and how."""
    for stage in stages(step.script, step.merges, dialect):
        line = f"{step.script.path.name}:{stage.piece.statement_line}"
        if stage.kind == "batch":
            yield f"-- {line}: a batch statement, here as one statement in one transaction."
        elif stage.kind == "alone":
            yield f"-- {line}: outside transactions."
    for number in generated.queries(step.script):
        yield (
            f"-- {step.script.path.name}:{step.script.pieces[number].statement_line}: run-each-row, run by "
            f"{program.each_row_words}"
        )
