"""What holds after every fault, whatever it was. Knows nothing of how faults are made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.faults.child import Ended
from tests.faults.ground import SECRET, Ground
from tests.faults.standing import Standing

_OWN = ("Traceback (most recent call last)", "an error of its own", "NoneType")
_PLACE = re.compile(r"0002_step(\.rollback|\.verify)*\.sql(:\d+)?: ")
"""A step's file; with the line, where one statement of it failed, and not its commit."""


class BrokenError(AssertionError):
    """A promise was not kept."""


@dataclass(slots=True)
class Met:
    """One fault, and what came of it."""

    kind: str
    scene: str
    at: str
    """By what it is found again."""
    ended: Ended = field(default_factory=lambda: Ended(0, ""))
    words: str = ""
    """What is broken; empty if everything holds."""
    was_hot: bool = False
    half_index: bool = False
    in_words: bool = False
    """A run said what a person has to do, and that was done."""


def said_well(ended: Ended, *, killed: bool, fine: tuple[int, ...] = ()) -> None:
    """Hold what a run said: words, not a traceback; no password; no hang.

    Args:
        ended: how it ended.
        killed: it was to be killed by the fault.
        fine: the exit codes that it may have; any of the documented ones, if empty.
    """
    if ended.hung:
        raise BrokenError(f"it hung for {ended.seconds:.0f} s:\n{ended.output}")
    for word in _OWN:
        if word in ended.output:
            raise BrokenError(f"it said {word!r}:\n{ended.output}")
    if SECRET in ended.output:
        raise BrokenError(f"it told the password:\n{ended.output}")
    if ended.code < 0 and not killed:
        raise BrokenError(f"it died of signal {-ended.code}:\n{ended.output}")
    if ended.code >= 0 and ended.code not in (fine or (0, 1, 3, 5, 130, 143)):
        raise BrokenError(f"exit code {ended.code}:\n{ended.output}")
    if ended.code in (1, 3, 4, 5):
        # What and where, and then what the database holds, or what to do.
        lines = [line for line in ended.output.splitlines() if line.strip()]
        if len(lines) < 2:
            raise BrokenError(f"exit code {ended.code}, and not in words:\n{ended.output}")
        # A lock that was not had (5) is nothing in the file: who has it is named in its place.
        place = re.compile(r"pid \d+") if ended.code == 5 else _PLACE
        if "failed  0002_step" in ended.output and not place.search(ended.output):
            raise BrokenError(f"a step failed, and its file is not named:\n{ended.output}")


def stands_well(ground: Ground, *, back: bool = False, exactly: str = "") -> Standing:
    """Hold that the database stands before or behind a commit, and that the ledger tells behind which.

    Args:
        ground: after the fault.
        back: it was a rollback.
        exactly: the state it has to be in, if the command changes nothing.
    """
    state, standing = ground.state(), ground.standing()
    if exactly:
        if state != exactly:
            raise BrokenError(f"the state is another one: {state}")
        return standing
    forth, backward, series = ground.forth, ground.backward, ground.series
    if standing.status == "success":
        legal = [forth[-1]]
    elif standing.status in (None, "rolled_back"):
        legal = [backward[-1] if back else forth[0]]
    elif standing.undoing or (back and series.is_staged_back):
        legal = backward[standing.done : standing.done + 1 + standing.begun]
    else:
        place = series.place(standing.done, standing.rows)
        legal = forth[place : place + 1 + standing.begun]
    if state not in legal:
        where = [("forth", n) for n, one in enumerate(forth) if one == state]
        where += [("backward", n) for n, one in enumerate(backward) if one == state]
        raise BrokenError(f"the ledger says {standing}, and the database stands at {where or state}")
    return standing


def finished(ground: Ground, *, back: bool = False, again: bool = False, is_idle: bool = False) -> None:
    """Hold that all is done, once or a second time, and that nothing was left behind.

    Args:
        ground: after the run that finishes.
        back: it was a rollback.
        again: the step was rolled back, and applied once more.
        is_idle: that run had nothing to do, and took no lock: the lock file of a dead process may stand still.
    """
    standing, state = ground.standing(), ground.state()
    wanted = ground.again if again else ground.backward[-1] if back else ground.forth[-1]
    if standing.status != ("rolled_back" if back else "success") or state != wanted:
        raise BrokenError(f"it is not finished: {standing}, {state}")
    clean(ground, known="-sessmig-lock" if is_idle else "")


def clean(ground: Ground, *, known: str = "") -> None:
    """Hold that no file, lock or connection was left, no index half built, and no password told.

    Args:
        ground: after the run.
        known: a part of the names of files that may be there.
    """
    if left := [one for one in ground.left() if not known or known not in one]:
        raise BrokenError(f"left behind: {left}")
    if ground.half_indexes():
        raise BrokenError("an index was left that is not whole")
    if SECRET in ground.told():
        raise BrokenError("the password stands in ledger or log")


def succeeded(ended: Ended) -> None:
    """Hold that a run without a fault ended well."""
    said_well(ended, killed=False)
    if ended.code != 0:
        raise BrokenError(f"the next run did not finish it: exit code {ended.code}:\n{ended.output}")
