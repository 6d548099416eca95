"""Lets the contenders of one scenario take turns, each on a fresh database, and looks at what each has done.

Knows databases and turns; knows nothing of targets and tables.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.contenders import Contender, Environment, Place
from tests.bench.measuring import Run, Server, measured
from tests.bench.scenarios import ALONE, Scenario

_WARM = 15
"""Calls in one process, behind the first."""
_TIMED = """
import json, statistics, sys, time
def call():
{call}
def spent():
    began, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - cpu
first, calls = spent(), [spent() for _ in range({calls})]
wall, cpu = first if not calls else map(statistics.median, zip(*calls))
print("\\nTOOK", wall, cpu, file=sys.stderr)
"""


@dataclass(slots=True)
class Figure:
    """What one contender took in one scenario: medians, and why there are none."""

    seconds: float = 0.0
    cpu: float = 0.0
    mb: float = 0.0
    server_mb: float = 0.0
    fault: str = ""
    runs: int = 0
    spread: tuple[float, float] = field(default=(0.0, 0.0))
    """The shortest and the longest run."""


@dataclass(frozen=True, slots=True)
class Databases:
    """Where fresh databases come from.

    Args:
        new: makes one, named by the number of the run.
        drop: takes it away.
        server: the processes of the PostgreSQL server, where it is one.
    """

    new: Callable[[], str]
    drop: Callable[[str], None]
    server: Server | None = None


@contextmanager
def databases(dialect: str, folder: Path) -> Iterator[Databases]:
    """Give fresh databases: files in a folder, or those of a PostgreSQL server of our own."""
    if dialect == "sqlite":
        numbers = iter(range(1_000_000))

        def drop(path: str) -> None:
            for file in Path(path).parent.glob(f"{Path(path).name}*"):
                file.unlink()

        yield Databases(lambda: str(folder / f"{next(numbers)}.db"), drop)
        return
    from tests.fixtures.postgres import own_server

    with own_server() as server:
        assert server.socket_directory is not None
        pid = int((server.socket_directory / "data" / "postmaster.pid").read_text().split()[0])
        yield Databases(server.new_database, server.drop_database, Server(pid))


def race(
    scenario: Scenario,
    contenders: list[Contender],
    environment: Environment,
    fresh: Databases,
    folder: Path,
    rounds: int,
) -> dict[str, Figure]:
    """Let the contenders take turns; whoever fails or has no time left is out."""
    series = scenario.write(folder / "bench")
    one = _Race(scenario, environment, fresh, folder, series)
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    if scenario.way == "eight":
        runs[ALONE] = []
    for turn in range(rounds):
        first = turn % max(1, len(contenders))
        for contender in contenders[first:] + contenders[:first]:
            if any(run.fault for run in runs[contender.name]):
                continue
            if scenario.way == "eight":
                runs[ALONE].append(one.once(contender, 1))
                runs[contender.name].append(one.once(contender, 8))
            else:
                runs[contender.name].append(one.once(contender))
    one.end()
    return {name: _figure(of) for name, of in runs.items()}


def _figure(runs: list[Run]) -> Figure:
    fault = next((run.fault for run in runs if run.fault), "")
    good = [run for run in runs if not run.fault]
    if fault or not good:
        return Figure(fault=fault or "not run")
    seconds = [run.seconds for run in good]
    return Figure(
        statistics.median(seconds),
        statistics.median(run.cpu for run in good),
        statistics.median(run.mb for run in good),
        statistics.median(run.server_mb for run in good),
        runs=len(good),
        spread=(min(seconds), max(seconds)),
    )


class _Race:
    """One scenario on one database: the places of its contenders."""

    def __init__(
        self, scenario: Scenario, environment: Environment, fresh: Databases, folder: Path, series: Path
    ) -> None:
        self._scenario = scenario
        self._environment = environment
        self._fresh = fresh
        self._folder = folder
        self._series = series
        self._standing: dict[str, Place] = {}
        """Where nothing is pending any more."""

    def once(self, contender: Contender, processes: int = 1) -> Run:
        """Measure it once."""
        scenario = self._scenario
        if not scenario.is_pending:
            place = self._standing.get(contender.name) or self._applied(contender)
            if isinstance(place, Run):
                return place
            self._standing[contender.name] = place
            return self._run(contender, place, 1)
        place = self._place(contender)
        run = self._run(contender, place, processes)
        return self._over(place, run)

    def _place(self, contender: Contender) -> Place:
        folder = self._folder / contender.name.replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        database, is_big = self._fresh.new(), bool(self._scenario.inserts)
        place = Place(self._environment, folder, self._series, database, is_big)
        contender.prepare(place)
        return place

    def _applied(self, contender: Contender) -> Place | Run:
        """Apply all; that is not measured. A second run may find something to compile or to note still."""
        place = self._place(contender)
        run = self._checked(place, measured(contender.command(place), place.folder))
        return run if run.fault else place

    def _run(self, contender: Contender, place: Place, processes: int) -> Run:
        way = self._scenario.way
        if way in ("first", "warm"):
            call = contender.call(place)
            if not call:
                return Run(fault="no such way")
            body = "\n".join(f"    {line}" for line in call.splitlines())
            script = place.folder / "timed.py"
            script.write_text(_TIMED.format(call=body, calls=_WARM if way == "warm" else 0), "utf-8")
            run = measured([str(self._environment.python), str(script)], place.folder)
            return run if run.fault else _timed(run)
        server = self._fresh.server if self._scenario.inserts else None
        return measured(contender.command(place), place.folder, server=server, processes=processes)

    def _over(self, place: Place, run: Run) -> Run:
        """Look at what was done, and take the database away."""
        run = self._checked(place, run)
        self._fresh.drop(place.database)
        return run

    def _checked(self, place: Place, run: Run) -> Run:
        fault = run.fault or self._scenario.fault(place.database)
        return replace(run, fault=fault)

    def end(self) -> None:
        for place in self._standing.values():
            self._fresh.drop(place.database)


def _timed(run: Run) -> Run:
    """Take the seconds that the process itself has told; its start counts for nothing."""
    told = [line.split() for line in run.said.splitlines() if line.startswith("TOOK ")]
    return replace(run, seconds=float(told[-1][1]), cpu=float(told[-1][2]))
