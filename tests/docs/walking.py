"""Walks along a page as a reader does: writes each file that it names, runs each command that it shows.

A file is a line with its name in backticks, and the block below it. What a command prints is held to the page as
`tests.pages` does it. Knows nothing of what the commands are for.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from sessmig import cli
from tests.pages import Shown, demand

_PART = re.compile(r"^`(?P<name>[\w./-]+)`\n\n```\w+\n(?P<text>.*?)^```|^```console\n(?P<console>.*?)^```", re.M | re.S)
_STEERING = ("SESSMIG_", "PG", "DATABASE_URL", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS")


def walk(page: Path, folder: Path) -> dict[str, list[int]]:
    """Follow a page in a folder; return each command's exit codes, in their order."""
    codes: dict[str, list[int]] = {}
    for part in _PART.finditer(page.read_text(encoding="utf-8")):
        if part["name"]:
            path = folder / part["name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(part["text"], encoding="utf-8")
            continue
        for text in re.split(r"^\$ ", part["console"], flags=re.MULTILINE)[1:]:
            command, *lines = text.rstrip("\n").split("\n")
            program, *arguments = shlex.split(command)
            assert program == "sessmig", command
            code, printed = _run(arguments, folder)
            demand(Shown(page.stem, tuple(arguments), tuple(line for line in lines if line.strip())), printed)
            codes.setdefault(arguments[0], []).append(code)
    return codes


def _run(arguments: list[str], folder: Path) -> tuple[int, str]:
    """Run a command there; what it says on standard error comes first, as what goes wrong is shown."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(out), redirect_stderr(err):
        here.chdir(folder)
        for name in [name for name in os.environ if name.startswith(_STEERING)]:
            here.delenv(name)
        code = cli.main(arguments)
    return code, err.getvalue() + out.getvalue()
