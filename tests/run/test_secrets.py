"""No password reaches any output, log row or error, however it was given."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from sessmig import ConnectError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer, free_port
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

SECRET = "s3cr3t/p@ss word"
FILES = {"1_a.sql": "CREATE TABLE a (x INTEGER);\n", "2_b.sql": "SELECT nix;\n"}


@pytest.fixture
def private_url(postgres_url: str, postgres_server: PostgresServer, probe: Callable[[str], Probe]) -> str:
    """The URL of a role that has to give its password, over TCP, where the server is our own."""
    role = postgres_server.new_role(password=SECRET)
    probe(postgres_url).execute(f'GRANT ALL ON SCHEMA public TO "{role}"; ALTER SCHEMA public OWNER TO "{role}"')
    return postgres_server.url(postgres_url, user=role, password=SECRET)


def _is_hidden(*texts: str) -> bool:
    return not any(secret in text for text in texts for secret in (SECRET, quote(SECRET), quote(SECRET, safe="")))


@pytest.mark.parametrize("command", ["migrate", "status", "verify"])
@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("given", ["option", "environment"])
def test_a_password_in_the_url_is_in_no_output_and_no_row(
    command: str, extra: tuple[str, ...], given: str, private_url: str, postgres_url: str,
    migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli,
) -> None:  # fmt: skip
    place = ("-d", private_url) if given == "option" else ()
    env = {} if given == "option" else {"DATABASE_URL": private_url}
    done = cli(command, *place, *extra, "--dir", migrations(FILES), env=env)
    assert done.returncode == (1 if command == "migrate" else 0), done.stderr
    assert _is_hidden(done.stdout, done.stderr)
    assert ("a password in --database can be seen" in done.stderr) is (given == "option")
    assert ":***@" in done.stdout
    if command == "migrate":
        rows = probe(postgres_url).rows("SELECT l::text FROM schema_migrations_log AS l")
        rows += probe(postgres_url).rows("SELECT l::text FROM schema_migrations AS l")
        assert len(rows) == 3
        assert _is_hidden(*(text for (text,) in rows))


@pytest.mark.parametrize("wrong", ["password", "host", "database"])
def test_a_connection_that_fails_names_the_place_and_hides_the_password(
    wrong: str, private_url: str, postgres_server: PostgresServer, migrations: WriteMigrations, cli: Cli
) -> None:
    url = {
        "password": private_url.replace(quote(SECRET, safe=""), quote(SECRET + "!", safe="")),
        "host": f"postgresql://somebody:{quote(SECRET, safe='')}@127.0.0.1:{free_port()}/nowhere",
        "database": private_url + "_gone",
    }[wrong]
    done = cli("migrate", "--json", "--dir", migrations(FILES), env={"DATABASE_URL": url})
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "ConnectError"
    assert ":***@127.0.0.1" in done.stderr
    assert _is_hidden(done.stdout, done.stderr)
    remedy = {"host": "Is the server running, and are host and port right?"}
    answered = "The server answered: are database, user and password right?"
    assert done.stderr.endswith(remedy.get(wrong, answered) + "\n")
    with pytest.raises(ConnectError) as caught:
        ensure_migrations(url, migrations(FILES))
    assert _is_hidden(str(caught.value), repr(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_password_that_a_url_is_not_understood_with_is_hidden(migrations: WriteMigrations, cli: Cli) -> None:
    done = cli("migrate", "-d", f"mysql://me:{quote(SECRET, safe='')}@host/db", "--dir", migrations(FILES))
    assert done.returncode == 2
    assert "not a database URL: mysql://me:***@host/db" in done.stderr
    assert _is_hidden(done.stdout, done.stderr)


NOT_SHOWN = "(this line speaks of a password and is not shown)"


USERS = "CREATE TABLE users (id INTEGER CHECK (id > 5), password TEXT);\n"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE ROLE somebody LOGIN PASSWORD 'hunter2-x' NONSENSE;",
        "CREATE ROLE somebody PASSWORD 'x' 'hunter2-x';",
        f"{USERS}INSERT INTO users VALUES (1, 'hunter2-x');",
        f"{USERS}INSERT INTO users\n  (password, id)\nVALUES\n('hunter2-x', 'it''s'), ('b', nix);",
        "SELECT $$hunter2-x$$ AS password FROM nowhere;",
        "SELECT -- it's\n1 /* and it's */ FROM nix('hunter2-x') AS password;",
    ],
)
def test_a_password_in_a_failing_statement_is_in_no_output_and_no_row(
    sql: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    done = cli("migrate", "--json", "-d", database_url, "--dir", migrations({"1_a.sql": sql}))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "StepError"
    rows = probe(database_url).rows("SELECT CAST(detail AS TEXT) FROM schema_migrations_log")
    assert len(rows) == 1
    for told in (done.stdout, done.stderr, str(rows)):
        assert "hunter2-x" not in told


def test_a_password_inside_a_block_is_not_quoted_from_the_servers_words(
    postgres_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    block = "DO $$\nBEGIN\nEXECUTE 'ALTER ROLE nobody_here PASSWORD ''a'' ''hunter2-x'' ';\nEND $$;"
    done = cli("migrate", "-q", "-d", postgres_url, "--dir", migrations({"1_a.sql": block}))
    assert "syntax error at or near \"'***'\"" in done.stderr
    assert "hunter2-x" not in done.stderr


def test_a_line_that_speaks_of_a_password_is_named_and_not_shown(
    postgres_url: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations({"1_a.sql": "\nCREATE ROLE somebody 'hunter2-x' PASSWORD;"})
    done = cli("migrate", "-q", "-d", postgres_url, "--dir", folder)
    first, second = done.stderr.splitlines()[-4:-2]
    assert first == f"{folder / '1_a.sql'}:2: syntax error at or near \"'***'\""
    assert second == f"    2 | {NOT_SHOWN}"


def test_a_changed_line_that_speaks_of_a_password_is_not_shown(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations({"1_a.sql": "CREATE TABLE a (x INTEGER);\n"})
    assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
    migrations({"1_a.sql": "CREATE TABLE a (x INTEGER);\nALTER ROLE me PASSWORD 'hunter2-x';\n-- more\n"})
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert done.returncode == 4
    assert f"    {NOT_SHOWN}\n    +-- more\n" in done.stderr
    signed = cli("resign", "1", "-d", database_url, "--dir", folder)
    assert signed.returncode == 0, signed.stderr
    rows = probe(database_url).rows("SELECT CAST(detail AS TEXT) FROM schema_migrations_log")
    for told in (done.stdout, done.stderr, signed.stdout, signed.stderr, str(rows)):
        assert "hunter2-x" not in told
