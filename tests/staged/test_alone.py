"""A no-transaction file that fails half-way: what stays, what `status` says, how it goes on, how it is taken back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, PlanError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate, roll_back, status
from tests.staged.half import ALONE, MENDED, attempts, rows, statuses

Probes = Callable[[str], Probe]


def test_what_is_done_stays_and_the_message_says_how_far_it_is(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(StepError) as caught:
        migrate(database_url, folder)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{folder / '0001_a.sql'}:5: ")
    assert lines[-3:] == [
        "The database: 0001_a is half done, and that stays (3 of 5 statements done, line 5 is next).",
        "Mend the file, or what it found in the database, and run it again.",
        "sessmig migrate goes on where it stopped. sessmig rollback takes back what is done.",
    ]
    assert probe(database_url).rows("SELECT id, name FROM a") == [(1, "tea")]
    ((version, state, metadata),) = rows(probe(database_url))
    assert (version, state) == (1, "failed")
    assert (metadata["progress"]["done"], metadata["progress"]["statements"]) == (3, 5)


def test_status_says_how_far_it_is_and_what_stopped_it(
    cli: Cli, database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(ALONE)
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 1
    told = cli("status", "-d", database_url, "--dir", folder, "--check")
    assert told.returncode == 6
    assert "  0001 a: 3 of 5 statements done, line 5 is next" in told.stdout
    assert f"      {folder / '0001_a.sql'}:5: " in told.stdout
    (standing,) = status(database_url, folder).standings
    assert standing.state == "failed"


def test_the_next_run_goes_on_at_the_statement_that_failed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    migrations(MENDED)
    report = migrate(database_url, folder)
    assert [step.outcome for step in report.steps] == ["applied"]
    assert probe(database_url).rows("SELECT id, name FROM a ORDER BY id") == [(1, "tea"), (2, "cake")]
    assert rows(probe(database_url)) == [(1, "success", {})]
    assert attempts(probe(database_url)) == [
        ("apply", 1, "failed", [(2, None), (3, 1), (4, None)]),
        ("apply", 1, "success", [(5, 1), (6, None)]),
    ]


def test_a_file_that_was_changed_in_what_is_done_is_a_problem(
    cli: Cli, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    before = rows(probe(database_url))
    migrations({"0001_a.sql": MENDED["0001_a.sql"].replace("'tea'", "'coffee'")})
    with pytest.raises(PlanError) as caught:
        migrate(database_url, folder)
    assert str(caught.value).splitlines() == [
        "1 problem in the plan:",
        f"changed: {folder / '0001_a.sql'}:3: statement 2 of the 3 that are done was changed since",
        "    -> Put that part of the file back, and mend only what comes behind it; or take back what is done, by its "
        "rollback file: sessmig rollback",
        "Nothing was touched.",
    ]
    assert rows(probe(database_url)) == before
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 4
    assert (
        "statement 2 of the 3 that are done was changed since"
        in cli("status", "-d", database_url, "--dir", folder).stdout
    )


def test_a_file_that_is_gone_is_a_problem(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(ALONE | {"0002_b.sql": "CREATE TABLE b (id INTEGER);\n"})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    (folder / "0001_a.sql").unlink()
    (folder / "0001_a.rollback.sql").unlink()
    with pytest.raises(PlanError) as caught:
        migrate(database_url, folder)
    assert "missing: 1 a: half done, but its file is gone" in str(caught.value)


def test_nothing_behind_a_half_done_step_is_run(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(ALONE | {"0002_b.sql": "CREATE TABLE b (id INTEGER);\n"})
    for _ in range(2):
        with pytest.raises(StepError):
            migrate(database_url, folder)
    assert "b" not in probe(database_url).tables()


def test_a_rollback_takes_back_what_is_done_and_the_next_run_begins_anew(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    report = roll_back(database_url, folder)
    assert [(step.title, step.outcome) for step in report.steps] == [("0001_a", "undone")]
    assert report.pending == ("0001_a",)
    assert "a" not in probe(database_url).tables()
    assert rows(probe(database_url)) == [(1, "rolled_back", None)]
    migrations(MENDED)
    migrate(database_url, folder)
    assert statuses(probe(database_url)) == [(1, "success")]
    assert attempts(probe(database_url))[-1] == (
        "apply",
        1,
        "success",
        [(2, None), (3, 1), (4, None), (5, 1), (6, None)],
    )


def test_a_rollback_of_a_half_done_step_without_its_file_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": ALONE["0001_a.sql"]})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    with pytest.raises(PlanError) as caught:
        roll_back(database_url, folder)
    assert "irreversible: 0001_a: it has no rollback file" in str(caught.value)
    assert statuses(probe(database_url)) == [(1, "failed")]


def test_a_half_done_step_is_rolled_back_before_those_above_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    from sessmig.plan import Wish

    folder = migrations(ALONE | {"0002_b.sql": "CREATE TABLE b (id INTEGER);\n"})
    migrate(database_url, folder, wish=Wish(only=2))
    with pytest.raises(StepError):
        migrate(database_url, folder, wish=Wish(only=1))
    roll_back(database_url, folder)
    assert statuses(probe(database_url)) == [(1, "rolled_back"), (2, "success")]


def test_a_requirement_that_does_not_hold_leaves_no_row(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(ALONE | {"0001_a.verify.sql": "-- require: never\n-- expect: 1\nSELECT 2;\n"})
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder)
    assert "The database holds what it held before; nothing of 0001_a stays." in str(caught.value)
    assert rows(probe(database_url)) == []
    assert attempts(probe(database_url)) == [("apply", 1, "failed", [])]
    assert "a" not in probe(database_url).tables()


def test_a_statement_that_loses_rows_is_undone_and_the_ones_before_it_stay(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    text = ALONE["0001_a.sql"].replace("INSERT INTO a VALUES (1, 'cake')", "DELETE FROM a")
    folder = migrations({"0001_a.sql": text})
    with pytest.raises(CheckError) as caught:
        migrate(database_url, folder)
    lines = str(caught.value).splitlines()
    assert "1 row of a was deleted (DELETE in line 5)" in lines[0]
    assert "The database: 0001_a is half done, and that stays (3 of 5 statements done, line 5 is next)." in lines
    assert probe(database_url).rows("SELECT id, name FROM a") == [(1, "tea")]
    assert statuses(probe(database_url)) == [(1, "failed")]
    migrations({"0001_a.sql": "-- sessmig: may-lose a\n" + text})
    migrate(database_url, folder)
    assert probe(database_url).rows("SELECT id, name FROM a") == []
    assert statuses(probe(database_url)) == [(1, "success")]
