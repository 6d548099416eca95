"""kill -9 at any instant of a backup or a restore: the old or the restored database is whole, no half backup counts.

The instants are drawn from a seed: 15 on each database, 30 of either kind. SESSMIG_TEST_KILLS asks for more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessmig.backup_files import find, is_whole
from tests.backup.yard import Yard

KILLS = int(os.environ.get("SESSMIG_TEST_KILLS", "15"))
BALLAST = (
    "CREATE TABLE ballast (id INTEGER PRIMARY KEY, x TEXT); "
    "INSERT INTO ballast WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows})"
    " SELECT x, '{filler}' || x FROM n"
)


def _run(yard: Yard, *arguments: str, after: float | None = None) -> float:
    """Run a command, kill it with all that it has started after so many seconds, and say how long it ran."""
    place = {"SESSMIG_DATABASE": yard.url, "SESSMIG_BACKUP_DIR": str(yard.folder), **yard.env}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "sessmig", *arguments],
        env={**os.environ, **place},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if after is not None:
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
    _, words = process.communicate()
    assert process.returncode in ((0,) if after is None else (0, -9)), words
    return time.monotonic() - began


def _instants(lasting: float, met: set[bool]) -> Iterator[float]:
    """Draw as many instants as are asked for; some more, until the kills have met both of two states."""
    chance = random.Random(4)
    for number in range(4 * KILLS):
        if number >= KILLS and len(met) == 2:
            return
        # Python takes its time to start: nothing happens in the first third.
        yield lasting * (0.3 + 0.7 * chance.random())
    assert len(met) == 2, "the kills have met only one state"


def _is_alive(yard: Yard) -> None:
    """Wait for what a killed client has left on the server."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND application_name ~ '^(sessmig|sessmig restore .*|pg_dump)$'"
    )
    while "postgres" in yard.url and yard.probe.value(others):
        time.sleep(0.02)


def test_a_backup_killed_at_any_instant_leaves_no_file_that_counts_and_is_not_whole(yard: Yard) -> None:
    yard.probe.execute(BALLAST.format(rows=20000, filler="x" * 800))
    before = yard.state()
    lasting = max(_run(yard, "backup") for _ in range(2))
    met: set[bool] = set()
    for after in _instants(lasting, met):
        _run(yard, "backup", after=after)
        _is_alive(yard)
        met.add(any("partial" in path.name for path in yard.folder.iterdir()))
        name = yard.backups[0].name.partition(".backup_")[0]
        found = find(str(yard.folder), name)
        assert found
        assert all(map(is_whole, found))
        assert yard.state() == before
    yard.done("backup")
    assert not list(yard.folder.glob("*.partial*"))
    yard.done("restore", "--yes")
    assert yard.state() == before


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_on_sqlite_a_restore_killed_at_any_instant_leaves_the_old_or_the_restored_state(
    sqlite_yard: Yard, mode: str
) -> None:
    sqlite_yard.probe.execute(f"PRAGMA journal_mode = {mode}")
    sqlite_yard.probe.execute(BALLAST.format(rows=20000, filler="x" * 800))
    _kill_restores(sqlite_yard)
    backups = sqlite_yard.file.parent
    assert {path.name.partition(".before_restore_")[0] for path in backups.iterdir()} <= {
        "app.db", "app.db-wal", "app.db-shm", "app.db-journal",
    }  # fmt: skip


def test_on_postgres_a_restore_killed_at_any_instant_leaves_the_old_or_the_restored_state(postgres_yard: Yard) -> None:
    postgres_yard.probe.execute(BALLAST.format(rows=20000, filler="x" * 800))
    _kill_restores(postgres_yard)


def _kill_restores(yard: Yard) -> None:
    restored = yard.state()
    _run(yard, "backup")
    change = "UPDATE ballast SET x = 'changed ' || x; DELETE FROM people WHERE id > 5"
    lasting = 0.0
    for _ in range(2):
        yard.probe.execute(change)
        lasting = max(lasting, _run(yard, "restore", "--yes"))
    met: set[bool] = set()
    for after in _instants(lasting, met):
        yard.probe.execute(change)
        old = yard.state()
        _run(yard, "restore", "--yes", after=after)
        _is_alive(yard)
        now = yard.state()
        assert now in (old, restored)
        met.add(now == restored)
        if now != restored:
            _run(yard, "restore", "--yes")
            assert yard.state() == restored
    assert _is_sound(yard.file) if yard.url.startswith("sqlite") else True


def _is_sound(path: Path) -> bool:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
