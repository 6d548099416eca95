"""Which file is which: by version where the names do not contradict, else by a name; what is in doubt is refused."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import PlanError, UsageError, adopt_migrations, ensure_migrations
from sessmig.baseline_report import baseline_lines, summary
from sessmig.histories import keys_of
from tests.adopt.tables import POSTS, TAGS, USERS, flyway, goose, prisma, sqitch, sqlite_utils, sqlx, yoyo
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres

Probes = Callable[[str], Probe]


def _folder(migrations: WriteMigrations, *titles: str, series: str = "shop") -> Path:
    return migrations({f"{title}.sql": f"CREATE TABLE t_{title} (id INTEGER);\n" for title in titles}, series=series)


def _matched(url: str, folder: Path, **options: object) -> list[tuple[str, str, str]]:
    report = adopt_migrations(url, folder, dry_run=True, **options)  # type: ignore[arg-type]
    return [(one.title, one.id_there, one.matched_by) for one in report.recorded]


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("0001.create-users", (1, "create_users")),
        ("20240102_01_AbCdE-create-posts", (2024010201, "create_posts")),
        ("m001_create_users", (1, "create_users")),
        ("20240101000001_create_users", (20240101000001, "create_users")),
        ("0_init", (0, "init")),
        ("create_users", (None, "create_users")),
        ("20240101000001", (20240101000001, "")),
    ],
)
def test_an_id_is_read_as_the_version_and_name_that_a_file_here_would_have(
    written: str, first: tuple[int | None, str]
) -> None:
    assert keys_of(written)[0] == first


def test_files_that_were_numbered_anew_are_matched_by_name(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(prisma(False))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}", f"0003_{TAGS}")
    assert _matched(sqlite_url, folder) == [
        (f"0001_{USERS}", f"20240101000001_{USERS}", "name"),
        (f"0002_{POSTS}", f"20240102000001_{POSTS}", "name"),
    ]


def test_a_version_under_another_name_is_refused_with_both_ways_out(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(yoyo(False))
    folder = _folder(migrations, f"0001_{POSTS}", f"0002_{USERS}")
    with pytest.raises(PlanError) as refused:
        adopt_migrations(sqlite_url, folder)
    assert str(refused.value) == (
        "_yoyo_migration: not everything fits one file alone:\n"
        f"    {folder}/0001_{POSTS}.sql: has the version of 0001.create-users, and another name; its name is that of "
        f"{folder}/0002_{USERS}.sql\n"
        f"    {folder}/0002_{USERS}.sql: has the version of 0002.create-posts, and another name; its name is that of "
        f"{folder}/0001_{POSTS}.sql\n"
        "Nothing was recorded, and nothing was run.\n"
        "Name the files as they are named there; or go by one of the two alone: --by version, or --by name"
    )
    by_name = [(f"0001_{POSTS}", "0002.create-posts", "name"), (f"0002_{USERS}", "0001.create-users", "name")]
    assert _matched(sqlite_url, folder, by="name") == by_name
    by_version = [(f"0001_{POSTS}", "0001.create-users", "version"), (f"0002_{USERS}", "0002.create-posts", "version")]
    assert _matched(sqlite_url, folder, by="version") == by_version


def test_a_name_that_two_files_have_is_refused(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(sqlite_url).execute(sqitch(False))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}", f"0003_{POSTS}")
    with pytest.raises(PlanError, match=f"{POSTS}: its name is that of .*0002_{POSTS}.sql and .*0003_{POSTS}.sql"):
        adopt_migrations(sqlite_url, folder)


def test_a_change_that_sqitch_has_twice_is_refused(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    rows = ", ".join(
        f"('{n}', '{n}', '{USERS}', 'shop', '', '2024-01-05', 'A', 'a', '2024-01-05', 'A', 'a')" for n in "ab"
    )
    probe(sqlite_url).execute(sqitch(False, rows))
    with pytest.raises(PlanError, match=f"0001_{USERS}.sql: its name stands more than once in the history"):
        adopt_migrations(sqlite_url, _folder(migrations, f"0001_{USERS}"))


def test_what_was_applied_and_has_no_file_is_refused_unless_that_is_meant(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    there = probe(sqlite_url)
    there.execute(prisma(False))
    folder = _folder(migrations, f"0001_{USERS}", "0003_posts")
    with pytest.raises(PlanError) as refused:
        adopt_migrations(sqlite_url, folder)
    assert str(refused.value) == (
        f"_prisma_migrations: applied by Prisma, and no file here: 20240102000001_{POSTS}\n"
        "Nothing was recorded, and nothing was run.\n"
        "A file under another name or number would be run again: give it the one that it has there. "
        "If there is none any more: --allow-missing"
    )
    assert there.tables() == {"_prisma_migrations"}

    report = adopt_migrations(sqlite_url, folder, allow_missing=True)

    assert ([one.title for one in report.recorded], report.absent) == ([f"0001_{USERS}"], (f"20240102000001_{POSTS}",))


def test_a_gap_in_the_history_stays_one(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(sqlite_url).execute(goose(False, ", (4, true)"))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}", "0003_gap", f"0004_{TAGS}", "0005_new")

    report = adopt_migrations(sqlite_url, folder)

    assert (report.late, report.pending) == (("0003_gap",), ("0005_new",))
    with pytest.raises(PlanError, match=re.escape("0003_gap.sql: not applied, but 4 add_tags above it is")):
        ensure_migrations(sqlite_url, folder)


def test_a_file_that_comes_in_below_later_is_not_taken_for_applied(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(goose(False))
    adopt_migrations(sqlite_url, _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}"))
    folder = _folder(migrations, "0000_from_a_branch")
    with pytest.raises(PlanError, match=r"0000_from_a_branch.* not applied, but 2 create_posts above it is"):
        ensure_migrations(sqlite_url, folder)


def _crc32(text: str) -> int:
    number = zlib.crc32("".join(text.splitlines()).encode())
    return number - (1 << 32) if number >= 1 << 31 else number


@pytest.mark.parametrize("tool", ["sqlx", "Prisma", "Flyway"])
def test_it_is_told_whether_a_file_is_the_very_one_that_ran(
    tool: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    there, text = probe(sqlite_url), "-- one\nCREATE TABLE t (id INTEGER);\n"
    if tool == "sqlx":
        digest = hashlib.sha384(text.encode()).hexdigest()
        there.execute(sqlx(False).replace("x'00ff'", f"x'{digest}'", 1))
    elif tool == "Prisma":
        there.execute(prisma(False).replace("'aa'", f"'{hashlib.sha256(text.encode()).hexdigest()}'"))
    else:
        there.execute(flyway(False).replace(" 11,", f" {_crc32(text)},"))
    folder = migrations({f"0001_{USERS}.sql": text, f"0002_{POSTS}.sql": text + "-- and more\n"})
    report = adopt_migrations(sqlite_url, folder, dry_run=True)
    assert [one.is_same_text for one in report.recorded] == [True, False]


def test_of_several_histories_one_has_to_be_chosen(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(sqlite_url).execute(goose(False) + yoyo(False))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}")
    with pytest.raises(UsageError) as refused:
        adopt_migrations(sqlite_url, folder)
    assert str(refused.value) == (
        f"{sqlite_url}: there is more than one history: _yoyo_migration (yoyo), goose_db_version (goose)\n"
        "Nothing was touched.\n"
        "Choose one with --history TABLE."
    )
    report = adopt_migrations(sqlite_url, folder, history="_yoyo_migration")
    assert report.history is not None
    assert report.history.tool == "yoyo"


def test_a_table_of_a_name_of_its_own_is_found_when_it_is_named(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(
        "CREATE TABLE versions (version VARCHAR(128) PRIMARY KEY); INSERT INTO versions VALUES ('1')"
    )
    folder = _folder(migrations, "0001_a")
    with pytest.raises(UsageError, match="no history of another tool is found"):
        adopt_migrations(database_url, folder)
    report = adopt_migrations(database_url, folder, history="versions")
    assert [one.title for one in report.recorded] == ["0001_a"]


@pytest.mark.postgres
def test_a_history_in_another_schema_is_found(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(postgres_url).execute(
        "CREATE SCHEMA old; CREATE TABLE old.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
        "INSERT INTO old.schema_migrations VALUES (1, false)"
    )
    report = adopt_migrations(postgres_url, _folder(migrations, "0001_a"))
    assert report.history is not None
    assert (report.history.table, report.table) == ("old.schema_migrations", "schema_migrations")
    assert probe(postgres_url).rows("SELECT * FROM old.schema_migrations") == [(1, False)]


def test_a_table_that_is_no_history_is_refused_with_its_columns(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute("CREATE TABLE versions (v TEXT, w TEXT)")
    folder = _folder(migrations, "0001_a")
    known = "dbmate, Ecto, golang-migrate, goose, Flyway, sqlx, Prisma, refinery, yoyo, sqlite-utils, sqitch"
    with pytest.raises(UsageError) as refused:
        adopt_migrations(sqlite_url, folder, history="versions")
    assert str(refused.value) == (
        f"{sqlite_url}: the table versions is no history that sessmig knows (columns: v, w)\n"
        "Nothing was touched.\n"
        f"Known are those of Rails, {known}. What stands is recorded without one by sessmig baseline V"
    )
    probe(sqlite_url).execute(sqitch(False))
    with pytest.raises(UsageError, match="the table events is no history that sessmig knows"):
        adopt_migrations(sqlite_url, folder, history="events")  # what was reverted stands in it too
    with pytest.raises(UsageError, match="there is no table others"):
        adopt_migrations(sqlite_url, folder, history="others")


def test_of_several_projects_that_of_the_series_name_is_taken(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    postgres = database_url.startswith("postgres")
    other = ", ('zz', 'zz', 'mail', 'other', 'x', '2024-01-07', 'A', 'a@b.c', '2024-01-04', 'A', 'a@b.c')"
    probe(database_url).execute(
        sqitch(postgres).replace(";\nINSERT INTO sqitch.events", f"{other};\nINSERT INTO sqitch.events")
        if postgres
        else sqitch(False).replace(";\nINSERT INTO events", f"{other};\nINSERT INTO events")
    )
    table = "sqitch.changes" if postgres else "changes"
    shop = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}")
    assert [title for title, *_ in _matched(database_url, shop)] == [f"0001_{USERS}", f"0002_{POSTS}"]
    mail = _folder(migrations, "0001_mail", series="mailing")
    with pytest.raises(UsageError) as refused:
        adopt_migrations(database_url, mail)
    assert str(refused.value) == (
        f"{database_url}: sqitch's {table} holds several (project: other, shop)\n"
        "Nothing was touched.\n"
        "Choose one with --project NAME."
    )
    assert _matched(database_url, mail, project="other") == [("0001_mail", "mail", "name")]
    with pytest.raises(UsageError, match=re.escape("has no mine (project: other, shop)")):
        adopt_migrations(database_url, mail, project="mine")


def test_a_project_is_refused_where_the_tool_has_none(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(goose(False))
    with pytest.raises(UsageError, match="goose's goose_db_version has no projects"):
        adopt_migrations(sqlite_url, _folder(migrations, "0001_a"), project="shop")


def test_a_set_of_sqlite_utils_is_chosen_like_a_project(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    rows = f"(1, 'one', '{USERS}', '2024-01-05'), (2, 'two', '{POSTS}', '2024-01-05')"
    probe(sqlite_url).execute(sqlite_utils(False, rows))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}")
    assert _matched(sqlite_url, folder, project="two") == [(f"0002_{POSTS}", POSTS, "name")]


def test_times_without_a_zone_are_headed_as_what_they_are(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(goose(is_postgres(database_url)))
    folder = _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}")
    report = adopt_migrations(database_url, folder, dry_run=True)
    assert [one.is_utc_there for one in report.recorded] == [False, False]
    shown = "\n".join(baseline_lines(report))
    assert "applied (as written there)" in shown
    assert "(UTC)" not in shown


def test_how_many_files_are_of_another_text_is_in_the_summary(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(sqlite_url).execute(prisma(False))
    report = adopt_migrations(sqlite_url, _folder(migrations, f"0001_{USERS}", f"0002_{POSTS}"), dry_run=True)
    assert summary(report) == (
        "2 migrations would be recorded as done, 2 of another text than Prisma ran, none pending"
    )
