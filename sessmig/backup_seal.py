"""Seals: the file beside a backup that says its hash, which database it is of, and before what it was made.

Knows how `sha256sum` writes names; knows nothing of databases.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass

ENDING = ".sha256"
_SEALED = re.compile(r"(?P<escaped>\\?)(?P<sha256>[0-9a-fA-F]{64}) [ *](?P<name>.*)")
_ORIGIN, _BEFORE = "# backup of ", "# made before "
_MOST = 1 << 20
# As sha256sum does it: a name may hold whatever ends a line.
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_ESCAPED = {written: char for char, written in _ESCAPES.items()}


@dataclass(frozen=True, slots=True)
class Seal:
    """What the file beside a backup says of it."""

    sha256: str
    origin: str = ""
    """Of which database it is; empty if that is not said."""
    before: str = ""
    """Before which migration a run has made it, under its lock; empty if it was made by itself."""


def seal(path: str, about: Seal) -> None:
    """Write the hash of a backup beside it, as sha256sum has it and `sha256sum -c` reads it."""
    sealed = f"{path}{ENDING}"
    partial = f"{sealed}.partial"
    with suppress(FileNotFoundError):
        os.unlink(partial)
    name = os.path.basename(path)
    lines = [f"{'' if _escaped(name) == name else chr(92)}{about.sha256}  {_escaped(name)}"]
    lines.append(f"{_ORIGIN}{_escaped(about.origin)}")
    if about.before:
        lines.append(f"{_BEFORE}{_escaped(about.before)}")
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(descriptor)
    os.replace(partial, sealed)


def read_seal(path: str) -> Seal | None:
    """Read what stands beside a backup; None if nothing does that speaks of it."""
    sealed = f"{path}{ENDING}"
    # A pipe would be waited for without end, and a link may lead anywhere.
    if os.path.islink(sealed) or not os.path.isfile(sealed):
        return None
    try:
        with open(sealed, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(_MOST)
    except OSError:
        return None
    sha256, told = "", {_ORIGIN: "", _BEFORE: ""}
    for line in text.split("\n"):
        if match := _SEALED.fullmatch(line):
            name = _plain(match["name"]) if match["escaped"] else match["name"]
            if os.path.basename(name) == os.path.basename(path):
                sha256 = match["sha256"].lower()
        for head in told:
            if line.startswith(head):
                told[head] = _plain(line.removeprefix(head))
    return Seal(sha256, told[_ORIGIN], told[_BEFORE]) if sha256 else None


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)


def _plain(text: str) -> str:
    return re.sub(r"\\[\\nr]", lambda match: _ESCAPED[match[0]], text)
