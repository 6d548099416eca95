"""What a rehearsal finds in the migrations themselves, and how it ends."""

import json
from collections.abc import Callable

import pytest

from sessmig.databases import connect
from sessmig.errors import LockError, PlanError, UsageError
from sessmig.job import Job
from sessmig.plan import Wish
from sessmig.rehearse import rehearse
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rehearse.playing import TAGS, Stage
from tests.run.doing import migrate


def test_a_failing_check_is_told_as_migrate_tells_it(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = TAGS | {
        "0001_tags.verify.sql": "-- check: no note without body\nSELECT id FROM notes WHERE body IS NULL;\n"
    }
    folder = migrations(files)
    done = stage.command(folder)
    assert done.returncode == 3
    assert done.stderr.endswith(
        f"{folder}/0001_tags.verify.sql:1: check failed: no note without body\n"
        "    expected none, found 1 row\n"
        "    id\n"
        "    3\n"
        "The database holds what it held before: it was a rehearsal.\n"
        "Mend the rows that are shown, or the migration, and run it again.\n"
    )
    assert "0001 tags, failed in" in done.stdout
    assert done.stdout.endswith("REHEARSAL FAILED (migrate)\n")


def test_a_failing_statement_exits_with_1_and_what_came_before_is_told(
    stage: Stage, migrations: WriteMigrations
) -> None:
    stage.build()
    folder = migrations(TAGS | {"0002_b.sql": "CREATE TABLE b (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n"})
    found = stage.play(folder)
    (failure,) = found.failures
    assert (failure.stage, failure.exit_code, found.exit_code) == ("migrate", 1, 1)
    assert failure.what.startswith(f"{folder}/0002_b.sql:2: ")
    assert [(step.title, step.outcome) for step in found.steps] == [("0001_tags", "rehearsed"), ("0002_b", "failed")]
    assert found.undone == ()


def test_a_loss_that_is_not_declared_is_found(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    found = stage.play(migrations({"1_a.sql": "DELETE FROM notes WHERE id > 1;\n"}))
    assert [(failure.stage, failure.exit_code) for failure in found.failures] == [("migrate", 3)]
    assert "2 rows of notes were deleted" in found.failures[0].what


def test_a_check_of_an_older_migration_that_fails_now_is_found(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    old = {
        "1_a.sql": "SELECT 1;\n",
        "1_a.verify.sql": "-- check: few notes\n-- expect: 3\nSELECT count(*) FROM notes;\n",
    }
    folder = migrations(old)
    stage.each(lambda url: migrate(url, folder))
    migrations({"2_b.sql": "INSERT INTO notes VALUES (4, 'four');\n"})
    found = stage.play(folder)
    (failure,) = found.failures
    assert (failure.stage, failure.exit_code) == ("verify", 3)
    assert failure.what == f"{folder}/1_a.verify.sql:1: check failed: few notes\n    expected 3, found 4"


def test_a_check_of_an_older_migration_that_failed_before_is_no_failure(
    stage: Stage, migrations: WriteMigrations
) -> None:
    stage.build()
    old = {
        "1_a.sql": "SELECT 1;\n",
        "1_a.verify.sql": "-- check: few notes\n-- expect: 3\nSELECT count(*) FROM notes;\n",
    }
    folder = migrations(old)
    stage.each(lambda url: migrate(url, folder))
    stage.build("INSERT INTO notes VALUES (4, 'four')")
    migrations({"2_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    found = stage.play(folder)
    assert found.failures == ()
    assert found.verified is not None
    assert [check.outcome for step in found.verified.steps for check in step.checks] == ["failed"]


def test_with_nothing_pending_it_says_so(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations(TAGS)
    stage.each(lambda url: migrate(url, folder))
    done = stage.command(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing to rehearse: 1 migration applied, none pending\n")


def test_to_goes_up_to_a_version_and_says_what_is_left(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    found = stage.play(migrations(TAGS | {"0002_b.sql": "CREATE TABLE b (x INTEGER);\n"}), wish=Wish(to=1))
    assert ([step.title for step in found.steps], found.pending) == (["0001_tags"], ("0002_b",))


def test_a_rehearsal_after_a_rehearsal_finds_the_same(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    stage = Stage(database_url, None, probe, cli)
    stage.build()
    folder = migrations(TAGS)
    assert stage.play(folder).steps[0].statements == stage.play(folder).steps[0].statements
    assert migrate(database_url, folder).applied == 1


def test_a_changed_file_is_refused_as_migrate_refuses_it(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations(TAGS)
    stage.each(lambda url: migrate(url, folder))
    migrations({"0001_tags.sql": "SELECT 2;\n", "0002_b.sql": "SELECT 1;\n"})
    with pytest.raises(PlanError, match="changed after it was applied"):
        stage.play(folder)


def test_json_holds_all_of_it(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = TAGS | {"0001_tags.rollback.sql": "-- sessmig: may-lose tags\nDROP TABLE tags;\n"}
    done = stage.command(migrations(files), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"], done.stderr) == (3, 3, "")
    assert [(step["name"], step["outcome"]) for step in told["steps"]] == [("tags", "rehearsed")]
    assert [(d["subject"], d["what"]) for d in told["differences"]] == [("index idx_notes_body", "left behind")]
    assert [(failure["stage"], failure["exit_code"]) for failure in told["failures"]] == [("rollback", 3)]
    assert (told["before"], told["again"], told["again_differences"]) == ("0001_tags", [], None)


def test_json_tells_an_error_too(stage: Stage, migrations: WriteMigrations) -> None:
    done = stage.command(migrations({"nonsense.sql": ""}), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (1, "FileError")


def test_sqlite_is_rehearsed_on_no_copy_of_the_users(
    sqlite_url: str, stage: Stage, migrations: WriteMigrations
) -> None:
    """And PostgreSQL on none of another kind."""
    stage.build()
    stage.on = f"{sqlite_url}.copy"
    words = "another kind of database" if stage.is_postgres else "--on is for PostgreSQL"
    with pytest.raises(UsageError, match=words):
        stage.play(migrations(TAGS))


def test_the_database_itself_is_no_copy(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    stage = Stage(postgres_url, postgres_url.replace("127.0.0.1", "localhost"), probe, cli)
    probe(postgres_url).execute("CREATE TABLE notes (id INTEGER, body TEXT)")
    with pytest.raises(UsageError, match="this is the database itself"):
        stage.play(migrations(TAGS))


def test_a_copy_with_another_plan_is_named(postgres_url: str, stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations(TAGS)
    if stage.on:
        migrate(stage.url, folder)
    migrations({"0002_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    found = stage.play(folder)
    told = "on the copy other migrations are pending (0001_tags, 0002_b) than there (0002_b)"
    assert (told in [missing.reason for missing in found.unrehearsed]) == bool(stage.on)


def test_the_lock_is_waited_for_where_one_is_taken(stage: Stage, migrations: WriteMigrations) -> None:
    """Whoever migrates a SQLite file is in nobody's way who makes a copy of it."""
    stage.build()
    folder = migrations(TAGS)
    with connect(stage.on or stage.url) as holder, holder.transaction("schema_migrations", wait=5, on_wait=print):
        if stage.is_postgres:
            with pytest.raises(LockError, match="the lock was not had"):
                stage.play(folder, lock_wait=0.1)
        else:
            with connect(stage.url, create=False) as database:
                assert rehearse(Job(database, folder, lock_wait=0.1)).failures == ()
