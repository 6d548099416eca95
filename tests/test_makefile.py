"""`make demo` and `make help`, as a newcomer runs them; the environment is the one that the tests run in."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.pages import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SAMPLES = sorted({path.parents[1].name for path in (ROOT / "sql").glob("*/legacy/sqlite*.sql")})


def _make(target: str, tmp_path: Path, **names: str) -> subprocess.CompletedProcess[str]:
    """Run make with this interpreter's environment in place of `.venv`, and the demo's files elsewhere."""
    ready = tmp_path / "ready"
    ready.touch()
    settings = {"READY": str(ready), "BIN": str(Path(sys.executable).parent), "DEMO": str(tmp_path / "demo")}
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SESSMIG_", "DATABASE_URL", "MAKE"))
    }
    return subprocess.run(
        ["make", target, *(f"{name}={value}" for name, value in settings.items())],
        cwd=ROOT,
        env=clean | names,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_demo_migrates_each_sample_that_sqlite_has_and_leaves_every_other_database_alone(tmp_path: Path) -> None:
    named = tmp_path / "mine.db"
    done = _make("demo", tmp_path, DATABASE_URL=f"sqlite:///{named}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not named.exists()
    reports = re.split(r"^== ", done.stdout, flags=re.MULTILINE)[1:]
    assert [report.partition("\n")[0] for report in reports] == SAMPLES
    assert "webui_sessions" in SAMPLES
    for name, report in zip(SAMPLES, reports, strict=True):
        assert re.search(r"^  rows by statement$", report, flags=re.MULTILINE), report
        assert re.search(r"^\d+ migrations? applied in .* checks held", report, flags=re.MULTILINE), report
        with closing(sqlite3.connect(tmp_path / "demo" / f"{name}.db")) as sample:
            statuses = sample.execute("SELECT DISTINCT series, status FROM schema_migrations").fetchall()
        assert statuses == [(name, "success")]


def test_make_help_explains_every_target(tmp_path: Path) -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    explained = re.findall(r"^  make (\w+) +\S", _make("help", tmp_path).stdout, flags=re.MULTILINE)
    assert sorted(explained) == sorted(targets.split())
