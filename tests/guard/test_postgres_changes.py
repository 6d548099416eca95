"""What PostgreSQL tells of the rows that a step inserted, updated and deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig.databases import connect as opened
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer, connect
from tests.fixtures.probe import Probe
from tests.guard.watching import listed, step, steps, transaction

SCHEMA = """
CREATE TABLE sessions (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id INTEGER REFERENCES sessions ON DELETE CASCADE, body TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_id INTEGER REFERENCES messages ON DELETE CASCADE);
INSERT INTO sessions SELECT n, 's' || n FROM generate_series(1, 10) AS n;
INSERT INTO messages SELECT n, (n + 1) / 2, 'm' || n FROM generate_series(1, 20) AS n;
INSERT INTO parts SELECT n, n FROM generate_series(1, 20) AS n;
"""
PARTITIONED = """
CREATE TABLE events (id INTEGER, year INTEGER, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE events_25 PARTITION OF events FOR VALUES IN (2025);
CREATE TABLE events_26 PARTITION OF events FOR VALUES IN (2026);
INSERT INTO events SELECT n, 2025 FROM generate_series(1, 5) AS n;
"""


@pytest.fixture
def url(postgres_url: str, probe: Callable[[str], Probe]) -> str:
    """A database with sessions, their messages, and the messages' parts."""
    probe(postgres_url).execute(SCHEMA)
    return postgres_url


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("INSERT INTO sessions VALUES (11, 'x'), (12, 'y');", {"sessions": (2, 0, 0)}),
        ("UPDATE sessions SET title = upper(title) WHERE id > 4;", {"sessions": (0, 6, 0)}),
        ("DELETE FROM parts WHERE id IN (1, 2, 3);", {"parts": (0, 0, 3)}),
        (
            "DELETE FROM sessions WHERE id <= 2;",
            {"sessions": (0, 0, 2), "messages": (0, 0, 4), "parts": (0, 0, 4)},
        ),
        (
            "WITH gone AS (DELETE FROM parts WHERE id < 5 RETURNING id) SELECT count(*) FROM gone;",
            {"parts": (0, 0, 4)},
        ),
        (
            "INSERT INTO sessions VALUES (1, 'again'), (11, 'new') ON CONFLICT (id) DO UPDATE SET title = 'met';",
            {"sessions": (1, 1, 0)},
        ),
        ("INSERT INTO sessions VALUES (1, 'x'), (11, 'y') ON CONFLICT DO NOTHING;", {"sessions": (1, 0, 0)}),
        ("CREATE TABLE copied AS SELECT * FROM sessions;", {"copied": (10, 0, 0)}),
        ("ALTER TABLE sessions ALTER COLUMN id TYPE BIGINT;", {}),
        ("ALTER TABLE sessions ADD COLUMN at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp();", {}),
        ("CREATE TEMP TABLE t (x INTEGER); INSERT INTO t VALUES (1), (2); DELETE FROM t WHERE x = 1;", {}),
        ("SELECT count(*) FROM sessions;", {}),
        (
            "SET search_path = pg_temp; SET client_min_messages = error; DELETE FROM public.parts WHERE id = 1;",
            {"parts": (0, 0, 1)},
        ),
        ("ALTER TABLE parts RENAME TO pieces; DELETE FROM pieces WHERE id = 1;", {"pieces": (0, 0, 1)}),
    ],
)
def test_the_counters_tell_what_was_done_by_whomever(
    text: str, told: dict[str, tuple[int, int, int]], url: str
) -> None:
    assert steps(url, text) == [told]


def test_a_merge_statement_is_told_by_what_it_did(url: str, probe: Callable[[str], Probe]) -> None:
    if int(probe(url).value("SELECT current_setting('server_version_num')")) < 150000:
        return
    text = """
        MERGE INTO sessions AS s USING (VALUES (1, 'a'), (2, 'b'), (11, 'c')) AS v (id, title) ON s.id = v.id
        WHEN MATCHED AND s.id = 1 THEN DELETE
        WHEN MATCHED THEN UPDATE SET title = v.title
        WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.title);"""
    assert steps(url, text) == [{"sessions": (1, 1, 1), "messages": (0, 0, 2), "parts": (0, 0, 2)}]


def test_rows_that_a_trigger_deletes_are_told(url: str, probe: Callable[[str], Probe]) -> None:
    probe(url).execute(
        "CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN DELETE FROM parts WHERE id > 15; RETURN NULL; END $$;"
        "CREATE TRIGGER tidies AFTER UPDATE ON sessions EXECUTE FUNCTION tidy()"
    )
    assert steps(url, "UPDATE sessions SET title = 'x' WHERE id = 1;") == [{"sessions": (0, 1, 0), "parts": (0, 0, 5)}]


def test_rows_copied_in_on_the_server_are_told(url: str) -> None:
    assert steps(url, "COPY parts (id) FROM PROGRAM 'echo 100; echo 101';") == [{"parts": (2, 0, 0)}]


