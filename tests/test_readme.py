"""The README shows only what was run: its example is run here, and its output compared."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`shop/([0-9a-z_.]+)`\n\n```sql\n(.*?)```", README, flags=re.DOTALL))
OUTPUTS = re.findall(r"```text\n(.*?)```", README, flags=re.DOTALL)


def test_the_failure_that_the_readme_shows_is_what_its_files_give(
    migrations: WriteMigrations, cli: Cli, probe: Callable[[str | Path], Probe]
) -> None:
    assert list(FILES) == ["0001_customers.sql", "0002_cities.sql", "0002_cities.verify.sql", "0003_moved.sql"]
    folder = migrations(FILES)

    done = cli("migrate", "--database", "app.db", "--dir", "shop", "--quiet", cwd=folder.parent)

    assert done.returncode == 3
    assert done.stderr == OUTPUTS[1]
    assert "residents" not in probe(folder.parent / "app.db").tables()


def _mended() -> dict[str, str]:
    rule = re.findall(r"`(-- reject: [^`]+)`", README)[0]
    verify = FILES["0002_cities.verify.sql"].replace("comparing city\n", f"comparing city\n{rule}\n")
    return {**FILES, "0002_cities.verify.sql": verify}


def test_the_example_runs_once_its_fault_is_mended(migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(_mended())

    done = cli("migrate", "--database", "app.db", "--dir", "shop", "--quiet", "--to", "2", cwd=folder.parent)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 migrations applied in")


def test_the_guard_says_what_the_readme_shows(
    migrations: WriteMigrations, cli: Cli, probe: Callable[[str | Path], Probe]
) -> None:
    folder = migrations(FILES)
    command = ("migrate", "--database", "app.db", "--dir", "shop", "--quiet")
    cli(*command, cwd=folder.parent)
    for name, text in _mended().items():
        (folder / name).write_text(text)

    done = cli(*command, cwd=folder.parent)

    backup = re.compile(r"The backup \S*app\.db\.backup_\d{8}_\d{6} holds")
    assert (done.returncode, backup.sub("The backup holds", done.stderr)) == (
        3,
        backup.sub("The backup holds", OUTPUTS[2]),
    )
    assert probe(folder.parent / "app.db").value("SELECT count(*) FROM customers") == 3


def test_the_first_run_that_the_readme_shows_is_what_make_migrate_prints(cli: Cli, tmp_path: Path) -> None:
    database = tmp_path / "sample.db"
    with sqlite3.connect(database) as connection:
        for path in sorted((ROOT / "sql/webui_sessions/legacy").glob("sqlite*.sql")):
            connection.executescript(path.read_text(encoding="utf-8"))
    connection.close()

    done = cli("migrate", "--database", str(database), "--dir", str(ROOT / "sql/webui_sessions"))

    timeless = re.compile(r" in \d+ ms")
    assert timeless.sub(" in T", OUTPUTS[0]) in timeless.sub(" in T", done.stdout)


def test_the_readme_reaches_the_first_run_by_line_15_and_stays_short() -> None:
    lines = README.splitlines()
    assert any("make migrate" in line for line in lines[:15])
    assert len(lines) <= 250


def test_every_command_is_in_the_readmes_table_and_every_one_there_exists(cli: Cli) -> None:
    shown = set(re.findall(r"^\| `sessmig (\w+)", README, flags=re.MULTILINE))
    there = set(re.findall(r"^  (\w+)  ", cli("--help").stdout.partition("Commands:")[2], flags=re.MULTILINE))
    assert shown == there


def test_the_ways_back_that_the_readme_shows_work_on_the_sample(
    cli: Cli, tmp_path: Path, probe: Callable[[str | Path], Probe]
) -> None:
    shown = re.findall(r"^    make (\w+) {2,}\S", README, flags=re.MULTILINE)
    assert shown == ["log", "report", "rollback", "restore"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = dict(
        re.findall(r"^(\w+): \$\(READY\) .*## .*\n\t@\$\(BIN\)/sessmig (\w+) ", makefile, flags=re.MULTILINE)
    )
    assert {commands[name] for name in ("migrate", *shown)} == {"migrate", *shown}
    database = tmp_path / "sample.db"
    with sqlite3.connect(database) as connection:
        for path in sorted((ROOT / "sql/webui_sessions/legacy").glob("sqlite*.sql")):
            connection.executescript(path.read_text(encoding="utf-8"))
    connection.close()
    start = probe(database).snapshot()["rows"]
    place = ("--db", str(database), "--dir", str(ROOT / "sql/webui_sessions"))
    for name in ("migrate", *shown):
        done = cli(commands[name], *place)
        assert done.returncode == 0, done.stderr
        if name == "rollback":
            assert {"webui_sessions", "webui_messages"} < probe(database).tables()
    assert probe(database).snapshot()["rows"] == start
