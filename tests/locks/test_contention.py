"""Row locks, deadlocks, serialization failures: the whole step is run again, and nothing of a try that failed stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, LockError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.locks.holding import Heard, holding, running, until, until_waiting
from tests.run.doing import log, migrate

TABLES = """
CREATE TABLE marks (x INTEGER);
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO notes VALUES (1, 'one'), (2, 'two');
CREATE SEQUENCE tries;"""
LOCKED = "SELECT count(*) FROM pg_locks WHERE relation = 'notes'::regclass AND mode = 'AccessExclusiveLock' AND granted"
MARK = "INSERT INTO marks VALUES (1);\n"
Probes = Callable[[str], Probe]


def test_a_row_that_somebody_is_writing_is_waited_for_and_neither_change_is_lost(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    folder = migrations({"0001_a.sql": f"{MARK}UPDATE notes SET text = text || '!' WHERE id = 1;\n"})
    with holding(postgres_url, "UPDATE notes SET text = 'uno' WHERE id = 1") as writer:
        heard = Heard(2, lambda: writer.execute("COMMIT"))
        assert ensure_migrations(postgres_url, folder, on_event=heard).applied == 1
        assert f":2: a lock was not had within 0.1 s, held by pid {writer.info.backend_pid}, " in heard.texts[0]
    assert seen.rows("SELECT text FROM notes ORDER BY id") == [("uno!",), ("two",)]
    assert seen.value("SELECT count(*) FROM marks") == 1


def test_a_file_s_own_lock_table_is_waited_for_in_short_tries(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    folder = migrations({"0001_a.sql": f"LOCK TABLE notes IN SHARE MODE;\n{MARK}"})
    with holding(postgres_url, "UPDATE notes SET text = 'uno' WHERE id = 1") as writer:
        heard = Heard(2, lambda: writer.execute("COMMIT"))
        assert ensure_migrations(postgres_url, folder, on_event=heard).applied == 1
        assert f":1: a lock was not had within 0.1 s, held by pid {writer.info.backend_pid}, " in heard.texts[0]
    assert seen.value("SELECT count(*) FROM marks") == 1


def test_a_deadlock_in_which_the_step_is_the_victim_is_run_again(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(f"{TABLES} CREATE TABLE gate (x INTEGER)")
    # In the first try the step lets the other one wait for it, before it waits for the other one.
    meet = (
        "DO $$ BEGIN IF nextval('tries') = 1 THEN\n"
        "  WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'notes'::regclass) LOOP\n"
        "    PERFORM pg_sleep(0.01);\n  END LOOP;\nEND IF; END $$;\n"
    )
    step = (
        f"SET deadlock_timeout = '10ms';\nSET lock_timeout = '30s';\n{MARK}LOCK TABLE notes;\n{meet}LOCK TABLE gate;\n"
    )
    folder = migrations({"0001_a.sql": step})
    heard = Heard()
    # The other one never looks for a deadlock: the victim is always the step.
    with holding(postgres_url, "SET LOCAL deadlock_timeout = '1h'", "LOCK TABLE gate IN SHARE MODE") as other:

        def meeting() -> None:
            until(lambda: seen.value(LOCKED))
            other.execute("LOCK TABLE notes IN SHARE MODE")
            other.execute("COMMIT")

        with running(meeting) as met:
            assert ensure_migrations(postgres_url, folder, on_event=heard).applied == 1
        met.result()
    assert "0001_a.sql:10: a deadlock with others" in heard.texts[0]
    assert seen.value("SELECT count(*) FROM marks") == 1
    assert [(version, outcome) for version, _, outcome, _ in log(seen)] == [(1, "success")]


def test_a_serialization_failure_is_run_again(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    seen = probe(postgres_url)
    seen.execute(
        f"{TABLES} CREATE TABLE parted (id INTEGER, part INTEGER, text TEXT) PARTITION BY LIST (part);"
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);"
        "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);"
        "INSERT INTO parted VALUES (1, 1, 'x')"
    )
    step = f"SET lock_timeout = '30s';\n{MARK}UPDATE parted SET text = text || '!' WHERE id = 1;\n"
    folder = migrations({"0001_a.sql": step})
    heard = Heard()
    with holding(postgres_url, "UPDATE parted SET part = 2 WHERE id = 1") as other:
        with running(lambda: ensure_migrations(postgres_url, folder, on_event=heard)) as run:
            until_waiting(seen)
            other.execute("COMMIT")
        assert run.result().applied == 1
    assert len(heard.texts) == 1
    assert "0001_a.sql:3: what others wrote at the same time was in the way" in heard.texts[0]
    assert seen.rows("SELECT part, text FROM parted") == [(2, "x!")]
    assert seen.value("SELECT count(*) FROM marks") == 1


def test_a_failure_that_is_nobody_else_s_doing_is_not_tried_again(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    folder = migrations({"0001_a.sql": "SELECT nextval('tries');\nINSERT INTO notes VALUES (1, 'again');\n"})
    with pytest.raises(Exception, match="duplicate key"):
        ensure_migrations(postgres_url, folder)
    assert seen.value("SELECT last_value FROM tries") == 1


def test_contention_that_never_ends_is_tried_for_as_long_as_asked_and_told_with_the_number_of_tries(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    body = "PERFORM nextval('tries'); RAISE EXCEPTION 'not now' USING ERRCODE = '40001'"
    folder = migrations({"0001_a.sql": f"{MARK}DO $$ BEGIN {body}; END $$;\n"})
    with pytest.raises(LockError) as caught:
        migrate(postgres_url, folder, lock_wait=0.5)
    tries = seen.value("SELECT last_value FROM tries")
    assert tries > 1
    assert caught.value.what.startswith(f"{folder / '0001_a.sql'}:2: not now")
    assert f"Others were in the way, in {tries} tries within 0.5 s." in caught.value.what
    assert caught.value.holds == "The database holds what it held before; nothing of 0001_a stays."
    assert seen.value("SELECT count(*) FROM marks") == 0


def test_a_check_that_cannot_be_asked_for_somebody_s_lock_is_asked_again_and_not_taken_for_failed(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    verify = "-- require: there are notes\n-- expect: some\nSELECT 1 FROM notes;\n"
    folder = migrations({"0001_a.sql": MARK, "0001_a.verify.sql": verify})
    with holding(postgres_url, "LOCK TABLE notes") as other:
        heard = Heard(2, lambda: other.execute("COMMIT"))
        assert ensure_migrations(postgres_url, folder, on_event=heard).applied == 1
        assert f"held by pid {other.info.backend_pid}, application night report" in heard.texts[0]
    assert seen.value("SELECT count(*) FROM marks") == 1


def test_the_loss_guard_is_not_blinded_by_somebody_s_lock(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLES)
    folder = migrations({"0001_a.sql": f"{MARK}DROP TABLE notes;\n"})
    with holding(postgres_url, "LOCK TABLE notes") as other:
        heard = Heard(2, lambda: other.execute("COMMIT"))
        with pytest.raises(CheckError, match="2 rows"):
            ensure_migrations(postgres_url, folder, on_event=heard)
    assert len(heard.texts) >= 2
    assert seen.value("SELECT count(*) FROM notes") == 2
    assert seen.value("SELECT count(*) FROM marks") == 0


def test_what_others_wrote_between_two_tries_is_migrated_too(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(f"{TABLES} CREATE TABLE copies (id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE gate (x INTEGER)")
    step = "INSERT INTO copies SELECT id, text FROM notes;\nLOCK TABLE gate;\n"
    verify = "-- merge: notes into copies on id comparing text\n"
    folder = migrations({"0001_a.sql": step, "0001_a.verify.sql": verify})
    with holding(postgres_url, "LOCK TABLE gate") as other:

        def write() -> None:
            with connect(postgres_url) as writer:
                writer.execute("INSERT INTO notes VALUES (3, 'late')")
            other.execute("COMMIT")

        report = ensure_migrations(postgres_url, folder, on_event=Heard(1, write))
    assert report.steps[0].merges[0].inserted == 3
    assert seen.rows("SELECT id FROM copies ORDER BY id") == [(1,), (2,), (3,)]
