"""Finds out whether a half-done step can go on with the file as it is now: what is done must stand there unchanged.

A pure function of the file's stages and of how far it is; beside it, what is raised where another process went on.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessmig.halfway import BatchProgress, Progress
from sessmig.model import Migration, Problem, Script, Status
from sessmig.stage import Stage


class PassedError(Exception):
    """Another process has ended the step meanwhile; `status` is what its ledger row says."""

    def __init__(self, status: Status | None) -> None:
        super().__init__(status)
        self.status = status


def why_not_on(migration: Migration, source: Script, stages: Sequence[Stage], progress: Progress) -> Problem | None:
    """Return the reason why a half-done step cannot go on, with the way out; None if it can.

    Args:
        migration: whose step it is.
        source: its file, or its rollback file where that is half done.
        stages: those of the file as it is now.
        progress: how far it is.
    """
    done = progress.done
    changed = next(
        (n for n in range(done) if n >= len(stages) or stages[n].hash != progress.hashes[n]),
        None,
    )
    if changed is not None:
        where, what = _place(source, stages, changed), f"statement {changed + 1} of the {done} that are done"
        gone = changed >= len(stages)
        return _problem(
            migration, f"{where}: {what} {'is gone' if gone else 'was changed since'}", undoing=progress.undoing
        )
    if not stages and progress.begun is not None:
        text = (
            f"{source.path}: statement {progress.begun + 1} was begun outside transactions, which this file is no more"
        )
        return _problem(migration, text, undoing=progress.undoing)
    for number, batch in sorted(progress.batches.items()):
        is_begun = batch.cursor is not None or number < done
        if is_begun and (text := _other_batch(source, stages, number, batch)):
            return _problem(migration, text, undoing=progress.undoing, is_running=number >= done)
    return None


def note_statements(stages: Sequence[Stage], progress: Progress) -> None:
    """Note of which statements the batches are that were begun."""
    for number, batch in progress.batches.items():
        if number < len(stages):
            batch.by, batch.hash = batch.by or str(stages[number].batch), batch.hash or stages[number].hash


def drop_unbegun(progress: Progress) -> None:
    """Forget the bounds of a statement of which no batch is done: the file may take its rows otherwise now."""
    progress.batches = {
        number: batch
        for number, batch in progress.batches.items()
        if batch.cursor is not None or number < progress.done
    }


def _other_batch(source: Script, stages: Sequence[Stage], number: int, batch: BatchProgress) -> str:
    """Say in what a statement is another one than the one whose batches are done; nothing if it is the same."""
    where, rows = _place(source, stages, number), f"{batch.rows:,} rows"
    stage = stages[number] if number < len(stages) else None
    if batch.by and (stage is None or str(stage.batch) != batch.by):
        return f"{where}: {rows} are done in batches of {batch.by}, which this is no more"
    if batch.hash and stage and stage.hash != batch.hash:
        return f"{where}: {rows} are done by this statement in batches, and it was changed since"
    return ""


def _place(source: Script, stages: Sequence[Stage], number: int) -> str:
    return f"{source.path}:{stages[number].piece.statement_line}" if number < len(stages) else str(source.path)


def _problem(migration: Migration, text: str, *, undoing: bool, is_running: bool = False) -> Problem:
    remedy = "Put that part of the file back, and mend only what comes behind it"
    if is_running:
        remedy = "Put the statement and its `batch` back as they were, and mend the rows that it fails at"
    return Problem(
        "changed",
        migration.version,
        migration.name,
        text,
        f"{remedy}." if undoing else f"{remedy}; or take back what is done, by its rollback file: sessmig rollback",
        migration.path,
    )
