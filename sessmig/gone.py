"""Tells which checks cannot be asked any more, because another migration has taken away what they ask for.

Knows the words of queries and errors, and what files say may be lost; asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from sessmig import script
from sessmig.declared import Pattern, may_lose
from sessmig.errors import FileError
from sessmig.head import top_directive
from sessmig.model import Dialect, Migration

_NAME = re.compile(r'"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|\w+')


class Gone:
    """What other migrations were allowed to take away.

    Args:
        others: the other migrations that were carried out here; their files are read when something is missing.
        dialect: how the database compares names.
    """

    def __init__(self, others: Sequence[Migration], dialect: Dialect) -> None:
        self._others = others
        self._dialect = dialect

    def why(self, query: str, found: str) -> str:
        """Say who took away what a query lacks; empty if that is nobody, and the query or the database is at fault.

        Args:
            query: what was asked.
            found: what the database said to it; its first line names what is missing.
        """
        lacking = self._names(found.partition("\n")[0]) & self._names(query)
        for title, patterns in self._declared:
            for pattern in patterns:
                for name in sorted(lacking):
                    if Pattern(pattern.parts[-1:]).fits((name,), self._dialect):
                        return f"{name} is gone, which {title} may lose"
        return ""

    @cached_property
    def _declared(self) -> list[tuple[str, tuple[Pattern, ...]]]:
        return list(self._read(self._others))

    def _read(self, migrations: Iterable[Migration]) -> Iterable[tuple[str, tuple[Pattern, ...]]]:
        for migration in migrations:
            try:
                if directive := top_directive(migration.path, "may-lose", self._dialect):
                    yield migration.title, may_lose(migration.path, directive)
            except FileError:  # an applied file need not be understood any more
                continue

    def _names(self, text: str) -> set[str]:
        return {part for name in _NAME.findall(text) for part in script.parts(name, self._dialect)}
