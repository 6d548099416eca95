"""Lays out lines of SQL with their numbers: in colours, and folded so that no sign of them is lost or misread.

Knows the lexer's literals and a terminal's columns. A folded line goes on behind `..`; its parts, joined, are the line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sessmig import script
from sessmig.colour import lines as parted
from sessmig.colour import painted
from sessmig.escapes import visible
from sessmig.model import Dialect

_GOES_ON = ".."
_TAB = 4
_Cell = tuple[str, str, bool]
"""What is shown of one sign, its colour, and whether it stands in a literal."""


def laid_out_lines(
    text: str, dialect: Dialect, *, width: int | None, coloured: bool, numbered: bool
) -> Iterator[tuple[int, str]]:
    """Give the lines as they are shown, each with the number of the text's line.

    Args:
        text: the SQL.
        dialect: its own.
        width: how many columns there are; as many as it takes, if None.
        coloured: whether there are colours.
        numbered: whether the numbers are shown.
    """
    text = visible(text)
    plain = text.split("\n")
    found = parted(text) if coloured else [[("", line)] for line in plain]
    digits = max(len(str(len(plain))), 1 if width is None and numbered else len(_GOES_ON))
    room = None if width is None else width - digits - 4
    literals = (
        _literals(text, dialect) if any("\t" in line or len(line) > (room or len(line)) for line in plain) else []
    )
    at = 0
    for number, (line, parts) in enumerate(zip(plain, found, strict=True), 1):
        front = str(number) if numbered else ""
        if "\t" not in line and len(line) <= (room or len(line)):
            shown = ["".join(painted(code, part) for code, part in parts)]
        else:
            shown = [_joined(cells) for cells in _folded(_cells(parts, at, literals), room)]
        for n, piece in enumerate(shown):
            head = (_GOES_ON if n else front).rjust(digits)
            yield number, f"  {head}  {piece}" if piece else f"  {head}".rstrip()
        at += len(line) + 1


def _literals(text: str, dialect: Dialect) -> list[tuple[int, int]]:
    """Return where the literals and quoted names stand; the body of a function is none."""
    return [
        (start, end)
        for kind, start, end in script.atoms(text, dialect)
        if kind in ("string", "name") and not text.startswith("$", start)
    ]


def _cells(parts: Sequence[tuple[str, str]], at: int, literals: Sequence[tuple[int, int]]) -> list[_Cell]:
    found: list[_Cell] = []
    column = 0
    for code, part in parts:
        for sign in part:
            n = bisect_right(literals, (at, 1 << 62)) - 1
            is_literal = n >= 0 and at < literals[n][1]
            shown = sign if sign != "\t" else r"\t" if is_literal else " " * (_TAB - column % _TAB)
            found += [(one, code, is_literal) for one in shown]
            column += len(shown)
            at += 1
    return found


def _folded(cells: list[_Cell], room: int | None) -> Iterator[list[_Cell]]:
    """Cut behind a blank where there is one outside literals; else anywhere."""
    while room is not None and len(cells) > room:
        blanks = (n for n in range(room, room // 3, -1) if cells[n - 1][0] == " " and not cells[n - 1][2])
        cut = next(blanks, room)
        yield cells[:cut]
        cells = cells[cut:]
    yield cells


def _joined(cells: Sequence[_Cell]) -> str:
    """Put the signs together, those of one colour in one."""
    found: list[tuple[str, list[str]]] = []
    for sign, code, _ in cells:
        if not found or found[-1][0] != code:
            found.append((code, []))
        found[-1][1].append(sign)
    return "".join(painted(code, "".join(signs)) for code, signs in found)
