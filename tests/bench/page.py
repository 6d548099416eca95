"""Lays the figures out: a table for each scenario, and the table of the targets; as Markdown, which reads as it is.

Knows figures and targets; measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.bench.racing import Figure
from tests.bench.scenarios import SCENARIOS, Scenario

Figures = Mapping[tuple[str, str], Mapping[str, Figure]]
"""By scenario and dialect: those of each contender, by its name."""

_DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def known(figures: Figures) -> Iterator[tuple[Scenario, str, Mapping[str, Figure]]]:
    """Give what was measured, in the table's order."""
    for scenario in SCENARIOS:
        for dialect in _DIALECTS:
            if found := figures.get((scenario.name, dialect)):
                yield scenario, dialect, found


def targets(figures: Figures) -> Iterator[str]:
    """Give the table of the targets: what is to be reached, the figure, and who is ahead."""
    yield "| | database | target | sessmig | CPU | | ahead of sessmig |"
    yield "|---|---|---|---|---|---|---|"
    for scenario, dialect, found in known(figures):
        target, own = scenario.targets[dialect], found.get(scenario.contenders[0].name)
        floor = found.get(target.floor)
        what = f"| {scenario.title} | {_DIALECTS[dialect]} "
        if own is None or own.fault or floor is None or floor.fault:
            fault = (own.fault if own else "") or (floor.fault if floor else "") or "not measured"
            yield f"{what}| ≤ {target.times} × {target.floor} | {fault} | | | |"
            continue
        wanted = target.words or f"≤ {target.times} × {target.floor}"
        times = own.seconds / floor.seconds
        ahead = [
            f"{name} {figure.seconds / floor.seconds:.2f}"
            for name, figure in sorted(found.items(), key=lambda one: one[1].seconds)
            if not figure.fault and figure.seconds < own.seconds and name not in (target.floor, "pyfloor")
        ]
        yield (
            f"{what}| {wanted} | {times:.2f} × | {_times(own.cpu, floor.cpu)}"
            f" | {'reached: a test holds it' if target.words else _verdict(times <= target.times)}"
            f" | {', '.join(ahead) or 'nobody'} |"
        )
        for most, mb, who in ((target.mb, own.mb, "sessmig"), (target.server_mb, own.server_mb, "server process")):
            if most:
                is_reached = _verdict(mb <= most)
                leaner = [n for n, f in found.items() if not f.fault and f.mb < own.mb] if who == "sessmig" else []
                yield (
                    f"| peak memory of that, {who} | {_DIALECTS[dialect]} | ≤ {most:.0f} MB | {mb:.0f} MB | |"
                    f" {is_reached} | {', '.join(leaner)} |"
                )


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "**missed**"


def _times(one: float, other: float) -> str:
    return f"{one / other:.2f} ×" if other else ""


def details(figures: Figures) -> Iterator[str]:
    """Give a table for each scenario and database, the fastest first."""
    for scenario, dialect, found in known(figures):
        target = scenario.targets[dialect]
        floor = found.get(target.floor)
        yield f"\n### {scenario.title[0].upper()}{scenario.title[1:]}: {_DIALECTS[dialect]}\n"
        server = any(figure.server_mb for figure in found.values())
        yield f"| | × {target.floor} | CPU × | s | shortest, longest | MB |{' server MB |' * server}"
        yield f"|---|---|---|---|---|---|{'---|' * server}"
        for name, figure in sorted(found.items(), key=lambda one: (bool(one[1].fault), one[1].seconds)):
            if figure.fault:
                yield f"| {name} | {figure.fault} | | | | |{' |' * server}"
                continue
            times = _times(figure.seconds, floor.seconds) if floor else ""
            cpu = _times(figure.cpu, floor.cpu) if floor else ""
            low, high = figure.spread
            yield (
                f"| {name} | {times} | {cpu} | {figure.seconds:.3f} | {low:.3f}, {high:.3f} | {figure.mb:.0f} |"
                + (f" {figure.server_mb:.0f} |" if server else "")
            )
