"""What a backup and a restore of a large database take: seconds, and the peak of memory, which must not grow with it.

`python -m tests.bench.backup [--mb N] [sqlite] [postgres]`; each command is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests.fixtures.postgres import own_server

_ROW = 100_000
"""Bytes of a row, half of them random: neither a hole nor incompressible."""


def _fill_sqlite(path: Path, size: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, x BLOB)")
        for number in range(size // _ROW):
            db.execute("INSERT INTO ballast VALUES (?, ?)", (number, os.urandom(_ROW // 2) + bytes(_ROW // 2)))
        db.commit()


def _fill_postgres(url: str, size: int) -> None:
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE ballast (id INTEGER PRIMARY KEY, x BYTEA)")
        db.execute("ALTER TABLE ballast ALTER COLUMN x SET STORAGE EXTERNAL")
        for number in range(size // _ROW):
            db.execute("INSERT INTO ballast VALUES (%s, %s)", (number, os.urandom(_ROW // 2) + bytes(_ROW // 2)))


def _measured(*arguments: str, env: dict[str, str]) -> tuple[float, float]:
    """Run a command; return its seconds, and the most memory that it or a program that it started had, in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "sessmig", *arguments], env={**os.environ, **env}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"sessmig {' '.join(arguments)} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


@contextmanager
def _database(kind: str, folder: Path, size: int) -> Iterator[dict[str, str]]:
    if kind == "sqlite":
        _fill_sqlite(folder / "large.db", size)
        yield {"SESSMIG_DATABASE": str(folder / "large.db")}
        return
    with own_server() as server:
        url = server.new_database()
        _fill_postgres(url, size)
        yield {"SESSMIG_DATABASE": url, "SESSMIG_PG_BIN": str(server.programs)}


def main() -> None:
    """Print a line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=300)
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgres"])
    chosen = parser.parse_args()
    for kind in chosen.kinds:
        for size in (3, chosen.mb):
            with tempfile.TemporaryDirectory() as name, _database(kind, Path(name), size << 20) as env:
                place = {**env, "SESSMIG_BACKUP_DIR": name}
                for arguments in (("backup",), ("restore", "--yes"), ("backup", "--gzip"), ("restore", "--yes")):
                    seconds, peak = _measured(*arguments, env=place)
                    print(f"{kind:8}  {size:>5} MB  {' '.join(arguments):15}  {seconds:6.1f} s  {peak:6.0f} MB")


if __name__ == "__main__":
    main()
