"""What batches cost: a backfill of a million rows beside the bare statement, and what a second client feels meanwhile.

`python -m tests.bench.batch [--rows N] [--rounds N] [--keys KIND] [sqlite] [postgres]`; each run is a process of its
own, on a fresh copy of the database, and the contenders take turns. Rows of a hundred bytes go into a table with a
primary key and one more index. Their keys are whole numbers in the order of the table, as most tables have them; or
random texts, where the rows of a range lie all over the table, and the bare statement reads it in its own order. In a
run of its own, which counts for no ratio, a second client writes single rows into both tables, every 20 ms.
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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from sessmig import ensure_migrations
from tests.fixtures.postgres import own_server

_COLUMNS = "message_id, session_id, content, created_at"
_COPY = f"INSERT INTO backfilled ({_COLUMNS})\nSELECT {_COLUMNS} FROM messages"
_TABLE = """CREATE TABLE {} (
    message_id {} PRIMARY KEY,
    session_id INTEGER NOT NULL,
    content TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
"""
_INDEX = "CREATE INDEX backfilled_session ON backfilled (session_id);\n"
_BATCH = f"-- sessmig: batch messages by message_id\n{_COPY} WHERE message_id BETWEEN :first AND :last;\n"
_TYPES = {"number": {"sqlite": "INTEGER", "postgres": "BIGINT"}, "text": {"sqlite": "TEXT", "postgres": "TEXT"}}
_ROWS = {  # a key of 32 characters, as UUIDs have them; a few sessions are open at the same time
    "sqlite": """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
INSERT INTO messages
SELECT {key}, n / 20 + n * 7919 % 50, n || substr('{text}', 1, 90), datetime(1700000000 + n * 13, 'unixepoch')
FROM numbers;""",
    "postgres": """
INSERT INTO messages
SELECT {key}, n / 20 + n * 7919 % 50, n || substr('{text}', 1, 90), timestamp '2024-01-01' + n * interval '13 s'
FROM generate_series(1, {rows}::bigint) AS n;""",
}
_KEYS = {
    "number": {"sqlite": "n", "postgres": "n"},
    "text": {"sqlite": "hex(randomblob(16))", "postgres": "md5(n || 'm')"},
}
_TEXT = "the quick brown fox jumps over the lazy dog and goes on " * 2
CONTENDERS = ("bare", "batch")


def dialect(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgres"


def opened(url: str) -> Any:
    """Connect as any other client does."""
    if dialect(url) == "sqlite":
        return closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=60))
    return closing(psycopg.connect(url, autocommit=True))


def once(contender: str, url: str, folder: Path) -> dict[str, float]:
    """Do it once, and tell the seconds with the commit, and the peak memory in MB; the target is made before."""
    ensure_migrations(url, folder, to=1, backup="never")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    if contender == "bare":
        with opened(url) as db:
            for statement in ("PRAGMA foreign_keys = ON",) * (dialect(url) == "sqlite") + ("BEGIN", _COPY, "COMMIT"):
                db.execute(statement)
    else:
        ensure_migrations(url, folder, backup="never")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "mb": peak / 1024, "grown": (peak - before) / 1024}


def write(url: str, keys: str, over: threading.Event, took: list[float]) -> None:
    """Write single rows into both tables until it is over, as another client does, and note how long each took."""
    number = 0
    places = ", ".join(["?" if dialect(url) == "sqlite" else "%s"] * 4)
    with opened(url) as db:
        while not over.wait(0.02):
            number += 1
            table = ("messages", "backfilled")[number % 2]
            # Behind the cursor, most of them; and those of the target are none that the backfill has too.
            key: int | str = (-2 if number % 2 else -1) * number
            if keys == "text":
                key = f"{number * 7919 % 0xFFFF:04x}-{number}" + "t" * (number % 2)
            elif number % 2:
                key = -1_000_000_000 - number
            started = time.perf_counter()
            db.execute(f"INSERT INTO {table} ({_COLUMNS}) VALUES ({places})", (key, 1, "new", "2024-03-01 10:00:00"))
            took.append(time.perf_counter() - started)


def beside(url: str, folder: Path, keys: str) -> str:
    """Backfill while a second client writes; see that all is there, and tell what it felt."""
    ensure_migrations(url, folder, to=1, backup="never")
    took: list[float] = []
    over = threading.Event()
    writer = threading.Thread(target=write, args=(url, keys, over, took))
    command = [sys.executable, "-m", "tests.bench.batch", "--once", "batch", url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        writer.start()
        said, _ = process.communicate()
    over.set()
    writer.join()
    assert process.returncode == 0
    lacking = "SELECT count(*) FROM (SELECT message_id FROM messages EXCEPT SELECT message_id FROM backfilled) AS x"
    with opened(url) as db:
        ((missing,),) = db.execute(lacking).fetchall()
    worst = sorted(took)
    return (
        f"a second client's {len(took):,} writes: median {statistics.median(took) * 1000:.0f} ms,"
        f" 99th percentile {worst[int(len(worst) * 0.99)] * 1000:.0f} ms, longest {worst[-1] * 1000:.0f} ms;"
        f" the backfill took {json.loads(said)['seconds']:.1f} s, {missing} written since it ended"
    )


@contextmanager
def sqlite_copies(keys: str, rows: int) -> Iterator[Callable[[], str]]:
    """Give a function that makes a fresh copy of the database."""
    with tempfile.TemporaryDirectory() as folder:
        original, copy = Path(folder) / "original.db", Path(folder) / "copy.db"
        with opened(f"sqlite:///{original}") as db:
            db.executescript(made("sqlite", keys, rows))

        def fresh() -> str:
            shutil.copyfile(original, copy)
            return f"sqlite:///{copy}"

        yield fresh


@contextmanager
def postgres_copies(keys: str, rows: int) -> Iterator[Callable[[], str]]:
    """Give a function that makes a fresh copy of the database."""
    with own_server() as server:
        original = server.new_database()
        with opened(original) as db:
            db.execute(made("postgres", keys, rows).encode())
            # As a table is that has stood for a while. An autovacuum at work there has to end before all is visible.
            while not db.execute("SELECT relallvisible FROM pg_class WHERE relname = 'messages'").fetchone()[0]:
                db.execute("VACUUM ANALYZE messages")
                time.sleep(0.5)
        name = original.rpartition("/")[2].partition("?")[0]
        copy = f"{name}_copy"

        def fresh() -> str:
            server.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
            server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"', "CHECKPOINT")
            return original.replace(name, copy)

        yield fresh


def made(where: str, keys: str, rows: int) -> str:
    """Return the SQL that makes the messages."""
    filled = _ROWS[where].format(key=_KEYS[keys][where], text=_TEXT, rows=rows)
    return _TABLE.format("messages", _TYPES[keys][where]) + "BEGIN;" + filled + "COMMIT;"


def race(fresh: Callable[[], str], folder: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Let the contenders take turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            command = [sys.executable, "-m", "tests.bench.batch", "--once", name, fresh(), str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name].append(json.loads(done.stdout))
    return found


def measure(database: str, keys: str, rows: int, rounds: int) -> None:
    """Print one case."""
    copies = sqlite_copies if database == "sqlite" else postgres_copies
    with tempfile.TemporaryDirectory() as place, copies(keys, rows) as fresh:
        folder = Path(place) / "bench"
        folder.mkdir()
        (folder / "0001_made.sql").write_text(_TABLE.format("backfilled", _TYPES[keys][database]) + _INDEX)
        (folder / "0002_filled.sql").write_text(_BATCH)
        found = race(fresh, folder, rounds)
        median = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
        peak, grown = (max(run[what] for run in found["batch"]) for what in ("mb", "grown"))
        case = f"{database:9} {keys:7}"
        print(
            f"{case} batch {median['batch']:6.2f} s, bare {median['bare']:6.2f} s:"
            f" x {median['batch'] / median['bare']:.2f}, {peak:.0f} MB resident (+{grown:.0f})",
            flush=True,
        )
        print(f"{case} {beside(fresh(), folder, keys)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", choices=tuple(_KEYS), action="append")
    parser.add_argument("--once", nargs=3)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once[0], given.once[1], Path(given.once[2]))))
        return
    print(f"{given.rows:,} messages, medians of {given.rounds} rounds", flush=True)
    for keys in given.keys or _KEYS:
        for database in given.databases:
            measure(database, keys, given.rows, given.rounds)


if __name__ == "__main__":
    main()
