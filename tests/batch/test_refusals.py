"""A statement that cannot run in batches is refused, with its line, what the database holds, and the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import SessmigError, ensure_migrations
from tests.batch.filling import tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

MADE = (
    "CREATE TABLE odd (id INTEGER PRIMARY KEY, plain INTEGER NOT NULL, many INTEGER NOT NULL, maybe INTEGER UNIQUE);\n"
    "CREATE INDEX odd_many ON odd (many);\nINSERT INTO odd VALUES (1, 1, 1, 1);\n"
)
COPY = "INSERT INTO target SELECT id, 'x', 0 FROM odd WHERE {} BETWEEN :first AND :last;\n"


@pytest.mark.parametrize(
    ("batch", "statement", "reason"),
    [
        ("odd by plain", COPY.format("plain"), "plain has no index"),
        ("odd by many", COPY.format("many"), "many is not unique"),
        ("odd by maybe", COPY.format("maybe"), "maybe may be NULL"),
        ("odd by nothing", COPY.format("nothing"), "odd has no column nothing"),
        ("nowhere by id", COPY.format("id"), "there is no table nowhere"),
        ("odd by id", COPY.format("id + 0"), "each range would read the whole table odd"),
        (
            "odd by id",
            "INSERT INTO odd SELECT id + 9, 1, 1, NULL FROM odd WHERE id BETWEEN :first AND :last;\n",
            "the statement inserts into odd, which it takes in ranges, and would never end",
        ),
    ],
)
def test_what_cannot_be_cut_into_ranges_is_refused_before_any_row_is_touched(
    database_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    batch: str,
    statement: str,
    reason: str,
) -> None:
    folder = migrations(
        {"0001_tables.sql": tables(10) + MADE, "0002_fill.sql": f"-- Fills\n-- sessmig: batch {batch}\n{statement}"}
    )
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(database_url, folder)
    assert f"0002_fill.sql:2: batch {batch}: {reason}" in caught.value.what
    assert caught.value.exit_code == 1
    assert caught.value.remedy
    seen = probe(database_url)
    assert seen.rows("SELECT count(*) FROM target") == [(0,)]
    assert seen.rows("SELECT count(*) FROM odd") == [(1,)]
    assert not seen.rows("SELECT 1 FROM schema_migrations WHERE version = 2 AND status = 'success'")


def test_an_error_in_a_batch_names_the_line_and_keeps_what_is_committed(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_tables.sql": tables(2_500).replace(
                "number INTEGER NOT NULL", "number INTEGER CHECK (number <> 3600)"
            ),
            "0002_fill.sql": "-- Fills\n-- sessmig: batch source by id size 500\nINSERT INTO target\n"
            "SELECT id, word, id * 2 FROM source WHERE id BETWEEN :first AND :last;\n",
        }
    )
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(database_url, folder)
    assert "0002_fill.sql:3" in caught.value.what
    seen = probe(database_url)
    ((done, highest),) = seen.rows("SELECT count(*), max(id) FROM target")
    assert done == highest
    assert 500 <= done < 1_800
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"
    seen.execute("DELETE FROM source WHERE id = 1800;")
    ensure_migrations(database_url, folder)
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(2_499, 2_499)]
