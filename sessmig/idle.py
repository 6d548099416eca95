"""Asks first, at every start, whether all is surely done: then nothing else of sessmig is imported.

It answers only where nothing is odd: every file of the series stands in the ledger with its name and its checksum, and
no other row of the series does. Whatever else there is, the full story runs, which has words for it. Knows how to be
quick; what it asks for, and how that is read, stands where the full story has it too.
"""

from __future__ import annotations

import os

from sessmig.databases.idle import plain
from sessmig.naming import AHEAD, APPLIED, PENDING, TABLE, WHEN, is_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

    from sessmig.databases.idle import File, Server
    from sessmig.run_report import Report
    from sessmig.turn import Turn


class Look:
    """What a first look has found.

    Args:
        place: the database, where it was plain which one is meant; it may have been opened.
        report: the report of a run that has nothing to do; None leaves everything to the full story.
    """

    def __init__(self, place: File | Server | None = None, report: Report | None = None) -> None:
        self.place = place
        self.report = report
        self.turn: Turn | None = None

    @property
    def has_secrets(self) -> bool:
        """Whether there is a password in the database's URL."""
        return bool(self.place and self.place.secrets)

    def close(self) -> None:
        """Close what the full story has not taken over, and let others of this machine go on."""
        if self.place:
            self.place.close()
        if self.turn:
            self.turn.end()


def is_plain(
    to: Any, plan: Any, pending: Any, ahead: Any, backup: Any, keep: Any, backup_dir: Any, lock_wait: Any
) -> bool:
    """Tell whether these options of `ensure_migrations` are right, and none of them changes what is done at all."""
    words = pending in PENDING and ahead in AHEAD and backup in WHEN
    nothing = to is None and plan is None and keep is None and (backup_dir is None or isinstance(backup_dir, str))
    return words and nothing and type(lock_wait) in (int, float) and 0 <= lock_wait < float("inf")


def look(database: Any, directory: Any, *, series: Any = None, table: Any = TABLE) -> Look:
    """Find out whether a database surely has all of a series; wait for nobody, and write nothing.

    Args:
        database: a URL or path; anything else takes the full story.
        directory: the series folder.
        series: the series' name; the folder's, if None.
        table: the ledger's name.
    """
    found = Look()
    try:
        if not (isinstance(table, str) and is_table(table) and (series is None or isinstance(series, str))):
            return found
        found.place = plain(os.fspath(database)) if isinstance(database, str | os.PathLike) else None
        if found.place:
            found.report = _report(found.place, os.fspath(directory), series, table)
    except Exception:  # noqa: S110  # the full story meets it too, and has words for it
        pass
    except BaseException:
        found.close()
        raise
    if found.report:
        found.close()
    return found


def look_in_turn(
    database: Any,
    directory: Any,
    *,
    series: Any = None,
    table: Any = TABLE,
    wait: float = float("inf"),
    hearing: Callable[[], AbstractContextManager[None]] | None = None,
) -> Look:
    """Look; and where it takes more, first let a process of this machine end that is at the same, and look again.

    Args:
        database, directory, series, table: as for `look`.
        wait: how many seconds at most, and never more than `turn.LONGEST`; 0 asks for no turn.
        hearing: what is entered while it really waits; None where signals are the caller's own.
    """
    found = look(database, directory, series=series, table=table)
    if found.report or found.place is None or not wait:
        return found
    from sessmig.turn import Turn

    try:
        found.turn = Turn(found.place.where, os.path.abspath(directory), str(series), table)
        if found.turn.waited(wait, hearing):
            found.report = _report(found.place, os.fspath(directory), series, table)
    except Exception:  # noqa: S110  # as above
        pass
    except BaseException:
        found.close()
        raise
    if found.report:
        found.close()
    return found


def _report(place: File | Server, directory: str, series: str | None, table: str) -> Report | None:
    from sessmig.plain_series import list_plain, read_plain
    from sessmig.run_report import Report

    name, files = list_plain(directory, place.dialect, series)
    if not files:
        return None
    rows = place.standing(table, name)
    stands = {version: (title, checksum) for version, title, checksum, status in rows if status in APPLIED}
    # Where something is pending, no file need be read for that.
    if len(rows) != len(files) or stands.keys() != files.keys() or stands != read_plain(files):
        return None
    return Report("migrate", name, place.label, standing=len(files))
