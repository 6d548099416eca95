"""The how-to for a database that is already there shows only what was run: its files and commands are run here."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sessmig.histories import TOOLS
from tests.adopt.tables import OTHERS
from tests.fixtures.processes import Cli

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "existing-database.md").read_text(encoding="utf-8")
FILES = re.findall(r"`([\w/.]+)`\n\n```(?:sql|toml)\n(.*?)```", PAGE, flags=re.DOTALL)
CONSOLES = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)
COMMAND = re.compile(r"^\$ sessmig (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Write the page's files but for the last settings, and make its two databases."""
    for name, text in FILES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix != ".toml":
            path.write_text(text, encoding="utf-8")
    for script, database in (("old.sql", "app.db"), ("blog.sql", "blog.db")):
        connection = sqlite3.connect(tmp_path / database)
        connection.executescript((tmp_path / script).read_text(encoding="utf-8"))
        connection.close()
    return tmp_path


def _timeless(text: str) -> str:
    """Leave out how long it took, when it was, and by whom."""
    text = re.sub(r"\d+ ms|\d+\.\d s", "N ms", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text))
    return re.sub(r" {2,}", "  ", re.sub(r"\w+@\S+", "WHO", text))


def test_every_command_of_the_page_gives_what_stands_under_it(place: Path, cli: Cli) -> None:
    shown = [[(match[1], match[2]) for match in COMMAND.finditer(console)] for console in CONSOLES]
    assert [len(commands) for commands in shown] == [1, 3, 1, 3]
    codes = []
    for number, commands in enumerate(shown):
        if number == 1:
            connection = sqlite3.connect(place / "app.db")
            connection.execute("UPDATE users SET name = 'Bob' WHERE name IS NULL")
            connection.commit()
            connection.close()
        if number == 3:
            name, text = next((name, text) for name, text in FILES if name.endswith(".toml"))
            (place / name).write_text(text, encoding="utf-8")
        for command, output in commands:
            done = cli(*command.split(), cwd=place)
            codes.append(done.returncode)
            assert _timeless(done.stdout + done.stderr) == _timeless(output), command
    assert codes == [3, 0, 0, 0, 4, 0, 0, 0]


def test_the_python_of_the_page_runs(place: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    connection = sqlite3.connect(place / "app.db")
    connection.execute("DELETE FROM users WHERE name IS NULL")
    connection.commit()
    connection.close()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=place, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        "['0001_what_was_there'] ('0002_tags',)\ndbmate ['20240101000001_authors', '20240102000001_articles']\n"
    )


def test_every_tool_and_its_table_stand_on_the_page() -> None:
    for tool in TOOLS:
        assert re.search(rf"^\|.*\b{re.escape(tool.name)}\b.*\| `", PAGE, flags=re.MULTILINE), tool.name
    for other in OTHERS:
        assert re.search(rf"`(?:\w+\.)?{re.escape(other.table)}`", PAGE), other.table


def test_every_option_of_both_commands_stands_on_the_page(cli: Cli) -> None:
    for command in ("baseline", "adopt"):
        own = set(re.findall(r"--[a-z-]+", cli(command, "--help").stdout))
        common = {"--database", "--db", "--dir", "--series", "--table", "--json", "--help", "--lock-wait"}
        assert own - common, command
        assert all(option in PAGE for option in own - common), own - common
