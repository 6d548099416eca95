"""Losses that delete nothing and move nothing: checks of the step's own find them, or the free checks do.

Knows the chat's tables; asks nothing.
"""

from __future__ import annotations

from tests.losses.planted import Planted

OTHERS = (
    "-- check: the other titles stay as they were\n-- expect: same\nSELECT id, title FROM sessions WHERE id <> 11;\n"
)
PRICES = """
CREATE TABLE prices (id INTEGER PRIMARY KEY, cents INTEGER);
INSERT INTO prices VALUES (1, 1999), (2, 550);
"""

CHANGED = {
    "an UPDATE without its WHERE": Planted(
        "UPDATE sessions SET title = 'untitled';",
        "UPDATE sessions SET title = 'untitled' WHERE title IS NULL;",
        ("check",),
        "check failed: the other titles stay as they were",
        verify=OTHERS,
        leaves=("SELECT count(*) FROM sessions WHERE title = 'untitled'", 1),
    ),
    "an UPDATE from a table that lacks rows": Planted(
        "UPDATE sessions SET title = (SELECT title FROM better WHERE better.id = sessions.id);",
        "UPDATE sessions SET title = (SELECT title FROM better WHERE better.id = sessions.id)\n"
        "WHERE id IN (SELECT id FROM better);",
        ("check",),
        "check failed: the other titles stay as they were",
        verify=OTHERS,
        setup="CREATE TABLE better (id INTEGER, title TEXT); INSERT INTO better VALUES (11, 'more');",
        leaves=("SELECT count(*) FROM sessions WHERE title IS NULL", 0),
    ),
    "a division of whole numbers": Planted(
        "UPDATE prices SET cents = cents / 100 * 100;",
        "UPDATE prices SET cents = cents * 100 / 100;",
        ("check",),
        "check failed: the sum is what it was",
        verify="-- check: the sum is what it was\n-- expect: same\nSELECT sum(cents) FROM prices;\n",
        setup=PRICES,
        leaves=("SELECT sum(cents) FROM prices", 2549),
    ),
    "two accounts made one": Planted(
        "UPDATE messages SET session_id = 10 WHERE session_id = 11;",
        "UPDATE messages SET session_id = 11 WHERE session_id = 11;",
        ("check",),
        "check failed: each session keeps its messages",
        verify="-- check: each session keeps its messages\n-- expect: same\n"
        "SELECT session_id, count(*) FROM messages GROUP BY session_id;\n",
    ),
    "a sequence left behind": Planted(
        "INSERT INTO tickets (id, body) SELECT id, body FROM legacy;",
        "INSERT INTO tickets (id, body) SELECT id, body FROM legacy;\n"
        "SELECT setval(pg_get_serial_sequence('tickets', 'id'), max(id)) FROM tickets;",
        ("free check",),
        "tickets.id",
        setup="CREATE TABLE tickets (id SERIAL PRIMARY KEY, body TEXT);",
        only="postgres",
        leaves=("SELECT CAST(nextval('tickets_id_seq') AS INTEGER)", 107),
    ),
    "children that a rebuild leaves pointing nowhere": Planted(
        "CREATE TABLE parents_new (id INTEGER PRIMARY KEY);\nINSERT INTO parents_new SELECT id FROM parents;\n"
        "DROP TABLE parents;\nALTER TABLE parents_new RENAME TO elders;",
        "ALTER TABLE parents RENAME TO elders;",
        ("free check", "guard"),
        "foreign key that points to no table: children",
        setup="CREATE TABLE parents (id INTEGER PRIMARY KEY);"
        "CREATE TABLE children (id INTEGER REFERENCES parents (id));"
        "INSERT INTO parents VALUES (1);",
        only="sqlite",
        leaves=("SELECT count(*) FROM elders", 1),
    ),
}
