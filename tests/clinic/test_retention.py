"""4 and 5: the old tables go in their time, and what stands nowhere else is kept; no row is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessmig import CheckError
from tests.clinic import cases, leftovers, legacy
from tests.clinic.data import DERMA, DIAGNOSIS, OLD, SERIES, Rows, derma, diagnosis, message, old_row, session, user
from tests.clinic.test_model import hold_leftovers
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

both_tables = pytest.mark.parametrize("table", OLD)


def _rows() -> Rows:
    """Return a session that came from each table and says nothing elsewhere, and one that was there."""
    return {
        "users": [user()],
        "sessions": [session("there")],
        "messages": [message("there", "好的")],
        DERMA: [derma("d-1", cases.said(*cases.TALK), quick_options="[]"), derma("there", cases.said(cases.LATER))],
        DIAGNOSIS: [diagnosis("g-1", cases.said(*cases.TALK))],
    }


def _kept(url: str) -> set[leftovers.Key]:
    return set(leftovers.kept(legacy.table(url, "deprecated_leftovers")))


@pytest.fixture
def migrated(database_url: str) -> str:
    legacy.build(database_url, _rows())
    legacy.migrate(database_url)
    return database_url


@pytest.mark.parametrize(("version", "after"), [(4, 3), (5, 4)])
def test_each_is_held_for_seven_days_after_the_one_before(migrated: str, version: int, after: int) -> None:
    legacy.migrate(migrated, to=version - 1, ignore_wait=True)
    legacy.let_pass(migrated, after, days=6.9)
    assert legacy.migrate(migrated).applied == 0
    legacy.let_pass(migrated, after, days=7.1)
    assert [step.version for step in legacy.migrate(migrated).steps] == [version]


def test_the_old_tables_go_and_sessions_and_messages_stay(migrated: str) -> None:
    before = legacy.look(migrated)
    legacy.migrate(migrated, ignore_wait=True)
    assert legacy.old_tables(migrated) == set()
    assert legacy.look(migrated) == before | {table: [] for table in OLD}


def test_what_lives_only_in_the_old_tables_is_kept_as_json_first(migrated: str) -> None:
    before = legacy.look(migrated)
    legacy.migrate(migrated, ignore_wait=True)
    hold_leftovers(migrated, before, {(DERMA, "there")})


@pytest.mark.parametrize("version", [3, 4])
@both_tables
def test_the_old_row_of_a_session_that_was_deleted_since_is_kept(
    migrated: str, probe: Probes, table: str, version: int
) -> None:
    name = "d-1" if table == DERMA else "g-1"
    before = legacy.look(migrated)
    legacy.migrate(migrated, to=version, ignore_wait=True)
    probe(migrated).execute(f"DELETE FROM messages WHERE session_id = '{name}'")
    probe(migrated).execute(f"DELETE FROM sessions WHERE id = '{name}'")
    legacy.migrate(migrated, ignore_wait=True)
    hold_leftovers(migrated, before, {(DERMA, "there"), (table, name)})


@pytest.mark.parametrize(
    "change", ["agent_state = NULL", "agent_state = '{}'", "last_message = 'other'", "created_at = NULL"]
)
@both_tables
def test_the_old_row_of_a_session_that_says_something_else_since_is_kept(
    migrated: str, probe: Probes, table: str, change: str
) -> None:
    name = "d-1" if table == DERMA else "g-1"
    probe(migrated).execute(f"UPDATE sessions SET {change} WHERE id = '{name}'")
    legacy.migrate(migrated, ignore_wait=True)
    assert (table, name) in _kept(migrated)


@both_tables
def test_a_row_written_to_an_old_table_since_is_kept(migrated: str, probe: Probes, table: str) -> None:
    probe(migrated).execute(f"INSERT INTO {table} (id, user_id, messages) VALUES ('late', 1, '[]')")
    legacy.migrate(migrated, ignore_wait=True)
    assert (table, "late") in _kept(migrated)


@pytest.mark.parametrize("options", ['["yes"]', "{}", '""', "0", '{"a": null}'])
def test_options_for_which_agent_state_of_derma_has_no_place_are_kept(database_url: str, options: str) -> None:
    legacy.build(database_url, {"users": [user()], DERMA: [derma("d-1", quick_options=options)]})
    legacy.migrate(database_url, ignore_wait=True)
    assert _kept(database_url) == {(DERMA, "d-1")}


@pytest.mark.parametrize("options", [None, "null", "[]", " [ ] "])
def test_options_that_say_nothing_keep_no_row(database_url: str, options: str | None) -> None:
    legacy.build(database_url, {"users": [user()], DERMA: [derma("d-1", quick_options=options)]})
    legacy.migrate(database_url, ignore_wait=True)
    assert _kept(database_url) == set()


def test_options_behind_a_nul_where_the_json_functions_do_not_look_are_kept(sqlite_url: str) -> None:
    legacy.build(sqlite_url, {"users": [user()], DERMA: [derma("d-1", quick_options='[]\0["yes"]')]})
    before = legacy.look(sqlite_url)
    legacy.migrate(sqlite_url, ignore_wait=True)
    hold_leftovers(sqlite_url, before, {(DERMA, "d-1")})


@pytest.mark.parametrize("text", ["['user: hi']", '[{"content": "a"}]\0x', "🗺️ \\ \" ' \u0001"])
@both_tables
def test_text_that_is_no_json_is_kept_word_for_word(sqlite_url: str, table: str, text: str) -> None:
    more: dict[str, Any] = {"messages": text, "symptoms": text, "chief_complaint": text}
    rows = {"users": [user()], "sessions": [session("there")], table: [old_row(table, "there") | more]}
    legacy.build(sqlite_url, rows)
    before = legacy.look(sqlite_url)
    legacy.migrate(sqlite_url, ignore_wait=True)
    hold_leftovers(sqlite_url, before, {(table, "there")})


def _refused(url: str, folder: Path, old: str, new: str, *, table: str) -> str:
    """Run step 5 with a mistake in the statement for one table; hold that nothing of it stays, return what is said."""
    series = folder / "sql" / SERIES.name
    shutil.copytree(SERIES, series)
    path = series / legacy.dialect_of(url) / "0005_drop_old_tables.sql"
    parts = path.read_text(encoding="utf-8").split("INSERT INTO deprecated_leftovers ")
    place = 1 + OLD.index(table)
    assert old in parts[place]
    parts[place] = parts[place].replace(old, new, 1)
    path.write_text("INSERT INTO deprecated_leftovers ".join(parts), encoding="utf-8")
    legacy.migrate(url, to=4, ignore_wait=True, series=series)
    before = legacy.look(url)
    with pytest.raises(CheckError) as failure:
        legacy.migrate(url, ignore_wait=True, series=series)
    assert "nothing of 0005_drop_old_tables stays" in str(failure.value)
    assert legacy.look(url) == before
    return str(failure.value)


@both_tables
def test_a_lost_row_is_found_out_though_another_stands_in_sessions_and_in_the_leftovers(
    database_url: str, tmp_path: Path, probe: Probes, table: str
) -> None:
    """Two places hold the one row, no place holds the other: as many as there were, and one is lost."""
    old = [old_row(table, name) | {"quick_options": None} for name in ("s-1", "there")]
    legacy.build(database_url, {"users": [user()], "sessions": [session("there")], table: old})
    legacy.migrate(database_url)
    probe(database_url).execute("UPDATE sessions SET doctor_id = 7 WHERE id = 's-1'")
    every = "WHERE reason IS NOT NULL"
    said = _refused(database_url, tmp_path, every, f"{every} AND id <> 'there'", table=table)
    assert "1 row missing in the target\n" in said
    assert "\n    there  " in said


@both_tables
def test_a_leftover_that_does_not_say_what_its_row_said_is_found_out(
    database_url: str, tmp_path: Path, table: str
) -> None:
    rows = {"users": [user()], "sessions": [session("there")], table: [old_row(table, "there") | {"stage": "done"}]}
    legacy.build(database_url, rows)
    other = "replace(CAST(legacy_row AS TEXT), 'done', 'lost')"
    other = f"CAST({other} AS {'TEXT' if legacy.dialect_of(database_url) == 'sqlite' else 'JSON'})"
    said = _refused(database_url, tmp_path, "legacy_row, reason\nFROM", f"{other}, reason\nFROM", table=table)
    assert "1 row in the target with other values\n" in said
