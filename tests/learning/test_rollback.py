"""The way back: each step leads to what was there before it, and nothing that was written since is lost in silence."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from sessmig import CheckError, SessmigError
from tests.fixtures.probe import Probe
from tests.learning import legacy, old_code
from tests.learning.legacy import message, opened, session

Probes = Callable[[str], Probe]


@pytest.fixture
def standing(postgres_url: str) -> str:
    legacy.build(
        postgres_url,
        [session("s-1"), session("s-2", updated_at="2026-02-01 08:00:00"), session("s-3")],
        [message("m-1", role="user"), message("m-2", role="ASSISTANT"), message("m-3", "s-2", "System")],
    )
    return postgres_url


def _blocked(url: str, database: Probe) -> str:
    """Hold that the rollback of the newest is refused and changes nothing; return what is said."""
    before = database.snapshot()
    with pytest.raises(CheckError) as refusal:
        legacy.take_back(url)
    assert database.snapshot() == before
    return re.sub(r" {2,}", "  ", str(refusal.value))


def test_each_step_back_leads_to_what_was_there_before_it_and_goes_again(postgres_url: str, probe: Probes) -> None:
    legacy.build_sample(postgres_url)
    database = probe(postgres_url)
    pictures = [database.snapshot()]
    for version in range(1, 6):
        legacy.carry_out(postgres_url, to=version)
        pictures.append(database.snapshot())
    assert all(one != other for one, other in pairwise(pictures))
    for version in range(5, 0, -1):
        (step,) = legacy.take_back(postgres_url)
        assert step.title == legacy.TITLES[version - 1]
        assert database.snapshot() == pictures[version - 1]
    assert legacy.carry_out(postgres_url).applied == 5
    assert database.snapshot() == pictures[5]


def test_indexes_go_first_then_columns_then_types(standing: str) -> None:
    legacy.carry_out(standing)
    undone = legacy.take_back(standing, 0)
    assert [step.title for step in undone] == [*reversed(legacy.TITLES)]
    verbs = [{s.verb for s in step.statements} for step in undone]
    assert "DROP INDEX" in verbs[1]
    assert "ALTER TABLE" in verbs[3]
    assert verbs[4] == {"DO"}
    assert all(step.checks for step in undone), "each with its checks"


def test_an_enum_that_was_there_before_stays_behind_the_rollback(standing: str, probe: Probes) -> None:
    database = probe(standing)
    database.execute("""CREATE TYPE "ModeType" AS ENUM ('TUTOR', 'QA', 'COPILOT')""")
    database.execute("""COMMENT ON TYPE "ModeType" IS 'ours'""")
    start = database.snapshot()
    legacy.carry_out(standing)
    assert legacy.measures(standing, 1) == {"enums_already_there": 1}
    legacy.take_back(standing, 0)
    assert database.snapshot() == start


def test_the_old_index_comes_back_valid(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=4)
    legacy.take_back(standing)
    found = probe(standing).rows(
        "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index "
        "WHERE indexrelid = to_regclass('learning_sessions_user_id_updated_at_idx')"
    )
    assert found == [
        (
            "CREATE INDEX learning_sessions_user_id_updated_at_idx ON public.learning_sessions "
            "USING btree (user_id, updated_at DESC)",
            True,
        )
    ]


def test_roles_that_were_put_right_are_in_lower_case_again_and_what_was_written_since_stays(
    standing: str, probe: Probes
) -> None:
    legacy.carry_out(standing)
    database = probe(standing)
    database.execute("UPDATE learning_messages SET role = 'ASSISTANT' WHERE id = 'm-3'")
    database.execute("DELETE FROM learning_messages WHERE id = 'm-2'")
    database.execute("INSERT INTO learning_messages (id, session_id, role, content) VALUES ('m-9', 's-1', 'USER', 'x')")
    legacy.take_back(standing)
    assert database.rows("SELECT id, role FROM learning_messages ORDER BY id") == [
        ("m-1", "user"),
        ("m-3", "ASSISTANT"),
        ("m-9", "USER"),
    ]


def test_where_the_roles_as_they_were_were_dropped_the_way_back_of_5_says_how_to_go(
    standing: str, probe: Probes
) -> None:
    legacy.carry_out(standing)
    database = probe(standing)
    database.execute("DROP TABLE learning_message_roles_before")
    said = _blocked(standing, database)
    assert ": require failed: the table of the roles as they were is there (where it was dropped, make it" in said
    text = (legacy.FILES / f"{legacy.TITLES[4]}.rollback.verify.sql").read_text(encoding="utf-8").replace("\n-- ", " ")
    (way,) = re.findall(r"CREATE TABLE learning_message_roles_before \(.*?\)\)?, and leave", text)
    database.execute(way.removesuffix(", and leave"))
    legacy.take_back(standing)
    assert database.rows("SELECT role FROM learning_messages ORDER BY id") == [("USER",), ("ASSISTANT",), ("SYSTEM",)]


def test_sessions_of_another_type_status_or_mode_block_it_with_their_count(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=2)
    database = probe(standing)
    database.execute("UPDATE learning_sessions SET mode = 'QA' WHERE id IN ('s-1', 's-2')")
    database.execute("UPDATE learning_sessions SET status = 'ARCHIVED', type = 'QA' WHERE id = 's-3'")
    said = _blocked(standing, database)
    assert ": require failed: no session has another type, status or mode than the default (keep them" in said
    assert "\n  LEARNING  ACTIVE  QA  2  3  s-1\n  QA  ARCHIVED  TUTOR  1  3  s-3\n" in said
    database.execute("UPDATE learning_sessions SET type = DEFAULT, status = DEFAULT, mode = DEFAULT")
    legacy.take_back(standing)


def test_messages_with_metadata_block_it_with_their_count(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=2)
    database = probe(standing)
    database.execute("""UPDATE learning_messages SET metadata = '{"tokens": 3}' WHERE id IN ('m-1', 'm-3')""")
    database.execute("UPDATE learning_messages SET metadata = NULL WHERE id = 'm-2'")
    said = _blocked(standing, database)
    assert ": require failed: no message has metadata (keep it elsewhere, and set it to {})\n" in said
    assert "\n  2  m-1  m-3\n" in said
    database.execute("UPDATE learning_messages SET metadata = '{}' WHERE metadata IS NOT NULL")
    legacy.take_back(standing)


def test_a_last_activity_of_its_own_outlives_the_rollback_of_3_and_that_of_2_says_that_it_goes(
    standing: str, probe: Probes
) -> None:
    legacy.carry_out(standing, to=3)
    database = probe(standing)
    database.execute("UPDATE learning_sessions SET last_activity_at = '2030-01-01' WHERE id = 's-2'")
    (three,) = legacy.take_back(standing)
    rows = database.rows("SELECT id, CAST(last_activity_at AS TEXT) FROM learning_sessions ORDER BY id")
    assert rows == [("s-1", None), ("s-2", "2030-01-01 00:00:00"), ("s-3", None)]
    assert [(m.name, m.value) for m in three.measurements] == [("last_activities_of_their_own", 1)]
    (two,) = legacy.take_back(standing)
    (warning,) = [check for check in two.checks if check.outcome == "warned"]
    assert (warning.name, warning.examples) == ("last activities that were not updated_at have gone", ((1,),))


def test_what_old_code_wrote_after_the_steps_stays_behind_the_rollback_of_all(standing: str, probe: Probes) -> None:
    start = legacy.look(standing)
    legacy.carry_out(standing, to=4)
    with opened(standing) as client:
        name = old_code.talk(client)
    legacy.take_back(standing, 0)
    after = legacy.look(standing)
    assert [row for row in after["learning_sessions"] if row["id"] != name] == start["learning_sessions"]
    (new,) = [row for row in after["learning_sessions"] if row["id"] == name]
    assert (new["title"], new["message_count"]) == ("Old code", 1)
    with opened(standing) as client:
        assert old_code.latest(client)[0] == name
        old_code.talk(client)


def test_a_column_elsewhere_that_has_one_of_the_types_blocks_1_by_name(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=1)
    database = probe(standing)
    database.execute('CREATE TABLE plans (id TEXT, modes "ModeType"[])')
    said = _blocked(standing, database)
    assert ": require failed: no column has one of the types that are to go\n" in said
    assert '\n  plans  modes  "ModeType"[]\n' in said


def test_a_half_done_step_4_is_taken_back_to_what_was_before_it(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=3)
    database = probe(standing)
    before = database.snapshot()
    database.execute("CREATE INDEX idx_sessions_user_type_status ON learning_sessions (title)")
    with pytest.raises(SessmigError):
        legacy.carry_out(standing, to=4)
    assert database.value("SELECT status FROM schema_migrations WHERE version = 4") == "failed"
    assert database.value("SELECT count(*) FROM pg_class WHERE relname = 'idx_sessions_user_status_activity'") == 1
    (step,) = legacy.take_back(standing)
    assert step.title == legacy.TITLES[3]
    assert database.snapshot() == before


def test_a_half_done_step_3_is_taken_back_to_what_was_before_it(postgres_url: str, probe: Probes) -> None:
    legacy.build(postgres_url, [session(f"s-{n:04}") for n in range(1_500)])
    legacy.carry_out(postgres_url, to=2)
    database = probe(postgres_url)
    database.execute(
        "ALTER TABLE learning_sessions ADD CONSTRAINT odd CHECK (id <> 's-1400' OR last_activity_at IS NULL)"
    )
    before = database.snapshot()
    with pytest.raises(SessmigError, match="odd"):
        legacy.carry_out(postgres_url, to=3)
    assert database.value("SELECT count(*) FROM learning_sessions WHERE last_activity_at IS NOT NULL") == 1_000
    (step,) = legacy.take_back(postgres_url)
    assert step.title == legacy.TITLES[2]
    assert database.snapshot(exclude=("schema_migrations", "schema_migrations_log", "schema_migrations_batches")) == (
        before
    )
