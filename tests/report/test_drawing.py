"""The pictures' geometry and the sums, as pure functions of what the log tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError
from sessmig.backup import back_up
from sessmig.chronicle import choose
from sessmig.databases import connect
from sessmig.digest import digest, table_changes
from sessmig.flow import WIDTH, flow, share, wrapped
from sessmig.job import BackupWish, Job
from sessmig.results import Account
from sessmig.timeline import length_ms, timeline
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.report.shop import FILES, chronicle, write_log
from tests.run.doing import migrate, roll_back

Probes = Callable[[str], Probe]


def _account(source: int, **numbers: object) -> Account:
    return Account("a into b", "a.sql:1", "passed", source, **numbers)  # type: ignore[arg-type]


def test_bands_are_as_wide_as_there_are_rows_and_none_is_too_thin_to_see() -> None:
    drawn = flow(_account(1000, inserted=500, identical=250, differing=249, rejected=(("no", 1),)))
    assert drawn
    heights = [band.height for band in drawn.bands]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert heights[3] == 3.0
    assert sum(heights) == pytest.approx(drawn.source_height)
    assert [band.y for band in drawn.bands] == sorted(band.y for band in drawn.bands)
    assert drawn.height >= drawn.bands[-1].names[-1].y


def test_what_nothing_is_told_of_is_drawn_as_that() -> None:
    drawn = flow(_account(10, inserted=4))
    assert drawn
    assert [(band.kind, band.rows) for band in drawn.bands] == [("inserted", 4), ("unknown", 6)]


@pytest.mark.parametrize(
    "account", [_account(0), _account(5, inserted=-5), _account(3, rejected=(("a", -1), ("b", 4)))]
)
def test_what_cannot_be_drawn_is_not(account: Account) -> None:
    assert flow(account) is None


@pytest.mark.parametrize(
    ("number", "total", "told"),
    [
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (1, 3, "33.3 %"),
        (999_999, 1_000_000, "> 99.9 %"),
        (1, 1_000_000, "< 0.1 %"),
    ],
)
def test_a_share_is_all_or_nothing_only_where_it_is(number: int, total: int, told: str) -> None:
    assert share(number, total) == told


def test_long_names_are_cut_at_blanks_and_say_that_they_go_on() -> None:
    assert wrapped("no such session", WIDTH, 12, 3) == ["no such session"]
    assert wrapped("one two three", 40, 12, 3) == ["one", "two", "three"]
    assert wrapped("x" * 100, 74, 12, 2) == ["x" * 10, "x" * 8 + "…"]


def test_attempts_follow_each_other_on_the_line_of_time(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(FILES)
    migrate(sqlite_url, folder)
    for second, took in ((5, 1000), (5, 500), (8, 2000), (1, 0)):
        detail = json.dumps({"run": "x"})
        write_log(probe(sqlite_url), started_at=f"2026-01-02 03:04:0{second}", duration_ms=took, detail=detail)
    attempts = chronicle(sqlite_url, folder).runs[-1].attempts
    assert [(bar.offset_ms, bar.attempt.duration_ms) for bar in timeline(attempts)] == [
        (0, 0),
        (4000, 1000),
        (5000, 500),
        (7000, 2000),
    ]
    assert length_ms(attempts) == 9000
    assert all(bar.start >= 0 and bar.start + bar.width <= 100.01 for bar in timeline(attempts))


def test_tables_of_a_run_are_told_from_before_its_first_step_to_after_its_last(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES | {"0003_more.sql": "INSERT INTO new VALUES (7, 'more'), (8, 'still more');\n"})
    migrate(database_url, folder)
    (run,) = chronicle(database_url, folder).runs
    assert [(e.table, e.before, e.after, e.inserted, e.deleted) for e in table_changes(run.attempts)] == [
        ("new", None, 5, 5, 0),
        ("old", None, 4, 4, 0),
    ]


def test_what_was_rolled_back_is_not_in_the_sums_and_of_one_run_all_is(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(FILES)
    migrate(database_url, folder)
    roll_back(database_url, folder)
    found = chronicle(database_url, folder)
    whole = digest(found)
    assert (whole.rows.source, whole.passed, whole.warned) == (0, 0, 0)
    assert whole.deleted == 1  # by the rollback, which stands
    assert (whole.tone, whole.sentence) == ("waiting", "1 of 2 migrations applied, 1 pending")
    there, back = (digest(choose(found, str(run.number))) for run in found.runs)
    assert (there.rows.source, there.rows.inserted, there.passed, there.warned, there.deleted) == (4, 1, 3, 1, 0)
    assert (back.rows.source, back.deleted) == (0, 1)


def test_a_failure_is_told_until_it_is_mended_and_no_backup_hides_it(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path
) -> None:
    folder = migrations(FILES | {"0002_merge.sql": "INSERT INTO new VALUES (9, NULL);\n"})
    with pytest.raises(CheckError):
        migrate(sqlite_url, folder)
    with connect(sqlite_url, create=False) as database:
        back_up(Job(database, folder, backup=BackupWish(folder=str(tmp_path))), packed=False)
    found = digest(chronicle(sqlite_url, folder))
    assert (found.tone, found.failed) == ("bad", 2)
    assert found.sentence == "1 of 2 migrations applied, 1 pending, the last migrate failed"
    migrate(sqlite_url, migrations(FILES))
    mended = digest(chronicle(sqlite_url, folder))
    assert (mended.tone, mended.failed, mended.sentence) == ("good", 0, "2 of 2 migrations applied")
