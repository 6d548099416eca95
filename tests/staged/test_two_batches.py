"""A file with two statements in batches, of which the second fails: the first is done for good, whatever follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, roll_back, status
from tests.staged.half import TABLES, attempts, statuses

Probes = Callable[[str], Probe]

_BATCH = "-- sessmig: batch old by id size 10\n"
FILES = TABLES | {
    "0001_tables.sql": TABLES["0001_tables.sql"] + "CREATE TABLE names (id INTEGER, name TEXT);\n",
    "0002_copy.sql": f"{_BATCH}INSERT INTO names SELECT id, name FROM old WHERE id BETWEEN :first AND :last;\n"
    f"{_BATCH}INSERT INTO new SELECT id, name FROM old WHERE id BETWEEN :first AND :last;\n",
    "0002_copy.rollback.sql": "-- sessmig: may-lose names, new\nDELETE FROM names;\nDELETE FROM new;\n",
}
COUNTS = "SELECT (SELECT count(*) FROM names), (SELECT count(DISTINCT id) FROM names), (SELECT count(*) FROM new)"


def test_the_first_is_done_and_the_second_stands_where_it_failed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(FILES), probe(database_url)
    with pytest.raises(StepError) as caught:
        migrate(database_url, folder)
    # The size of the second grows with its first batch, which was over in a moment.
    done = seen.value("SELECT count(*) FROM new")
    assert 0 < done < 25
    told = f"1 of 2 statements done, and {done} of about 40 rows of line 4, in 1 batch"
    assert str(caught.value).startswith(f"{folder / '0002_copy.sql'}:4: ")
    assert f"0002_copy is half done, and that stays ({told})." in str(caught.value)
    standing = status(database_url, folder).standings[1]
    assert (standing.state, standing.progress) == ("failed", told)
    assert seen.rows(COUNTS) == [(40, 40, done)]
    assert statuses(seen) == [(1, "success"), (2, "failed")]


def test_the_next_run_goes_on_in_the_second_and_takes_for_both_what_came_in_meanwhile(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(FILES), probe(database_url)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    done = seen.value("SELECT count(*) FROM new")
    seen.execute("UPDATE old SET name = 'good' WHERE id = 25;")
    seen.execute("INSERT INTO old VALUES (-5, 'late'), (90, 'later');")
    migrate(database_url, folder)
    assert seen.rows(COUNTS) == [(42, 42, 42)]
    assert seen.rows("SELECT id FROM new WHERE name LIKE 'late%' ORDER BY id") == [(-5,), (90,)]
    assert attempts(seen)[1:] == [
        ("apply", 2, "failed", [(2, 40), (4, done)]),
        ("apply", 2, "success", [(4, 42 - done), (2, 2)]),
    ]
    assert "schema_migrations_batches" not in seen.tables()


def test_a_rollback_takes_back_both(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder, seen = migrations(FILES), probe(database_url)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    roll_back(database_url, folder)
    assert seen.rows(COUNTS) == [(0, 0, 0)]
    assert statuses(seen) == [(1, "success"), (2, "rolled_back")]
    assert "schema_migrations_batches" not in seen.tables()
    seen.execute("UPDATE old SET name = 'good' WHERE id = 25;")
    migrate(database_url, folder)
    assert seen.rows(COUNTS) == [(40, 40, 40)]


def test_what_is_left_of_batches_that_the_ledger_does_not_know_is_nothing_done(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder, seen = migrations(FILES), probe(database_url)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    # As somebody leaves it who goes back to an older state by other means, table by table.
    seen.execute("DELETE FROM schema_migrations WHERE version = 2; DELETE FROM names; DELETE FROM new;")
    assert seen.value("SELECT count(*) FROM schema_migrations_batches")
    seen.execute("UPDATE old SET name = 'good' WHERE id = 25;")
    migrate(database_url, folder)
    assert seen.rows(COUNTS) == [(40, 40, 40)]
    assert "schema_migrations_batches" not in seen.tables()
