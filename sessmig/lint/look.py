"""Looks through files: finds the series that they belong to, reads them, asks the rules, and takes out what is waived.

Knows folders and files; opens no database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sessmig import script
from sessmig.directives import read_directives
from sessmig.errors import FileError, UsageError
from sessmig.files import read_text
from sessmig.lint.finding import REFUSED, Finding, Kind, LintReport
from sessmig.lint.plain_rows import without_plain_rows
from sessmig.lint.rules import RULES, asked
from sessmig.lint.sheet import Sheet
from sessmig.lint.squawk import LOCKING, NOT_INSTALLED, ask_squawk, found_squawk
from sessmig.lint.statement import Statement
from sessmig.lint.tables import Tables
from sessmig.lint.waivers import Waiver, read_waivers, waived
from sessmig.model import DIALECTS, LEGACY, Dialect, Migration, Script
from sessmig.reading import read_step
from sessmig.source import discover

_UNKNOWN_DIALECT = "{}: no dialect folder tells which database it is for; squawk is asked with --dialect postgres"
_NOTHING = re.compile(r"^\s*--\s*sessmig:.*$|[\s;]+", re.IGNORECASE | re.MULTILINE)
"""What says nothing of what a file does: blanks, semicolons and directives."""
_NO_MIGRATION = "no file of a migration"
_SQL_FILES = "Give files that end in .sql."
_ASKED_OF: tuple[Dialect, ...] = ("postgres",)
"""The dialects that squawk knows."""


@dataclass(slots=True)
class _Look:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    highest: int = 0
    """The highest version of all that is there."""
    unasked: set[Path] = field(default_factory=set)
    """Files of which squawk was not asked."""


def lint(
    paths: Sequence[Path],
    *,
    dialect: Dialect | None = None,
    otherwise: Dialect | None = None,
    since: int = 0,
    squawk: bool = True,
) -> LintReport:
    """Look through series, folders of series, or single files of them.

    Args:
        paths: folders and files; of a file, its whole migration is looked at.
        dialect: this one only, if given.
        otherwise: whose files those are that stand in no dialect folder; either's, if None.
        since: the lowest version to look at.
        squawk: whether to ask squawk, where it is installed.

    Raises:
        UsageError: a path that is not there, or holds no series.
        FileError: a folder that is no series, or a file that is no migration's.
        SessmigError: squawk failed.
    """
    look = _Look()
    for folder, titles in _folders(paths).items():
        own = [dialect] if dialect else [otherwise] if otherwise else list(DIALECTS)
        named = [d for d in DIALECTS if (folder / d).is_dir() or folder.name == d]
        if dialect and named and dialect not in named:
            continue
        chosen = [dialect] if dialect else named or own
        _series(look, folder, chosen, titles, since, is_known=bool(named) or len(chosen) == 1)
    if not look.files and dialect:
        look.notes.append(f"no migration for {dialect} here")
    elif not look.files and since > look.highest > 0:
        look.notes.append(f"no version {since} or above here: {look.highest} is the highest, and nothing is looked at")
    _ask_squawk(look, wanted=squawk)
    known = {*(rule.name for rule in RULES), *LOCKING}
    findings = sorted({*look.findings}, key=lambda f: (str(f.path), f.line, f.rule))
    waivers = list(dict.fromkeys(look.waivers))
    standing: list[Finding] = []
    allowed: list[Finding] = []
    for path in sorted(look.files):
        unasked = LOCKING if path in look.unasked else ()
        one, other = waived(
            [f for f in findings if f.path == path], [w for w in waivers if w.path == path], known, unasked
        )
        standing += one
        allowed += other
    standing.sort(key=lambda f: (str(f.path), f.line, f.rule))
    return LintReport(tuple(standing), tuple(allowed), len(look.files), tuple(look.notes))


def _folders(paths: Sequence[Path]) -> dict[Path, set[str] | None]:
    """Return the series folders, each with the files that were named; None for all."""
    found: dict[Path, set[str] | None] = {}
    for path in paths:
        if path.is_dir():
            for folder in _series_in(path):
                found[folder] = None
        elif path.is_file():
            if not path.name.lower().endswith(".sql"):
                raise FileError(path, _NO_MIGRATION, remedy=_SQL_FILES)
            if path.parent.name != LEGACY:  # the old tables: no migration
                named = found.setdefault(path.parent, set())
                if named is not None:
                    named.add(path.name)
        else:
            raise UsageError(f"{path}: no such file or folder", remedy="Give a series folder, or files of one.")
    return found


def _series_in(path: Path) -> Iterator[Path]:
    """Yield a folder that is a series, or those of its folders that are."""
    if _is_series(path):
        yield path
        return
    inside = [Path(entry.path) for entry in sorted(os.scandir(path), key=lambda e: e.name) if entry.is_dir()]
    series = [folder for folder in inside if folder.name != LEGACY and _is_series(folder)]
    if not series:
        raise UsageError(f"{path}: no migrations here", remedy="Give a series folder, or a folder of such.")
    yield from series


def _is_series(path: Path) -> bool:
    names = os.listdir(path)
    return any(name.lower().endswith(".sql") for name in names) or any((path / d).is_dir() for d in DIALECTS)


def _series(
    look: _Look, folder: Path, chosen: Sequence[Dialect], titles: set[str] | None, since: int, *, is_known: bool
) -> None:
    """Look through one series, in each dialect that it may be for."""
    refused: dict[Path, list[Finding]] = {}
    passes = 0
    for dialect in chosen:
        passes += 1
        migrations = discover(folder, dialect, empty=True).migrations
        _demand_known(folder, titles, migrations)
        look.highest = max([look.highest, *(migration.version for migration in migrations)])
        tables = _legacy(folder, dialect)
        read: list[Sheet] = []
        for migration in migrations:
            try:
                sheets = list(_sheets(look, migration, dialect, tables))
            except FileError as error:
                if migration.version >= since and _is_chosen(migration, titles):
                    look.files.add(error.path)
                    finding = Finding(error.path, error.line or 1, REFUSED, error.reason, error.remedy)
                    refused.setdefault(migration.path, []).append(finding)
                continue
            if migration.version >= since and _is_chosen(migration, titles):
                read += sheets
        for sheet in read:
            look.files.add(sheet.path)
            look.findings += asked(sheet)
            if is_known:
                look.sheets.append(sheet)
            else:
                look.unasked.add(sheet.path)
    if not is_known:
        look.notes.append(_UNKNOWN_DIALECT.format(folder))
    # A file that is understood in one dialect is not refused for what it is in another.
    look.findings += [found[0] for found in refused.values() if len(found) == passes]


def _demand_known(folder: Path, titles: set[str] | None, migrations: Sequence[Migration]) -> None:
    names = {path.name for m in migrations for path in _files(m)}
    if strange := sorted((titles or set()) - names):
        raise FileError(folder / strange[0], _NO_MIGRATION, remedy=_SQL_FILES)


def _files(migration: Migration) -> list[Path]:
    pairs = (migration.path, migration.verify, migration.rollback, migration.rollback_verify)
    return [path for path in pairs if path]


def _is_chosen(migration: Migration, titles: Collection[str] | None) -> bool:
    return titles is None or any(path.name in titles for path in _files(migration))


def _legacy(folder: Path, dialect: Dialect) -> Tables:
    """Learn the old tables of a series, where a folder beside it shows them."""
    tables = Tables()
    beside = folder.parent if folder.name in DIALECTS else folder
    for path in sorted((beside / LEGACY).glob(f"{dialect}*.sql")):
        try:
            for statement in _cut(path, read_text(path), dialect):
                if statement.head[:1] in (("CREATE",), ("ALTER",)):
                    tables.learn(statement)
        except FileError:
            continue  # they are there to be loaded, and may hold what no migration may
    return tables


def _cut(path: Path, text: str, dialect: Dialect) -> list[Statement]:
    pieces = script.split(text, dialect, path)
    return [Statement(piece.statement, piece.statement_line, dialect) for piece in pieces if piece.is_statement]


def _sheets(look: _Look, migration: Migration, dialect: Dialect, tables: Tables) -> Iterator[Sheet]:
    """Read the files of a migration; what they tell of tables is known to all of the series."""
    step = read_step(migration, dialect)
    parts = (
        (step.script, migration.verify, migration.rollback, step.blocks, step.merges),
        (step.rollback, migration.rollback_verify, None, step.rollback_blocks, step.rollback_merges),
    )
    for source, verify, rollback, blocks, merges in parts:
        if source is None:
            continue
        statements = _statements(source, dialect)
        look.waivers += read_waivers(source.path, source.text, source.directives, _lines(statements))
        telling, heads = without_plain_rows(statements)
        for statement in (*telling, *heads):
            tables.learn(statement)
        kind: Kind = "migration" if source is step.script else "rollback"
        sheet = Sheet(source.path, kind, dialect, telling, tables, source.directives, verify, rollback, blocks, merges)
        yield replace(sheet, is_empty=not _NOTHING.sub("", source.text))
        if verify:
            text = read_text(verify)
            asked_for = tuple(_cut(verify, text, dialect))
            comments = [c for piece in script.split(text, dialect, verify) for c in script.comments(piece, dialect)]
            allowing = [c for c in comments if c.text.lower().startswith("sessmig")]
            found = read_directives(verify, allowing, None)
            look.waivers += read_waivers(verify, text, found, _lines(asked_for))
            given = Sheet(verify, "verify", dialect, asked_for, tables, found, blocks=blocks, merges=merges)
            yield replace(given, beside=sheet)


def _statements(source: Script, dialect: Dialect) -> tuple[Statement, ...]:
    return tuple(Statement(piece.statement, piece.statement_line, dialect) for piece in source.pieces)


def _lines(statements: Sequence[Statement]) -> list[tuple[int, int]]:
    return [(s.line, s.line + s.text.rstrip().count("\n")) for s in statements]


def _ask_squawk(look: _Look, *, wanted: bool) -> None:
    sheets = [s for s in look.sheets if s.dialect in _ASKED_OF and s.kind != "verify"]
    program = found_squawk() if wanted and sheets else None
    if program:
        look.findings += ask_squawk(program, sheets)
        return
    look.unasked |= {sheet.path for sheet in sheets}
    if wanted and sheets:
        look.notes.append(NOT_INSTALLED)
