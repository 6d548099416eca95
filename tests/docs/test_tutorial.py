"""The tutorial, followed by somebody who knows nothing else: each file is written, each command run, in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.reading import DOCS
from tests.docs.walking import walk
from tests.fixtures.processes import Cli

TUTORIAL = DOCS / "tutorial.md"


def test_the_tutorial_gives_what_it_shows_from_its_first_file_to_its_last_command(tmp_path: Path) -> None:
    codes = walk(TUTORIAL, tmp_path)
    assert codes == {
        "migrate": [0, 3, 0],
        "new": [0],
        "verify": [0],
        "report": [0],
        "status": [0],
        "rollback": [3, 0],
    }


def test_the_way_goes_on_behind_its_last_command(tmp_path: Path, cli: Cli) -> None:
    walk(TUTORIAL, tmp_path)
    again = cli("migrate", cwd=tmp_path)
    assert (again.returncode, "2          1" in again.stdout) == (0, True), again.stderr


def test_every_file_that_the_tutorial_asks_for_is_in_its_place_before_it_is_needed() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    assert re.findall(r"^`([\w./]+)`$", text, flags=re.MULTILINE)[:3] == [
        "sessmig.toml",
        "notes/0001_notes.sql",
        "notes/0002_merge_old_notes.sql",
    ]


@pytest.mark.parametrize("target", ["setup"])
def test_the_make_targets_of_the_tutorial_exist(target: str) -> None:
    makefile = (DOCS.parent / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"^make (\w+)", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)) == {target}
    assert re.search(rf"^{target}: ", makefile, flags=re.MULTILINE)
