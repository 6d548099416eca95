"""Errors that only PostgreSQL knows. Knows cases only."""

from __future__ import annotations

import psycopg

from tests.errors.scene import Call, Case, Place, Told, command

_ONE = {"0001_people.sql": "CREATE TABLE people (id BIGINT PRIMARY KEY);\n"}


def _other(place: Place) -> Told | None:
    return command(["status", "--database", place.url + "_other"])


def _nowhere(place: Place) -> Told | None:
    return command(["status", "--database", place.url + "?options=-csearch_path%3Dnowhere"])


def _second_schema(place: Place) -> Told | None:
    place.sql("CREATE SCHEMA own")
    return command(["status", "--database", place.url + "?options=-csearch_path%3Down,public"])


def _held(place: Place) -> Told | None:
    with psycopg.connect(place.url, application_name="night report") as holder:
        holder.execute("LOCK TABLE people IN ACCESS SHARE MODE")
        return command(["migrate", "--lock-wait", "0.05"])


def _on_itself(place: Place) -> Told | None:
    return command(["rehearse", "--on", place.url])


def _program(said: str) -> Call:
    """Put a pg_dump into `bin` that says this of its version."""

    def write(place: Place) -> None:
        place.write({"bin/pg_dump": f"#!/bin/sh\necho '{said}'\n"})
        (place.folder / "bin" / "pg_dump").chmod(0o755)

    return write


def _as_reader(place: Place) -> Told | None:
    """Migrate as a role that may make no table, and read none of others."""
    place.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE reader_of_sessmig LOGIN")
    try:
        return command(["migrate", "--database", place.url.replace("postgres@", "reader_of_sessmig@")])
    finally:
        place.sql("DROP ROLE reader_of_sessmig")


CASES = (
    Case("There is no such database", (_ONE, _other), postgres=True),
    Case("search_path names no schema", (_ONE, _nowhere), postgres=True),
    Case("The ledger stands in another schema", (_ONE, "migrate", _second_schema), postgres=True),
    Case("The ledger cannot be made", (_ONE, _as_reader), postgres=True),
    Case("The ledger may not be read", (_ONE, "migrate", _as_reader), postgres=True),
    Case(
        "A statement could not have its lock",
        (_ONE | {"0002_mail.sql": "ALTER TABLE people ADD COLUMN mail TEXT;\n"}, "migrate --to 1", _held),
        "It was tried again and again until `--lock-wait` was over: [locks](../locks.md).",
        postgres=True,
    ),
    Case("rehearse: --on is the database itself", (_ONE, _on_itself), postgres=True),
    Case("rehearse: --on is another kind of database", (_ONE, "rehearse --on app.db"), postgres=True),
    Case(
        "A file that counts no rows",
        (_ONE | {"0002_a.sql": "SELECT set_config('track_' || 'counts', 'off', false);\n"}, "migrate"),
        postgres=True,
    ),
    Case(
        "Rows for the client",
        ({"0001_a.sql": "CREATE TABLE a (x INTEGER);\nCOPY a TO STDOUT;\n"}, "migrate"),
        postgres=True,
    ),
    Case(
        "pg_dump is too old",
        (_ONE, "migrate", _program("pg_dump (PostgreSQL) 9.6.24"), "backup --pg-bin bin"),
        postgres=True,
    ),
    Case(
        "pg_dump does not tell its version",
        (_ONE, "migrate", _program("who knows"), "backup --pg-bin bin"),
        postgres=True,
    ),
    Case("pg_dump is not there", (_ONE, "migrate", "backup --pg-bin nowhere"), postgres=True),
)
