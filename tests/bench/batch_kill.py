"""What a backfill keeps that is killed with -9 again and again: every row once, and at most one batch done anew a kill.

`python -m tests.bench.batch_kill [--rows N] [--kills N] [--seed N] [sqlite] [postgres]`. Each kill falls at a
number of rows that is drawn, anywhere in what is left to do, and a moment behind it: on statements, commits and pauses.
Rows and batches are counted where no rollback reaches: by sequences on PostgreSQL, by a function that counts in a file
on SQLite. The target has no key: a row that is taken twice stands there twice. Ends with 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import mmap
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path
from struct import Struct
from typing import Any

import psycopg

from sessmig import ensure_migrations
from tests.bench.batch import dialect, opened, postgres_copies, sqlite_copies

_COLUMNS = "message_id, session_id, content, created_at"
_TABLE = (
    "CREATE TABLE {} (message_id BIGINT, session_id INTEGER, content TEXT, created_at TIMESTAMP, counted BIGINT);\n"
)
_INDEX = "CREATE INDEX backfilled_session ON backfilled (session_id);\n"
_COUNTERS = """CREATE SEQUENCE rows_run;
CREATE SEQUENCE batches_begun;
CREATE FUNCTION begin_batch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM nextval('batches_begun'); RETURN NULL; END $$;
CREATE TRIGGER begun BEFORE INSERT ON backfilled EXECUTE FUNCTION begin_batch();
"""
_COUNTED = {"sqlite": "count_row(:first)", "postgres": "0 * nextval('rows_run')"}
_SLOW = (
    " + 0 * (WITH RECURSIVE n (x) AS (SELECT message_id UNION ALL SELECT x + 1 FROM n WHERE x < message_id + 400)"
    " SELECT count(*) FROM n)"
)
_LEFT = """
SELECT 1 FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
  AND state <> 'idle'"""
_ANEW = multiprocessing.get_context("spawn")
_NUMBERS = Struct("<qqq")


@dataclass
class Told:
    """What the kills have met, and what was lost by them."""

    kills: int = 0
    repeated: list[int] = field(default_factory=list)
    """For each kill, how many batches had to be begun anew."""
    rows_again: list[int] = field(default_factory=list)
    stood: list[int] = field(default_factory=list)
    """How many rows were committed at each kill."""
    seconds: float = 0.0


class Counter:
    """How many rows were run, and how many batches begun, also those that were rolled back."""

    def __init__(self, url: str, file: Path, stack: ExitStack) -> None:
        self._map: mmap.mmap | None = None
        if dialect(url) == "sqlite":
            self._map = stack.enter_context(counted_in(file))
        else:
            self._db = stack.enter_context(opened(url))

    def __call__(self) -> tuple[int, int]:
        if self._map is not None:
            rows, batches, _ = _NUMBERS.unpack_from(self._map)
            return rows, batches
        asked = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "
        rows, batches = (self._db.execute(asked + name).fetchone()[0] for name in ("rows_run", "batches_begun"))
        return rows, batches


@contextmanager
def counted_in(file: Path) -> Iterator[mmap.mmap]:
    """Give a file's bytes as memory: what is written there outlives the process."""
    if not file.exists():
        file.write_bytes(_NUMBERS.pack(0, 0, 0))
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as numbers:
        yield numbers


def once(url: str, folder: Path, file: Path) -> None:
    """Go on with the backfill, in this process."""
    if dialect(url) == "postgres":
        ensure_migrations(url, folder, backup="never")
        return
    with counted_in(file) as numbers:
        last: list[Any] = [None]

        def count_row(first: int) -> int:
            rows, batches, _ = _NUMBERS.unpack_from(numbers)
            _NUMBERS.pack_into(numbers, 0, rows + 1, batches + (last[0] != first), 0)
            last[0] = first
            return 0

        class Counting(sqlite3.Connection):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.create_function("count_row", 1, count_row)

        # A connection of sessmig's own, which is to know the function too.
        sqlite3.connect = partial(sqlite3.connect, factory=Counting)  # type: ignore[assignment]
        ensure_migrations(url, folder, backup="never")


