"""Finds the names of tables in the text of SQLite's statements, whatever quotes and comments stand around them.

Knows SQLite's tokens; knows no database. Where it has to guess, it finds a name too many.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

OURS = f"sessmig_{os.urandom(4).hex()}"
"""What our temporary objects are called: a name that no file and no table has."""

GAP = r"(?:[\s\ufeff]|--[^\n]*\n|/\*.*?\*/)+"
"""What may stand between two words; to SQLite a BOM is a blank."""

# Numbers are left out: there may be very many. What is left of a name that begins with one is found all the same.
_WORD = re.compile(r"[^\W\d][\w$]*")
_TOKEN = re.compile(
    r"""(?P<gap>[ \t\n\r\f\ufeff]+|--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<quoted>"[^"]*(?:""[^"]*)*+"|`[^`]*(?:``[^`]*)*+`|'[^']*(?:''[^']*)*+'|\[[^\]]*\])"""
    r"""|(?P<bare>[^\x00-#%-/:-@\[-^`{-\x7f]+)|(?P<sign>.)""",
    re.DOTALL,
)
# The usual way to write it; there may be 100,000 of them.
_PLAIN = re.compile(r"(?:INSERT\s+OR\s+)?REPLACE\s+INTO\s+(\w+)(?=[\s(])", re.IGNORECASE)
# SQLite knows capitals of ASCII only.
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def folded(name: str) -> str:
    """Return a name so that two names of the same thing are equal."""
    return name.translate(_SMALL)


def words(texts: Iterable[str]) -> set[str]:
    """Return all words of some texts, also those within quotes and comments; folded."""
    found: set[str] = set()
    for text in texts:
        found.update(_WORD.findall(text))
    return set(map(folded, found))


class Names:
    """Some names, to be found among words.

    Args:
        names: folded.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.all = set(names)
        self._plain: set[str] = set()
        self._odd: dict[str, set[str]] = {}
        """The names with other signs in them, by their words; a name without any is found in every text."""
        for name in self.all:
            if _WORD.fullmatch(name):
                self._plain.add(name)
            else:
                self._odd[name] = words([name])

    def among(self, spoken: set[str]) -> set[str]:
        """Return the names that a text of these words may speak of."""
        return (self._plain & spoken) | {name for name, parts in self._odd.items() if parts <= spoken}


def replaced(statement: str) -> set[str] | None:
    """Return the tables or views, folded, whose rows a statement says REPLACE of; None where that is not plain."""
    if plain := _PLAIN.match(statement):
        return {folded(plain.group(1))}
    tokens = list(_tokens(statement))
    found = set()
    for at, token in enumerate(tokens):
        if token == (False, "replace") and tokens[at + 1 : at + 2] != [(False, "(")]:
            target = _target(tokens, at)
            if target is None:
                return None
            found.add(target)
    return found


def _target(tokens: list[tuple[bool, str]], at: int) -> str | None:
    if tokens[at + 1 : at + 2] == [(False, "into")]:
        first = at + 2
    elif tokens[max(0, at - 2) : at] == [(False, "update"), (False, "or")]:
        first = at + 1
    else:
        return None
    if tokens[first + 1 : first + 2] == [(False, ".")]:
        first += 2
    return tokens[first][1] if first < len(tokens) else None


def _tokens(statement: str) -> Iterator[tuple[bool, str]]:
    """Yield whether a token is quoted, and its text without quotes, folded."""
    for token in _TOKEN.finditer(statement):
        text = token.group()
        if token.lastgroup == "quoted":
            close = text[-1]
            yield True, folded(text[1:-1].replace(close * 2, close) if close != "]" else text[1:-1])
        elif token.lastgroup != "gap":
            yield False, folded(text)
