"""The server reads a file's text as the lexer has cut it, whatever the session was told before or the file says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from sessmig import StepError, ensure_migrations
from sessmig.databases import connect as opened
from sessmig.errors import DatabaseError
from sessmig.model import Piece
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import PostgresServer, connect
from tests.fixtures.probe import Probe
from tests.run.doing import log, migrate, verify

OFF = "?options=-c%20standard_conforming_strings%3Doff"
BACKSLASH = "CREATE TABLE t (v TEXT);\nINSERT INTO t VALUES ('C:\\');\nDELETE FROM t; -- ');\nSELECT 1;\n"
KEPT = "CREATE TABLE t (v TEXT);\nINSERT INTO t VALUES ('it\\''); COMMIT; CREATE TABLE u (v TEXT); --');\n"
SHOWN = "SELECT setting, source FROM pg_settings WHERE name = 'standard_conforming_strings'"
MANY = "INSERT INTO t VALUES ('a');\n" * 600
"""More statements than are sent at once."""


@contextmanager
def _off(url: str, how: str) -> Iterator[Any]:
    """Give a URL, or a connection, whose sessions have standard_conforming_strings off."""
    if how == "options":
        yield url + OFF
    elif how == "database":
        with connect(url) as connection:
            connection.execute(
                f'ALTER DATABASE "{connection.info.dbname}" SET standard_conforming_strings = off'.encode()
            )
        yield url
    else:
        with connect(url) as connection:
            connection.execute("SET standard_conforming_strings = off")
            yield connection


@pytest.mark.parametrize("how", ["options", "database", "connection"])
def test_a_backslash_before_a_quote_is_read_as_the_standard_has_it(
    how: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {"1_a.sql": BACKSLASH, "2_b.sql": KEPT.replace("TABLE t", "TABLE w").replace("INTO t", "INTO w")}
    )
    with _off(postgres_url, how) as database:
        report = ensure_migrations(database, folder)
    assert [[statement.verb for statement in step.statements] for step in report.steps] == [
        ["CREATE TABLE", "INSERT", "DELETE", "SELECT"],
        ["CREATE TABLE", "INSERT"],
    ]
    assert probe(postgres_url).rows("SELECT count(*) FROM t") == [(0,)]
    assert probe(postgres_url).rows("SELECT v FROM w") == [("it\\'); COMMIT; CREATE TABLE u (v TEXT); --",)]
    assert "u" not in probe(postgres_url).tables()


@pytest.mark.parametrize("how", ["options", "connection"])
def test_a_measure_with_a_backslash_stands_in_a_later_check_as_it_is(
    how: str, postgres_url: str, migrations: WriteMigrations
) -> None:
    checks = (
        "-- measure: path\nSELECT v FROM t;\n"
        "-- check: it is the same\n-- expect: :path\nSELECT v FROM t WHERE v = :path;\n"
        "-- check: again\nSELECT v FROM t WHERE v <> 'C:\\';\n"
    )
    insert = "CREATE TABLE t (v TEXT);\nINSERT INTO t VALUES ('C:\\');\n"
    folder = migrations({"1_a.sql": insert, "1_a.verify.sql": checks})
    with _off(postgres_url, how) as database:
        assert ensure_migrations(database, folder).applied == 1
    again = verify(postgres_url + OFF, folder)
    assert [check.outcome for check in again.steps[0].checks] == ["passed", "passed"]


@pytest.mark.parametrize("own", ["off", "on", "RESET"])
@pytest.mark.parametrize(
    "change",
    [
        "SET standard_conforming_strings = on",
        "SELECT set_config('standard_' || 'conforming_strings', 'off', false)",
        "SELECT set_config('standard_' || 'conforming_strings', 'off', true)",
        "RESET ALL",
    ],
)
def test_a_borrowed_connection_reads_quotes_afterwards_as_before(
    own: str, change: str, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": f"CREATE TABLE t (v TEXT);\n{change};\n" + MANY, "2_b.sql": f"{change};\n"})
    with _off(postgres_url, "database"), connect(postgres_url) as connection:
        if own != "RESET":
            connection.execute(f"SET standard_conforming_strings = {own}".encode())
        before = connection.execute(SHOWN).fetchall()
        assert ensure_migrations(connection, folder).applied == 2
        assert connection.execute(SHOWN).fetchall() == before
        migrations({"3_c.sql": f"{change};\nSELECT nonsense;\n"})
        with pytest.raises(StepError, match="nonsense"):
            ensure_migrations(connection, folder)
        assert connection.execute(SHOWN).fetchall() == before


def test_a_setting_that_a_statement_makes_does_not_reach_the_text_behind_it(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    changes = "SELECT set_config(n, v, false) FROM (VALUES ('standard_' || 'conforming_strings', 'off'),"
    changes += " ('client_encoding', 'SQL_ASCII')) AS s (n, v);\n"
    folder = migrations(
        {
            "1_a.sql": "CREATE TABLE t (v TEXT);\n"
            + changes
            + MANY
            + "INSERT INTO t VALUES ('жé€\\');\nDELETE FROM t; --');"
        }
    )
    report = migrate(postgres_url, folder)
    assert sum(statement.statements for statement in report.steps[0].statements) == 604
    assert probe(postgres_url).rows("SELECT * FROM t") == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_TW"])
def test_text_arrives_after_a_statement_has_changed_the_encoding(
    encoding: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    text = f"CREATE TABLE t (v TEXT);\nSELECT set_config('client_encoding', '{encoding}', false);\n"
    text += MANY + "INSERT INTO t VALUES ('жé€');\n"
    folder = migrations({"1_a.sql": text})
    assert migrate(postgres_url, folder).applied == 1
    assert probe(postgres_url).rows("SELECT v FROM t WHERE v <> 'a'") == [("жé€",)]


def test_a_statement_that_fails_behind_an_encoding_of_its_own_is_told(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": "SELECT set_config('client_encoding', 'EUC_TW', false);\nSELECT 1/0;\n"})
    with pytest.raises(StepError) as caught:
        migrate(postgres_url, folder)
    assert caught.value.what.startswith(f"{folder / '1_a.sql'}:2: division by zero")
    assert [row[2] for row in log(probe(postgres_url))] == ["failed"]


def test_rows_that_rules_give_beside_a_statement_are_not_taken_for_statements(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    rules = "CREATE TABLE t (v TEXT);\n" + "".join(
        f"CREATE RULE r{n} AS ON INSERT TO t DO ALSO SELECT {n};\n" for n in (1, 2, 3)
    )
    folder = migrations({"1_a.sql": rules, "2_b.sql": "INSERT INTO t VALUES ('a');\nUPDATE t SET v = 'b';\n"})
    assert [(s.verb, s.rows) for s in migrate(postgres_url, folder).steps[1].statements] == [
        ("INSERT", 1),
        ("UPDATE", 1),
    ]
    assert probe(postgres_url).rows("SELECT * FROM t") == [("b",)]


@pytest.mark.parametrize(
    ("text", "statements", "found", "escaped"),
    [
        ("SELECT 1; SELECT 2; SELECT 3;", 2, 3, False),
        ("SELECT 1;", 2, 1, False),
        ("SELECT 1; COMMIT; BEGIN; SELECT 2;", 2, 4, True),
    ],
)
def test_what_the_server_cuts_otherwise_than_the_lexer_is_an_error(
    text: str, statements: int, found: int, escaped: bool, postgres_url: str
) -> None:
    half = len(text) // 2
    cut = [Piece(text, 0, 1, 0)] if statements == 1 else [Piece(text[:half], 0, 1, 0), Piece(text[half:], half, 1, 0)]
    counts: list[int | None] = []

    def send() -> None:
        with opened(postgres_url) as database, database.transaction("any", wait=1, on_wait=print):
            database.mark()
            counts.extend(database.run(cut))

    with pytest.raises(DatabaseError) as caught:
        send()
    assert len(counts) <= statements
    assert caught.value.what == (
        f"sessmig sent {statements} statements, and the server found {found}: it reads quotes otherwise"
    )
    assert (caught.value.escaped, caught.value.index) == (escaped, min(found, statements) - 1)


def test_quotes_are_read_so_behind_a_pooler_too_and_the_next_client_has_its_own(
    postgres_url: str, pgbouncer: Pooler, migrations: WriteMigrations, postgres_server: PostgresServer
) -> None:
    url = pgbouncer(postgres_url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET standard_conforming_strings = off")
        assert ensure_migrations(connection, migrations({"1_a.sql": BACKSLASH})).applied == 1
        assert connection.execute(SHOWN).fetchall()[0][0] == "off"
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(SHOWN).fetchall()[0][0] == "on"
