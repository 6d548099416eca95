"""Writes questions that are asked again and again so that a PostgreSQL server keeps their plans.

By PREPARE and EXECUTE, which may stand in one string with other statements, and so share their round trip. Knows SQL;
sends nothing itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sessmig.quoting import literal

_AGAIN = 2
"""A question that is asked so often is prepared; to plan it takes the server longer than to answer."""
_KNOWN = 500
"""So many questions are told apart; a file of many checks asks each but once or twice."""
_ANEW = (20, 100, 500, 2500)
"""After so many times it is prepared anew: what was best among ten tables is not among a thousand."""
_VERBS = ("SELECT", "WITH", "INSERT", "UPDATE")


class Plans:
    """What one session of a server has prepared."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._used: Counter[str] = Counter()
        self._made = 0

    def written(self, sql: str, values: Sequence[str | None]) -> tuple[str, str] | None:
        """Return what has the server prepare a question, if it has not yet, and what has it answer.

        None where it is not asked often enough, or cannot be written so. Literals are read as the standard has them.
        """
        if sql not in self._names and not self._is_common(sql):
            return None
        if any(value is not None and "\0" in value for value in values):
            return None  # which no literal holds
        given = ", ".join("NULL" if value is None else literal(value) for value in values)
        asked = f"({given})" if values else ""
        self._used[sql] += 1
        old = self._names.get(sql)
        if old and self._used[sql] not in _ANEW:
            return "", f"EXECUTE {old}{asked}"
        # A name is not used twice: of what failed nobody knows whether it was prepared.
        self._made += 1
        name = f"sessmig_{self._made}"
        return f"{f'DEALLOCATE {old}; ' if old else ''}PREPARE {name} AS {sql}\n", f"EXECUTE {name}{asked}"

    def prepared(self, sql: str, written: tuple[str, str]) -> None:
        """Know that what was written has come to the server."""
        if written[0]:
            self._names[sql] = f"sessmig_{self._made}"

    def failed(self, sql: str, written: tuple[str, str]) -> None:
        """Know that it came to nothing: of the one before nobody knows either."""
        if written[0]:
            self._names.pop(sql, None)

    def _is_common(self, sql: str) -> bool:
        if len(self._asked) >= _KNOWN and sql not in self._asked:
            return False
        self._asked[sql] += 1
        return self._asked[sql] >= _AGAIN and sql.lstrip().startswith(_VERBS)
