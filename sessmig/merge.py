"""The noun of a `merge` block: which rows have to be where after a step.

Knows nothing of files, databases or output.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Pair = tuple[str, str]
"""A column of the source and the one of the target that belongs to it, as SQL writes them."""


Kind = Literal["", "text", "json", "exact", "number", "float"]
"""What has to be known of a column so that its values are compared rightly.

`exact` is a type that takes different values for equal, `number` one that holds every number exactly, unlike `float`.
"""


@dataclass(frozen=True, slots=True)
class Reject:
    """A rule by which a row of the source is left out on purpose."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Merge:
    """One `merge` block of a verify file."""

    source: str
    """A table's name or a `(SELECT ...)`, as SQL writes it."""
    target: str
    keys: tuple[Pair, ...]
    path: Path
    line: int
    comparing: tuple[Pair, ...] = ()
    within: str = ""
    """A condition on the source's columns: the account is taken of these rows only."""
    after: str = ""
    """What the source is after the step, where that is something else than before."""
    rejects: tuple[Reject, ...] = ()
    differing: Literal["fail", "keep"] = "fail"
    """What it means that a key is in the target already, with other values: `keep` leaves the target's row."""

    @property
    def name(self) -> str:
        return f"{self.source} into {self.target}"

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def text(self) -> str:
        """What the block asks for, in the words of a verify file."""
        on = ", ".join(map(_pair, self.keys))
        comparing = f" comparing {', '.join(map(_pair, self.comparing))}" if self.comparing else ""
        lines = [f"merge: {self.name} on {on}{comparing}"]
        lines += [f"source after: {self.after}"] if self.after else []
        lines += [f"within: {self.within}"] if self.within else []
        lines += [f"reject: {rule.name} where {rule.condition}" for rule in self.rejects]
        return "\n".join([*lines, f"differing: {self.differing}"])

    @property
    def standing(self) -> str:
        """The source as it is to be read after the step."""
        return self._read(self.after or self.source)

    @property
    def read(self) -> str:
        """The source as it is to be read before the step."""
        return self._read(self.source)

    def _read(self, place: str) -> str:
        return f"(SELECT * FROM {place} WHERE {self.within})" if self.within else place


def _pair(pair: Pair) -> str:
    source, target = pair
    return source if source == target else f"{source} = {target}"
