"""Turns a series folder into migrations, by the names of its files.

Knows names, folders and pair files; reads nothing as SQL, and knows nothing of ledgers and databases.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sessmig.errors import FileError, UsageError
from sessmig.files import checksum_of
from sessmig.model import DIALECTS, LEGACY, Dialect, Migration
from sessmig.naming import GRAMMAR as GRAMMAR
from sessmig.naming import Kind, Named, is_series, is_sql, missing_partner, read_name


@dataclass(frozen=True, slots=True)
class Series:
    """A series folder, read by its file names only."""

    name: str
    folder: Path
    migrations: tuple[Migration, ...]


def discover(directory: Path, dialect: Dialect, *, series: str | None = None, empty: bool = False) -> Series:
    """Find the migrations of a series, hash them, and read none of them as SQL.

    Args:
        directory: the series folder, or its dialect folder.
        dialect: which dialect folder to take, where there are any.
        series: the series' name; the folder's, if None.
        empty: take a folder without migrations too.

    Raises:
        UsageError: no such folder, a folder of several series, a folder without migrations.
        FileError: a file or folder that does not belong, two files of one version, a pair file without its
            migration, a file or folder that cannot be read.
    """
    try:
        folder, name = _folder(directory, dialect)
        files = _files(folder)
    except OSError as error:
        raise FileError(error.filename or directory, f"cannot be read: {error.strerror}") from None
    name = series or name
    if not is_series(name):
        remedy = "Rename the folder, or give --series NAME." if name == LEGACY else "Give --series NAME."
        raise UsageError(
            f"{directory}: a series cannot be named {name if name == LEGACY else repr(name)}", remedy=remedy
        )
    migrations = tuple(_pair(folder, files, name))
    if not migrations and not empty:
        raise UsageError(f"{folder}: no migrations here", remedy=f"A migration is a file named {GRAMMAR}.")
    return Series(name, folder, migrations)


def _folder(directory: Path, dialect: Dialect) -> tuple[Path, str]:
    """Return the folder that holds the files, and the series' name."""
    if not directory.is_dir():
        what = "is a file" if directory.is_file() else "no such folder"
        raise UsageError(f"{directory}: {what}", remedy="Give the series folder.")
    # As it is written: a link that is pointed to a new release (current -> v2) is the same series as before.
    written = Path(os.path.abspath(directory))
    name = written.name
    if name in DIALECTS:
        if name != dialect:
            raise UsageError(
                f"{directory}: these migrations are for {name}, the database is {dialect}",
                remedy="Give the series folder.",
            )
        _refuse_folders(directory, allowed=())
        return directory, written.parent.name
    present = [d for d in DIALECTS if (directory / d).is_dir()]
    sql = sorted(entry.name for entry in os.scandir(directory) if is_sql(entry.name))
    if not present and not sql:
        _refuse_collection(directory)
    _refuse_folders(directory, allowed=(*DIALECTS, LEGACY))
    if not present:
        return directory, name
    if sql:
        raise FileError(
            directory / sql[0],
            f"stands beside the folder {present[0]}/",
            remedy="With dialect folders, every migration stands in one of them.",
        )
    if dialect not in present:
        raise UsageError(
            f"{directory}: there are migrations for {present[0]} only, the database is {dialect}",
            remedy=f"Write them into {directory / dialect}.",
        )
    _refuse_folders(directory / dialect, allowed=())
    return directory / dialect, name


def _refuse_folders(directory: Path, *, allowed: tuple[str, ...]) -> None:
    for entry in sorted(os.scandir(directory), key=lambda e: e.name):
        if entry.is_dir() and entry.name not in allowed:
            may = f"Only {', '.join(f'{a}/' for a in allowed)}" if allowed else "No folder"
            raise FileError(
                Path(entry.path), "a folder that does not belong into a series", remedy=f"{may} may stand here."
            )


def _refuse_collection(directory: Path) -> None:
    """Refuse a folder of folders that look like series: it is not one series."""
    found = []
    for entry in os.scandir(directory):
        if entry.is_dir() and not entry.name.startswith(".") and entry.name != LEGACY:
            inside = os.listdir(entry.path)
            if any(is_sql(name) or name in DIALECTS for name in inside):
                found.append(entry.name)
    if found:
        raise UsageError(
            f"{directory}: holds {'several' if len(found) > 1 else 'one'} series: {', '.join(sorted(found))}",
            remedy=f"{'Choose one, as in' if len(found) > 1 else 'Give'} --dir {directory / sorted(found)[0]}",
        )


def _files(folder: Path) -> dict[Kind, Named]:
    """Read the file names of a folder."""
    files: dict[Kind, Named] = {}
    for name in sorted(entry.name for entry in os.scandir(folder)):
        if not is_sql(name):
            continue
        read = read_name(name)
        if read is None:
            raise FileError(folder / name, "the file's name is not understood", remedy=f"It has to be {GRAMMAR}.")
        kind, named = read
        if kind in files:
            raise FileError(
                folder / name,
                f"a second file of version {kind[0]}, beside {files[kind][0]}",
                remedy="Give one of them another version.",
            )
        files[kind] = named
    return files


def _pair(folder: Path, files: dict[Kind, Named], series: str) -> Iterator[Migration]:
    for kind, (file, label, name) in sorted(files.items()):
        if partner := missing_partner(files, kind):
            what = "rollback" if partner.endswith(".rollback.sql") else "migration"
            raise FileError(folder / file, f"there is no {what} to this file", remedy=f"It needs {partner}.")
        version, is_rollback, is_verify = kind
        if is_rollback or is_verify:
            continue
        path = folder / file
        pairs = [
            folder / files[key][0] if (key := (version, *of)) in files else None
            for of in ((False, True), (True, False), (True, True))
        ]
        yield Migration(series, version, label, name, path, checksum_of(path), *pairs)
