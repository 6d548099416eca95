"""Stops a run that would do something else than what was signed, and says exactly what differs.

Knows what a signature stands for: the files, the pending set, the database, and the rows of its ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sessmig.errors import PlanError
from sessmig.job import Job
from sessmig.model import Entry, Plan
from sessmig.pair_files import file_hashes
from sessmig.signed import Row, Signed, row_of
from sessmig.source import Series

_PARTS = {
    "migration": "the file",
    "verify": "its verify file",
    "rollback": "its rollback file",
    "rollback_verify": "its rollback's verify file",
}
_REMEDY = "Put back what differs; or make the plan anew (sessmig plan --out FILE.json), and have that signed."


def demand_signed(job: Job, signed: Signed, series: Series, plan: Plan, entries: Sequence[Entry]) -> None:
    """Refuse a run that is not the one that was signed; nothing was touched by then.

    Raises:
        PlanError: says exactly what differs.
    """
    found = [*_place(job, signed, series), *_pending(signed, plan), *_moved(signed, entries, ())]
    if found:
        raise differs(signed, found, "Nothing was touched.")


def demand_unmoved(signed: Signed, entries: Sequence[Entry], done: Collection[int]) -> None:
    """Under the lock: refuse to go on where somebody else has changed the ledger since.

    Args:
        signed: the plan.
        entries: the ledger's rows now.
        done: the versions that this run has applied.

    Raises:
        PlanError: says exactly what differs.
    """
    if found := list(_moved(signed, entries, done)):
        raise differs(signed, found, "")


def differs(signed: Signed, found: Sequence[str], holds: str) -> PlanError:
    """Return the error that says what differs, a line each."""
    lines = "\n".join(f"  {line}" for line in found)
    return PlanError(f"{signed.path}: this is not what was signed:\n{lines}", holds=holds, remedy=_REMEDY)


def _place(job: Job, signed: Signed, series: Series) -> Iterator[str]:
    for what, then, now in (("series", signed.series, series.name), ("ledger", signed.table, job.table)):
        if then != now:
            yield f"{what}: {then} then, {now} now"
    here = job.database.scripting().identity()
    for name in dict.fromkeys((*signed.identity, *here)):
        if signed.identity.get(name) != here.get(name):
            yield f"database: {name} {signed.identity.get(name, '(none)')} then, {here.get(name, '(none)')} now"


def _pending(signed: Signed, plan: Plan) -> Iterator[str]:
    pending = {migration.title: migration for migration in plan.pending}
    held = {one.title: one for one in plan.held if not one.ignored}
    applied = {entry.version for entry in plan.applied}
    for title, files in signed.files.items():
        if title in pending:
            now = file_hashes(pending[title])
            for part in dict.fromkeys((*files, *now)):
                then, here = files.get(part), now.get(part)
                if then != here:
                    yield f"{title}: {_PARTS.get(part, part)}: {_short(then)} then, {_short(here)} now"
            continue
        version = title.partition("_")[0]
        why = "is applied" if version.isdecimal() and int(version) in applied else "is not pending"
        yield f"{title}: signed to run, and {f'is held {held[title].how}' if title in held else why} now"
    for title in pending:
        if title not in signed.files:
            yield f"{title}: would run now, and is not in what was signed"


def _moved(signed: Signed, entries: Sequence[Entry], done: Collection[int]) -> Iterator[str]:
    """Compare the ledger's rows, but for those that this run has written."""
    then = {row[:2]: row for row in signed.rows if not _is_own(row, signed, done)}
    now = {row[:2]: row for row in map(row_of, entries) if not _is_own(row, signed, done)}
    for place in sorted({*then, *now}):
        if then.get(place) != now.get(place):
            yield f"ledger: {place[0]} {place[1]}: {_told(then.get(place))} then, {_told(now.get(place))} now"


def _is_own(row: Row, signed: Signed, done: Collection[int]) -> bool:
    return row[0] == signed.series and row[1] in done


def _told(row: Row | None) -> str:
    return "no row" if row is None else f"{row[2]} {row[3]} ({_short(row[4])})"


def _short(checksum: str | None) -> str:
    return checksum[:12] if checksum else "none"
