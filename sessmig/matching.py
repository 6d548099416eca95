"""Matches what another tool has applied with the files of a series: a pure function of both.

Knows versions and names; reads no file, and asks no database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sessmig.histories import plain_name
from sessmig.model import Migration
from sessmig.recorded import History, Past

By = Literal["auto", "version", "name"]


@dataclass(frozen=True, slots=True)
class Match:
    """A file, and the migration of the other tool that it is."""

    migration: Migration
    past: Past
    how: str
    """By what it was matched, in words."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What was matched with what.

    Args:
        pairs: in the order of the files.
        absent: what the tool has applied, and has no file here.
        faults: what may be one or the other, in words.
    """

    pairs: tuple[Match, ...]
    absent: tuple[Past, ...]
    faults: tuple[str, ...]


def match(migrations: Sequence[Migration], history: History, by: By = "auto") -> Matches:
    """Match by version, where the names do not contradict; else by a name that stands once on both sides.

    Args:
        migrations: the files.
        history: what the other tool has applied.
        by: `version` or `name` go by that alone.
    """
    found: dict[int, Match] = {}
    absent: list[Past] = []
    faults: list[str] = []
    matcher = _Matcher(migrations, history, by)
    for past in history.pasts:
        migration, how = matcher.of(past)
        if migration is None and how:
            faults.append(how)
        elif migration is None:
            absent += [] if past.is_start else [past]
        elif (other := found.get(migration.version)) is not None:
            faults.append(f"{migration.path}: both {other.past.id} and {past.id} would be this file")
        else:
            found[migration.version] = Match(migration, past, how)
    for past in (past for past in history.pasts if past.covers):
        for migration in matcher.covered(past):
            found.setdefault(migration.version, Match(migration, past, f"below {past.id}"))
    return Matches(tuple(found[version] for version in sorted(found)), tuple(absent), tuple(faults))


class _Matcher:
    """The files, by what they can be found by."""

    def __init__(self, migrations: Sequence[Migration], history: History, by: By) -> None:
        self._by = by
        self._files = {migration.version: migration for migration in migrations}
        self._names: dict[str, list[Migration]] = {}
        for migration in migrations:
            self._names.setdefault(plain_name(migration.name), []).append(migration)
        there = Counter(name for past in history.pasts for name in {name for _, name in past.keys if name})
        self._alone = {name for name, number in there.items() if number == 1}

    def of(self, past: Past) -> tuple[Migration | None, str]:
        """Return its file, and by what it was found; or no file, and why there is none where that is in doubt."""
        contrary = None
        for version, name in past.keys if self._by != "name" else ():
            migration = self._files.get(version) if version is not None else None
            if migration is None:
                continue
            if not name or name == plain_name(migration.name):
                return migration, "version and name" if name else "version"
            if self._by == "version":
                return migration, "version"
            contrary = contrary or migration
        name = next((name for _, name in past.keys if name in self._names), "") if self._by != "version" else ""
        named = self._names[name] if name else []
        if contrary is not None:
            other = f"; its name is that of {named[0].path}" if named else ""
            return None, f"{contrary.path}: has the version of {past.id}, and another name{other}"
        if len(named) > 1:
            return None, f"{past.id}: its name is that of {' and '.join(str(one.path) for one in named)}"
        if named and name not in self._alone:
            return None, f"{named[0].path}: its name stands more than once in the history"
        return (named[0], "name") if named else (None, "")

    def covered(self, past: Past) -> list[Migration]:
        """Return the files that stand no higher than a past that covers all below it."""
        newest = past.keys[0][0]
        return [m for m in self._files.values() if newest is not None and m.version <= newest]
