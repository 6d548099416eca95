"""Runs one process and measures it: wall and CPU seconds, peak memory, and that of the PostgreSQL process serving it.

Knows processes; knows nothing of migrations.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 120.0
"""Seconds that a contender has."""

# Started by a process that is small itself: the peak that the system tells of a child counts in that of its parent.
_LAUNCH = """
import os, sys, time
said = sys.argv[1]
opened = [(os.POSIX_SPAWN_OPEN, n, said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for n in (1, 2)]
began = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=opened)
_, status, usage = os.wait4(child, 0)
took = time.perf_counter() - began
print(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, status)
"""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took; `fault` is empty where it ended well."""

    seconds: float = 0.0
    cpu: float = 0.0
    mb: float = 0.0
    server_mb: float = 0.0
    fault: str = ""
    said: str = field(default="", repr=False)


def environment() -> dict[str, str]:
    """Return what contenders find: nothing that speaks of a database, or keeps Python from keeping its bytecode."""
    return {name: value for name, value in os.environ.items() if name in _KEPT}


def measured(
    command: Sequence[str], folder: Path, *, server: Server | None = None, processes: int = 1, timeout: float = TIMEOUT
) -> Run:
    """Run a command, or so many of it at once; the seconds are those until the last has ended.

    Args:
        command: the program with its arguments.
        folder: where it runs.
        server: whose processes' memory is looked at meanwhile.
        processes: how many of it are started at once.
        timeout: how many seconds they have.
    """
    with tempfile.TemporaryDirectory() as place, server.watched() if server else nullcontext():
        said = Path(place, "said")
        started = [_started(said, command, folder) for _ in range(processes)]
        try:
            numbers = [process.communicate(timeout=timeout)[0].split() for process in started]
        except subprocess.TimeoutExpired:
            return Run(fault=f"timed out ({timeout:.0f} s)")
        finally:
            for process in started:
                _end(process)
        text = said.read_text("utf-8", "replace") if said.exists() else ""
    if any(len(found) != 4 or int(found[3]) for found in numbers):
        lines = [line for line in text.splitlines() if line.strip()]
        return Run(fault=f"failed: {lines[-1].strip() if lines else 'without a word'}", said=text)
    seconds, cpu, mb = zip(*([float(number) for number in found[:3]] for found in numbers), strict=True)
    return Run(max(seconds), sum(cpu), max(mb), server.peak_mb if server else 0.0, said=text)


def _started(said: Path, command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(said), *command],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the child can be ended with it
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


class Server:
    """A PostgreSQL server's processes, as the system tells of them.

    Args:
        pid: that of the postmaster.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.peak_mb = 0.0
        """The most that one client's process had resident, the part of the shared buffers that it touched too."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the peaks again and again until it is over."""
        self.peak_mb = 0.0
        before, over = set(self._backends()), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(before, over))
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _watch(self, before: set[int], over: threading.Event) -> None:
        while not over.wait(0.02):
            for pid in set(self._backends()) - before:
                with suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    peak = next(line for line in lines if line.startswith("VmHWM:"))
                    self.peak_mb = max(self.peak_mb, int(peak.split()[1]) / 1024)

    def _backends(self) -> Iterator[int]:
        """Give the processes that serve a client."""
        with suppress(OSError):
            for pid in Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split():
                with suppress(OSError):
                    if b"127.0.0.1" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        yield int(pid)
