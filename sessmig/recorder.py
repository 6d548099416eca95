"""Takes the place of a database to which is written: keeps the statements, and passes on what only reads.

Knows SQL texts; by it a plan shows what the ledger would send, from the place where that is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from sessmig.model import Answer, Cell

if TYPE_CHECKING:
    from sessmig.databases.contract import Database

_PLACE = re.compile(r"\$(\d+)")
_BEGIN, _END = "\ue0f0", "\ue0f1"
"""Around the number of an expression, in a value; of nobody's use."""
_MARK = re.compile(f'"?{_BEGIN}(\\d+){_END}"?')
_READING = ("SELECT", "WITH", "VALUES")
_WRITING_ALL_THE_SAME = "SELECT setval"


class Recorder:
    """A database that is only told what it would be sent.

    Args:
        database: answers what is read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._expressions: list[str] = []
        self.json = ""
        """By what JSON with such texts in it is only named, where it is for people."""
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @property
    def as_database(self) -> Database:
        return cast("Database", self)

    def mark(self, expression: str) -> str:
        """Return a text that stands for what an expression gives: alone for its value, in JSON for one of its values.

        In JSON the expression has to give JSON text.
        """
        self._expressions.append(expression)
        return f"{_BEGIN}{len(self._expressions) - 1}{_END}"

    def query(self, sql: str, params: Sequence[Cell] = (), *, limit: int | None = None) -> Answer:
        if sql.lstrip().startswith(_READING) and not sql.startswith(_WRITING_ALL_THE_SAME):
            return self._database.query(sql, params, limit=limit)
        self.statements.append(_PLACE.sub(lambda found: self._written(params[int(found[1]) - 1]), sql))
        return Answer((), ())

    def taken(self) -> list[str]:
        """Return the statements since this was asked last, each with its semicolon."""
        found, self.statements = self.statements, []
        return [f"{statement.rstrip()};" for statement in found]

    def _written(self, value: Cell) -> str:
        if not isinstance(value, str) or _BEGIN not in value:
            return self._database.literal(value)
        if whole := _MARK.fullmatch(value):
            return self._expressions[int(whole[1])]
        if self.json:
            return self.json
        parts, at = [], 0
        for found in _MARK.finditer(value):
            parts += [self._database.literal(value[at : found.start()]), f"({self._expressions[int(found[1])]})"]
            at = found.end()
        text = " || ".join([*parts, self._database.literal(value[at:])])
        return f"CAST({text} AS {self._database.types.json})"
