"""A `foreign-keys-off` file that fails half-way: what stays, what `status` says, what the next run and rollback do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import StepError
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.run import migrate as run
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.foreign_keys.test_rebuild import OFF, REBUILD, TABLES
from tests.run.doing import migrate, roll_back, state, status
from tests.staged.half import attempts, statuses

Probes = Callable[[str], Probe]

HALF = REBUILD.replace("ALTER TABLE parents_new RENAME", "ALTER TABLE no_such_table RENAME")
"""The old table is dropped, and the new one has not yet its name, when it fails."""
FILES = {
    "0001_tables.sql": TABLES,
    "0001_tables.rollback.sql": "-- sessmig: may-lose *\nDROP TABLE kids;\nDROP TABLE parents;\n",
    "0002_anew.sql": OFF + HALF,
}


def _fail(url: str, folder: Path) -> str:
    with pytest.raises(StepError) as caught:
        migrate(url, folder)
    return str(caught.value)


def test_nothing_of_it_stays_and_the_step_is_pending_as_before(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    seen = probe(sqlite_url)
    migrate(sqlite_url, migrations({"0001_tables.sql": TABLES}))
    before = state(seen)
    folder = migrations(FILES)
    told = _fail(sqlite_url, folder)
    assert told.startswith(f"{folder / '0002_anew.sql'}:5: no such table: no_such_table")
    assert "The database holds what it held before; nothing of 0002_anew stays." in told
    assert state(seen) == before
    assert [(one.version, one.state) for one in status(sqlite_url, folder).standings] == [
        (1, "applied"),
        (2, "pending"),
    ]
    assert statuses(seen) == [(1, "success")]


@pytest.mark.parametrize("switch", [0, 1])
def test_an_open_connection_has_its_own_switch_back(migrations: WriteMigrations, switch: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA foreign_keys = {switch}")
        with connect(connection) as database, pytest.raises(StepError):
            run(Job(database, migrations(FILES)))
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (switch,)
        assert connection.execute("SELECT count(*) FROM kids").fetchone() == (3,)


def test_the_next_run_of_the_mended_file_makes_the_table_anew(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(FILES), probe(sqlite_url)
    _fail(sqlite_url, folder)
    migrations({"0002_anew.sql": OFF + REBUILD})
    assert migrate(sqlite_url, folder).applied == 1
    assert seen.rows("SELECT id, name FROM parents ORDER BY id") == [(1, "Ada"), (2, "")]
    assert seen.value("SELECT count(*) FROM kids") == 3
    assert [(version, outcome) for _, version, outcome, _ in attempts(seen)] == [
        (1, "success"),
        (2, "failed"),
        (2, "success"),
    ]


def test_a_rollback_after_it_takes_back_the_step_before(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(FILES), probe(sqlite_url)
    _fail(sqlite_url, folder)
    assert [step.title for step in roll_back(sqlite_url, folder).steps] == ["0001_tables"]
    assert statuses(seen) == [(1, "rolled_back")]
    assert not {"kids", "parents", "parents_new"} & seen.tables()


def test_a_way_back_that_fails_half_way_leaves_the_step_applied_and_the_mended_one_undoes_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    back = REBUILD.replace(" NOT NULL", "").replace("coalesce(name, '')", "nullif(name, '')")
    head = "-- sessmig: may-lose parents.name\n" + OFF
    files = {"0001_tables.sql": TABLES, "0002_anew.sql": OFF + REBUILD}
    folder = migrations(files | {"0002_anew.rollback.sql": head + back + "SELECT nope;\n"})
    seen = probe(sqlite_url)
    migrate(sqlite_url, folder)
    before = state(seen)
    with pytest.raises(StepError) as caught:
        roll_back(sqlite_url, folder)
    assert "0002_anew.rollback.sql:7: no such column: nope" in str(caught.value)
    assert state(seen) == before
    assert statuses(seen) == [(1, "success"), (2, "success")]
    migrations({"0002_anew.rollback.sql": head + back})
    roll_back(sqlite_url, folder)
    assert seen.rows("SELECT id, name FROM parents ORDER BY id") == [(1, "Ada"), (2, None)]
    assert statuses(seen) == [(1, "success"), (2, "rolled_back")]
