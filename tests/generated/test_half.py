"""A generated statement in the middle fails: what stays, what `status` says, what the next run and a rollback do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import log, migrate, roll_back, state, status
from tests.staged.half import attempts, statuses

Probes = Callable[[str], Probe]

TABLES = {
    "0001_tables.sql": "CREATE TABLE parts (id INTEGER PRIMARY KEY);\nINSERT INTO parts VALUES (1), (2), (3);\n"
    "CREATE TABLE part_3 (x INTEGER);\n",
    "0001_tables.rollback.sql": "-- sessmig: may-lose parts, part_3\nDROP TABLE part_3;\nDROP TABLE parts;\n",
}
ROWS = "-- sessmig: run-each-row\nSELECT 'CREATE TABLE part_' || id || ' (x INTEGER)' FROM parts ORDER BY id;\n"
WHOLE = {
    "0002_parts.sql": "CREATE TABLE whole (x INTEGER);\n" + ROWS,
    "0002_parts.rollback.sql": "DROP TABLE part_1;\nDROP TABLE part_2;\nDROP TABLE whole;\n",
}
"""The third of its statements makes a table that is there already."""
BATCHED = {
    "0002_parts.sql": "CREATE TABLE whole (x INTEGER);\n-- sessmig: batch parts by id size 2\n"
    f"INSERT INTO whole SELECT id FROM parts WHERE id BETWEEN :first AND :last;\n{ROWS}",
    "0002_parts.rollback.sql": "-- sessmig: may-lose whole\nDROP TABLE whole;\n",
}
MENDED = ROWS.replace("FROM parts", "FROM parts WHERE id < 3")
OWN_TEXT = "    in the statement of this row: CREATE TABLE part_3 (x INTEGER);"


def _fail(url: str, folder: Path) -> list[str]:
    with pytest.raises(StepError) as caught:
        migrate(url, folder)
    lines = str(caught.value).splitlines()
    assert OWN_TEXT in lines
    assert "part_3" in lines[0]
    return lines


def test_nothing_of_it_stays_and_the_step_is_pending_as_before(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(TABLES), probe(database_url)
    migrate(database_url, folder)
    before = state(seen)
    migrations(WHOLE)
    lines = _fail(database_url, folder)
    assert lines[0].startswith(f"{folder / '0002_parts.sql'}:3: ")
    assert "The database holds what it held before; nothing of 0002_parts stays." in lines
    assert state(seen) == before
    assert [(one.version, one.state) for one in status(database_url, folder).standings] == [
        (1, "applied"),
        (2, "pending"),
    ]
    assert statuses(seen) == [(1, "success")]
    assert OWN_TEXT.strip() in log(seen)[-1][3]["error"]


def test_the_next_run_begins_the_file_anew_with_its_query(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(TABLES | WHOLE), probe(database_url)
    _fail(database_url, folder)
    seen.execute("DROP TABLE part_3;")
    assert migrate(database_url, folder).applied == 1
    assert {"whole", "part_1", "part_2", "part_3"} <= seen.tables()
    assert [(version, outcome) for _, version, outcome, _ in attempts(seen)] == [
        (1, "success"),
        (2, "failed"),
        (2, "success"),
    ]


def test_a_rollback_after_it_takes_back_the_step_before(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(TABLES | WHOLE), probe(database_url)
    _fail(database_url, folder)
    assert [step.title for step in roll_back(database_url, folder).steps] == ["0001_tables"]
    assert statuses(seen) == [(1, "rolled_back")]
    assert not {"parts", "part_1", "part_2", "part_3", "whole"} & seen.tables()


def test_behind_batches_its_query_alone_is_rolled_back_and_a_mended_one_goes_on(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(TABLES | BATCHED), probe(database_url)
    lines = _fail(database_url, folder)
    half = "0002_parts is half done, and that stays (2 of 3 statements done, line 5 is next)."
    assert f"The database: 0001_tables stands applied; {half}" in lines
    assert not {"part_1", "part_2"} & seen.tables()
    standing = status(database_url, folder).standings[1]
    assert (standing.state, standing.progress) == ("failed", "2 of 3 statements done, line 5 is next")
    migrations({"0002_parts.sql": BATCHED["0002_parts.sql"].replace(ROWS, MENDED)})
    migrate(database_url, folder)
    assert seen.rows("SELECT x FROM whole ORDER BY x") == [(1,), (2,), (3,)]
    assert {"part_1", "part_2"} <= seen.tables()
    assert statuses(seen) == [(1, "success"), (2, "success")]


def test_behind_batches_a_rollback_takes_back_what_is_done(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(TABLES | BATCHED), probe(database_url)
    _fail(database_url, folder)
    assert [step.title for step in roll_back(database_url, folder).steps] == ["0002_parts"]
    assert statuses(seen) == [(1, "success"), (2, "rolled_back")]
    assert not {"whole", "schema_migrations_batches"} & seen.tables()
