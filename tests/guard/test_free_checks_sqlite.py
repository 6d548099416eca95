"""What SQLite's free checks find after a step, whatever it meant: foreign keys that do not hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import CheckError, ensure_migrations
from sessmig.free_checks import new_faults
from sessmig.results import CheckResult
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.guard.watching import faults, transaction
from tests.run.doing import state

FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id));
INSERT INTO parents VALUES (1, 'a'), (2, 'b'), (3, 'c');
"""
ORPHANS = FAMILY + "INSERT INTO children VALUES (10, 1), (11, 77), (12, 77), (13, 88), (14, NULL);\n"
WITHOUT_ROW = "foreign key without its row"
RENAMED_FIRST = """
ALTER TABLE parents RENAME TO parents_old;
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO parents SELECT id, name FROM parents_old;
DROP TABLE parents_old;
"""


def _new(url: str, text: str) -> tuple[CheckResult, ...]:
    with transaction(url) as database:
        before, after = faults(database, text)
    return new_faults(before, after, "step.sql")


def _apply(connection: sqlite3.Connection, folder: Path) -> str:
    """Run on somebody's connection, where foreign keys are not enforced; return what was said."""
    try:
        ensure_migrations(connection, folder)
    except CheckError as error:
        return str(error)
    return ""


@pytest.fixture
def orphans(sqlite_url: str, probe: Callable[[str], Probe]) -> str:
    """A database in which three children have no parent."""
    probe(sqlite_url).execute(ORPHANS)
    return sqlite_url


