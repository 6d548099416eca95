"""What would change a merge's source unseen, beside the batch that takes its rows, is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import SessmigError, ensure_migrations
from tests.batch.filling import demand_recorded, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

COPY = (
    "-- sessmig: batch source by id size 20\n"
    "INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last;\n"
)
MOVED = "-- sessmig: batch source by id size 20\nDELETE FROM source WHERE id BETWEEN :first AND :last;\n"
MERGE = "-- merge: source into target on id comparing word\n"
CLEARED = "UPDATE source SET word = '';\n"


@pytest.mark.parametrize(
    ("step", "merge", "line", "words"),
    [
        (COPY + CLEARED + "UPDATE target SET word = '';\n", MERGE, 3, "behind this one"),
        (COPY + "UPDATE target SET word = '';\n" + CLEARED, MERGE, 4, "behind this one"),
        (
            COPY + "-- sessmig: batch source by id\nUPDATE source SET word = '' WHERE id BETWEEN :first AND :last;\n"
            "UPDATE target SET word = '';\n",
            MERGE,
            4,
            "behind this one",
        ),
        (CLEARED + COPY, MERGE, 1, "before this one"),
        (MOVED + "UPDATE target SET word = '';\n", MERGE, 2, "behind this one"),
        (
            "ALTER TABLE source RENAME TO s2;\nUPDATE s2 SET word = '';\nALTER TABLE s2 RENAME TO source;\n" + COPY,
            MERGE,
            1,
            "before this one",
        ),
        (
            COPY + "UPDATE source SET odd = 1;\nUPDATE target SET id = -id;\n",
            MERGE + "-- reject: odd where odd = 1\n",
            3,
            "behind this one",
        ),
    ],
)
def test_a_statement_that_changes_the_source_where_no_account_sees_it_is_refused(
    step: str,
    merge: str,
    line: int,
    words: str,
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
) -> None:
    made = tables(100) + "ALTER TABLE source ADD COLUMN odd INTEGER;\n"
    folder = migrations({"0001_tables.sql": made, "0002_copy.sql": step, "0002_copy.verify.sql": merge})
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(database_url, folder)
    assert f"0002_copy.sql:{line}: changes source" in caught.value.what
    assert "the account of merge source into target is kept range by range, and would not see it" in caught.value.what
    assert caught.value.remedy.startswith(f"Put it into a migration of its own, {words}.")
    assert probe(database_url).value("SELECT count(*) FROM target") == 0


def test_rows_of_a_source_may_be_marked_behind_their_batch(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    made = tables(100) + "ALTER TABLE source ADD COLUMN moved INTEGER;\n"
    step = COPY + "UPDATE source SET moved = 1;\nUPDATE target SET number = 1;\n"
    ensure_migrations(
        database_url, migrations({"0001_tables.sql": made, "0002_copy.sql": step, "0002_copy.verify.sql": MERGE})
    )
    seen = probe(database_url)
    assert seen.value("SELECT count(*) FROM source WHERE moved = 1") == 100
    demand_recorded(seen)


def test_a_file_that_was_mended_is_refused_too(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    files = {"0001_tables.sql": tables(100), "0002_copy.sql": COPY + "SELECT nothing;\n", "0002_copy.verify.sql": MERGE}
    folder = migrations(files)
    with pytest.raises(SessmigError):
        ensure_migrations(database_url, folder)
    migrations({"0002_copy.sql": COPY + CLEARED + "UPDATE target SET word = '';\n"})
    with pytest.raises(SessmigError, match=r"0002_copy\.sql:3: changes source, and a statement changes target"):
        ensure_migrations(database_url, folder)
    assert probe(database_url).value("SELECT count(*) FROM source WHERE word = ''") == 0
