"""Processes that stand ready and all do the same at the same instant. Knows nothing of databases."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROCESSES = 8

_CHECKOUT = Path(__file__).parents[2]
_AHEAD = 0.01  # seconds to the start of a round: all have their task by then, and are waiting


@dataclass(frozen=True, slots=True)
class Ended:
    """How one process's call ended."""

    applied: list[str]
    error: str


class Crew:
    """Eight processes of their own, used for many rounds: each round is a fresh call.

    Each has its own copy of the series, as eight machines have: those of one machine that mean the same folder take
    turns before they come to the database, and so would not race there.
    """

    def __init__(self) -> None:
        self._copies = tempfile.TemporaryDirectory(prefix="sessmig-crew-")
        command = [sys.executable, "-m", "tests.concurrency.crew"]
        self._processes = [
            subprocess.Popen(command, cwd=_CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        for process in self._processes:
            assert _line(process) == "ready"

    def ensure_all_at_once(self, database: str, directory: Path, **options: Any) -> list[Ended]:
        """Call `ensure_migrations` in all processes at one instant of the clock that they share."""
        copies = [Path(self._copies.name, str(number), directory.name) for number in range(PROCESSES)]
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(directory, copy)
        start = time.monotonic() + _AHEAD
        for process, copy in zip(self._processes, copies, strict=True):
            assert process.stdin
            process.stdin.write(f"{json.dumps([start, database, str(copy), options])}\n")
            process.stdin.flush()
        return [Ended(*json.loads(_line(process))) for process in self._processes]

    def dismiss(self) -> None:
        """End the processes."""
        for process in self._processes:
            with process:  # closes its input, which ends it, and waits
                pass
        self._copies.cleanup()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _serve() -> None:
    import psycopg  # noqa: F401  loaded before the race, so that its time is not what decides it

    from sessmig import ensure_migrations

    print("ready", flush=True)
    for line in sys.stdin:
        start, database, directory, options = json.loads(line)
        time.sleep(max(start - time.monotonic(), 0))
        applied, error = [], ""
        try:
            report = ensure_migrations(database, directory, **options)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        else:
            applied = [step.name for step in report.steps if step.outcome == "applied"]
        print(json.dumps([applied, error]), flush=True)


if __name__ == "__main__":
    _serve()
