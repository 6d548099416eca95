"""Refuses statements beside a batch that change its merge's source where no account would see it.

A range is accounted for as it is taken, and no copy is kept from one commit to the next. Knows statements by their
names; asks no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sessmig import script
from sessmig.errors import FileError
from sessmig.merge import Merge
from sessmig.model import Dialect, Script
from sessmig.stage import Stage
from sessmig.writes import Write, writes


def refuse_unaccounted(source: Script, stages: Sequence[Stage], dialect: Dialect) -> None:
    """Refuse what changes a source before its batch, or by it or behind it, where the target is changed behind it too.

    What changes only one of them behind the batch, the last comparison sees.

    Raises:
        FileError: naming the statement that changes the source.
    """
    if not any(stage.merges for stage in stages):
        return
    written = [writes(replace(source, pieces=(stage.piece,)), dialect) for stage in stages]
    for stage in stages:
        for merge in stage.merges:
            pairs = (*merge.keys, *merge.comparing)
            # A rule may speak of any column.
            read = set() if merge.rejects else _columns((name for name, _ in pairs), dialect)
            kept = _columns((name for _, name in pairs), dialect)
            is_followed = any(_changes(own, merge.target, kept, dialect) for own in written[stage.number + 1 :])
            for number, own in enumerate(written):
                is_before = number < stage.number
                if (is_before or is_followed) and _changes(own, merge.source, read, dialect):
                    _refuse(source, stages[number], merge, is_before=is_before)


def _columns(names: Iterable[str], dialect: Dialect) -> set[str]:
    return {script.parts(name, dialect)[-1] for name in names}


def _changes(own: Sequence[Write], place: str, columns: set[str], dialect: Dialect) -> bool:
    """Tell whether a statement changes some columns of a table; any of them, if none are named."""
    name = script.parts(place, dialect)
    for write in own:
        if write.name[-1:] != name[-1:] or (len(name) > 1 < len(write.name) and write.name[-2:] != name[-2:]):
            continue
        said = write.columns if write.kind == "update" else write.others
        if write.kind in ("take", "rename") or (write.kind == "update" and not (columns and said)):
            return True
        if write.kind in ("update", "shape") and not said.isdisjoint(columns):
            return True
    return False


def _refuse(source: Script, stage: Stage, merge: Merge, *, is_before: bool) -> None:
    what = f"changes {merge.source}" if is_before else f"changes {merge.source}, and a statement changes {merge.target}"
    raise FileError(
        source.path,
        f"{what}: the account of merge {merge.name} is kept range by range, and would not see it",
        line=stage.piece.statement_line,
        remedy=f"Put it into a migration of its own, {'before' if is_before else 'behind'} this one.",
    )
