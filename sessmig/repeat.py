"""Runs the statements that are marked `idempotent` a second time, and sees whether they change anything.

Knows which they are; nothing of what it does stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sessmig import script
from sessmig.enforcement import enforces_foreign_keys
from sessmig.errors import DatabaseError
from sessmig.generated import asked, is_query
from sessmig.job import Job
from sessmig.likeness import differences
from sessmig.model import Piece, Script, Step
from sessmig.rehearsal import Fingerprint, Repeat

if TYPE_CHECKING:
    from sessmig.databases.contract import Rehearsing


def repeat(job: Job, tools: Rehearsing, step: Step, exclude: Collection[str]) -> Iterator[Repeat]:
    """Run each marked statement of a step that has been carried out once more, each from the same state.

    Args:
        job: where.
        tools: of that database.
        step: the step, or the way back of one.
        exclude: tables that are not looked at.
    """
    marked = _marked(step.script)
    if not marked:
        return
    # Rolled back at its end, where it is not a part of a greater one.
    with replace(job, dry_run=True).transaction(foreign_keys=enforces_foreign_keys(step.script)):
        with job.database.read_only():
            before = tools.fingerprint(exclude)
        for piece in marked:
            with tools.undone():
                repeated = _repeated(job, tools, step, piece, before, exclude)
            yield repeated


def _marked(source: Script) -> list[Piece]:
    """Return the statements that are marked idempotent, each once."""
    lines = [directive.line for directive in source.directives if directive.word == "idempotent"]
    found = [next((piece for piece in source.pieces if piece.statement_line > line), None) for line in lines]
    return [piece for piece in dict.fromkeys(found) if piece is not None]


def _repeated(
    job: Job, tools: Rehearsing, step: Step, piece: Piece, before: Fingerprint, exclude: Collection[str]
) -> Repeat:
    source, database = step.script, job.database
    outline = script.outline(piece.statement, database.dialect)
    told = Repeat(
        step.migration.title,
        f"{source.path}:{piece.statement_line}",
        f"{outline.verb} {outline.target}".strip(),
    )
    try:
        mark = database.mark(source.text)
        if is_query(source, piece):
            source, _ = asked(database, source, source.pieces.index(piece))
        for _ in database.run(source.pieces if source is not step.script else [piece]):
            pass
        database.settle(shared=True)
        database.undo_settings(mark)
    except DatabaseError as error:
        return replace(told, error=error.what)
    finally:
        database.notices()
    with database.read_only():
        return replace(told, differences=differences(before, tools.fingerprint(exclude)))
