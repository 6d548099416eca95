"""Draws where the rows of a merge went: from the source, in bands as wide as there are rows, to what became of them.

A pure function of an account: places and sizes, no SVG and no colours. It is as wide as a telephone.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sessmig.escapes import one_line
from sessmig.results import Account
from sessmig.words import count

WIDTH = 328
_BAR = 14
_LEFT, _RIGHT = _BAR, 136
"""Where the bands begin and end."""
_LABEL = _RIGHT + _BAR + 10
_TOP = 26
_HEIGHT = 104
"""How high all rows together are."""
_LEAST = 3.0
"""How high a class is that hardly has rows: it has to be seen."""
_GAP = 12
_NUMBER, _NAME = 16, 15
"""The heights of a line with a number, and of one with a name."""
_SIZE = 12.0
_LINES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, and its baseline."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """What became of some rows: a band from the source to a bar of its own, with its words."""

    kind: str
    """inserted, identical, differing, rejected, missing or unknown."""
    name: str
    rows: int
    path: str
    y: float
    height: float
    number: Line
    names: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole picture."""

    width: int
    height: float
    bar: int
    right: int
    top: int
    source_height: float
    title: str
    source: Line
    bands: tuple[Band, ...]


def classes(account: Account) -> list[tuple[str, str, int]]:
    """Return what became of the rows of a source, as kind, name and number, also what nothing became of."""
    found = [
        ("inserted", "inserted", account.inserted),
        ("identical", "identical", account.identical),
        ("differing", "differing", account.differing),
    ]
    found += [("rejected", f"rejected: {one_line(rule)}", number) for rule, number in account.rejected]
    if not account.rejected:
        found += [("rejected", "rejected", 0)]
    if account.missing:
        found += [("missing", "missing", account.missing)]
    rest = account.source - sum(number for _, _, number in found)
    return found + ([("unknown", "not told", rest)] if rest > 0 else [])


def flow(account: Account) -> Flow | None:
    """Draw an account; None where there were no rows, or the numbers cannot be."""
    parts = [part for part in classes(account) if part[2] > 0]
    total = sum(number for _, _, number in parts)
    if not parts or any(number < 0 for _, _, number in classes(account)):
        return None
    bands, source_y, y = [], float(_TOP), float(_TOP)
    for kind, name, number in parts:
        height = max(_LEAST, _HEIGHT * number / total)
        names = wrapped(name, WIDTH - _LABEL, _SIZE, _LINES)
        words = _NUMBER + _NAME * len(names)
        first = y + max(0.0, (height - words) / 2) + 12
        lines = tuple(Line(_LABEL, first + 15 + _NAME * n, text) for n, text in enumerate(names))
        told = Line(_LABEL, first, f"{count(number, 'row')} · {share(number, total)}")
        bands.append(Band(kind, name, number, _band(source_y, y, height), y, height, told, lines))
        source_y += height
        y += max(height, words) + _GAP
    title = f"{count(account.source, 'source row')}: " + ", ".join(f"{number:,} {name}" for _, name, number in parts)
    source = Line(0, 14, count(account.source, "source row"))
    return Flow(WIDTH, y - _GAP + 4, _BAR, _RIGHT, _TOP, source_y - _TOP, title, source, tuple(bands))


def _band(start: float, end: float, height: float) -> str:
    middle = (_LEFT + _RIGHT) / 2
    return (
        f"M{_LEFT} {start:.1f}C{middle} {start:.1f} {middle} {end:.1f} {_RIGHT} {end:.1f}"
        f"V{end + height:.1f}C{middle} {end + height:.1f} {middle} {start + height:.1f} {_LEFT} {start + height:.1f}Z"
    )


def share(number: int, total: int) -> str:
    """Return a part in per cent; all and nothing only where it is all or nothing."""
    if number in (0, total):
        return "100 %" if number else "0 %"
    percent = 100 * number / total
    return "< 0.1 %" if percent < 0.1 else "> 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def wrapped(text: str, width: float, size: float, lines: int) -> list[str]:
    """Cut a text into lines that are no wider than there is room, at blanks where it can be."""
    found: list[str] = []
    rest = text.strip()
    while rest and len(found) < lines:
        end = _fitting(rest, width, size)
        if end < len(rest):
            if len(found) == lines - 1:
                end = _fitting(rest, width - size, size)
                return [*found, rest[:end].rstrip() + "…"]
            blank = rest.rfind(" ", 1, end + 1)
            end = blank if blank > 0 else end
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return found


def _fitting(text: str, width: float, size: float) -> int:
    used = 0.0
    for n, character in enumerate(text):
        used += _wide(character) * size
        if used > width and n:
            return n
    return len(text)


def _wide(character: str) -> float:
    """Return about how wide a character is, in a font's size; rather too much."""
    if unicodedata.east_asian_width(character) in "WF":
        return 1.1
    if character in "MW@%mw—…":
        return 0.98
    return 0.74 if character.isupper() or character in "_" else 0.6
