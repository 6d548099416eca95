"""sessmig beside the others, in one run: `python -m tests.bench.beside [--only NAME ...] [--dialect NAME ...]`.

Each figure is a ratio: the contenders take turns, each on a fresh database, and the medians are compared. `make bench`
makes the environment (`installing.py`) and runs this; a run of all writes docs/benchmarks.md, a part of it only prints.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.bench import machine, page
from tests.bench.contenders import Contender, Environment
from tests.bench.installing import absent
from tests.bench.racing import Figure, databases, race
from tests.bench.scenarios import SCENARIOS, Scenario

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
WHY = Path(__file__).with_name("why.md")
"""What is missed, and why: written by hand, after a look at the profile."""
DIALECTS = ("sqlite", "postgres")
ROUNDS = 7


def measure(
    scenario: Scenario, dialect: str, environment: Environment, rounds: int, wanted: list[str]
) -> dict[str, Figure]:
    """Measure one scenario on one database; who is not installed is listed as absent."""
    missing = absent(environment, scenario.contenders)
    found: dict[str, Figure] = {}
    ready: list[Contender] = []
    for contender in scenario.contenders:
        if dialect not in contender.dialects or (wanted and contender.name not in wanted):
            continue
        if reason := missing.get(contender.name):
            found[contender.name] = Figure(fault=reason)
        else:
            ready.append(contender)
    with tempfile.TemporaryDirectory(prefix="sessmig-bench-") as name, databases(dialect, Path(name)) as fresh:
        return race(scenario, ready, environment, fresh, Path(name), rounds) | found


def kept(folder: Path) -> dict[tuple[str, str], dict[str, Figure]]:
    """Read the figures that were kept."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        scenario, dialect = file.stem.split("-")
        found[scenario, dialect] = {name: Figure(**one) for name, one in json.loads(file.read_text("utf-8")).items()}
    return found


def keep(folder: Path, scenario: Scenario, dialect: str, figures: dict[str, Figure]) -> None:
    """Keep the figures of one scenario, for a page that is written later."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: asdict(figure) for name, figure in figures.items()}, indent=1)
    (folder / f"{scenario.name}-{dialect}.json").write_text(text + "\n", "utf-8")


def written(figures: page.Figures, environment: Environment, note: str = "") -> Iterator[str]:
    """Give the lines of the page."""
    runs = {figure.runs for found in figures.values() for figure in found.values() if figure.runs}
    rounds = f"{min(runs)} to {max(runs)}" if len(runs) > 1 else f"{min(runs, default=0)}"
    medians = f"medians of {rounds} rounds"
    yield "# Benchmarks\n"
    yield "`make bench` has written this page: sessmig beside the peers and the floors, in one interleaved run."
    yield f"Each figure is a ratio of two medians ({medians}); each run has a database of its own, and what stands"
    yield "in it afterwards is looked at. sessmig runs with all that is on by default: the loss guard, the free checks,"
    yield "ledger and log. pyfloor is the least that Python can do: list the files, hash them, lock, one transaction a"
    yield "file sent as one query, a history row. CPU is user and system time of the client.\n"
    yield from machine.described(environment)
    if note:
        yield f"- {note}"
    yield "\n## Targets\n"
    yield from page.targets(figures)
    if WHY.exists():
        yield f"\n{WHY.read_text('utf-8').rstrip()}"
    yield "\n## All figures"
    yield from page.details(figures)


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for; print it, and write the page where it is all or is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[s.name for s in SCENARIOS], default=[])
    parser.add_argument("--dialect", nargs="*", choices=DIALECTS, default=[])
    parser.add_argument("--contender", nargs="*", default=[], help="only these, by their names")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--environment", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--page", type=Path, help="write the page there, also after a part; from all figures kept")
    parser.add_argument("--again", action="store_true", help="measure nothing; the page from all figures kept")
    parser.add_argument("--note", default="", help="said on the page: what else was going on")
    given = parser.parse_args(arguments)
    environment = Environment(given.environment.resolve())  # each contender runs in a folder of its own
    folder = environment.folder / "figures"
    for scenario in () if given.again else SCENARIOS:
        for dialect in given.dialect or DIALECTS:
            if given.only and scenario.name not in given.only:
                continue
            figures = measure(scenario, dialect, environment, given.rounds, given.contender)
            keep(folder, scenario, dialect, figures)
            one = {(scenario.name, dialect): figures}
            print("\n".join(page.details(one)), flush=True)
    found = kept(folder)
    print()
    print("\n".join(page.targets(found)))
    is_all = not (given.only or given.dialect or given.contender)
    if target := given.page or (PAGE if is_all else None):
        target.write_text("\n".join(written(found, environment, given.note)) + "\n", "utf-8")
        print(f"\nwrote {target.name}")


if __name__ == "__main__":
    main()
