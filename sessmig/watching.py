"""Runs one statement, or one range of it, under the loss guard.

Knows the order in which is looked and given back; what is sent, its callers know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sessmig.effect_sums import told
from sessmig.guard import Guard
from sessmig.model import Script
from sessmig.rows import Effect, Loss, Moved

if TYPE_CHECKING:
    from sessmig.databases.contract import Database


def watch(
    database: Database,
    guard: Guard,
    source: Script,
    run: Callable[[], Iterable[int | None]],
    *,
    covered: Callable[[], dict[str, Moved]],
    shared: bool,
) -> tuple[tuple[Effect, ...], tuple[Loss, ...]]:
    """Return what it did to the rows of each table, and what was lost that is not declared.

    Args:
        database: with an open transaction.
        guard: at the part of the script that is run.
        source: that part.
        run: sends it; gives the rows that each sending changed.
        covered: asked behind it: what merges account for, by the name of their source.
        shared: other steps follow in the same transaction.
    """
    guard.begin()
    mark = database.mark(source.text)
    rows = sum(number or 0 for number in run())
    # What a deferred trigger does is the statement's doing; at the commit nobody would see it.
    database.settle(shared=shared)
    database.undo_settings(mark)
    guard.end()
    effects = told(guard.effects(), source.pieces, rows, database.dialect)
    return effects, guard.losses(covered())