def kill_again_and_again(
    url: str,
    folder: Path,
    rows: int,
    kills: int,
    seed: int,
    *,
    moment: float = 0.15,
    way: ForkContext | SpawnContext = _ANEW,
) -> Told:
    """Start, kill and go on until it is done.

    Args:
        url: a database in which the first step is applied.
        folder: its series.
        rows: how many there are.
        kills: how often; less often, if it comes to its end before.
        seed: of what is drawn.
        moment: within so many seconds behind its number of rows each kill falls; a batch, its commit and its pause
            should fit in.
        way: how processes are started: anew, or as copies of this one, which takes less time.
    """
    chance, told, file = random.Random(seed), Told(), folder.parent / "counted"
    file.unlink(missing_ok=True)
    started = time.monotonic()
    committed = batches = 0
    with ExitStack() as stack:
        counter = Counter(url, file, stack)
        for left in range(kills, -1, -1):
            # The kills that are left share four fifths of the rows; the last run is let come to its end.
            share = max(rows * 4 // 5 - committed, 0) / left if left else 0
            goal = max(committed + chance.uniform(0, 1.5 * share), committed + 1)
            rows_before, batches_before = counter()
            process = way.Process(target=once, args=(url, folder, file))
            process.start()
            while left and process.is_alive() and counter()[0] - rows_before + committed < goal:
                time.sleep(0.001)
            if left:
                time.sleep(chance.uniform(0, moment))
                process.kill()
            process.join()
            if process.exitcode not in (0, -9):
                raise SystemExit(f"a run ended with {process.exitcode}")
            if (standing := _standing(url)) is None:  # also where a kill came too late
                break
            (rows_run, begun), (rows_now, batches_now) = counter(), standing
            told.kills += 1
            told.stood.append(rows_now)
            told.rows_again.append(rows_run - rows_before - (rows_now - committed))
            told.repeated.append(begun - batches_before - (batches_now - batches))
            committed, batches = rows_now, batches_now
    told.seconds = time.monotonic() - started
    return told


def _standing(url: str) -> tuple[int, int] | None:
    """Return how many rows and batches are committed, as long as it is not done.

    What a killed client left on a server may end a moment later.
    """
    with opened(url) as db:
        while dialect(url) == "postgres" and db.execute(_LEFT).fetchall():
            time.sleep(0.01)
        if db.execute("SELECT 1 FROM schema_migrations WHERE version = 2 AND status = 'success'").fetchall():
            return None
        ((rows,),) = db.execute("SELECT count(*) FROM backfilled").fetchall()
        try:
            noted = db.execute("SELECT count(*), coalesce(sum(row_count), 0) FROM schema_migrations_batches").fetchone()
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):  # it comes with the first batch
            noted = (0, 0)
        if rows != noted[1]:
            raise SystemExit(f"{rows:,} rows stand in the target, and the batches that are noted have {noted[1]:,}")
        return rows, noted[0]


def differing(url: str) -> tuple[int, int]:
    """Return how many rows the target has, and how many are other than those one statement puts there."""
    with opened(url) as db:
        db.execute(_TABLE.format("at_once"))
        db.execute(f"INSERT INTO at_once SELECT {_COLUMNS}, 0 FROM messages")
        # The rows of a target that holds one twice are more than its different ones, and than those of `at_once`.
        ((count, wanted),) = db.execute(
            "SELECT (SELECT count(*) FROM backfilled), (SELECT count(*) FROM at_once)"
        ).fetchall()
        found = abs(count - wanted)
        for one, other in (("backfilled", "at_once"), ("at_once", "backfilled")):
            ((more,),) = db.execute(
                f"SELECT count(*) FROM (SELECT * FROM {one} EXCEPT SELECT * FROM {other}) AS x"
            ).fetchall()
            found += more
        return count, found


def write_series(folder: Path, database: str, *, slow: bool = False, size: str = "") -> None:
    """Write the series: the target, then the backfill."""
    folder.mkdir(parents=True, exist_ok=True)
    made = _TABLE.format("backfilled") + _INDEX + (_COUNTERS if database == "postgres" else "")
    (folder / "0001_made.sql").write_text(made)
    (folder / "0002_filled.sql").write_text(
        f"-- sessmig: batch messages by message_id{size}\n"
        f"INSERT INTO backfilled\nSELECT {_COLUMNS}, {_COUNTED[database]}{_SLOW if slow else ''}\n"
        "FROM messages WHERE message_id BETWEEN :first AND :last;\n"
    )


def measure(database: str, rows: int, kills: int, seed: int) -> bool:
    """Print one line; tell whether all was kept."""
    copies = sqlite_copies if database == "sqlite" else postgres_copies
    with tempfile.TemporaryDirectory() as place, copies("number", rows) as fresh:
        folder, url = Path(place) / "bench", fresh()
        write_series(folder, database)
        ensure_migrations(url, folder, to=1, backup="never")
        told = kill_again_and_again(url, folder, rows, kills, seed)
        count, other = differing(url)
    fewest, most = (f"{bound(told.stood):,}" for bound in (min, max))
    print(
        f"{database:9} {told.kills:5}  {f'{fewest} to {most}':>20}  {max(told.repeated):15}  {max(told.rows_again):10,}"
        f"  {count:11,}  {other:10,}  {told.seconds:5.0f} s",
        flush=True,
    )
    return told.kills == kills and max(told.repeated) <= 1 and count == rows and not other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    print(f"a backfill of {given.rows:,} rows, killed with -9 (seed {given.seed})")
    print(
        f"{'':9} {'kills':>5}  {'rows stood at them':>20}  {'batches again,':>15}  {'rows again':>10}"
        f"  {'rows in':>11}  {'other than':>10}  {'took':>7}\n"
        f"{'':9} {'':5}  {'':20}  {'at most a kill':>15}  {'at most':>10}  {'the end':>11}  {'at once':>10}",
        flush=True,
    )
    kept = [measure(database, given.rows, given.kills, given.seed) for database in given.databases]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
