"""What whoever runs the tests sees when there is no database for them: whole once, then in a line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from sessmig import UsageError
from sessmig.databases.throwaway import empty
from tests.fixtures.postgres import PostgresServer, connect
from tests.plugin.inner import PASSWORD, Inner

BAD = {
    "0003_cities.sql": "ALTER TABLE people ADD COLUMN city TEXT;\nINSERT INTO people (id, name) VALUES (1, 'Ada');\n",
    "0003_cities.verify.sql": "-- check: everybody lives somewhere\nSELECT id, name FROM people WHERE city IS NULL;\n",
}
FIVE = """
import pytest

@pytest.mark.parametrize("n", range(5))
def test_it(sessmig_database, n):
    pass

def test_without():
    pass
"""
SHORT = "the migrations failed on the tests' own database: see the first test that failed for it"
WHOLE = """
sql/shop/0003_cities.verify.sql:1: check failed: everybody lives somewhere
    expected none, found 1 row
    id  name
    1   Ada
The database: 0001_people, 0002_stamp stand applied; nothing of 0003_cities stays.
Mend the rows that are shown, or the migration, and run it again.
This was a database of the tests' own, and it is gone.
"""


def _in_setup(output: str) -> str:
    """Leave out the summary, which names every failure again."""
    return output.partition("= short test summary")[0]


def test_a_migration_that_fails_is_shown_whole_once_and_stops_no_test_that_does_not_need_it(inner: Inner) -> None:
    inner.migrations(BAD)
    inner.write("test_inner.py", FIVE)
    ran = inner.run("--show-capture=no")
    assert ran.outcomes == {"passed": 1, "error": 5}, ran.output
    shown = _in_setup(ran.output)
    assert (shown.count(WHOLE), shown.count("0001 people, applied"), shown.count(SHORT)) == (1, 1, 4), shown
    assert "Traceback" not in shown
    assert inner.left_behind() == []


def test_under_xdist_one_worker_shows_it_whole(on_sqlite: Inner) -> None:
    on_sqlite.migrations(BAD)
    on_sqlite.write("test_inner.py", FIVE)
    ran = on_sqlite.run("--show-capture=no", "-n2", "--dist=load")
    assert ran.outcomes == {"passed": 1, "error": 5}, ran.output
    shown = _in_setup(ran.output)
    assert (shown.count(WHOLE), shown.count(SHORT)) == (1, 4), shown
    assert {name for name in ("gw0", "gw1") if f"[{name}]" in shown} == {"gw0", "gw1"}


def test_a_template_that_somebody_writes_to_is_named_and_not_waited_for_without_end(inner: Inner) -> None:
    inner.write(
        "test_inner.py",
        """
import pytest
from look import opened

@pytest.fixture(scope="session")
def sessmig_template(sessmig_template):
    held = opened(sessmig_template)
    held.execute("BEGIN EXCLUSIVE" if sessmig_template.startswith("sqlite") else "SELECT 1")
    yield sessmig_template
    held.close()

def test_it(sessmig_database):
    pass
""",
    )
    ran = inner.run()
    assert ran.outcomes == {"error": 1}, ran.output
    assert "no database could be made for this test\n" in ran.output
    if inner.server == "sqlite":
        assert "could not be copied for a test: database is locked\nWhoever fills it has to commit" in ran.output
    else:
        assert "is being accessed by other users\nConnected are pid " in ran.output
        assert "Whoever fills it before the tests has to close the connection" in ran.output
    assert inner.left_behind() == []


def test_a_role_that_may_not_create_databases_is_told_what_it_needs(
    on_postgres: Inner, postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role(password=PASSWORD)
    on_postgres.server = postgres_server.url(postgres_server.admin_url, user=role, password=PASSWORD)
    on_postgres.write("test_inner.py", FIVE)
    ran = on_postgres.run()
    assert ran.outcomes == {"passed": 1, "error": 5}, ran.output
    shown = _in_setup(ran.output)
    told = f"permission denied to create database\nThe tests make databases of their own: ALTER ROLE {role} CREATEDB\n"
    assert shown.count(told) == 1
    assert shown.count("no database could be made for the tests: see the first test that failed for it") == 4


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("mysql://me:geheim-7@localhost/shop", "not a database URL: mysql://me:***@localhost/shop\n"),
        ("sqlite:///dev.db", "the server for the tests is not understood\nWrite sqlite, or postgresql://"),
        ("dev.db", "the server for the tests is not understood\nWrite sqlite, or postgresql://"),
        ("host=localhost password=geheim-7", "the server for the tests is not understood\nWrite sqlite, or"),
    ],
)
def test_a_server_that_is_none_is_refused_without_its_password(tmp_path: Path, server: str, told: str) -> None:
    with pytest.raises(UsageError) as caught, empty(server, tmp_path):
        pass
    assert told in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_be_dropped_is_an_error_and_not_silence(
    on_postgres: Inner, postgres_server: PostgresServer
) -> None:
    on_postgres.write(
        "test_inner.py",
        """
import os
import psycopg

def test_it(sessmig_database):
    name = sessmig_database.rpartition("/")[2]
    with psycopg.connect(os.environ["ADMIN"], autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} OWNER TO postgres")
""",
    )
    on_postgres.environment["ADMIN"] = postgres_server.admin_url
    ran = on_postgres.run()
    assert ran.outcomes == {"passed": 1, "error": 1}, ran.output
    assert "must be owner of database sessmig_pytest_" in ran.output
    with closing(connect(postgres_server.admin_url)) as admin:
        for (name,) in admin.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'sessmig_pytest_%'"
        ).fetchall():
            admin.execute(f'DROP DATABASE "{name}"'.encode())
