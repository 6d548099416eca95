"""Ctrl-C during a long step: exit code 130, and nothing of the step stays."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from sessmig.databases import connect
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres

ENDLESS = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgres": "SELECT pg_sleep(600)",
}


def _interrupted(process: "subprocess.Popen[str]", at: str) -> tuple[int, str]:
    """Send Ctrl-C once the step that is named has begun, and return what came of it."""
    assert process.stderr is not None
    told = ""
    while f"begin   {at}" not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    process.send_signal(signal.SIGINT)
    return process.wait(60), told + process.stderr.read()


@pytest.mark.parametrize("where", ["statement", "check"])
def test_an_interrupt_rolls_the_step_back_and_the_next_run_goes_on(
    where: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    endless = ENDLESS["postgres" if is_postgres(database_url) else "sqlite"]
    begun = "CREATE TABLE b (x INTEGER);\nINSERT INTO a VALUES (1);\n"
    files = {"1_a.sql": "CREATE TABLE a (x INTEGER);\n", "2_b.sql": begun}
    if where == "statement":
        files["2_b.sql"] += f"{endless};\n"
    else:
        files["2_b.verify.sql"] = f"-- check: endless\n-- expect: some\n{endless};\n"
    folder = migrations(files)
    process = cli.start("migrate", "-d", database_url, "--dir", folder)
    code, told = _interrupted(process, "2_b")
    assert code == 130, told
    words = ("the step that ran was rolled back", "the step that was next was not begun")  # as the signal is heard
    assert told.endswith(tuple(f"interrupted: {word}; run again to go on\n" for word in words))
    assert "Traceback" not in told
    database = probe(database_url)
    assert database.tables() == {"a", "schema_migrations", "schema_migrations_log"}
    assert database.rows("SELECT * FROM a") == []
    assert database.rows("SELECT version, status FROM schema_migrations") == [(1, "success")]
    migrations({"2_b.sql": begun, "2_b.verify.sql": ""})
    done = cli("migrate", "-d", database_url, "--dir", folder, "--lock-wait", "10")
    assert done.returncode == 0, done.stderr
    assert database.rows("SELECT * FROM a") == [(1,)]


def test_an_interrupt_while_waiting_for_the_lock_touches_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    probe(database_url).execute("CREATE TABLE standing (x INTEGER)")
    folder = migrations({"1_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    with connect(database_url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        process = cli.start("migrate", "-d", database_url, "--dir", folder)
        assert process.stderr is not None
        while "waiting for the lock" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert probe(database_url).tables() == {"standing"}


def test_an_interrupt_between_a_query_and_its_results_leaves_a_connection_that_can_roll_back(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection, connect(connection) as database:

        def interrupted() -> None:
            with database.transaction("schema_migrations", wait=5, on_wait=print):
                database.query("CREATE TABLE half (x integer)")
                connection.pgconn.send_query(b"SELECT pg_sleep(600)")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert database.columns("half") == ()


def test_an_interrupt_that_overtakes_the_query_ends_it_too(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    with psycopg.connect(postgres_url) as connection, connect(connection) as database:
        server = connection.info.backend_pid
        # A number of another machine's would be some other process here.
        assert Path(f"/proc/{server}/cmdline").read_bytes().startswith(b"postgres"), "the server has to run here"
        os.kill(server, signal.SIGSTOP)  # as a busy machine does it: it has not read the query when it is told to stop
        connection.pgconn.send_query(b"SELECT pg_sleep(600)")
        threading.Timer(0.5, os.kill, (server, signal.SIGCONT)).start()
        assert database.query("SELECT 1").rows == ((1,),)
    running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    assert probe(postgres_url).value(running) == 0


def test_what_an_interrupt_left_open_says_nothing_when_all_is_closed(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Ctrl-C between the beginning of a block and its first statement: nobody ends it but the one who clears away.
    with connect(database_url) as database:
        left = database.transaction("schema_migrations", wait=1.0, on_wait=lambda holder: None)
        left.__enter__()
    del left
    assert capsys.readouterr().err == ""
