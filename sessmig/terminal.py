"""Lays a table out so that it fits the width of a terminal: what matters least is cut or left out first.

Knows widths; knows nothing of what stands in the cells, and asks no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sessmig.model import Cell
from sessmig.words import short, shown

_GAP = 2


@dataclass(frozen=True, slots=True)
class Shrink:
    """How a column gives way.

    Args:
        column: its number, from 0.
        least: how many characters stay at least; 0 leaves the column out.
        mark: what says that something was cut off.
    """

    column: int
    least: int = 0
    mark: str = "..."


def fitted(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    width: int | None = None,
    shrinks: Sequence[Shrink] = (),
    numbers: Sequence[int] = (),
) -> list[dict[int, str]]:
    """Return the rows, the heads first, as padded cells by the number of their column.

    Args:
        columns: the heads.
        rows: the cells.
        width: how many characters there are; as many as it takes, if None.
        shrinks: what gives way, one after the other, until it fits; what is not named here never does.
        numbers: the columns that stand right-aligned.
    """
    cells = [list(columns), *([short(shown(cell)) for cell in row] for row in rows)]
    widths = {n: max(len(row[n]) for row in cells) for n in range(len(columns))}
    marks: dict[int, str] = {}
    for shrink in shrinks if width is not None else ():
        over = sum(widths.values()) + _GAP * (len(widths) - 1) - (width or 0)
        if over <= 0 or shrink.column not in widths:
            continue
        if shrink.least == 0:
            del widths[shrink.column]
        elif widths[shrink.column] > shrink.least:
            # A text without its mark is cut whole (a date without its time), not anywhere.
            now = max(shrink.least, widths[shrink.column] - over) if shrink.mark else shrink.least
            widths[shrink.column], marks[shrink.column] = now, shrink.mark
    return [
        {
            n: (text.rjust(size) if n in numbers else text.ljust(size))
            for n, size in widths.items()
            for text in (_cut(row[n], size, marks.get(n, "")),)
        }
        for row in cells
    ]


def joined(row: dict[int, str]) -> str:
    """Return a row's cells as a line."""
    return (" " * _GAP).join(row.values()).rstrip()


def _cut(text: str, size: int, mark: str) -> str:
    return text if len(text) <= size else text[: size - len(mark)] + mark
