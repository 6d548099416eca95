"""Writes values, counts and times as people read them.

Knows nothing of migrations.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sessmig.model import Cell
from sessmig.nothing import count as count

WIDE = 100
"""How many characters of a line or value are shown."""
_LONG = 1000
"""How many characters of a value are kept where it only stands for others."""


def shown(value: Cell) -> str:
    """Return a value as people read it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    return str(value)


def plain(value: Any) -> Any:
    """Return a value as every JSON reader knows it: bytes as SQL writes them, exact and endless numbers as text."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes | Decimal) or (isinstance(value, float) and not math.isfinite(value)):
        return shown(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)


def cut(value: Cell) -> Cell:
    """Return a value as it is, or where it is long its beginning and how long it is."""
    if isinstance(value, bytes) and len(value) > _LONG // 2:
        return f"{shown(value[: _LONG // 2])}... ({count(len(value), 'byte')})"
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_LONG]}... ({count(len(value), 'character')})"
    return value


def speaks_of_passwords(text: str) -> bool:
    """Tell whether a text may hold a password: then it is neither shown nor kept."""
    return "password" in text.lower()


def discreet(line: str) -> str:
    """Return a line to be shown, unless it may hold a password."""
    return "(this line speaks of a password and is not shown)" if speaks_of_passwords(line) else line


def short(text: str, wide: int = WIDE) -> str:
    """Return a text on one line, cut where it is too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= wide else f"{text[: wide - 3]}..."


def took(milliseconds: int) -> str:
    """Return a duration: `12 ms`, `3.4 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def file_size(size: int) -> str:
    """Return a number of bytes: `900 bytes`, `1.2 MB`."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return count(size, "byte")


def utc_now() -> str:
    """Return the time now as the ledger writes it: UTC, `YYYY-MM-DD HH:MM:SS`."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def since(started: float) -> int:
    """Return how many milliseconds have passed since a reading of `time.monotonic`."""
    return round((time.monotonic() - started) * 1000)


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numbers: Sequence[int] = ()) -> list[str]:
    """Lay rows out under their columns; the columns of `numbers` stand right-aligned."""
    cells = [list(columns), *([short(shown(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if n in numbers else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
