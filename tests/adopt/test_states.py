"""What a tool began and did not bring to an end, or took back, does not count as applied."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import BaselineReport, PlanError, adopt_migrations
from tests.adopt.tables import (
    FLYWAY_ROWS,
    NUMBERS,
    POSTS,
    TAGS,
    TIMES,
    USERS,
    flyway,
    golang_migrate,
    goose,
    prisma,
    sqitch,
    sqlx,
)
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres

LEDGER = "sessmig_migrations"
Adopt = Callable[..., BaselineReport]


@pytest.fixture
def adopt(database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]) -> Adopt:
    """Make a tool's table, write the files, and adopt."""

    def made(make: Callable[..., str], *arguments: object, labels: tuple[str, ...] = NUMBERS) -> BaselineReport:
        there = probe(database_url)
        there.execute(make(is_postgres(database_url), *arguments))
        names = zip(labels, (USERS, POSTS, TAGS), strict=True)
        folder = migrations({f"{label}_{name}.sql": f"CREATE TABLE {name} (id INTEGER);\n" for label, name in names})
        before = there.snapshot(exclude=())
        try:
            return adopt_migrations(database_url, folder, table=LEDGER)
        except PlanError:
            assert there.snapshot(exclude=()) == before
            raise

    return made


def _titles(report: BaselineReport) -> list[str]:
    return [one.title for one in report.recorded]


def test_a_dirty_golang_migrate_is_refused(adopt: Adopt) -> None:
    with pytest.raises(PlanError) as refused:
        adopt(golang_migrate, 2, True)
    assert str(refused.value) == (
        "schema_migrations: golang-migrate itself would not go on:\n"
        "    2 is dirty: that migration, up or down, was begun and failed. Look at what it left, set it right, and "
        "tell golang-migrate: migrate force VERSION\n"
        "Nothing was recorded, and nothing was run.\n"
        "What was half done is neither done nor not done: first bring it to an end there, then adopt."
    )


def test_golang_migrates_one_number_counts_for_all_below_it(adopt: Adopt) -> None:
    report = adopt(golang_migrate, 3)
    assert [(one.title, one.matched_by) for one in report.recorded] == [
        (f"0001_{USERS}", "below 3"),
        (f"0002_{POSTS}", "below 3"),
        (f"0003_{TAGS}", "version"),
    ]


def test_golang_migrates_minus_one_is_nothing(adopt: Adopt) -> None:
    assert _titles(adopt(golang_migrate, -1)) == []


def test_gooses_newest_row_of_a_version_decides(adopt: Adopt) -> None:
    report = adopt(goose, ", (3, true), (2, false), (3, false), (3, true)")
    assert _titles(report) == [f"0001_{USERS}", f"0003_{TAGS}"]
    assert report.history is not None
    assert report.history.notes == ("2: rolled back",)
    assert report.late == (f"0002_{POSTS}",)


