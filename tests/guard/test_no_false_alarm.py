"""What loses nothing is not taken for a loss."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes

EITHER = {
    "a table renamed": "ALTER TABLE messages RENAME TO messages_legacy;",
    "two tables that change names": "ALTER TABLE notes RENAME TO x;\nALTER TABLE sessions RENAME TO notes;\n"
    "ALTER TABLE x RENAME TO sessions;",
    "a table renamed to another case": 'ALTER TABLE notes RENAME TO x;\nALTER TABLE x RENAME TO "Notes";',
    "a column renamed": "ALTER TABLE messages RENAME COLUMN body TO content;\n"
    "ALTER TABLE messages RENAME COLUMN id TO message_id;",
    "two columns that change names": "ALTER TABLE messages RENAME COLUMN body TO x;\n"
    "ALTER TABLE messages RENAME COLUMN session_id TO body;\nALTER TABLE messages RENAME COLUMN x TO session_id;",
    "a column added": "ALTER TABLE messages ADD COLUMN note TEXT DEFAULT 'x';",
    "a column added and dropped": "ALTER TABLE notes ADD COLUMN x TEXT;\nALTER TABLE notes DROP COLUMN x;",
    "an upsert": "INSERT INTO users VALUES (1, 'A'), (4, 'Don') ON CONFLICT (id) DO UPDATE SET name = excluded.name;",
    "an update": "UPDATE messages SET body = NULL;",
    "rows copied": "INSERT INTO notes SELECT body FROM messages;",
    "a staging table": "CREATE TABLE stage AS SELECT * FROM messages;\nDELETE FROM stage WHERE id = 'a';\n"
    "INSERT INTO notes SELECT body FROM stage;\nDROP TABLE stage;",
    "a temporary table": "CREATE TEMP TABLE stage AS SELECT * FROM messages;\nDELETE FROM stage;\nDROP TABLE stage;",
    "indexes": "CREATE INDEX by_body ON messages (body);\nDROP INDEX by_body;\nCREATE INDEX again ON messages (body);",
    "a view": "CREATE VIEW v AS SELECT * FROM notes;\nDROP VIEW v;\nCREATE VIEW v AS SELECT body FROM notes;",
    "a delete that finds nothing": "DELETE FROM messages WHERE id = 'nobody';",
    "a table that is not there": "DROP TABLE IF EXISTS nowhere;",
    "a table made twice": "CREATE TABLE IF NOT EXISTS notes (x TEXT);\nINSERT INTO notes VALUES ('x');",
    "a key that is given up": "UPDATE sessions SET user_id = NULL WHERE user_id = 1;",
    "nothing at all": "",
}


@pytest.mark.parametrize("name", EITHER)
def test_what_loses_nothing_passes(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    assert passes(database_url, migrations, EITHER[name] + "\n").outcome == "applied"


@pytest.mark.parametrize(
    "step",
    [
        "ALTER TABLE sessions ALTER COLUMN id TYPE BIGINT;",
        "ALTER TABLE messages ALTER COLUMN body TYPE VARCHAR(80), ALTER COLUMN body SET NOT NULL;",
        "ALTER TABLE notes ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8');",
        "CREATE SCHEMA archive;\nALTER TABLE notes SET SCHEMA archive;",
        "ALTER TABLE notes SET UNLOGGED;",
        "CLUSTER messages USING messages_pkey;",
        "ALTER TABLE sessions ADD COLUMN n INTEGER;\nUPDATE sessions SET n = 1;\nALTER TABLE sessions DROP CONSTRAINT"
        " sessions_user_id_fkey, ALTER COLUMN title DROP NOT NULL;",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM notes;\nREFRESH MATERIALIZED VIEW m;\nDROP MATERIALIZED VIEW m;",
    ],
)
def test_what_postgres_writes_anew_is_no_loss(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT + "UPDATE messages SET body = '' WHERE body IS NULL;")
    passes(postgres_url, migrations, step + "\n")


@pytest.mark.parametrize("vacuum", ["NONE", "FULL", "INCREMENTAL"])
def test_pages_that_move_are_not_taken_for_tables_that_were_renamed(
    vacuum: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    """With auto_vacuum a DROP moves the last table to the page that has become free."""
    probe(sqlite_url).execute(f"PRAGMA auto_vacuum = {vacuum};" + CHAT)
    step = (
        "CREATE TABLE last (x);\nDROP TABLE {};\nCREATE TABLE more (x);\nALTER TABLE notes RENAME TO remarks;\n"
        "DROP TABLE more;\nALTER TABLE remarks RENAME TO notes;\n"
    )
    passes(sqlite_url, migrations, step.format("IF EXISTS nowhere"))
    passes(sqlite_url, migrations, "-- sessmig: may-lose last\nDROP TABLE last;\n", version=2)
    report = passes(sqlite_url, migrations, "-- sessmig: may-lose messages\n" + step.format("messages"), version=3)
    assert [(e.table, e.before, e.after) for e in report.effects] == [("last", None, 0), ("messages", 4, None)]
