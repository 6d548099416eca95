"""Lays out what a rehearsal found, for people.

Knows reports only; asks no database and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sessmig.likeness import difference_lines
from sessmig.rehearsal import Difference, Rehearsal
from sessmig.report import SIGNS, as_json, step_lines, summary
from sessmig.words import count, plain, table, took


def rehearsal_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Lay a whole rehearsal out as plain text; what did not hold is told by its failures too."""
    yield f"{rehearsal.series} on {rehearsal.database}"
    if rehearsal.place:
        yield f"rehearsed {rehearsal.place}"
    yield ""
    for step in rehearsal.steps:
        yield from step_lines(step, {"warned", "failed"})
        yield ""
    if rehearsal.verified and rehearsal.verified.steps:
        yield f"verify  {summary(rehearsal.verified)}"
    yield from _lock_lines(rehearsal)
    if rehearsal.repeats:
        yield "run a second time"
    for repeat in rehearsal.repeats:
        ok = not (repeat.error or repeat.differences)
        found = "changes nothing" if ok else repeat.error.splitlines()[0] if repeat.error else "changes the database"
        yield f"    {_sign(ok)}  {repeat.where}: {repeat.statement} {found}"
        yield from (f"            {line}" for line in difference_lines(repeat.differences))
    yield from _rollback_lines(rehearsal)
    yield from _again_lines(rehearsal)
    if rehearsal.unrehearsed:
        yield "not rehearsed"
    for missing in rehearsal.unrehearsed:
        yield f"    {missing.subject}: {missing.reason}"
    if rehearsal.place:
        yield ""
    yield last_line(rehearsal)


def _sign(ok: bool) -> str:
    return SIGNS["passed" if ok else "failed"].ljust(6)


def _lock_lines(rehearsal: Rehearsal) -> Iterator[str]:
    if not rehearsal.locks:
        return
    yield "locks (the strongest on each table, to the end of its step)"
    rows = [
        (step.title, lock.table, lock.mode, took(lock.held_ms), lock.blocks)
        for step in rehearsal.locks
        for lock in step.locks
    ]
    yield from (f"    {line}" for line in table(("step", "table", "lock", "held", "blocks"), rows, numbers=(3,)))


def _rollback_lines(rehearsal: Rehearsal) -> Iterator[str]:
    if rehearsal.undone:
        yield "rollback"
    for step in rehearsal.undone:
        yield from (f"    {line}" for line in step_lines(step, {"warned", "failed"}))
    if rehearsal.differences is not None:
        yield from _compared(
            rehearsal.differences,
            f"the database is as it was before {rehearsal.before}",
            f"the database is not as it was before {rehearsal.before}",
        )
    if rehearsal.sequences:
        moved = ", ".join(f"{name} ({was} -> {now})" for name, was, now in rehearsal.sequences)
        yield f"    but for sequences, which are never rolled back: {moved}"


def _again_lines(rehearsal: Rehearsal) -> Iterator[str]:
    if rehearsal.again:
        yield "migrate again"
    for step in rehearsal.again:
        yield f"    {_sign(step.outcome != 'failed')}  {step.title}, {step.outcome} in {took(step.duration_ms)}"
    if rehearsal.again_differences is not None:
        yield from _compared(
            rehearsal.again_differences,
            "schema and numbers of rows are those of the first time",
            "schema or numbers of rows are not those of the first time",
        )


def _compared(found: tuple[Difference, ...], same: str, other: str) -> Iterator[str]:
    yield f"    {_sign(not found)}  {other if found else same}"
    yield from (f"            {line}" for line in difference_lines(found))


def last_line(rehearsal: Rehearsal) -> str:
    """Return the last line: what came of it."""
    if not rehearsal.steps and not rehearsal.failures:
        still = f"{len(rehearsal.pending)} still pending" if rehearsal.pending else "none pending"
        return f"nothing to rehearse: {count(rehearsal.standing, 'migration')} applied, {still}"
    head = f"{count(len(rehearsal.steps), 'migration')} rehearsed in {took(rehearsal.duration_ms)}"
    head += f", {len(rehearsal.pending)} still pending" if rehearsal.pending else ""
    if rehearsal.failures:
        stages = ", ".join(dict.fromkeys(failure.stage for failure in rehearsal.failures))
        return f"{head}: REHEARSAL FAILED ({stages})"
    if rehearsal.differences is None:
        return f"{head}: all of it held; nothing could be rolled back"
    return f"{head}: all of it held, and after the rollback the database is as it was before {rehearsal.before}"


def rehearsal_json(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal as JSON knows it."""
    known: dict[str, Any] = plain(asdict(rehearsal))
    verified = rehearsal.verified and as_json(rehearsal.verified)
    return known | {"verified": verified, "exit_code": rehearsal.exit_code}
