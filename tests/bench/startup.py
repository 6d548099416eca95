"""What a start with nothing pending costs: `sessmig migrate` and `ensure_migrations` beside the floor (pyfloor.py).

`python -m tests.bench.startup [--rounds N] [--files N ...] [sqlite] [postgres]`; the contenders take turns, each run
is a process of its own, and each figure is a median. In a whole process everything counts, from the interpreter's
start to its end; in process it is the import and the first call, or the calls after that (warm). The server is on the
same machine, so a connection costs a few milliseconds. On a machine that has other things to do the times differ by
more than the contenders do; the processor's time, which stands beside, tells them apart there too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sessmig import __version__, ensure_migrations
from tests.bench import pyfloor
from tests.fixtures.postgres import own_server

_FLOOR = Path(pyfloor.__file__)
_WARM = 15
"""Calls of each kind in one process."""

# Started by a process that is small itself: the peak that the system tells of a child counts in that of its parent.
_LAUNCH = """
import os, sys, time
began = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)])
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, status)
"""
_FIRST = """
import sys, time
began = time.perf_counter(), time.process_time()
{call}
print(time.perf_counter() - began[0], time.process_time() - began[1])
"""
_CALLS = {
    "pyfloor": "import pyfloor; pyfloor.migrate(sys.argv[1], sys.argv[2])",
    "sessmig": "import sessmig; sessmig.ensure_migrations(sys.argv[1], sys.argv[2])",
}
_WARMED = """
import sys, time, json, statistics, pyfloor, sessmig
calls = {"pyfloor": pyfloor.migrate, "sessmig": sessmig.ensure_migrations}
took = {name: [] for name in calls}
for turn in range(int(sys.argv[3]) + 1):
    for name, call in calls.items():
        began = time.perf_counter(), time.process_time()
        call(sys.argv[1], sys.argv[2])
        took[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
print(json.dumps({name: [*map(statistics.median, zip(*all_of[1:]))] for name, all_of in took.items()}))
"""

Took = tuple[float, float]
"""Seconds: by the clock, and of the processor."""
Times = dict[str, list[Took]]
Peaks = dict[str, list[float]]


def write(folder: Path, number: int) -> None:
    """Write a series of small migrations, as the issue has them."""
    folder.mkdir()
    for n in range(1, number + 1):
        text = (
            f"-- Table {n}\nCREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT);\nCREATE INDEX i{n} ON t{n} (name);\n"
        )
        (folder / f"{n:04}_table_{n}.sql").write_text(text, encoding="utf-8")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SESSMIG_", "DATABASE_URL"))}
    return kept | {"PYTHONPATH": os.pathsep.join((str(_FLOOR.parents[2]), str(_FLOOR.parent)))}


def _output(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def whole(command: list[str], cwd: Path) -> tuple[Took, float]:
    """Run a command; return how long it took, and its peak memory in MB."""
    clock, processor, peak, status = map(float, _output("-I", "-S", "-c", _LAUNCH, *command, cwd=cwd).split())
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return (clock, processor), peak


def measured(database: str, folder: Path, rounds: int) -> tuple[Times, Peaks]:
    """Return how long each contender took in each way, and the peaks in MB."""
    times: Times = {}
    peaks: Peaks = {}
    cwd = folder.parent
    commands = {
        "whole pyfloor": [sys.executable, str(_FLOOR), database, str(folder)],
        "whole sessmig": [
            str(Path(sys.executable).parent / "sessmig"),
            "migrate",
            "-d",
            database,
            "--dir",
            str(folder),
        ],
        "whole python -m sessmig": [sys.executable, "-m", "sessmig", "migrate", "-d", database, "--dir", str(folder)],
    }
    for _ in range(rounds):
        for name, command in commands.items():
            took, peak = whole(command, cwd)
            times.setdefault(name, []).append(took)
            peaks.setdefault(name, []).append(peak)
        for name, call in _CALLS.items():
            clock, processor = map(
                float, _output("-c", _FIRST.format(call=call), database, str(folder), cwd=cwd).split()
            )
            times.setdefault(f"first {name}", []).append((clock, processor))
    warm = json.loads(_output("-c", _WARMED, database, str(folder), str(_WARM), cwd=cwd))
    for name, (clock, processor) in warm.items():
        times[f"warm {name}"] = [(clock, processor)]
    return times, peaks


def rows(kind: str, number: int, times: Times, peaks: Peaks) -> Iterator[str]:
    """Lay the figures out as lines of a table."""
    for name, took in times.items():
        floor = times[f"{name.partition(' ')[0]} pyfloor"]
        cells = [kind, f"{number:,}", name]
        for seconds, least in zip(zip(*took, strict=True), zip(*floor, strict=True), strict=True):
            middle = statistics.median(seconds)
            cells += [f"{middle * 1000:.1f}", f"{middle / statistics.median(least):.2f}"]
        cells.append(f"{statistics.median(peaks[name]):.0f}" if name in peaks else "")
        yield f"| {' | '.join(cells)} |"


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """Give a function that makes an empty database."""
    if kind == "postgres":
        with own_server() as server:
            yield server.new_database
        return
    numbers = iter(range(1000))
    yield lambda: str(folder / f"{next(numbers)}.db")


def main() -> None:
    """Print a line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--files", type=int, nargs="*", default=[20, 100, 1000])
    given = parser.parse_args()
    print(f"sessmig {__version__}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print("| database | files | what | ms | x pyfloor | CPU ms | x pyfloor | MB |\n|---|---|---|---|---|---|---|---|")
    for kind in given.kinds:
        with tempfile.TemporaryDirectory() as name, databases(kind, Path(name)) as new:
            for number in given.files:
                folder = Path(name, f"series_{number}")
                write(folder, number)
                database = new()
                ensure_migrations(database, folder)
                # The floor keeps a history of its own: that of a database where it would do nothing either.
                record(database, pyfloor.read(str(folder)))
                for row in rows(kind, number, *measured(database, folder, given.rounds)):
                    print(row, flush=True)


def record(database: str, files: list[pyfloor.File]) -> None:
    """Write the floor's history, as if it had applied the files."""
    done = [(name, digest) for name, digest, _ in files]
    if database.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(database) as server:
            server.execute(pyfloor.HISTORY)
            server.cursor().executemany("INSERT INTO history VALUES (%s, %s)", done)
        return
    import sqlite3

    with sqlite3.connect(database) as file:
        file.execute(pyfloor.HISTORY)
        file.executemany("INSERT INTO history VALUES (?, ?)", done)
    file.close()


if __name__ == "__main__":
    main()
