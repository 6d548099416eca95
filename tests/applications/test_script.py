"""A plain script, and one behind a job: what they print, and how they end."""

from __future__ import annotations

import re
import signal

import psycopg
import pytest

from tests.applications.example import PAGE, Example, lines_until
from tests.fixtures.postgres import PostgresServer

# Is at work for minutes, unless it is ended.
SLOW = {
    "sqlite/0003_slow.sql": (
        "CREATE TABLE slow AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000)\n"
        "SELECT count(*) AS x FROM n;\n"
    ),
    "postgres/0003_slow.sql": "CREATE TABLE slow (x INTEGER);\nSELECT pg_sleep(600);\n",
}


def _timeless(text: str) -> str:
    return re.sub(r"in \d+ ms", "in T", text)


def test_the_script_migrates_when_it_first_starts_and_prints_what_the_page_shows(example: Example) -> None:
    (shown,) = re.findall(r"```console\n(\$ python script\.py\n.*?)```", PAGE, flags=re.DOTALL)
    first, second = re.split(r"\$ python script\.py\n", shown)[1:]
    for expected in (first, second):
        done = example.python("script.py")
        # Lines of the log go to standard error, before the last line.
        assert (done.returncode, _timeless(done.stderr + done.stdout)) == (0, _timeless(expected))
    assert example.seen.rows("SELECT id, name FROM customers") == [(1, "Ada")]


def test_the_script_ends_with_the_errors_own_words_and_exit_code(example: Example) -> None:
    example.write("sql/shop/0002_first.sql", "INSERT INTO customers (id, name) VALUES (1, 'Ada'), (2, 'Grace');\n")
    done = example.python("script.py")
    assert done.returncode == 3
    said = "sql/shop/0002_first.verify.sql:1: check failed: there is one customer\n    expected 1, found 2\n"
    end = "The database: 0001_customers stands applied; nothing of 0002_first stays.\n"
    assert said in done.stderr
    assert end in done.stderr
    assert "Traceback" not in done.stderr
    assert example.seen.value("SELECT count(*) FROM customers") == 0


def test_a_script_that_is_ended_in_the_middle_needs_no_repair(example: Example) -> None:
    dialect = example.url.partition(":")[0].removesuffix("ql")
    (slow,) = (text for name, text in SLOW.items() if name.startswith(dialect))
    example.write("sql/shop/0003_slow.sql", slow)
    process = example.start("python", "-u", "script.py")
    lines = lines_until(process, lambda lines: lines[-1] == "INFO sessmig: 0003_slow: slow")
    assert lines[-1] == "INFO sessmig: 0003_slow: slow", lines
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM
    example.write("sql/shop/0003_slow.sql", "CREATE TABLE slow (x INTEGER);\n")
    done = example.python("script.py")
    assert done.stdout == "1 applied now, 2 before\n", done.stderr
    assert example.seen.rows("SELECT version, status FROM schema_migrations ORDER BY version") == [
        (1, "success"),
        (2, "success"),
        (3, "success"),
    ]


def test_behind_a_job_it_waits_until_the_job_is_done_and_changes_nothing_itself(example: Example) -> None:
    hasty = example.python("behind_a_job.py", "0")
    assert (hasty.returncode, hasty.stderr) == (
        6,
        "2 migrations pending: 0001_customers, 0002_first\nNothing was touched.\nRun sessmig migrate.\n",
    )
    assert example.seen.tables() == set()
    waiting = example.start("python", "behind_a_job.py", "60")
    done = example.run("sessmig", "migrate", "--dir", "sql/shop", "--quiet")
    assert done.returncode == 0, done.stderr
    assert waiting.communicate(timeout=60)[0] == "ready, with 2 migrations\n"
    assert waiting.returncode == 0


def test_behind_a_job_an_older_build_starts_on_a_newer_database(on_sqlite: Example) -> None:
    on_sqlite.write("sql/shop/0003_newer.sql", "CREATE TABLE newer (x INTEGER);\n")
    assert on_sqlite.python("script.py").returncode == 0
    (on_sqlite.folder / "sql/shop/0003_newer.sql").unlink()
    refused = on_sqlite.python("script.py")
    assert (refused.returncode, "ahead" in refused.stderr) == (4, True)
    started = on_sqlite.python("behind_a_job.py", "0")
    assert (started.returncode, started.stdout) == (0, "ready, with 3 migrations\n")


@pytest.mark.parametrize("done", [False, True], ids=["pending", "done"])
def test_behind_a_job_a_role_that_may_only_read_is_enough(
    on_sqlite: Example, postgres_server: PostgresServer, postgres_url: str, done: bool
) -> None:
    on_sqlite.url = postgres_url
    if done:
        assert on_sqlite.python("script.py").returncode == 0
    role = postgres_server.new_role()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"'.encode())
        admin.execute(f'ALTER ROLE "{role}" SET default_transaction_read_only = on'.encode())
    reading = on_sqlite.python("behind_a_job.py", "0", DATABASE_URL=postgres_server.url(postgres_url, user=role))
    assert (reading.returncode, reading.stdout) == ((0, "ready, with 2 migrations\n") if done else (6, ""))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'DROP OWNED BY "{role}"'.encode())
