"""What SQLite databases hold that a migration does not expect: it works, or nothing of the step stays."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from tests.faults.hostile import Ended, held, run, write
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

HOSTILE = 'we"ird; DROP TABLE people; --\x1b[31m'
QUOTED = '"' + HOSTILE.replace('"', '""') + '"'


class Shop:
    """A database as somebody left it, and what is then to be done to it."""

    def __init__(self, folder: Path, url: str, probe: Probe) -> None:
        self.folder, self.url, self.probe = folder, url, probe

    def migrate(self, sql: str, verify: str = "") -> Ended:
        files = {"0001_step.sql": sql} | ({"0001_step.verify.sql": verify} if verify else {})
        self.series = write(self.folder / "shop", files)
        return self.run("migrate", "--no-backup")

    def run(self, *command: str) -> Ended:
        return run(*command, "--dir", self.series, env={"DATABASE_URL": self.url})


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, probe: Probes) -> Shop:
    return Shop(tmp_path, sqlite_url, probe(sqlite_url))


def test_a_view_over_a_renamed_table_goes_on_or_the_step_is_undone(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1); CREATE VIEW all_ AS SELECT * FROM people"
    )
    held(shop.migrate("ALTER TABLE people RENAME TO persons;\n"), 0)
    assert shop.probe.rows("SELECT * FROM all_") == [(1,)]


def test_a_broken_view_in_the_way_of_a_rename_undoes_the_step(shop: Shop) -> None:
    shop.probe.execute("CREATE TABLE people (id INTEGER); CREATE VIEW broken AS SELECT * FROM nowhere")
    before = shop.probe.snapshot()
    ended = held(shop.migrate("CREATE TABLE a (x);\nALTER TABLE people RENAME TO persons;\n"), 1)
    assert "0001_step.sql:2: error in view broken: no such table: main.nowhere" in ended.err
    assert shop.probe.snapshot() == before


@pytest.mark.parametrize("kind", ["STRICT", "WITHOUT ROWID", "STRICT, WITHOUT ROWID"])
def test_rows_lost_from_tables_of_every_kind_are_found(kind: str, shop: Shop) -> None:
    shop.probe.execute(
        f"CREATE TABLE people (id INTEGER PRIMARY KEY, n TEXT) {kind}; INSERT INTO people VALUES (1, 'a')"
    )
    before = shop.probe.snapshot()
    ended = held(shop.migrate("INSERT OR REPLACE INTO people VALUES (1, 'b');\n"), 3)
    assert "people" in ended.err
    assert shop.probe.snapshot() == before


def test_a_strict_table_that_refuses_a_value_undoes_the_step(shop: Shop) -> None:
    shop.probe.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, n INTEGER) STRICT")
    ended = held(shop.migrate("INSERT INTO people VALUES (1, 2);\nINSERT INTO people VALUES (2, 'two');\n"), 1)
    assert "0001_step.sql:2: cannot store TEXT value in INTEGER column people.n" in ended.err
    assert shop.probe.value("SELECT count(*) FROM people") == 0


def test_rows_lost_from_a_full_text_table_are_found(shop: Shop) -> None:
    shop.probe.execute("CREATE VIRTUAL TABLE notes USING fts5(body); INSERT INTO notes VALUES ('one'), ('two')")
    ended = held(shop.migrate("DELETE FROM notes WHERE body = 'one';\n"), 3)
    assert "notes" in ended.err
    assert shop.probe.value("SELECT count(*) FROM notes") == 2


def test_a_full_text_table_is_filled_and_rebuilt(shop: Shop) -> None:
    shop.probe.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO people VALUES (1, 'Ada')")
    sql = (
        "CREATE VIRTUAL TABLE found USING fts5(n, content='people', content_rowid='id');\n"
        "INSERT INTO found (found) VALUES ('rebuild');\n"
    )
    held(shop.migrate(sql, "-- check: found\n-- expect: 1\nSELECT count(*) FROM found WHERE found MATCH 'ada';\n"), 0)


def test_a_module_that_is_not_there_is_told_in_words(shop: Shop) -> None:
    ended = held(shop.migrate("CREATE TABLE a (x);\nCREATE VIRTUAL TABLE b USING nowhere(x);\n"), 1)
    assert "0001_step.sql:2: no such module: nowhere" in ended.err
    assert "a" not in shop.probe.tables()


def test_a_function_of_the_applications_own_in_a_trigger_undoes_the_step(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.url.removeprefix("sqlite:///"))) as connection:
        connection.create_function("ours", 1, str)
        connection.executescript(
            "CREATE TABLE people (id INTEGER PRIMARY KEY);"
            "CREATE TRIGGER t AFTER INSERT ON people BEGIN SELECT ours(NEW.id); END;"
        )
    ended = held(shop.migrate("CREATE TABLE a (x);\nINSERT INTO people VALUES (1);\n"), 1)
    assert "0001_step.sql:2: no such function: ours" in ended.err
    assert "a" not in shop.probe.tables()


def test_an_index_and_generated_column_by_an_unknown_function_do_not_hinder_what_is_elsewhere(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.url.removeprefix("sqlite:///"))) as connection:
        connection.create_function("ours", 1, lambda x: x, deterministic=True)
        connection.executescript(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, m AS (ours(id)));"
            "CREATE INDEX i ON people (ours(id)); INSERT INTO people VALUES (1)"
        )
    held(shop.migrate("CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);\n"), 0)
    held(shop.run("status"), 0)


def test_generated_columns_are_carried_through_a_merge(shop: Shop) -> None:
    columns = "(id INTEGER PRIMARY KEY, n TEXT, up TEXT GENERATED ALWAYS AS (upper(n)) STORED)"
    shop.probe.execute(
        f"CREATE TABLE old {columns}; CREATE TABLE new {columns}; INSERT INTO old VALUES (1, 'a'), (2, NULL)"
    )
    held(
        shop.migrate(
            "INSERT INTO new (id, n) SELECT id, n FROM old;\n", "-- merge: old into new on id comparing n, up\n"
        ),
        0,
    )
    assert shop.probe.rows("SELECT * FROM new ORDER BY id") == [(1, "a", "A"), (2, None, None)]


def test_attaching_a_database_is_no_way_out_of_the_transaction(shop: Shop) -> None:
    other = shop.folder / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript("CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1)")
    ended = held(shop.migrate(f"CREATE TABLE a (x);\nATTACH '{other}' AS o;\nDELETE FROM o.people;\n"), 1, 3)
    assert "0001_step.sql" in ended.err
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (1,)
    assert "a" not in shop.probe.tables()


def test_a_table_with_a_hostile_name_is_watched_told_and_never_run_as_sql(shop: Shop) -> None:
    shop.probe.execute(
        f"CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1);"
        f"CREATE TABLE {QUOTED} (id INTEGER PRIMARY KEY, {QUOTED} TEXT); INSERT INTO {QUOTED} VALUES (1, 'a'), (2, 'b')"
    )
    before = shop.probe.snapshot()
    ended = held(shop.migrate(f"DELETE FROM {QUOTED} WHERE id = 1;\n"), 3)
    assert HOSTILE.replace("\x1b", r"\x1b") in ended.err
    assert shop.probe.snapshot() == before
    held(shop.migrate(f"UPDATE {QUOTED} SET {QUOTED} = 'c';\n"), 0)
    for command in (("report", "--format", "html"), ("report",), ("log",), ("rehearse",)):
        held(shop.run(*command), 0)
    assert shop.probe.value("SELECT count(*) FROM people") == 1


def test_no_file_loads_an_extension(shop: Shop) -> None:
    shop.probe.execute("CREATE TABLE people (id INTEGER)")
    ended = held(shop.migrate("CREATE TABLE a (x);\nSELECT load_extension('nowhere');\n"), 1)
    assert "0001_step.sql:2: not authorized" in ended.err
    assert "a" not in shop.probe.tables()


def test_a_database_whose_schema_was_written_by_another_hand_is_told_in_words(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.url.removeprefix("sqlite:///"))) as connection:
        connection.executescript("CREATE TABLE people (id INTEGER); PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'people'")
        connection.commit()
    ended = held(shop.migrate("CREATE TABLE a (x);\n"), 1)
    assert "malformed database schema (people)" in ended.err


@pytest.mark.parametrize(
    "data", [b"", b"no database at all" * 100, b"SQLite format 3\0", b"SQLite format 3\0" + bytes(5000)]
)
def test_a_file_that_is_no_database_is_left_as_it_is(data: bytes, shop: Shop) -> None:
    path = Path(shop.url.removeprefix("sqlite:///"))
    path.write_bytes(data)
    ended = held(shop.migrate("CREATE TABLE a (x);\n"), *((0,) if not data else (1,)))
    if data:
        assert path.read_bytes() == data, ended.err


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder"])
def test_a_path_that_is_no_file_is_refused_and_never_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to("app.db")
        case "folder":
            path.mkdir()
    series = write(tmp_path / "shop", {"0001_a.sql": "CREATE TABLE a (x);\n"})
    for command in ("status", "migrate"):
        assert "app.db" in held(run(command, "--db", path, "--dir", series), 1).err


def test_an_application_with_a_hostile_text_factory_and_functions_is_served(tmp_path: Path) -> None:
    series = write(tmp_path / "shop", {"0001_a.sql": "CREATE TABLE a (x);\nINSERT INTO a VALUES (lower('A'));\n"})
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.text_factory = bytes
        connection.row_factory = sqlite3.Row
        connection.create_function("lower", 1, lambda text: "mine")
        assert ensure_migrations(connection, series).applied == 1
        assert [tuple(row) for row in connection.execute("SELECT x FROM a")] == [(b"mine",)]
