"""`baseline V` records what a database holds already: nothing is run, the checks are asked, and it can be undone by no
rollback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import (
    CheckError,
    ConnectError,
    LockError,
    PlanError,
    UsageError,
    baseline_migrations,
    ensure_migrations,
)
from sessmig.baseline_report import baseline_lines
from tests.adopt.inside import Inside
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import log, status, verify

Probes = Callable[[str], Probe]
FILES = {
    "0001_users.sql": "-- The users\nCREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n",
    "0001_users.verify.sql": (
        "-- require: no users yet\nSELECT name FROM sqlite_master WHERE name = 'users';\n\n"
        "-- check: users have names\nSELECT id FROM users WHERE name IS NULL ORDER BY id;\n\n"
        "-- check: as many as before\n-- expect: same\nSELECT count(*) FROM users;\n\n"
        "-- warn: short names\nSELECT id FROM users WHERE length(name) < 2;\n"
    ),
    "0002_posts.sql": "CREATE TABLE posts (id INTEGER PRIMARY KEY);\n",
    "0003_tags.sql": "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n",
}
THERE = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY);
INSERT INTO users VALUES (1, 'Ada');
"""
ROWS = "SELECT version, migration_id, description, status, duration_ms, length(checksum) FROM schema_migrations"
RECORDED = [(1, "users", "The users", "baseline", None, 64), (2, "posts", "posts", "baseline", None, 64)]


@pytest.fixture
def folder(migrations: WriteMigrations) -> Path:
    return migrations(FILES)


def test_all_up_to_the_version_is_recorded_and_none_of_it_is_run(
    database_url: str, folder: Path, probe: Probes
) -> None:
    there = probe(database_url)
    there.execute(THERE)
    before = there.snapshot()

    report = baseline_migrations(database_url, folder, 2)

    assert [one.title for one in report.recorded] == ["0001_users", "0002_posts"]
    assert (report.pending, report.late, report.is_dry) == (("0003_tags",), (), False)
    assert there.rows(f"{ROWS} ORDER BY version") == RECORDED
    assert there.snapshot() == before
    assert [(one.version, one.state) for one in status(database_url, folder).standings] == [
        (1, "baseline"),
        (2, "baseline"),
        (3, "pending"),
    ]
    assert ensure_migrations(database_url, folder, backup="never").applied == 1


def test_the_checks_are_asked_and_kept_in_the_log(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE + "INSERT INTO users VALUES (2, 'B');")

    report = baseline_migrations(database_url, folder, 2)

    asked = [(check.name, check.outcome) for check in report.recorded[0].checks]
    assert asked == [
        ("users have names", "passed"),
        ("as many as before", "not re-runnable"),
        ("short names", "warned"),
    ]
    (first, second) = log(probe(database_url))
    assert first[:3] == (1, "baseline", "success")
    assert [check["outcome"] for check in first[3]["checks"]] == ["passed", "not re-runnable", "warned"]
    assert (first[3]["text"], "ignored_checks" in first[3]) == (FILES["0001_users.sql"], False)
    assert second[:3] == (2, "baseline", "success")
    assert second[3]["checks"] == []


def test_a_check_that_does_not_hold_is_refused_with_its_rows(database_url: str, folder: Path, probe: Probes) -> None:
    there = probe(database_url)
    there.execute(THERE + "INSERT INTO users VALUES (2, NULL), (3, NULL);")
    before = there.snapshot(exclude=())

    with pytest.raises(CheckError) as refused:
        baseline_migrations(database_url, folder, 2)

    assert str(refused.value) == (
        f"{folder}/0001_users.verify.sql:4: check failed: users have names\n"
        "    expected none, found 2 rows\n"
        "    id\n"
        "    2\n"
        "    3\n"
        "1 check of what would be recorded does not hold. Nothing was recorded, and nothing was run.\n"
        "Mend the rows that are shown; or choose a lower version, if the migration was never run. "
        "If it is meant none the less: --ignore-checks, which the log will tell"
    )
    assert there.snapshot(exclude=()) == before


