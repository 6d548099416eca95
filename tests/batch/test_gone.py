"""A batched table that a later statement of the file takes away: refused, as late rows could not be taken any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import FileError, SessmigError, ensure_migrations
from tests.batch.filling import demand_recorded, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

COPY = (
    "-- sessmig: may-lose source, target\n-- sessmig: batch source by id size 10\n"
    "INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last;\n"
)
NEEDED = "takes away what the batches of line 3 need at the file's end, to take the rows that came in meanwhile"


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TABLE IF EXISTS other, Source", "DROP TABLE Source"),
        ("DROP TABLE target", "DROP TABLE target"),
        ("ALTER TABLE source RENAME TO former", "ALTER TABLE source"),
        ('ALTER TABLE "target" RENAME TO source', 'ALTER TABLE "target"'),
        ("ALTER TABLE source RENAME COLUMN id TO number", "ALTER TABLE source"),
        ('ALTER TABLE source RENAME "id" TO number', "ALTER TABLE source"),
        ("ALTER TABLE source DROP COLUMN id", "ALTER TABLE source"),
        ("ALTER TABLE source ALTER id SET DATA TYPE text", "ALTER TABLE source"),
        ("ALTER TABLE source SET SCHEMA other", "ALTER TABLE source"),
    ],
)
def test_a_statement_that_takes_the_batched_table_or_its_target_away_is_refused_while_the_file_is_read(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], statement: str, named: str
) -> None:
    folder = migrations({"0001_tables.sql": tables(5), "0002_copy.sql": f"{COPY}\n{statement};\n"})
    with pytest.raises(FileError) as caught:
        ensure_migrations(database_url, folder)
    assert str(caught.value).splitlines() == [
        f"{folder / '0002_copy.sql'}:5: `{named}` {NEEDED}",
        "Put it into a migration of its own, behind this one.",
    ]
    assert probe(database_url).tables() == set()


def test_the_way_out_swaps_the_tables_in_a_migration_of_its_own(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    swap = "-- sessmig: may-lose source\nDROP TABLE source;\nALTER TABLE target RENAME TO source;\n"
    ensure_migrations(
        database_url, migrations({"0001_tables.sql": tables(25), "0002_copy.sql": COPY, "0003_swap.sql": swap})
    )
    seen = probe(database_url)
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM source") == [(25, 25)]
    demand_recorded(seen)


GENERATED = "-- sessmig: run-each-row\nSELECT 'DROP TABLE ' || 'source';\n"
HIDDEN = [
    ("sqlite_url", GENERATED, "there is no table source"),
    ("postgres_url", GENERATED, "there is no table source"),
    ("postgres_url", "\nDO $$ BEGIN EXECUTE 'DROP TABLE target'; END $$;\n", 'relation "target" does not exist'),
    ("postgres_url", "\nALTER TABLE source DROP CONSTRAINT source_pkey;\n", "id has no index"),
]


@pytest.mark.parametrize(
    ("database", "statement", "why"), HIDDEN, ids=["sqlite", "postgres", "in-a-block", "its-index"]
)
def test_what_no_text_tells_is_rolled_back_with_its_line_and_mended_by_leaving_it_out(
    request: pytest.FixtureRequest,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    database: str,
    statement: str,
    why: str,
) -> None:
    url = request.getfixturevalue(database)
    folder = migrations({"0001_tables.sql": tables(25), "0002_copy.sql": COPY + statement})
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(url, folder)
    assert str(caught.value).splitlines()[:3] == [
        f"{folder / '0002_copy.sql'}:5: this statement {NEEDED} ({why})",
        "The database: 0001_tables stands applied; 0002_copy is half done, and that stays "
        "(1 of 2 statements done, line 5 is next).",
        "Put it into a migration of its own, behind this one.",
    ]
    seen = probe(url)
    assert seen.rows("SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM target)") == [(25, 25)]
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"
    seen.execute("INSERT INTO source VALUES (-7, 'late');")
    ensure_migrations(url, migrations({"0002_copy.sql": COPY}))
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(26, 26)]
    demand_recorded(seen)


def test_what_leaves_the_batched_table_in_its_place_may_follow(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    more = "ALTER TABLE source ADD COLUMN more TEXT;\nALTER TABLE source RENAME COLUMN more TO note;\n"
    more += "CREATE INDEX source_word ON source (word);\nDROP INDEX source_word;\nDELETE FROM source;\n"
    ensure_migrations(database_url, migrations({"0001_tables.sql": tables(25), "0002_copy.sql": COPY + more}))
    seen = probe(database_url)
    assert seen.rows("SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM target)") == [(0, 25)]
    demand_recorded(seen)
