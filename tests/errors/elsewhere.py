"""Errors of other processes, disks and servers: which test brings each about, and which none can. Knows lists only."""

from __future__ import annotations

PROVOKED = {
    "changed since it was shown": "adopt/test_command.py",
    "is not the database's name": "rollback/test_allow_loss.py",
    "replaces what it holds": "backup/test_postgres_restore.py",
    "no backup can be written there": "backup/test_file.py",
    "are to stay free;": "backup/test_file.py",
    "a transaction was open that has written to the batched table": "batch/test_behind.py",
    "PostgreSQL cannot be reached": "errors/test_errors.py",
    "the transaction was ended by the file itself": "run/test_commit.py",
    "the transaction was ended by the file itself, and another one begun": "run/test_commit.py",
    "this statement ended the transaction of the step": "run/test_commit.py",
    "cannot be run through a pooler, whose sessions it would change": "backup/test_postgres.py",
    "not a dump of pg_dump -Fc": "backup/test_restore.py",
    "a pooler stands before the server": "concurrently/test_waiting.py",
    "statements, and the server found": "run/test_reading_quotes.py",
    "the database itself is damaged": "backup/test_damage.py",
    "the file may not be written": "backup/test_sqlite_restore.py",
    "it could not be restored": "backup/test_sqlite_restore.py",
    "has a NUL character, or is no UTF-8 text, and cannot be the bound of a batch": "batch/test_keys.py",
    "no place for a copy to rehearse on (": "rehearse/test_copy.py",
    "the lock file": "concurrently/test_sidecar.py",
    "squawk failed": "lint/test_squawk.py",
    "cannot be written": "test_new.py",
    "--format html needs Jinja2, which is not installed": "report/test_formats.py",
    "made since the backup, and not in it": "backup/test_postgres_restore.py",
    "what would be lost cannot be tried out": "rollback/test_allow_loss.py",
    "meanwhile, by another process": "staged/test_turns.py",
    "stopped by": "batch/test_stop.py",
    "was applied meanwhile, by another process": "rollback/test_crowd.py",
    "could not be copied for a test": "plugin/test_failures.py",
    "the server for the tests is not understood": "plugin/test_failures.py",
    "names one series, and there are": "plugin/test_settings.py",
    "changed while it was read": "data_files/test_cut.py",
    "changed while it was carried out": "data_files/test_large.py",
}
"""Words that are always in an error, and the file of the test that brings it about and holds it to them."""

UNMET = {
    "it has no backups": "only a database in memory has none, and no command takes one",
    "rows came in while the batch ran": "the batch is tried again; who waited in vain is told of the lock",
    "the transaction could not be committed; the server rolled it back": "the server says so of itself alone",
    "was built, and is not there as a valid one": "somebody else drops it in the same moment",
    "already, and whether it is the one asked for cannot be told": "somebody else changes the table in the same moment",
    "was rebuilt, and is still not valid": "the server says that it is done, and it is not",
    "the server is": "a server older than PostgreSQL 13 is to be had nowhere",
    "cannot be handed to": "a connection whose secret libpq has no environment variable for",
    "its state could not be kept in": "the disk is full at that very moment",
    "the connection was opened with autocommit=False, and so it always stands in a transaction": "since Python 3.12",
    "foreign keys could not be switched": "a SQLite that was built without foreign keys",
    "the copy to rehearse on could not be made": "the file breaks while it is read",
    "were taken over": "a row vanishes under the lock",
    "made just now, and not in the backup": "a table is made between the question and the restore",
}
"""Errors that no test can bring about, and when they would come; they stand in no reference."""
