"""Finds in sessmig's own code every text with which an error is made. Knows Python's syntax; runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sessmig import errors

PACKAGE = Path(errors.__file__).parent
KINDS = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
_MADE_BY = {"_wrong": 0, "_refusal": 1, "_no_answer": 0, "_untouched": 0, "_refuse": 2, "refuse": 0, "not_had": 2}
"""Functions that make an error of words they are given: which of their arguments these are."""


@dataclass(frozen=True, slots=True)
class Made:
    """A place at which an error is made.

    Args:
        where: the file of the package and, for people, the line.
        template: its words; `…` stands for what is filled in.
        remedy: what to do, where that stands beside it.
        kind: the error's class, or the function that makes it.
    """

    where: str
    kind: str
    template: str
    remedy: str

    @property
    def words(self) -> str:
        """The longest part of it that is always the same."""
        return max((part.strip(" :\n") for part in self.template.split("…")), key=len)

    def pattern(self) -> re.Pattern[str]:
        """What such a text looks like."""
        return re.compile(".{0,200}?".join(map(re.escape, self.template.split("…"))), re.DOTALL)


def made() -> Iterator[Made]:
    """Find all places whose words stand there; those that only pass on the words of others have none of their own."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (words := _words(node)) is not None:
                template = re.sub("…[…\\s]*…", "…", _template(words)).strip("…")
                if len(re.sub(r"\W", "", template)) >= 4:
                    remedy = next((_template(word.value) for word in node.keywords if word.arg == "remedy"), "")
                    yield Made(f"{path.relative_to(PACKAGE)}:{node.lineno}", _name(node), template, remedy)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else str(getattr(call.func, "id", ""))


def _words(call: ast.Call) -> ast.expr | None:
    name = _name(call)
    place = 1 if name == "FileError" else 0 if name in KINDS else _MADE_BY.get(name)
    return call.args[place] if place is not None and len(call.args) > place else None


def _template(words: ast.expr) -> str:
    if isinstance(words, ast.Constant) and isinstance(words.value, str):
        return words.value
    if isinstance(words, ast.JoinedStr):
        return "".join(_template(part) if isinstance(part, ast.Constant) else "…" for part in words.values)
    return "…"
