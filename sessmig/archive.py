"""Reads ledger, log and files into a chronicle; takes no lock and writes nothing.

Knows where each part is read; how runs are found in a log, `runs` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sessmig.chronicle import Chronicle, Run, WayBack, choose
from sessmig.errors import ConnectError, FileError, UsageError
from sessmig.head import top_directive
from sessmig.job import Job
from sessmig.log import all_entries, backups_before, paths_there
from sessmig.model import Migration
from sessmig.results import Standing, StatusReport
from sessmig.runs import read_runs
from sessmig.source import Series, discover
from sessmig.status import status
from sessmig.words import utc_now

_HALF_DONE = ("running", "failed", "half done", "half undone")


def read_chronicle(job: Job, chosen: str = "") -> Chronicle:
    """Read what was done, and where it stands, all in one snapshot.

    Args:
        job: where.
        chosen: the number of one run, or `last`; all, if empty.

    Raises:
        ConnectError: there is no such database.
        LedgerError: the table is another program's.
        UsageError: there is no such run; the folder is not a series.
    """
    database = job.database
    if database.is_missing:
        raise ConnectError(f"{database.label}: there is no such database", remedy="Run sessmig migrate first.")
    series = discover(job.directory, database.dialect, series=job.series, empty=True)
    job.await_reading()
    with job.snapshot():
        standing, unknown = _standing(job)
        standings = standing.standings if standing else ()
        entries = all_entries(job, series.name)
        backups = paths_there(job, entries or ())
        half = [one.version for one in standings if one.is_half_done]
        before = backups_before(series.name, entries or (), backups, half)
        ways = tuple(_ways_back(job, series, standings, before))
    runs = read_runs(series.name, entries or (), standings)
    chronicle = Chronicle(
        series.name,
        database.label,
        utc_now(),
        runs,
        len(runs),
        standings=standings,
        problems=tuple(f"{one.kind}: {one.text}" for one in standing.problems) if standing else (),
        unknown=unknown,
        ways_back=ways,
        is_standing=entries is not None,
        backups_there=frozenset(backups.values()),
    )
    try:
        return choose(chronicle, chosen) if chosen else chronicle
    except LookupError:
        raise _no_run(chosen, runs) from None


def _standing(job: Job) -> tuple[StatusReport | None, str]:
    """Find where the migrations stand; or why that cannot be told, as a file cannot be read."""
    try:
        return status(job), ""
    except FileError as error:
        return None, error.what


def _ways_back(job: Job, series: Series, standings: tuple[Standing, ...], backups: dict[int, str]) -> Iterator[WayBack]:
    files = {migration.version: migration for migration in series.migrations}
    applied = [one for one in reversed(standings) if one.applied_at is not None]
    applied.sort(key=lambda one: one.state not in _HALF_DONE)
    behind = ""
    for one in applied:
        way = replace(_way_back(job, one, files.get(one.version), backups.get(one.version, "")), behind=behind)
        yield way
        behind = behind or ("" if way.kind == "rollback" else way.title)


def _way_back(job: Job, standing: Standing, migration: Migration | None, backup: str) -> WayBack:
    """Say how a migration would be undone, as a rollback would find it."""
    title = f"{standing.label} {standing.name}"
    if standing.state == "baseline":
        return WayBack(standing.version, title, "baseline", "it was not run here, so there is nothing to undo")
    if migration is None:
        return WayBack(standing.version, title, "none", "its file is gone", backup)
    try:
        reason = top_directive(migration.path, "irreversible", job.database.dialect)
    except FileError as error:
        return WayBack(standing.version, title, "none", error.what, backup)
    if migration.rollback and not reason:
        changed = "; the migration's file was changed since, so a rollback is refused"
        text = f"{migration.rollback}{changed if standing.state == 'changed' else ''}"
        return WayBack(standing.version, title, "rollback", text, backup)
    if reason:
        return WayBack(standing.version, title, "irreversible", reason.argument, backup)
    return WayBack(standing.version, title, "none", "it has no rollback file", backup)


def _no_run(chosen: str, runs: tuple[Run, ...]) -> UsageError:
    if not runs:
        return UsageError(f"run {chosen}: there is none", remedy="Nothing was run here yet: sessmig migrate.")
    numbers = [str(run.number) for run in runs]
    listed = ", ".join(numbers) if len(numbers) <= 10 else f"..., {', '.join(numbers[-10:])}"
    return UsageError(
        f"run {chosen}: there is none of this number", remedy=f"The runs are {listed}; or give --run last."
    )
