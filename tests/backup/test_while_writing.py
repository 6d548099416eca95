"""A backup that is made while others write is one consistent picture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.backup.yard import Yard

_WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
print("ready", flush=True)
began, number = time.monotonic(), 0
while True:
    # Ten rows a transaction, a thousand rows a second; the account changes with them or not at all.
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(10):
        number += 1
        connection.execute("INSERT INTO entries VALUES (?, ?, zeroblob(400))", (number, number * 7 % 1000))
    connection.execute("UPDATE account SET rows = ?, total = (SELECT total FROM account) + ?",
        (number, sum(n * 7 % 1000 for n in range(number - 9, number + 1))))
    connection.execute("COMMIT")
    if number == 500:
        print("writing", flush=True)
    time.sleep(max(0, number / 1000 - (time.monotonic() - began)))
"""


@contextmanager
def _writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "writing\n"]
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_backup_made_while_another_process_writes_holds_what_that_one_had_committed(
    sqlite_yard: Yard, mode: str
) -> None:
    sqlite_yard.probe.execute(
        f"PRAGMA journal_mode = {mode}; CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER, filler BLOB);"
        "CREATE TABLE account (rows INTEGER, total INTEGER); INSERT INTO account VALUES (0, 0);"
        "CREATE TABLE ballast (x BLOB);"
        "INSERT INTO ballast WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 15000)"
        " SELECT randomblob(1500) FROM n"
    )
    told = "SELECT (SELECT rows FROM account), (SELECT total FROM account), count(*), sum(amount) FROM entries"
    seen = []
    with _writer(sqlite_yard.file) as process:
        for options in ((), ("--gzip",), ()):
            backup = sqlite_yard.backup(*options)
            if not options:
                copy = sqlite_yard.probes(f"sqlite:///{backup}")
                assert copy.value("PRAGMA integrity_check") == "ok"
                ((rows, total, entries, amounts),) = copy.rows(told)
                assert (rows, total) == (entries, amounts)
                seen.append(rows)
        assert process.poll() is None
    assert 500 <= seen[0] < seen[1] <= sqlite_yard.probe.value("SELECT rows FROM account")
