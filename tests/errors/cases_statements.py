"""Statements that a file may not hold. Knows cases only."""

from __future__ import annotations

from tests.errors.scene import Case


def _refused(title: str, text: str, *, postgres: bool = False) -> Case:
    return Case(title, ({"0001_a.sql": text}, "migrate"), postgres=postgres)


CASES = (
    _refused("Transaction control", "CREATE TABLE a (x INTEGER);\nCOMMIT;\nCREATE TABLE b (x INTEGER);\n"),
    _refused("A BEGIN without its COMMIT", "BEGIN;\nCREATE TABLE a (x INTEGER);\n"),
    _refused("A COMMIT without its BEGIN", "CREATE TABLE a (x INTEGER);\nCOMMIT;\n"),
    _refused(
        "A transaction in a mode of its own", "BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;\n", postgres=True
    ),
    _refused("What does not run inside a transaction", "VACUUM;\n"),
    _refused("CONCURRENTLY", "CREATE TABLE a (x INTEGER);\nCREATE INDEX CONCURRENTLY a_x ON a (x);\n", postgres=True),
    _refused(
        "CONCURRENTLY without a name",
        "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY ON a (x);\n",
        postgres=True,
    ),
    _refused("A second database", "-- sessmig: no-transaction\nATTACH 'b.db' AS b;\n"),
    _refused("DISCARD ALL", "-- sessmig: no-transaction\nDISCARD ALL;\n", postgres=True),
    _refused("PRAGMA foreign_keys", "PRAGMA foreign_keys = OFF;\n"),
    _refused("PRAGMA journal_mode", "PRAGMA journal_mode = WAL;\n"),
    _refused("A journal that no rollback can use", "-- sessmig: no-transaction\nPRAGMA journal_mode = OFF;\n"),
    _refused("PRAGMA writable_schema", "PRAGMA writable_schema = ON;\n"),
    _refused("A pragma that is not known", "PRAGMA mmap_size = 1;\n"),
    _refused("track_counts", "SET track_counts = off;\n", postgres=True),
    _refused("A lock that outlives the step", "SELECT pg_advisory_lock(1);\n", postgres=True),
    _refused("A rule that is never closed", "CREATE RULE r AS ON INSERT TO a DO ALSO (SELECT 1;\n", postgres=True),
    _refused("LISTEN", "LISTEN news;\n", postgres=True),
    _refused("A quote that is never closed", "INSERT INTO a VALUES ('it);\n"),
    _refused("A comment that is never closed", "/* SELECT 1;\n"),
    _refused("A trigger that is never closed", "CREATE TRIGGER t AFTER INSERT ON a BEGIN\nSELECT 1;\n"),
    _refused(
        "A statement that SQLite holds for unfinished",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END\nSELECT 2;\n",
    ),
    _refused("A command of psql", "\\set x 1\n", postgres=True),
    _refused("A command of the sqlite3 shell", ".headers on\nSELECT 1;\n"),
    _refused("A byte order mark between two words", "CREATE TABLE b (x INTEGER);\nDROP \ufeffTABLE a;\n"),
    _refused("COPY ... FROM STDIN", "COPY a FROM STDIN;\n1\n\\.\n", postgres=True),
    _refused("standard_conforming_strings", "SET standard_conforming_strings = off;\n", postgres=True),
)
