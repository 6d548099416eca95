"""What stands under the ledger's name, and what its owner has hung on it: refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.hostile import held, run, write
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY);\n",
    "0001_people.rollback.sql": "DROP TABLE people;\n",
}
LEDGER = """series text, version bigint, migration_id text, description text, status text, checksum text,
    applied_at timestamptz, duration_ms bigint, applied_by text, metadata jsonb"""
ELSEWHERE = "Keep it, and give sessmig a table of its own with --table sessmig_migrations.\n"
VIEW = f"CREATE TABLE kept ({LEDGER}); CREATE VIEW schema_migrations AS SELECT * FROM kept"


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", FILES)


def refused(url: str, series: Path, told: str, *, code: int = 4) -> None:
    ended = held(run("migrate", "--no-backup", "--dir", series, env={"DATABASE_URL": url}), code)
    assert told in ended.err
    assert "Nothing was touched.\n" in ended.err


@pytest.mark.parametrize(
    ("made", "flaw"),
    [
        (VIEW, "it is a view"),
        (f"CREATE TABLE schema_migrations ({LEDGER})", "it has no key of series and version"),
        (f"CREATE TABLE schema_migrations ({LEDGER}, UNIQUE (version))", "it has no key of series and version"),
    ],
)
def test_a_table_that_cannot_keep_the_ledger_is_refused_before_anything_runs(
    made: str, flaw: str, database_url: str, probe: Probes, series: Path
) -> None:
    probe(database_url).execute(made)
    before = probe(database_url).snapshot(exclude=())
    refused(database_url, series, f"schema_migrations cannot be sessmig's ledger: {flaw}\n")
    assert probe(database_url).snapshot(exclude=()) == before
    elsewhere = run("migrate", "--no-backup", "--table", "ours", "--dir", series, env={"DATABASE_URL": database_url})
    assert "people" in probe(database_url).tables(), held(elsewhere, 0)


@pytest.mark.parametrize("made", ["CREATE SEQUENCE schema_migrations", "CREATE TYPE schema_migrations AS (a int)"])
def test_what_is_no_table_under_the_ledgers_name_is_refused(
    made: str, postgres_url: str, probe: Probes, series: Path
) -> None:
    probe(postgres_url).execute(made)
    refused(postgres_url, series, "schema_migrations is not sessmig's: it is no ledger that sessmig knows")
    assert probe(postgres_url).tables() == set()


def test_a_foreign_table_is_not_written_as_a_ledger(postgres_url: str, probe: Probes, series: Path) -> None:
    database = probe(postgres_url)
    name = database.value("SELECT current_database()")
    database.execute(
        "CREATE EXTENSION postgres_fdw; CREATE SCHEMA far; "
        f"CREATE TABLE far.schema_migrations ({LEDGER}, PRIMARY KEY (series, version)); "
        "CREATE SERVER me FOREIGN DATA WRAPPER postgres_fdw "
        f"OPTIONS (dbname '{name}', host '127.0.0.1', port '{database.value('SHOW port')}'); "
        "CREATE USER MAPPING FOR CURRENT_USER SERVER me OPTIONS (user 'postgres', password_required 'false'); "
        f"CREATE FOREIGN TABLE schema_migrations ({LEDGER}) SERVER me OPTIONS (schema_name 'far')"
    )
    refused(postgres_url, series, "schema_migrations cannot be sessmig's ledger: it is a foreign table\n")
    assert database.value("SELECT count(*) FROM far.schema_migrations") == 0


def test_a_partitioned_ledger_serves(postgres_url: str, probe: Probes, series: Path) -> None:
    probe(postgres_url).execute(
        f"CREATE TABLE schema_migrations ({LEDGER}, PRIMARY KEY (series, version)) PARTITION BY LIST (series); "
        "CREATE TABLE part PARTITION OF schema_migrations DEFAULT"
    )
    held(run("migrate", "--dir", series, env={"DATABASE_URL": postgres_url}), 0)
    assert probe(postgres_url).rows("SELECT version, status FROM part") == [(1, "success")]


def _swallow(probe: Probe, url: str, when: str) -> None:
    """Hang a trigger on the ledger that keeps away, or takes away again, whatever is written."""
    gone = "DELETE FROM schema_migrations WHERE version = NEW.version"
    if url.startswith("sqlite"):
        done = gone if when == "AFTER" else "SELECT RAISE(IGNORE)"
        for verb in ("INSERT", "UPDATE"):
            probe.execute(f"CREATE TRIGGER swallow_{verb} {when} {verb} ON schema_migrations BEGIN {done}; END")
    else:
        done = f"{gone};" if when == "AFTER" else ""
        probe.execute(
            f"CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {done} RETURN NULL; END'; "
            f"CREATE TRIGGER swallow {when} INSERT OR UPDATE ON schema_migrations FOR EACH ROW "
            "EXECUTE FUNCTION swallow()"
        )


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
def test_a_step_whose_row_does_not_stand_is_rolled_back(
    database_url: str, probe: Probes, series: Path, when: str
) -> None:
    env = {"DATABASE_URL": database_url}
    held(run("migrate", "--no-backup", "--dir", series, env=env), 0)
    _swallow(probe(database_url), database_url, when)
    told = "what was written into schema_migrations does not stand there\n"
    assert told in held(run("rollback", "--dir", series, env=env), 4).err
    write(series, {"0002_pets.sql": "CREATE TABLE pets (id INTEGER PRIMARY KEY);\n"})
    ended = held(run("migrate", "--no-backup", "--dir", series, env=env), 4)
    assert told in ended.err
    assert "nothing of 0002_pets stays" in ended.err
    assert probe(database_url).tables() >= {"people"}
    assert "pets" not in probe(database_url).tables()


def test_a_table_named_as_the_ledger_in_another_schema_is_left_alone(
    postgres_url: str, probe: Probes, series: Path
) -> None:
    probe(postgres_url).execute(f"CREATE SCHEMA other; CREATE TABLE other.schema_migrations ({LEDGER})")
    held(run("migrate", "--dir", series, env={"DATABASE_URL": postgres_url}), 0)
    assert probe(postgres_url).value("SELECT count(*) FROM other.schema_migrations") == 0
    assert probe(postgres_url).value("SELECT count(*) FROM public.schema_migrations") == 1


def test_a_log_that_is_a_view_is_refused(postgres_url: str, probe: Probes, series: Path) -> None:
    probe(postgres_url).execute("CREATE VIEW schema_migrations_log AS SELECT 1 AS id")
    refused(postgres_url, series, "the table schema_migrations_log is not sessmig's log (columns: id)\n")
    assert "people" not in probe(postgres_url).tables()
