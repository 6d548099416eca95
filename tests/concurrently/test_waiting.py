"""Who builds beside others waits for them by name, deadlocks with nobody, and can be broken off."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from sessmig import ConnectError, DatabaseError, LockError
from sessmig.databases import connect
from sessmig.model import Holder
from tests.concurrently.alone import BUILDING, LOCK, Aside, idle_transaction, nobody, one, run, run_at, until
from tests.concurrently.test_create import CREATE, INDEXES, TABLE, UNIQUE, Look
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.postgres import connect as connect_postgres

_LOCKS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"


def _child(url: str, sql: str, *, last_moment: str = "5s") -> subprocess.Popen[str]:
    """A process of its own that runs one statement, and says what it is told."""
    code = (
        f"from sessmig.databases import postgres_concurrently\npostgres_concurrently._LAST_MOMENT = {last_moment!r}\n"
        "import sys\nfrom sessmig.databases import connect\nfrom tests.concurrently.alone import LOCK, one\n"
        "class Said(list):\n    def append(self, text): print(text, flush=True)\n"
        "with connect(sys.argv[1]) as database, database.exclusive(LOCK, wait=30, on_wait=lambda holder: None):\n"
        "    one(database, sys.argv[2], said=Said())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, url, sql],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
    )


def test_a_build_waits_for_an_idle_transaction_and_says_for_whom(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    said: list[str] = []
    with idle_transaction(postgres_url, "people") as thinker:
        building = Aside(lambda: run_at(postgres_url, CREATE, said=said))
        until(lambda: said)
        assert not building.is_over
        pid = thinker.info.backend_pid
        thinker.execute("COMMIT")
        building.ended()
    assert re.fullmatch(
        rf"building the index people_id on people: waiting for pid {pid}, application thinker, idle in transaction, "
        r"in a transaction for .*s",
        said[0],
    )
    assert "INSERT" not in "".join(said)
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_an_owner_without_rights_to_look_at_others_is_still_told_whom_it_waits_for(
    postgres_url: str, postgres_server: PostgresServer, probe: Look
) -> None:
    seen, role = probe(postgres_url), postgres_server.new_role()
    seen.execute(TABLE)
    seen.execute(f'ALTER TABLE people OWNER TO "{role}"')
    seen.execute(f'GRANT CREATE ON SCHEMA public TO "{role}"')
    url, said = postgres_server.url(postgres_url, user=role), list[str]()
    with idle_transaction(postgres_url, "people") as thinker:
        building = Aside(lambda: run_at(url, CREATE, said=said))
        until(lambda: said)
        pid = thinker.info.backend_pid
        thinker.execute("COMMIT")
        building.ended()
    assert said[0] == f"building the index people_id on people: waiting for pid {pid}, application thinker"
    assert run_at(url, CREATE) == (
        "NOTICE: the index public.people_id is there already, valid and as asked: not built again",
    )


def test_where_no_second_connection_is_to_be_had_the_index_is_built_in_silence(
    postgres_url: str, postgres_server: PostgresServer, probe: Look
) -> None:
    seen, role = probe(postgres_url), postgres_server.new_role()
    seen.execute(TABLE)
    seen.execute(f'ALTER TABLE people OWNER TO "{role}"')
    seen.execute(f'GRANT CREATE ON SCHEMA public TO "{role}"')
    seen.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 1')
    seen.execute(
        "CREATE FUNCTION slow (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(1.5); RETURN i; END'"
    )
    seen.execute("INSERT INTO people DEFAULT VALUES")
    said: list[str] = []
    sql = "CREATE INDEX CONCURRENTLY people_id ON people (slow(id))"
    run_at(postgres_server.url(postgres_url, user=role), sql, said=said)
    assert said == []
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_a_drop_waits_for_an_idle_transaction_and_says_for_whom(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute(CREATE)
    said: list[str] = []
    with idle_transaction(postgres_url, "people") as thinker:
        dropping = Aside(lambda: run_at(postgres_url, "DROP INDEX CONCURRENTLY people_id", said=said))
        until(lambda: said)
        pid = thinker.info.backend_pid
        thinker.execute("COMMIT")
        dropping.ended()
    assert said[0].startswith(f"dropping the index people_id: waiting for pid {pid}, application thinker, idle in tra")
    assert seen.rows(INDEXES) == []


def test_a_long_build_tells_its_phase_and_how_far_it_is(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute(
        "CREATE FUNCTION slow (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.02); RETURN i; END'"
    )
    seen.execute("INSERT INTO people SELECT n, repeat('x', 2000) FROM generate_series(1, 100) AS n")
    said: list[str] = []
    run_at(postgres_url, "CREATE INDEX CONCURRENTLY people_id ON people (slow(id))", said=said)
    assert re.fullmatch(
        r"building the index people_id on people: building index: scanning table, \d+ of \d+ blocks", said[0]
    )


@pytest.mark.parametrize("session", [True, False], ids=["over all statements", "for one transaction"])
def test_a_runner_that_waits_for_the_lock_meanwhile_is_no_deadlock(
    postgres_url: str, probe: Look, session: bool
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    waited: list[Holder] = []

    def second() -> None:
        with connect(postgres_url) as database:
            hold = database.exclusive if session else database.transaction
            with hold(LOCK, wait=60, on_wait=waited.append):
                # By then the other one is done.
                assert database.query(INDEXES).rows == (("people_id", True),)

    with idle_transaction(postgres_url, "people") as thinker:
        first = Aside(lambda: run_at(postgres_url, CREATE))
        until(lambda: seen.rows(BUILDING))
        pid = seen.value(BUILDING)
        behind = Aside(second)
        until(lambda: len(waited) > 3)
        assert (first.is_over, behind.is_over) == (False, False)
        thinker.execute("COMMIT")
        first.ended()
        behind.ended()
    assert {holder.pid for holder in waited} == {pid}
    assert {holder.application for holder in waited} == {"sessmig"}
    assert seen.rows(_LOCKS) == []


def test_of_two_runners_at_once_one_builds_and_the_other_passes_it_over(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    with idle_transaction(postgres_url, "people") as thinker:
        two = [Aside(lambda: run_at(postgres_url, CREATE)) for _ in range(2)]
        until(lambda: seen.rows(BUILDING))
        thinker.execute("COMMIT")
        ended = sorted(map(str, (each.ended() for each in two)))
    assert ended[0].startswith("('NOTICE: the index public.people_id is there already, valid and as asked")
    assert ended[1] == "()"
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_an_index_that_somebody_else_is_building_is_waited_for_and_not_dropped(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    said: list[str] = []
    with idle_transaction(postgres_url, "people") as thinker, connect_postgres(postgres_url) as by_hand:
        other = Aside(lambda: by_hand.execute(CREATE.encode()))
        until(lambda: seen.rows(INDEXES))
        ours = Aside(lambda: run_at(postgres_url, CREATE, said=said))
        until(lambda: said)
        thinker.execute("COMMIT")
        other.ended()
        notices = ours.ended()
        assert said == [
            f"the index public.people_id: waiting for pid {by_hand.info.backend_pid}, which is at work on it"
        ]
    assert notices == ("NOTICE: the index public.people_id is there already, valid and as asked: not built again",)
    assert seen.rows(INDEXES) == [("people_id", True)]


def test_ctrl_c_cancels_the_build_on_the_server_and_leaves_no_invalid_index(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute(
        "CREATE FUNCTION slow (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(600); RETURN i; END'"
    )
    seen.execute("INSERT INTO people DEFAULT VALUES")
    child = _child(postgres_url, "CREATE INDEX CONCURRENTLY people_id ON people (slow(id))")
    until(lambda: seen.rows(f"{BUILDING} AND phase = 'building index: scanning table'"))
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert (seen.rows(BUILDING), seen.rows(INDEXES), seen.rows(_LOCKS)) == ([], [], [])


def test_ctrl_c_while_somebody_is_in_the_way_of_the_cleaning_says_what_is_left(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    with idle_transaction(postgres_url, "people"):
        child = _child(postgres_url, CREATE, last_moment="0.5s")
        until(lambda: seen.rows(f"{BUILDING} AND phase LIKE 'waiting for%'"))
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate()
        assert said.splitlines()[-1] == ("the index public.people_id is left, and is not valid; the next run drops it")
        assert seen.rows(INDEXES) == [("people_id", False)]
    run_at(postgres_url, CREATE, resumed=True)
    assert seen.rows(INDEXES) == [("people_id", True)]


@pytest.mark.parametrize("round_", range(3))
def test_a_build_that_is_killed_in_the_middle_is_built_anew_by_the_next_run(
    postgres_url: str, probe: Look, round_: int
) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("INSERT INTO people SELECT n FROM generate_series(1, 100) AS n")
    phase = (
        "waiting for writers before build",
        "building index: scanning table",
        "waiting for writers before validation",
    )
    with idle_transaction(postgres_url, "people") as thinker:
        slow = "id"
        if round_ == 1:
            seen.execute(
                "CREATE FUNCTION slow (i INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_sleep((SELECT seconds FROM public.naps)); RETURN i; END'"
            )
            seen.execute("CREATE TABLE naps AS SELECT 60 AS seconds")
            thinker.execute("COMMIT")
            slow = "slow(id)"
        sql = f"CREATE INDEX CONCURRENTLY people_id ON people ({slow})"
        child = _child(postgres_url, sql)
        if round_ == 2:
            until(lambda: seen.rows(BUILDING))
            # A writer that comes while it waits for the first is waited for behind the build.
            with idle_transaction(postgres_url, "people"):
                thinker.execute("COMMIT")
                until(lambda: seen.rows(f"{BUILDING} AND phase = '{phase[round_]}'"))
                child.kill()
                child.communicate()
        else:
            until(lambda: seen.rows(f"{BUILDING} AND phase = '{phase[round_]}'"))
            child.kill()
            child.communicate()
            if round_ == 1:
                seen.execute("UPDATE naps SET seconds = 0")
        if round_ == 0:
            # The server notices that its client is gone, though somebody is in the way.
            until(lambda: not seen.rows(BUILDING))
            thinker.execute("COMMIT")
    run_at(postgres_url, sql, resumed=True)
    assert seen.rows(INDEXES) == [("people_id", True)]
    assert seen.value("SELECT count(*) FROM people WHERE id > 0") == 100


def test_behind_a_pooler_the_lock_is_refused_with_the_reason(postgres_url: str, pgbouncer: Pooler, probe: Look) -> None:
    url = pgbouncer(postgres_url)
    with connect(url) as database, pytest.raises(ConnectError) as caught:
        run(database, CREATE)
    assert str(caught.value).splitlines() == [
        f"{url}: a pooler stands before the server (PgBouncer, or one like it): what one session sends may go to "
        "several server processes, and the lock that a no-transaction file needs over all of its statements would be "
        "nobody's",
        "Give the server's own address for this run (-d, DATABASE_URL).",
    ]
    assert probe(postgres_url).tables() == set()
    assert probe(postgres_url).rows(_LOCKS) == []


def test_the_lock_is_let_go_after_a_failure_and_the_session_left_as_it_was(postgres_url: str, probe: Look) -> None:
    seen = probe(postgres_url)
    seen.execute(TABLE)
    seen.execute("INSERT INTO people VALUES (1), (1)")
    shown = "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name"
    with connect_postgres(postgres_url) as theirs:
        theirs.execute("SET lock_timeout = '77s'")
        theirs.execute("SET client_connection_check_interval = '9s'")
        before = theirs.execute(shown).fetchall()
        with connect(theirs) as database, pytest.raises(DatabaseError, match="could not create unique index"):
            run(database, UNIQUE)
        assert theirs.execute(shown).fetchall() == before
        assert seen.rows(_LOCKS) == []


def test_who_does_not_get_the_lock_in_time_gives_up_and_names_the_holder(postgres_url: str) -> None:
    with connect(postgres_url) as first, first.exclusive(LOCK, wait=5, on_wait=nobody):
        pid = first.query("SELECT pg_backend_pid()").rows[0][0]
        for session in (True, False):
            with connect(postgres_url) as second:
                hold = second.exclusive if session else second.transaction
                with pytest.raises(LockError) as caught, hold(LOCK, wait=0.2, on_wait=lambda _: None):
                    pass
            assert caught.value.what.startswith(
                f"{postgres_url}: the lock was not had within 0.2 s; it is held by pid {pid!s}, application sessmig, "
            )
            assert ", since 2" in caught.value.what


def test_the_transactions_of_the_session_that_has_the_lock_do_not_wait(
    database_url: str, probe: Callable[[str], object]
) -> None:
    with connect(database_url) as database, database.exclusive(LOCK, wait=5, on_wait=nobody):
        for name in ("a", "b"):
            with database.transaction(LOCK, wait=0, on_wait=nobody):
                database.query(f"CREATE TABLE {name} (x INTEGER)")
        one(database, "VACUUM")
    assert probe(database_url).tables() == {"a", "b"}  # type: ignore[attr-defined]
