"""SQLite: only tables that a step can reach are watched; what it reaches, by whatever way, is."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped

MORE = """
CREATE TABLE old_users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE ghosts (id INTEGER PRIMARY KEY, of INTEGER REFERENCES nobody (id) ON DELETE CASCADE);
CREATE TABLE kinds (id INTEGER PRIMARY KEY);
INSERT INTO kinds VALUES (1), (2);
CREATE TABLE "odd -- ""name" (id INTEGER PRIMARY KEY, kind INTEGER REFERENCES kinds (id) ON DELETE SET NULL);
INSERT INTO "odd -- ""name" VALUES (1, 1);
CREATE TRIGGER on_kind AFTER UPDATE ON "odd -- ""name" BEGIN DELETE FROM notes; END;
CREATE TABLE "1" (x); INSERT INTO "1" VALUES (1);
CREATE VIEW first AS SELECT * FROM users;
CREATE VIEW second AS SELECT * FROM users;
CREATE TRIGGER on_first INSTEAD OF INSERT ON first BEGIN INSERT INTO second VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER on_second INSTEAD OF INSERT ON second BEGIN DELETE FROM notes; END;
"""
REACHED = {
    "a name in any quotes": ("DELETE FROM main.'notes';", "3 rows of notes were deleted"),
    "comments around a name": ("DELETE FROM/**/notes/**/WHERE body = 'one';", "1 row of notes was deleted"),
    "other capitals": ("DELETE FROM NOTES;", "3 rows of notes were deleted"),
    "a name that is a number": ('DELETE FROM "1";', "1 row of 1 was deleted"),
    "an odd name": ('DELETE FROM [odd -- "name];', 'odd -- "name'),
    "a trigger that is made in the step": (
        "CREATE TRIGGER tr AFTER INSERT ON old_users BEGIN DELETE FROM notes; END;\n"
        "INSERT INTO old_users VALUES (1, 'x');",
        "3 rows of notes were deleted (a trigger or function)",
    ),
    "a temporary trigger that is made in the step": (
        "CREATE TEMP TRIGGER tr AFTER INSERT ON old_users BEGIN DELETE FROM notes; END;\n"
        "INSERT INTO old_users VALUES (1, 'x');",
        "3 rows of notes were deleted (a trigger or function)",
    ),
    "a trigger behind two views": ("INSERT INTO first VALUES (9, 'x');", "3 rows of notes were deleted"),
    "a trigger of a table that a foreign key empties a column of": (
        "-- sessmig: may-lose kinds\nDELETE FROM kinds WHERE id = 1;",
        "3 rows of notes were deleted",
    ),
    "a cascade of two steps": (
        "-- sessmig: may-lose users, sessions\nDELETE FROM users WHERE id = 1;",
        "3 rows of messages were deleted (cascade from sessions)",
    ),
    "a cascade from a table that is dropped": (
        "-- sessmig: may-lose users\nDROP TABLE users;",
        "3 rows of sessions were deleted",
    ),
    "a table that was renamed": (
        "ALTER TABLE notes RENAME TO papers;\nDELETE FROM papers WHERE body = 'one';",
        "1 row of papers was deleted",
    ),
    "the children of a name that another table takes": (
        "-- sessmig: may-lose old_users\nINSERT INTO old_users SELECT * FROM users;\n"
        "ALTER TABLE old_users RENAME TO nobody;\nINSERT INTO ghosts VALUES (1, 1);\n"
        "ALTER TABLE ghosts RENAME TO spirits;\nDELETE FROM nobody;\nDELETE FROM notes WHERE body = 'one';",
        "1 row of notes was deleted",
    ),
}


@pytest.mark.parametrize("name", REACHED)
def test_whatever_way_a_step_reaches_a_table_its_rows_are_counted(
    name: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, loss = REACHED[name]
    probe(sqlite_url).execute(CHAT + MORE)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step + "\n")
    assert any(loss in line for line in lines), lines


def test_a_table_of_the_users_own_may_be_called_as_ours_were(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """A file's own `sessmig_watch` is never taken for a temporary table of the guard's."""
    probe(sqlite_url).execute(
        CHAT
        + "CREATE TABLE sessmig_watch (id INTEGER, deleted INTEGER); INSERT INTO sessmig_watch VALUES (1, 0), (2, 0);"
        "CREATE TABLE sessmig_keys (id INTEGER); INSERT INTO sessmig_keys VALUES (1);"
    )
    step = "DELETE FROM notes;\nUPDATE sessmig_watch SET deleted = 0;\nDELETE FROM sessmig_keys;\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("3 rows of notes were deleted" in line for line in lines), lines
    assert any("1 row of sessmig_keys was deleted" in line for line in lines), lines
    passes(sqlite_url, migrations, "DELETE FROM notes WHERE 0;\nUPDATE sessmig_watch SET deleted = 7;\n")
    assert probe(sqlite_url).rows("SELECT deleted FROM sessmig_watch") == [(7,), (7,)]


def test_a_full_text_table_made_anew_is_no_loss(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """The hidden columns of FTS5, one of them named after the table, are no columns that could be dropped."""
    probe(sqlite_url).execute("CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('a'), ('b');")
    passes(
        sqlite_url,
        migrations,
        "CREATE VIRTUAL TABLE n USING fts5(body, tokenize = 'porter');\n"
        "INSERT INTO n (rowid, body) SELECT rowid, body FROM f;\n"
        "DROP TABLE f;\nALTER TABLE n RENAME TO f;\n",
    )
    assert probe(sqlite_url).rows("SELECT body FROM f WHERE f MATCH 'a'") == [("a",)]


@pytest.mark.parametrize("place", ["TEMP ", ""])
@pytest.mark.parametrize("anew", [False, True])
def test_a_trigger_that_has_all_others_left_out_hides_no_row(
    place: str, anew: bool, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """Which of two triggers is first SQLite does not promise; it goes by their names, and ours are never the same."""
    probe(sqlite_url).execute(CHAT + "CREATE TABLE more (body TEXT);")
    made = "CREATE TABLE n (body TEXT);\nINSERT INTO n SELECT body FROM notes;\nDROP TABLE notes;\n"
    step = f"{made}ALTER TABLE n RENAME TO notes;\n" if anew else ""
    step += f"CREATE {place}TRIGGER quiet AFTER DELETE ON notes BEGIN SELECT RAISE(IGNORE); END;\n"
    step += "".join(f"CREATE TRIGGER x{n} AFTER INSERT ON more BEGIN SELECT {n}; END;\n" for n in range(10))
    step += "DELETE FROM notes;\nINSERT INTO notes VALUES ('d'), ('e'), ('f');\nDROP TRIGGER quiet;\n"
    for _ in range(4):
        lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
        assert any("3 rows of notes were deleted" in line for line in lines), lines