def test_children_that_a_rename_leaves_pointing_nowhere_leave_nothing_of_the_step(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    before = state(probe(sqlite_url))
    folder = migrations({"0001_rebuild.sql": RENAMED_FIRST})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 3
    assert (
        f"{folder}/0001_rebuild.sql: check failed: foreign key that points to no table: "
        "children (parent_id) -> parents_old\n"
        "    there is no table parents_old: no row can be inserted into children\n" in done.stderr
    )
    assert "The database holds what it held before; nothing of 0001_rebuild stays." in done.stderr
    assert state(probe(sqlite_url)) == before


def test_rows_that_a_rebuild_leaves_without_their_row_are_shown(migrations: WriteMigrations) -> None:
    folder = migrations(
        {
            "0001_rebuild.sql": "-- sessmig: may-lose parents\n"
            "CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
            "INSERT INTO parents_new SELECT id, name FROM parents WHERE id <> 1;\n"
            "DROP TABLE parents;\nALTER TABLE parents_new RENAME TO parents;\n"
        }
    )
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(FAMILY + "INSERT INTO children VALUES (10, 1), (11, 1), (12, 2);")
        said = _apply(connection, folder)
        assert f"{folder}/0001_rebuild.sql: check failed: {WITHOUT_ROW}: children (parent_id) -> parents\n" in said
        assert "    2 rows of children: no row of parents has this parent_id\n" in said
        assert "    parent_id  rows  first id\n    1          2     10\n" in said
        assert connection.execute("SELECT count(*) FROM parents").fetchone() == (3,)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE children ADD COLUMN note TEXT;",
        "ALTER TABLE children RENAME TO kids;",
        "ALTER TABLE parents RENAME TO elders;",
        "ALTER TABLE children RENAME TO kids; ALTER TABLE parents RENAME TO elders;"
        "ALTER TABLE kids RENAME COLUMN parent_id TO elder_id; ALTER TABLE elders RENAME COLUMN id TO key;",
        "ALTER TABLE children RENAME TO kids; CREATE TABLE children (id INTEGER PRIMARY KEY);",
        "CREATE TABLE other (x INTEGER); DROP TABLE other;",
        "DELETE FROM children WHERE id = 11; CREATE TABLE other (x INTEGER); DROP TABLE other;",
    ],
)
def test_what_was_violated_before_is_no_reason_to_fail(
    text: str, orphans: str, migrations: WriteMigrations, cli: Cli
) -> None:
    folder = migrations({"0001_step.sql": f"-- sessmig: may-lose children\n{text}\n"})
    done = cli("migrate", "-d", orphans, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert WITHOUT_ROW not in done.stdout


def test_a_rebuild_of_what_was_violated_before_is_no_reason_to_fail(migrations: WriteMigrations) -> None:
    folder = migrations(
        {
            "0001_rebuild.sql": "CREATE TABLE n (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents, x);\n"
            "INSERT INTO n SELECT id + 100, parent_id, 1 FROM children; DROP TABLE children;\n"
            "ALTER TABLE n RENAME TO children;\n"
        }
    )
    text = folder / "0001_rebuild.sql"
    text.write_text("-- sessmig: may-lose children\n" + text.read_text())
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(ORPHANS)
        assert _apply(connection, folder) == ""
        assert connection.execute("SELECT count(x) FROM children").fetchone() == (5,)


def test_one_mended_does_not_excuse_one_that_is_new(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_swap.sql": "-- sessmig: may-lose parents\nUPDATE parents SET id = 77 WHERE id = 1;\n"})
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(FAMILY + "INSERT INTO children VALUES (10, 1), (11, 77);")
        said = _apply(connection, folder)
        assert "    1 row of children: no row of parents has this parent_id (before the step: 1)\n" in said
        assert "    parent_id  rows  first id\n    1          1     10\n" in said
        assert connection.execute("SELECT id FROM parents ORDER BY id").fetchall() == [(1,), (2,), (3,)]


def test_one_more_row_without_the_same_row_is_found(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_more.sql": "INSERT INTO children VALUES (15, 77);\n"})
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(ORPHANS)
        said = _apply(connection, folder)
        assert "    4 rows of children: no row of parents has this parent_id (before the step: 3)\n" in said
        assert connection.execute("SELECT count(*) FROM children").fetchone() == (5,)


def test_more_values_than_are_remembered_are_compared_by_their_number(
    sqlite_url: str, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        FAMILY + "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)"
        "INSERT INTO children SELECT i, i + 100 FROM n"
    )
    assert _new(sqlite_url, "ALTER TABLE children RENAME TO kids;") == ()
    more = "PRAGMA defer_foreign_keys = ON; INSERT INTO children VALUES (20000, 99);"
    assert [(check.outcome, check.found) for check in _new(sqlite_url, more)] == [
        ("failed", "12,001 rows of children: no row of parents has this parent_id (before the step: 12,000)")
    ]


def test_keys_of_every_shape_are_found(sqlite_url: str, probe: Callable[[str], Probe]) -> None:
    probe(sqlite_url).execute(
        'CREATE TABLE "the ""p""" (a TEXT, b INTEGER, PRIMARY KEY (b, a));'
        'CREATE TABLE c1 (k TEXT PRIMARY KEY, x TEXT, y INTEGER, FOREIGN KEY (y, x) REFERENCES "THE ""P""")'
        " WITHOUT ROWID;"
        "CREATE TABLE c2 (rowid TEXT, _rowid_ TEXT, oid TEXT, y INTEGER, x TEXT,"
        ' FOREIGN KEY (y, x) REFERENCES "the ""p""");'
        "CREATE TABLE c3 (rowid TEXT, me INTEGER PRIMARY KEY, mother INTEGER REFERENCES c3)"
    )
    found = _new(
        sqlite_url,
        "PRAGMA defer_foreign_keys = ON; INSERT INTO c1 VALUES ('k1', 'x', 1), ('k2', 'x', NULL);"
        "INSERT INTO c2 VALUES ('r', 's', 't', 2, 'y'); INSERT INTO c3 VALUES ('r', 1, 2), ('r', 2, 3), ('r', 3, 1);"
        "INSERT INTO c3 VALUES ('r', 9, 8);",
    )
    assert [(check.columns, check.examples) for check in found] == [
        (("y", "x", "rows", "first k"), ((1, "x", 1, "k1"),)),
        (("y", "x", "rows", "first rowid"), ((2, "y", 1, "r"),)),
        (("mother", "rows", "first me"), ((8, 1, 9),)),
    ]


def test_a_dropped_index_that_a_foreign_key_needs_is_found(sqlite_url: str, probe: Callable[[str], Probe]) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT); CREATE UNIQUE INDEX p_code ON p (code);"
        "CREATE TABLE c (code TEXT REFERENCES p (code)); CREATE TABLE old (x INTEGER REFERENCES c (code))"
    )
    assert [(check.name, check.found) for check in _new(sqlite_url, "DROP INDEX p_code;")] == [
        ("foreign key that points to no key: c", 'foreign key mismatch - "c" referencing "p"')
    ]


def test_keys_by_a_collation_that_only_the_application_has_stop_nothing(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.create_collation("own", lambda one, other: (one > other) - (one < other))
        connection.executescript(
            "CREATE TABLE p (id TEXT COLLATE own PRIMARY KEY); CREATE TABLE c (p TEXT REFERENCES p);"
            "INSERT INTO p VALUES ('a'); INSERT INTO c VALUES ('a'); CREATE TABLE old (x INTEGER);"
        )
    folder = migrations({"0001_step.sql": "ALTER TABLE old RENAME TO fresh;\n"})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert "fresh" in probe(sqlite_url).tables()


DEFERRED = {
    "0001_cats.sql": "CREATE TABLE owners (id INTEGER PRIMARY KEY);\nCREATE TABLE cats (id INTEGER PRIMARY KEY,"
    " owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);\n",
    "0002_stray.sql": "INSERT INTO cats VALUES (1, 7), (2, 8);\nINSERT INTO owners VALUES (8);\n",
}


@pytest.mark.parametrize("how", [[], ["--dry-run"], ["--single-transaction"]])
def test_a_deferred_key_that_would_fail_at_the_commit_is_found_before(
    how: list[str], sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(DEFERRED)
    done = cli("migrate", "-d", sqlite_url, "--dir", folder, *how)
    assert done.returncode == 3
    assert f"{folder}/0002_stray.sql: check failed: {WITHOUT_ROW}: cats (owner) -> owners\n" in done.stderr
    assert "1 row of cats: no row of owners has this owner" in done.stderr
    assert "cats" not in probe(sqlite_url).tables() or probe(sqlite_url).rows("SELECT * FROM cats") == []


def test_a_key_that_the_file_defers_is_found_before_the_commit_too(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    folder = migrations({"0001_stray.sql": "PRAGMA defer_foreign_keys = ON;\nINSERT INTO children VALUES (1, 7);\n"})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder, "--dry-run")
    assert done.returncode == 3
    assert f"check failed: {WITHOUT_ROW}: children (parent_id) -> parents" in done.stderr
    assert probe(sqlite_url).rows("SELECT * FROM children") == []


def test_a_key_that_an_earlier_step_of_the_transaction_deferred_is_found_too(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    folder = migrations(
        {"0001_a.sql": "PRAGMA defer_foreign_keys = ON;\n", "0002_b.sql": "INSERT INTO children VALUES (1, 7);\n"}
    )
    done = cli("migrate", "-d", sqlite_url, "--dir", folder, "--dry-run")
    assert done.returncode == 3
    assert f"{folder}/0002_b.sql: check failed: {WITHOUT_ROW}: children (parent_id) -> parents" in done.stderr
    assert probe(sqlite_url).rows("SELECT * FROM children") == []


def test_a_deferred_key_that_holds_at_the_end_passes(
    sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    right = "INSERT INTO cats VALUES (1, 7);\nINSERT INTO owners VALUES (7);\n"
    folder = migrations(DEFERRED | {"0002_stray.sql": right})
    assert cli("migrate", "-d", sqlite_url, "--dir", folder).returncode == 0
    assert probe(sqlite_url).rows("SELECT * FROM cats") == [(1, 7)]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t ON DELETE SET NULL)", "REPLACE INTO t"),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, up INTEGER REFERENCES t ON DELETE SET NULL)",
            "INSERT INTO t",
        ),
    ],
)
def test_a_replace_that_sqlite_lets_pass_is_found(
    schema: str, text: str, sqlite_url: str, migrations: WriteMigrations, cli: Cli, probe: Callable[[str], Probe]
) -> None:
    """SQLite 3.40 lets a row through that refers to no row, if it replaces one; another version may stop it itself."""
    probe(sqlite_url).execute(f"{schema}; INSERT INTO t VALUES (1, NULL);")
    folder = migrations({"0001_step.sql": f"-- sessmig: may-lose t\n{text} VALUES (1, 9);\n"})
    done = cli("migrate", "-d", sqlite_url, "--dir", folder)
    assert done.returncode in (1, 3)
    assert f"check failed: {WITHOUT_ROW}: t (up) -> t" in done.stderr or "FOREIGN KEY constraint" in done.stderr
    assert probe(sqlite_url).rows("SELECT * FROM t") == [(1, None)]


def test_what_enforced_keys_cannot_leave_is_not_looked_for(orphans: str) -> None:
    with transaction(orphans) as database:
        looked = faults(database, "INSERT INTO parents VALUES (9, 'x'); ALTER TABLE children ADD COLUMN n;")
        assert looked == ((), ())
        assert [fault.number for fault in faults(database, "ALTER TABLE children RENAME TO kids;")[1]] == [3]
