"""`sessmig verify` asks a merge again: only for what is missing, and it writes nothing."""

from __future__ import annotations

import json

from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import Cli
from tests.merge.moving import ALL, COPY, ROWS, TABLES, Probes, files
from tests.run.doing import migrate, verify

GONE = "-- reject: no session where sess = 'gone'\n"
SOME = "INSERT INTO fresh SELECT * FROM old WHERE sess <> 'gone' AND id NOT IN (SELECT id FROM fresh);\n"


def test_what_has_arrived_and_stays_is_found_again(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, SOME, ALL + GONE)
    migrate(database_url, folder)
    database.execute("UPDATE fresh SET body = 'edited'; INSERT INTO fresh VALUES (77, 'new', 1, 's1')")
    before = database.snapshot(exclude=())
    done = cli("verify", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stdout
    assert "  merge old into fresh\n    ok  nothing is missing\n" in done.stdout
    assert done.stdout.endswith("verified: 1 of 1 check held\n")
    assert database.snapshot(exclude=()) == before


def test_a_row_that_has_gone_from_the_target_is_missing(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, COPY, ALL)
    migrate(database_url, folder)
    database.execute("DELETE FROM fresh WHERE id = 5")
    before = database.snapshot(exclude=())
    done = cli("verify", "-d", database_url, "--dir", folder)
    assert done.returncode == 3
    assert ("  merge old into fresh\n    FAILED  1 row missing in the target\n    id\n    5\n") in done.stdout
    assert "VERIFICATION FAILED: 0 of 1 check held" in done.stdout
    assert database.snapshot(exclude=()) == before
    (account,) = json.loads(cli("verify", "-d", database_url, "--dir", folder, "--json").stdout)["steps"][0]["merges"]
    assert (account["outcome"], account["missing"]) == ("failed", 1)


def test_a_missing_row_is_found_though_a_compared_column_is_gone(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, COPY, ALL)
    migrate(database_url, folder)
    database.execute("ALTER TABLE old DROP COLUMN num; ALTER TABLE fresh DROP COLUMN num")
    assert verify(database_url, folder).steps[0].merges[0].outcome == "passed"
    database.execute("DELETE FROM fresh WHERE id = 5")
    (account,) = verify(database_url, folder).steps[0].merges
    assert (account.outcome, account.missing, account.examples) == ("failed", 1, ((5,),))


def test_without_the_log_nobody_knows_how_many_rows_were_rejected(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, SOME, ALL + GONE)
    migrate(database_url, folder)
    database.execute("DELETE FROM schema_migrations_log")
    (account,) = verify(database_url, folder).steps[0].merges
    assert (account.outcome, account.found) == (
        "not re-runnable",
        "the log does not tell how many rows were rejected",
    )


def test_rejected_rows_are_not_missing(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "INSERT INTO old VALUES (6, 'f', 6, 'gone'); INSERT INTO fresh (id) VALUES (6);")
    folder = files(migrations, SOME, ALL + GONE)
    (account,) = migrate(database_url, folder).steps[0].merges
    assert (account.rejected, account.absent) == ((("no session", 2),), 1)
    assert verify(database_url, folder).steps[0].merges[0].outcome == "passed"
    database.execute("DELETE FROM fresh WHERE id IN (1, 2)")
    (account,) = verify(database_url, folder).steps[0].merges
    assert (account.outcome, account.missing) == ("failed", 2)
    assert account.found == "2 rows missing in the target, beside 1 that was rejected"


def test_a_source_that_was_renamed_is_asked_under_its_new_name(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = COPY + "ALTER TABLE old RENAME TO older;\n"
    folder = files(migrations, step, ALL + "-- source after: older")
    migrate(database_url, folder)
    assert verify(database_url, folder).steps[0].merges[0].outcome == "passed"
    database.execute("DELETE FROM fresh WHERE id = 1")
    assert verify(database_url, folder).steps[0].merges[0].missing == 1


def test_a_source_that_is_gone_cannot_be_asked_again_and_is_said_to_be_so(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, COPY, ALL + "-- check: some\n-- expect: some\nSELECT 1;\n")
    migrate(database_url, folder)
    database.execute("DROP TABLE old")
    done = cli("verify", "-d", database_url, "--dir", folder)
    assert done.returncode == 0
    assert "    not re-runnable  cannot be asked: " in done.stdout
    assert done.stdout.endswith("verified: 1 of 1 check held, 1 merge not re-runnable\n")


def test_a_source_that_its_step_emptied_has_nothing_to_miss(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    folder = files(migrations, COPY + "DELETE FROM old;\n", ALL)
    migrate(database_url, folder)
    assert verify(database_url, folder).steps[0].merges[0].outcome == "passed"


def test_several_merges_are_asked_again_each_with_its_own_rejected_rows(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "CREATE TABLE copy (id INTEGER PRIMARY KEY);")
    step = SOME + "INSERT INTO copy SELECT id FROM old;\n"
    folder = files(migrations, step, ALL + GONE + "-- merge: old into copy on id")
    migrate(database_url, folder)
    database.execute("DELETE FROM copy WHERE id = 3")
    accounts = verify(database_url, folder).steps[0].merges
    assert [(account.name, account.outcome) for account in accounts] == [
        ("old into fresh", "passed"),
        ("old into copy", "failed"),
    ]
