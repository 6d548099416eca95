"""Decides what is pending, and finds every reason not to run it: a pure function of files and ledger rows.

Knows nothing of databases, and reads no file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sessmig.errors import FileError, UsageError
from sessmig.halfway import read_progress
from sessmig.model import Entry, Migration, Plan, Problem
from sessmig.wait import Held, Wait, minute, read_moment


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for.

    Args:
        to: run up to this version, and no further.
        only: run this one version.
        allow_late: run migrations whose number is below an applied one.
        ahead: what to do about applied migrations that this build has no file for.
        ignore_wait: run what a `wait` holds back.
    """

    to: int | None = None
    only: int | None = None
    allow_late: bool = False
    ahead: Literal["error", "ok"] = "error"
    ignore_wait: bool = False


@dataclass(frozen=True, slots=True)
class Waits:
    """The `wait` directives of the files that are not applied, and what the database's clock says.

    Args:
        of: each by its own version.
        now: UTC, `YYYY-MM-DD HH:MM:SS`.
    """

    of: Mapping[int, Wait] = field(default_factory=dict)
    now: str = ""


def make_plan(
    migrations: Sequence[Migration], entries: Sequence[Entry], wish: Wish | None = None, waits: Waits | None = None
) -> Plan:
    """Compare the files of a series with its ledger rows.

    Args:
        migrations: every migration of the series, in the order of their versions.
        entries: every ledger row of the series.
        wish: what the caller asked for.
        waits: which of the files wait for another.

    Raises:
        UsageError: `to` or `only` name a version that there is no file for.
        FileError: a file waits for a version that the series does not have.
    """
    wish, waits = wish or Wish(), waits or Waits()
    rows = {entry.version: entry for entry in entries if not _is_foreign(entry, migrations)}
    _refuse_unknown(migrations, rows, wish)
    own = {version: entry for version, entry in rows.items() if entry.is_applied}
    # What the old system did stands for itself alone: it had no numbers, so nothing is below it, and nothing late.
    applied = own | _adopted(migrations, entries, rows)
    below_baseline = max((v for v, e in own.items() if e.covers), default=-1)
    waiting = [m for m in migrations if m.version not in applied and m.version > below_baseline]
    known = {m.version for m in migrations} | rows.keys()
    begun = {version for version, entry in rows.items() if entry.is_halfway}  # its wait was over then
    # Nor has it a time for a `wait` to count from: what it did, nobody has checked.
    held = tuple(
        replace(one, ignored=wish.ignore_wait)
        for one in _held(
            [m for m in waiting if m.version not in begun], waits, known, rows, own, own.get(below_baseline)
        )
    )
    back = {one.version for one in held if not one.ignored}
    waiting = [m for m in waiting if m.version not in back]
    pending = [m for m in waiting if _is_wanted(m, wish)]
    halfway = {version: entry for version, entry in rows.items() if entry.is_halfway}
    problems = [
        *_changed(migrations, applied),
        *_without_file(migrations, applied, wish),
        *_half_done(migrations, halfway),
        *_passing(migrations, pending, halfway),
        # Others go past one that waits, so its turn may come behind theirs, and it is never late.
        # Nor is one late that was begun.
        *_late([m for m in pending if m.version not in waits.of.keys() | halfway.keys()], own, wish),
    ]
    return Plan(
        pending=tuple(pending),
        applied=tuple(applied[version] for version in sorted(applied)),
        problems=tuple(sorted(problems, key=lambda problem: problem.version)),
        later=tuple(m for m in waiting if not _is_wanted(m, wish)),
        held=held,
        rolled_back=frozenset(v for v, entry in rows.items() if entry.status == "rolled_back"),
        halfway=tuple(halfway[version] for version in sorted(halfway)),
    )


def _held(
    waiting: Sequence[Migration],
    waits: Waits,
    known: Container[int],
    rows: Mapping[int, Entry],
    own: Mapping[int, Entry],
    baseline: Entry | None,
) -> Iterator[Held]:
    """Find those that a `wait` holds back: until the other has stood so long, and while it does not stand."""
    for migration in waiting:
        wait = waits.of.get(migration.version)
        if wait is None:
            continue
        # Below a baseline all count as done when that was written.
        other = own.get(wait.after) or (baseline if baseline and wait.after < baseline.version else None)
        if wait.after not in known and other is None:
            raise FileError(
                migration.path,
                f"wait {wait}: there is no migration {wait.after} in this series",
                line=wait.line,
                remedy="Name the version of a migration that stands in this folder.",
            )
        if other is None:
            was = rows.get(wait.after)
            is_back = was is not None and was.status == "rolled_back"
            why = f"{wait.after} was rolled back" if is_back else f"sessmig has not applied {wait.after}"
            yield Held(migration.version, migration.title, str(wait), why=why)
            continue
        try:
            until = wait.until(other.applied_at or "")
        except ValueError:
            yield Held(migration.version, migration.title, str(wait), why=f"the ledger has no time for {wait.after}")
            continue
        if read_moment(waits.now) < until:
            yield Held(migration.version, migration.title, str(wait), minute(until))


