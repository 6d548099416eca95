"""docs/series/report_snapshots.md shows only what was run: every command of it is run here, in its order."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.fixtures.probe import Probe
from tests.fixtures.processes import AsNobody
from tests.pages import ROOT, Shown, demand, run, shown
from tests.report_snapshots import app

Probes = Callable[[str], Probe]

PAGE = ROOT / "docs" / "series" / "report_snapshots.md"
TEXT = PAGE.read_text(encoding="utf-8")


@contextmanager
def _writing(url: str) -> Iterator[None]:
    with closing(sqlite3.connect(app.file_of(url), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _larger_than_the_disk(file: Path) -> Iterator[None]:
    """Let a database be as large as twice the disk, and nearly all of it a hole."""
    kept = file.read_bytes()
    pages = shutil.disk_usage(file.parent).free * 2 // 4096
    with open(file, "r+b") as opened:
        opened.truncate(pages * 4096)
        opened.seek(28)
        opened.write(pages.to_bytes(4, "big"))
    yield
    file.write_bytes(kept)


def _run_as_nobody(one: Shown, environment: dict[str, str], file: Path, as_nobody: AsNobody) -> str:
    """Run a command where the database may not be written."""
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        return as_nobody(lambda: run(one, environment))
    finally:
        file.parent.chmod(0o755)
        file.chmod(0o644)


def test_every_command_of_the_page_prints_what_the_page_shows(
    sqlite_url: str, probe: Probes, as_nobody: AsNobody
) -> None:
    app.build_sample(sqlite_url)
    start = probe(sqlite_url).snapshot(exclude=())
    left = '"session_6b1f0c1e-52a4-4f0e-9b1e-0d6a0f6f7a11_interaction_1"'
    environment = {"SESSMIG_DATABASE": sqlite_url, "SESSMIG_DIR": "sql/report_snapshots"}
    commands = list(shown(PAGE))
    for one in commands:
        if one.heading == "A failing check":
            probe(sqlite_url).execute(f"CREATE VIEW newest AS SELECT * FROM {left}")
        if one.heading == "Permission denied":
            assert probe(sqlite_url).snapshot(exclude=()) == start  # as it was restored
            printed = _run_as_nobody(one, environment, app.file_of(sqlite_url), as_nobody)
        elif one.heading == "Locked by another process":
            with _writing(sqlite_url):
                printed = run(one, environment)
        elif one.heading == "Disk full":
            with _larger_than_the_disk(app.file_of(sqlite_url)):
                printed = run(one, environment)
        else:
            printed = run(one, environment)
        demand(one, printed)
    assert len(commands) == 13


def test_what_the_page_does_by_hand_after_a_failing_check_lets_the_step_go_on(sqlite_url: str, probe: Probes) -> None:
    app.build(sqlite_url, more="CREATE VIEW newest AS SELECT * FROM report_snapshots;")
    (asked,) = re.findall(r"`(SELECT sql FROM sqlite_master [^`]+)`", TEXT)
    assert probe(sqlite_url).value(asked) == "CREATE VIEW newest AS SELECT * FROM report_snapshots"
    (drop,) = re.findall(r"`(ALTER TABLE session_interactions DROP [^`]+)`", TEXT)
    probe(sqlite_url).execute(
        f"DROP VIEW newest; ALTER TABLE session_interactions ADD COLUMN temp_table_name TEXT; {drop}"
    )
    app.migrate(sqlite_url)
    assert app.measures(sqlite_url)["snapshots_dropped"] == 2


def test_the_page_says_what_an_operator_asks() -> None:
    assert re.findall(r"^## (.*)", TEXT, flags=re.MULTILINE) == [
        "What it does",
        "Before you start",
        "Preview",
        "Run",
        "Verify",
        "What the figures mean",
        "Roll back",
        "Clean up after the retention",
        "Troubleshooting",
    ]
    assert len(TEXT.partition("## What it does\n\n")[2].partition("\n\n")[0].splitlines()) == 5
