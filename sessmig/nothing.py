"""The words of a run that had nothing to do: most starts of an application say no more.

Knows reports only. Such a start imports it, so it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sessmig.run_report import Report


def count(number: int, noun: str) -> str:
    """Return `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def heading(report: Report) -> str:
    """Return the first line of a report: which series, and where."""
    return f"{report.series} on {report.database}"


def nothing_done(report: Report) -> str:
    """Return the last line of a report of a run that had nothing to do."""
    still = f"{len(report.pending)} pending ({titles(report)})" if report.pending else "none pending"
    parts = [report.idle or f"{count(report.standing, 'migration')} applied", still, *held_back(report)]
    return f"nothing to do: {', '.join(parts)}"


def titles(report: Report) -> str:
    """Name what is pending; the first few, where there are many."""
    return ", ".join(report.pending[:3]) + (", ..." if len(report.pending) > 3 else "")


def held_back(report: Report) -> list[str]:
    """Tell of what is held in the last line, but for what it begins with."""
    held = [one for one in report.held if str(one) != report.idle]
    first = f"{held[0].title}{f' until {held[0].until} UTC' if held[0].until else ''}" if held else ""
    return [f"{len(held)} held ({first}{', ...' if len(held) > 1 else ''})"] if held else []
