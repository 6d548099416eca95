"""Keeps what was asked before a step of several commits until the questions after it are asked, runs later perhaps.

Knows the picture before a step, and where it is kept; what it means, `proof` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessmig.guard import Guard
from sessmig.halfway import Progress
from sessmig.model import Step
from sessmig.proof import Picture

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


def begun(database: Database, step: Step, picture: Picture) -> Progress:
    """Return the state of a step that begins now.

    Args:
        database: with an open transaction.
        step: the step.
        picture: what was asked before it.
    """
    named = Guard(database, step.script).named()
    with database.read_only():
        faults = database.faults(named, step.script.pieces, is_all=True)
    return Progress(
        measures=list(picture.measurements),
        same={block.name: answer for block, answer in picture.answers.items()},
        checks=list(picture.checks),
        faults=list(faults),
    )


def picture_of(step: Step, state: Progress) -> Picture:
    """Return the picture before a step as its state has it; what came into the verify file since is not in it."""
    return Picture(
        {one.name: one.value for one in state.measures},
        {block: state.same[block.name] for block in step.blocks if block.name in state.same},
        list(state.measures),
        list(state.checks),
    )
