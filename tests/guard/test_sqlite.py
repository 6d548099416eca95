"""What is special in SQLite: virtual tables, odd names, connections that belong to the application."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import CheckError, StepError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped
from tests.run.doing import migrate, state


def test_rows_of_a_virtual_table_that_a_statement_names_are_counted(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE VIRTUAL TABLE found USING fts5(body); INSERT INTO found VALUES ('a'), ('b'), ('c');"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), "DELETE FROM found WHERE body MATCH 'a OR b';\n")
    assert (
        lines[0]
        == "0001_step.sql:1: loss guard: 2 rows of found were deleted (DELETE in line 1), and no may-lose names it"
    )
    passes(sqlite_url, migrations, "-- sessmig: may-lose found\nDELETE FROM found WHERE body MATCH 'a OR b';\n")


def test_a_virtual_table_that_is_renamed_or_filled_is_no_loss(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE VIRTUAL TABLE found USING fts5(body); INSERT INTO found VALUES ('a');")
    report = passes(sqlite_url, migrations, "INSERT INTO found VALUES ('b');\nALTER TABLE found RENAME TO seen;\n")
    assert [(e.table, e.before, e.after, e.inserted) for e in report.effects] == [("seen", 1, 2, 1)]


KEPT_ELSEWHERE = {
    "fts5": "CREATE TABLE {0} (id INTEGER PRIMARY KEY, body TEXT);"
    "CREATE VIRTUAL TABLE {1} USING fts5(body, content='{0}', content_rowid='id');",
    "fts4": "CREATE TABLE {0} (id INTEGER PRIMARY KEY, body TEXT);"
    'CREATE VIRTUAL TABLE {1} USING fts4(body, content="{0}");',
}


@pytest.mark.parametrize("module", KEPT_ELSEWHERE)
@pytest.mark.parametrize("step", ["DELETE FROM search_content WHERE id = 1;\n", "DROP TABLE search_content;\n"])
def test_a_table_that_a_full_text_table_reads_is_the_users_own(
    step: str, module: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """By its name `search_content` might be a part of `search`."""
    probe(sqlite_url).execute(KEPT_ELSEWHERE[module].format("search_content", "search"))
    probe(sqlite_url).execute("INSERT INTO search_content VALUES (1, 'a'), (2, 'b');")
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert "loss guard:" in lines[0]
    assert "search_content" in lines[0]


@pytest.mark.parametrize("module", KEPT_ELSEWHERE)
def test_a_full_text_table_that_reads_another_holds_no_rows_in_its_place(
    module: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);")
    probe(sqlite_url).execute("INSERT INTO notes VALUES (1, 'a'), (2, 'b');")
    reading = KEPT_ELSEWHERE[module].format("old", "notes").partition(";")[2].replace("(body", "(id, body")
    step = f"ALTER TABLE notes RENAME TO old;\n{reading}\nDROP TABLE old;\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("the table notes was dropped, with 2 rows" in line for line in lines), lines


@pytest.mark.parametrize(
    "module", [" fts5vocab(terms, 'row')", '"FTS5Vocab" (terms, row)', "'fts5vocab'(terms, row)", " fts4aux(words)"]
)
def test_a_table_that_shows_the_words_of_a_full_text_table_holds_no_rows_in_anothers_place(
    module: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE TABLE notes (term TEXT PRIMARY KEY); INSERT INTO notes VALUES ('tea'), ('cake');")
    step = (
        "CREATE VIRTUAL TABLE terms USING fts5(term);\nCREATE VIRTUAL TABLE words USING fts4(term);\n"
        "INSERT INTO terms SELECT term FROM notes;\nINSERT INTO words SELECT term FROM notes;\n"
        f"ALTER TABLE notes RENAME TO old;\nCREATE VIRTUAL TABLE notes USING{module};\nDROP TABLE old;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("the table notes was dropped, with 2 rows" in line for line in lines), lines


@pytest.mark.parametrize("name", ['"odd ""name"', "[a b]", "`it's`", '"SELECT"', '"ünï"', '"a.b"'])
def test_a_table_of_any_name_is_guarded(
    name: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        f'CREATE TABLE {name} ("the ""key" TEXT PRIMARY KEY, [x y] TEXT);'
        f"INSERT INTO {name} VALUES ('k', 'v'), ('l', 'w');"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), f"DELETE FROM {name};\n")
    assert "2 rows of" in lines[0]
    assert "(DELETE in line 1)" in lines[0]
    assert lines[1:4] == ['    the "key', "    k", "    l"]
    step = (
        f'ALTER TABLE {name} RENAME COLUMN "the ""key" TO k;\nALTER TABLE {name} RENAME TO plain;\nDELETE FROM plain;\n'
    )
    assert (
        "2 rows of plain were deleted (DELETE in line 3)" in stopped(sqlite_url, migrations, probe(sqlite_url), step)[0]
    )
    passes(sqlite_url, migrations, f"-- sessmig: may-lose plain\n{step}")


def test_a_table_that_refers_to_itself_loses_its_whole_tree(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t ON DELETE CASCADE);"
        "INSERT INTO t VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), "DELETE FROM t WHERE id = 1;\n")
    assert "3 rows of t were deleted" in lines[0]


def test_a_trigger_of_the_applications_own_that_is_broken_fails_as_it_did(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(CHAT + "CREATE TRIGGER t AFTER UPDATE ON notes BEGIN DELETE FROM nowhere; END;")
    passes(sqlite_url, migrations, "DELETE FROM messages WHERE 0;\nINSERT INTO notes VALUES ('x');\n")
    with pytest.raises(StepError, match="error in trigger t"):
        migrate(sqlite_url, migrations({"0002_b.sql": "ALTER TABLE users RENAME TO people;\n"}))


def test_a_file_may_have_tables_and_triggers_of_a_watched_ones_name_in_temp(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(CHAT)
    step = (
        "CREATE TEMP TABLE notes AS SELECT * FROM main.notes;\nDELETE FROM notes;\nDROP TABLE notes;\n"
        "CREATE TEMP TABLE work (x);\nINSERT INTO work VALUES (1), (2);\nDELETE FROM work;\n"
    )
    passes(sqlite_url, migrations, step)
    assert probe(sqlite_url).value("SELECT count(*) FROM notes") == 3


def test_a_connection_in_memory_is_guarded_and_left_without_anything_of_ours(migrations: WriteMigrations) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(CHAT)
        connection.execute("CREATE TEMP TABLE mine (x)")
        connection.commit()
        folder = migrations({"0001_a.sql": "INSERT INTO notes VALUES ('x');\n", "0002_b.sql": "DELETE FROM notes;\n"})
        with pytest.raises(CheckError, match="4 rows of notes were deleted"):
            ensure_migrations(connection, folder)
        assert connection.execute("SELECT name FROM sqlite_temp_master").fetchall() == [("mine",)]
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (4,)


def test_attached_databases_are_not_touched(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], tmp_path: Path
) -> None:
    probe(sqlite_url).execute(CHAT)
    before = state(probe(sqlite_url))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
        connection.execute("CREATE TABLE other.notes (body)")
        connection.executemany("INSERT INTO other.notes VALUES (?)", [("a",), ("b",)])
        connection.commit()
        ensure_migrations(connection, migrations({"0001_a.sql": "DELETE FROM other.notes;\n"}))
    assert state(probe(sqlite_url)) == before


def test_a_row_count_is_that_of_the_statement_and_not_of_what_counts_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(CHAT)
    step = (
        "-- sessmig: may-lose users, sessions, messages, notes\nDELETE FROM users WHERE id = 1;\n"
        "WITH x AS (SELECT 2) DELETE FROM notes WHERE body = 'two';\nDROP TABLE messages;\nDROP TABLE sessions;\n"
    )
    report = passes(sqlite_url, migrations, step)
    assert [(s.verb, s.rows) for s in report.statements] == [
        ("DELETE", 1),
        ("DELETE", 2),
        ("DROP TABLE", None),
        ("DROP TABLE", None),
    ]
