"""A merge that cannot balance says by what it could; and what it says, and docs/merge.md shows, does."""

from __future__ import annotations

import re

import pytest

from tests.docs.reading import DOCS
from tests.fixtures.files import WriteMigrations
from tests.merge.moving import Probes, files, refused
from tests.run.doing import migrate

TABLES = (
    "CREATE TABLE crm (id INTEGER PRIMARY KEY, email TEXT, name TEXT);\n"
    "CREATE TABLE people (email TEXT PRIMARY KEY, name TEXT);\n"
)
COPY = (
    "INSERT INTO people (email, name)\n"
    "SELECT email, name FROM crm WHERE email IS NOT NULL\nAND id IN (SELECT min(id) FROM crm GROUP BY email);\n"
)
PLAIN = "-- merge: crm into people on email comparing name\n"
PAGE = (DOCS / "merge.md").read_text(encoding="utf-8")
WITHOUT_KEY, TWICE = re.findall(
    r"```sql\n(-- merge: .*?)```", PAGE[PAGE.index("## Rows without") : PAGE.index("## Two")], re.S
)


@pytest.mark.parametrize(
    ("row", "rule", "found", "hint", "verify"),
    [
        (
            "(NULL, 'b')",
            "-- reject: no address where email IS NULL\n",
            "1 row of the source without a key (NULL)",
            "A row without a key cannot be rejected either: give it one in a query, and reject that"
            " (docs/merge.md has an example).",
            WITHOUT_KEY,
        ),
        (
            "('a@x', 'again')",
            "-- reject: another where name = 'again'\n",
            "1 key of the source stands there more than once",
            "A reject takes all rows of a key: number them in a query, as one more key (docs/merge.md has an example).",
            TWICE,
        ),
    ],
    ids=["without a key", "of one key"],
)
def test_rows_that_no_reject_takes_are_rejected_as_the_message_and_the_page_say(
    database_url: str,
    migrations: WriteMigrations,
    probe: Probes,
    row: str,
    rule: str,
    found: str,
    hint: str,
    verify: str,
) -> None:
    database = probe(database_url)
    database.execute(f"{TABLES}INSERT INTO crm VALUES (1, 'a@x', 'a');\n")
    database.execute(f"INSERT INTO crm (id, email, name) VALUES (2, {row[1:]};\n")
    lines = refused(database_url, migrations, database, COPY, PLAIN + rule)
    assert lines[1] == found
    assert lines[-2:] == [hint, "Mend the rows that are shown, or the migration, and run it again."]
    (step,) = migrate(database_url, files(migrations, COPY, verify)).steps
    (account,) = step.merges
    assert (account.source, account.inserted, [rows for _, rows in account.rejected]) == (2, 1, [1])
    assert database.rows("SELECT email, name FROM people") == [("a@x", "a")]


def test_two_sources_that_differ_are_told_to_be_a_step_each_and_then_keep_what_came_first(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE shop (email TEXT PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE crm (email TEXT PRIMARY KEY, name TEXT);\n"
        "CREATE TABLE people (email TEXT PRIMARY KEY, name TEXT);\n"
        "INSERT INTO shop VALUES ('a@x', 'a');\nINSERT INTO crm VALUES ('a@x', 'A.'), ('b@x', 'b');\n"
    )
    copies = {
        name: f"INSERT INTO people (email, name)\nSELECT email, name FROM {name} WHERE true\n"
        "ON CONFLICT (email) DO NOTHING;\n"
        for name in ("shop", "crm")
    }
    accounts = {name: f"-- merge: {name} into people on email comparing name\n" for name in copies}
    keep = "-- differing: keep\n"
    lines = refused(database_url, migrations, database, "".join(copies.values()), "\n".join(accounts.values()) + keep)
    assert "1 row in the target with other values" in lines
    assert lines[-2].startswith("`differing: keep` speaks of rows that stood in the target before the step;")
    assert lines[-2].endswith("need a step each (docs/merge.md has an example).")
    folder = migrations(
        {
            "0001_move.sql": copies["shop"],
            "0001_move.verify.sql": accounts["shop"],
            "0002_crm.sql": copies["crm"],
            "0002_crm.verify.sql": accounts["crm"] + keep,
        }
    )
    assert migrate(database_url, folder).applied == 2
    assert database.rows("SELECT email, name FROM people ORDER BY email") == [("a@x", "a"), ("b@x", "b")]
