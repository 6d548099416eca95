"""Reads the merges of a verify file that a test makes up. Knows files; asks no database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessmig.errors import FileError
from sessmig.merge import Merge
from sessmig.model import Dialect
from sessmig.reading import read_blocks


def merges(folder: Path, text: str, dialect: Dialect = "sqlite") -> tuple[Merge, ...]:
    """Read all merges of a text."""
    path = folder / "x.verify.sql"
    path.write_text(text, encoding="utf-8")
    return read_blocks(path, dialect)[1]


def merge(folder: Path, text: str, dialect: Dialect = "sqlite") -> Merge:
    """Read the only merge of a text."""
    (found,) = merges(folder, text, dialect)
    return found


def refusal(folder: Path, text: str, dialect: Dialect = "sqlite") -> str:
    """Return the message with which a text is refused, without the folder."""
    with pytest.raises(FileError) as caught:
        merges(folder, text, dialect)
    return str(caught.value).replace(f"{folder}/", "")
