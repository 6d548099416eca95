"""Makes names comparable, as each database compares them: with quotes and without, and whatever their case.

Knows quoting; knows nothing of which tables there are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sessmig.model import Dialect

_PART = re.compile(r'"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|([^.\s"`\[]+)')
# Both databases know capitals of ASCII only.
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def comparable(name: str, dialect: Dialect, *, is_quoted: bool = True) -> str:
    """Return a name so that two names of the same thing are equal.

    Args:
        name: without its quotes, as a catalogue has it.
        dialect: SQLite compares names without case; PostgreSQL folds those that stand without quotes.
        is_quoted: whether it stood in quotes; a catalogue's names count as such.
    """
    return name if dialect == "postgres" and is_quoted else name.translate(_SMALL)


# A file that drops each of some thousand tables asks for each of their names again and again.
@lru_cache(maxsize=65_536)
def parts(written: str, dialect: Dialect) -> tuple[str, ...]:
    """Return the parts of a dotted name as a statement writes it, made comparable."""
    found = []
    for double, back, bracket, bare in _PART.findall(written):
        quoted = double.replace('""', '"') or back.replace("``", "`") or bracket
        found.append(comparable(quoted or bare, dialect, is_quoted=not bare))
    return tuple(found)