def test_gooses_row_zero_is_no_migration(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(goose(is_postgres(database_url)))
    files = {f"000{n}_{name}.sql": "" for n, name in enumerate(("begin", USERS, POSTS))}
    report = adopt_migrations(database_url, migrations(files))
    assert _titles(report) == [f"0001_{USERS}", f"0002_{POSTS}"]


def _flyway(rank: int, version: str | None, name: str, kind: str, success: str = "true") -> str:
    number = "NULL" if version is None else f"'{version}'"
    return f", ({rank}, {number}, '{name}', '{kind}', 'S', NULL, 'me', '2024-01-07 10:00:00', 5, {success})"


def test_flyways_failed_row_is_refused(adopt: Adopt) -> None:
    with pytest.raises(PlanError, match=r"Flyway itself would not go on:\n    3 add tags: failed\. Look at"):
        adopt(flyway, FLYWAY_ROWS + _flyway(3, "3", "add tags", "SQL", "false"))


def test_flyways_undo_delete_and_repeatable_rows_are_no_applied_migrations(adopt: Adopt) -> None:
    rows = (
        FLYWAY_ROWS
        + _flyway(3, "2", "create posts", "UNDO_SQL")
        + _flyway(4, "3", "add tags", "SQL")
        + _flyway(5, "3", "add tags", "DELETE")
        + _flyway(6, None, "views", "SQL")
        + _flyway(7, None, "views", "SQL")
    )
    report = adopt(flyway, rows)
    assert _titles(report) == [f"0001_{USERS}"]
    assert report.history is not None
    assert report.history.notes == (
        "2 create posts: undone",
        "3 add tags: deleted",
        "1 repeatable migration, which sessmig does not have: views",
    )


def test_what_flyway_undid_and_did_again_is_applied(adopt: Adopt) -> None:
    rows = FLYWAY_ROWS + _flyway(3, "2", "create posts", "UNDO_SQL") + _flyway(4, "2", "create posts", "SQL")
    report = adopt(flyway, rows)
    assert _titles(report) == [f"0001_{USERS}", f"0002_{POSTS}"]
    assert report.history is not None
    assert report.history.notes == ()


def test_flyways_baseline_counts_for_all_below_it_and_needs_no_file(adopt: Adopt) -> None:
    schema = "(1, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '\"a\"', NULL, 'me', '2024-01-07 10:00:00', 0, true)"
    report = adopt(
        flyway, schema + _flyway(2, "2", "<< Flyway Baseline >>", "BASELINE"), labels=("0001", "0005", "0006")
    )
    assert [(one.title, one.matched_by) for one in report.recorded] == [(f"0001_{USERS}", "below 2")]
    assert report.history is not None
    assert report.history.notes == ()


def test_a_flyway_baseline_that_is_no_whole_number_is_refused(adopt: Adopt) -> None:
    with pytest.raises(PlanError, match=r"a baseline at 1\.5, which is no whole number\. Use sessmig"):
        adopt(flyway, FLYWAY_ROWS + _flyway(3, "1.5", "<< Flyway Baseline >>", "BASELINE"))


def test_a_flyway_version_with_dots_is_matched_by_its_name(adopt: Adopt) -> None:
    report = adopt(flyway, FLYWAY_ROWS + _flyway(3, "2.1", "add tags", "SQL"))
    assert [(one.title, one.matched_by) for one in report.recorded][2] == (f"0003_{TAGS}", "name")


def test_sqlxs_failed_row_is_refused(adopt: Adopt) -> None:
    with pytest.raises(PlanError, match=re.escape("sqlx itself would not go on:\n    2 create posts: failed half way")):
        adopt(sqlx, "false")


def test_prismas_unfinished_row_is_refused(adopt: Adopt) -> None:
    unfinished = f",\n('c', 'cc', NULL, '{TIMES[2]}_{TAGS}', NULL, {{at}})"
    with pytest.raises(PlanError) as refused:
        adopt(prisma, unfinished, labels=TIMES)
    assert (
        f"    {TIMES[2]}_{TAGS}: not finished. Look at what it left, set it right, and run prisma migrate resolve "
        f"--applied or --rolled-back {TIMES[2]}_{TAGS}\n"
    ) in str(refused.value)


def test_what_prisma_gave_up_is_not_applied(adopt: Adopt) -> None:
    report = adopt(prisma, f",\n('c', 'cc', NULL, '{TIMES[2]}_{TAGS}', {{at}}, {{at}})", labels=TIMES)
    assert _titles(report) == [f"{TIMES[0]}_{USERS}", f"{TIMES[1]}_{POSTS}"]
    assert report.history is not None
    assert report.history.notes == (f"{TIMES[2]}_{TAGS}: rolled back",)


def test_what_prisma_gave_up_and_did_again_is_applied(adopt: Adopt) -> None:
    name = f"{TIMES[2]}_{TAGS}"
    again = f", ('c', 'cc', NULL, '{name}', {{at}}, {{at}}), ('d', 'cc', {{at}}, '{name}', NULL, {{at}})"
    report = adopt(prisma, again, labels=TIMES)
    assert _titles(report)[2] == f"{TIMES[2]}_{TAGS}"
    assert report.history is not None
    assert report.history.notes == ()


def test_what_sqitch_reverted_or_failed_to_deploy_is_not_applied(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    schema = "sqitch." if is_postgres(database_url) else ""
    people = "'2024-01-04 10:00:00', 'A', 'a', '2024-01-04 10:00:00', 'A', 'a'"
    events = [("deploy", "t1", TAGS, "07"), ("revert", "t1", TAGS, "08"), ("fail", "v1", "views", "09")]
    # What was deployed again after a revert stands in `changes`.
    events += [("revert", "e8c7", USERS, "03")]
    rows = ", ".join(
        f"('{event}', '{change_id}', '{change}', 'shop', {people})".replace("2024-01-04", f"2024-01-{day}", 1)
        for event, change_id, change, day in events
    )
    probe(database_url).execute(
        sqitch(is_postgres(database_url))
        + f"INSERT INTO {schema}events (event, change_id, change, project, committed_at, committer_name, "
        f"committer_email, planned_at, planner_name, planner_email) VALUES {rows};"
    )
    names = zip(NUMBERS, (USERS, POSTS, TAGS), strict=True)
    folder: Path = migrations({f"{label}_{name}.sql": "" for label, name in names})
    report = adopt_migrations(database_url, folder)
    assert _titles(report) == [f"0001_{USERS}", f"0002_{POSTS}"]
    assert report.history is not None
    assert report.history.notes == (f"{TAGS}: reverted", "views: failed, and not deployed")
