"""What the clinic's migration costs with every check on: 100,000 dermatology sessions of 20 messages each.

`python -m tests.bench.clinic [--sessions N] [--messages N] [sqlite] [postgres]`; the migration is a process of its own.
All five steps are run, the last two with their wait ignored. Meanwhile a second client writes a message and a third
reads one, every 20 ms, both of a session that is no part of it: how long the longest of these took is the longest lock
that a user feels. On PostgreSQL the locks that stop writers are looked at besides.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from sessmig.databases import connect
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.run import migrate
from tests.bench.batch import dialect, opened
from tests.clinic.data import DERMA, SERIES, Row, legacy_schema, old_row, session, user
from tests.fixtures.postgres import own_server

_START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_LETTERS = string.ascii_lowercase + "      "
_WRITE = "INSERT INTO messages (session_id, sender, content) VALUES ('alone', 'user', 'still here')"
_READ = "SELECT count(*) FROM sessions WHERE id = 'alone'"
# Locks of sessmig that stop a writer, with how long its transaction has stood.
_LOCKS = """
SELECT c.relname, l.mode, extract(epoch FROM clock_timestamp() - a.xact_start)
FROM pg_locks AS l
JOIN pg_stat_activity AS a USING (pid)
JOIN pg_class AS c ON c.oid = l.relation AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
WHERE a.application_name LIKE 'sessmig%' AND l.granted
  AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""


def rows(sessions: int, messages: int) -> Iterator[Row]:
    """Yield rows of derma_sessions, the same at every call; contents have 100 bytes, and a tenth is "好的"."""
    chance = random.Random(20261123)
    contents = ["".join(chance.choices(_LETTERS, k=100)) for _ in range(1000)]
    for number in range(sessions):
        elements = []
        for position in range(messages):
            at = _START + timedelta(minutes=number, seconds=position * 7)
            is_user = position % 2 == 1
            content = "好的" if is_user and chance.random() < 0.2 else f"{number} {contents[chance.randrange(1000)]}"
            role = "user" if is_user else "assistant"
            elements.append({"role": role, "content": content, "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        times = {"created_at": f"{_START + timedelta(minutes=number):%Y-%m-%d %H:%M:%S+00:00}"}
        text = json.dumps(elements, ensure_ascii=False)
        yield old_row(DERMA, f"{chance.getrandbits(128):032x}", text, user_id=1 + number % 100, **times)


def fill(url: str, sessions: int, messages: int) -> None:
    """Make the database; autovacuum is done with it before it is measured."""
    names = list(old_row(DERMA))
    alone = session("alone")
    marks = ", ".join(["?" if dialect(url) == "sqlite" else "%s"] * len(alone))
    with opened(url) as db:
        (db.executescript if dialect(url) == "sqlite" else db.execute)(legacy_schema(dialect(url)))  # type: ignore[arg-type]
        db.execute("BEGIN")
        for number in range(1, 101):
            db.execute(f"INSERT INTO users (id, phone) VALUES ({number}, '{user(number)['phone']}')")
        db.execute(f"INSERT INTO sessions ({', '.join(alone)}) VALUES ({marks})", tuple(alone.values()))
        made = (tuple(row.values()) for row in rows(sessions, messages))
        if dialect(url) == "sqlite":
            db.executemany(f"INSERT INTO {DERMA} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", made)
        else:
            with db.cursor().copy(f"COPY {DERMA} ({', '.join(names)}) FROM STDIN") as copy:
                for row in made:
                    copy.write_row(row)
        db.execute("COMMIT")
        if dialect(url) == "postgres":
            db.execute("VACUUM ANALYZE")
            db.execute("CHECKPOINT")


def once(url: str) -> dict[str, Any]:
    """Migrate, and tell the seconds of each step and the peak memory of the process in MB."""
    started = time.perf_counter()
    with connect(url, create=False) as database:
        report = migrate(Job(database, SERIES, wish=Wish(ignore_wait=True)))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "mb": peak, "steps": {s.title: s.duration_ms / 1000 for s in report.steps}}


def beside(url: str, statement: str, over: threading.Event, took: list[float]) -> None:
    """Do one thing again and again until it is over, as another client does, and note how long each took."""
    with opened(url) as db:
        if isinstance(db, sqlite3.Connection):
            db.execute("PRAGMA busy_timeout = 600000")
        while not over.wait(0.02):
            started = time.perf_counter()
            db.execute(statement).fetchall() if statement.startswith("SELECT") else db.execute(statement)
            took.append(time.perf_counter() - started)


def locks(url: str, over: threading.Event, held: dict[str, float]) -> None:
    """Look at the locks that stop writers, until it is over; the time a transaction has stood is the most it may be."""
    with closing(psycopg.connect(url, autocommit=True)) as db:
        while not over.wait(0.05):
            for relation, mode, seconds in db.execute(_LOCKS).fetchall():
                name = f"{mode} on {relation}"
                held[name] = max(held.get(name, 0.0), float(seconds))


def measure(url: str, sessions: int, messages: int) -> None:
    """Print one database's figures."""
    wrote: list[float] = []
    read: list[float] = []
    held: dict[str, float] = {}
    over = threading.Event()
    others = [threading.Thread(target=beside, args=(url, _WRITE, over, wrote))]
    others.append(threading.Thread(target=beside, args=(url, _READ, over, read)))
    if dialect(url) == "postgres":
        others.append(threading.Thread(target=locks, args=(url, over, held)))
    for other in others:
        other.start()
    try:
        command = [sys.executable, "-m", "tests.bench.clinic", "--once", url]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        over.set()
        for other in others:
            other.join()
    found = json.loads(done.stdout)
    number = sessions * (messages + 1)
    with opened(url) as db:
        ((came,),) = db.execute("SELECT count(*) FROM messages WHERE session_id <> 'alone'").fetchall()
    assert came == sessions * messages, f"{came} messages"
    name = dialect(url)
    print(
        f"{name:9} {number:,} rows in {found['seconds']:.1f} s: {number / found['seconds']:,.0f} a second,"
        f" {found['mb']:.0f} MB resident at most",
        flush=True,
    )
    print(f"{name:9} " + ", ".join(f"{title} {seconds:.1f} s" for title, seconds in found["steps"].items()))
    for what, took in (("writes", wrote), ("reads", read)):
        print(f"{name:9} a second client's {len(took):,} {what}: the longest took {max(took, default=0):.2f} s")
    for lock, seconds in held.items():
        print(f"{name:9} {lock}: at most {seconds:.1f} s")


@contextmanager
def databases(name: str) -> Iterator[Callable[[], str]]:
    """Give a function that makes an empty database."""
    if name == "postgres":
        with own_server() as server:
            yield server.new_database
        return
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: f"sqlite:///{Path(folder) / 'clinic.db'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=20)
    parser.add_argument("--once")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once)))
        return
    print(f"{given.sessions:,} sessions of {given.messages} messages each", flush=True)
    for name in given.databases:
        with databases(name) as new:
            url = new()
            fill(url, given.sessions, given.messages)
            measure(url, given.sessions, given.messages)


if __name__ == "__main__":
    main()
