"""Makes the files of a new migration.

Knows file names; opens no database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sessmig.errors import FileError, UsageError
from sessmig.model import DIALECTS, Dialect, Migration
from sessmig.source import discover

_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{14}")

_MIGRATION = "-- {title}\n\n"
_VERIFY = """\
-- What must hold before and after {label}_{name}. Each block is a verb with a name, then one query:
--   require, asked before the step; measure, a number to keep; check, asked after it, which rolls back
--   where it fails; warn, which only tells. A merge has no query: it accounts for each row that moves.
-- Take the marks away to use these:
--
-- # merge: old_table into new_table on id comparing name, city
--
-- # check: no row was left behind
-- # SELECT id FROM old_table AS o WHERE NOT EXISTS (SELECT 1 FROM new_table AS n WHERE n.id = o.id);
"""


def new_migration(directory: Path, name: str) -> list[Path]:
    """Make a migration file and its verify file, numbered behind the last one of the series.

    Args:
        directory: the series folder; it is made if it is not there. Where it has dialect folders, each gets both.
        name: letters, digits and _, not beginning with a digit: the version is given here.

    Returns:
        The files made.

    Raises:
        UsageError: a name that is none, a folder of several series.
        FileError: the folder cannot be written to, or is no series.
    """
    if _NAME.fullmatch(name) is None or name[0].isdigit():
        better = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        raise UsageError(f"not a migration's name: {name!r}", remedy=f"Try {better}." if better else "Use a-z, 0-9, _.")
    dialects: list[Dialect | None] = [d for d in DIALECTS if (directory / d).is_dir()]
    label = _next_label([m for dialect in dialects or [None] for m in _standing(directory, dialect)])
    title = name.replace("_", " ").capitalize()
    made = []
    for dialect in dialects or [None]:
        folder = directory / dialect if dialect else directory
        for suffix, text in ((".sql", _MIGRATION), (".verify.sql", _VERIFY)):
            path = folder / f"{label}_{name}{suffix}"
            _write(path, text.format(title=title, label=label, name=name))
            made.append(path)
    return made


def _standing(directory: Path, dialect: Dialect | None) -> tuple[Migration, ...]:
    """Return the migrations that stand there already; a new or empty folder is a series without any."""
    folder = directory / dialect if dialect else directory
    try:
        if not os.path.exists(folder) or not os.listdir(folder):
            return ()
    except OSError as error:
        raise FileError(folder, f"cannot be read: {error.strerror}", remedy="Give a series folder (--dir).") from None
    own: Dialect = next((d for d in DIALECTS if d == directory.resolve().name), "sqlite")
    return discover(directory, dialect or own, empty=True).migrations


def _next_label(migrations: Sequence[Migration]) -> str:
    last = max((m.label for m in migrations), key=int, default="0000")
    if _TIMESTAMP.fullmatch(last):
        return max(datetime.now(UTC).strftime("%Y%m%d%H%M%S"), str(int(last) + 1))
    return str(int(last) + 1).zfill(len(last))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from None
