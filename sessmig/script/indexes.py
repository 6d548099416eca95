"""Reads what a statement does to an index beside running writers (CONCURRENTLY), and with which names.

Knows PostgreSQL's grammar of these few statements; a statement that it does not recognize is none of them.
"""

from __future__ import annotations

from sessmig.index_act import IndexAct
from sessmig.model import Dialect
from sessmig.script.tokens import atoms

_OFF = ("FALSE", "OFF", "0", "'FALSE'", "'OFF'")


def index_act(statement: str, dialect: Dialect) -> IndexAct | None:
    """Read a CREATE INDEX, DROP INDEX or REINDEX with CONCURRENTLY; None if it is anything else."""
    if dialect == "sqlite" or statement[:1].upper() not in ("C", "D", "R"):
        return None
    reader = _Reader(statement)
    if reader.takes("CREATE"):
        return _created(reader)
    if reader.takes("DROP"):
        return _dropped(reader)
    return _reindexed(reader) if reader.takes("REINDEX") else None


class _Reader:
    """A statement, read word by word."""

    def __init__(self, statement: str) -> None:
        self._text = statement
        self._atoms = [atom for atom in atoms(statement, "postgres") if statement[atom[1]] != ";"]
        self._at = 0

    @property
    def word(self) -> str:
        """The next word or sign in capitals; a quoted name is no word."""
        if self._at == len(self._atoms):
            return ""
        kind, start, end = self._atoms[self._at]
        return "" if kind == "name" else self._text[start:end].upper()

    def takes(self, *words: str) -> bool:
        """Go past these words, if they come next."""
        start = self._at
        for word in words:
            if self.word != word:
                self._at = start
                return False
            self._at += 1
        return True

    def name(self) -> str:
        """Go past a name with its dots; return it as written."""
        if self._at == len(self._atoms):
            return ""
        first = self._at
        self._at += 1
        while self.takes("."):
            self._at += 1
        last = self._atoms[min(self._at, len(self._atoms)) - 1]
        return self._text[self._atoms[first][1] : last[2]]

    def options(self) -> list[list[str]]:
        """Go past a list in parentheses; return the words of each part."""
        parts: list[list[str]] = [[]]
        if self.takes("("):
            while self.word != ")" and self._at < len(self._atoms):
                if self.word == ",":
                    parts.append([])
                else:
                    parts[-1].append(self.word)
                self._at += 1
            self.takes(")")
        return parts

    def rest(self) -> str:
        """Return what comes, without the semicolon."""
        if self._at == len(self._atoms):
            return ""
        return self._text[self._atoms[self._at][1] : self._atoms[-1][2]]


def _created(reader: _Reader) -> IndexAct | None:
    unique = reader.takes("UNIQUE")
    if not reader.takes("INDEX", "CONCURRENTLY"):
        return None
    reader.takes("IF", "NOT", "EXISTS")
    name = "" if reader.word == "ON" else reader.name()
    if not reader.takes("ON"):
        return None
    reader.takes("ONLY")
    table = reader.name()
    return IndexAct("create", "INDEX", name, table, is_unique=unique, behind=reader.rest())


def _dropped(reader: _Reader) -> IndexAct | None:
    if not reader.takes("INDEX", "CONCURRENTLY"):
        return None
    reader.takes("IF", "EXISTS")
    return IndexAct("drop", "INDEX", reader.name())


def _reindexed(reader: _Reader) -> IndexAct | None:
    # REINDEX takes the word as an option too: (VERBOSE, CONCURRENTLY), unless it is switched off.
    options = [option for option in reader.options() if option[:1] == ["CONCURRENTLY"]]
    concurrently = bool(options) and not (set(options[-1][1:]) & set(_OFF))
    kind = reader.word
    if not reader.takes(kind) or kind not in ("INDEX", "TABLE", "SCHEMA", "DATABASE"):
        return None
    concurrently = reader.takes("CONCURRENTLY") or concurrently
    return IndexAct("reindex", kind, reader.name()) if concurrently else None
