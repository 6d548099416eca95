"""The rights that docs/security.md names are enough for a role that migrates, and for one that only looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import DatabaseError, ensure_migrations
from tests.faults.hostile import Ended, held, run, write
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO people VALUES (1, 'Ada');\n",
    "0001_people.verify.sql": "-- check: named\nSELECT * FROM people WHERE name IS NULL;\n"
    "-- measure: people\nSELECT count(*) FROM people;\n",
    "0001_people.rollback.sql": "-- sessmig: may-lose people\nDROP TABLE people;\n",
    "0002_index.sql": "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY people_name ON people (name);\n",
    "0002_index.rollback.sql": "DROP INDEX people_name;\n",
    "0003_batch.sql": "-- sessmig: batch people by id\n"
    "UPDATE people SET name = 'Eve' WHERE id BETWEEN :first AND :last;\n",
    "0003_batch.rollback.sql": "UPDATE people SET name = 'Ada';\n",
    "0004_copy.sql": "CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO persons (id, name) SELECT id, name FROM people;\nUPDATE people SET name = 'moved';\n",
    "0004_copy.verify.sql": "-- merge: people into persons on id comparing name\n",
    "0004_copy.rollback.sql": "-- sessmig: may-lose persons\nUPDATE people SET name = 'Eve';\nDROP TABLE persons;\n",
}


def _grants(heading: str) -> str:
    """Return the statements that the page gives first under a heading."""
    found = re.search(rf"### {re.escape(heading)}\n.*?```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


class Place:
    """A database with a role that has these rights, and no others."""

    def __init__(self, folder: Path, url: str, probe: Probe, server: PostgresServer) -> None:
        self.probe, self._url, self._server = probe, url, server
        self.series = write(folder / "shop", FILES)
        probe.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")

    def role(self, heading: str) -> str:
        """Make a role with the rights of the page; return its URL."""
        name = self._server.new_role()
        database = self.probe.value("SELECT current_database()")
        self.probe.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
        self.probe.execute(_grants(heading).replace("migrator", f'"{name}"').replace("looker", f'"{name}"').replace(
            "DATABASE shop", f'DATABASE "{database}"'
        ))  # fmt: skip
        return self._server.url(self._url, user=name)

    def run(self, url: str, *command: str) -> Ended:
        return run(*command, "--dir", self.series, env={"DATABASE_URL": url})


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, probe: Probes, postgres_server: PostgresServer) -> Place:
    return Place(tmp_path, postgres_url, probe(postgres_url), postgres_server)


def test_a_role_with_these_rights_migrates_proves_and_goes_back(place: Place) -> None:
    url = place.role("A role that migrates")
    for command in ("plan", "migrate", "status", "verify", "log", "report", "rehearse"):
        held(place.run(url, command), 0)
    assert place.probe.rows("SELECT * FROM persons") == [(1, "Eve")]
    held(place.run(url, "rollback", "--to", "0"), 0)
    assert place.probe.tables() == {"schema_migrations", "schema_migrations_log"}


def test_a_role_with_these_rights_looks_and_can_change_nothing(place: Place) -> None:
    held(place.run(place.role("A role that migrates"), "migrate"), 0)
    looker = place.role("A role that only looks")
    before = place.probe.snapshot(exclude=())
    for command in ("plan", "status", "verify", "log", "report"):
        held(place.run(looker, command), 0)
    write(place.series, {"0005_more.sql": "CREATE TABLE more (x INTEGER);\n"})
    for command in ("migrate", "rollback"):
        assert "permission denied" in held(place.run(looker, command), 1).err
    assert place.probe.snapshot(exclude=()) == before


@pytest.mark.parametrize("line", _grants("A role that migrates").strip().split("\n"))
def test_without_any_one_of_these_rights_it_does_not(line: str, place: Place) -> None:
    url = place.role("A role that migrates")
    name = url.split("://")[1].split("@")[0]
    database = place.probe.value("SELECT current_database()")
    for privilege in line.split(" ON ")[0].removeprefix("GRANT ").split(", "):
        target = line.split(" ON ")[1].split(" TO ")[0].replace("shop", f'"{database}"')
        place.probe.execute(f'REVOKE {privilege} ON {target} FROM "{name}"')
        ended = held(place.run(url, "migrate"), 1, 3)
        assert "permission denied" in ended.err or "grant USAGE" in ended.err
        assert "persons" not in place.probe.tables()
        place.probe.execute(f'GRANT {privilege} ON {target} TO "{name}"')


_LEDGER = ("schema_migrations", "schema_migrations_log")
_COMMANDS = ("migrate", "plan", "status", "verify", "log", "report", "rollback")


def _told(what: str) -> list[str]:
    """The lines of an error about a ledger that may not be read; the first begins with the database."""
    tables = '"public"."schema_migrations", "public"."schema_migrations_log"'
    return [
        f"this role may not read the ledger schema_migrations, or its log: permission denied for table {what}",
        "Nothing was touched.",
        f"Have their owner GRANT SELECT, INSERT, UPDATE ON {tables} to this role (to look, SELECT is enough), "
        "or run it as another role; docs/security.md lists the rights.",
    ]


@pytest.fixture
def stranger(place: Place) -> str:
    """A role that may migrate, in a database whose ledger another role has made."""
    held(place.run(place.role("A role that migrates"), "migrate", "--to", "1"), 0)
    return place.role("A role that migrates")


def test_a_role_that_may_not_read_the_ledger_is_told_which_right_it_lacks(place: Place, stranger: str) -> None:
    before = place.probe.snapshot(exclude=())
    for command in _COMMANDS:
        ended = held(place.run(stranger, command), 1)
        what = _LEDGER[command == "log"]
        assert ended.err.splitlines() == [f"{stranger}: {_told(what)[0]}", *_told(what)[1:]], command
    for pending in ("apply", "error"):
        with pytest.raises(DatabaseError) as caught:
            ensure_migrations(stranger, place.series, pending=pending)
        assert str(caught.value).splitlines() == [f"{stranger}: {_told(_LEDGER[0])[0]}", *_told(_LEDGER[0])[1:]]
    assert place.probe.snapshot(exclude=()) == before


def test_a_role_that_may_read_the_ledger_alone_is_told_of_the_log(place: Place, stranger: str) -> None:
    name = stranger.split("://")[1].split("@")[0]
    place.probe.execute(f'GRANT SELECT ON schema_migrations TO "{name}"')
    write(place.series, {"0001_people.sql": "CREATE TABLE other (id INTEGER);\n"})
    for command in ("migrate", "verify", "log", "report"):  # what was changed is asked of the log
        ended = held(place.run(stranger, command), 1)
        assert ended.err.splitlines()[1:] == _told(_LEDGER[1])[1:], command


def test_with_the_rights_on_the_ledger_of_the_page_it_goes_on(place: Place, stranger: str) -> None:
    name = stranger.split("://")[1].split("@")[0]
    granted = re.search(r"^GRANT .* ON schema_migrations, .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert granted
    place.probe.execute(granted[0].replace("migrator", f'"{name}"'))
    write(place.series, {"0002_index.sql": "CREATE TABLE other (id INTEGER);\n"})
    (place.series / "0002_index.rollback.sql").unlink()
    held(place.run(stranger, "migrate", "--to", "2"), 0)
    for command in ("plan", "status", "log"):
        held(place.run(stranger, command), 0)


def test_a_statement_that_is_denied_is_told_with_its_place(place: Place, stranger: str) -> None:
    write(place.series, {"0001_people.sql": "SELECT * FROM schema_migrations;\n"})
    ended = held(place.run(stranger, "migrate", "--table", "mine"), 1)
    assert "0001_people.sql:1: permission denied for table schema_migrations\n" in ended.err
    assert "Grant this role the right that it lacks" in ended.err
