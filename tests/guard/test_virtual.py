"""SQLite's virtual tables, in which no trigger counts: what goes there while as many rows come."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import passes, stopped

KEPT = """
CREATE VIRTUAL TABLE f5 USING fts5(body);
CREATE VIRTUAL TABLE f4 USING fts4(body);
CREATE VIRTUAL TABLE boxes USING rtree(id, low, high);
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO f5 (rowid, body) VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO f4 (docid, body) VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO boxes VALUES (1, 0, 1), (2, 0, 1), (3, 0, 1);
INSERT INTO docs VALUES (1, 'x'), (7, 'y'), (8, 'z');
"""
GONE = {
    "INSERT OR REPLACE INTO f5 (rowid, body) VALUES (1, 'zz');": "1 row of f5 was deleted (REPLACE)",
    "REPLACE INTO f4 (docid, body) VALUES (1, 'p'), (2, 'q'), (9, 'r');": "2 rows of f4 were deleted (REPLACE)",
    "REPLACE INTO boxes SELECT id, 0, 1 FROM docs;": "1 row of boxes was deleted (REPLACE)",
    'INSERT OR REPLACE INTO main . "F5" AS f (rowid, body) SELECT id, body FROM docs;': "1 row of f5 was deleted",
    "WITH d AS (SELECT * FROM docs)\nINSERT OR REPLACE INTO [f5] (rowid, body) SELECT * FROM d;": "1 row of f5 was",
    "UPDATE OR REPLACE f5 SET rowid = 2 WHERE rowid = 1;\nINSERT INTO f5 (rowid, body) VALUES (7, 'new');": (
        "1 row of f5 was deleted (REPLACE)"
    ),
    "ALTER TABLE f5 RENAME TO found;\nREPLACE INTO found (rowid, body) VALUES (1, 'zz');": "1 row of found was deleted",
    "REPLACE INTO f5 (rowid, body) VALUES (1, 'z');\nINSERT INTO f5 (f5) VALUES ('optimize');": "1 row of f5 was",
    "CREATE TRIGGER t AFTER INSERT ON docs BEGIN DELETE FROM f5 WHERE rowid < 3; END;\n"
    "INSERT INTO docs VALUES (9, 'w');\nINSERT INTO f5 (body) VALUES ('n'), ('o');": "2 rows of f5 were deleted (a tri",
}
NO_LOSS = {
    "new rows": "REPLACE INTO f5 (rowid, body) VALUES (4, 'd');\nINSERT OR REPLACE INTO boxes VALUES (9, 1, 2);",
    "OR IGNORE": "INSERT OR IGNORE INTO f4 (docid, body) SELECT id, body FROM docs;\n"
    "INSERT OR IGNORE INTO boxes SELECT id, 0, 1 FROM docs;\nINSERT OR IGNORE INTO boxes VALUES (1, 5, 6);",
    "OR IGNORE beside REPLACE": "REPLACE INTO boxes VALUES (9, 1, 2);\nINSERT OR IGNORE INTO boxes VALUES (1, 5, 6);",
    "UPDATE": "UPDATE f5 SET rowid = rowid + 100;\nUPDATE OR REPLACE f4 SET body = 'n' WHERE docid = 1;\n"
    "UPDATE boxes SET high = 7;",
    "commands of fts5": "INSERT INTO f5 (body) VALUES ('n');\nINSERT INTO f5 (f5) VALUES ('rebuild');\n"
    "INSERT INTO f5(f5) VALUES ('optimize');\nINSERT INTO main.F5(\"f5\", rank) VALUES ('merge', 16);\n"
    "INSERT INTO f5([F5]) VALUES ('integrity-check');\nINSERT INTO f5(f5, rank) VALUES ('automerge', 4);\n"
    "REPLACE INTO f5 (body) VALUES ('o');",
    "commands of fts4": "INSERT INTO f4 (f4) VALUES ('rebuild');\nINSERT INTO f4(/* all */ f4) VALUES ('optimize');\n"
    "INSERT INTO f4('f4') VALUES ('merge=8,4');",
    "a temporary table of the name": "CREATE TEMP TABLE f5 (rowid INTEGER PRIMARY KEY, body TEXT);\n"
    "INSERT INTO f5 VALUES (1, 'a');\nREPLACE INTO f5 VALUES (1, 'b');\nINSERT INTO main.f5 (body) VALUES ('n');\n"
    "DROP TABLE temp.f5;\nREPLACE INTO f5 (body) VALUES ('o');",
    "renamed on the way": "INSERT INTO f5 (body) VALUES ('n');\nALTER TABLE f5 RENAME TO f;\n"
    "CREATE TABLE f5 (a INTEGER PRIMARY KEY);\nREPLACE INTO f5 VALUES (1), (2);\nINSERT INTO f (body) VALUES ('o');",
    "triggers that keep it alike": "CREATE TRIGGER t AFTER UPDATE ON docs BEGIN DELETE FROM f5 WHERE rowid = OLD.id; "
    "INSERT INTO f5 (rowid, body) VALUES (NEW.id, NEW.body); END;\nINSERT INTO f5 (rowid, body) VALUES (7, 'n');\n"
    "UPDATE docs SET body = 'm' WHERE id IN (1, 7);",
    "text that speaks of it": "INSERT INTO docs (body) VALUES ('REPLACE INTO f5 VALUES (1)'), ('f5');\n"
    "INSERT INTO f5 (body) VALUES ('INSERT INTO f4 (body)');\nINSERT INTO f4 (body) VALUES ('f5');",
}


@pytest.mark.parametrize("step", GONE)
def test_a_row_that_goes_from_a_virtual_table_while_another_comes_is_a_loss(
    step: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(KEPT)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), f"{step}\n")
    assert GONE[step] in lines[0]
    name = "found" if "RENAME" in step else GONE[step].split()[3]
    passes(sqlite_url, migrations, f"-- sessmig: may-lose {name}\n{step}\n")


@pytest.mark.parametrize("step", NO_LOSS)
def test_what_takes_no_row_from_a_virtual_table_is_no_loss(
    step: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(KEPT)
    passes(sqlite_url, migrations, f"{NO_LOSS[step]}\n")


@pytest.mark.parametrize("content", ["content='docs', content_rowid='id'", "content=''"])
def test_a_full_text_table_that_keeps_no_rows_is_filled_without_a_loss(
    content: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(f"{KEPT} CREATE VIRTUAL TABLE found USING fts5(body, {content});")
    step = "INSERT INTO found (rowid, body) SELECT id, body FROM docs;\n"
    passes(sqlite_url, migrations, step)


def test_a_file_of_many_inserts_that_replaces_a_row_of_a_virtual_table_is_undone(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(KEPT)
    many = "".join(f"INSERT INTO f5 (rowid, body) VALUES ({n}, 'it');\n" for n in range(10, 3010))
    optimized = f"{many}INSERT INTO f5 (f5) VALUES ('optimize');\n"
    lines = stopped(
        sqlite_url,
        migrations,
        probe(sqlite_url),
        f"{optimized}REPLACE INTO f5 (rowid, body) VALUES (1, 'z');\n",
    )
    assert "1 row of f5 was deleted (REPLACE)" in lines[0]
    report = passes(sqlite_url, migrations, optimized)
    assert [(e.table, e.before, e.after, e.deleted) for e in report.effects] == [("f5", 3, 3003, 0)]


SHOWING = """
CREATE TABLE docs (id INTEGER PRIMARY KEY, b TEXT);
CREATE VIRTUAL TABLE ff USING fts5(b, content='docs', content_rowid='id');
CREATE TRIGGER ad AFTER DELETE ON docs BEGIN INSERT INTO ff (ff, rowid, b) VALUES ('delete', old.id, old.b); END;
INSERT INTO docs VALUES (1, 'a'), (2, 'b');
INSERT INTO ff (ff) VALUES ('rebuild');
"""


@pytest.mark.parametrize("command", ["rebuild", "optimize"])
def test_rows_that_a_full_text_table_only_shows_are_those_of_the_other(
    command: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(SHOWING)
    step = f"DELETE FROM docs WHERE id = 1;\nINSERT INTO ff (ff) VALUES ('{command}');\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert [line for line in lines if "deleted" in line] == [
        "0001_step.sql:1: loss guard: 1 row of docs was deleted (DELETE in line 1), and no may-lose names it"
    ]
    passes(sqlite_url, migrations, f"-- sessmig: may-lose docs\n{step}")


def test_a_full_text_table_that_keeps_no_text_loses_its_words(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE VIRTUAL TABLE ff USING fts5(b, content=''); INSERT INTO ff (rowid, b) VALUES (1, 'a'), (2, 'b');"
    )
    step = "INSERT INTO ff (ff, rowid, b) VALUES ('delete', 1, 'a');\nINSERT INTO ff (rowid, b) VALUES (7, 'x');\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("1 row of ff was deleted" in line for line in lines), lines


def test_what_a_comment_says_brings_no_row(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1); INSERT INTO rt VALUES (1, 1, 1), (2, 2, 2);"
        "CREATE TABLE pts (id INTEGER PRIMARY KEY, x REAL); INSERT INTO pts VALUES (1, 5), (3, 6);"
    )
    step = (
        "WITH p AS (\n  SELECT id, x FROM pts -- INSERT INTO pts is done by the application\n)\n"
        "INSERT OR REPLACE INTO rt SELECT id, x, x FROM p;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("1 row of rt was deleted" in line for line in lines), lines
