"""`verify` where a later migration took a table away: what cannot be asked any more is no failure; the rest is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import migrate, verify

Probes = Callable[[str], Probe]
FILES = {
    "0001_old.sql": "CREATE TABLE old (id INTEGER, word TEXT);\nCREATE TABLE other (id INTEGER);\n",
    "0001_old.verify.sql": "-- check: nothing old\nSELECT id FROM old;\n\n"
    "-- warn: no word\nSELECT id FROM old WHERE word IS NULL;\n\n"
    "-- measure: olds\nSELECT count(*) FROM old;\n\n"
    "-- check: no olds\n-- expect: 0\nSELECT :olds;\n\n"
    "-- check: no others\nSELECT id FROM other;\n",
}


def _outcomes(url: str, folder: Path) -> dict[str, tuple[str, str]]:
    step = verify(url, folder).steps[0]
    return {check.name: (check.outcome, check.found) for check in step.checks}


@pytest.mark.parametrize("declared", ["old", "OLD", "ol*", "something, old"])
def test_what_asks_for_a_table_that_a_later_one_may_lose_is_not_rerunnable(
    database_url: str, migrations: WriteMigrations, declared: str
) -> None:
    folder = migrations(FILES | {"0002_drop.sql": f"-- sessmig: may-lose {declared}\nDROP TABLE old;\n"})
    migrate(database_url, folder)
    gone = ("not re-runnable", "old is gone, which 0002_drop may lose")
    assert _outcomes(database_url, folder) == {
        "nothing old": gone,
        "no word": gone,
        "olds": gone,
        "no olds": gone,
        "no others": ("passed", ""),
    }


def test_a_column_that_a_later_one_may_lose_too(database_url: str, migrations: WriteMigrations) -> None:
    drop = "-- sessmig: may-lose old.word\nALTER TABLE old DROP COLUMN word;\n"
    folder = migrations(FILES | {"0002_drop.sql": drop})
    migrate(database_url, folder)
    found = _outcomes(database_url, folder)
    assert found["no word"] == ("not re-runnable", "word is gone, which 0002_drop may lose")
    assert found["nothing old"] == ("passed", "")


def test_a_table_that_went_by_another_hand_fails(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    folder = migrations(FILES | {"0002_drop.sql": "-- sessmig: may-lose other\nSELECT 1;\n"})
    migrate(database_url, folder)
    probe(database_url).execute("DROP TABLE old")
    outcome, found = _outcomes(database_url, folder)["nothing old"]
    assert outcome == "failed"
    assert found.startswith("cannot be asked: ")


def test_a_check_that_a_table_which_is_gone_made_true_fails_where_it_can_be_asked(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES | {"0002_drop.sql": "-- sessmig: may-lose old\nDROP TABLE old;\n"})
    migrate(database_url, folder)
    probe(database_url).execute("INSERT INTO other VALUES (7)")
    assert _outcomes(database_url, folder)["no others"] == ("failed", "1 row")


def test_what_a_migration_may_lose_that_was_not_applied_excuses_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    migrate(database_url, migrations(FILES))
    probe(database_url).execute("DROP TABLE old")
    folder = migrations({"0002_drop.sql": "-- sessmig: may-lose old\nSELECT 1;\n"})
    assert _outcomes(database_url, folder)["nothing old"][0] == "failed"
