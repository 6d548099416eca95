"""PostgreSQL: `setval` is not rolled back, so what calls it is tried out on a copy only."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import FileError
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.rehearse import rehearse
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate

HERE = "CREATE SEQUENCE sq; SELECT nextval('sq'); SELECT nextval('sq')"
WAYS = {
    "plain": "SELECT setval('sq', 500);\n",
    "quoted": "SELECT pg_catalog.\"setval\" ('sq', 500);\n",
    "hidden": "DO $$ BEGIN PERFORM setval('sq', 500); END $$;\n",
}


def _said(folder: Path, name: str) -> str:
    return (
        f"{folder / name}:2: `setval` moves a sequence for good: PostgreSQL does not roll it back, so that "
        "this file cannot be tried out where sequences stand already (public.sq)\nNothing was touched.\n"
        "Try it out on a copy: sessmig rehearse --on URL. Or set it to the column's own maximum, "
        "as in setval('s', (SELECT max(id) FROM t)); or write ALTER SEQUENCE ... RESTART WITH, which is rolled back."
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_dry_run_of_setval_is_refused_before_anything_is_touched(
    way: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(HERE)
    folder = migrations({"1_a.sql": f"CREATE TABLE a (x INTEGER);\n{WAYS[way]}"})
    with pytest.raises(FileError) as caught:
        migrate(postgres_url, folder, dry_run=True)
    assert str(caught.value) == _said(folder, "1_a.sql")
    assert database.rows("SELECT last_value, is_called FROM sq") == [(2, True)]
    assert database.tables() == set()


@pytest.mark.parametrize("name", ["1_a.sql", "1_a.rollback.sql"])
def test_a_rehearsal_of_setval_in_one_transaction_is_refused(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(HERE)
    files = {"1_a.sql": "SELECT 1;\n", "1_a.rollback.sql": "SELECT 1;\n"}
    folder = migrations(files | {name: "SELECT 1;\nSELECT setval('sq', 1, false);\n"})
    with pytest.raises(FileError) as caught, connect(postgres_url) as opened:
        rehearse(Job(opened, folder))
    assert str(caught.value) == _said(folder, name)
    assert database.rows("SELECT last_value, is_called FROM sq") == [(2, True)]
    assert database.tables() == set()


def test_a_copy_rehearses_setval(
    new_postgres_url: Callable[[], str], migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    url, copy = new_postgres_url(), new_postgres_url()
    for one in (url, copy):
        probe(one).execute(HERE)
    folder = migrations({"1_a.sql": WAYS["plain"], "1_a.rollback.sql": "SELECT setval('sq', 2);\n"})
    done = cli("rehearse", "-d", url, "--dir", folder, "--on", copy)
    assert done.returncode == 0, done.stderr
    assert probe(url).rows("SELECT last_value FROM sq") == [(2,)]
    assert probe(copy).rows("SELECT last_value FROM sq") == [(500,)]


def test_a_run_that_is_kept_may_call_it(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(HERE)
    assert migrate(postgres_url, migrations({"1_a.sql": WAYS["plain"]}), single_transaction=True).applied == 1
    assert probe(postgres_url).rows("SELECT last_value FROM sq") == [(500,)]


def test_where_no_sequence_stands_yet_none_can_be_moved(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(postgres_url, migrations({"1_a.sql": "SELECT 1;\n"}))  # the ledger's own does not count
    folder = migrations({"2_b.sql": f"CREATE SEQUENCE sq;\n{WAYS['plain']}"})
    assert [step.outcome for step in migrate(postgres_url, folder, dry_run=True).steps] == ["would apply"]
    assert probe(postgres_url).rows("SELECT 1 FROM pg_class WHERE relname = 'sq'") == []


def test_the_way_out_is_rolled_back(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(HERE)
    folder = migrations({"1_a.sql": "-- not setval(\nALTER SEQUENCE sq RESTART WITH 500;\nSELECT nextval('sq');\n"})
    assert [step.outcome for step in migrate(postgres_url, folder, dry_run=True).steps] == ["would apply"]
    assert probe(postgres_url).rows("SELECT last_value FROM sq") == [(2,)]


def test_a_sequence_set_to_its_columns_maximum_may_be_tried_out(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute("CREATE TABLE t (id SERIAL PRIMARY KEY, x INTEGER); INSERT INTO t (x) VALUES (1), (2)")
    step = "INSERT INTO t VALUES (40, 3);\nSELECT setval('t_id_seq', (SELECT max(id) FROM t));\n"
    report = migrate(postgres_url, migrations({"1_a.sql": step}), dry_run=True)
    assert [one.outcome for one in report.steps] == ["would apply"]
    assert database.rows("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
    database.execute("INSERT INTO t (x) VALUES (9)")
    assert database.value("SELECT max(id) > 2 FROM t")
