"""Holds an operator's page to what its commands really print: each ``console`` block is run, in the page's order.

A block is commands (`$ sessmig ...`) and, under each, lines of what it prints; a line `...` stands for lines left out.
Times, dates, process numbers and places differ from run to run and are not compared; nor is how wide a column is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from sessmig import cli

ROOT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CHANGING = (
    (re.compile(r"postgresql://\S+|sqlite:///\S+"), "URL"),
    (re.compile(r"\S*\.backup_\d{8}_\d{6}(_\d+)?"), "BACKUP"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "MOMENT"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min)\b"), "TIME"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\b\S+@\S+$"), "WHO"),
    (re.compile(r"\S*/sql/"), "sql/"),
    (re.compile(r"[ ─]{2,}"), "  "),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page, and what the page says that it prints."""

    heading: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]


def shown(page: Path) -> Iterator[Shown]:
    """Read the commands of a page, in its order."""
    for part in re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        for block in _BLOCK.findall(part):
            for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *lines = text.rstrip("\n").split("\n")
                program, *arguments = shlex.split(command)
                assert program == "sessmig", command
                yield Shown(part.partition("\n")[0], tuple(arguments), tuple(lines))


def run(one: Shown, environment: Mapping[str, str]) -> str:
    """Run a command in the checkout, with this beside the environment, and return all that it prints."""
    told = StringIO()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(told), redirect_stderr(told):
        here.chdir(ROOT)
        for name, value in environment.items():
            here.setenv(name, value)
        cli.main([*one.arguments])
    return told.getvalue()


def demand(one: Shown, printed: str) -> None:
    """Every line that the page shows is in what the command has printed, in this order."""
    left = iter([_steady(line) for line in printed.splitlines()])
    for line in one.lines:
        if line.strip() == "...":
            continue
        assert _steady(line) in left, f"sessmig {' '.join(one.arguments)} does not print\n{line}\nbut\n{printed}"


def _steady(line: str) -> str:
    for pattern, word in _CHANGING:
        line = pattern.sub(word, line)
    return line.strip()
