"""A statement in batches does what it would have done in one go, whatever its key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import Event, ensure_migrations
from tests.batch.filling import LEDGER, demand_filled, demand_recorded, fill, series, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe


def test_the_result_is_that_of_one_statement(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    report = ensure_migrations(database_url, migrations(series()))
    demand_filled(probe(database_url), 2_500)
    (statement,) = report.steps[1].statements
    assert (statement.verb, statement.rows) == ("INSERT", 2_500)
    assert statement.batches >= 2


def test_a_second_run_has_nothing_to_do(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(series())
    ensure_migrations(database_url, folder)
    assert ensure_migrations(database_url, folder).applied == 0
    demand_filled(probe(database_url), 2_500)


def test_an_empty_table_is_filled_with_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    ensure_migrations(database_url, migrations(series() | {"0001_tables.sql": tables(0) + "DELETE FROM source;\n"}))
    seen = probe(database_url)
    assert seen.value("SELECT count(*) FROM target") == 0
    demand_recorded(seen)


def test_an_update_and_a_delete_of_the_batched_table_reach_every_row(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    batch = "-- sessmig: batch source by id size 300\n"
    ensure_migrations(
        database_url,
        migrations(
            {
                "0001_tables.sql": tables(2_500),
                "0002_change.sql": "-- sessmig: may-lose source\n"
                f"{batch}UPDATE source SET word = word || '!' WHERE id BETWEEN :first AND :last;\n"
                f"{batch}DELETE FROM source WHERE id BETWEEN :first AND :last AND id % 2 = 0;\n",
            }
        ),
    )
    seen = probe(database_url)
    assert seen.rows("SELECT count(*), min(length(word) - length(trim(word, '!'))) FROM source") == [(1_250, 1)]
    assert seen.value("SELECT max(length(word) - length(trim(word, '!'))) FROM source") == 1
    demand_recorded(seen)


KEYS = [
    ("sqlite_url", "TEXT", "'key-' || x"),
    ("sqlite_url", "BLOB", "randomblob(16)"),
    ("sqlite_url", "INTEGER", "x * 7 - 5000"),
    ("postgres_url", "text", "'key-' || x"),
    ("postgres_url", "uuid", "md5(x::text)::uuid"),
    ("postgres_url", "timestamptz", "'2020-01-01'::timestamptz + x * interval '1.000001 s'"),
    ("postgres_url", "bigint", "x * 7 - 5000"),
]


@pytest.mark.parametrize(
    ("database", "kind", "value"), KEYS, ids=[f"{url.partition('_')[0]}-{kind}" for url, kind, _ in KEYS]
)
def test_each_type_of_key_serves(
    request: pytest.FixtureRequest,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    database: str,
    kind: str,
    value: str,
) -> None:
    url = request.getfixturevalue(database)
    made = (
        f"CREATE TABLE source (id {kind} PRIMARY KEY NOT NULL);\nCREATE TABLE target (id {kind});\n"
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2500)\n"
        f"INSERT INTO source SELECT {value} FROM n;\n"
    )
    copied = (
        "-- sessmig: batch source by id size 400\n"
        "INSERT INTO target SELECT id FROM source WHERE id BETWEEN :first AND :last;\n"
    )
    ensure_migrations(url, migrations({"0001_made.sql": made, "0002_copied.sql": copied}))
    seen = probe(url)
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(2_500, 2_500)]
    assert seen.rows("SELECT id FROM source EXCEPT SELECT id FROM target") == []
    demand_recorded(seen)


def test_rows_that_come_in_meanwhile_above_and_behind_the_cursor_are_there_once(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """Ids with gaps: what comes in between two that are done is found again by its key."""
    folder = migrations(
        {
            "0001_tables.sql": tables(2_500) + "UPDATE source SET id = -id;\nUPDATE source SET id = -id * 10;\n",
            "0002_fill.sql": fill(size=" size 200"),
        }
    )
    seen = probe(database_url)
    come: list[int] = []

    def write(event: Event) -> None:
        if event.kind == "progress" and len(come) < 12:
            new = [-7 - len(come), 15 + 10 * len(come), 16 + 10 * len(come), 90_000 + len(come)]
            for id_ in new:
                seen.execute(f"INSERT INTO source (id, word) VALUES ({id_}, 'late');")
            come.extend(new)

    ensure_migrations(database_url, folder, on_event=write)
    assert len(come) == 12
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(2_512, 2_512)]
    assert seen.rows("SELECT id FROM source EXCEPT SELECT id FROM target") == []
    assert seen.value("SELECT count(*) FROM target WHERE word = 'LATE'") == 12
    demand_recorded(seen)


def test_rows_that_others_change_or_delete_behind_the_cursor_stay_as_they_are(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(database_url)
    done: list[Event] = []

    def write(event: Event) -> None:
        if event.kind == "progress" and not done:
            done.append(event)
            seen.execute("UPDATE target SET word = 'changed' WHERE id = 3;")
            seen.execute("DELETE FROM source WHERE id = 5;")
            seen.execute("UPDATE source SET word = 'seen' WHERE id = 2400;")

    ensure_migrations(database_url, migrations(series(size=" size 500")), on_event=write)
    assert seen.rows("SELECT id, word FROM target WHERE id IN (3, 5, 2400) ORDER BY id") == [
        (3, "changed"),
        (5, "WORD 5"),
        (2400, "SEEN"),
    ]
    assert seen.value("SELECT count(*) FROM target") == 2_500
    demand_recorded(seen)


def test_a_dry_run_shows_the_rows_and_leaves_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    from sessmig import cli

    folder = migrations(series())
    ensure_migrations(database_url, folder, to=1)
    before = probe(database_url).snapshot()
    assert cli.main(["migrate", "--dry-run", "--dir", str(folder), "--database", database_url]) == 0
    assert probe(database_url).snapshot() == before
    assert not {table for table in probe(database_url).tables() - LEDGER if "batches" in table}


def test_in_one_transaction_the_batches_are_all_there_or_none(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    from sessmig import cli

    folder = migrations(series() | {"0003_bad.sql": "INSERT INTO nowhere VALUES (1);\n"})
    run = ["migrate", "--single-transaction", "--no-backup", "--dir", str(folder), "--database", database_url]
    assert cli.main(run) == 1
    assert "target" not in probe(database_url).tables()
    migrations({"0003_bad.sql": "INSERT INTO target VALUES (0, 'x', 0);\n"})
    assert cli.main(run) == 0
    assert probe(database_url).value("SELECT count(*) FROM target") == 2_501
    demand_recorded(probe(database_url))
