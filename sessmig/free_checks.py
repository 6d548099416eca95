"""Finds out what a step has made wrong: what the free checks find after it and did not find before it.

Pure functions of what the database told, and of the file; knows nothing of databases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sessmig import script
from sessmig.model import Cell, Dialect, Script
from sessmig.results import CheckResult
from sessmig.rows import Case, Fault
from sessmig.verdict import EXAMPLES
from sessmig.words import cut

_SWITCH = re.compile(r"session_replication_role|disable\s+trigger", re.IGNORECASE)


def new_faults(before: Sequence[Fault], after: Sequence[Fault], where: str) -> tuple[CheckResult, ...]:
    """Return a failed or warned check for each fault that is new, or bigger than it was.

    Args:
        before: what `Database.faults` told before the step.
        after: what it told after it.
        where: the migration's file.
    """
    earlier = _pairs(before, after)
    judged = (_judged(fault, earlier.get(number), where) for number, fault in enumerate(after))
    return tuple(check for check in judged if check)


def switched_off(source: Script, dialect: Dialect) -> tuple[CheckResult, ...]:
    """Return a warning for each statement that switches foreign keys off: what it lets in nobody asks for again."""
    if not _SWITCH.search(source.telling):
        return ()
    found = ((piece, script.unenforced(piece.statement, dialect)) for piece in source.pieces if not piece.is_plain)
    return tuple(
        CheckResult(
            "warn",
            "foreign keys switched off",
            f"{source.path}:{piece.statement_line}",
            "warned",
            "",
            f"line {piece.statement_line}: {what}; rows without the row that they refer to may stand in the tables now",
        )
        for piece, what in found
        if what
    )


def _pairs(before: Sequence[Fault], after: Sequence[Fault]) -> dict[int, Fault]:
    """Find for each fault the one that it was before the step: nothing excuses two."""
    likely = [
        (_likeness(old, new), number, place)
        for number, new in enumerate(after)
        for place, old in enumerate(before)
        if _likeness(old, new)
    ]
    found: dict[int, Fault] = {}
    used: set[int] = set()
    for _, number, place in sorted(likely, key=lambda pair: -pair[0]):
        if number not in found and place not in used:
            found[number] = before[place]
            used.add(place)
    return found


def _likeness(old: Fault, new: Fault) -> int:
    """Return how much two faults have in common: 0 if they are not the same, most if nothing was renamed."""
    if old.kind != new.kind or len(old.places) != len(new.places):
        return 0
    common = [len(one & other) for one, other in zip(old.places, new.places, strict=True)]
    return sum(common) if all(common) else 0


def _judged(fault: Fault, earlier: Fault | None, where: str) -> CheckResult | None:
    cases = fault.cases
    if earlier and cases and earlier.cases:
        # As many as before may be others than before.
        known = {case.values: case.rows for case in earlier.cases}
        cases = tuple(case for case in cases if case.rows > known.get(case.values, 0))
        if not cases:
            return None
    elif earlier and fault.number <= earlier.number:
        return None
    return CheckResult(
        "warn" if fault.is_warning else "check",
        f"{fault.kind}: {fault.subject}",
        where,
        "warned" if fault.is_warning else "failed",
        "",
        f"{fault.found} (before the step: {earlier.number:,})" if earlier and fault.columns else fault.found,
        fault.columns if cases else (),
        tuple(map(_shown, cases[:EXAMPLES])),
        len(cases),
    )


def _shown(case: Case) -> tuple[Cell, ...]:
    return tuple(map(cut, (*case.values, case.rows, *case.example)))
