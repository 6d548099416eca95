"""Errors of a run: proofs that do not hold, statements that fail, locks that others have. Knows cases only."""

from __future__ import annotations

import sqlite3

from tests.errors.scene import FIRST, Case, Place, Told, command

_ORDERS = "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id));\n"
_COPY = {
    "0001_people.sql": FIRST,
    "0002_names.sql": "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO names SELECT id, name FROM people WHERE name <> '';\n",
    "0002_names.verify.sql": "-- merge: people into names on id comparing name\n",
}

PROOFS = (
    Case(
        "A check does not hold",
        (
            {
                "0001_people.sql": FIRST,
                "0001_people.verify.sql": "-- check: everybody has a name\nSELECT id FROM people WHERE name IS NULL;\n",
            },
            "migrate",
        ),
        "The rows that came are the counter-examples, five at most.",
    ),
    Case(
        "A check gives another value",
        (
            {
                "0001_people.sql": FIRST,
                "0001_people.verify.sql": "-- check: all came\n-- expect: 3\nSELECT count(*) FROM people;\n",
            },
            "migrate",
        ),
    ),
    Case(
        "A require does not hold",
        (
            {
                "0001_people.sql": FIRST,
                "0002_orders.sql": _ORDERS,
                "0002_orders.verify.sql": "-- require: everybody has a name\n"
                "SELECT id FROM people WHERE name IS NULL;\n",
            },
            "migrate",
        ),
        "The step did not start.",
    ),
    Case(
        "A check cannot be asked",
        (
            {
                "0001_people.sql": FIRST,
                "0001_people.verify.sql": "-- check: everybody has a mail\nSELECT id FROM people WHERE mail IS NULL;\n",
            },
            "migrate",
        ),
    ),
    Case(
        "A merge's account does not balance",
        (_COPY, "migrate"),
        "Rows of the source are not in the target, and no `reject` rule says that they stay: [merges](../merge.md).",
    ),
    Case(
        "The loss guard: rows were deleted",
        ({"0001_people.sql": FIRST, "0002_clean.sql": "DELETE FROM people WHERE name IS NULL;\n"}, "migrate"),
        "[The guard](../guard.md) says what counts as a loss.",
    ),
    Case(
        "The loss guard: a table was dropped",
        ({"0001_people.sql": FIRST, "0002_clean.sql": "DROP TABLE people;\n"}, "migrate"),
    ),
    Case(
        "The loss guard: a column was dropped",
        ({"0001_people.sql": FIRST, "0002_clean.sql": "ALTER TABLE people DROP COLUMN name;\n"}, "migrate"),
    ),
    Case(
        "A row refers to nothing",
        (
            {
                "0001_people.sql": FIRST + _ORDERS,
                "0002_orders.sql": "PRAGMA defer_foreign_keys = ON;\nINSERT INTO orders VALUES (1, 9);\n",
            },
            "migrate",
        ),
        "SQLite's `foreign_key_check` finds a row that it did not find before the step.",
    ),
)

STATEMENTS = (
    Case(
        "A statement fails",
        ({"0001_people.sql": FIRST + "\nINSERT INTO people VALUES (1, 'Grace');\n"}, "migrate"),
        "The database's own words stand behind file and line.",
    ),
    Case("A statement is not understood", ({"0001_people.sql": "CREATE TABEL people (id INTEGER);\n"}, "migrate")),
    Case(
        "PostgreSQL shows where in the line",
        ({"0001_people.sql": "CREATE TABLE people (id BIGINT);\nSELECT nmae FROM people;\n"}, "migrate"),
        postgres=True,
    ),
    Case(
        "A deferred constraint fails",
        (
            {
                "0001_people.sql": "CREATE TABLE people (id BIGINT PRIMARY KEY);\n"
                "CREATE TABLE orders (person BIGINT REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED);\n"
                "INSERT INTO orders VALUES (9);\n"
            },
            "migrate",
        ),
        "What PostgreSQL defers to the commit is asked at the end of the step.",
        postgres=True,
    ),
    Case(
        "run-each-row: a row is no statement",
        ({"0001_people.sql": "-- sessmig: run-each-row\nSELECT 'ANALYZE; ANALYZE;';\n"}, "migrate"),
    ),
    Case(
        "run-each-row: more than one column",
        ({"0001_people.sql": "-- sessmig: run-each-row\nSELECT 'ANALYZE', 1;\n"}, "migrate"),
    ),
    Case(
        "run-each-row: a row is no text",
        ({"0001_people.sql": "-- sessmig: run-each-row\nSELECT 7;\n"}, "migrate"),
    ),
    Case(
        "run-each-row: a row that a step may not hold",
        ({"0001_people.sql": "-- sessmig: run-each-row\nSELECT 'COMMIT';\n"}, "migrate"),
    ),
    Case(
        "A dry run cannot try a sequence",
        (
            {"0001_people.sql": "CREATE SEQUENCE numbers;\n", "0002_numbers.sql": "SELECT setval('numbers', 7);\n"},
            "migrate --to 1",
            "migrate --dry-run",
        ),
        postgres=True,
    ),
)


def _while_held(place: Place) -> Told | None:
    holder = sqlite3.connect(place.folder / place.url, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        return command(["migrate", "--lock-wait", "0.1"])
    finally:
        holder.close()


LOCKS = (
    Case(
        "SQLite: another process writes",
        ({"0001_people.sql": FIRST, "0002_orders.sql": _ORDERS}, "migrate --to 1", _while_held),
        "On Linux the process is named where it can be seen; [locks](../locks.md) says what is waited for.",
    ),
)
