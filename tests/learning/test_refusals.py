"""What a step cannot carry stops it by name, with the rows, and the database holds what it held before."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sessmig import CheckError, DatabaseError, LockError, SessmigError, StepError
from tests.fixtures.probe import Probe
from tests.learning import legacy
from tests.learning.legacy import message, session

Probes = Callable[[str], Probe]


@pytest.fixture
def standing(postgres_url: str) -> str:
    legacy.build(
        postgres_url,
        [session("s-1"), session("s-2", updated_at="2026-02-01 08:00:00")],
        [message("m-1", role="user"), message("m-2", role="ASSISTANT"), message("m-3", "s-2", "System")],
    )
    return postgres_url


def _refused(url: str, database: Probe, version: int) -> str:
    """Apply up to a version, hold that it is refused and changes nothing; return what is said."""
    if version > 1:
        legacy.carry_out(url, to=version - 1)
    before = database.snapshot()
    with pytest.raises(SessmigError) as refusal:
        legacy.carry_out(url, to=version)
    assert not isinstance(refusal.value, LockError)
    assert database.snapshot() == before
    assert database.rows(f"SELECT 1 FROM schema_migrations WHERE version = {version} AND status = 'success'") == []
    return re.sub(r" {2,}", "  ", str(refusal.value))


TAKEN = {
    "a label is missing": ("""CREATE TYPE "ModeType" AS ENUM ('QA', 'TUTOR')""", "ModeType  QA, TUTOR  "),
    "a label more": (
        """CREATE TYPE "ModeType" AS ENUM ('QA', 'TUTOR', 'COPILOT', 'EXAM')""",
        "ModeType  COPILOT, EXAM, QA, TUTOR  ",
    ),
    "in lower case": (
        """CREATE TYPE "ModeType" AS ENUM ('qa', 'tutor', 'copilot')""",
        "ModeType  copilot, qa, tutor  ",
    ),
    "a domain": ("""CREATE DOMAIN "ModeType" AS TEXT""", "ModeType  no enum  "),
    "a table": ("""CREATE TABLE "ModeType" (id INTEGER)""", "ModeType  no enum  "),
}


@pytest.mark.parametrize(("there", "shown"), TAKEN.values(), ids=TAKEN.keys())
def test_an_enum_with_other_labels_stops_step_1(standing: str, probe: Probes, there: str, shown: str) -> None:
    probe(standing).execute(there)
    said = _refused(standing, probe(standing), 1)
    assert ": require failed: what has the name of an enum already is an enum with the same labels (else" in said
    assert f"\n  {shown}COPILOT, QA, TUTOR\n" in said
    assert "nothing of 0001_create_session_enums stays." in said


def test_a_database_without_the_tables_stops_step_1(postgres_url: str, probe: Probes) -> None:
    said = _refused(postgres_url, probe(postgres_url), 1)
    assert ": require failed: the tables of the learning application are here\n" in said
    assert "\n  learning_sessions\n  learning_messages\n" in said


def test_a_column_that_another_script_has_added_stops_step_2(standing: str, probe: Probes) -> None:
    probe(standing).execute("ALTER TABLE learning_sessions ADD last_activity_at TIMESTAMP(3) DEFAULT now()")
    said = _refused(standing, probe(standing), 2)
    assert ": require failed: none of the new columns is there already\n" in said
    assert "\n  learning_sessions  last_activity_at  timestamp(3) without time zone\n" in said


def test_an_updated_at_of_another_type_stops_step_2(standing: str, probe: Probes) -> None:
    probe(standing).execute("ALTER TABLE learning_sessions ALTER updated_at TYPE timestamptz")
    said = _refused(standing, probe(standing), 2)
    assert ": require failed: updated_at is a timestamp(3) without time zone, as last_activity_at will be\n" in said
    assert "timestamp with time zone" in said


TOUCH = (
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN NEW.updated_at = LOCALTIMESTAMP; RETURN NEW; END $$"
)


def test_a_trigger_that_would_set_every_updated_at_stops_step_3(standing: str, probe: Probes) -> None:
    database = probe(standing)
    database.execute(TOUCH)
    database.execute("CREATE TRIGGER touched BEFORE UPDATE ON learning_sessions FOR EACH ROW EXECUTE FUNCTION touch()")
    said = _refused(standing, database, 3)
    assert ": require failed: no trigger can change a session while it is written (ALTER TABLE ... DISABLE" in said
    assert "\n  touched  CREATE TRIGGER touched BEFORE UPDATE ON public.learning_sessions" in said
    before = legacy.look(standing)["learning_sessions"]
    database.execute("ALTER TABLE learning_sessions DISABLE TRIGGER touched")
    legacy.carry_out(standing, to=3)
    after = legacy.look(standing)["learning_sessions"]
    assert [row["updated_at"] for row in after] == [row["updated_at"] for row in before]


@pytest.mark.parametrize(
    "when", ["AFTER UPDATE", "BEFORE INSERT", "BEFORE UPDATE OF title"], ids=["after", "insert", "another column"]
)
def test_a_trigger_that_cannot_change_a_session_is_no_hindrance(standing: str, probe: Probes, when: str) -> None:
    database = probe(standing)
    database.execute(TOUCH)
    database.execute(f"CREATE TRIGGER seen {when} ON learning_sessions FOR EACH ROW EXECUTE FUNCTION touch()")
    legacy.carry_out(standing, to=3)
    rows = legacy.look(standing)["learning_sessions"]
    assert [row["last_activity_at"] for row in rows] == ["2026-01-05T12:00:00", "2026-02-01T08:00:00"]
    assert [row["updated_at"] for row in rows] == ["2026-01-05T12:00:00", "2026-02-01T08:00:00"]


OLD_INDEX = "learning_sessions_user_id_updated_at_idx"


@pytest.mark.parametrize(
    "other",
    [
        f"CREATE INDEX {OLD_INDEX} ON learning_sessions (user_id, updated_at)",
        f"CREATE UNIQUE INDEX {OLD_INDEX} ON learning_sessions (user_id, updated_at DESC)",
        f"CREATE INDEX {OLD_INDEX} ON learning_messages (session_id)",
    ],
    ids=["other order", "unique", "other table"],
)
def test_an_index_of_the_old_name_that_the_rollback_would_not_make_stops_step_4(
    standing: str, probe: Probes, other: str
) -> None:
    database = probe(standing)
    database.execute(f"DROP INDEX {OLD_INDEX}")
    database.execute(other)
    said = _refused(standing, database, 4)
    assert ": require failed: the index that is to go is the one on (user_id, updated_at DESC)\n" in said
    assert f"INDEX {OLD_INDEX} ON public." in said


def test_where_the_old_index_is_gone_already_step_4_says_so_and_goes_on(standing: str, probe: Probes) -> None:
    probe(standing).execute(f"DROP INDEX {OLD_INDEX}")
    step = legacy.carry_out(standing, to=4).steps[-1]
    assert [check.name for check in step.checks if check.outcome == "warned"] == [
        "the index on (user_id, updated_at) was not there (a rollback makes it)"
    ]


def test_another_index_of_a_new_name_fails_step_4_and_the_old_one_stays(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=3)
    database = probe(standing)
    database.execute("CREATE INDEX idx_sessions_user_type_status ON learning_sessions (user_id, status)")
    with pytest.raises((StepError, DatabaseError)) as refused:
        legacy.carry_out(standing, to=4)
    assert "there is an index public.idx_sessions_user_type_status already, and it is another one:" in str(
        refused.value
    )
    assert database.value(f"SELECT count(*) FROM pg_class WHERE relname = '{OLD_INDEX}'") == 1
    database.execute("DROP INDEX idx_sessions_user_type_status")
    assert legacy.carry_out(standing, to=4).applied == 1


@pytest.mark.parametrize("role", ["bot", "", "USER ", "USERS", "uſer", "NULL"])
def test_a_role_that_is_none_stops_step_5_with_its_rows(standing: str, probe: Probes, role: str) -> None:
    probe(standing).execute(f"UPDATE learning_messages SET role = '{role}' WHERE id IN ('m-1', 'm-3')")
    said = _refused(standing, probe(standing), 5)
    assert ": require failed: every role is USER, ASSISTANT or SYSTEM, in capitals or not (mend these rows)\n" in said
    rows = [line.split() for line in said.splitlines() if line.startswith("  m-")]
    assert [(row[0], row[1]) for row in rows] == [("m-1", "s-1"), ("m-3", "s-2")]
    assert "m-2" not in said


def test_a_role_that_is_not_a_varchar_20_stops_step_5(standing: str, probe: Probes) -> None:
    probe(standing).execute("ALTER TABLE learning_messages ALTER role TYPE TEXT")
    said = _refused(standing, probe(standing), 5)
    assert ": require failed: role is a varchar(20)\n" in said


def test_a_table_of_the_name_that_step_5_makes_stops_it(standing: str, probe: Probes) -> None:
    probe(standing).execute("CREATE TABLE learning_message_roles_before (id TEXT)")
    said = _refused(standing, probe(standing), 5)
    assert ": require failed: the name of the table for the roles as they were is free (else rename" in said


def test_code_that_wrote_lower_case_lately_is_warned_of(standing: str, probe: Probes) -> None:
    probe(standing).execute("INSERT INTO learning_messages VALUES ('m-9', 's-1', 'user', 'Just now', LOCALTIMESTAMP)")
    step = legacy.carry_out(standing).steps[-1]
    (warning,) = [check for check in step.checks if check.outcome == "warned"]
    assert warning.name.startswith("code that writes roles in lower case was still running in the last two days")
    assert warning.examples == ((1,),)


def test_sessions_that_old_code_used_since_are_named_by_a_warning(standing: str, probe: Probes) -> None:
    legacy.carry_out(standing, to=2)
    with legacy.opened(standing) as new_code:
        new_code.execute("UPDATE learning_sessions SET last_activity_at = '2026-01-01' WHERE id = 's-2'")
    step = legacy.carry_out(standing, to=3).steps[-1]
    (warning,) = [check for check in step.checks if check.outcome == "warned"]
    assert warning.name == "sessions that were changed later than their last activity says"
    assert [row[0] for row in warning.examples] == ["s-2"]


def test_the_series_says_that_sqlite_has_none_of_it(sqlite_url: str) -> None:
    with pytest.raises(SessmigError, match="postgres"):
        legacy.carry_out(sqlite_url)


def test_a_named_failure_is_a_check_error(standing: str, probe: Probes) -> None:
    probe(standing).execute("""CREATE TYPE "SessionType" AS ENUM ('X')""")
    with pytest.raises(CheckError):
        legacy.carry_out(standing)
