"""Writes docs/reference/errors.md from the cases: `python -m tests.errors.page` after a message was changed.

Knows how the page is laid out, and reads it back; what stands in it is what the cases say when they are played.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.errors.cases import GROUPS
from tests.errors.elsewhere import PROVOKED
from tests.errors.raised import made
from tests.errors.scene import Case, Place, Told, play
from tests.fixtures.postgres import PostgresServer, own_server

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"
_ENTRY = re.compile(r"^### (.+)\n\n`(\w+)`, exit code (\d+)[.].*\n\n```text\n([^`][\s\S]*?)\n```$", re.MULTILINE)
_HEAD = """# Errors

Every error says what and where, what the database holds now, and what to do, in this order.
Search this page for the words that you see; what stands in yours for names, numbers and places differs.
Below each stands its class, as `except` catches it (all are `SessmigError`), and the exit code of the command line
([all exit codes](exit-codes.md)).

This page is written by the tests: each error is brought about there, and what it says is compared with this page.
"""
MENDED = "Mend the file, or what it found in the database, and run it again."
_RARER = """## Of other processes, disks and servers

These are brought about by tests of their own; `…` stands for names, numbers and places.
"""


def entries() -> dict[str, Told]:
    """Read the page: what it shows for each case, by its title."""
    found = _ENTRY.findall(PAGE.read_text(encoding="utf-8"))
    return {title: Told(kind, int(code), text) for title, kind, code, text in found}


def _lines(case: Case, told: Told) -> Iterator[str]:
    yield f"### {case.title}\n"
    yield f"`{told.kind}`, exit code {told.exit_code}. {case.note}".rstrip() + "\n"
    yield f"```text\n{told.text}\n```\n"


def rarer() -> str:
    """Lay out the errors that other tests bring about, as the code has them."""
    rows = {
        f"| {_cell(one.template)} | {_cell(one.remedy) or MENDED * (one.kind == 'DatabaseError')} |"
        for one in made()
        if any(words in one.template for words in PROVOKED)
    }
    return "\n".join(["| it says | what to do |", "|---|---|", *sorted(rows)]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.strip(" :").replace("|", "\\|").replace("*", "\\*").split())


def write(server: PostgresServer) -> int:
    """Play all cases and write the page, if each ends as it should; return how many did not."""
    parts, faults = [_HEAD], 0
    for heading, cases in GROUPS.items():
        parts.append(f"## {heading}\n")
        for case in cases:
            with tempfile.TemporaryDirectory() as folder:
                url = server.new_database() if case.postgres else ""
                try:
                    told = play(case, Place(Path(folder).resolve(), url))
                except Exception as error:
                    sys.stderr.write(f"{case.title}: {type(error).__name__}: {error}\n")
                    faults += 1
                    continue
                parts += _lines(case, told)
    parts += [_RARER, rarer()]
    if not faults:
        PAGE.write_text("\n".join(parts), encoding="utf-8")
    return faults


if __name__ == "__main__":
    with own_server() as own:
        sys.exit(write(own) and 1)
