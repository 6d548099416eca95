"""A merge in a rollback's verify file accounts for the rows on their way back."""

from __future__ import annotations

from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import Cli
from tests.merge.moving import ROWS, TABLES, Probes

FILES = {
    "0001_move.sql": "INSERT INTO fresh SELECT * FROM old WHERE id <> 4;\nDELETE FROM old;\n",
    "0001_move.verify.sql": "-- merge: old into fresh on id comparing body, num, sess\n",
    "0001_move.rollback.sql": (
        "INSERT INTO old SELECT * FROM fresh WHERE id < 9;\nDELETE FROM fresh WHERE id NOT IN (4, 9);\n"
    ),
    "0001_move.rollback.verify.sql": (
        "-- merge: (SELECT * FROM fresh WHERE id < 9) into old on id comparing body, num, sess\n"
        "-- check: the rows of before stay\n-- expect: 2\nSELECT count(*) FROM fresh;\n"
    ),
}
MAY = "-- sessmig: may-lose fresh\n"


def test_a_way_back_that_brings_every_row_is_rehearsed(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    files = FILES | {"0001_move.rollback.sql": MAY + FILES["0001_move.rollback.sql"]}
    done = cli("rehearse", "-d", database_url, "--dir", migrations(files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert probe(database_url).value("SELECT count(*) FROM old") == 5


def test_a_way_back_that_loses_a_row_is_found(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    bad = MAY + FILES["0001_move.rollback.sql"].replace("id < 9", "id < 9 AND body <> ''")
    done = cli("rehearse", "-d", database_url, "--dir", migrations(FILES | {"0001_move.rollback.sql": bad}))
    assert done.returncode == 3
    said = done.stdout + done.stderr
    assert "0001_move.rollback.verify.sql:1: merge failed: (SELECT * FROM fresh WHERE id < 9) into old" in said
    assert "1 row missing in the target" in said
    assert probe(database_url).value("SELECT count(*) FROM old") == 5
