"""Which tables go: names with hyphens and quotation marks, any letter case; and which only look alike, and stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report_snapshots import app
from tests.report_snapshots.app import ADA

OTHER = "deadbeef-0000-4000-8000-000000000000"
"""No session has this id."""
ODD = 'it\'s "mine"; [x] *'
GOING = {
    "hyphens, which the old script did not quote": f"session_{ADA}_interaction_3",
    "a number of many digits": f"session_{ADA}_interaction_{10**20}",
    "nought": f"session_{ADA}_interaction_0",
    "noughts in front": f"session_{ADA}_interaction_007",
    "a session that is gone": f"session_{OTHER}_interaction_4",
    "a UUID in upper case": f"session_{ADA.upper()}_interaction_5",
    "all in upper case": f"session_{OTHER}_interaction_6".upper(),
    "a session's id that is no UUID": "session_abc_interaction_1",
    "its id in another case": "session_ABC_interaction_2",
    "quotes and brackets in the name": f"session_{ODD}_interaction_1",
    "a line break in the name": "session_a\nb_interaction_1",
    "an id that holds the word itself": "session_x_interaction_9_interaction_1",
}
STAYING = {
    "a look-alike that the old script dropped, without a number": "session_notes_interaction_log",
    "a look-alike that the old script dropped, with one": "session_notes_interaction_3",
    "no number at the end": f"session_{ADA}_interaction_",
    "a letter behind the number": f"session_{ADA}_interaction_1b",
    "a suffix": f"session_{ADA}_interaction_1_backup",
    "a minus": f"session_{ADA}_interaction_-1",
    "digits of another script": f"session_{ADA}_interaction_٣",
    "something in front": f"my_session_{ADA}_interaction_1",
    "a UUID without hyphens": f"session_{ADA.replace('-', '')}_interaction_1",
    "a UUID with a letter that is none of its": f"session_{OTHER.replace('d', 'g')}_interaction_1",
    "a UUID that is too short": f"session_{OTHER[:-1]}_interaction_1",
    "a UUID with a hyphen in another place": f"session_{OTHER[1:9]}d{OTHER[9:]}_interaction_1",
    "no session id": "session_interaction_1",
    "an empty session id": "session__interaction_1",
    "another word": f"session_{ADA}_interactions_1",
    "the snapshots' own likeness": "report_snapshots_archive",
}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The tables of a database that held all of these before the migration."""
    url = f"sqlite:///{tmp_path_factory.mktemp('leftovers') / 'app.db'}"
    app.build(url, [*GOING.values(), *STAYING.values()], sessions=["ABC", ODD, "a\nb", "x_interaction_9"])
    app.migrate(url)
    return app.tables(url)


@pytest.mark.parametrize("case", GOING)
def test_a_left_over_table_goes(left: set[str], case: str) -> None:
    assert GOING[case] not in left


@pytest.mark.parametrize("case", STAYING)
def test_a_table_that_only_looks_alike_stays(left: set[str], case: str) -> None:
    assert STAYING[case] in left


def test_session_interactions_itself_stays_though_it_looks_alike(left: set[str]) -> None:
    assert left == {"sessions", "session_interactions", *STAYING.values()}


def test_look_alikes_are_warned_of_by_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    app.build(url, [f"session_{ADA}_interaction_1", f"session_{ADA}_interaction_1b", "session_notes_interaction_log"])
    (step,) = app.migrate(url).steps
    (warning,) = [check for check in step.checks if check.outcome == "warned"]
    assert (warning.name, warning.examples) == (
        "tables that look like left-overs and were kept",
        ((f"session_{ADA}_interaction_1b",), ("session_notes_interaction_log",)),
    )


def test_each_dropped_table_is_listed_with_its_statement_and_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    app.build(url, [f"session_{ODD}_interaction_1"], sessions=[ODD])
    (step,) = app.migrate(url).steps
    dropped = 'DROP TABLE "session_it\'s ""mine""; [x] *_interaction_1";'
    assert [s.text.strip() for s in step.statements if s.text] == [dropped]
    assert {effect.table: effect.deleted for effect in step.effects} == {
        "report_snapshots": 2,
        f"session_{ODD}_interaction_1": 1,
    }


def test_a_view_of_such_a_name_is_no_table_and_stays(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    name = app.quoted(f"session_{ADA}_interaction_1")
    app.build(url, more=f"CREATE VIEW {name} AS SELECT id FROM sessions;")
    app.migrate(url)
    assert app.measures(url) == {"snapshots_dropped": 2, "temp_tables_dropped": 0}


def test_without_any_left_over_the_step_is_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    app.build(url)
    app.migrate(url)
    assert app.tables(url) == {"sessions", "session_interactions"}
