"""A step of several commits that is ended at once: what stays is said and logged, and the next run goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from sessmig import ensure_migrations
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.results import Event
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, migrate, roll_back
from tests.run.test_interrupt import ENDLESS
from tests.staged.half import BATCH, TABLES, attempts, statuses

Probes = Callable[[str], Probe]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"])
def test_a_no_transaction_file_says_what_stays_when_it_is_ended(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli, sent: signal.Signals, code: int
) -> None:
    endless = ENDLESS["postgres" if is_postgres(database_url) else "sqlite"]
    head = "-- sessmig: no-transaction\nCREATE TABLE a (id INTEGER);\n"
    folder = migrations({"0001_a.sql": f"{head}{endless};\n"})
    process = cli.start("migrate", "-d", database_url, "--dir", folder)
    while "a" not in probe(database_url).tables():
        time.sleep(0.05)
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "interrupted: 0001_a is half done, and that stays (1 of 2 statements done, line 3 is next); " in said
    assert "sessmig migrate goes on where it stopped." in said
    assert "rolled back" not in said
    assert statuses(probe(database_url)) == [(1, "running")]
    assert attempts(probe(database_url)) == [("apply", 1, "interrupted", [(2, None)])]
    migrations({"0001_a.sql": f"{head}INSERT INTO a VALUES (1);\n"})
    assert migrate(database_url, folder).applied == 1
    assert probe(database_url).rows("SELECT id FROM a") == [(1,)]


def test_an_interrupt_in_a_batch_rolls_that_one_back_and_says_how_far_it_is(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    good = {"0001_tables.sql": TABLES["0001_tables.sql"].replace("'bad' WHERE", "'good' WHERE")}
    folder = migrations(good | BATCH)

    def stop(event: Event) -> None:
        if event.kind == "progress":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        ensure_migrations(database_url, folder, on_event=stop, backup="never")
    done = probe(database_url).value("SELECT count(*) FROM new")
    (note,) = caught.value.__notes__
    assert note.startswith(
        f"0002_copy is half done, and that stays (1 of 3 statements done, and {done} of about 40 rows"
    )
    assert attempts(probe(database_url))[-1] == ("apply", 2, "interrupted", [(1, None), (3, done)])
    ensure_migrations(database_url, folder, backup="never")
    assert probe(database_url).value("SELECT count(*) FROM new") == 40


def test_an_interrupt_while_the_next_batch_waits_for_the_lock_forgets_none_that_is_committed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    held = ExitStack()

    def stop(event: Event) -> None:
        if event.progress:
            holder = held.enter_context(connect(database_url))
            held.enter_context(holder.transaction("schema_migrations", wait=5, on_wait=print))
        elif "waiting for the lock" in event.text:
            held.close()
            raise KeyboardInterrupt

    with held, pytest.raises(KeyboardInterrupt) as caught:
        ensure_migrations(database_url, folder, on_event=stop, backup="never")
    assert probe(database_url).value("SELECT count(*) FROM new") == 10
    (note,) = caught.value.__notes__
    assert "(1 of 3 statements done, and 10 of about 40 rows of line 3, in 1 batch)" in note
    assert attempts(probe(database_url))[-1] == ("apply", 2, "interrupted", [(1, None), (3, 10)])


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Raise a KeyboardInterrupt right behind the commit of a transaction, said by its number from 1."""

    def arm(number: int) -> None:
        opened, seen = Job.transaction, []

        @contextmanager
        def transaction(job: Job, **how: Any) -> Iterator[None]:
            with opened(job, **how):
                yield
            seen.append(job)
            if len(seen) == number:
                raise KeyboardInterrupt

        monkeypatch.setattr(Job, "transaction", transaction)

    return arm


def test_an_interrupt_right_behind_a_batch_s_commit_forgets_none_that_is_committed(
    database_url: str, migrations: WriteMigrations, probe: Probes, interrupted: Callable[[int], None]
) -> None:
    folder = migrations(TABLES)
    ensure_migrations(database_url, folder, backup="never")
    migrations(BATCH)
    interrupted(3)  # the step is begun, its first statement, a batch
    with pytest.raises(KeyboardInterrupt) as caught:
        ensure_migrations(database_url, folder, backup="never")
    assert probe(database_url).value("SELECT count(*) FROM new") == 10
    (note,) = caught.value.__notes__
    assert "(1 of 3 statements done, and 10 of about 40 rows of line 3, in 1 batch)" in note
    assert attempts(probe(database_url))[-1] == ("apply", 2, "interrupted", [(1, None), (3, 10)])


def test_an_interrupt_right_behind_a_step_s_commit_does_not_call_it_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Probes, interrupted: Callable[[int], None]
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0001_a.rollback.sql": "DROP TABLE a;\n"})
    interrupted(2)  # the ledger is begun in a transaction of its own
    with pytest.raises(KeyboardInterrupt) as caught:
        ensure_migrations(database_url, folder, backup="never")
    assert caught.value.__notes__ == ["0001_a stands applied; run again to go on"]
    interrupted(1)
    with pytest.raises(KeyboardInterrupt) as caught:
        roll_back(database_url, folder, to=0)
    assert caught.value.__notes__ == ["0001_a is rolled back; run again to go on"]
    assert [attempt[:3] for attempt in attempts(probe(database_url))] == [
        ("apply", 1, "success"),
        ("rollback", 1, "success"),
    ]
    assert "a" not in probe(database_url).tables()


def test_a_run_that_only_waited_for_the_lock_says_that_it_began_no_step(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute("CREATE TABLE standing (x INTEGER)")
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    with connect(database_url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        process = cli.start("migrate", "-d", database_url, "--dir", folder)
        assert process.stderr is not None
        while "waiting for the lock" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert process.stderr.read() == "interrupted: the step that was next was not begun; run again to go on\n"
    assert probe(database_url).tables() == {"standing"}
