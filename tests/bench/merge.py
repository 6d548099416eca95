"""What the proof costs: a merge of a million messages with all of it on, beside the bare statement and its commit.

`python -m tests.bench.merge [--rows N] [--rounds N] [sqlite] [postgres]`; each run is a process of its own, on a fresh
copy of the database, and the contenders take turns.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from sessmig import ensure_migrations
from tests.bench.legacy import SERIES, make_postgres, make_sqlite
from tests.fixtures.postgres import own_server

_COLUMNS = "message_id, session_id, role, content, created_at, metadata"
MERGE = f"""INSERT INTO chat_messages ({_COLUMNS})
SELECT {_COLUMNS} FROM webui_messages WHERE true
ON CONFLICT (message_id) DO NOTHING;
"""
VERIFY = """-- merge: webui_messages into chat_messages on message_id comparing session_id, role, content, created_at
-- reject: no such session where NOT EXISTS (
--     SELECT 1 FROM chat_sessions AS chat WHERE chat.session_id = webui_messages.session_id
-- )
-- differing: fail
"""
CONTENDERS = ("bare", "proof", "file", "series")
"""The statement and its commit; the same by sessmig; 0034 as it stands, by the driver; the same by sessmig."""


def once(contender: str, url: str, folder: Path) -> dict[str, float]:
    """Do it once, and tell the seconds from the first statement to the commit, and the peak memory in MB."""
    started = time.perf_counter()
    if contender in ("bare", "file"):
        dialect = "sqlite" if url.startswith("sqlite") else "postgres"
        text = (SERIES / dialect / "0034_merge_webui_sessions.sql").read_text()
        _bare(url, MERGE if contender == "bare" else text)
    elif contender == "proof":
        ensure_migrations(url, folder)
    else:
        ensure_migrations(url, SERIES, to=34)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _bare(url: str, sql: str) -> None:
    if url.startswith("sqlite"):
        db = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(sql if "BEGIN;" in sql else f"BEGIN;\n{sql}\nCOMMIT;")
        db.close()
    else:
        with psycopg.connect(url, autocommit="BEGIN;" in sql) as connection:
            connection.execute(sql.encode())


@contextmanager
def sqlite_copies(rows: int) -> Iterator[Callable[[], str]]:
    """Give a function that makes a fresh copy of the database."""
    with tempfile.TemporaryDirectory() as folder:
        original, copy = Path(folder) / "original.db", Path(folder) / "copy.db"
        make_sqlite(original, rows)

        def fresh() -> str:
            shutil.copyfile(original, copy)
            return f"sqlite:///{copy}"

        yield fresh


@contextmanager
def postgres_copies(rows: int) -> Iterator[Callable[[], str]]:
    """Give a function that makes a fresh copy of the database."""
    with own_server() as server:
        original = server.new_database()
        make_postgres(original, rows)
        name = original.rpartition("/")[2].partition("?")[0]
        copy = f"{name}_copy"

        def fresh() -> str:
            server.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
            server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"', "CHECKPOINT")
            return original.replace(name, copy)

        yield fresh


def race(fresh: Callable[[], str], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Let the contenders take turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        series = Path(folder) / "bench"
        series.mkdir()
        (series / "0001_merge.sql").write_text(MERGE)
        (series / "0001_merge.verify.sql").write_text(VERIFY)
        for _ in range(rounds):
            for name in CONTENDERS:
                command = [sys.executable, "-m", "tests.bench.merge", "--once", name, fresh(), str(series)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[name].append(json.loads(done.stdout))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--once", nargs=3)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once[0], given.once[1], Path(given.once[2]))))
        return
    print(f"{given.rows:,} messages, medians of {given.rounds} rounds")
    for database in given.databases:
        copies = sqlite_copies if database == "sqlite" else postgres_copies
        with copies(given.rows) as fresh:
            found = race(fresh, given.rounds)
        median = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
        for name, floor in (("proof", "bare"), ("series", "file")):
            peak = max(run["mb"] for run in found[name])
            print(
                f"{database:9} {name:6} {median[name]:6.2f} s, {floor:4} {median[floor]:6.2f} s:"
                f" x {median[name] / median[floor]:.2f}, {peak:.0f} MB resident"
            )


if __name__ == "__main__":
    main()
