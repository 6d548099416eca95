"""Range by range the loss guard looks and the row accounts are taken, and summed in the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, Event, ensure_migrations
from tests.batch.filling import demand_recorded, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

BATCH = "-- sessmig: batch source by id size 500\n"
COPY = f"-- Copies\n{BATCH}INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last{{}};\n"
MERGE = "-- merge: source into target on id comparing word\n-- reject: even where source.id % 2 = 0\n"


def test_the_accounts_of_the_ranges_are_summed(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    report = ensure_migrations(
        database_url,
        migrations(
            {
                "0001_tables.sql": tables(2_500)
                + "INSERT INTO target VALUES (7, 'word 7', 0), (1999, 'word 1999', 0);\n",
                "0002_copy.sql": COPY.format(" AND id % 2 = 1 AND id NOT IN (7, 1999)"),
                "0002_copy.verify.sql": MERGE,
            }
        ),
    )
    (account,) = report.steps[1].merges
    assert account.outcome == "passed"
    assert (account.source, account.inserted, account.identical) == (2_500, 1_248, 2)
    assert account.rejected == (("even", 1_250),)
    assert account.missing == 0
    demand_recorded(probe(database_url))


def test_a_range_whose_account_does_not_balance_is_rolled_back_and_those_before_it_stay(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_tables.sql": tables(2_500),
            "0002_copy.sql": COPY.format(" AND id % 2 = 1 AND id <> 777"),
            "0002_copy.verify.sql": MERGE,
        }
    )
    with pytest.raises(CheckError) as caught:
        ensure_migrations(database_url, folder)
    assert "1 row missing in the target" in caught.value.what
    assert "777" in caught.value.what
    seen = probe(database_url)
    assert seen.rows("SELECT count(*), max(id) FROM target") == [(250, 499)]
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"
    seen.execute("DELETE FROM source WHERE id = 777;")
    report = ensure_migrations(database_url, folder)
    assert report.steps[0].merges[0].inserted == 1_249
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(1_249, 1_249)]
    demand_recorded(seen)


def test_rows_that_come_in_meanwhile_are_in_the_account(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_tables.sql": tables(2_500),
            "0002_copy.sql": COPY.format(" AND id % 2 <> 0").replace("size 500", "size 20"),
            "0002_copy.verify.sql": MERGE,
        }
    )
    seen = probe(database_url)
    come: list[int] = []

    def write(event: Event) -> None:
        if event.kind == "progress" and len(come) < 4:
            come.append(9_001 + len(come))
            seen.execute(f"INSERT INTO source VALUES ({come[-1]}, 'late'), ({-come[-1]}, 'late');")

    report = ensure_migrations(database_url, folder, on_event=write)
    assert report.steps[1].merges[0].source == 2_508
    assert seen.value("SELECT count(*) FROM target WHERE word = 'late'") == 4
    demand_recorded(seen)


def test_a_loss_in_a_range_that_nobody_declared_rolls_it_back(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_tables.sql": tables(2_500),
            "0002_thin.sql": f"-- Thins\n{BATCH}DELETE FROM source WHERE id BETWEEN :first AND :last AND id = 777;\n",
        }
    )
    with pytest.raises(CheckError) as caught:
        ensure_migrations(database_url, folder)
    assert "source" in caught.value.what
    assert "may-lose" in str(caught.value)
    seen = probe(database_url)
    assert seen.value("SELECT count(*) FROM source") == 2_500
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"


@pytest.mark.parametrize(
    ("act", "told"),
    [("TRUNCATE kept", "the table kept was truncated"), ("DROP TABLE IF EXISTS kept", "the table kept was dropped")],
)
def test_what_a_trigger_truncates_or_drops_in_a_range_is_seen(
    act: str, told: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(postgres_url)
    seen.execute(
        "CREATE TABLE source (id INTEGER PRIMARY KEY, word TEXT); CREATE TABLE kept (id INTEGER);"
        "INSERT INTO source SELECT g, 'a' FROM generate_series(1, 30) AS g; INSERT INTO kept VALUES (1), (2), (3);"
        f"CREATE FUNCTION wipe() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {act}; RETURN NULL; END';"
        "CREATE TRIGGER wiping AFTER UPDATE ON source FOR EACH STATEMENT EXECUTE FUNCTION wipe();"
    )
    step = "-- sessmig: batch source by id size 10\nUPDATE source SET word = 'b' WHERE id BETWEEN :first AND :last;\n"
    with pytest.raises(CheckError) as caught:
        ensure_migrations(postgres_url, migrations({"0001_b.sql": step}))
    assert told in str(caught.value)
    assert seen.value("SELECT count(*) FROM kept") == 3


def test_the_effects_of_the_ranges_are_summed(database_url: str, migrations: WriteMigrations) -> None:
    folder = migrations({"0001_tables.sql": tables(2_500), "0002_copy.sql": COPY.format("")})
    report = ensure_migrations(database_url, folder)
    (effect,) = [effect for effect in report.steps[1].effects if effect.table == "target"]
    assert (effect.inserted, effect.deleted) == (2_500, 0)


def test_checks_are_asked_after_the_last_batch_and_a_failure_undoes_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    check = "-- check: nothing is zero\nSELECT id FROM target WHERE number = 0;\n"
    folder = migrations(
        {"0001_tables.sql": tables(2_500), "0002_copy.sql": COPY.format(""), "0002_copy.verify.sql": check}
    )
    with pytest.raises(CheckError):
        ensure_migrations(database_url, folder)
    seen = probe(database_url)
    assert seen.value("SELECT count(*) FROM target") == 2_500
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"
    seen.execute("UPDATE target SET number = 1;")
    ensure_migrations(database_url, folder)
    assert seen.value("SELECT count(*) FROM target") == 2_500
    demand_recorded(seen)
