"""The long run: injects thousands of faults, prints them by kind, and ends with 1 if one of them broke a promise.

`python -m tests.faults [--seed N] [--sqlite N] [--postgres N] [--minutes M] [--only TEXT]`. On SQLite each kind of
fault meets each file operation; where there are more points than time, so many of them are drawn from the seed. A fault
that broke something is printed with the command that injects it again. What is no fault, but hostile or big, are tests:
they run last, with many more examples and at full size, unless `--only` names a fault.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults import child, families, on_postgres, on_server, on_sqlite, together
from tests.faults.families import Draw, Fault
from tests.faults.scenes import Scene
from tests.faults.verdict import Met
from tests.fixtures import pgbouncer
from tests.fixtures.postgres import own_server

ROOM = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()


@dataclass(slots=True)
class Line:
    """What came of all faults of one kind on one database."""

    injected: int = 0
    broken: int = 0
    scenes: int = 0
    hot: int = 0
    half: int = 0
    refused: int = 0
    seen: frozenset[str] = frozenset()

    def add(self, met: Met) -> None:
        """Count one fault."""
        self.injected += 1
        self.broken += bool(met.words)
        self.hot += met.was_hot
        self.half += met.half_index
        self.refused += met.ended.code > 0
        self.seen |= {met.scene}


class Table:
    """All that was met until now."""

    def __init__(self, seed: int) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self.seed = seed

    def add(self, met: Met) -> None:
        """Count one fault, under its database and kind."""
        database = "SQLite" if met.scene.startswith("sqlite") else "PostgreSQL"
        self.lines.setdefault((database, met.kind), Line()).add(met)

    @property
    def injected(self) -> int:
        """How many there were."""
        return sum(line.injected for line in self.lines.values())

    def print(self, seconds: float) -> None:
        """Print it as Markdown."""
        print("\n| database | fault | scenes | injected | survived | ended with an error in words | seed |")
        print("|---|---|---:|---:|---:|---:|---:|")
        for (database, kind), line in self.lines.items():
            numbers = f"{len(line.seen)} | {line.injected:,} | {line.injected - line.broken:,} | {line.refused:,}"
            print(f"| {database} | {kind} | {numbers} | {self.seed} |")
        injected = self.injected
        broken = sum(line.broken for line in self.lines.values())
        refused = sum(line.refused for line in self.lines.values())
        print(f"| | **all** | | **{injected:,}** | **{injected - broken:,}** | {refused:,} | {self.seed} |")
        hot = sum(line.hot for line in self.lines.values())
        half = sum(line.half for line in self.lines.values())
        print(f"\n{hot:,} left a hot journal or a WAL behind, and {half:,} an index that was not whole.")
        print(f"{seconds / 60:.1f} minutes.", flush=True)


def _all(place: Path, draw: Draw, stack: ExitStack) -> Iterator[tuple[str, Callable[[], Iterator[Fault]]]]:
    """Give all families, the longest last; servers are started when they are come to."""
    server = stack.enter_context(own_server())
    old, name = together.older(place / "older")
    print(f"the older version is {name}")

    def there(part: str) -> Iterator[Scene]:
        return on_postgres.scenes(place / part, server)

    def here(part: str) -> Iterator[Scene]:
        return on_sqlite.scenes(place / part)

    yield "PostgreSQL, network", lambda: families.of_network(there("a"), draw)
    yield "PostgreSQL, server", lambda: families.of_server(there("b"), draw)
    poolers = stack.enter_context(pgbouncer.poolers())
    yield "PostgreSQL, poolers", lambda: families.of_poolers(there("c"), server, poolers, draw)
    yield "PostgreSQL, standby", lambda: families.of_standby(there("d"), server, draw)
    yield "PostgreSQL, others", lambda: families.of_others(there("e"), old, draw)
    mortal = stack.enter_context(own_server())
    crashing = on_server.Crashing(mortal, stack)
    dying = on_postgres.scenes(place / "f", mortal)
    yield "PostgreSQL, crashes", lambda: families.of_crashes(dying, crashing, draw)
    yield "SQLite, surroundings", lambda: families.of_surroundings(here("g"), draw)
    yield "SQLite, others", lambda: families.of_others(here("h"), old, draw)
    yield "SQLite, file operations", lambda: families.of_files(here("i"), draw)


def run(seed: int, each: dict[str, int], minutes: float, only: str) -> int:
    """Inject all faults, and return the exit code."""
    child.load_all()
    table, began = Table(seed), time.monotonic()

    def draw(label: str, points: range) -> list[int]:
        # Beside a process that stands still in a WAL, the next one waits for ten seconds in SQLite itself.
        is_slow = "postgres" in label or ("wal" in label and "SIGSTOP" in label)
        return families.drawn(seed, each["postgres" if is_slow else "sqlite"])(label, points)

    try:
        with ExitStack() as stack, tempfile.TemporaryDirectory(dir=ROOM, prefix="sessmig-faults-") as name:
            place = Path(name)
            place.chmod(0o755)
            for title, faults in _all(place, draw, stack):
                _inject(title, faults(), table, only, began + minutes * 60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    table.print(time.monotonic() - began)
    return int(any(line.broken for line in table.lines.values()))


def _inject(title: str, faults: Iterator[Fault], table: Table, only: str, deadline: float) -> None:
    """Inject the faults of one family, and say what is broken."""
    began, before = time.monotonic(), table.injected
    for fault in faults:
        if time.monotonic() >= deadline:
            print("the time is over")
            break
        if only and only not in (fault.name, fault.kind, fault.scene):
            continue
        met = fault.inject()
        if met is None:
            continue
        table.add(met)
        if met.words:
            print(f"BROKEN  {fault.name}\n{met.words}\n{met.ended.output}")
            print(f"again:  python -m tests.faults --seed {table.seed} --only '{fault.name}'", flush=True)
    spent = time.monotonic() - began
    print(f"== {title}: {table.injected - before:,} faults in {spent:.0f} s", flush=True)


def hostile(minutes: float) -> int:
    """Run the tests of hostile input as the long run has them, and return the exit code."""
    here = Path(__file__).parent
    command: list[str | Path] = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [here, "--ignore", here / "test_faults.py"]
    environment = os.environ | {"SESSMIG_FAULTS": "long", "SESSMIG_REQUIRE_POSTGRES": "1"}
    print("== hostile input, and big", flush=True)
    try:
        return subprocess.run(command, env=environment, timeout=minutes * 60, check=False).returncode
    except subprocess.TimeoutExpired:
        print("the time is over", flush=True)
        return 0


def _ended(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Read the options, and run."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--seed", type=int, default=1, help="of the points that are drawn")
    options.add_argument("--sqlite", type=int, default=0, help="points of each kind in each scene on SQLite; 0: all")
    options.add_argument("--postgres", type=int, default=12, help="the same on PostgreSQL; 0: all")
    options.add_argument("--minutes", type=float, default=600, help="after which no more are injected")
    options.add_argument("--only", default="", help="this fault, kind or scene alone; all of its points")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, _ended)  # so that nothing is left mounted or running
    each = {"sqlite": given.sqlite, "postgres": given.postgres}
    if given.only:
        return run(given.seed, dict.fromkeys(each, 0), given.minutes, given.only)
    began = time.monotonic()
    code = run(given.seed, each, given.minutes, "")
    left = given.minutes - (time.monotonic() - began) / 60
    return max(code, min(hostile(left), 1)) if left > 0 else code


if __name__ == "__main__":
    sys.exit(main())
