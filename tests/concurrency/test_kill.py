"""A run that is killed with -9 at any instant needs no repair: the next plain `migrate` finishes it."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessmig import cli as command_line
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

INSTANTS = 30
ROWS = 4000

_NUMBERS = f"WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {ROWS}) "

# Each step notes itself in `marks`, which has no key: what is applied twice stands there twice.
STEPS = {
    "0001_people.sql": (
        "CREATE TABLE marks (step INTEGER NOT NULL);\n"
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
        "INSERT INTO marks (step) VALUES (1);\n"
    ),
    "0002_fill.sql": (
        f"{_NUMBERS}INSERT INTO people (id, name) SELECT x, 'person ' || x FROM n;\nINSERT INTO marks VALUES (2);\n"
    ),
    "0002_fill.verify.sql": f"-- check: all are there\n-- expect: {ROWS}\nSELECT count(*) FROM people;\n",
    "0003_messages.sql": (
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id), body TEXT);\n"
        "INSERT INTO marks VALUES (3);\n"
        "INSERT INTO messages (id, person, body) SELECT id, id, 'hello from ' || name FROM people;\n"
        "INSERT INTO messages (id, person, body) SELECT id + 100000, id, 'again ' || name FROM people;\n"
        "CREATE INDEX messages_person ON messages (person);\n"
    ),
    "0003_messages.verify.sql": (
        "-- measure before: people_before\nSELECT count(*) FROM people;\n\n"
        "-- check: two messages each\n"
        "SELECT person FROM messages GROUP BY person HAVING count(*) <> 2;\n\n"
        "-- check: nobody is lost\n-- expect: :people_before\nSELECT count(DISTINCT person) FROM messages;\n"
    ),
    "0004_single.sql": (
        "INSERT INTO marks VALUES (4);\n"
        + "".join(f"INSERT INTO people (id, name) VALUES ({n}, 'it''s {n}');\n" for n in range(50000, 50400))
    ),
    "0005_city.sql": (
        "ALTER TABLE people ADD COLUMN city TEXT;\n"
        "UPDATE people SET city = 'city ' || (id % 7);\n"
        "INSERT INTO marks VALUES (5);\n"
        "CREATE INDEX people_city ON people (city);\n"
    ),
    "0005_city.verify.sql": "-- check: everyone lives somewhere\nSELECT id FROM people WHERE city IS NULL;\n",
    "0006_archive.sql": (
        "-- sessmig: may-lose messages\nCREATE TABLE archive (id INTEGER PRIMARY KEY, body TEXT);\n"
        "INSERT INTO archive (id, body) SELECT id, body FROM messages;\n"
        "DROP TABLE messages;\n"
        "INSERT INTO marks VALUES (6);\n"
    ),
    "0006_archive.verify.sql": (
        "-- merge: messages into archive on id comparing body\n\n"
        f"-- check: all kept\n-- expect: {2 * ROWS}\nSELECT count(*) FROM archive;\n"
    ),
}
VERSIONS = [1, 2, 3, 4, 5, 6]


def _run_and_kill(cli: Cli, url: str, folder: Path, after: float | None) -> float:
    """Start `migrate`, kill it so many seconds after it has its plan (never, if None), and say how long it ran."""
    process = cli.start("migrate", "--no-backup", "--dir", folder, env={"DATABASE_URL": url})
    assert process.stderr
    assert process.stderr.readline() == "  6 migrations pending\n"
    began = time.monotonic()
    if after is not None:
        time.sleep(after)
        process.kill()
    process.communicate()
    assert process.returncode in ((0,) if after is None else (0, -9))
    return time.monotonic() - began


def _standing(seen: Probe) -> int:
    """How many steps stand in what they did; as many as the ledger says, in one look."""
    if not {"marks", "schema_migrations"} <= seen.tables():
        return 0
    ((marks, ledger),) = seen.rows("SELECT (SELECT count(*) FROM marks), (SELECT count(*) FROM schema_migrations)")
    assert marks == ledger
    return int(marks)


def _finish(url: str, folder: Path) -> None:
    """A plain `migrate`, in this process, where Python and psycopg are loaded already."""
    assert command_line.main(["migrate", "--no-backup", "--dir", str(folder), "--database", url, "--quiet"]) == 0


def _kill_at_many_instants(
    cli: Cli, new_url: Callable[[], str], folder: Path, probe: Callable[[str], Probe], instants: int
) -> None:
    undisturbed = new_url()
    lasting = min(_run_and_kill(cli, url, folder, None) for url in (new_url(), undisturbed))
    expected: dict[str, Any] = probe(undisturbed).snapshot()
    chance = random.Random(2)
    stood: set[int] = set()
    number = 0
    # On a busy machine the measured run may have been the slower one, and the kills come too late: then some more,
    # earlier ones, until the run was met in several states.
    while number < instants or (len(stood) < 3 and number < 4 * instants):
        if number and number % instants == 0:
            lasting *= 0.7
        url = new_url()
        seen = probe(url)
        # One instant in each of so many equal parts of the run.
        _run_and_kill(cli, url, folder, lasting * (number % instants + chance.random()) / instants)
        stood.add(_standing(seen))
        _finish(url, folder)
        assert [version for (version,) in seen.rows("SELECT version FROM schema_migrations ORDER BY 1")] == VERSIONS
        assert seen.rows("SELECT step FROM marks ORDER BY 1") == [(version,) for version in VERSIONS]
        log = seen.rows("SELECT version, action, outcome FROM schema_migrations_log ORDER BY 1")
        assert log == [(version, "apply", "success") for version in VERSIONS]
        assert seen.snapshot() == expected
        seen.close()
        number += 1
    assert len(stood) >= 3, f"the kills have met too few states of the run: {stood}"


@pytest.mark.parametrize(("journal_mode", "instants"), [("delete", INSTANTS), ("wal", INSTANTS // 5)])
def test_on_sqlite_a_run_killed_at_any_instant_is_finished_by_a_plain_migrate(
    cli: Cli,
    tmp_path: Path,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    journal_mode: str,
    instants: int,
) -> None:
    made: list[Path] = []

    def new_url() -> str:
        made.append(tmp_path / f"{len(made)}.db")
        with closing(sqlite3.connect(made[-1])) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal_mode}")
            connection.execute("VACUUM")
        return f"sqlite:///{made[-1]}"

    _kill_at_many_instants(cli, new_url, migrations(STEPS), probe, instants)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(path.name for path in made)


def test_on_postgres_a_run_killed_at_any_instant_is_finished_by_a_plain_migrate(
    cli: Cli, new_postgres_url: Callable[[], str], migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    _kill_at_many_instants(cli, new_postgres_url, migrations(STEPS), probe, INSTANTS)
