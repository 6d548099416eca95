"""What the tests of hostile input share: the command line in this process, and how many examples there are.

Knows how a command may end; knows nothing of what it is given.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings

from sessmig.cli import main

IS_LONG = os.environ.get("SESSMIG_FAULTS") == "long"
"""The long run, by hand: more examples, other ones each time, and the big files."""
_MORE = 20
_STEERING = ("SESSMIG_", "PG", "DATABASE_URL")


def examples(few: int, many: int = 0) -> settings:
    """Try so many examples: in CI few and always the same; in the long run many."""
    return settings(
        max_examples=many or few * _MORE if IS_LONG else few,
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command in this process, as a start of Python costs more than most of them; a traceback is raised."""
    out, err = io.StringIO(), io.StringIO()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    environment = clean | {"SESSMIG_TRACEBACK": "1"} | dict(env or {})
    with mock.patch.dict(os.environ, environment, clear=True), redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Ended(code, out.getvalue(), err.getvalue())


def held(ended: Ended, *codes: int) -> Ended:
    """Demand that a command ended as one should: a known code, words for people, nothing for the terminal itself."""
    assert ended.code in codes, (ended.code, ended.said[-2000:])
    strange = [line for line in ended.said.split("\n") if not line.replace("\t", "").isprintable()]
    assert not strange, strange[:3]
    if ended.code not in (0, 6):
        assert ended.err.strip() or '"error"' in ended.out or ended.out.strip()
    return ended


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files of a series, byte for byte."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@contextmanager
def open_files() -> Iterator[None]:
    """Demand that no file stays open behind."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert len(set(os.listdir("/proc/self/fd"))) <= len(before)
