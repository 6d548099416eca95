"""Puts a database into the state of a backup that was chosen, and sees to what becomes of the state before.

Knows the order of things; how a state is replaced, the databases know. Prints nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessmig import backup_files
from sessmig.backup_choice import UNTOUCHED, Choice, readable
from sessmig.backup_files import new_file
from sessmig.backup_log import series_of
from sessmig.backup_room import look_for_room
from sessmig.batch_table import BatchTable
from sessmig.errors import BackupError, LedgerError, LockError, SessmigError
from sessmig.job import Job
from sessmig.ledger import Ledger
from sessmig.stop import saying
from sessmig.words import file_size, since, took, utc_now

if TYPE_CHECKING:
    from sessmig.databases.saving import Beside, Saving


_BESIDE = "The state that is replaced is kept beside the database until it is done."
_UNPACKED = "A compressed backup is unpacked first: beside it, or in the folder that TMPDIR names."
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    database: str
    path: str
    sha256: str
    size: int
    duration_ms: int
    dropped: tuple[str, ...] = ()
    """What was made since the backup, and is gone with it."""
    undone: tuple[str, ...] = ()
    """Migrations whose ledger rows the backup does not know: they are pending now."""
    kept: str = ""
    """Where the state before it is kept, as it was damaged."""
    foreign: str = ""
    """Of which database the backup is, if not of this one."""
    passed_over: tuple[str, ...] = ()
    as_of: str = ""
    """When the backup was made, in UTC; empty if its name does not tell."""
    what_is_lost: str = ""


def restore(
    job: Job, choice: Choice, *, force: bool, agree: Callable[[Sequence[Beside]], None] | None = None
) -> Restored:
    """Put the database into the state of a backup, whole or not at all, and log that.

    Args:
        job: where.
        choice: the backup.
        force: go on though others have the database open, and though tables with rows are dropped.
        agree: told of what the backup does not know and what is dropped; raises where that must not be. Without it
            such tables that hold rows are dropped by `force` only.

    Raises:
        BackupError: the backup is damaged, or it could not be restored.
        LockError: others have the database.
    """
    started_at, clock = utc_now(), time.monotonic()
    saving = job.database.saving(job.backup.programs)
    try:
        saving.prepare(restores=True)
        with _unpacked(saving, choice.path) as path:
            _inspect(saving, choice, path)
            agreed = _to_drop(job, saving.beside(path))
            asked = _of_others(job, agreed)
            if agree:
                agree(asked)
            elif not force:
                _refuse_rows(job, asked)
            done = _replace(job, saving, choice, path, agreed, force=force, clock=clock)
    except BackupError as error:
        error.holds = error.holds or UNTOUCHED
        _log(job, choice, "failed", started_at, since(clock), {"error": error.what})
        raise
    _log(job, choice, "success", started_at, done.duration_ms, {})
    return done


@contextmanager
def _unpacked(saving: Saving, path: str) -> Iterator[str]:
    """Give the path of a backup that is not compressed: the file itself, or what it holds, in a file of its own."""
    with readable(path), open(path, "rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
    if not is_packed:
        yield path
        return
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with new_file(folder, f"{saving.name}.restore", remedy=_UNPACKED):
            pass
    except BackupError:
        folder = tempfile.gettempdir()
    backup_files.sweep(folder, saving.name)
    with readable(path):
        size = backup_files.expanded_size(path)
    look_for_room(folder, size, path, way_out=_UNPACKED, what="unpacking {}")
    with new_file(folder, f"{saving.name}.restore", remedy=_UNPACKED) as unpacked:
        backup_files.expand(path, unpacked.partial)
        yield unpacked.partial


def _inspect(saving: Saving, choice: Choice, path: str) -> None:
    try:
        saving.inspect(path, sealed=choice.seal is not None)
    except BackupError as error:
        error.what = error.what.replace(path, choice.path)
        raise


def _replace(
    job: Job, saving: Saving, choice: Choice, path: str, agreed: Sequence[Beside], *, force: bool, clock: float
) -> Restored:
    with _in_the_way(saving, force), saving.held(job.table, wait=job.lock_wait, on_wait=job.patience(), force=force):
        found = saving.beside(path, count=False)
        gone = _to_drop(job, found)
        _demand_same(job, gone, agreed)
        undone, then = _to_undo(job, found)
        kept = _keep_state(saving, os.path.getsize(path))
        try:
            saving.replace_state(path, gone, then)
        except SessmigError as error:
            error.holds = f"The database is as it was{f'; {kept} is a copy of it' if kept else ''}."
            raise
        except KeyboardInterrupt:
            if kept:
                job.emit("backup", f"{kept} is a copy of what the database held, and holds")
            raise
        with saying(f"the database is restored from {choice.path}"):
            kept = _let_go(job, saving, kept)
    origin = choice.seal.origin if choice.seal else ""
    foreign = "" if not origin or saving.is_of(origin, choice.path) else origin
    return Restored(
        job.database.label,
        choice.path,
        choice.sha256,
        choice.size,
        since(clock),
        tuple(str(one) for one in agreed),
        undone,
        kept,
        foreign,
        choice.passed_over,
        choice.as_of,
        choice.what_is_lost,
    )


@contextmanager
def _in_the_way(saving: Saving, force: bool) -> Iterator[None]:
    try:
        yield
    except LockError as error:
        error.holds = UNTOUCHED
        if saving.others_stay:
            error.remedy = "Stop whoever has the database open, readers too, and run it again."
            if not force:
                error.remedy += (
                    " With --force it is done though they have it open, if they stand in no transaction: "
                    f"{saving.others_stay}."
                )
        raise


def _keep_state(saving: Saving, coming: int) -> str:
    """Keep the state that is to be replaced, where it can be kept in a file; return its path."""
    if not saving.folder:
        return ""
    size = saving.size()
    backup_files.sweep(saving.folder, saving.name)
    # The copy, and what the database writes beside itself to be able to go back.
    look_for_room(
        saving.folder, size + max(size, coming), saving.name, way_out=_BESIDE, what="putting {} back into an old state"
    )
    with new_file(saving.folder, f"{saving.name}.before_restore", remedy=_BESIDE) as file:
        if saving.save_state(file.partial):
            file.finish()
            return file.path
    return ""


def _let_go(job: Job, saving: Saving, kept: str) -> str:
    """Remove the state that was kept; one that is damaged stays, for whoever may get something out of it."""
    if kept:
        try:
            saving.inspect(kept, sealed=False)
        except BackupError:
            return kept
        try:
            os.unlink(kept)
        except OSError as error:  # it is restored all the same
            job.emit("backup", f"{kept}, a copy of the old state, could not be removed: {error.strerror or error}")
    return ""


def _to_drop(job: Job, found: Sequence[Beside]) -> list[Beside]:
    """Return what goes, of what the backup does not know: all but our own ledger and its log."""
    kept = [one for one in found if one.name in (job.table, f"{job.table}_log") and _is_ours(job)]
    if not kept:
        return list(found)
    names = {one.name for one in kept}
    if job.table in names:
        names.add(f"{job.table}_count_up")  # numbers what an older application writes into it
    return [one for one in found if one.name not in names and not kept[0].sql.startswith(f"{one.sql}.")]


def _of_others(job: Job, gone: Sequence[Beside]) -> list[Beside]:
    """Return those of which somebody has to be asked: not what we keep of a step that is half done, and then is not."""
    kept = BatchTable(job.database, job.table, "", 0)
    return [one for one in gone if one.name != f"{job.table}_batches" or not kept.is_standing]


def _is_ours(job: Job) -> bool:
    try:
        return Ledger(job.database, job.table, "").is_standing
    except LedgerError:  # another program's, or in another schema: it speaks of no migration of ours
        return False


def _to_undo(job: Job, found: Sequence[Beside]) -> tuple[tuple[str, ...], str]:
    """Where the backup knows no ledger, no migration is applied in its state, whatever the ledger beside it says.

    Returns:
        What is pending then, and the SQL that says so.
    """
    if not (any(one.name == job.table for one in found) and _is_ours(job)):
        return (), ""
    table = job.database.table(job.table)
    rows = job.database.query(
        f"SELECT series, version, migration_id FROM {table} WHERE status <> 'rolled_back' ORDER BY series, version"
    ).rows
    names = tuple(f"{series!s} {version!s} {name!s}" for series, version, name in rows)
    return names, f"UPDATE {table} SET status = 'rolled_back';"


def _refuse_rows(job: Job, gone: Sequence[Beside]) -> None:
    full = [one for one in gone if one.rows]
    if full:
        raise BackupError(
            f"{job.database.label}: made since the backup, and not in it: {', '.join(map(str, full))}",
            holds=UNTOUCHED,
            remedy="With --force they are dropped; or restore into a new database, and take them from here.",
        )


def _demand_same(job: Job, gone: Sequence[Beside], agreed: Sequence[Beside]) -> None:
    """Refuse what nobody was asked about, as it was made since."""
    new = [one for one in gone if one.drop not in {other.drop for other in agreed}]
    if new:
        raise BackupError(
            f"{job.database.label}: made just now, and not in the backup: {', '.join(one.name for one in new)}",
            holds=UNTOUCHED,
            remedy="Stop whoever makes it, and run it again.",
        )


def _log(job: Job, choice: Choice, outcome: str, started_at: str, duration_ms: int, more: dict[str, Any]) -> None:
    """Append the restore to the log of the database as it is now, where it has one."""
    detail = {"path": choice.path, "size": choice.size, "sha256": choice.sha256, **more}
    with suppress(SessmigError):
        ledger = Ledger(job.database, job.table, series_of(job), run=job.run)
        if ledger.is_standing:
            ledger.log(None, "restore", outcome, started_at=started_at, duration_ms=duration_ms, detail=detail)


def restored_lines(done: Restored) -> Iterator[str]:
    """Lay out what a restore did."""
    yield f"restored {done.database} from {done.path}, {file_size(done.size)} in {took(done.duration_ms)}"
    yield f"  {done.what_is_lost}"
    for line in done.passed_over:
        yield f"  passed over {line}"
    if done.foreign:
        yield f"  this is the backup of another database: {done.foreign}"
    if done.undone:
        yield f"  the backup has no ledger: what that said is applied is pending again: {', '.join(done.undone)}"
    if done.dropped:
        yield f"  not in the backup, and dropped: {', '.join(done.dropped)}"
    if done.kept:
        yield f"  what stood there before was damaged; it is kept in {done.kept}"
    yield "sessmig status shows where it stands; the next migrate, or start of the application, applies what is pending"