def test_a_row_that_moves_between_partitions_is_told_of_both(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(PARTITIONED)
    assert steps(postgres_url, "UPDATE events SET year = 2026 WHERE id <= 2;") == [
        {"events_25": (0, 0, 2), "events_26": (2, 0, 0)}
    ]


def test_a_truncate_is_told_by_the_storage_alone(url: str) -> None:
    with transaction(url) as database:
        before = listed(database)["parts"]
        assert step(database, "TRUNCATE parts;") == {}
        after = listed(database)["parts"]
    assert after.identity == before.identity
    assert after.storage != before.storage


def test_a_truncate_of_what_the_step_before_has_made_is_told_too(url: str) -> None:
    """Such a table PostgreSQL empties on the spot, and its counters begin anew."""
    with transaction(url) as database:
        assert step(database, "CREATE TABLE made AS SELECT 1 AS x;") == {"made": (1, 0, 0)}
        before = listed(database)["made"]
        assert step(database, "TRUNCATE made; INSERT INTO made VALUES (2), (3), (4);") == {"made": (3, 0, 0)}
        after = listed(database)["made"]
        assert step(database, "DELETE FROM made WHERE x = 2;") == {"made": (0, 0, 1)}
    assert after.identity == before.identity
    assert after.storage != before.storage


def test_each_step_of_one_transaction_is_told_its_own(url: str) -> None:
    assert steps(
        url,
        "DELETE FROM parts WHERE id <= 3;",
        "DELETE FROM parts WHERE id <= 5; INSERT INTO parts VALUES (1, 1);",
        "UPDATE parts SET id = id;",
        "SELECT 1;",
    ) == [{"parts": (0, 0, 3)}, {"parts": (1, 0, 2)}, {"parts": (0, 16, 0)}, {}]


def test_what_the_same_connection_committed_before_is_not_told(url: str) -> None:
    with opened(url) as database:
        for text, told in (("DELETE FROM parts WHERE id = 1;", 1), ("DELETE FROM parts WHERE id IN (2, 3);", 2)):
            with database.transaction("schema_migrations", wait=10, on_wait=lambda holder: None):
                assert step(database, text) == {"parts": (0, 0, told)}


def test_what_a_block_took_back_is_told_rather_than_passed_over(url: str) -> None:
    text = """
        DO $$ BEGIN
            BEGIN DELETE FROM parts WHERE id <= 4; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN NULL; END;
            DELETE FROM parts WHERE id = 5;
        END $$;"""
    assert steps(url, text) == [{"parts": (0, 0, 5)}]


def test_the_counters_are_right_behind_a_pooler(url: str, pgbouncer: Pooler) -> None:
    through = pgbouncer(url)
    with connect(through) as other:
        for _ in range(8):
            other.execute("DELETE FROM parts WHERE id = 20; INSERT INTO parts VALUES (20, 20)")
            assert steps(through, "DELETE FROM parts WHERE id <= 2;") == [{"parts": (0, 0, 2)}]


def test_a_role_of_few_rights_is_told_of_the_tables_it_may_not_read(
    url: str, probe: Callable[[str], Probe], postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    probe(url).execute(
        f'GRANT CREATE ON SCHEMA public TO "{role}"; GRANT ALL ON sessions TO "{role}";'
        "ALTER TABLE messages ENABLE ROW LEVEL SECURITY; ALTER TABLE parts ENABLE ROW LEVEL SECURITY"
    )
    told = steps(postgres_server.url(url, user=role), "DELETE FROM sessions WHERE id = 1;")
    assert told == [{"sessions": (0, 0, 1), "messages": (0, 0, 2), "parts": (0, 0, 2)}]


def test_the_server_is_made_to_count_where_it_does_not(url: str, probe: Callable[[str], Probe]) -> None:
    name = probe(url).value("SELECT quote_ident(current_database())")
    probe(url).execute(f"ALTER DATABASE {name} SET track_counts = off")
    with transaction(url) as database:
        told = [step(database, text) for text in ("DELETE FROM parts WHERE id = 1;", "UPDATE parts SET id = id;")]
        assert told == [{"parts": (0, 0, 1)}, {"parts": (0, 19, 0)}]
        assert database.query("SHOW track_counts").rows == (("off",),)


def test_where_the_server_may_not_count_fewer_rows_are_told(
    url: str, probe: Callable[[str], Probe], postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    name = probe(url).value("SELECT quote_ident(current_database())")
    probe(url).execute(
        f"ALTER DATABASE {name} SET track_counts = off; CREATE TABLE hidden (x INTEGER);"
        f'GRANT ALL ON sessions, messages, parts TO "{role}"'
    )
    told = steps(
        postgres_server.url(url, user=role),
        "DELETE FROM sessions WHERE id <= 2; INSERT INTO sessions VALUES (11, 'x');",
        "UPDATE parts SET id = id;",
    )
    assert told == [{"sessions": (None, None, 1), "messages": (None, None, 4), "parts": (None, None, 4)}, {}]
