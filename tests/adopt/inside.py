"""Runs the command line in the tests' own process, where Python and psycopg are loaded already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pytest

from sessmig import cli as command_line


@dataclass(frozen=True)
class Done:
    """What a command gave."""

    returncode: int
    stdout: str
    stderr: str


class Inside(Protocol):
    """`inside("status", "--json")` runs it."""

    def __call__(self, *arguments: object) -> Done: ...


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inside:
    """The command line, without standard input, and without what the shell would tell it."""
    for name in ("SESSMIG_DATABASE", "DATABASE_URL", "SESSMIG_TABLE", "SESSMIG_SERIES", "SESSMIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = command_line.main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run
