"""Old application code works on through step 4, and while the steps run; after 5 code that writes capitals does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sessmig import Event, Report
from tests.concurrently.alone import BUILDING, Aside, idle_transaction, until
from tests.fixtures.probe import Probe
from tests.learning import legacy, old_code
from tests.learning.legacy import message, opened, session

Probes = Callable[[str], Probe]


@pytest.fixture
def standing(postgres_url: str) -> str:
    """Sessions enough for more than one batch."""
    sessions = [session(f"s-{n:04}", updated_at=f"2026-01-05 12:{n % 60:02}:00") for n in range(2_500)]
    legacy.build(postgres_url, sessions, [message("m-1", "s-0001", "user"), message("m-2", "s-0002")])
    return postgres_url


def test_old_code_inserts_and_reads_as_before_after_each_of_the_steps_1_to_4(standing: str, probe: Probes) -> None:
    began = []
    with opened(standing) as client:
        for version in range(5):
            if version:
                legacy.carry_out(standing, to=version)
            began.append(old_code.talk(client))
            assert old_code.latest(client)[0] == began[-1]
    rows = {row["id"]: row for row in legacy.look(standing)["learning_sessions"]}
    new = [rows[name] for name in began]
    assert {(row["type"], row["status"], row["mode"]) for row in new} == {("LEARNING", "ACTIVE", "TUTOR")}
    assert all(row["last_activity_at"] for row in new)
    assert {str(row["metadata"]) for row in legacy.look(standing)["learning_messages"]} == {"{}"}


def test_what_old_code_inserts_between_2_and_3_gets_the_present_moment_and_keeps_it(
    standing: str, probe: Probes
) -> None:
    legacy.carry_out(standing, to=2)
    database = probe(standing)
    with opened(standing) as client:
        name = old_code.talk(client)
        client.execute("UPDATE learning_sessions SET updated_at = '2026-01-01' WHERE id = %s", (name,))
    activity = f"SELECT last_activity_at FROM learning_sessions WHERE id = '{name}'"
    just_now = database.value(activity)
    assert database.value(f"SELECT ({activity}) BETWEEN LOCALTIMESTAMP - INTERVAL '1 hour' AND LOCALTIMESTAMP")
    legacy.carry_out(standing, to=3)
    assert database.value(activity) == just_now


def test_rows_that_others_write_while_the_batches_run_are_not_set_back(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=2)
    database = probe(standing)
    new: list[str] = []

    def write(event: Event) -> None:
        if event.kind != "progress" or new:
            return
        with opened(standing) as client:
            new.append(old_code.talk(client))
            # Old code uses sessions before and behind the place where the batches stand.
            old_code.say(client, "s-0001")
            old_code.say(client, "s-2400")
            # New code knows the column.
            client.execute("UPDATE learning_sessions SET last_activity_at = '2030-01-01' WHERE id = 's-2450'")
            # And a key that comes in behind that place.
            client.execute(
                "INSERT INTO learning_sessions (id, user_id, updated_at, last_activity_at) "
                "VALUES ('s-0000-late', 'ada', '2026-01-03', NULL)"
            )

    legacy.carry_out(standing, to=3, on_event=write)
    assert len(new) == 1
    rows = {row["id"]: row for row in legacy.look(standing)["learning_sessions"]}
    assert rows["s-0001"]["last_activity_at"] == "2026-01-05T12:01:00"
    assert rows["s-0001"]["updated_at"] > rows["s-0001"]["last_activity_at"]
    assert rows["s-2400"]["last_activity_at"] == rows["s-2400"]["updated_at"] != "2026-01-05T12:00:00"
    assert rows["s-2450"]["last_activity_at"] == "2030-01-01T00:00:00"
    assert rows["s-0000-late"]["last_activity_at"] == "2026-01-03T00:00:00"
    assert rows[new[0]]["last_activity_at"] > "2026-01-05T13"
    assert database.value("SELECT count(*) FROM learning_sessions WHERE last_activity_at IS NULL") == 0


class _Client:
    """An application that talks all the while, on a connection of its own, until it is told to stop."""

    def __init__(self, url: str) -> None:
        self.talks = 0
        self._url = url
        self._over = threading.Event()
        self._work = Aside(self._go_on)

    def _go_on(self) -> None:
        with opened(self._url) as client:
            while not self._over.is_set():
                name = old_code.talk(client)
                assert name in old_code.latest(client)
                self.talks += 1
                time.sleep(0.02)  # a hundred clients' worth, and not all that two processors can do

    def demand_another(self) -> None:
        """Wait until it has talked once more, from beginning to end."""
        least = self.talks + 2
        until(lambda: self.talks >= least or self._work.is_over)

    def ended(self) -> None:
        self._over.set()
        self._work.ended()


@contextmanager
def _talking(url: str) -> Iterator[_Client]:
    client = _Client(url)
    try:
        yield client
    finally:
        client.ended()


def test_a_second_client_reads_and_writes_while_steps_1_to_4_run_and_none_of_its_queries_fails(
    standing: str, probe: Probes
) -> None:
    seen = set()

    with _talking(standing) as client:

        def between(event: Event) -> None:
            if event.kind in ("step", "progress", "done"):
                seen.add((event.kind, event.title))
                client.demand_another()

        report = legacy.carry_out(standing, to=4, on_event=between)
    assert [step.title for step in report.steps] == list(legacy.TITLES[:4])
    assert {(kind, title) for kind in ("step", "done") for title in legacy.TITLES[:4]} <= seen
    assert ("progress", legacy.TITLES[2]) in seen
    said = probe(standing).value("SELECT sum(message_count) FROM learning_sessions WHERE title = 'Old code'")
    assert said == client.talks


def test_others_read_and_write_while_the_indexes_are_built(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=3)
    database = probe(standing)
    database.execute("CREATE TABLE elsewhere (id INTEGER GENERATED ALWAYS AS IDENTITY)")
    with idle_transaction(standing, "elsewhere") as thinker, opened(standing) as client:
        thinker.execute("SELECT count(*) FROM learning_sessions")  # CONCURRENTLY waits for whoever has read before
        thinker.execute("INSERT INTO users VALUES ('thinker', 'thinker@example.org')")
        thinker.execute("UPDATE learning_sessions SET title = 'Thinking' WHERE id = 's-0001'")
        building = Aside(lambda: legacy.carry_out(standing, to=4))
        until(lambda: building.is_over or database.rows(BUILDING))
        assert not building.is_over
        name = old_code.talk(client)
        assert old_code.latest(client)[0] == name
        assert database.rows(BUILDING), "it was still building"
        thinker.execute("COMMIT")
        report = building.ended()
    assert isinstance(report, Report)
    assert report.applied == 1


def test_after_step_5_code_that_writes_roles_in_capitals_goes_on_and_other_code_is_refused(
    standing: str, probe: Probes
) -> None:
    import psycopg

    legacy.carry_out(standing)
    with opened(standing) as client:
        for role in ("USER", "ASSISTANT", "SYSTEM"):
            assert old_code.latest(client)[:1] != [old_code.talk(client, role=role)]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation, match='enum "MessageRole": "user"'):
            old_code.talk(client, role="user")
    assert probe(standing).rows(
        "SELECT role::text, count(*) FROM learning_messages GROUP BY role ORDER BY role::text"
    ) == [("ASSISTANT", 1), ("SYSTEM", 1), ("USER", 3)]


def test_what_is_written_until_step_5_has_its_lock_comes_along_and_is_no_difference(
    standing: str, probe: Probes
) -> None:
    legacy.carry_out(standing, to=4)
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 'learning_messages'::regclass AND NOT granted"
    database = probe(standing)
    with opened(standing) as writer:
        writer.execute("BEGIN")
        writer.execute(
            "INSERT INTO learning_messages (id, session_id, role, content) VALUES ('late', 's-0001', 'user', 'Late')"
        )
        migrating = Aside(lambda: legacy.carry_out(standing))
        until(lambda: migrating.is_over or database.rows(waiting))
        assert not migrating.is_over
        writer.execute("COMMIT")
    assert isinstance(report := migrating.ended(), Report)
    assert report.applied == 1
    assert database.rows("SELECT role::text FROM learning_messages WHERE id = 'late'") == [("USER",)]
    assert database.rows("SELECT role FROM learning_message_roles_before WHERE message_id = 'late'") == [("user",)]


def test_what_a_client_has_prepared_before_serves_through_step_4_and_after_step_5_it_has_to_connect_anew(
    standing: str,
) -> None:
    import psycopg

    query = "SELECT id, role, content FROM learning_messages WHERE session_id = %s"
    with opened(standing) as client:
        for version in range(5):
            if version:
                legacy.carry_out(standing, to=version)
            assert client.execute(query, ("s-0001",), prepare=True).fetchall() == [("m-1", "user", "Why?")]
        legacy.carry_out(standing)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change result type"):
            client.execute(query, ("s-0001",), prepare=True)
    with opened(standing) as client:
        assert client.execute(query, ("s-0001",), prepare=True).fetchall() == [("m-1", "USER", "Why?")]
        with pytest.raises(psycopg.errors.UndefinedFunction, match='"MessageRole" = text'):
            client.execute("SELECT id FROM learning_messages WHERE role = CAST(%s AS TEXT)", ("USER",))
        found = client.execute("SELECT id FROM learning_messages WHERE role = %s", ("USER",))
        assert found.fetchall() == [("m-1",), ("m-2",)]
