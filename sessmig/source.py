"""Turns a series folder into migrations, and a migration into a step that can be carried out.

Knows file names, encodings and pair files; knows nothing of ledgers and databases.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sessmig import checks, directives, script
from sessmig.errors import FileError, UsageError
from sessmig.model import DIALECTS, Block, Comment, Dialect, Migration, Query, Script, Step

GRAMMAR = "VERSION_name[.rollback][.verify].sql, with VERSION in digits and name in a-z, 0-9 and _"
_NAME = re.compile(
    r"(?P<label>[0-9]{1,18})_(?P<name>[a-z0-9_]+)(?P<rollback>\.rollback)?(?P<verify>\.verify)?\.sql", re.ASCII
)
_BOM = b"\xef\xbb\xbf"
LEGACY = "legacy"
"""The folder with the tables as they were; and the series that a taken-over ledger's rows get."""


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
    if (series or name) == LEGACY:
        raise UsageError(
            f"{directory}: a series cannot be named {LEGACY}", remedy="Rename the folder, or give --series NAME."
        )
    migrations = tuple(_pair(folder, files, series or name))
    if not migrations and not empty:
        raise UsageError(f"{folder}: no migrations here", remedy=f"A migration is a file named {GRAMMAR}.")
    return Series(series or name, folder, migrations)


def _folder(directory: Path, dialect: Dialect) -> tuple[Path, str]:
    """Return the folder that holds the files, and the series' name."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: no such folder", remedy="Give the series folder with --dir.")
    name = directory.resolve().name
    if name in DIALECTS:
        if name != dialect:
            raise UsageError(
                f"{directory}: these migrations are for {name}, the database is {dialect}",
                remedy="Give the series folder with --dir.",
            )
        _refuse_folders(directory, allowed=())
        return directory, directory.resolve().parent.name
    present = [d for d in DIALECTS if (directory / d).is_dir()]
    sql = sorted(entry.name for entry in os.scandir(directory) if _is_sql(entry.name))
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


def _is_sql(name: str) -> bool:
    return name.lower().endswith(".sql")


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
            if any(_is_sql(name) or name in DIALECTS for name in inside):
                found.append(entry.name)
    if found:
        raise UsageError(
            f"{directory}: holds {'several' if len(found) > 1 else 'one'} series: {', '.join(sorted(found))}",
            remedy=f"{'Choose one, as in' if len(found) > 1 else 'Give'} --dir {directory / sorted(found)[0]}",
        )


def _files(folder: Path) -> dict[tuple[int, bool, bool], re.Match[str]]:
    """Read the file names of a folder; the key is (version, is rollback, is verify)."""
    files: dict[tuple[int, bool, bool], re.Match[str]] = {}
    for name in sorted(entry.name for entry in os.scandir(folder)):
        if not _is_sql(name):
            continue
        match = _NAME.fullmatch(name)
        if match is None:
            raise FileError(folder / name, "the file's name is not understood", remedy=f"It has to be {GRAMMAR}.")
        key = (int(match["label"]), match["rollback"] is not None, match["verify"] is not None)
        if key in files:
            raise FileError(
                folder / name,
                f"a second file of version {key[0]}, beside {files[key][0]}",
                remedy="Give one of them another version.",
            )
        files[key] = match
    return files


def _pair(folder: Path, files: dict[tuple[int, bool, bool], re.Match[str]], series: str) -> Iterator[Migration]:
    for (version, is_rollback, is_verify), match in sorted(files.items()):
        main = files.get((version, False, False))
        stem = f"{match['label']}_{match['name']}"
        if main is None or main[0] != f"{stem}.sql":
            raise FileError(folder / match[0], "there is no migration to this file", remedy=f"It needs {stem}.sql.")
        if is_rollback or is_verify:
            if is_rollback and is_verify and (version, True, False) not in files:
                raise FileError(
                    folder / match[0], "there is no rollback to this file", remedy=f"It needs {stem}.rollback.sql."
                )
            continue
        path = folder / match[0]
        pairs = [
            folder / files[key][0] if (key := (version, *kind)) in files else None
            for kind in ((False, True), (True, False), (True, True))
        ]
        yield Migration(series, version, match["label"], match["name"], path, checksum(_bytes(path)), *pairs)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from None


def _even(data: bytes) -> bytes:
    """Drop a BOM, and read CRLF as LF: an editor's choice is no change of the file."""
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n")


