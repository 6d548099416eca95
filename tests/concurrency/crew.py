"""Processes that stand ready and all do the same at the same instant. Knows nothing of databases."""

from __future__ import annotations

import json
import subprocess
import sys
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
    """Eight processes of their own, used for many rounds: each round is a fresh call."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.concurrency.crew"]
        self._processes = [
            subprocess.Popen(command, cwd=_CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        for process in self._processes:
            assert _line(process) == "ready"

    def ensure_all_at_once(self, database: str, directory: Path, **options: Any) -> list[Ended]:
        """Call `ensure_migrations` in all processes at one instant of the clock that they share."""
        task = json.dumps([time.monotonic() + _AHEAD, database, str(directory), options])
        for process in self._processes:
            assert process.stdin
            process.stdin.write(f"{task}\n")
            process.stdin.flush()
        return [Ended(*json.loads(_line(process))) for process in self._processes]

    def dismiss(self) -> None:
        """End the processes."""
        for process in self._processes:
            with process:  # closes its input, which ends it, and waits
                pass


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
