"""The files of docs/how-to/applications.md, written to a folder and run there. Knows the page; knows no framework."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fixtures.probe import Probe
from tests.pages import ROOT

PAGE = (ROOT / "docs" / "how-to" / "applications.md").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(re.findall(r"`([\w/.]+)`\n\n```(?:sql|python|sh)\n(.*?)```", PAGE, flags=re.DOTALL))
_STEERING = ("SESSMIG_", "PG", "DATABASE_URL", "DJANGO_", "GUNICORN", "COV_", "PYTEST_")


@dataclass(slots=True)
class Example:
    """A folder with the page's files, and a database."""

    folder: Path
    url: str
    probe: Callable[[str], Probe]
    processes: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if name.endswith(".sh") else 0o644)

    @property
    def seen(self) -> Probe:
        return self.probe(self.url)

    def run(self, *command: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder to its end; the virtualenv's programs are on the path."""
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **self._surroundings(environment),
        )

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, *arguments, **environment)

    def start(self, *command: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start a command; both outputs go to one pipe. What still runs when the test ends is killed."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self._surroundings(environment),
        )
        self.processes.enter_context(process)
        self.processes.callback(process.kill)
        return process

    def _surroundings(self, environment: dict[str, str]) -> dict[str, Any]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
        programs = os.pathsep.join((str(Path(sys.executable).parent), clean.get("PATH", "")))
        own = {"DATABASE_URL": self.url, "PATH": programs, "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        return {"cwd": self.folder, "env": clean | own | environment}


def lines_until(process: subprocess.Popen[str], done: Callable[[list[str]], bool]) -> list[str]:
    """Read what a process says until that is enough, or it ends."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if done(lines):
            break
    return lines
