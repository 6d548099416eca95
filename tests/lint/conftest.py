"""What the tests of lint share: a looker, and the command without a process of its own, which is quicker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from sessmig.cli import main
from tests.fixtures.files import WriteMigrations
from tests.lint.looking import Looker


@pytest.fixture
def looker(migrations: WriteMigrations) -> Looker:
    return Looker(migrations)


class Done(NamedTuple):
    """How a command ended, as of a process."""

    returncode: int
    stdout: str
    stderr: str


class Inside(Protocol):
    """`inside("lint", "sql/shop")` runs a command in `tmp_path`, within this process."""

    def __call__(self, *arguments: str | Path) -> Done: ...


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Inside:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SESSMIG_", "DATABASE_URL"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path) -> Done:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    return run
