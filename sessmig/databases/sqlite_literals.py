"""Writes values of a SQLite table's key as literals, and reads them; takes names apart.

Knows SQL's words; asks no database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sessmig.databases.values import Undecodable
from sessmig.model import Cell

_NAME = re.compile(r'"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|([^.\s]+)')

LITERAL = (
    "CASE WHEN typeof({0}) = 'text' AND instr({0}, char(0)) THEN 'NUL' "
    "WHEN typeof({0}) = 'real' AND {0} = 9e999 THEN '9e999' WHEN typeof({0}) = 'real' AND {0} = -9e999 THEN '-9e999' "
    "ELSE quote({0}) END"
)
"""A value as SQLite writes it; what cannot be written so, as it would end at its first NUL character, is told.

Infinity it writes as a word (`Inf`) that it takes for a name itself.
"""


def is_bindable(literals: Cell) -> bool:
    """Tell whether a statement can be given a value, or all of a JSON list of them."""
    if isinstance(literals, Undecodable):
        return False
    written = str(literals)
    return "NUL" not in written or "NUL" not in (json.loads(written) if written.startswith("[") else [written])


def literally(statement: str, places: Sequence[tuple[int, str]], upto: str) -> str:
    """Write a value into a statement that is only explained: how it is bound makes no difference to the plan."""
    for at, name in sorted(places, reverse=True):
        statement = statement[:at] + upto + statement[at + 1 + len(name) :]
    return statement


def value(literal: str) -> Cell:
    """Read what `quote()` wrote."""
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    if literal.startswith("X'"):
        return bytes.fromhex(literal[2:-1])
    return int(literal) if literal.lstrip("-").isdigit() else float(literal)


def parts(written: str) -> list[str]:
    """Return the parts of a dotted name without their quotes."""
    return [
        double.replace('""', '"') or back.replace("``", "`") or bracket or bare
        for double, back, bracket, bare in _NAME.findall(written)
    ]
