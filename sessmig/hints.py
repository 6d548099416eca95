"""Makes the commands that a message names fit to be pasted: each is told the place that the command line gave.

Knows words of the command line; decides nothing. What came from the environment or a file, the next command finds too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from shlex import quote

from sessmig.config import read_address

_COMMAND = re.compile(
    r"\bsessmig (?:migrate|plan|status|verify|rehearse|rollback|backup|restore|log|report|resign|baseline|adopt)\b"
)
_OPTIONS = {"database": "-d", "dir": "--dir", "series": "--series", "table": "--table"}
_place: ContextVar[str] = ContextVar("place", default="")


def remember(given: Mapping[str, str | None]) -> None:
    """Keep what the command line gave, by the names of the settings; a URL with a password is not repeated."""
    parts = []
    for name, option in _OPTIONS.items():
        if (value := given.get(name)) is not None:
            hidden = name == "database" and bool(read_address(value).secrets)
            parts.append(f" {option} {'URL' if hidden else quote(value)}")
    _place.set("".join(parts))


def pasted(text: str) -> str:
    """Add the place to each command that a text names."""
    place = _place.get()
    return _COMMAND.sub(lambda found: found[0] + place, text) if place else text


def pasted_ways(text: str) -> str:
    """Add it only where a line shows a way out (`-> ...`): other lines may be quoted from a file."""
    return "\n".join(pasted(line) if line.lstrip().startswith("-> ") else line for line in text.split("\n"))
