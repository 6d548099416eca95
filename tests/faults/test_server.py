"""What a server, its pooler or another server behind it may refuse: told in words, and nothing is touched or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig.databases.postgres_remedies import connecting
from tests.faults.hostile import held, run, write
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.standby import standby

Probes = Callable[[str], Probe]

FILES = {"0001_pets.sql": "CREATE TABLE pets (id INTEGER PRIMARY KEY);\n"}


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", FILES)


def test_a_pooler_in_statement_mode_is_refused_in_words_and_nothing_is_touched(
    postgres_url: str, pgbouncer: Pooler, probe: Probes, series: Path
) -> None:
    env = {"DATABASE_URL": pgbouncer(postgres_url, "statement")}
    held(run("migrate", "--dir", series, env={"DATABASE_URL": postgres_url}), 0)
    write(series, {"0002_cats.sql": "CREATE TABLE cats (id INTEGER);\n"})
    write(series, {"0001_pets.rollback.sql": "-- sessmig: may-lose pets\nDROP TABLE pets;\n"})
    for command in ("migrate", "rollback"):
        ended = held(run(command, "--dir", series, env=env), 1)
        assert "transaction blocks not allowed in statement pooling mode" in ended.err
        assert "\nHave the pooler hand out transactions (pool_mode = transaction), or give " in ended.err
    assert probe(postgres_url).rows("SELECT version, status FROM schema_migrations") == [(1, "success")]
    assert "pets" in probe(postgres_url).tables()


def test_a_standby_is_left_as_it_is_and_the_primary_is_named_as_the_way_out(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes, series: Path
) -> None:
    way = "give the URL of the one that is written to (of a standby, its primary)"
    with standby(postgres_server, postgres_url) as url:
        for command, code in (("migrate", 1), ("status", 0), ("plan", 0), ("verify", 0)):
            ended = held(run(command, "--dir", series, env={"DATABASE_URL": url}), code)
            assert code == 0 or ("Nothing was applied.\n" in ended.err and way in ended.err)
    assert probe(postgres_url).tables() == set()


def test_a_step_on_a_database_that_is_read_only_says_so_and_does_not_blame_its_file(
    postgres_url: str, probe: Probes, series: Path
) -> None:
    env = {"DATABASE_URL": postgres_url}
    held(run("migrate", "--dir", series, env=env), 0)
    name = str(probe(postgres_url).value("SELECT current_database()"))
    probe(postgres_url).execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    write(series, {"0002_cats.sql": "CREATE TABLE cats (id INTEGER);\n"})
    ended = held(run("migrate", "--dir", series, env=env), 1)
    assert "or switch default_transaction_read_only off.\n" in ended.err
    assert "Mend the file" not in ended.err
    assert "cats" not in probe(postgres_url).tables()


def test_a_server_without_a_connection_left_is_told_as_that(
    postgres_url: str, postgres_server: PostgresServer, probe: Probes, series: Path
) -> None:
    role = postgres_server.new_role()
    probe(postgres_url).execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 0')
    url = postgres_server.url(postgres_url, user=role)
    for command in ("migrate", "status"):
        ended = held(run(command, "--dir", series, env={"DATABASE_URL": url}), 1)
        assert "FATAL:  too many connections for role" in ended.err
        assert ended.err.endswith("\nAll connections are taken: end some, or allow more, and run it again.\n")
    assert probe(postgres_url).tables() == set()


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("FATAL:  sorry, too many clients already", "All connections are taken"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "All connections"),
        ("FATAL:  the database system is starting up", "Wait until it has started"),
        ("FATAL:  the database system is in recovery mode", "Wait until it has started"),
        ('FATAL:  database "x" does not exist', "The server answered"),
        ("Connection refused", "Is the server running"),
    ],
)
def test_what_a_server_says_instead_of_a_connection_is_told_with_its_own_way_out(words: str, way: str) -> None:
    assert connecting(words).startswith(way)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM away WHERE id = 1", "1 row of away was deleted"),
        ("TRUNCATE away", "the table away was truncated"),
        ("DROP FOREIGN TABLE away", "the table away was dropped"),
        ("ALTER FOREIGN TABLE away DROP COLUMN x", "the column away.x was dropped"),
    ],
)
def test_what_is_lost_from_a_foreign_table_is_found(
    postgres_url: str, probe: Probes, series: Path, statement: str, told: str
) -> None:
    database = probe(postgres_url)
    name, port = database.value("SELECT current_database()"), database.value("SHOW port")
    database.execute(
        "CREATE EXTENSION postgres_fdw; CREATE SCHEMA far; CREATE TABLE far.away (id INTEGER PRIMARY KEY, x TEXT); "
        "INSERT INTO far.away VALUES (1, 'a'), (2, 'b'); "
        f"CREATE SERVER me FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname '{name}', host '127.0.0.1', "
        f"port '{port}'); "
        "CREATE USER MAPPING FOR CURRENT_USER SERVER me OPTIONS (user 'postgres', password_required 'false'); "
        "CREATE FOREIGN TABLE away (id INTEGER, x TEXT) SERVER me OPTIONS (schema_name 'far')"
    )
    write(series, {"0001_pets.sql": f"{statement};\n"})
    assert f"loss guard: {told}" in held(run("migrate", "--dir", series, env={"DATABASE_URL": postgres_url}), 3).err
    assert database.rows("SELECT id, x FROM far.away ORDER BY id") == [(1, "a"), (2, "b")]
