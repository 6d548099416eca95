"""Takes out statements of which no rule has anything to say: rows that are written out, of which there may be 100,000.

Knows by a few words which these are; a statement that is left in costs time, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sessmig.lint.statement import Statement
from sessmig.model import Dialect

_ROWS = re.compile(r'INSERT\s+INTO\s+[\w."]+\s*(?:\([\w\s,"]*\)\s*)?VALUES\b', re.IGNORECASE)
_WORDS = r"\b(?:CONFLICT|SELECT|LIMIT|FETCH)\b"
# A text in double quotes is SQLite's alone.
_TELLING: dict[Dialect, re.Pattern[str]] = {
    "sqlite": re.compile(rf'"|{_WORDS}', re.IGNORECASE),
    "postgres": re.compile(_WORDS, re.IGNORECASE),
}
_NEW_VALUE = re.compile(r"ALTER\s+TYPE\b.*\bADD\s+VALUE\b", re.IGNORECASE | re.DOTALL)


def without_plain_rows(statements: Sequence[Statement]) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Return the statements that rules are asked of, and what the others tell of tables: each of their heads once.

    Where a value is added to an enum all are kept, as any of them may use it.
    """
    if any(_NEW_VALUE.match(statement.text) for statement in statements):
        return tuple(statements), ()
    kept: list[Statement] = []
    heads: dict[str, Statement] = {}
    for statement in statements:
        rows = _ROWS.match(statement.text)
        if rows is None or _TELLING[statement.dialect].search(statement.text, rows.end()):
            kept.append(statement)
        elif rows.group() not in heads:
            heads[rows.group()] = Statement(rows.group(), statement.line, statement.dialect)
    return tuple(kept), tuple(heads.values())
