"""What each database says of a column, a plan and a range; asked directly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from sessmig import script
from sessmig.databases import connect
from sessmig.databases.contract import Database
from sessmig.databases.ranges import Keyset, Range
from sessmig.errors import DatabaseError
from tests.fixtures.probe import Probe

COPY = "INSERT INTO target SELECT id, word FROM source WHERE id BETWEEN :first AND :last"


@contextmanager
def _open(url: str) -> Iterator[Database]:
    with connect(url) as database, database.transaction("x", wait=10, on_wait=lambda _: None):
        yield database


@contextmanager
def _keyset(url: str, table: str = "source", column: str = "id") -> Iterator[Keyset]:
    with _open(url) as database:
        keyset = database.keyset(table, column)
        assert keyset.unfit() == ""
        yield keyset


def _made(url: str, probe: Callable[[str], Probe], kind: str, *values: str) -> None:
    seen = probe(url)
    seen.execute(f"CREATE TABLE source (id {kind} PRIMARY KEY, word TEXT);")
    seen.execute("CREATE TABLE target (id INTEGER PRIMARY KEY, word TEXT);")
    for value in values:
        seen.execute(f"INSERT INTO source (id) VALUES ({value});")


def _scanned(url: str, statement: str) -> str:
    with _keyset(url) as keyset:
        upto = keyset.highest()
        assert upto is not None
        places = script.placeholders(statement, "sqlite" if url.startswith("sqlite") else "postgres")
        return keyset.scanned(statement, places, upto)


def test_a_primary_key_is_fit(database_url: str, probe: Callable[[str], Probe]) -> None:
    _made(database_url, probe, "INTEGER")
    with _open(database_url) as database:
        assert database.keyset("source", "id").unfit() == ""


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("plain", "plain has no index"),
        ("many", "many is not unique"),
        ("maybe", "maybe may be NULL"),
        ("part", "part is not unique"),
        ("pair", "pair is not unique"),
        ("nothing", "t has no column nothing"),
        ("good", ""),
    ],
)
def test_a_column_is_fit_only_if_it_is_unique_and_not_null_and_indexed(
    database_url: str, probe: Callable[[str], Probe], column: str, reason: str
) -> None:
    probe(database_url).execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, plain INTEGER NOT NULL, many INTEGER NOT NULL,"
        " maybe INTEGER UNIQUE, part INTEGER NOT NULL, pair INTEGER NOT NULL, good INTEGER NOT NULL UNIQUE);"
        "CREATE INDEX t_many ON t (many); CREATE UNIQUE INDEX t_part ON t (part) WHERE part > 3;"
        "CREATE UNIQUE INDEX t_pair ON t (pair, good);"
    )
    with _open(database_url) as database:
        assert database.keyset("t", column).unfit() == reason


def test_a_view_and_a_table_that_is_not_there_are_not_fit(database_url: str, probe: Callable[[str], Probe]) -> None:
    probe(database_url).execute("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;")
    with _open(database_url) as database:
        assert database.keyset("v", "id").unfit() == "there is no table v"
        assert database.keyset("nowhere", "id").unfit() == "there is no table nowhere"


def test_names_in_quotes_are_found(database_url: str, probe: Callable[[str], Probe]) -> None:
    probe(database_url).execute('CREATE TABLE "My Table" ("The Id" INTEGER PRIMARY KEY);')
    probe(database_url).execute('INSERT INTO "My Table" VALUES (1), (2);')
    with _keyset(database_url, '"My Table"', '"The Id"') as keyset:
        assert keyset.following(None, "9", 9) == Range("1", "2", 2)


def test_in_sqlite_a_text_primary_key_is_fit_unless_a_null_stands_in_it(
    sqlite_url: str, probe: Callable[[str], Probe]
) -> None:
    _made(sqlite_url, probe, "TEXT", "'a'")
    with _open(sqlite_url) as database:
        assert database.keyset("source", "id").unfit() == ""
    probe(sqlite_url).execute("INSERT INTO source (id) VALUES (NULL);")
    with _open(sqlite_url) as database:
        assert database.keyset("source", "id").unfit() == "id is NULL in some row"


@pytest.mark.parametrize(
    "statement",
    [
        COPY,
        "INSERT INTO target SELECT s.id, s.word FROM source AS s WHERE s.id >= :first AND s.id <= :last",
        "UPDATE source SET word = 'x' WHERE id BETWEEN :first AND :last",
        "DELETE FROM source WHERE id BETWEEN :first AND :last",
        "INSERT INTO target SELECT id, (SELECT max(o.word) FROM source AS o WHERE o.id = s.id)"
        " FROM source s WHERE id BETWEEN :first AND :last",
    ],
)
def test_a_statement_that_looks_a_range_up_in_the_index_reads_no_whole_table(
    database_url: str, probe: Callable[[str], Probe], statement: str
) -> None:
    _made(database_url, probe, "INTEGER", "1", "2")
    assert _scanned(database_url, statement) == ""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO target SELECT id, word FROM source WHERE id + 0 BETWEEN :first AND :last",
        "INSERT INTO target SELECT s.id, s.word FROM source AS s WHERE s.id % 7 BETWEEN :first AND :last",
        "UPDATE source SET word = 'x' WHERE word <> 'x' AND :first <= :last",
        "INSERT INTO target SELECT s.id, o.word FROM source s, source o"
        " WHERE s.id BETWEEN :first AND :last AND o.word = s.word",
    ],
)
def test_a_statement_that_reads_the_whole_table_for_each_range_is_told(
    database_url: str, probe: Callable[[str], Probe], statement: str
) -> None:
    _made(database_url, probe, "INTEGER", "1", "2")
    assert _scanned(database_url, statement) != ""


def test_an_error_of_the_statement_is_placed_where_it_stands_in_the_file(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    _made(postgres_url, probe, "INTEGER", "1")
    statement = "INSERT INTO target SELECT id, word FROM source WHERE id BETWEEN :first AND :last AND nowhere = 1"
    with _open(postgres_url) as database:
        keyset = database.keyset("source", "id")
        keyset.unfit()
        places = script.placeholders(statement, "postgres")
        for ask in (
            lambda: keyset.scanned(statement, places, "1"),
            lambda: keyset.run(statement, places, "1", "1"),
        ):
            with pytest.raises(DatabaseError) as caught:
                ask()
            assert caught.value.position == statement.index("nowhere")
            break


KINDS = [
    ("sqlite_url", "INTEGER", ["-5", "0", "7"], ["-5", "0", "7"]),
    ("sqlite_url", "TEXT", ["'A'", "'it''s'", "'z%_é'"], ["'A'", "'it''s'", "'z%_é'"]),
    ("sqlite_url", "BLOB", ["X'00'", "X'0A0B'", "X'FF'"], ["X'00'", "X'0A0B'", "X'FF'"]),
    ("sqlite_url", "REAL", ["-0.5", "0.1", "2.5"], ["-0.5", "0.1", "2.5"]),
    ("postgres_url", "bigint", ["-5", "0", "9007199254740993"], ["-5", "0", "9007199254740993"]),
    ("postgres_url", "text", ["'A'", "'it''s'", "'z%_é'"], ["A", "it's", "z%_é"]),
    ("postgres_url", "varchar(9)", ["'abc'", "'abd'"], ["abc", "abd"]),
    ("postgres_url", "char(3)", ["'abc'", "'abd'"], ["abc", "abd"]),
    ("postgres_url", "numeric", ["1", "1.5", "2"], ["1", "1.5", "2"]),
    (
        "postgres_url",
        "uuid",
        ["'00000000-0000-0000-0000-000000000001'", "'ffffffff-0000-0000-0000-000000000001'"],
        ["00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"],
    ),
    (
        "postgres_url",
        "timestamp",
        ["'2020-01-02 03:04:05.000001'", "'2021-01-02 03:04:05'"],
        ["2020-01-02T03:04:05.000001", "2021-01-02T03:04:05"],
    ),
    ("postgres_url", "date", ["'2020-01-02'", "'2021-03-01'"], ["2020-01-02", "2021-03-01"]),
]


@pytest.mark.parametrize(
    ("database", "kind", "written", "read"),
    KINDS,
    ids=[f"{where.partition('_')[0]}-{kind}" for where, kind, *_ in KINDS],
)
def test_each_type_of_key_is_read_in_its_order_and_bound_as_it_was(
    request: pytest.FixtureRequest,
    probe: Callable[[str], Probe],
    database: str,
    kind: str,
    written: list[str],
    read: list[str],
) -> None:
    url = request.getfixturevalue(database)
    _made(url, probe, kind, *reversed(written))
    statement = "UPDATE source SET word = 'x' WHERE id BETWEEN :first AND :last"
    places = script.placeholders(statement, "sqlite" if url.startswith("sqlite") else "postgres")
    with _keyset(url) as keyset:
        assert keyset.highest() == read[-1]
        seen, after = [], None
        while found := keyset.following(after, read[-1], 1):
            assert (found.first, found.rows, [*found.listed()]) == (found.last, 1, [found.first])
            assert keyset.run(statement, places, found.first, found.last) == 1
            seen.append(found.last)
            after = found.last
        assert seen == read
        whole = keyset.standing(None, read[-1])
        assert whole is not None
        assert [*whole.listed()] == read
    assert probe(url).value("SELECT count(*) FROM source WHERE word = 'x'") == len(written)


def test_a_time_key_is_read_the_same_whatever_the_session_calls_a_date(
    postgres_url: str, probe: Callable[[str], Probe]
) -> None:
    _made(postgres_url, probe, "timestamptz", "'2020-02-01 00:00+00'")
    with _open(postgres_url) as database:
        database.query("SET LOCAL DateStyle = 'SQL, DMY'")
        database.query("SET LOCAL TimeZone = 'Asia/Tokyo'")
        keyset = database.keyset("source", "id")
        assert keyset.unfit() == ""
        assert keyset.highest() == "2020-02-01T00:00:00"


@pytest.mark.parametrize("name", ["id", "k", "t", "sessmig_text"])
def test_numbers_come_in_the_order_of_numbers_whatever_their_column_is_called(
    database_url: str, probe: Callable[[str], Probe], name: str
) -> None:
    seen = probe(database_url)
    seen.execute(f"CREATE TABLE source ({name} INTEGER PRIMARY KEY);")
    seen.execute("INSERT INTO source VALUES (9), (10), (100);")
    with _keyset(database_url, column=name) as keyset:
        assert keyset.highest() == "100"
        found = keyset.following(None, "100", 2)
        assert found == Range("9", "10", 2)


def test_numbers_in_a_row_need_no_list_and_others_have_one(database_url: str, probe: Callable[[str], Probe]) -> None:
    _made(database_url, probe, "INTEGER", "1", "2", "3", "5")
    with _keyset(database_url) as keyset:
        assert keyset.following(None, "5", 3) == Range("1", "3", 3)
        found = keyset.following(None, "5", 4)
        assert found is not None
        assert found.listed() == ["1", "2", "3", "5"]
        assert keyset.following("5", "9", 3) is None


def test_fractions_between_numbers_are_not_taken_for_numbers_in_a_row(
    sqlite_url: str, probe: Callable[[str], Probe]
) -> None:
    _made(sqlite_url, probe, "NUMERIC", "1", "1.5", "3")
    with _keyset(sqlite_url) as keyset:
        found = keyset.following(None, "3", 3)
        assert found is not None
        assert found.listed() == ["1", "1.5", "3"]


def test_a_statement_behind_a_with_tells_its_rows(database_url: str, probe: Callable[[str], Probe]) -> None:
    _made(database_url, probe, "INTEGER", "1", "2", "3")
    statement = f"WITH s AS (SELECT id, word FROM source WHERE id BETWEEN :first AND :last) {COPY.split('SELECT')[0]}"
    statement += "SELECT * FROM s"
    places = script.placeholders(statement, "sqlite" if database_url.startswith("sqlite") else "postgres")
    with _keyset(database_url) as keyset:
        assert keyset.run(statement, places, "2", "3") == 2
        assert keyset.run(statement, places, "8", "9") == 0


def test_a_partitioned_table_is_taken_as_one(postgres_url: str, probe: Callable[[str], Probe]) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE source (id bigint PRIMARY KEY, word text) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF source FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE high PARTITION OF source FOR VALUES FROM (10) TO (20);"
        "CREATE TABLE target (id bigint, word text);"
        "INSERT INTO source SELECT n, 'x' FROM generate_series(5, 15) AS n"
    )
    assert _scanned(postgres_url, COPY) == ""
    assert "low" in _scanned(postgres_url, COPY.replace("WHERE id", "WHERE -id"))
    with _keyset(postgres_url) as keyset:
        assert keyset.following(None, "99", 99) == Range("5", "15", 11)


def test_an_idle_server_without_replicas_has_no_lag(postgres_url: str) -> None:
    with connect(postgres_url) as database:
        assert database.replay_lag() == 0
