"""SQLite's REPLACE deletes rows and says nothing of it: not to triggers, and not in its count. The guard does."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped

LOSSES = {
    "OR REPLACE on a parent takes its children along": (
        "INSERT OR REPLACE INTO users (id, name) VALUES (1, 'Ada L.');",
        [
            "3 rows of messages were deleted (cascade from sessions)",
            "2 rows of sessions were deleted (cascade from users)",
            "1 row of users was deleted (REPLACE)",
        ],
    ),
    "REPLACE INTO deletes two rows for one": (
        "REPLACE INTO users (id, name) VALUES (3, 'Grace');",
        ["1 row of sessions was deleted (cascade from users)", "2 rows of users were deleted (REPLACE)"],
    ),
    "UPDATE OR REPLACE": (
        "UPDATE OR REPLACE users SET name = 'Linus' WHERE id = 3 OR id = 2;",
        ["1 row of users was deleted (REPLACE)"],
    ),
    "a schema that says ON CONFLICT REPLACE": (
        "INSERT INTO tags VALUES (7, 'red'), (8, 'blue');",
        ["1 row of tags was deleted (a trigger or function)"],
    ),
    "a trigger that says OR REPLACE": (
        "INSERT INTO notes VALUES ('red');",
        ["1 row of tags was deleted (a trigger or function)"],
    ),
    "a trigger made in the step": (
        "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN REPLACE INTO users VALUES (9, 'Linus'); END;\n"
        "INSERT INTO sessions VALUES (30, 3, 'x');",
        ["1 row of users was deleted", "1 row of sessions was deleted (cascade from users)"],
    ),
    "a REPLACE that goes for what a trigger writes": (
        "INSERT OR REPLACE INTO copied VALUES (50, 'Linus');",
        ["1 row of users was deleted"],
    ),
    "a table that was renamed before": (
        "ALTER TABLE users RENAME TO people;\nDELETE FROM people WHERE id = 99;\n"
        "REPLACE INTO people (id, name) VALUES (3, 'Tove');",
        ["1 row of people was deleted (REPLACE)"],
    ),
    "one behind a WITH": (
        "WITH one (id, name) AS (VALUES (1, 'Ada L.')) REPLACE INTO users SELECT * FROM one;",
        ["1 row of users was deleted (REPLACE)"],
    ),
    "one with a comment between": (
        "INSERT OR /* all of them */ REPLACE INTO main . users (id, name) VALUES (3, 'Tove');",
        ["1 row of users was deleted"],
    ),
    "a comment before the table": (
        "INSERT OR REPLACE INTO -- the table\n  users (id, name) VALUES (3, 'Tove');",
        ["1 row of users was deleted (REPLACE)"],
    ),
    "a comment between REPLACE INTO and the table": (
        "REPLACE INTO /* x */ users (id, name) VALUES (3, 'Tove');",
        ["1 row of users was deleted (REPLACE)"],
    ),
    "a table in the quotes of a text": ("REPLACE INTO 'users' VALUES (3, 'Tove');", ["1 row of users was deleted"]),
    "a schema, and the quotes of a text": (
        "REPLACE INTO main.'users' VALUES (3, 'Tove');",
        ["1 row of users was deleted"],
    ),
    "a comment before the dot": ("REPLACE INTO main/**/.users VALUES (3, 'Tove');", ["1 row of users was deleted"]),
    "UPDATE OR REPLACE in the quotes of a text": (
        "UPDATE OR REPLACE 'users' SET name = 'Linus' WHERE id = 2;",
        ["1 row of users was deleted"],
    ),
    "a rebuilt table that says ON CONFLICT REPLACE": (
        "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON/**/CONFLICT REPLACE);\n"
        "INSERT INTO n SELECT * FROM copied;\nDROP TABLE copied;\nALTER TABLE n RENAME TO copied;\n"
        "INSERT INTO copied VALUES (8, 'Tove');",
        ["1 row of copied was deleted"],
    ),
    "a standing table that says ON/**/CONFLICT REPLACE": (
        "INSERT INTO colours VALUES (8, 'red');",
        ["1 row of colours was deleted"],
    ),
    "a trigger made in the step that only inserts": (
        "CREATE TRIGGER tr AFTER INSERT ON notes BEGIN INSERT INTO users VALUES (3, NEW.body); END;\n"
        "REPLACE INTO notes VALUES ('Tove');",
        ["1 row of users was deleted"],
    ),
    "a view with a trigger made in the step": (
        "CREATE VIEW people AS SELECT * FROM users;\n"
        "CREATE TRIGGER tr INSTEAD OF INSERT ON people BEGIN INSERT INTO users VALUES (NEW.id, NEW.name); END;\n"
        "REPLACE INTO people VALUES (3, 'Tove');",
        ["1 row of users was deleted"],
    ),
    "two views with triggers, one behind the other": (
        "REPLACE INTO seen_twice VALUES (3, 'Tove');",
        ["1 row of users was deleted"],
    ),
    "a table that takes the name of another": (
        "ALTER TABLE notes RENAME TO old_notes;\nALTER TABLE users RENAME TO notes;\n"
        "REPLACE INTO notes VALUES (3, 'Tove');",
        ["1 row of notes was deleted"],
    ),
}
MORE = """
CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT, UNIQUE (tag) ON CONFLICT REPLACE);
INSERT INTO tags VALUES (1, 'red'), (2, 'green');
CREATE TRIGGER on_note AFTER INSERT ON notes BEGIN INSERT OR REPLACE INTO tags VALUES (99, NEW.body); END;
CREATE TABLE copied (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO copied VALUES (7, 'Tove');
CREATE TRIGGER on_copy AFTER INSERT ON copied BEGIN INSERT INTO users VALUES (NEW.id, NEW.name); END;
CREATE TABLE colours (id INTEGER PRIMARY KEY, colour TEXT UNIQUE ON/**/CONFLICT REPLACE);
INSERT INTO colours VALUES (1, 'red');
CREATE VIEW seen AS SELECT * FROM users;
CREATE VIEW seen_twice AS SELECT * FROM users;
CREATE TRIGGER on_seen INSTEAD OF INSERT ON seen BEGIN INSERT INTO users VALUES (NEW.id, NEW.name); END;
CREATE TRIGGER on_twice INSTEAD OF INSERT ON seen_twice BEGIN INSERT INTO seen VALUES (NEW.id, NEW.name); END;
"""


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_replace_deletes_undoes_the_step(
    name: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, losses = LOSSES[name]
    probe(sqlite_url).execute(CHAT + MORE)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step + "\n")
    for what in losses:
        assert any(what in line for line in lines), (what, lines)
    passes(sqlite_url, migrations, f"-- sessmig: may-lose *\n{step}\n")


@pytest.mark.parametrize(
    "step",
    [
        "INSERT OR REPLACE INTO users (id, name) VALUES (4, 'Don');",
        "INSERT OR IGNORE INTO users (id, name) VALUES (1, 'Don');",
        "INSERT INTO users (id, name) VALUES (1, 'Don') ON CONFLICT (id) DO UPDATE SET name = excluded.name;",
        "UPDATE OR REPLACE users SET name = 'Don' WHERE id = 1;",
        "UPDATE users SET name = replace(name, 'A', 'a');",
        "INSERT INTO tags VALUES (7, 'blue');",
        "INSERT INTO notes VALUES ('blue');",
    ],
)
def test_a_replace_that_replaces_nothing_is_no_loss(
    step: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(CHAT + MORE)
    passes(sqlite_url, migrations, step + "\n")


def test_recursive_triggers_are_left_as_they_were(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """Switched on, the application's own delete triggers would fire where they never did before."""
    probe(sqlite_url).execute(CHAT)
    probe(sqlite_url).execute("CREATE TRIGGER d AFTER DELETE ON users BEGIN INSERT INTO notes VALUES ('gone'); END;")
    passes(
        sqlite_url, migrations, "-- sessmig: may-lose users, sessions, messages\nREPLACE INTO users VALUES (1, 'A');\n"
    )
    assert probe(sqlite_url).value("SELECT count(*) FROM notes WHERE body = 'gone'") == 0