def _adopted(migrations: Sequence[Migration], entries: Sequence[Entry], rows: Container[int]) -> dict[int, Entry]:
    """Count a row that was taken over from the webui system as a baseline, where one migration bears its name.

    The old system knew names only, so the name is all there is to go by; a row of the series itself is worth more.
    """
    names = Counter(m.name for m in migrations)
    alone = {m.name: m for m in migrations if names[m.name] == 1 and m.version not in rows}
    return {
        alone[e.name].version: replace(e, series=alone[e.name].series, version=alone[e.name].version, status="baseline")
        for e in entries
        if e.name in alone and _is_foreign(e, migrations) and _was_successful(e)
    }


def _was_successful(entry: Entry) -> bool:
    """Read the status that the old system gave a row, before it was taken over or (by its old INSERT) since."""
    try:
        kept = json.loads(entry.metadata or "{}")
    except ValueError:
        kept = {}
    status = kept.get("old_status", entry.status) if isinstance(kept, dict) else entry.status
    return bool(status == "success")


def _is_foreign(entry: Entry, migrations: Sequence[Migration]) -> bool:
    return bool(migrations) and entry.series != migrations[0].series


def _refuse_unknown(migrations: Sequence[Migration], rows: dict[int, Entry], wish: Wish) -> None:
    known = {m.version for m in migrations}
    for option, version in (("to", wish.to), ("only", wish.only)):
        if version is not None and version not in known | rows.keys():
            listed = ", ".join(m.label for m in migrations[-5:])
            raise UsageError(
                f"{option} {version}: there is no migration of this version", remedy=f"The last are: {listed}."
            )


def _is_wanted(migration: Migration, wish: Wish) -> bool:
    if wish.only is not None:
        return migration.version == wish.only
    return wish.to is None or migration.version <= wish.to


def _changed(migrations: Sequence[Migration], applied: dict[int, Entry]) -> Iterator[Problem]:
    for migration in migrations:
        entry = applied.get(migration.version)
        if entry is None or entry.checksum is None:
            continue
        if entry.checksum != migration.checksum:
            yield Problem(
                "changed",
                migration.version,
                migration.name,
                f"{migration.path}: changed after it was applied on {entry.applied_at}"
                f" (checksum {entry.checksum[:12]} then, {migration.checksum[:12]} now)",
                "Put the file back and write a new migration; or take it as it is now, without running it: "
                f"sessmig resign {migration.version}",
                migration.path,
            )
        elif entry.name != migration.name:
            yield Problem(
                "changed",
                migration.version,
                migration.name,
                f"{migration.path}: applied on {entry.applied_at} under the name {entry.name}",
                f"Name the file back, or take it as it is now: sessmig resign {migration.version}",
                migration.path,
            )


def _without_file(migrations: Sequence[Migration], applied: dict[int, Entry], wish: Wish) -> Iterator[Problem]:
    known = {m.version for m in migrations}
    newest = max(known, default=-1)
    for version, entry in applied.items():
        if version in known:
            continue
        if version > newest:
            if wish.ahead == "error":
                yield Problem(
                    "ahead",
                    version,
                    entry.name,
                    f"{version} {entry.name}: applied on {entry.applied_at}, above the newest file ({newest})",
                    "The database is ahead of this build: deploy the newer one, put a deleted file back, "
                    "or accept it with --ahead ok",
                )
        else:
            yield Problem(
                "missing",
                version,
                entry.name,
                f"{version} {entry.name}: applied on {entry.applied_at}, but its file is gone",
                "Put the file back (git log --diff-filter=D finds it)",
            )


def _half_done(migrations: Sequence[Migration], halfway: dict[int, Entry]) -> Iterator[Problem]:
    """Find the half-done steps that cannot go on: without their file, or on their way back."""
    files = {migration.version: migration for migration in migrations}
    for version, entry in halfway.items():
        if version not in files:
            yield Problem(
                "missing",
                version,
                entry.name,
                f"{version} {entry.name}: half done, but its file is gone",
                "Put the file back (git log --diff-filter=D finds it)",
            )
        elif read_progress(entry.metadata).undoing:
            yield Problem(
                "half undone",
                version,
                entry.name,
                f"{files[version].title}: its rollback was begun and is half done",
                "Bring it to its end: sessmig rollback"
                if files[version].rollback
                else "Put its rollback file back as it was, and bring it to its end: sessmig rollback",
                files[version].path,
            )


def _passing(
    migrations: Sequence[Migration], pending: Sequence[Migration], halfway: dict[int, Entry]
) -> Iterator[Problem]:
    """Find the half-done steps that what is to be run now would pass over."""
    versions = {migration.version for migration in pending}
    for migration in migrations:
        version = migration.version
        if version in halfway and version not in versions and max(versions, default=-1) > version:
            yield Problem(
                "half done",
                version,
                migration.name,
                f"{migration.title}: half done, and what stands behind it is not run before it is done",
                f"Bring it to its end: sessmig migrate --to {version}; or take back what is done: sessmig rollback",
                migration.path,
            )


def _late(pending: Sequence[Migration], applied: dict[int, Entry], wish: Wish) -> Iterator[Problem]:
    if wish.allow_late or wish.only is not None:
        return
    newest = max(applied, default=-1)
    for migration in pending:
        if migration.version < newest:
            yield Problem(
                "late",
                migration.version,
                migration.name,
                f"{migration.path}: not applied, but {newest} {applied[newest].name} above it is",
                "Give it a higher version, or run it out of order with --allow-late",
            )