def checksum(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes, a BOM dropped and CRLF read as LF."""
    return hashlib.sha256(_even(data)).hexdigest()


def read_text(path: Path) -> str:
    """Read a file as UTF-8, a BOM dropped and CRLF read as LF.

    Raises:
        FileError: another encoding or a NUL byte, with its position; a file that cannot be read.
    """
    return _decode(path, _bytes(path))


def _decode(path: Path, data: bytes) -> str:
    nul = data.find(b"\0")
    if nul >= 0:
        raise FileError(
            path,
            f"a NUL byte at position {nul}",
            line=data.count(b"\n", 0, nul) + 1,
            remedy="Is it UTF-16? Save the file as UTF-8.",
        )
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise FileError(
            path,
            f"not UTF-8: byte 0x{data[error.start]:02x} at position {error.start}",
            line=data.count(b"\n", 0, error.start) + 1,
            remedy="Save the file as UTF-8.",
        ) from None
    return _even(data).decode()


def read_step(migration: Migration, dialect: Dialect) -> Step:
    """Read a migration whole: its statements, its verify file, its rollback and that one's verify file.

    Raises:
        FileError: whatever is not understood in one of the four, with file and line; a file that changed since
            it was hashed.
    """
    data = _bytes(migration.path)
    if checksum(data) != migration.checksum:
        raise FileError(migration.path, "changed while it was read", remedy="Run again when nobody writes to it.")
    main = _script(migration.path, _decode(migration.path, data), migration.name, dialect)
    rollback = None
    if migration.rollback:
        if reason := main.directive("irreversible"):
            raise FileError(
                migration.path,
                f"irreversible, yet there is {migration.rollback.name}",
                line=reason.line,
                remedy="Take one of them away.",
            )
        rollback = _script(migration.rollback, read_text(migration.rollback), migration.name, dialect)
    return Step(
        migration,
        main,
        read_blocks(migration.verify, dialect),
        rollback,
        read_blocks(migration.rollback_verify, dialect),
    )


def _script(path: Path, text: str, name: str, dialect: Dialect) -> Script:
    pieces = script.split(text, dialect, path)
    first = next((piece.statement_line for piece in pieces if piece.is_statement), None)
    comments = [comment for piece in pieces for comment in script.comments(piece, dialect)]
    found = directives.read_directives(path, comments, first)
    above = [c for c in comments if first is None or c.line < first]
    return Script(
        path,
        text,
        directives.description(above, otherwise=name.replace("_", " ")),
        tuple(script.refuse(pieces, dialect, path, no_transaction=False)),
        found,
    )


def read_blocks(path: Path | None, dialect: Dialect) -> tuple[Block, ...]:
    """Read a verify file, where there is one."""
    if path is None:
        return ()
    pieces = script.split(read_text(path), dialect, path)
    queries: list[Query] = []
    tail: list[Comment] = []
    for piece in pieces:
        comments = tuple(script.comments(piece, dialect))
        for comment in comments:
            if directives.is_directive(comment):
                raise FileError(
                    path,
                    "a directive in a verify file",
                    line=comment.line,
                    remedy="Directives stand in the migration or rollback file.",
                )
        if not piece.is_statement:
            tail += comments
            continue
        text = piece.statement.rstrip().removesuffix(";")
        queries.append(
            Query(
                comments,
                text,
                piece.statement_line,
                script.outline(text, dialect).verb,
                tuple(script.placeholders(text, dialect)),
            )
        )
    return checks.read_blocks(path, queries, tail)
