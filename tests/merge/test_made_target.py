"""The step itself makes the target: before it every row is new, and afterwards the account is as any other."""

from __future__ import annotations

import pytest

from sessmig import CheckError
from tests.fixtures.files import WriteMigrations
from tests.merge.moving import ROWS, TABLES, Probes, moved, refused

MAKE = "CREATE TABLE made (id INTEGER PRIMARY KEY, words TEXT, num INTEGER);\n"
FILL = MAKE + "INSERT INTO made SELECT id, body, num FROM old WHERE sess <> 'gone';\n"
MERGE = "-- merge: old into made on id comparing body = words, num\n"
GONE = "-- reject: no session where sess = 'gone'\n"


def test_every_row_is_new_in_a_table_that_the_step_makes(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    account = moved(database_url, migrations, FILL, MERGE + GONE)
    assert (account.source, account.inserted, account.identical, account.differing) == (5, 4, 0, 0)
    assert (account.rejected, account.absent, account.outcome) == ((("no session", 1),), 1, "passed")


def test_a_row_that_the_new_table_lacks_is_shown(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, FILL, MERGE)
    assert "1 row missing in the target" in lines
    assert "made" not in database.tables()


def test_a_value_that_changed_on_its_way_into_the_new_table_is_shown(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = MAKE + "INSERT INTO made SELECT id, substr(body, 1, 0), num FROM old WHERE sess <> 'gone';\n"
    lines = refused(database_url, migrations, database, step, MERGE + GONE)
    assert any("in the target with other values" in line for line in lines)


def test_the_source_may_be_renamed_or_emptied_beside_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    step = FILL + "ALTER TABLE old RENAME TO older;\n"
    assert moved(database_url, migrations, step, MERGE + GONE + "-- source after: older\n").inserted == 4


def test_the_rows_may_leave_the_source_for_it(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS)
    step = FILL + "DELETE FROM old WHERE sess <> 'gone';\n"
    assert moved(database_url, migrations, step, MERGE + GONE).inserted == 4
    assert probe(database_url).value("SELECT count(*) FROM old") == 1


def test_rejected_rows_that_leave_the_source_too_are_lost(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        moved(database_url, migrations, FILL + "DELETE FROM old;\n", MERGE + GONE)
    assert probe(database_url).value("SELECT count(*) FROM old") == 5


@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_json_in_the_new_table_is_compared_by_value(
    kind: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(
        'CREATE TABLE old (id INTEGER, doc json); INSERT INTO old VALUES (1, \'{"b":1,"a":2}\')'
    )
    step = f"CREATE TABLE made (id INTEGER, doc {kind});\nINSERT INTO made SELECT id, doc::jsonb FROM old;\n"
    account = moved(postgres_url, migrations, step, "-- merge: old into made on id comparing doc")
    assert (account.inserted, account.outcome) == (1, "passed")
