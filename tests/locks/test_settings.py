"""How long a statement waits: the schedule's lock_timeout, the session's own if shorter, the file's own always."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import LockError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.locks.holding import Heard, holding, running, until_waiting
from tests.run.doing import migrate

ASK = "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS lock_timeout;\n"
Probes = Callable[[str], Probe]


@pytest.mark.parametrize(("own", "found"), [("", "100ms"), ("50ms", "50ms"), ("7s", "100ms")])
def test_the_shorter_of_schedule_and_session_is_what_a_statement_waits(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, own: str, found: str
) -> None:
    url = f"{postgres_url}?options=-c%20lock_timeout%3D{own}" if own else postgres_url
    ensure_migrations(url, migrations({"0001_a.sql": ASK}))
    assert probe(postgres_url).value("SELECT lock_timeout FROM seen") == found


def test_a_file_s_own_lock_timeout_holds_from_there_on_and_no_further(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    step = f"SET lock_timeout = '20s';\nCREATE TABLE gone (x INTEGER);\n{ASK}"
    verify = "-- measure: in_checks\nSELECT current_setting('lock_timeout');\n"
    after = {"0002_b.sql": ASK.replace("TABLE seen", "TABLE seen_after")}
    with connect(postgres_url) as borrowed:
        borrowed.execute("SET lock_timeout = '9s'")
        report = ensure_migrations(borrowed, migrations({"0001_a.sql": step, "0001_a.verify.sql": verify} | after))
        assert borrowed.execute("SHOW lock_timeout").fetchone() == ("9s",)
    seen = probe(postgres_url)
    assert seen.value("SELECT lock_timeout FROM seen") == "20s"
    assert report.steps[0].measurements[0].value == "100ms"
    assert seen.value("SELECT lock_timeout FROM seen_after") == "100ms"


def test_a_file_that_says_how_long_to_wait_waits_so_long_in_one_try(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute("CREATE TABLE users (x INTEGER); CREATE SEQUENCE tries")
    step = "SET LOCAL lock_timeout = '60s';\nSELECT nextval('tries');\nALTER TABLE users ADD COLUMN y INTEGER;\n"
    folder = migrations({"0001_a.sql": step})
    heard = Heard()
    with holding(postgres_url, "SELECT count(*) FROM users") as reader:
        with running(lambda: ensure_migrations(postgres_url, folder, on_event=heard)) as run:
            until_waiting(seen)
            seen.execute("SELECT pg_sleep(0.5)")  # longer than the first two tries of the schedule
            reader.execute("COMMIT")
        assert run.result().applied == 1
    assert heard.texts == []
    assert seen.value("SELECT last_value FROM tries") == 1


def test_a_borrowed_connection_has_its_own_setting_again_also_after_a_lock_that_was_not_had(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute("CREATE TABLE users (x INTEGER)")
    folder = migrations({"0001_a.sql": "SET lock_timeout = 77;\nALTER TABLE users ADD COLUMN y INTEGER;\n"})
    with connect(postgres_url) as borrowed, holding(postgres_url, "SELECT count(*) FROM users"):
        with pytest.raises(LockError):
            ensure_migrations(borrowed, folder, lock_wait=0.3)
        assert borrowed.execute("SELECT setting, source FROM pg_settings WHERE name = 'lock_timeout'").fetchall() == [
            ("0", "default")
        ]


def test_behind_a_pooler_nothing_of_it_reaches_the_next_client(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, pgbouncer: Pooler
) -> None:
    url = pgbouncer(postgres_url)
    seen = probe(postgres_url)
    seen.execute("CREATE TABLE users (x INTEGER)")
    folder = migrations({"0001_a.sql": "SET lock_timeout = 77;\nALTER TABLE users ADD COLUMN y INTEGER;\n"})
    with holding(postgres_url, "SELECT count(*) FROM users") as reader:
        heard = Heard(2, lambda: reader.execute("COMMIT"))
        assert ensure_migrations(url, folder, on_event=heard).applied == 1
    with connect(url) as next_client:
        assert next_client.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_without_any_wait_there_is_one_try(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    seen = probe(postgres_url)
    seen.execute("CREATE TABLE users (x INTEGER); CREATE SEQUENCE tries")
    folder = migrations({"0001_a.sql": "SELECT nextval('tries');\nALTER TABLE users ADD COLUMN y INTEGER;\n"})
    with holding(postgres_url, "SELECT count(*) FROM users"), pytest.raises(LockError, match="in 1 try within 0 s"):
        migrate(postgres_url, folder, lock_wait=0)
    assert seen.value("SELECT last_value FROM tries") == 1
    assert seen.value("SELECT is_called FROM tries") is True
