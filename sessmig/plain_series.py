"""Reads a series folder in which nothing is odd, in the shortest way there is; `sessmig.source` has words for others.

Knows names and folders; reads nothing as SQL.
"""

from __future__ import annotations

import os

from sessmig.files import checksum_of
from sessmig.naming import DIALECTS, LEGACY, is_series, is_sql, missing_partner, read_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sessmig.model import Dialect
    from sessmig.naming import Kind, Named


class OddError(Exception):
    """It takes a closer look."""


def list_plain(directory: str, dialect: Dialect, series: str | None) -> tuple[str, dict[int, tuple[str, str]]]:
    """Return the name of a series, and of each version the migration's name and the path of its file.

    Raises:
        OddError: not every name is as it has to be.
        OSError: the folder cannot be read.
    """
    folder = directory or "."
    written = os.path.abspath(folder)
    name = os.path.basename(written)
    inner, files = _listed(folder)
    if name in DIALECTS:
        if name != dialect or inner:
            raise OddError
        name = os.path.basename(os.path.dirname(written))
    elif inner - {*DIALECTS, LEGACY}:
        raise OddError
    elif inner & {*DIALECTS}:
        if files:
            raise OddError
        folder = os.path.join(folder, dialect)
        inner, files = _listed(folder)
        if inner:
            raise OddError
    name = series or name
    if not (name and is_series(name)):
        raise OddError
    return name, _migrations(folder, files)


def read_plain(files: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Return of each version the migration's name and the checksum of its file, in place of its path.

    Raises:
        FileError, OSError: one cannot be read.
    """
    return {version: (name, checksum_of(path)) for version, (name, path) in files.items()}


def _listed(folder: str) -> tuple[set[str], dict[Kind, Named]]:
    """Return the folders in a folder, and its files by what they are."""
    inner: set[str] = set()
    files: dict[Kind, Named] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                inner.add(entry.name)
            elif read := read_name(entry.name):
                if read[0] in files:
                    raise OddError
                files[read[0]] = read[1]
            elif is_sql(entry.name):
                raise OddError
    return inner, files


def _migrations(folder: str, files: dict[Kind, Named]) -> dict[int, tuple[str, str]]:
    found = {}
    for kind, (file, _, name) in files.items():
        version, is_rollback, is_verify = kind
        if not (is_rollback or is_verify):
            found[version] = (name, os.path.join(folder, file))
        elif missing_partner(files, kind):
            raise OddError
    return found
