"""An ALTER TABLE behind a long-running reader: the others go on reading, and the step waits in short tries."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sessmig import LockError, ensure_migrations
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.rehearse import rehearse
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.locks.holding import Heard, Readers, holding
from tests.run.doing import log, migrate, roll_back, status

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo')"
READ = "SELECT count(*) FROM users"
STEP = "-- an address for each\nCREATE TABLE marks (x INTEGER);\nINSERT INTO marks VALUES (1);\n"
ALTER = {"0001_email.sql": f"{STEP}ALTER TABLE users ADD COLUMN email TEXT;\n"}
Probes = Callable[[str], Probe]


def _columns(seen: Probe) -> list[Any]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'users' ORDER BY ordinal_position"
    return [name for (name,) in seen.rows(query)]


def test_other_readers_go_on_while_the_step_waits_and_it_succeeds_when_the_reader_goes(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    folder = migrations(ALTER)
    with holding(postgres_url, READ) as reader, Readers(postgres_url, READ) as others:
        reads: list[int] = []

        def release() -> None:
            reads.append(others.reads)
            reader.execute("COMMIT")

        heard = Heard(3, release)
        report = ensure_migrations(postgres_url, folder, on_event=heard)
    assert report.applied == 1
    assert others.errors == []
    # Without the schedule the first of them would have stood behind the ALTER TABLE until the reader went.
    assert reads[0] > 0
    assert _columns(seen) == ["id", "name", "email"]
    assert seen.value("SELECT count(*) FROM marks") == 1
    assert [(version, outcome) for version, _, outcome, _ in log(seen)] == [(1, "success")]


def test_who_is_in_the_way_is_named_before_each_sleep_but_not_what_it_asks(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(USERS)
    folder = migrations(ALTER)
    with holding(postgres_url, f"{READ} WHERE name = 'a secret'") as reader:
        heard = Heard(2, lambda: reader.execute("COMMIT"))
        ensure_migrations(postgres_url, folder, on_event=heard)
        pid = reader.info.backend_pid
    path = re.escape(str(folder / "0001_email.sql"))
    who = rf"held by pid {pid}, application night report, its transaction open for [\d.]+ m?s, idle in transaction"
    assert len(heard.texts) == 2
    for text, timeout in zip(heard.texts, ("0.1", "0.2"), strict=True):
        assert re.fullmatch(
            rf"{path}:4: a lock was not had within {re.escape(timeout)} s, {who}; next try in 0\.\d s", text
        )
    assert "secret" not in "".join(heard.texts)


def test_it_gives_up_in_words_when_the_reader_does_not_go_and_nothing_stays(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    before = seen.snapshot()
    folder = migrations(ALTER)
    with holding(postgres_url, READ) as reader:
        with pytest.raises(LockError) as caught:
            migrate(postgres_url, folder, lock_wait=0.5)
        pid = reader.info.backend_pid
    what, excerpt, who, holds, remedy = str(caught.value).split("\n")
    assert what == f"{folder / '0001_email.sql'}:4: canceling statement due to lock timeout"
    assert excerpt == "    4 | ALTER TABLE users ADD COLUMN email TEXT;"
    assert re.fullmatch(
        rf"Others were in the way, in \d tries within 0\.5 s; at last held by pid {pid}, application night report, "
        r"its transaction open for .+, idle in transaction\.",
        who,
    )
    assert holds == "The database holds what it held before; nothing of 0001_email stays."
    assert remedy == "Run again when they are done, or end them, or wait longer (--lock-wait, lock_wait)."
    assert caught.value.exit_code == 5
    assert seen.snapshot() == before
    ((version, action, outcome, detail),) = log(seen)
    assert (version, action, outcome) == (1, "apply", "failed")
    assert "Others were in the way" in detail["error"]
    assert [standing.state for standing in status(postgres_url, folder).standings] == ["pending"]
    assert ensure_migrations(postgres_url, folder).applied == 1


def test_the_command_line_says_who_is_waited_for_and_ends_with_5(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    with holding(postgres_url, READ) as reader:
        done = cli("migrate", "-d", postgres_url, "--dir", migrations(ALTER), "--lock-wait", "0.5")
        pid = reader.info.backend_pid
    assert done.returncode == 5
    assert f"a lock was not had within 0.1 s, held by pid {pid}, application night report" in done.stderr
    assert "The database holds what it held before; nothing of 0001_email stays." in done.stderr
    assert "Traceback" not in done.stderr
    assert _columns(seen) == ["id", "name"]


@pytest.mark.parametrize("way", ["single_transaction", "dry_run"])
def test_a_run_in_one_transaction_has_one_try_and_then_gives_up_in_words(
    postgres_url: str, migrations: WriteMigrations, probe: Probes, way: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    folder = migrations(ALTER)
    with holding(postgres_url, READ) as reader:
        heard = Heard()
        options: dict[str, Any] = {way: True}
        with pytest.raises(LockError) as caught:
            migrate(postgres_url, folder, lock_wait=0.3, on_event=heard, **options)
        pid = reader.info.backend_pid
    assert heard.texts == []
    message = str(caught.value)
    assert message.startswith(f"{folder / '0001_email.sql'}:4: canceling statement due to lock timeout\n")
    assert f"Others were in the way: held by pid {pid}, application night report, " in message
    assert "In one transaction there is one try, with a lock_timeout of 0.3 s." in message
    assert "The database holds what it held before: " in message
    assert _columns(seen) == ["id", "name"]
    assert "marks" not in seen.tables()


def test_a_rollback_waits_in_the_same_way(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    back = "-- sessmig: may-lose users.email, marks\nDROP TABLE marks;\nALTER TABLE users DROP COLUMN email;\n"
    folder = migrations(ALTER | {"0001_email.rollback.sql": back})
    ensure_migrations(postgres_url, folder)
    with holding(postgres_url, READ) as reader:
        heard = Heard(2, lambda: reader.execute("COMMIT"))
        report = roll_back(postgres_url, folder, on_event=heard)
        assert f"held by pid {reader.info.backend_pid}, application night report" in heard.texts[0]
    assert [step.outcome for step in report.steps] == ["undone"]
    assert _columns(seen) == ["id", "name"]


def test_a_rollback_gives_up_in_words_and_the_migration_stands(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    back = "-- sessmig: may-lose users.email, marks\nDROP TABLE marks;\nALTER TABLE users DROP COLUMN email;\n"
    folder = migrations(ALTER | {"0001_email.rollback.sql": back})
    ensure_migrations(postgres_url, folder)
    with holding(postgres_url, READ), pytest.raises(LockError) as caught:
        roll_back(postgres_url, folder, lock_wait=0.5)
    assert caught.value.what.startswith(f"{folder / '0001_email.rollback.sql'}:3: canceling statement due to")
    assert "0001_email stands as it did, and nothing of its rollback stays" in caught.value.holds
    assert _columns(seen) == ["id", "name", "email"]
    assert [standing.state for standing in status(postgres_url, folder).standings] == ["applied"]


def test_a_ledger_that_somebody_has_locked_is_waited_for_too(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    ensure_migrations(postgres_url, migrations(ALTER))
    folder = migrations({"0002_b.sql": "INSERT INTO marks VALUES (2);\n"})
    with holding(postgres_url, "LOCK TABLE schema_migrations IN SHARE MODE") as other:
        heard = Heard(2, lambda: other.execute("COMMIT"))
        assert ensure_migrations(postgres_url, folder, on_event=heard).applied == 1
        assert f"held by pid {other.info.backend_pid}, application night report" in heard.texts[0]
    assert seen.value("SELECT count(*) FROM marks") == 2


def test_a_rehearsal_on_the_database_itself_gives_up_with_5_and_leaves_nothing(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(postgres_url)
    seen.execute(USERS)
    before = seen.snapshot()
    folder = migrations(ALTER)
    with connect(postgres_url) as database, holding(postgres_url, READ), pytest.raises(LockError) as caught:
        rehearse(Job(database, folder, lock_wait=0.3))
    assert caught.value.what.startswith(f"{folder / '0001_email.sql'}:4: canceling statement due to lock timeout")
    assert caught.value.holds == "The database holds what it held before: it was a rehearsal."
    assert seen.snapshot() == before
