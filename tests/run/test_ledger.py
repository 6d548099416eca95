"""The ledger: its columns, its row for each migration, its name and its time."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from sessmig.ledger_tables import COLUMNS, LOG_COLUMNS
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, migrate, status

NAMES = [
    *("series", "version", "migration_id", "description", "status"),
    *("checksum", "applied_at", "duration_ms", "applied_by", "metadata"),
]
SHOP = {
    "0001_make_orders.sql": "-- Orders of the shop\nCREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);\n",
    "0002_fill_orders.sql": "INSERT INTO orders VALUES (1, 'tea'), (2, 'cake');\n",
    "0002_fill_orders.verify.sql": (
        "-- measure before: orders_before\nSELECT count(*) FROM orders;\n"
        "-- measure: orders_after\nSELECT count(*) FROM orders;\n"
        "-- measure: last_item\nSELECT max(item) FROM orders;\n"
        "-- measure: nothing\nSELECT NULL;\n"
    ),
}


def _columns(url: str, probe: Probe, table: str) -> list[str]:
    if is_postgres(url):
        query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1"
        in_order = query.replace("ORDER BY 1", "ORDER BY ordinal_position")
        return [name for (name,) in probe.rows(in_order)]
    return [row[1] for row in probe.rows(f"PRAGMA table_info({table})")]


def test_the_ledger_has_the_columns_of_the_design(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations(SHOP))
    assert _columns(database_url, probe(database_url), "schema_migrations") == NAMES


def test_the_log_has_a_column_for_who_when_how_long_and_with_what(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations(SHOP))
    assert _columns(database_url, probe(database_url), "schema_migrations_log") == [
        *("id", "series", "version", "migration_id", "action", "started_at", "duration_ms", "outcome"),
        *("done_by", "sessmig_version", "detail"),
    ]


def test_series_and_version_are_the_primary_key(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations(SHOP))
    database = probe(database_url)
    if is_postgres(database_url):
        key = database.value(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'schema_migrations'::regclass AND contype = 'p'"
        )
        assert key == "PRIMARY KEY (series, version)"
    else:
        keys = [(row[5], row[1]) for row in database.rows("PRAGMA table_info(schema_migrations)") if row[5]]
        assert keys == [(1, "series"), (2, "version")]


def test_every_column_is_commented_in_postgres(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(postgres_url, migrations(SHOP))
    for table, columns in (("schema_migrations", COLUMNS), ("schema_migrations_log", LOG_COLUMNS)):
        comments = probe(postgres_url).rows(
            "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute"
            f" WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"
        )
        assert comments == [(column.name, column.comment) for column in columns]
        assert all(comment for _, comment in comments)


def test_a_row_tells_what_ran_with_its_checksum_and_measures(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(SHOP)
    migrate(database_url, folder)
    rows = probe(database_url).rows(
        "SELECT series, version, migration_id, description, status, checksum, CAST(metadata AS TEXT)"
        " FROM schema_migrations ORDER BY version"
    )
    sums = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in list(SHOP)[:2]]
    assert [row[:6] for row in rows] == [
        ("shop", 1, "make_orders", "Orders of the shop", "success", sums[0]),
        ("shop", 2, "fill_orders", "fill orders", "success", sums[1]),
    ]
    assert json.loads(rows[0][6]) == {}
    assert json.loads(rows[1][6]) == {"orders_before": 0, "orders_after": 2, "last_item": "tea", "nothing": None}


def test_a_measure_that_json_cannot_hold_is_kept_as_text(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    endless = "CAST('Infinity' AS float8)" if is_postgres(database_url) else "9e999"
    folder = migrations({"1_a.sql": "", "1_a.verify.sql": f"-- measure: endless\nSELECT {endless};\n"})
    migrate(database_url, folder)
    metadata = probe(database_url).value("SELECT CAST(metadata AS TEXT) FROM schema_migrations")
    assert json.loads(metadata, parse_constant=pytest.fail) == {"endless": "inf"}


def test_a_measure_of_more_digits_than_python_reads_as_int_is_kept_whole(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    checks = "-- measure: long\nSELECT trunc(10::numeric ^ 5000);\n"
    checks += "-- check: the same\n-- expect: :long\nSELECT trunc(10::numeric ^ 5000) WHERE :long = :long;\n"
    migrate(postgres_url, migrations({"1_a.sql": "", "1_a.verify.sql": checks}))
    value = probe(postgres_url).value("SELECT metadata ->> 'long' FROM schema_migrations")
    assert value == "1" + "0" * 5000


def test_who_ran_it_and_how_long_it_took_stand_in_the_row(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    migrate(database_url, migrations(SHOP))
    rows = probe(database_url).rows("SELECT applied_by, duration_ms FROM schema_migrations")
    for applied_by, duration_ms in rows:
        assert re.fullmatch(r"\S+@\S+", applied_by)
        assert duration_ms >= 0


def test_applied_at_is_utc_text_in_sqlite(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(SHOP)
    done = cli("migrate", "-d", sqlite_url, "--dir", folder, env={"TZ": "Asia/Tokyo"})
    assert done.returncode == 0, done.stderr
    rows = probe(sqlite_url).rows(
        "SELECT applied_at, abs(julianday('now') - julianday(applied_at)) * 24 FROM schema_migrations"
    )
    for applied_at, hours_ago in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", applied_at)
        assert hours_ago < 1


def test_applied_at_is_right_and_shown_as_utc_whatever_the_time_zone_of_the_session(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(SHOP)
    database = probe(postgres_url)
    name = database.value("SELECT current_database()")
    database.execute(
        f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'; ALTER DATABASE \"{name}\" SET datestyle = 'German'"
    )
    done = cli("migrate", "-d", postgres_url, "--dir", folder, env={"PGTZ": "America/New_York"})
    assert done.returncode == 0, done.stderr
    for table, column in (("schema_migrations", "applied_at"), ("schema_migrations_log", "started_at")):
        kind = f"SELECT DISTINCT pg_typeof({column})::text FROM {table}"
        assert database.value(kind) == "timestamp with time zone"
        assert database.value(f"SELECT bool_and(abs(extract(epoch FROM now() - {column})) < 3600) FROM {table}") is True
    seen = status(postgres_url, folder).standings[0].applied_at
    utc = "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    assert seen == database.value(f"SELECT {utc} FROM schema_migrations WHERE version = 1")


def test_another_table_name_is_used_for_ledger_and_log(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(SHOP)
    done = cli("migrate", "-d", database_url, "--dir", folder, "--table", "Ours_2")
    assert done.returncode == 0, done.stderr
    assert probe(database_url).tables() == {"orders", "Ours_2", "Ours_2_log"}
    assert cli("status", "--check", "-d", database_url, "--dir", folder, "--table", "Ours_2").returncode == 0
    assert cli("status", "--check", "-d", database_url, "--dir", folder).returncode == 6


def test_two_series_share_a_ledger_and_do_not_see_each_other(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    shop, club = migrations({"1_a.sql": "CREATE TABLE a (x INTEGER);"}), migrations({"1_b.sql": ""}, series="club")
    assert ensure_migrations(database_url, shop).applied == 1
    assert ensure_migrations(database_url, club).applied == 1
    rows = probe(database_url).rows("SELECT series, version, migration_id FROM schema_migrations ORDER BY series")
    assert rows == [("club", 1, "b"), ("shop", 1, "a")]


@pytest.mark.parametrize("name", ["a-b", 'x"; DROP TABLE y', "", "1st", "a.b", "x" * 52])
def test_a_table_name_that_is_no_plain_identifier_is_refused(
    name: str, tmp_path: Path, migrations: WriteMigrations, cli: Cli
) -> None:
    done = cli("migrate", "--db", tmp_path / "app.db", "--dir", migrations(SHOP), "--table", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"table {name!r}: not a table name" in done.stderr
    assert not (tmp_path / "app.db").exists()