def test_a_migration_that_was_never_run_is_found_by_its_check(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute("CREATE TABLE posts (id INTEGER PRIMARY KEY)")
    with pytest.raises(CheckError, match=r"check failed: users have names\n    cannot be asked: .*users"):
        baseline_migrations(database_url, folder, 2)
    assert probe(database_url).tables() == {"posts"}


def test_checks_that_do_not_hold_can_be_ignored_and_the_log_tells(
    database_url: str, folder: Path, probe: Probes
) -> None:
    probe(database_url).execute(THERE + "INSERT INTO users VALUES (2, NULL);")

    report = baseline_migrations(database_url, folder, 2, ignore_checks=True)

    assert [found.name for found in report.recorded[0].failed] == ["users have names"]
    assert probe(database_url).rows(f"{ROWS} ORDER BY version") == RECORDED
    assert log(probe(database_url))[0][3]["ignored_checks"] == 1


def test_a_merge_is_asked_for_what_is_missing(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(
        "CREATE TABLE old (id INTEGER PRIMARY KEY); CREATE TABLE new (id INTEGER PRIMARY KEY);"
        "INSERT INTO old VALUES (1), (2); INSERT INTO new VALUES (1);"
    )
    folder = migrations(
        {"1_copy.sql": "INSERT INTO new SELECT id FROM old;\n", "1_copy.verify.sql": "-- merge: old into new on id\n"}
    )
    with pytest.raises(CheckError, match=r"1_copy\.verify\.sql:1: merge failed: old into new\n    1 row missing"):
        baseline_migrations(database_url, folder, 1)
    probe(database_url).execute("INSERT INTO new VALUES (2)")
    assert baseline_migrations(database_url, folder, 1).recorded[0].merges[0].outcome == "passed"


def test_what_a_later_one_of_them_took_away_is_no_failure(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute("CREATE TABLE here (id INTEGER)")
    folder = migrations(
        {
            "1_old.sql": "CREATE TABLE old (id INTEGER);\n",
            "1_old.verify.sql": "-- check: it is empty\nSELECT id FROM old;\n",
            "2_drop.sql": "-- sessmig: may-lose old\nDROP TABLE old;\n",
        }
    )
    (check,) = baseline_migrations(database_url, folder, 2).recorded[0].checks
    assert (check.outcome, check.found) == ("not re-runnable", "old is gone, which 2_drop may lose")


def test_it_is_refused_where_something_above_is_applied(database_url: str, folder: Path, probe: Probes) -> None:
    ensure_migrations(database_url, folder.parent / _plain(folder), backup="never")
    before = probe(database_url).snapshot(exclude=())
    with pytest.raises(PlanError) as refused:
        baseline_migrations(database_url, folder.parent / "plain", 1)
    assert str(refused.value) == (
        "baseline 1: 2 posts, 3 tags are applied already, above it\n"
        "Nothing was recorded, and nothing was run.\n"
        "A baseline is where a series begins: choose the version that the database held then, no lower than 3; "
        "one that is missing below runs by sessmig migrate --only V"
    )
    assert probe(database_url).snapshot(exclude=()) == before


def _plain(folder: Path) -> str:
    """Write the same series without its verify file, which speaks SQLite."""
    plain = folder.parent / "plain"
    plain.mkdir()
    for name in ("0001_users.sql", "0002_posts.sql", "0003_tags.sql"):
        (plain / name).write_text(FILES[name])
    return "plain"


def test_what_was_applied_below_stays_as_it_is(database_url: str, folder: Path, probe: Probes) -> None:
    plain = folder.parent / _plain(folder)
    ensure_migrations(database_url, plain, to=1, backup="never")

    report = baseline_migrations(database_url, plain, 2)

    assert (report.standing, [one.title for one in report.recorded]) == (("0001_users",), ["0002_posts"])
    rows = probe(database_url).rows("SELECT version, status FROM schema_migrations ORDER BY version")
    assert rows == [(1, "success"), (2, "baseline")]


def test_a_second_time_there_is_nothing_to_record(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE)
    baseline_migrations(database_url, folder, 2)
    before = probe(database_url).snapshot(exclude=())

    report = baseline_migrations(database_url, folder, 2)

    assert (report.recorded, report.standing) == ((), ("0001_users", "0002_posts"))
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_dry_run_asks_and_writes_nothing_and_waits_for_no_lock(
    database_url: str, folder: Path, probe: Probes
) -> None:
    there = probe(database_url)
    there.execute(THERE)
    before = there.snapshot(exclude=())
    holder = probe(database_url)
    holder.execute("BEGIN")
    holder.execute("UPDATE users SET name = 'Eve'")

    report = baseline_migrations(database_url, folder, 2, dry_run=True, lock_wait=0)

    holder.execute("ROLLBACK")
    assert ([one.title for one in report.recorded], report.is_dry) == (["0001_users", "0002_posts"], True)
    assert report.pending == ("0003_tags",)
    assert there.snapshot(exclude=()) == before


def test_it_waits_for_the_lock_and_gives_up_in_time(sqlite_url: str, folder: Path, probe: Probes) -> None:
    probe(sqlite_url).execute(THERE)
    holder = probe(sqlite_url)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LockError, match="the lock was not had within 0 s"):
        baseline_migrations(sqlite_url, folder, 2, lock_wait=0)
    holder.execute("ROLLBACK")
    assert probe(sqlite_url).tables() == {"users", "posts"}


def test_two_at_once_record_each_migration_once(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE)
    numbers: list[int] = []

    def run() -> None:
        numbers.append(len(baseline_migrations(database_url, folder, 2).recorded))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [0, 0, 0, 2]
    assert [entry[0] for entry in log(probe(database_url))] == [1, 2]


def test_an_empty_database_is_taken_for_the_wrong_one(database_url: str, folder: Path, probe: Probes) -> None:
    there = probe(database_url)
    there.execute("CREATE TABLE gone (id INTEGER); DROP TABLE gone;")
    with pytest.raises(CheckError) as refused:
        baseline_migrations(database_url, folder.parent / _plain(folder), 2)
    assert str(refused.value) == (
        f"{database_url}: holds no table, so nothing can have been applied to it\n"
        "Nothing was recorded, and nothing was run.\n"
        "Look whether this is the database that you mean. An empty one is filled by sessmig migrate\n"
        "If it is meant none the less: --ignore-checks"
    )
    assert there.tables() == set()
    assert len(baseline_migrations(database_url, folder.parent / "plain", 2, ignore_checks=True).recorded) == 2


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ConnectError, match="there is no such database"):
        baseline_migrations(tmp_path / "typo.db", folder, 2)
    assert not (tmp_path / "typo.db").exists()


def test_a_version_without_a_file_is_refused(sqlite_url: str, folder: Path, probe: Probes) -> None:
    probe(sqlite_url).execute(THERE)
    with pytest.raises(UsageError) as refused:
        baseline_migrations(sqlite_url, folder, 7)
    assert str(refused.value) == ("baseline 7: there is no migration of this version\nThe last are: 0001, 0002, 0003.")
    assert probe(sqlite_url).tables() == {"users", "posts"}
    with pytest.raises(UsageError, match="version=True is no version"):
        baseline_migrations(sqlite_url, folder, True)


def test_a_half_done_step_is_no_ground_for_a_baseline(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    folder = migrations(
        {
            "1_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (id INTEGER);\nCREATE TABLE a (id INTEGER);\n",
            "2_b.sql": "",
        }
    )
    with pytest.raises(Exception, match="already exists"):
        ensure_migrations(sqlite_url, folder, backup="never")
    with pytest.raises(PlanError) as refused:
        baseline_migrations(sqlite_url, folder, 2)
    assert str(refused.value) == (
        "1 a: half done\nNothing was recorded, and nothing was run.\nBring it to its end: sessmig migrate --to 1"
    )
    assert probe(sqlite_url).rows("SELECT version, status FROM schema_migrations") == [(1, "failed")]


def test_an_old_file_that_sessmig_could_not_run_is_only_hashed(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute("CREATE TABLE a (id INTEGER)")
    folder = migrations(
        {"1_a.sql": "-- migrate:up\n-- About a\nCREATE TABLE a (id INTEGER);\nCOPY a FROM STDIN;\n1\n\\.\n"}
    )
    baseline_migrations(database_url, folder, 1)
    assert probe(database_url).rows("SELECT description, status FROM schema_migrations") == [("About a", "baseline")]


def test_a_file_that_is_changed_afterwards_is_found_and_shown(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE)
    baseline_migrations(database_url, folder, 2)
    (folder / "0002_posts.sql").write_text("CREATE TABLE posts (id TEXT PRIMARY KEY);\n")
    with pytest.raises(PlanError) as refused:
        ensure_migrations(database_url, folder)
    assert "0002_posts.sql: changed after it was applied" in str(refused.value)
    assert "-CREATE TABLE posts (id INTEGER PRIMARY KEY);" in str(refused.value)


def test_what_was_recorded_counts_in_verify_without_being_asked(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE)
    baseline_migrations(database_url, folder, 2)
    report = verify(database_url, folder)
    assert (report.standing, report.steps) == (2, ())


def test_the_old_webui_table_is_taken_over_on_the_way(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(
        THERE
        + "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT, "
        "status TEXT, metadata TEXT); INSERT INTO schema_migrations VALUES ('x', '2025-01-01', 'X', 'success', NULL);"
    )
    baseline_migrations(database_url, folder, 2)
    rows = probe(database_url).rows("SELECT series, version, status FROM schema_migrations ORDER BY series, version")
    assert rows == [("legacy", 1, "baseline"), ("shop", 1, "baseline"), ("shop", 2, "baseline")]


def test_series_and_table_may_be_named(database_url: str, folder: Path, probe: Probes) -> None:
    probe(database_url).execute(THERE)
    baseline_migrations(database_url, folder, 1, series="mine", table="our_migrations")
    assert probe(database_url).rows("SELECT series, version FROM our_migrations") == [("mine", 1)]


def test_the_command_shows_what_it_recorded(database_url: str, folder: Path, probe: Probes, inside: Inside) -> None:
    probe(database_url).execute(THERE)
    place = ("-d", database_url, "--dir", folder)
    shown = (
        f"shop on {database_url}\n"
        "\n"
        "  version  name   checks\n"
        "  0001     users  2 of 2 held, 1 not re-runnable\n"
        "  0002     posts\n"
        "\n"
        f"  {folder}/0001_users.verify.sql:7: not asked: as many as before\n"
        "      needs the picture before the step\n"
        "\n"
        "2 migrations {}, 1 pending (0003_tags)\n"
    )

    dry = inside("baseline", "2", *place, "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout == shown.format("would be recorded as done")
    assert probe(database_url).tables() == {"users", "posts"}

    done = inside("baseline", "0002", *place)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown.format("recorded as done, nothing was run"), "")
    assert probe(database_url).rows(f"{ROWS} ORDER BY version") == RECORDED

    again = inside("baseline", "2", *place)
    nothing = f"shop on {database_url}\n\nnothing to record: 2 recorded already, 1 pending (0003_tags)\n"
    assert (again.returncode, again.stdout) == (0, nothing)

    told = inside("log", *place).stdout
    assert "baseline  1 users    success" in told
    assert "2 checks held" in told


def test_the_command_refuses_with_exit_code_3_and_4(
    sqlite_url: str, folder: Path, probe: Probes, inside: Inside
) -> None:
    probe(sqlite_url).execute(THERE + "INSERT INTO users VALUES (2, NULL);")
    place = ("-d", sqlite_url, "--dir", folder)
    failed = inside("baseline", "2", *place)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "check failed: users have names" in failed.stderr
    ignored = inside("baseline", "2", *place, "--ignore-checks", "--lock-wait", "5")
    assert ignored.returncode == 0
    assert ignored.stdout.endswith(
        "2 migrations recorded as done, nothing was run, 1 check did not hold and was ignored, 1 pending (0003_tags)\n"
    )
    assert "1 check did not hold and was ignored" in inside("log", *place).stdout
    beyond = inside("baseline", "1", *place, "--json")
    assert (beyond.returncode, json.loads(beyond.stdout)["error"]["kind"]) == (4, "PlanError")


def test_the_command_speaks_json(sqlite_url: str, folder: Path, probe: Probes, inside: Inside) -> None:
    probe(sqlite_url).execute(THERE)
    done = inside("baseline", "2", "-d", sqlite_url, "--dir", folder, "--json")
    told = json.loads(done.stdout)
    assert (told["action"], told["pending"], told["is_dry"]) == ("baseline", ["0003_tags"], False)
    assert [one["version"] for one in told["recorded"]] == [1, 2]
    assert [check["outcome"] for check in told["recorded"][0]["checks"]] == ["passed", "not re-runnable", "passed"]


def test_what_was_rolled_back_can_be_said_to_stand(database_url: str, folder: Path, probe: Probes) -> None:
    plain = folder.parent / _plain(folder)
    ensure_migrations(database_url, plain, to=2, backup="never")
    probe(database_url).execute("UPDATE schema_migrations SET status = 'rolled_back' WHERE version = 2")
    assert [one.title for one in baseline_migrations(database_url, plain, 2).recorded] == ["0002_posts"]
    rows = probe(database_url).rows("SELECT version, status FROM schema_migrations ORDER BY version")
    assert rows == [(1, "success"), (2, "baseline")]


def test_a_migrate_that_meets_what_was_there_before_names_the_baseline(
    database_url: str, migrations: WriteMigrations, probe: Probes, inside: Inside
) -> None:
    folder = migrations({name: FILES[name] for name in ("0001_users.sql", "0002_posts.sql")})
    probe(database_url).execute(THERE)
    place = ("-d", database_url, "--dir", folder)
    failed = inside("migrate", *place, "--no-backup")
    assert failed.returncode == 1
    way = "If the database had it before sessmig came, record 0001_users as done: sessmig baseline"
    assert way in failed.stderr
    done = inside("baseline", "1", *place)
    words = "1 migration recorded as done, nothing was run, no check was asked, as no verify file has one, 1 pending"
    assert (done.returncode, words in done.stdout) == (0, True), done.stdout
    # Behind what is recorded, a file that makes what is there is at fault itself.
    again = inside("migrate", *place, "--no-backup")
    assert (again.returncode, "baseline" in again.stderr) == (1, False)
    assert probe(database_url).rows("SELECT id, name FROM users") == [(1, "Ada")]


def test_a_warning_is_not_counted_as_held(sqlite_url: str, folder: Path, probe: Probes) -> None:
    probe(sqlite_url).execute(THERE + "INSERT INTO users VALUES (7, 'x');")
    shown = "\n".join(baseline_lines(baseline_migrations(sqlite_url, folder, 1, dry_run=True)))
    assert "users  1 of 1 held, 1 warning, 1 not re-runnable" in shown
