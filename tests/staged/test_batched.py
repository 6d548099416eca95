"""A step with a statement in batches that fails half-way, and one whose checks do not hold at its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, PlanError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, roll_back, status
from tests.staged.half import BATCH, TABLES, attempts, rows, statuses

Probes = Callable[[str], Probe]


def test_the_batches_that_are_done_stay_and_the_next_run_goes_on_behind_them(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(StepError) as caught:
        migrate(database_url, folder)
    assert str(caught.value).splitlines()[0].startswith(f"{folder / '0002_copy.sql'}:3: ")
    assert "0002_copy is half done, and that stays (1 of 3 statements done, and " in str(caught.value)
    assert "new" in probe(database_url).tables()
    before = probe(database_url).value("SELECT count(*) FROM new")
    assert 0 < before < 40
    assert statuses(probe(database_url)) == [(1, "success"), (2, "failed")]
    assert status(database_url, folder).standings[1].progress.startswith("1 of 3 statements done, and ")
    probe(database_url).execute("UPDATE old SET name = 'good' WHERE id = 25")
    migrate(database_url, folder)
    assert probe(database_url).rows("SELECT * FROM new ORDER BY id") == probe(database_url).rows(
        "SELECT * FROM old ORDER BY id"
    )
    assert probe(database_url).rows("SELECT id FROM extra") == [(1,)]
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
    assert "schema_migrations_batches" not in probe(database_url).tables()
    first, second = attempts(probe(database_url))[1:]
    assert first == ("apply", 2, "failed", [(1, None), (3, before)])
    assert second == ("apply", 2, "success", [(3, 40 - before), (4, 1)])


def test_a_rollback_takes_back_the_batches_that_are_done(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    roll_back(database_url, folder)
    assert probe(database_url).value("SELECT count(*) FROM new") == 0
    assert not {"extra", "schema_migrations_batches"} & set(probe(database_url).tables())
    assert rows(probe(database_url))[1] == (2, "rolled_back", None)


def test_other_bounds_than_those_of_the_batches_that_are_done_are_a_problem(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    before = rows(probe(database_url))
    migrations({"0002_copy.sql": BATCH["0002_copy.sql"].replace("batch old by id", "batch new by id")})
    with pytest.raises(PlanError) as caught:
        migrate(database_url, folder)
    assert f"changed: {folder / '0002_copy.sql'}:3: " in str(caught.value)
    assert "rows are done in batches of old by id, which this is no more" in str(caught.value)
    assert rows(probe(database_url)) == before


def test_checks_that_do_not_hold_leave_the_step_failed_and_undo_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    check = "-- check: nobody is called name 7\nSELECT id FROM new WHERE name = 'name 7';\n"
    folder = migrations(TABLES | BATCH | {"0002_copy.verify.sql": check})
    probe(database_url)
    files = {"0001_tables.sql": TABLES["0001_tables.sql"].replace("'bad' WHERE", "'good' WHERE")}
    migrations(files)
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder)
    assert str(caught.value).splitlines() == [
        f"{folder / '0002_copy.verify.sql'}:1: check failed: nobody is called name 7",
        "    expected none, found 1 row",
        "    id",
        "    7",
        "The database: 0001_tables stands applied; 0002_copy is half done, and that stays "
        "(all 3 statements done, but not what is asked after them).",
        "Mend the rows that are shown, or the migration, and run it again.",
        "sessmig migrate goes on where it stopped. sessmig rollback takes back what is done.",
    ]
    assert probe(database_url).value("SELECT count(*) FROM new") == 40
    assert statuses(probe(database_url)) == [(1, "success"), (2, "failed")]
    probe(database_url).execute("UPDATE new SET name = 'seven' WHERE id = 7")
    migrate(database_url, folder)
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
    assert attempts(probe(database_url))[-1] == ("apply", 2, "success", [])
    assert probe(database_url).value("SELECT count(*) FROM new") == 40


def test_what_was_asked_before_the_step_is_kept_while_it_is_half_done(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    verify = (
        "-- measure before: old_rows\nSELECT count(*) FROM old;\n"
        "-- check: every row has come\n-- expect: :old_rows\nSELECT count(*) FROM new;\n"
        "-- check: the first names\n-- expect: same\nSELECT name FROM old WHERE id < 3 ORDER BY id;\n"
    )
    folder = migrations(TABLES | BATCH | {"0002_copy.verify.sql": verify})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    probe(database_url).execute("UPDATE old SET name = 'good' WHERE id = 25")
    probe(database_url).execute("UPDATE old SET name = 'other' WHERE id = 1")
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder)
    assert "check failed: the first names" in str(caught.value)
    probe(database_url).execute("UPDATE old SET name = 'name 1' WHERE id = 1")
    report = migrate(database_url, folder)
    assert [(check.name, check.outcome) for check in report.steps[0].checks] == [
        ("every row has come", "passed"),
        ("the first names", "passed"),
    ]
    assert rows(probe(database_url))[1] == (2, "success", {"old_rows": 40})


def test_a_dry_run_shows_the_rows_of_the_batches_and_keeps_none(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_tables.sql": TABLES["0001_tables.sql"].replace("'bad' WHERE", "'good' WHERE")} | BATCH)
    report = migrate(database_url, folder, dry_run=True)
    assert [(s.line, s.rows) for s in report.steps[1].statements] == [(1, None), (3, 40), (4, 1)]
    assert not probe(database_url).tables()


def test_one_transaction_for_the_run_takes_the_batches_with_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(StepError) as caught:
        migrate(database_url, folder, single_transaction=True)
    assert "The database holds what it held before: the whole run was rolled back." in str(caught.value)
    assert not {"old", "new"} & set(probe(database_url).tables())
    migrations({"0001_tables.sql": TABLES["0001_tables.sql"].replace("'bad' WHERE", "'good' WHERE")})
    migrate(database_url, folder, single_transaction=True)
    assert probe(database_url).value("SELECT count(*) FROM new") == 40
    assert statuses(probe(database_url)) == [(1, "success"), (2, "success")]
    assert "schema_migrations_batches" not in probe(database_url).tables()
