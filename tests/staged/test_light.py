"""A series of plain steps does not pay for steps of several commits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fixtures.files import WriteMigrations

ROOT = Path(__file__).parents[2]


def test_a_run_of_plain_steps_imports_nothing_of_batches(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (id INTEGER);\n"})
    code = (
        "import sys; from sessmig import ensure_migrations;"
        f"assert ensure_migrations({sqlite_url!r}, {str(folder)!r}).applied == 1;"
        "names = ('batches', 'batched', 'batch_table', 'staged', 'staging', 'throttle', 'pace');"
        "print([name for name in names if f'sessmig.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
