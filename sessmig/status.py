"""Looks at where a series stands, and asks its checks again; neither takes a lock or writes anything.

Knows how to look; applies nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from sessmig import proof
from sessmig.accounts import ask_again
from sessmig.attempt import Attempt
from sessmig.errors import ConnectError, FileError
from sessmig.gone import Gone
from sessmig.half_words import how_far
from sessmig.halfway import read_progress
from sessmig.job import Job, find
from sessmig.ledger_rights import reading
from sessmig.log import rolled_back
from sessmig.model import Entry, Migration, Plan, Script, Status, Step
from sessmig.problems import mended, refuse
from sessmig.reading import read_blocks, read_step, read_way_back
from sessmig.results import Standing, State, StatusReport
from sessmig.run_report import Report
from sessmig.source import Series
from sessmig.stage import stages
from sessmig.words import since

_STATES: dict[Status, State] = {
    "success": "applied",
    "baseline": "baseline",
    "running": "running",
    "failed": "failed",
    "rolled_back": "rolled back",
}


def status(job: Job) -> StatusReport:
    """Tell where each migration of the series stands; problems are told, not raised."""
    series, _, plan = find(job)
    told = rolled_back(job, series.name, plan.rolled_back)
    steps = _half_done(job, series, plan)
    problems = (*plan.problems, *mended(plan, steps.values(), job.database.dialect))
    found = sorted(_standings(series, replace(plan, problems=problems)), key=lambda one: one.version)
    standings = tuple(_with_end(_with_progress(job, plan, steps, one), told) for one in found)
    return StatusReport(series.name, job.database.label, standings, problems, job.database.is_missing)


def _half_done(job: Job, series: Series, plan: Plan) -> dict[int, Step]:
    """Read the files that are half done, migrations or rollbacks, as far as they can be read."""
    files = {migration.version: migration for migration in series.migrations}
    found = {}
    for entry in (entry for entry in plan.halfway if entry.version in files):
        read = read_way_back if read_progress(entry.metadata).undoing else read_step
        with suppress(FileError):
            if step := read(files[entry.version], job.database.dialect):
                found[entry.version] = step
    return found


def _with_progress(job: Job, plan: Plan, steps: dict[int, Step], standing: Standing) -> Standing:
    """Say of a half-done step how far it is."""
    entry = next((entry for entry in plan.halfway if entry.version == standing.version), None)
    if entry is None:
        return standing
    progress, step = read_progress(entry.metadata), steps.get(standing.version)
    pieces = stages(step.script, step.merges, job.database.dialect) if step else ()
    told = f"{'rollback: ' if progress.undoing else ''}{how_far(progress, pieces)}"
    return replace(standing, progress=told, error=progress.error, is_half_done=not progress.undoing)


def _with_end(standing: Standing, told: dict[int, tuple[str, str]]) -> Standing:
    """Add when, and by whom, a migration was rolled back."""
    if standing.state != "rolled back" or standing.version not in told:
        return standing
    at, by = told[standing.version]
    return replace(standing, rolled_back_at=at, rolled_back_by=by)


def _standings(series: Series, plan: Plan) -> Iterator[Standing]:
    wrong: dict[int, State] = {problem.version: problem.kind for problem in plan.problems}
    files = {m.version: m for m in series.migrations}
    applied = {entry.version: entry for entry in (*plan.applied, *plan.halfway)}
    held = {one.version: one for one in plan.held}
    waiting = {m.version for m in (*plan.pending, *plan.later)} | held.keys()
    for version in files.keys() | applied.keys():
        entry, migration = applied.get(version), files.get(version)
        usual: State = "rolled back" if version in plan.rolled_back else "pending"
        if entry is not None:
            usual = _STATES[entry.status]
        elif version in held:
            usual = "held"
        elif version not in waiting:
            usual = "baseline"  # below a baseline: it counts as done, though it never ran here
        yield replace(_standing(wrong.get(version, usual), version, entry, migration), held=held.get(version))


def _standing(state: State, version: int, entry: Entry | None, migration: Migration | None) -> Standing:
    label = migration.label if migration else str(version)
    name = migration.name if migration else entry.name if entry else ""
    if entry is None:
        return Standing(version, label, name, state)
    return Standing(
        version, label, name, state, entry.applied_at, entry.duration_ms, entry.applied_by, entry.description
    )


def verify(job: Job) -> Report:
    """Ask the checks and warns of every applied migration again, all in one snapshot.

    Raises:
        ConnectError: there is no such database.
        PlanError: an applied file was changed, or is missing.
        FileError: a verify file is not understood.
    """
    started = monotonic()
    if job.database.is_missing:
        raise ConnectError(f"{job.database.label}: there is no such database", remedy="Run sessmig migrate first.")
    job = job.forgiving()
    series, ledger, plan = find(job)
    refuse(plan, ledger)
    ran = {entry.version: entry for entry in plan.applied if entry.status == "success"}
    files = [migration for migration in series.migrations if migration.version in ran]
    chosen = [(m, *read_blocks(m.verify, job.database.dialect)) for m in files]
    steps = []
    with job.snapshot():
        for migration, blocks, merges in chosen:
            if blocks or merges:
                script = Script(migration.path, "", ran[migration.version].description or migration.name, ())
                attempt = Attempt(Step(migration, script, blocks, merges))
                gone = Gone([other for other in files if other is not migration], job.database.dialect)
                attempt.picture = proof.ask_again(job.database, blocks, gone.why)
                with reading(job.database, job.table):
                    absent = ledger.absent(migration.version)
                attempt.accounts += ask_again(job.database, merges, absent)
                steps.append(attempt.report("verified"))
    return Report(
        "verify",
        series.name,
        job.database.label,
        tuple(steps),
        len(plan.applied),
        half_done=tuple(f"{entry.version} {entry.name}" for entry in plan.halfway),
        duration_ms=since(started),
    )
