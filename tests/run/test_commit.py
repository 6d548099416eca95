"""The commit: what fails there, one commit for a whole run, a run only tried, a step that lets go of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sessmig import CheckError, StepError, reading
from sessmig.model import Migration, Piece, Step
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import is_postgres, log, migrate, state

TABLES = (
    "CREATE TABLE owners (id INTEGER PRIMARY KEY);\n"
    "CREATE TABLE cats (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);\n"
)
ORPHAN = "INSERT INTO cats VALUES (1, 99);\n"
THREE = {
    "1_a.sql": "CREATE TABLE a (x INTEGER);\n",
    "2_b.sql": "INSERT INTO a VALUES (1);\n",
    "3_c.sql": "SELECT nix;\n",
}


def test_a_deferred_constraint_that_fails_at_the_commit_is_the_steps_failure(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": ORPHAN, "3_c.sql": "CREATE TABLE c (x INTEGER);\n"})
    # SQLite's COMMIT would not say what is wrong; there the free checks do, just before it.
    with pytest.raises(StepError if is_postgres(database_url) else CheckError) as caught:
        migrate(database_url, folder)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{folder / '2_b.sql'}: ")
    assert "foreign key" in lines[0].lower()
    assert lines[-2] == "The database: 1_a stands applied; nothing of 2_b stays."
    database = probe(database_url)
    assert database.rows("SELECT * FROM cats") == []
    assert [row[:3] for row in log(database)] == [(1, "apply", "success"), (2, "apply", "failed")]
    migrations({"2_b.sql": "INSERT INTO owners VALUES (99);\n" + ORPHAN})
    assert migrate(database_url, folder).applied == 2


def test_a_single_transaction_is_all_or_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    folder = migrations(THREE)
    arguments = ("migrate", "--single-transaction", "-d", database_url, "--dir", folder)
    done = cli(*arguments)
    assert done.returncode == 1
    assert f"{folder / '3_c.sql'}:1: " in done.stderr
    assert "The database holds what it held before: the whole run was rolled back.\n" in done.stderr
    assert "0 migrations applied" in done.stdout
    assert "1 a, rolled back" in done.stdout
    database = probe(database_url)
    assert database.tables() == {"schema_migrations", "schema_migrations_log"}
    assert database.rows("SELECT * FROM schema_migrations") == []
    assert [row[:3] for row in log(database)] == [(3, "apply", "failed")]
    migrations({"3_c.sql": "SELECT 1;\n"})
    done = cli(*arguments)
    assert (done.returncode, done.stdout.splitlines()[-1][:20]) == (0, "3 migrations applied")
    assert database.rows("SELECT version FROM schema_migrations ORDER BY 1") == [(1,), (2,), (3,)]


def test_a_single_transaction_names_the_step_whose_deferred_constraint_fails(
    postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": ORPHAN, "3_c.sql": "CREATE TABLE c (x INTEGER);\n"})
    with pytest.raises(StepError) as caught:
        migrate(postgres_url, folder, single_transaction=True)
    assert str(caught.value).startswith(f"{folder / '2_b.sql'}: ")


def test_a_single_transaction_that_cannot_be_committed_says_so(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    # SQLite counts what a DROP TABLE leaves to be mended, and does not notice that a rename has mended it.
    rebuild = (
        "INSERT INTO owners VALUES (1);\nINSERT INTO cats VALUES (1, 1);\n"
        "CREATE TABLE others (id INTEGER PRIMARY KEY);\nINSERT INTO others SELECT id FROM owners;\n"
        "DROP TABLE owners;\nALTER TABLE others RENAME TO owners;\n"
    )
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": rebuild})
    with pytest.raises(StepError) as caught:
        migrate(sqlite_url, folder, single_transaction=True)
    assert str(caught.value).splitlines()[:2] == [
        f"{folder / '2_b.sql'}: the commit of the whole run failed: FOREIGN KEY constraint failed",
        "The database holds what it held before: the whole run was rolled back.",
    ]
    assert [step.outcome for step in caught.value.report.steps] == ["rolled back", "failed"]  # type: ignore[union-attr]
    assert probe(sqlite_url).tables() == {"schema_migrations", "schema_migrations_log"}


def test_a_dry_run_counts_and_checks_what_would_be_and_writes_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    database.execute("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1), (2), (3);")
    before = database.snapshot(exclude=())
    folder = migrations(
        {
            "1_a.sql": "-- sessmig: may-lose orders\nDELETE FROM orders WHERE id > 1;\n",
            "1_a.verify.sql": "-- measure: n\nSELECT count(*) FROM orders;\n-- check: one\n-- expect: 1\nSELECT :n;\n",
            "2_b.sql": "INSERT INTO orders SELECT id FROM orders;\n",
        }
    )
    done = cli("migrate", "--dry-run", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert "DELETE orders" in done.stdout
    assert "1 of 1 check held" in done.stdout
    assert "2 migrations would be applied (dry run: everything was rolled back)" in done.stdout
    report = migrate(database_url, folder, dry_run=True, create=False)
    assert [(s.outcome, [x.rows for x in s.statements]) for s in report.steps] == [
        ("would apply", [2]),
        ("would apply", [1]),
    ]
    assert report.applied == 0
    assert database.snapshot(exclude=()) == before


def test_a_dry_run_that_fails_leaves_nothing(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    done = cli("migrate", "--dry-run", "-d", database_url, "--dir", migrations(THREE))
    assert done.returncode == 1
    assert "The database holds what it held before: it was a dry run.\n" in done.stderr
    assert "2 migrations would be applied" in done.stdout
    assert probe(database_url).tables() == set()


def test_a_dry_run_notices_what_is_deferred_to_the_commit(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": ORPHAN})
    with pytest.raises(StepError if is_postgres(database_url) else CheckError, match="foreign key") as caught:
        migrate(database_url, folder, dry_run=True)
    assert str(caught.value).startswith(f"{folder / '2_b.sql'}: ")
    assert probe(database_url).tables() == set()


@pytest.mark.parametrize("option", ["dry_run", "single_transaction"])
def test_steps_of_one_transaction_may_each_defer_to_their_end(
    option: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    mended = f"{ORPHAN}INSERT INTO owners VALUES (99);\n"
    files = {"1_a.sql": TABLES, "2_b.sql": mended, "3_c.sql": mended.replace("99", "98").replace("(1,", "(2,")}
    whole = option == "single_transaction"
    report = migrate(database_url, migrations(files), dry_run=not whole, single_transaction=whole)
    assert [s.outcome for s in report.steps] == ["would apply" if option == "dry_run" else "applied"] * 3
    assert ("cats" in probe(database_url).tables()) is (option != "dry_run")


def _with_commit(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    """Let the reader give a step of these statements, which it would refuse to read from a file."""
    read = reading.read_step

    def unread(migration: Migration, dialect: Any, **how: Any) -> Step:
        step = read(migration, dialect, **how)
        text = "".join(statements)
        pieces = []
        for statement in statements:
            at = text.index(statement)
            pieces.append(Piece(statement, at, 1 + text.count("\n", 0, at), 0))
        return replace(step, script=replace(step.script, text=text, pieces=tuple(pieces)))

    monkeypatch.setattr(reading, "read_step", unread)


def _lets_go(url: str, folder: Path) -> list[str]:
    with pytest.raises(StepError) as caught:
        migrate(url, folder)
    return str(caught.value).splitlines()


def test_a_step_that_committed_behind_our_back_is_found_and_not_called_rolled_back(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = migrations({"1_a.sql": "SELECT 1;\n"})
    _with_commit(monkeypatch, "CREATE TABLE a (x INTEGER);\n", "COMMIT;\n")
    assert _lets_go(database_url, folder) == [
        f"{folder / '1_a.sql'}:2: this statement ended the transaction of the step",
        "    2 | COMMIT;",
        "The database may hold what 1_a did until then; it is not recorded as applied.",
        "Mend the file, or what it found in the database, and run it again.",
    ]
    database = probe(database_url)
    assert "a" in database.tables()
    assert database.rows("SELECT * FROM schema_migrations") == []
    assert [row[:3] for row in log(database)] == [(1, "apply", "failed")]


def test_a_step_that_began_another_transaction_is_found(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = migrations({"1_a.sql": "SELECT 1;\n"})
    _with_commit(monkeypatch, "CREATE TABLE a (x INTEGER);\n", "COMMIT;\n", "BEGIN;\n", "CREATE TABLE b (x INTEGER);\n")
    lines = _lets_go(postgres_url, folder)
    assert lines[0] == f"{folder / '1_a.sql'}: the transaction was ended by the file itself, and another one begun"
    assert lines[1] == "The database may hold what 1_a did until then; it is not recorded as applied."
    assert probe(postgres_url).tables() == {"a", "schema_migrations", "schema_migrations_log"}


def test_a_step_that_began_another_transaction_is_stopped_at_its_commit(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = migrations({"1_a.sql": "SELECT 1;\n"})
    _with_commit(monkeypatch, "CREATE TABLE a (x INTEGER);\n", "COMMIT;\n", "BEGIN;\n", "CREATE TABLE b (x INTEGER);\n")
    assert (
        _lets_go(sqlite_url, folder)[0] == f"{folder / '1_a.sql'}:2: this statement ended the transaction of the step"
    )
    assert "b" not in probe(sqlite_url).tables()


def test_own_begin_and_commit_around_a_file_are_the_steps(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": "-- A\nBEGIN;\nCREATE TABLE a (x INTEGER);\nSELECT nix;\nCOMMIT;\n"})
    with pytest.raises(StepError, match="nix"):
        migrate(database_url, folder)
    assert "a" not in probe(database_url).tables()
    migrations({"1_a.sql": "-- A\nBEGIN;\nCREATE TABLE a (x INTEGER);\nCOMMIT;\n"})
    assert [s.verb for s in migrate(database_url, folder).steps[0].statements] == ["CREATE TABLE"]


def test_a_failed_step_leaves_the_database_as_it_was_also_in_its_sequences_on_sqlite(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    number = "GENERATED ALWAYS AS IDENTITY" if is_postgres(database_url) else "AUTOINCREMENT"
    key = f"INTEGER {number} PRIMARY KEY" if is_postgres(database_url) else f"INTEGER PRIMARY KEY {number}"
    database = probe(database_url)
    database.execute(f"CREATE TABLE t (id {key}, x TEXT); INSERT INTO t (x) VALUES ('a');")
    before = state(database)
    with pytest.raises(StepError):
        migrate(database_url, migrations({"1_a.sql": "INSERT INTO t (x) VALUES ('b');\nSELECT nix;\n"}))
    assert state(database) == before
