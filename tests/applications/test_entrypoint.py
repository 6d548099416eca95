"""The container's entrypoint, run by sh: which exit code comes of what, and who is started or not."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from sessmig import errors
from tests.applications.example import PAGE, Example, lines_until

STARTED = ("sh", "entrypoint.sh", "echo", "the application")
CODES = {
    int(number): text.strip()
    for numbers, text in re.findall(r"^\| ([\d, ]+) \| .* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    for number in numbers.split(", ")
}


def _customers(example: Example) -> int:
    count: int = example.seen.value("SELECT count(*) FROM customers")
    return count


def test_once_nothing_is_pending_the_application_takes_the_place_of_the_shell(example: Example) -> None:
    for said in ("2 migrations applied in", "nothing to do: 2 migrations applied, none pending"):
        done = example.run(*STARTED)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(said)
        assert done.stdout.endswith("\nthe application\n")
    assert _customers(example) == 1
    # By `exec`: the application has the number of the process that was started.
    process = example.start("sh", "entrypoint.sh", "sh", "-c", "echo $$")
    assert process.communicate(timeout=60)[0].splitlines()[-1] == str(process.pid)


@pytest.mark.parametrize(
    ("code", "broken", "said"),
    [
        (1, "INSERT INTO nowhere VALUES (1);\n", "no such table: nowhere"),
        (2, "", "no database is given"),
        (3, "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');\n", "check failed: there is one customer"),
    ],
    ids=["1-statement", "2-usage", "3-check"],
)
def test_a_run_that_fails_ends_with_its_code_and_the_application_is_not_started(
    on_sqlite: Example, code: int, broken: str, said: str
) -> None:
    if broken:
        on_sqlite.write("sql/shop/0002_first.sql", broken)
    else:
        on_sqlite.url = ""
    done = on_sqlite.run(*STARTED)
    assert (done.returncode, said in done.stderr, "the application" in done.stdout) == (code, True, False)
    if broken:
        assert _customers(on_sqlite) == 0


def test_a_file_that_was_changed_ends_with_4_and_the_database_stays(on_sqlite: Example) -> None:
    assert on_sqlite.run(*STARTED).returncode == 0
    on_sqlite.write("sql/shop/0001_customers.sql", "CREATE TABLE customers (id INTEGER);\n")
    done = on_sqlite.run(*STARTED)
    assert (done.returncode, "changed" in done.stderr, done.stdout) == (4, True, "")
    assert _customers(on_sqlite) == 1


def test_a_lock_that_another_process_holds_ends_with_5(on_sqlite: Example) -> None:
    impatient = (on_sqlite.folder / "entrypoint.sh").read_text().replace("--lock-wait 300", "--lock-wait 0.2")
    on_sqlite.write("entrypoint.sh", impatient)
    with closing(sqlite3.connect(on_sqlite.url.removeprefix("sqlite:///"), isolation_level=None)) as holder:
        holder.execute("CREATE TABLE other (x INTEGER)")
        holder.execute("BEGIN IMMEDIATE")
        done = on_sqlite.run(*STARTED)
    assert (done.returncode, "the lock was not had" in done.stderr, done.stdout) == (5, True, "")
    assert on_sqlite.seen.tables() == {"other"}


def test_what_waits_for_the_job_goes_on_when_it_is_done_and_changes_nothing_itself(example: Example) -> None:
    check = ("sessmig", "status", "--dir", "sql/shop", "--check", "--ahead", "ok")
    assert example.run(*check).returncode == 6
    waiting = example.start("sh", "wait.sh")
    assert example.seen.tables() == set()
    assert example.run(*STARTED).returncode == 0
    assert waiting.communicate(timeout=60)[0] == ""
    assert (waiting.returncode, example.run(*check).returncode) == (0, 0)


def test_what_waits_ends_at_once_where_waiting_does_not_help(on_sqlite: Example) -> None:
    assert on_sqlite.run(*STARTED).returncode == 0
    on_sqlite.write("sql/shop/0001_customers.sql", "CREATE TABLE customers (id INTEGER);\n")
    assert on_sqlite.run("sh", "wait.sh").returncode == 4


def test_an_older_build_that_waits_goes_on_though_the_database_is_ahead_of_it(on_sqlite: Example) -> None:
    assert on_sqlite.run(*STARTED).returncode == 0
    for name in ("0002_first.sql", "0002_first.verify.sql"):
        (on_sqlite.folder / "sql/shop" / name).unlink()
    assert on_sqlite.run("sessmig", "status", "--dir", "sql/shop", "--check").returncode == 4
    assert on_sqlite.run("sh", "wait.sh").returncode == 0


def test_a_container_that_is_stopped_in_the_middle_keeps_its_batches_and_goes_on_at_its_next_start(
    on_sqlite: Example,
) -> None:
    rows = 4_000
    on_sqlite.write("sql/shop/0003_source.sql", "CREATE TABLE source (id INTEGER PRIMARY KEY, word TEXT);\n"
        "CREATE TABLE target (id INTEGER PRIMARY KEY, word TEXT);\n"
        f"INSERT INTO source WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows})\n"
        "SELECT x, 'w' FROM n;\n")  # fmt: skip
    # Each row counts a little, so that a signal comes in the middle.
    on_sqlite.write("sql/shop/0004_copy.sql", "-- sessmig: batch source by id size 100\n"
        "INSERT INTO target\n"
        "SELECT id, word FROM source WHERE id BETWEEN :first AND :last\n"
        "AND (WITH RECURSIVE n (x) AS (SELECT source.id UNION ALL SELECT x + 1 FROM n WHERE x < source.id + 2000)\n"
        "SELECT count(*) FROM n) > 0;\n")  # fmt: skip
    process = on_sqlite.start(*STARTED)
    path = on_sqlite.url.removeprefix("sqlite:///")
    while not _copied(path):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said = "\n".join(lines_until(process, lambda lines: False))
    assert process.wait(60) == 143, said
    assert "stopped by a request to end (SIGTERM)" in said
    assert 0 < _copied(path) < rows
    done = on_sqlite.run(*STARTED)
    assert (done.returncode, done.stdout.endswith("the application\n")) == (0, True), done.stderr
    assert _copied(path) == rows


def _copied(path: str) -> int:
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            return int(connection.execute("SELECT count(*) FROM target").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def test_the_page_tells_of_every_exit_code_whether_to_start_again() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.SessmigError)}
    assert CODES.keys() == codes | {0, 143}
    hopeless = [code for code, text in CODES.items() if text.startswith("no: ")]
    assert re.findall(r"values: (\[.*\])", PAGE) == [str(hopeless)]
