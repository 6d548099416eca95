"""The noun of a plan that was written down to be signed, and how it is read back from its file.

Knows JSON and what a plan says; knows nothing of databases.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sessmig.errors import FileError
from sessmig.model import Entry
from sessmig.plan import Wish
from sessmig.words import short

KIND = "sessmig plan"
FORMAT = 1
Row = tuple[str, int, str, str, str | None]
"""What a plan keeps of a ledger row: series, version, name, status, checksum."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A plan as its file has it.

    Args:
        path: the file.
        series: the series' name.
        table: the ledger's name.
        identity: by what the database is told from another one.
        wish: what was asked for.
        rows: the ledger's rows, when it was made.
        files: the hash of each file, by the step's title and the file's part in it.
        told: all of it, as the file says it.
        sha256: of the file itself.
    """

    path: Path
    series: str
    table: str
    identity: Mapping[str, str]
    wish: Wish
    rows: tuple[Row, ...]
    files: Mapping[str, Mapping[str, str]]
    told: Mapping[str, Any]
    sha256: str

    def __str__(self) -> str:
        who, when = (short(str(self.told.get(name, "")), 80) for name in ("made_by", "made_at"))
        return f"SHA-256 {self.sha256}, made by {who} at {when} UTC"


def read_signed(path: str | os.PathLike[str]) -> Signed:
    """Read a plan.

    Raises:
        FileError: the file cannot be read, or is no plan that this version wrote.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
        told = json.loads(data, object_pairs_hook=_once)
    except OSError as error:
        raise FileError(place, f"cannot be read: {error.strerror}") from None
    except _TwiceError as error:
        raise _no_plan(place, str(error)) from None
    except (ValueError, RecursionError) as error:
        raise _no_plan(place, f"it is no JSON ({error})") from None
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise _no_plan(place, "it does not say so")
    if told.get("format") != FORMAT:
        raise _no_plan(place, f"its format is {told.get('format')!r}, and this version knows {FORMAT}")
    try:
        return _signed(place, told, hashlib.sha256(data).hexdigest())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_plan(place, f"something is missing in it, or of another kind ({error})") from None


def row_of(entry: Entry) -> Row:
    """Return what a plan keeps of a ledger row."""
    return entry.series, entry.version, entry.name, entry.status, entry.checksum


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what stands twice: a person reads the one, and a program takes the other."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(f"{name!r} stands twice in it")
        found[name] = value
    return found


class _TwiceError(Exception):
    """A name stands twice."""


def _signed(path: Path, told: dict[str, Any], sha256: str) -> Signed:
    wish = told["wish"]
    ahead: Literal["error", "ok"] = "ok" if wish["ahead"] == "ok" else "error"
    return Signed(
        path,
        str(told["series"]),
        str(told["table"]),
        {str(name): str(value) for name, value in told["database"]["identity"].items()},
        Wish(_version(wish["to"]), _version(wish["only"]), bool(wish["allow_late"]), ahead, bool(wish["ignore_wait"])),
        tuple((r["series"], int(r["version"]), r["name"], r["status"], r["checksum"]) for r in told["ledger"]),
        {
            str(step["title"]): {part: str(file["sha256"]) for part, file in step["files"].items()}
            for step in told["steps"]
        },
        told,
        sha256,
    )


def _version(value: Any) -> int | None:
    return None if value is None else int(value)


def _no_plan(path: Path, why: str) -> FileError:
    return FileError(path, f"is no plan that sessmig wrote: {why}", remedy="Write one: sessmig plan --out FILE.json")
