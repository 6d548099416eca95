"""What a PostgreSQL file switches off: the server's counters are refused, foreign keys are warned of."""

from collections.abc import Callable

import pytest

from sessmig import FileError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.guard.shop import passes
from tests.run.doing import migrate, state

TABLES = """
CREATE TABLE pa (id INTEGER PRIMARY KEY);
CREATE TABLE ch (id INTEGER PRIMARY KEY, p INTEGER REFERENCES pa);
INSERT INTO pa VALUES (1);
INSERT INTO ch VALUES (1, 1);
"""
LEAST = "rows without the row that they refer to may stand in the tables now"


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL track_counts = off",
        "set /* x */ track_counts to off",
        'SET SESSION "track_counts" = off',
        "RESET track_counts",
        "SELECT set_config('track_counts', 'off', true)",
        "SELECT pg_catalog.set_config ( 'Track_Counts', 'off', false)",
        "DO $$ BEGIN SET track_counts = off; END $$",
        "DO $$ BEGIN EXECUTE 'SET track_counts = off'; END $$",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql SET track_counts = off AS 'DELETE FROM ch'",
    ],
)
def test_switching_the_counters_off_is_refused_while_reading(
    statement: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES)
    before = database.snapshot(exclude=())
    folder = migrations({"1_a.sql": f"SELECT 1;\n{statement};\nDELETE FROM ch;\n"})
    with pytest.raises(FileError) as caught:
        migrate(postgres_url, folder)
    assert str(caught.value) == (
        f"{folder / '1_a.sql'}:2: `track_counts` is what the loss guard counts with\nLeave it out."
    )
    assert database.snapshot(exclude=()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO notes VALUES ('SET track_counts = off')",
        "SELECT current_setting('track_counts')",
        "SHOW track_counts",
        "SELECT 1 /* SET track_counts = off */",
    ],
)
def test_only_speaking_of_the_counters_is_not_refused(
    statement: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute("CREATE TABLE notes (body TEXT)")
    passes(postgres_url, migrations, f"{statement};\n")


def test_counters_that_are_off_at_the_end_leave_nothing_of_the_step(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES)
    before = state(database)
    folder = migrations({"1_a.sql": "SELECT set_config('track_' || 'counts', 'off', true);\nDELETE FROM ch;\n"})
    with pytest.raises(StepError, match="the file switched track_counts off, which the loss guard counts with"):
        migrate(postgres_url, folder)
    assert state(database) == before


@pytest.mark.parametrize(
    ("off", "on", "shown"),
    [
        ("SET LOCAL session_replication_role = replica;", "", "session_replication_role"),
        ("SET session_replication_role TO 'replica';", "RESET session_replication_role;", "session_replication_role"),
        ("SELECT set_config('session_replication_role', 'replica', true);", "", "session_replication_role"),
        ("ALTER TABLE ch DISABLE TRIGGER ALL;", "ALTER TABLE ch ENABLE TRIGGER ALL;", "DISABLE TRIGGER ALL"),
        ("DO $$ BEGIN EXECUTE 'ALTER TABLE ch DISABLE TRIGGER ALL'; END $$;", "", "DISABLE TRIGGER ALL"),
    ],
)
def test_switching_foreign_keys_off_is_warned_of_with_its_line(
    off: str,
    on: str,
    shown: str,
    postgres_url: str,
    migrations: WriteMigrations,
    probe: Callable[[str], Probe],
    cli: Cli,
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES)
    folder = migrations({"1_a.sql": f"-- Orphans\n{off}\nINSERT INTO ch VALUES (2, 99);\n{on}\n"})
    done = cli("migrate", "-d", postgres_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert f"warning  foreign keys switched off: line 2: {shown}; {LEAST}" in done.stdout
    assert database.rows("SELECT * FROM ch ORDER BY 1") == [(1, 1), (2, 99)]


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = origin",
        "ALTER TABLE ch DISABLE TRIGGER USER",
        "INSERT INTO notes VALUES ('ALTER TABLE ch DISABLE TRIGGER ALL')",
        "SELECT 1 -- ALTER TABLE ch DISABLE TRIGGER ALL",
    ],
)
def test_what_leaves_foreign_keys_on_is_not_warned_of(
    statement: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(f"{TABLES}; CREATE TABLE notes (body TEXT)")
    assert passes(postgres_url, migrations, f"{statement}\n;\n").checks == ()
