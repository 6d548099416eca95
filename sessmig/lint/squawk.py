"""Asks squawk about the locks that a file takes on PostgreSQL, and gives its findings as lint's own.

Knows squawk's command line and its JSON; decides which of its rules speak of locks. See https://squawkhq.com/docs/rules
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessmig import script
from sessmig.errors import SessmigError
from sessmig.lint.finding import Finding
from sessmig.lint.sheet import Sheet

SOURCE = "squawk"
LOCKING = (
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "prefer-repack",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
    "syntax-error",
)
"""The rules of squawk that are shown: its others are sessmig's own business (losses, transactions, lock_timeout), or
a matter of taste. `syntax-error` is among them, as squawk sees no lock in what it cannot read."""
NOT_INSTALLED = "squawk is not installed: PostgreSQL's locking rules were not asked (pip install 'sessmig[lint]')"
_PATIENCE = 120  # seconds; it takes some milliseconds


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file as squawk gets it."""

    sheet: Sheet
    text: str


def found_squawk() -> str | None:
    """Return where squawk is: beside the Python that runs, or on PATH."""
    beside = os.path.dirname(sys.executable)
    return shutil.which(SOURCE, path=beside) or shutil.which(SOURCE)


def ask_squawk(program: str, sheets: Sequence[Sheet]) -> Iterator[Finding]:
    """Yield what squawk finds.

    Args:
        program: squawk.
        sheets: migrations and rollbacks for PostgreSQL.

    Raises:
        SessmigError: squawk cannot be run, or its answer is not understood.
    """
    for option in ("--assume-in-transaction", "--no-assume-in-transaction"):
        alone = option.startswith("--no")
        chosen = [_Sent(s, _text(s)) for s in sheets if s.has("no-transaction") is alone]
        if chosen:
            yield from _asked(program, option, chosen)


def _text(sheet: Sheet) -> str:
    """Write the statements on their lines, and nothing else: transactions and waivers are sessmig's business."""
    lines: list[str] = []
    for statement in sheet.statements:
        text = statement.text
        for at, name in reversed(script.placeholders(text, sheet.dialect)):
            if name in ("first", "last"):  # the bounds of a batch
                text = f"{text[:at]}{'1':<{len(name) + 1}}{text[at + len(name) + 1 :]}"
        head, *rest = text.rstrip("\n").split("\n")
        lines += [""] * (statement.line - len(lines) - (1 if statement.line > len(lines) else 0))
        if statement.line > len(lines):
            lines.append(head)
        else:  # it begins on the line on which the one before it ended
            lines[-1] += f" {head}"
        lines += rest
    return "\n".join(lines) + "\n"


def _asked(program: str, option: str, chosen: Sequence[_Sent]) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory(prefix="sessmig-lint-") as folder:
        names = {}
        for number, sent in enumerate(chosen):
            name = os.path.join(folder, f"{number}.sql")
            Path(name).write_text(sent.text, encoding="utf-8")
            names[name] = sent.sheet
        answer = _run([program, "--reporter", "json", option, *names])
    for said in answer:
        try:
            rule, line = str(said["rule_name"]), int(said["line"]) + 1  # it counts from 0
            sheet, what, remedy = names[said["file"]], str(said["message"]), str(said["help"] or "")
        except (KeyError, TypeError, ValueError):
            raise _failed(f"an answer that is not understood: {said}") from None
        if rule in LOCKING:
            yield Finding(sheet.path, line, rule, what, remedy, SOURCE)


def _run(command: Sequence[str]) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(  # noqa: S603  squawk itself, with files of our own
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _failed(str(error)) from None
    try:
        answer = json.loads(done.stdout or b"")
    except ValueError:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise _failed(words[-1] if words else f"exit code {done.returncode}") from None
    if not isinstance(answer, list):
        raise _failed("an answer that is no list")
    return answer


def _failed(why: str) -> SessmigError:
    return SessmigError(
        f"squawk failed: {why}",
        remedy="Mend its settings (.squawk.toml), or lint without it: --no-squawk.",
    )
