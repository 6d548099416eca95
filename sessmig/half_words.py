"""Says how far a step of several commits is.

Knows its state and its stages; asks no database.
"""

from __future__ import annotations

from collections.abc import Sequence

from sessmig.halfway import Progress
from sessmig.stage import Stage
from sessmig.words import count


def how_far(progress: Progress, stages: Sequence[Stage] = ()) -> str:
    """Say how far a step is.

    Args:
        progress: as its ledger row has it.
        stages: those of its file, for the lines; none, where that cannot be read.
    """
    done, all_ = progress.done, count(progress.statements, "statement")
    if done >= progress.statements:
        return f"{'all ' if done > 1 else ''}{all_} done, but not what is asked after {'it' if done == 1 else 'them'}"
    told = f"{done:,} of {all_} done"
    next_ = f"line {stages[done].piece.statement_line}" if done < len(stages) else "the next one"
    batch = progress.batches.get(done)
    if batch and batch.batches:
        about = f" of about {max(batch.total or 0, batch.rows):,}" if batch.total is not None else ""
        in_ = "1 batch" if batch.batches == 1 else f"{batch.batches:,} batches"
        return f"{told}, and {batch.rows:,}{about} rows of {next_}, in {in_}"
    return f"{told}, {next_} is {'begun' if progress.begun == done else 'next'}"
