"""A rollback file outside transactions: carried out statement by statement, and brought to its end after a failure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import PlanError, StepError
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.rehearse import rehearse
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, migrate, roll_back, status
from tests.staged.half import attempts, rows, statuses

Probes = Callable[[str], Probe]

_FILES = {
    "0001_a.sql": "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (id INTEGER);\n",
    "0001_a.rollback.sql": "-- sessmig: no-transaction\n-- sessmig: may-lose a, b\n"
    "DROP TABLE b;\nVACUUM;\nINSERT INTO a VALUES (1);\nDROP TABLE a;\n",
}


def test_it_is_carried_out_statement_by_statement(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_FILES)
    migrate(database_url, folder)
    report = roll_back(database_url, folder)
    assert [(step.title, step.outcome) for step in report.steps] == [("0001_a", "undone")]
    assert not {"a", "b"} & set(probe(database_url).tables())
    assert rows(probe(database_url)) == [(1, "rolled_back", None)]
    assert attempts(probe(database_url))[-1] == ("rollback", 1, "success", [(3, None), (4, None), (5, 1), (6, None)])


def test_one_that_fails_is_half_undone_until_it_is_brought_to_its_end(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_FILES)
    migrate(database_url, folder)
    probe(database_url).execute("INSERT INTO a VALUES (1)")
    with pytest.raises(StepError) as caught:
        roll_back(database_url, folder)
    assert (
        "The database: the rollback of 0001_a is half done, and that stays (2 of 4 statements done, line 5 is next)."
    ) in str(caught.value)
    assert "sessmig rollback goes on where it stopped." in str(caught.value)
    assert statuses(probe(database_url)) == [(1, "failed")]
    assert "b" not in probe(database_url).tables()
    (standing,) = status(database_url, folder).standings
    assert (standing.state, standing.progress) == (
        "half undone",
        "rollback: 2 of 4 statements done, line 5 is next",
    )
    with pytest.raises(PlanError) as refused:
        migrate(database_url, folder)
    assert "half undone: 0001_a: its rollback was begun and is half done" in str(refused.value)
    assert "-> Bring it to its end: sessmig rollback" in str(refused.value)
    probe(database_url).execute("DELETE FROM a")
    roll_back(database_url, folder)
    assert "a" not in probe(database_url).tables()
    assert attempts(probe(database_url))[1:] == [
        ("rollback", 1, "failed", [(3, None), (4, None)]),
        ("rollback", 1, "success", [(5, 1), (6, None)]),
    ]
    assert migrate(database_url, folder).applied == 1


def test_a_dry_run_of_it_is_named_as_not_previewed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_FILES)
    migrate(database_url, folder)
    report = roll_back(database_url, folder, dry_run=True)
    assert (report.steps, report.unpreviewed) == ((), ("0001_a",))
    assert {"a", "b"} <= set(probe(database_url).tables())


def test_a_rehearsal_tries_it_on_a_copy_and_names_it_where_there_is_only_one_transaction(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(_FILES | {"0002_v.sql": "-- sessmig: no-transaction\nVACUUM;\n"})
    with connect(database_url, create=True) as database:
        told = rehearse(Job(database, folder))
    assert not told.failures
    left = {one.subject: one.reason for one in told.unrehearsed}
    if is_postgres(database_url):
        assert left["0002_v"] == "0002_v.sql is no-transaction: its statements are commits of their own"
        assert left["the rollback of 0001_a"].startswith("0001_a.rollback.sql is no-transaction")
        assert [step.title for step in told.steps] == ["0001_a"]
    else:
        assert [step.title for step in told.steps] == ["0001_a", "0002_v"]
        assert "0002_v" not in left
    assert not {"a", "b"} & set(probe(database_url).tables())


def test_one_of_which_nothing_was_done_leaves_the_migration_applied(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    measured = {"0001_a.verify.sql": "-- measure: answer\nSELECT 42;\n"}
    folder = migrations(
        _FILES | measured | {"0001_a.rollback.sql": "-- sessmig: no-transaction\nDROP TABLE nothing_like_it;\n"}
    )
    migrate(database_url, folder)
    before = rows(probe(database_url))
    with pytest.raises(StepError) as caught:
        roll_back(database_url, folder)
    assert (
        "The database holds what it held before; 0001_a stands as it did, and nothing of its rollback stays."
    ) in str(caught.value)
    assert rows(probe(database_url)) == before == [(1, "success", {"answer": 42})]
    assert attempts(probe(database_url))[-1] == ("rollback", 1, "failed", [])
