"""Errors of the series folder, of files as such, and of directives. Knows cases only."""

from __future__ import annotations

from tests.errors.scene import FIRST, Case

_ONE = {"0001_people.sql": FIRST}


def _top(directive: str, sql: str = FIRST) -> dict[str, str]:
    return {"0001_people.sql": f"-- sessmig: {directive}\n{sql}"}


FOLDER = (
    Case("There is no such folder", ("migrate --dir nowhere",)),
    Case("The folder holds no migrations", ({"readme.txt": ""}, "migrate")),
    Case("--dir holds several series", ({"sql/shop/0001_a.sql": "", "sql/blog/0001_a.sql": ""}, "migrate --dir sql")),
    Case("--dir holds one series", ({"sql/shop/0001_a.sql": ""}, "migrate --dir sql")),
    Case("--dir is a file", (_ONE, "migrate --dir shop/0001_people.sql")),
    Case("--dir is the folder of the other dialect", ({"shop/postgres/0001_a.sql": ""}, "migrate --dir shop/postgres")),
    Case("There is only the other dialect", ({"shop/postgres/0001_a.sql": ""}, "migrate")),
    Case("A file's name is not understood", ({"1-people.sql": FIRST}, "migrate")),
    Case("Two files of one version", ({"0001_people.sql": FIRST, "001_persons.sql": FIRST}, "migrate")),
    Case("A verify file without its migration", (_ONE | {"0002_orders.verify.sql": ""}, "migrate")),
    Case("A rollback's verify file without its rollback", (_ONE | {"0001_people.rollback.verify.sql": ""}, "migrate")),
    Case("A file beside the dialect folders", (_ONE | {"shop/sqlite/0001_people.sql": FIRST}, "migrate")),
    Case("A folder that does not belong there", (_ONE | {"shop/old/0001_people.sql": FIRST}, "migrate")),
    Case("A series cannot be named so", ({"two\nlines/0001_a.sql": FIRST}, ["migrate", "--dir", "two\nlines"])),
    Case("A series cannot be named legacy", (_ONE, "migrate --series legacy")),
    Case("A file is not UTF-8", ({"0001_people.sql": b"-- caf\xe9\nSELECT 1;\n"}, "migrate")),
    Case("A file holds a NUL byte", ({"0001_people.sql": "SELECT 1;\n".encode("utf-16-le")}, "migrate")),
    Case(
        "A file is parted for another tool",
        ({"0001_people.sql": f"-- migrate:up\n{FIRST}-- migrate:down\nDROP TABLE people;\n"}, "migrate"),
    ),
    Case(
        "A rollback file without a statement",
        (_ONE | {"0001_people.rollback.sql": "-- nothing yet\n"}, "migrate"),
    ),
)

DIRECTIVES = (
    Case("It is not known", (_top("no-transactions"), "migrate")),
    Case("It is almost one", ({"0001_people.sql": f"-- sesmig: no-transaction\n{FIRST}"}, "migrate")),
    Case("It stands in a block comment", ({"0001_people.sql": f"/* sessmig: no-transaction */\n{FIRST}"}, "migrate")),
    Case("It stands behind a statement", ({"0001_people.sql": "SELECT 1; -- sessmig: idempotent\n"}, "migrate")),
    Case(
        "It stands below the first statement",
        ({"0001_people.sql": FIRST + "-- sessmig: no-transaction\nSELECT 1;\n"}, "migrate"),
    ),
    Case("It is given twice", (_top("no-transaction\n-- sessmig: no-transaction"), "migrate")),
    Case("It has no statement below it", ({"0001_people.sql": FIRST + "-- sessmig: idempotent\n"}, "migrate")),
    Case("It takes no argument", (_top("no-transaction please"), "migrate")),
    Case("irreversible without a reason", (_top("irreversible"), "migrate")),
    Case(
        "irreversible beside a rollback file",
        (_top("irreversible too old") | {"0001_people.rollback.sql": "DROP TABLE people;\n"}, "migrate"),
    ),
    Case("may-lose without a name", (_top("may-lose"), "migrate")),
    Case("may-lose: not a name", (_top("may-lose people; orders"), "migrate")),
    Case("wait is not understood", (_top("wait a week"), "migrate")),
    Case("wait: not a time", (_top("wait 0 days after 0"), "migrate")),
    Case("wait: not below this one", (_top("wait 7 days after 2"), "migrate")),
    Case(
        "wait: there is no such migration",
        (_ONE | {"0003_c.sql": "-- sessmig: wait 7 days after 2\nSELECT 1;\n"}, "migrate"),
    ),
    Case("foreign-keys-off beside no-transaction", (_top("foreign-keys-off\n-- sessmig: no-transaction"), "migrate")),
    Case(
        "foreign-keys-off in a single transaction",
        (_ONE | {"0002_b.sql": "-- sessmig: foreign-keys-off\nSELECT 1;\n"}, "migrate --single-transaction"),
    ),
    Case("foreign-keys-off on PostgreSQL", (_top("foreign-keys-off", "SELECT 1;\n"), "migrate"), postgres=True),
    Case(
        "One of the migration's in a rollback file",
        (_ONE | {"0001_people.rollback.sql": "-- sessmig: irreversible no\nDROP TABLE people;\n"}, "migrate"),
    ),
    Case(
        "batch in a rollback file",
        (
            _ONE
            | {
                "0001_people.rollback.sql": "-- sessmig: batch people by id\n"
                "DELETE FROM people WHERE id BETWEEN :first AND :last;\n"
            },
            "migrate",
        ),
    ),
    Case("run-each-row without a query", (_top("run-each-row"), "migrate")),
    Case(
        "run-each-row given twice",
        ({"0001_a.sql": "-- sessmig: run-each-row\n-- sessmig: run-each-row\nSELECT 'ANALYZE';\n"}, "migrate"),
    ),
)
