"""What each step makes of the database: every sentence of the specification, on one database per step and on many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sessmig import CheckError, ensure_migrations
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.status import verify
from tests.concurrently.alone import until
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import PostgresProbe, Probe
from tests.learning import legacy, model
from tests.learning.legacy import message, session

Probes = Callable[[str], Probe]

LABELS = """
    SELECT t.typname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
    FROM pg_type AS t JOIN pg_enum AS e ON e.enumtypid = t.oid GROUP BY t.typname ORDER BY 1"""
COLUMNS = """
    SELECT column_name::text, udt_name::text, is_nullable::text, column_default::text
    FROM information_schema.columns WHERE table_name = '{}' ORDER BY ordinal_position"""
INDEXES = """
    SELECT c.relname::text, pg_get_indexdef(c.oid), i.indisvalid AND i.indisready
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'learning_sessions'::regclass ORDER BY 1"""
NEW_ENUMS = [
    ("MessageRole", ["USER", "ASSISTANT", "SYSTEM"]),
    ("ModeType", ["QA", "TUTOR", "COPILOT"]),
    ("SessionStatus", ["ACTIVE", "ARCHIVED", "COMPLETED"]),
    ("SessionType", ["LEARNING", "COPILOT", "QA"]),
]


@pytest.fixture(scope="module")
def sample(postgres_server: PostgresServer) -> Iterator[dict[int, dict[str, Any]]]:
    """What is seen of the sample before the first step (0), and after each."""
    url = postgres_server.new_database()
    legacy.build_sample(url)
    seen = {}
    for version in range(6):
        report = legacy.carry_out(url, to=version) if version else None
        database = PostgresProbe(url)
        seen[version] = {
            "rows": legacy.look(url),
            "files": legacy.files(url),
            "enums": database.rows(LABELS),
            "sessions": database.rows(COLUMNS.format("learning_sessions")),
            "messages": database.rows(COLUMNS.format("learning_messages")),
            "indexes": database.rows(INDEXES),
            "step": report.steps[0] if report else None,
            "measures": legacy.measures(url, version) if version else {},
        }
        database.close()
    yield seen
    postgres_server.drop_database(url)


@pytest.mark.parametrize("version", range(1, 6))
def test_after_each_step_every_row_of_the_sample_is_what_the_model_says(
    sample: dict[int, dict[str, Any]], version: int
) -> None:
    assert sample[version]["rows"] == model.migrated(sample[0]["rows"], version)


def test_step_1_makes_the_four_enums_with_their_labels(sample: dict[int, dict[str, Any]]) -> None:
    assert (sample[0]["enums"], sample[1]["enums"]) == ([], NEW_ENUMS)
    assert sample[1]["measures"] == {"enums_already_there": 0}


def test_step_2_adds_the_columns_with_their_types_and_defaults(sample: dict[int, dict[str, Any]]) -> None:
    assert sample[2]["sessions"] == [
        *sample[0]["sessions"],
        ("type", "SessionType", "NO", "'LEARNING'::\"SessionType\""),
        ("status", "SessionStatus", "NO", "'ACTIVE'::\"SessionStatus\""),
        ("mode", "ModeType", "NO", "'TUTOR'::\"ModeType\""),
        ("last_activity_at", "timestamp", "YES", "CURRENT_TIMESTAMP"),
    ]
    assert sample[2]["messages"] == [*sample[0]["messages"], ("metadata", "jsonb", "YES", "'{}'::jsonb")]


def test_message_count_stays_with_what_stands_in_it(sample: dict[int, dict[str, Any]]) -> None:
    assert ("message_count", "int4", "NO", "0") in sample[5]["sessions"]
    counts = [[row["message_count"] for row in sample[version]["rows"]["learning_sessions"]] for version in (0, 5)]
    assert counts[0] == counts[1]
    assert 99 in counts[1]


def test_steps_1_to_4_write_no_table_anew_and_step_5_only_the_messages(sample: dict[int, dict[str, Any]]) -> None:
    start = sample[0]["files"]
    assert [sample[version]["files"] for version in range(1, 5)] == [start] * 4
    changed = {table for table, file in sample[5]["files"].items() if file != start[table]}
    assert changed == {"learning_messages"}


def test_after_step_2_old_rows_have_no_activity_yet_which_the_old_script_set_to_now(
    sample: dict[int, dict[str, Any]],
) -> None:
    assert {row["last_activity_at"] for row in sample[2]["rows"]["learning_sessions"]} == {None}


def test_after_step_3_it_is_updated_at_and_not_the_moment_of_migration_as_with_the_old_script(
    sample: dict[int, dict[str, Any]],
) -> None:
    rows = sample[3]["rows"]["learning_sessions"]
    assert [row["last_activity_at"] for row in rows] == [row["updated_at"] for row in rows]
    assert sample[3]["measures"] == {"sessions_without_activity": 10, "sessions_total": 10}
    (update,) = sample[3]["step"].statements
    assert (update.verb, update.rows, update.batches) == ("UPDATE", 10, 1)


def test_step_4_leaves_the_two_new_indexes_valid_and_the_old_one_gone(sample: dict[int, dict[str, Any]]) -> None:
    made = "CREATE INDEX {} ON public.learning_sessions USING btree ({})"
    one, two = "idx_sessions_user_status_activity", "idx_sessions_user_type_status"
    old = "learning_sessions_user_id_updated_at_idx"
    kept = [row for row in sample[0]["indexes"] if row[0] != old]
    assert len(kept) == 2
    assert sample[4]["indexes"] == [
        (one, made.format(one, "user_id, status, last_activity_at DESC"), True),
        (two, made.format(two, "user_id, type, status"), True),
        *kept,
    ]
    assert sample[4]["measures"] == {"old_index": made.format(old, "user_id, updated_at DESC")}


def test_step_4_tells_the_planner_what_stands_in_the_new_columns(postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    legacy.carry_out(postgres_url, to=4)
    known = "SELECT attname::text FROM pg_stats WHERE tablename IN ('learning_sessions', 'learning_messages')"
    columns = {name for (name,) in probe(postgres_url).rows(known)}
    assert {"type", "status", "mode", "last_activity_at", "metadata"} <= columns


def test_step_5_puts_the_roles_right_and_gives_the_column_the_enum(sample: dict[int, dict[str, Any]]) -> None:
    assert ("role", "varchar", "NO", None) in sample[4]["messages"]
    assert ("role", "MessageRole", "NO", None) in sample[5]["messages"]
    roles = {row["id"]: row["role"] for row in sample[5]["rows"]["learning_messages"]}
    assert [roles[f"lm-0{n}"] for n in range(4, 9)] == ["USER", "ASSISTANT", "SYSTEM", "ASSISTANT", "USER"]
    assert sample[5]["measures"] == {"lately_in_lower_case": 0, "roles_put_right": 5, "messages_total": 10}


def test_step_5_says_in_its_head_that_it_writes_the_table_anew_under_an_exclusive_lock() -> None:
    text = (legacy.FILES / f"{legacy.TITLES[4]}.sql").read_text(encoding="utf-8").partition("LOCK TABLE")[0]
    head = " ".join(line.removeprefix("--").strip() for line in text.splitlines())
    assert "writes learning_messages and its indexes anew, under an ACCESS EXCLUSIVE lock" in head
    assert "-- sessmig: wait 14 days after 4\n" in text


def test_step_5_is_held_for_14_days_and_the_rest_is_applied(postgres_url: str) -> None:
    legacy.build_sample(postgres_url)
    report = ensure_migrations(postgres_url, legacy.SERIES)
    assert [step.title for step in report.steps] == list(legacy.TITLES[:4])
    (held,) = report.held
    assert (held.title, str(held.wait)) == (legacy.TITLES[4], "14 days after 4")
    assert ensure_migrations(postgres_url, legacy.SERIES, pending="error").applied == 0


def test_step_5_knows_one_alphabet_whatever_the_language_of_the_database(postgres_url: str, probe: Probes) -> None:
    """Elsewhere the capital of the dotless i is I, and of i a dotted one: a word in them is no role, or none is."""
    legacy.build(postgres_url, [session()], [message("m-1", role="assistant"), message("m-2", role="assıstant")])
    database = probe(postgres_url)
    known = "SELECT collname::text FROM pg_collation WHERE collname IN ('pg_unicode_fast', 'C') ORDER BY 1 DESC LIMIT 1"
    collation = database.value(known)
    database.execute(f'ALTER TABLE learning_messages ALTER role TYPE VARCHAR(20) COLLATE "{collation}"')
    with pytest.raises(CheckError, match="require failed: every role is USER, ASSISTANT or SYSTEM") as refused:
        legacy.carry_out(postgres_url)
    assert [line.split()[0] for line in str(refused.value).splitlines()[1:] if "assıstant" in line] == ["m-2"]
    database.execute("UPDATE learning_messages SET role = 'user' WHERE id = 'm-2'")
    legacy.carry_out(postgres_url)
    assert database.rows("SELECT role::text FROM learning_messages ORDER BY id") == [("ASSISTANT",), ("USER",)]


def test_step_2_reads_no_rows_so_that_its_strong_locks_last_as_long_on_a_table_of_any_size(
    postgres_url: str, probe: Probes
) -> None:
    """Its checks ask the catalogue only; the loss guard looks whether there is a row at all, before the locks."""
    legacy.build(postgres_url, [session(f"s-{n}") for n in range(500)], [message(f"m-{n}", "s-1") for n in range(500)])
    legacy.carry_out(postgres_url, to=1)
    database = probe(postgres_url)
    read = (
        "SELECT sum(pg_stat_get_tuples_returned(oid) + pg_stat_get_tuples_fetched(oid))::integer FROM pg_class "
        "WHERE relname IN ('learning_sessions', 'learning_messages')"
    )
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    def read_since(before: int) -> int:
        until(lambda: not database.rows(others))  # who has ended has given its numbers
        return int(database.value(read)) - before

    before = read_since(0)
    legacy.carry_out(postgres_url, to=2)
    assert read_since(before) <= 4
    before = read_since(0)
    legacy.carry_out(postgres_url, to=3)
    assert read_since(before) >= 500


def test_verify_asks_the_three_queries_of_the_guide_again_at_any_later_time(postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    legacy.carry_out(postgres_url)
    guide = {
        "the new columns have their types and defaults": "ALTER TABLE learning_sessions ALTER mode SET DEFAULT 'QA'",
        "the new indexes are there, valid and as written": "DROP INDEX idx_sessions_user_type_status",
        "every session has a type, a status, a mode and a last activity": (
            "UPDATE learning_sessions SET last_activity_at = NULL WHERE id = 'ls-01'"
        ),
    }

    def failed() -> list[str]:
        with connect(postgres_url) as database:
            try:
                steps = verify(Job(database, legacy.SERIES)).steps
            except CheckError as error:
                steps = error.report.steps if error.report else ()
        return [check.name for step in steps for check in step.checks if check.outcome == "failed"]

    assert failed() == []
    broken = []
    for name, change in guide.items():
        probe(postgres_url).execute(change)
        broken.append(name)
        assert sorted(failed()) == sorted(broken)
