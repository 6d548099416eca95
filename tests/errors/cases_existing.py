"""Errors of baseline and adopt. Knows cases only."""

from __future__ import annotations

from tests.errors.scene import FIRST, Call, Case, Place

_ONE = {"0001_people.sql": FIRST}
_TWO = _ONE | {"0002_orders.sql": "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n"}


def _sql(text: str) -> Call:
    def do(place: Place) -> None:
        place.sql(text)

    return do


_GOOSE = (
    "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied INTEGER, tstamp TEXT);\n"
)
_MIGRATE = "CREATE TABLE schema_migrations (version INTEGER, dirty BOOLEAN);\n"
_SQLX = (
    "CREATE TABLE _sqlx_migrations (version BIGINT, description TEXT, installed_on TEXT, success BOOLEAN,"
    " checksum BLOB, execution_time BIGINT);\n"
)

CASES = (
    Case("baseline: there is no database", (_TWO, "baseline 1")),
    Case("baseline: the database is empty", (_TWO, _sql("VACUUM"), "baseline 1")),
    Case("baseline: there is no such migration", (_TWO, _sql(FIRST), "baseline 7")),
    Case("baseline: something above it is applied", (_TWO, "migrate", "baseline 1")),
    Case(
        "baseline: a check does not hold",
        (
            _TWO | {"0001_people.verify.sql": "-- check: names\nSELECT id FROM people WHERE name IS NULL;\n"},
            _sql(FIRST),
            "baseline 1",
        ),
    ),
    Case(
        "baseline: a step is half done",
        (
            {"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABEL b (x INTEGER);\n"},
            "migrate",
            "baseline 1",
        ),
    ),
    Case("adopt: there is no history", (_TWO, _sql(FIRST), "adopt")),
    Case("adopt: there is no such table", (_TWO, _sql(FIRST), "adopt --history gone")),
    Case("adopt: the table is no history", (_TWO, _sql(FIRST), "adopt --history people")),
    Case("adopt: there is more than one", (_TWO, _sql(_GOOSE + _SQLX), "adopt")),
    Case("adopt: the tool has no projects", (_TWO, _sql(_GOOSE), "adopt --project blog")),
    Case(
        "adopt: the ledger needs another name",
        (_TWO, _sql(_MIGRATE + "INSERT INTO schema_migrations VALUES (1, 0)"), "adopt"),
    ),
    Case(
        "adopt: the other tool would not go on",
        (_TWO, _sql(_MIGRATE + "INSERT INTO schema_migrations VALUES (1, 1)"), "adopt --table sessmig_migrations"),
    ),
    Case(
        "adopt: something has no file here",
        (_TWO, _sql(_GOOSE + "INSERT INTO goose_db_version VALUES (1, 1, 1, ''), (2, 9, 1, '')"), "adopt"),
    ),
    Case(
        "adopt: not everything fits",
        (_TWO, _sql(_SQLX + "INSERT INTO _sqlx_migrations VALUES (1, 'persons', '', 1, x'00', 1)"), "adopt"),
    ),
    Case(
        "adopt: nobody is there to say yes",
        (_TWO, _sql(_GOOSE + "INSERT INTO goose_db_version VALUES (1, 1, 1, '')"), "adopt"),
    ),
    Case(
        "adopt: rolled back here since",
        (
            _TWO | {"0001_people.rollback.sql": "-- sessmig: may-lose people\nDROP TABLE people;\n"},
            "migrate --to 1",
            "rollback",
            _sql(_GOOSE + "INSERT INTO goose_db_version VALUES (1, 1, 1, '')"),
            "adopt --yes",
        ),
    ),
    Case("adopt: there is no database", (_TWO, "adopt")),
)
