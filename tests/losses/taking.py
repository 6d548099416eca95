"""Losses by statements that take rows, columns or tables away: the loss guard finds them, with no verify file at all.

Knows the chat's tables; asks nothing.
"""

from __future__ import annotations

from tests.losses.planted import Planted

MANY = """
CREATE TABLE events (id INTEGER, day INTEGER) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (10);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
INSERT INTO events VALUES (1, 2), (2, 3), (3, 12);
"""
CODES = """
CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT {});
INSERT INTO codes VALUES (1, 'a'), (2, 'b');
"""
REBUILD = (
    "CREATE TABLE sessions_new (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), title TEXT);\n"
    "INSERT INTO sessions_new SELECT * FROM sessions{};\n"
    "DROP TABLE sessions;\nALTER TABLE sessions_new RENAME TO sessions;"
)


def _guarded(bad: str, good: str, says: str, **others: object) -> Planted:
    return Planted(bad, good, ("guard",), says, **others)  # type: ignore[arg-type]


TAKEN = {
    "a DELETE meant for one row that hits three": _guarded(
        "DELETE FROM legacy WHERE body = 'thanks';",
        "-- sessmig: may-lose legacy\nDELETE FROM legacy WHERE id = 105;",
        "3 rows of legacy were deleted (DELETE in line 1)",
        leaves=("SELECT count(*) FROM legacy", 5),
    ),
    "a subquery on a column that its table does not have": _guarded(
        # sessions has no column session_id: it is the one of messages, and always in the list.
        "DELETE FROM messages WHERE session_id IN (SELECT session_id FROM sessions WHERE title IS NULL);",
        "-- sessmig: may-lose messages\n"
        "DELETE FROM messages WHERE session_id IN (SELECT id FROM sessions WHERE title IS NULL);",
        "3 rows of messages were deleted (DELETE in line 1)",
        leaves=("SELECT count(*) FROM messages", 2),
    ),
    "a cascade through two tables": _guarded(
        "DELETE FROM users WHERE id = 1;",
        "-- sessmig: may-lose users, sessions, messages\nDELETE FROM users WHERE id = 1;",
        "2 rows of messages were deleted (cascade from sessions)",
        leaves=("SELECT count(*) FROM messages", 1),
    ),
    "a cascade that only the parent was declared for": _guarded(
        "-- sessmig: may-lose users, sessions\nDELETE FROM users WHERE id = 1;",
        "-- sessmig: may-lose users, sessions, mess*\nDELETE FROM users WHERE id = 1;",
        "2 rows of messages were deleted (cascade from sessions)",
    ),
    "a trigger that deletes": _guarded(
        "INSERT INTO users VALUES (3, 'Linus');",
        "DROP TRIGGER spoil;\nINSERT INTO users VALUES (3, 'Linus');",
        "1 row of messages was deleted",
        setup="CREATE TRIGGER spoil AFTER INSERT ON users BEGIN DELETE FROM messages WHERE id = 1; END;",
        only="sqlite",
        leaves=("SELECT count(*) FROM messages", 3),
    ),
    "a trigger function that deletes": _guarded(
        "INSERT INTO users VALUES (3, 'Linus');",
        "DROP TRIGGER spoil ON users;\nINSERT INTO users VALUES (3, 'Linus');",
        "1 row of messages was deleted",
        setup="CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN DELETE FROM messages WHERE id = 1; RETURN NEW; END';"
        "CREATE TRIGGER spoil AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION spoil();",
        only="postgres",
        leaves=("SELECT count(*) FROM messages", 3),
    ),
    "OR REPLACE on a parent": _guarded(
        "INSERT OR REPLACE INTO sessions VALUES (10, 1, 'green tea');",
        "INSERT INTO sessions VALUES (10, 1, 'green tea') ON CONFLICT (id) DO UPDATE SET title = excluded.title;",
        "1 row of messages was deleted (cascade from sessions)",
        only="sqlite",
        leaves=("SELECT count(*) FROM messages", 3),
    ),
    "OR REPLACE that takes two rows for one": _guarded(
        "INSERT OR REPLACE INTO codes VALUES (1, 'b');",
        "UPDATE codes SET code = 'c' WHERE id = 1;",
        "2 rows of codes were deleted",
        setup=CODES.format("UNIQUE"),
        only="sqlite",
        leaves=("SELECT count(*) FROM codes", 2),
    ),
    "UPDATE OR REPLACE": _guarded(
        "UPDATE OR REPLACE codes SET code = 'b' WHERE id = 1;",
        "-- sessmig: may-lose codes\nUPDATE OR REPLACE codes SET code = 'b' WHERE id = 1;",
        "1 row of codes was deleted",
        setup=CODES.format("UNIQUE"),
        only="sqlite",
        leaves=("SELECT count(*) FROM codes", 1),
    ),
    "a column that replaces by itself": _guarded(
        "INSERT INTO codes VALUES (3, 'b');",
        "INSERT INTO codes VALUES (3, 'c');",
        "1 row of codes was deleted",
        setup=CODES.format("UNIQUE ON CONFLICT REPLACE"),
        only="sqlite",
        leaves=("SELECT count(*) FROM codes", 3),
    ),
    "a rebuild with foreign keys on": _guarded(
        REBUILD.format(""),
        "ALTER TABLE sessions RENAME COLUMN title TO name;",
        "3 rows of messages were deleted (cascade from sessions)",
        only="sqlite",
        leaves=("SELECT count(*) FROM messages", 3),
    ),
    "a rebuild that leaves rows behind": _guarded(
        "CREATE TABLE legacy_new AS SELECT * FROM legacy WHERE body <> '';\n"
        "DROP TABLE legacy;\nALTER TABLE legacy_new RENAME TO legacy;",
        "CREATE TABLE legacy_new AS SELECT * FROM legacy;\n"
        "DROP TABLE legacy;\nALTER TABLE legacy_new RENAME TO legacy;",
        "1 row of legacy was deleted (table made anew, DROP TABLE in line 2)",
        leaves=("SELECT count(*) FROM legacy", 6),
    ),
    "a rebuild that forgets a column": _guarded(
        "CREATE TABLE legacy_new AS SELECT id, session_id, role, body, said FROM legacy;\n"
        "DROP TABLE legacy;\nALTER TABLE legacy_new RENAME TO legacy;",
        "-- sessmig: may-lose legacy.extra\n"
        "CREATE TABLE legacy_new AS SELECT id, session_id, role, body, said FROM legacy;\n"
        "DROP TABLE legacy;\nALTER TABLE legacy_new RENAME TO legacy;",
        "the column legacy.extra was dropped, with 2 values",
        leaves=("SELECT count(*) FROM legacy", 6),
    ),
    "a dropped column": _guarded(
        "ALTER TABLE legacy DROP COLUMN body;",
        "-- sessmig: may-lose legacy.body\nALTER TABLE legacy DROP COLUMN body;",
        "the column legacy.body was dropped, with 5 values",
        leaves=("SELECT count(*) FROM legacy", 6),
    ),
    "a dropped table": _guarded(
        "DROP TABLE legacy;",
        "ALTER TABLE legacy RENAME TO legacy_until_march;",
        "the table legacy was dropped, with 6 rows",
        leaves=("SELECT count(*) FROM legacy_until_march", 6),
    ),
    "a DROP TABLE before CREATE TABLE": _guarded(
        "DROP TABLE IF EXISTS legacy;\nCREATE TABLE legacy (id INTEGER PRIMARY KEY);",
        "CREATE TABLE IF NOT EXISTS legacy (id INTEGER PRIMARY KEY);",
        "the table legacy was dropped, with 6 rows",
        leaves=("SELECT count(*) FROM legacy", 6),
    ),
    "a TRUNCATE": _guarded(
        "TRUNCATE legacy;",
        "-- sessmig: may-lose legacy\nTRUNCATE legacy;",
        "the table legacy was truncated, with 6 rows",
        only="postgres",
        leaves=("SELECT count(*) FROM legacy", 0),
    ),
    "a TRUNCATE that cascades": _guarded(
        "TRUNCATE users CASCADE;",
        "-- sessmig: may-lose users, sessions, messages\nTRUNCATE users CASCADE;",
        "the table messages was truncated, with 3 rows",
        only="postgres",
        leaves=("SELECT count(*) FROM messages", 0),
    ),
    "a DO block that deletes": _guarded(
        "DO $$ BEGIN DELETE FROM legacy WHERE id > 103; END $$;",
        "-- sessmig: may-lose legacy\nDO $$ BEGIN DELETE FROM legacy WHERE id > 103; END $$;",
        "3 rows of legacy were deleted",
        only="postgres",
        leaves=("SELECT count(*) FROM legacy", 3),
    ),
    "a DO block that drops": _guarded(
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'legacy'; END $$;",
        "-- sessmig: may-lose legacy\nDO $$ BEGIN EXECUTE 'DROP TABLE ' || 'legacy'; END $$;",
        "the table legacy was dropped",
        only="postgres",
    ),
    "a dropped schema": _guarded(
        "DROP SCHEMA archive CASCADE;",
        "-- sessmig: may-lose archive.*\nDROP SCHEMA archive CASCADE;",
        "the table archive.letters was dropped, with 2 rows",
        setup="CREATE SCHEMA archive; CREATE TABLE archive.letters (id INTEGER);"
        "INSERT INTO archive.letters VALUES (1), (2);",
        only="postgres",
    ),
    "a dropped partition": _guarded(
        "DROP TABLE events_1;",
        "ALTER TABLE events DETACH PARTITION events_1;",
        "events_1 was dropped, with 2 rows",
        setup=MANY,
        only="postgres",
        leaves=("SELECT count(*) FROM events_1", 2),
    ),
    "a MERGE that deletes": _guarded(
        "MERGE INTO legacy USING sessions ON sessions.id = legacy.session_id WHEN MATCHED THEN DELETE;",
        "MERGE INTO legacy USING sessions ON sessions.id = legacy.session_id WHEN MATCHED THEN UPDATE SET body = NULL;",
        "6 rows of legacy were deleted",
        only="postgres",
        leaves=("SELECT count(*) FROM legacy", 6),
    ),
}
