"""Values that Python's own types do not hold exactly, and how each database writes a value in SQL.

Knows types and quoting; knows no database connection.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf

from sessmig.model import Cell
from sessmig.quoting import literal

_EXACT = 2**53
"""Up to here every whole number is a float."""


class Undecodable(str):
    """Text that is stored in bytes which are no UTF-8: shown with replacement marks, compared by its bytes."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Undecodable:
        text = super().__new__(cls, raw, "utf-8", "replace")
        text.raw = raw
        return text

    def __getnewargs__(self) -> tuple[bytes]:  # type: ignore[override]
        return (self.raw,)  # for copies

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undecodable) and self.raw == other.raw

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.raw)


class Real(float):
    """A PostgreSQL `real`: 0.1 of four bytes, which is not the 0.1 of eight."""

    __slots__ = ()


def decoded(data: bytes) -> str:
    """Read text as it is stored, also where an application has stored bytes that are no UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Undecodable(data)


def known(value: object) -> Cell:
    """Return a value as one of ours; an application's own converters may have made anything of it."""
    return value if value is None or isinstance(value, str | int | float | Decimal | bytes) else str(value)


def sqlite_literal(value: Cell) -> str:
    """Write a value as SQLite reads it back exactly."""
    if isinstance(value, float):
        return _sqlite_float(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, Undecodable):
        return f"CAST(x'{value.raw.hex()}' AS TEXT)"
    if isinstance(value, str) and "\0" in value:
        return f"({' || char(0) || '.join(map(literal, value.split(chr(0))))})"
    return _number(int(value)) if isinstance(value, bool) else _plain(value)


def postgres_literal(value: Cell) -> str:
    """Write a value as PostgreSQL reads it back exactly; text takes the type of what it stands beside."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"'{float(value)!r}'::{'float4' if isinstance(value, Real) else 'float8'}"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    return _plain(value)


def _sqlite_float(value: float) -> str:
    if value in (inf, -inf):
        return "9e999" if value > 0 else "(-9e999)"
    above, below = value.as_integer_ratio()
    if 1 < below <= 2**62 and abs(above) <= _EXACT:
        # SQLite's own reading of long decimals may be off by the last bit.
        return f"({above} * 1.0 / {below})"
    return f"({value!r})" if value < 0 else repr(value)


def _plain(value: Cell) -> str:
    if value is None:
        return "NULL"
    return _number(value) if isinstance(value, int | Decimal) else literal(str(value))


def _number(value: int | Decimal) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"({text})" if value < 0 else text
