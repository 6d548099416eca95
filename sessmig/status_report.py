"""Lays out where a series stands: for people a table fit for their terminal, for machines JSON.

Knows reports only; asks no database and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from sessmig.escapes import visible
from sessmig.results import Standing, State, StatusReport
from sessmig.terminal import Shrink, fitted, joined
from sessmig.words import count, plain, took

Paint = Callable[[State, str], str]
"""Colours a text by the state that it tells."""

_HEAD = ("version", "name", "state", "when (UTC)", "took", "by")
_STATE = 2
_SHRINKS = (
    Shrink(1, 32),
    Shrink(5),
    Shrink(4),
    Shrink(3, 10, mark=""),  # the date
    Shrink(1, 12),
    Shrink(3),
)


def status_lines(status: StatusReport, *, width: int | None = None, paint: Paint | None = None) -> Iterator[str]:
    """Lay out where a series stands.

    Args:
        status: where it does.
        width: of the terminal; None where there is none.
        paint: colours the states.
    """
    yield visible(f"{status.series} on {status.database}")
    yield ""
    room = None if width is None else width - 2
    head, *rows = fitted(_HEAD, [_row(one) for one in status.standings], width=room, shrinks=_SHRINKS)
    yield f"  {joined(head)}"
    for standing, row in zip(status.standings, rows, strict=True):
        if paint:
            state = row[_STATE].rstrip()
            row[_STATE] = paint(standing.state, state) + row[_STATE][len(state) :]
        yield f"  {joined(row)}"
    if status.held:
        yield ""
    yield from (visible(f"  {standing.held}") for standing in status.standings if standing.state == "held")
    for standing in (standing for standing in status.standings if standing.progress):
        yield ""
        yield visible(f"  {standing.label} {standing.name}: {standing.progress}")
        yield from (visible(f"      {line}") for line in standing.error.splitlines())
    for problem in status.problems:
        yield ""
        yield visible(f"  {problem.kind}: {problem.text}")
        yield visible(f"    -> {problem.remedy}")
    yield ""
    if status.is_missing:
        yield "there is no such database yet; sessmig migrate makes it"
    states = Counter(standing.state for standing in status.standings)
    half = sum(standing.is_half_done for standing in status.standings)
    parts = [f"{states['applied']} applied"]
    parts += [f"{states['baseline']} baseline"] if states["baseline"] else []
    parts += [f"{half} half done"] if half else []
    parts += [f"{status.pending - half} pending"]
    parts += [f"{status.held} held"] if status.held else []
    yield ", ".join([*parts, count(len(status.problems), "problem")])


def status_json(status: StatusReport, exit_code: int) -> dict[str, Any]:
    """Return where a series stands as JSON knows it.

    Args:
        status: where it does.
        exit_code: what `status --check` ends with.
    """
    known: dict[str, Any] = plain(asdict(status))
    return known | {
        "applied": sum(standing.state == "applied" for standing in status.standings),
        "baseline": sum(standing.state == "baseline" for standing in status.standings),
        "half_done": sum(standing.is_half_done for standing in status.standings),
        "pending": status.pending,
        "held": status.held,
        "states": dict(Counter(standing.state for standing in status.standings)),
        "exit_code": exit_code,
    }


def _row(standing: Standing) -> tuple[str, ...]:
    return (
        standing.label,
        standing.name,
        standing.state,
        standing.applied_at or standing.rolled_back_at or "",
        "" if standing.duration_ms is None else took(standing.duration_ms),
        standing.applied_by or standing.rolled_back_by or "",
    )
