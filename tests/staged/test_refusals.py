"""What is refused before a step of several commits begins, with the file, the line and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from sessmig import FileError, UsageError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate

Probes = Callable[[str], Probe]

_BATCH = "-- sessmig: batch old by id\nINSERT INTO new SELECT * FROM old WHERE id BETWEEN :first AND :last;\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"0001_a.sql": f"-- sessmig: no-transaction\n{_BATCH}"},
            "0001_a.sql:2: batch in a no-transaction file (line 1)",
        ),
        ({"0001_a.sql": "-- sessmig: no-transaction now\n"}, "0001_a.sql:1: no-transaction takes no argument"),
        (
            {"0001_a.sql": "-- sessmig: batch old\nDELETE FROM old WHERE id BETWEEN :first AND :last;\n"},
            "0001_a.sql:1: batch not understood: old",
        ),
        (
            {"0001_a.sql": "-- sessmig: batch old by id size 0\nDELETE FROM old WHERE id BETWEEN :first AND :last;\n"},
            "0001_a.sql:1: batch with size 0",
        ),
        (
            {"0001_a.sql": "-- sessmig: batch old by id\nDELETE FROM old WHERE id >= :first;\n"},
            "0001_a.sql:2: a batch statement without :last: each range would do the whole work again",
        ),
        (
            {"0001_a.sql": "-- sessmig: batch old by id\nDELETE FROM old; -- BETWEEN :first AND :last\n"},
            "0001_a.sql:2: a batch statement without :first and :last: each range would do the whole work again",
        ),
        (
            {"0001_a.sql": "-- sessmig: batch old by id\nDROP TABLE old;\n"},
            "0001_a.sql:2: batch over a statement that is no INSERT, UPDATE or DELETE: DROP TABLE",
        ),
        (
            {"0001_a.sql": f"-- sessmig: batch old by id\n{_BATCH}"},
            "0001_a.sql:2: directive given twice: batch",
        ),
        (
            {"0001_a.sql": f"-- sessmig: idempotent\n{_BATCH}"},
            "0001_a.sql:1: idempotent over a statement in batches: a rehearsal cannot run that a second time",
        ),
        (
            {"0001_a.sql": "SELECT 1;\n", "0001_a.rollback.sql": _BATCH},
            "0001_a.rollback.sql:1: batch in a rollback file: "
            "a way back is one transaction, so that it is taken whole or not at all",
        ),
        (
            {"0001_a.sql": _BATCH, "0001_a.verify.sql": "-- merge: other into new on id\n"},
            "0001_a.verify.sql:1: merge other into new: 0001_a.sql is no single transaction, "
            "and no batch takes its rows: other",
        ),
        (
            {"0001_a.sql": _BATCH + _BATCH, "0001_a.verify.sql": "-- merge: old into new on id\n"},
            "0001_a.verify.sql:1: merge old into new: 0001_a.sql is no single transaction, "
            "and more than one batch takes its rows: old",
        ),
        (
            {
                "0001_a.sql": "-- sessmig: no-transaction\nSELECT 1;\n",
                "0001_a.verify.sql": "-- merge: a into b on id\n",
            },
            "0001_a.verify.sql:1: merge a into b: 0001_a.sql is no single transaction, and no batch takes its rows: a",
        ),
    ],
)
def test_a_file_that_cannot_be_staged_is_refused_before_anything_runs(
    database_url: str, migrations: WriteMigrations, probe: Probes, files: Mapping[str, str], told: str
) -> None:
    folder = migrations(files)
    with pytest.raises(FileError) as caught:
        migrate(database_url, folder)
    assert str(caught.value).splitlines()[0] == f"{folder}/{told}"
    assert caught.value.remedy
    assert not probe(database_url).tables()


def test_a_setting_that_would_reach_no_other_statement_is_refused(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: no-transaction\nSET work_mem = '1GB';\nVACUUM;\n"})
    with pytest.raises(FileError) as caught:
        migrate(postgres_url, folder)
    assert str(caught.value).splitlines() == [
        f"{folder}/0001_a.sql:2: `SET work_mem` reaches no other statement of this file: each is a commit of its own, "
        "and settings are given back at its end",
        "Leave it out, or give it with the connection (in the URL: ?options=-cNAME%3DVALUE).",
    ]
    assert not probe(postgres_url).tables()


def test_one_transaction_for_the_run_is_refused_where_a_file_is_no_transaction(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    files = {"0001_a.sql": "CREATE TABLE a (id INTEGER);\n", "0002_b.sql": "-- sessmig: no-transaction\nVACUUM;\n"}
    folder = migrations(files)
    with pytest.raises(UsageError) as caught:
        migrate(database_url, folder, single_transaction=True)
    assert str(caught.value).splitlines() == [
        "--single-transaction: 0002_b.sql is no-transaction: its statements are commits of their own",
        "Nothing was touched.",
        "Run without --single-transaction, or up to that file first (--to).",
    ]
    assert not probe(database_url).tables()


def test_a_dry_run_names_a_no_transaction_file_and_all_behind_it_as_not_previewed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    files = {"0001_a.sql": "CREATE TABLE a (id INTEGER);\n", "0002_b.sql": "-- sessmig: no-transaction\nVACUUM;\n"}
    folder = migrations(files | {"0003_c.sql": "CREATE TABLE c (id INTEGER);\n"})
    report = migrate(database_url, folder, dry_run=True)
    assert [(step.title, step.outcome) for step in report.steps] == [("0001_a", "would apply")]
    assert report.unpreviewed == ("0002_b", "0003_c")
    assert report.why_unpreviewed == "0002_b.sql is no-transaction: its statements are commits of their own"
    assert not probe(database_url).tables()


def test_a_dry_run_of_nothing_but_a_no_transaction_file_runs_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (id INTEGER);\n"})
    report = migrate(database_url, folder, dry_run=True)
    assert (report.steps, report.unpreviewed) == ((), ("0001_a",))
    assert not probe(database_url).tables()
