"""Keys that two runs would read differently, or that do not tell rows apart, are refused; the others are taken once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import SessmigError, ensure_migrations
from sessmig.databases import connect
from sessmig.errors import FileError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

ADD = "-- sessmig: batch t by id size 3\nUPDATE t SET n = n + 1 WHERE id BETWEEN :first AND :last;\n"
TYPED = "CREATE TABLE t (id {} PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0);"


def _unfit(url: str, column: str = "id") -> str:
    with connect(url) as database, database.transaction("x", wait=10, on_wait=lambda _: None):
        return database.keyset("t", column).unfit()


@pytest.mark.parametrize(
    ("kind", "value", "other"),
    [
        ("timestamptz", "timestamptz '2026-01-01 00:00Z' + x * interval '1 hour'", "-c%20TimeZone%3DAsia/Tokyo"),
        ("timestamp", "timestamp '2026-02-03 00:00' + x * interval '1 hour'", "-c%20DateStyle%3DSQL,DMY"),
        ("date", "date '2026-02-03' + x", "-c%20DateStyle%3DSQL,DMY"),
    ],
)
def test_a_run_with_other_settings_goes_on_behind_the_first_ones_keys(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], kind: str, value: str, other: str
) -> None:
    seen = probe(postgres_url)
    seen.execute(f"{TYPED.format(kind)} INSERT INTO t SELECT {value}, 0 FROM generate_series(1, 7) AS x;")
    folder = migrations({"0001_add.sql": f"{ADD}INSERT INTO nowhere VALUES (1);\n"})
    with pytest.raises(SessmigError):
        ensure_migrations(postgres_url, folder)
    seen.execute("CREATE TABLE nowhere (x int);")
    ensure_migrations(f"{postgres_url}?options={other}", folder)
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n") == [(1, 7)]


def test_times_far_away_are_taken_once(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(postgres_url)
    seen.execute(
        f"{TYPED.format('timestamptz')} INSERT INTO t VALUES ('infinity'), ('-infinity'), ('0044-03-15 BC'),"
        " ('2026-01-01 00:00:00.123456+05:30'), ('1850-01-01 00:00 Europe/Berlin'), ('294000-01-01');"
    )
    ensure_migrations(f"{postgres_url}?options=-c%20TimeZone%3DEurope/Berlin", migrations({"0001_add.sql": ADD}))
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n") == [(1, 6)]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("kind", ["REAL", "NUMERIC", "BLOB"])
def test_numbers_without_end_are_taken_once_on_sqlite(
    kind: str, size: int, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(sqlite_url)
    seen.execute(f"CREATE TABLE t (id {kind} NOT NULL UNIQUE, n INTEGER NOT NULL DEFAULT 0);")
    seen.execute("INSERT INTO t (id) VALUES (9e999), (-9e999), (0.1), (5e-324), (-1.7976931348623157e308), (3);")
    if kind == "BLOB":  # a text that is written like it is another value
        seen.execute("INSERT INTO t (id) VALUES ('Inf'), ('9e999'), ('-Inf');")
    rows = seen.value("SELECT count(*) FROM t")
    folder = migrations({"0001_add.sql": f"{ADD.replace('size 3', f'size {size}')}INSERT INTO nowhere VALUES (1);\n"})
    with pytest.raises(SessmigError, match="no such table: nowhere"):
        ensure_migrations(sqlite_url, folder)
    seen.execute("CREATE TABLE nowhere (x int);")
    ensure_migrations(sqlite_url, folder)
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n") == [(1, rows)]


@pytest.mark.parametrize("kind", ["double precision", "money", "bytea", "interval", "tstzrange"])
def test_a_type_that_each_session_writes_in_its_own_way_is_refused_by_name(
    postgres_url: str, probe: Callable[[str], Probe], kind: str
) -> None:
    probe(postgres_url).execute(TYPED.format(kind))
    assert _unfit(postgres_url).startswith(f"id is {kind}; it has to be an integer")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (f"{TYPED.format('int')} CREATE TABLE c () INHERITS (t);", "other tables inherit from t"),
        (
            # Not every build has ICU, which alone makes such collations.
            f"CREATE COLLATION vague (provider = libc, locale = 'C'); {TYPED.format('text COLLATE vague')}"
            "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'vague';",
            "id has a nondeterministic collation",
        ),
    ],
)
def test_a_key_that_does_not_tell_rows_apart_is_refused(
    postgres_url: str, probe: Callable[[str], Probe], made: str, reason: str
) -> None:
    probe(postgres_url).execute(made)
    assert _unfit(postgres_url).startswith(reason)


def test_a_temporary_table_of_the_name_is_refused(database_url: str, probe: Callable[[str], Probe]) -> None:
    probe(database_url).execute(TYPED.format("INTEGER"))
    with connect(database_url) as database, database.transaction("x", wait=10, on_wait=lambda _: None):
        database.query("CREATE TEMPORARY TABLE t (id INTEGER PRIMARY KEY)")
        assert "temporary" in database.keyset("t", "id").unfit()


def test_rows_that_row_level_security_hides_are_refused(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    seen = probe(postgres_url)
    seen.execute(
        f"{TYPED.format('int')} ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;"
    )
    seen.execute("DO $$ BEGIN CREATE ROLE sessmig_hidden; EXCEPTION WHEN duplicate_object THEN NULL; END $$;")
    seen.execute("GRANT ALL ON t TO sessmig_hidden;")
    with connect(postgres_url) as database, database.transaction("x", wait=10, on_wait=lambda _: None):
        database.query("SET LOCAL ROLE sessmig_hidden")
        assert database.keyset("t", "id").unfit() == "row-level security hides rows of t from this role"


def test_an_integer_key_declared_desc_is_refused_if_a_null_stands_in_it(
    sqlite_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE t (id INTEGER PRIMARY KEY DESC); INSERT INTO t VALUES (1), (NULL), (NULL);")
    assert _unfit(sqlite_url) == "id is NULL in some row"


def test_a_column_that_is_unique_by_another_collation_is_refused(
    sqlite_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE t (id TEXT COLLATE NOCASE NOT NULL, same TEXT COLLATE NOCASE NOT NULL UNIQUE);"
        "CREATE UNIQUE INDEX u ON t (id COLLATE BINARY); CREATE INDEX i ON t (id);"
    )
    assert _unfit(sqlite_url) == "id is unique by another collation than its own"
    assert _unfit(sqlite_url, "same") == ""


@pytest.mark.parametrize("key", ["'b' || char(0) || 'x'", "CAST(X'62FF' AS TEXT)", "CAST(X'62EDA080' AS TEXT)"])
def test_a_key_that_no_statement_can_be_given_stops_the_step_and_no_row_is_done_twice(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], key: str
) -> None:
    seen = probe(sqlite_url)
    seen.execute(f"{TYPED.format('TEXT NOT NULL')} INSERT INTO t (id) VALUES ('a'), ({key}), ('c'), ('d');")
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(sqlite_url, migrations({"0001_add.sql": ADD.replace("size 3", "size 1")}))
    assert "t: a value of id has a NUL character, or is no UTF-8 text" in caught.value.what
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n ORDER BY n") == [(0, 3), (1, 1)]
    seen.execute("UPDATE t SET id = 'b' WHERE id NOT IN ('a', 'c', 'd');")
    ensure_migrations(sqlite_url, migrations({}))
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n") == [(1, 4)]


@pytest.mark.parametrize("change", ["id = -id, n = n + 1", 'n = n + 1, "id" = id + 1000'])
def test_an_update_that_sets_the_key_itself_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], change: str
) -> None:
    seen = probe(database_url)
    seen.execute(f"{TYPED.format('INTEGER')} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    with pytest.raises(FileError) as caught:
        ensure_migrations(database_url, migrations({"0001_add.sql": ADD.replace("n = n + 1", change)}))
    assert "0001_add.sql:1: batch t by id: the statement sets id, by which it is cut" in caught.value.what
    assert seen.rows("SELECT id, n FROM t ORDER BY id") == [(n, 0) for n in range(1, 6)]


def test_a_trigger_that_changes_the_key_fails_the_first_batch_and_changes_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(database_url)
    seen.execute(f"{TYPED.format('INTEGER')} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    if database_url.startswith("sqlite"):
        seen.execute(
            "CREATE TRIGGER away AFTER UPDATE OF n ON t BEGIN UPDATE t SET id = new.id + 100 WHERE id = new.id; END;"
        )
    else:
        seen.execute(
            "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN new.id := new.id + 100; RETURN new; END $$;"
            "CREATE TRIGGER away BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION away();"
        )
    with pytest.raises(SessmigError) as caught:
        ensure_migrations(database_url, migrations({"0001_add.sql": ADD}))
    assert "rows have another id after the batch" in caught.value.what
    assert seen.rows("SELECT id, n FROM t ORDER BY id") == [(n, 0) for n in range(1, 6)]


@pytest.mark.parametrize(
    "where", ["id > :first AND id <= :last", "id >= :first AND id < :last", ":first < id AND id <= :last"]
)
def test_bounds_that_leave_a_row_out_are_refused_while_the_file_is_read(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], where: str
) -> None:
    seen = probe(database_url)
    seen.execute(f"{TYPED.format('INTEGER')} INSERT INTO t (id) VALUES (1);")
    text = ADD.replace("id BETWEEN :first AND :last", where)
    with pytest.raises(FileError) as caught:
        ensure_migrations(database_url, migrations({"0001_add.sql": text}))
    assert "0001_add.sql:2: the bound :" in caught.value.what
    assert "schema_migrations" not in seen.tables()


def test_an_unfit_column_is_refused_before_the_step_is_begun(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(database_url)
    seen.execute("CREATE TABLE t (id INTEGER NOT NULL, n INTEGER);")
    with pytest.raises(FileError):
        ensure_migrations(database_url, migrations({"0001_add.sql": ADD}))
    assert seen.rows("SELECT * FROM schema_migrations") == []
