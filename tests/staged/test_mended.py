"""A half-done step goes on only with the file that it was begun with; else the plan says what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import PlanError, StepError
from sessmig.plan import Wish
from sessmig.report import summary
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, roll_back, status
from tests.staged.half import BATCH, TABLES, rows

Probes = Callable[[str], Probe]

_DONE = "-- sessmig: batch old by id\nINSERT INTO new SELECT id, 'n' FROM old WHERE id BETWEEN :first AND :last;\n"
_FAILS = "INSERT INTO nowhere VALUES (1);\n"


def _refused(url: str, folder: Path) -> str:
    with pytest.raises(PlanError) as caught:
        migrate(url, folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        _DONE.replace("batch old by id", "batch new by id") + _FAILS,
        _DONE.partition("\n")[2] + "-- sessmig: batch old by id\n" + _DONE.partition("\n")[2],
        "-- sessmig: no-transaction\n" + _DONE.partition("\n")[2].replace(":first AND :last", "1 AND 2") + _FAILS,
        "CREATE TABLE plain (id INTEGER);\n",
    ],
    ids=["another table", "no batch any more", "no-transaction", "plain"],
)
def test_a_batch_that_is_done_has_to_stand_there_as_it_was(
    database_url: str, migrations: WriteMigrations, probe: Probes, text: str
) -> None:
    folder = migrations(TABLES | {"0002_copy.sql": _DONE + _FAILS})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    before = rows(probe(database_url))
    migrations({"0002_copy.sql": text})
    assert f"changed: {folder / '0002_copy.sql'}" in _refused(database_url, folder)
    assert rows(probe(database_url)) == before
    assert status(database_url, folder).pending == 1


def test_a_statement_of_which_batches_are_done_has_to_stand_there_as_it_was(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | BATCH)
    with pytest.raises(StepError):
        migrate(database_url, folder)
    before = probe(database_url).value("SELECT count(*) FROM new")
    migrations({"0002_copy.sql": BATCH["0002_copy.sql"].replace("SELECT id, name FROM", "SELECT id, 'x' FROM")})
    told = _refused(database_url, folder)
    assert "rows are done by this statement in batches, and it was changed since" in told
    assert "Put the statement and its `batch` back as they were" in told
    assert probe(database_url).value("SELECT count(*) FROM new") == before > 0


def test_a_statement_of_which_no_batch_is_done_may_be_mended(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    text = "-- sessmig: batch old by id\nINSERT INTO new SELECT id, 'bad' FROM old WHERE id BETWEEN :first AND :last;\n"
    folder = migrations(TABLES | {"0002_copy.sql": text})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    migrations({"0002_copy.sql": text.replace("'bad'", "'good'")})
    migrate(database_url, folder)
    assert probe(database_url).rows("SELECT DISTINCT name FROM new") == [("good",)]


def test_a_half_undone_rollback_that_became_plain_is_not_run_from_its_start(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    back = "-- sessmig: no-transaction\nUPDATE a SET n = n + 1;\nDELETE FROM nowhere;\n"
    folder = migrations(
        {"0001_a.sql": "CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (0);\n", "0001_a.rollback.sql": back}
    )
    migrate(database_url, folder)
    with pytest.raises(StepError):
        roll_back(database_url, folder)
    migrations({"0001_a.rollback.sql": "UPDATE a SET n = n + 1;\n"})
    with pytest.raises(PlanError) as caught:
        roll_back(database_url, folder)
    assert "0001_a.rollback.sql: statement 1 of the 1 that are done is gone" in str(caught.value)
    assert probe(database_url).rows("SELECT n FROM a") == [(1,)]
    (folder / "0001_a.rollback.sql").unlink()
    with pytest.raises(PlanError) as gone:
        roll_back(database_url, folder)
    assert "half undone: 0001_a: its rollback file is gone" in str(gone.value)


def test_nothing_behind_a_half_done_step_is_run(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(TABLES | BATCH | {"0003_c.sql": "CREATE TABLE c (id INTEGER);\n"})
    with pytest.raises(StepError):
        migrate(database_url, folder)
    with pytest.raises(PlanError) as caught:
        migrate(database_url, folder, wish=Wish(only=3))
    assert "half done: 0002_copy: half done, and what stands behind it is not run before it is done" in str(
        caught.value
    )
    assert "c" not in probe(database_url).tables()


def test_the_account_of_tables_has_the_rows_that_batches_inserted(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(TABLES | {"0002_copy.sql": _DONE})
    report = migrate(database_url, folder)
    assert [(effect.table, effect.inserted) for effect in report.steps[1].effects] == [("new", 40)]
    assert probe(database_url).value("SELECT count(*) FROM new") == 40


def test_a_dry_run_of_nothing_but_a_no_transaction_file_does_not_say_that_nothing_is_pending(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (id INTEGER);\n"})
    report = migrate(database_url, folder, dry_run=True)
    assert summary(report) == "nothing was tried out: 1 pending, not previewed (0001_a)"


def test_a_table_of_the_index_name_is_named_as_what_is_in_the_way(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute("CREATE TABLE t (id INTEGER); CREATE TABLE i (id INTEGER);")
    folder = migrations(
        {"0001_a.sql": "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);\n"}
    )
    with pytest.raises(StepError) as caught:
        migrate(postgres_url, folder)
    assert "no index i on t was made: a table, view or sequence there bears that name" in str(caught.value)
