"""What a rollback file forgets is found and named."""

import pytest

from tests.fixtures.files import WriteMigrations
from tests.rehearse.playing import NOTES, TAGS, Stage


def _rolled_back(stage: Stage, migrations: WriteMigrations, rollback: str, forward: str = "") -> list[tuple[str, str]]:
    """Rehearse with this rollback file, hold that the command fails for it, and return in what the database differs."""
    stage.build()
    files = {"0001_tags.sql": forward or TAGS["0001_tags.sql"], "0001_tags.rollback.sql": rollback}
    found = stage.play(migrations(files))
    assert found.differences is not None
    assert (found.exit_code, [failure.stage for failure in found.failures]) == (3, ["rollback"])
    assert "after the rollback the database is not as it was before 0001_tags:" in found.failures[0].what
    assert found.again == ()
    return [(difference.subject, difference.what) for difference in found.differences]


def test_a_rollback_that_gives_all_back_is_no_failure(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    found = stage.play(migrations(TAGS))
    assert (found.failures, found.differences, found.again_differences, found.exit_code) == ((), (), (), 0)
    assert [(step.title, step.outcome) for step in found.again] == [("0001_tags", "rehearsed")]


def test_an_index_that_is_forgotten_is_named_with_its_definition(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = TAGS | {"0001_tags.rollback.sql": "-- sessmig: may-lose tags\nDROP TABLE tags;\n"}
    done = stage.command(migrations(files))
    assert done.returncode == 3
    using = "public.notes USING btree (body)" if stage.is_postgres else "notes (body)"
    assert (
        "after the rollback the database is not as it was before 0001_tags:\n"
        "    index idx_notes_body: left behind\n"
        f"        CREATE INDEX idx_notes_body ON {using}\n"
        "Mend the rollback file.\n"
    ) in done.stderr
    assert "    FAILED  the database is not as it was before 0001_tags\n" in done.stdout
    assert done.stdout.endswith("REHEARSAL FAILED (rollback)\n")


def test_a_row_that_is_forgotten_is_counted(stage: Stage, migrations: WriteMigrations) -> None:
    forward = "INSERT INTO notes VALUES (4, 'four'), (5, 'five');\n"
    rollback = "-- sessmig: may-lose notes\nDELETE FROM notes WHERE id = 5;\n"
    assert _rolled_back(stage, migrations, rollback, forward) == [("table notes", "1 row more (3 before, 4 now)")]


def test_a_row_too_many_that_goes_is_counted(stage: Stage, migrations: WriteMigrations) -> None:
    forward = "INSERT INTO notes VALUES (4, 'four');\n"
    rollback = "-- sessmig: may-lose notes\nDELETE FROM notes WHERE id >= 2;\n"
    assert _rolled_back(stage, migrations, rollback, forward) == [("table notes", "2 rows fewer (3 before, 1 now)")]


@pytest.mark.parametrize(
    ("forward", "rollback"),
    [
        ("UPDATE notes SET body = upper(body);\n", "UPDATE notes SET body = 'One' WHERE id = 1;\n"),
        ("SELECT 1;\n", "UPDATE notes SET body = '' WHERE body IS NULL;\n"),
        ("SELECT 1;\n", "UPDATE notes SET body = CASE id WHEN 1 THEN 'two' ELSE 'one' END WHERE id < 3;\n"),
    ],
    ids=["another value", "NULL to empty", "values swapped"],
)
def test_a_value_that_is_another_is_found(
    stage: Stage, migrations: WriteMigrations, forward: str, rollback: str
) -> None:
    found = _rolled_back(stage, migrations, rollback, forward)
    assert found == [("table notes", "as many rows (3), but not the same")]


@pytest.mark.parametrize("value", ["'1'", "1.0", "x'31'"])
def test_the_type_of_a_value_counts(stage: Stage, migrations: WriteMigrations, value: str) -> None:
    if stage.is_postgres:
        stage.build("CREATE TABLE loose (v JSONB); INSERT INTO loose VALUES ('1')")
        value = {"'1'": "'\"1\"'", "1.0": "'1.0'", "x'31'": "'[1]'"}[value]
    else:
        stage.build("CREATE TABLE loose (v); INSERT INTO loose VALUES (1)")
    files = {"1_a.sql": "SELECT 1;\n", "1_a.rollback.sql": f"UPDATE loose SET v = {value};\n"}
    found = stage.play(migrations(files))
    assert found.differences is not None
    assert [d.what for d in found.differences] == ["as many rows (1), but not the same"]


def test_a_column_that_stays_is_named_alone(stage: Stage, migrations: WriteMigrations) -> None:
    found = _rolled_back(stage, migrations, "SELECT 1;\n", "ALTER TABLE notes ADD COLUMN colour TEXT;\n")
    rows = [] if not stage.is_postgres else [("table notes", "as many rows (3), but not the same")]
    assert [part for part in found if part[0].startswith("column")] == [("column notes.colour", "left behind")]
    assert [part for part in found if part[0] == "table notes"] == (rows or [found[-1]])
    assert len(found) == 2


def test_a_table_that_stays_is_named_with_its_rows(stage: Stage, migrations: WriteMigrations) -> None:
    found = _rolled_back(stage, migrations, "DROP INDEX idx_notes_body;\n")
    assert found == [("table tags", "left behind"), ("table tags", "left behind with 1 row")]


def test_a_trigger_and_a_view_that_stay_are_named(stage: Stage, migrations: WriteMigrations) -> None:
    body = {
        False: "CREATE TRIGGER loud AFTER INSERT ON notes BEGIN SELECT 1; END;\n",
        True: "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
        "CREATE TRIGGER loud AFTER INSERT ON notes EXECUTE FUNCTION f();\n",
    }[stage.is_postgres]
    found = _rolled_back(stage, migrations, "SELECT 1;\n", body + "CREATE VIEW bodies AS SELECT body FROM notes;\n")
    names = ["trigger notes.loud", "view bodies"] if stage.is_postgres else ["trigger loud", "view bodies"]
    assert [part for part in found if not part[0].startswith("function")] == [(name, "left behind") for name in names]


def test_a_default_that_is_another_is_shown_before_and_now(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build("CREATE TABLE t (a TEXT DEFAULT 'x')")
    if stage.is_postgres:
        files = {"1_a.sql": "ALTER TABLE t ALTER a SET DEFAULT 'y';\n", "1_a.rollback.sql": "SELECT 1;\n"}
    else:
        rebuilt = "-- sessmig: may-lose t\nDROP TABLE t;\nCREATE TABLE t (a TEXT DEFAULT 'y');\n"
        files = {"1_a.sql": rebuilt, "1_a.rollback.sql": "SELECT 1;\n"}
    (found,) = stage.play(migrations(files)).differences or ()
    assert (found.subject, found.what) == ("column t.a", "defined otherwise")
    assert ("'x'" in found.was, "'y'" in found.now) == (True, True)


def test_a_table_renamed_there_and_back_is_as_it_was(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build(NOTES + "CREATE INDEX idx_id_body ON notes (id, body);")
    files = {
        "1_a.sql": "ALTER TABLE notes RENAME TO notes_legacy;\n",
        "1_a.rollback.sql": "ALTER TABLE notes_legacy RENAME TO notes;\n",
    }
    found = stage.play(migrations(files))
    assert (found.differences, found.failures) == ((), ())


def test_a_second_migration_that_gives_something_else_is_found(stage: Stage, migrations: WriteMigrations) -> None:
    """The rollback leaves the sequence behind, and the migration counts on its numbers."""
    serial = "SERIAL PRIMARY KEY" if stage.is_postgres else "INTEGER PRIMARY KEY AUTOINCREMENT"
    stage.build(f"CREATE TABLE people (id {serial}, name TEXT); CREATE TABLE first (id INTEGER)")
    files = {
        "1_a.sql": "INSERT INTO people (name) VALUES ('Ada'), ('Linus');\n"
        "INSERT INTO first SELECT id FROM people WHERE id <= 2;\n",
        "1_a.rollback.sql": "-- sessmig: may-lose people, first\nDELETE FROM first;\nDELETE FROM people;\n",
    }
    found = stage.play(migrations(files))
    assert (found.differences, found.exit_code) == ((), 3)
    assert [(moved[0].endswith(("people", "people_id_seq")), moved[2]) for moved in found.sequences] == [(True, "2")]
    assert found.failures[0].stage == "migrate again"
    assert found.failures[0].what == (
        "migrated again after the rollback, the database is not as after the first time:\n"
        "    table first: 2 rows fewer (2 before, 0 now)"
    )


def test_a_step_without_rollback_file_ends_the_way_back(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = {
        "1_a.sql": "CREATE TABLE a (x INTEGER);\n",
        "1_a.rollback.sql": "DROP TABLE a;\n",
        "2_b.sql": "CREATE TABLE b (x INTEGER);\n",
        "3_c.sql": "CREATE TABLE c (x INTEGER);\n",
        "3_c.rollback.sql": "-- sessmig: may-lose c\nDROP TABLE c;\n",
    }
    found = stage.play(migrations(files))
    assert [step.title for step in found.undone] == ["3_c"]
    assert [(missing.subject, missing.reason) for missing in found.unrehearsed] == [
        ("the rollback of 2_b", "it has no rollback file"),
        ("the rollback of 1_a", "2_b above it cannot be rolled back"),
    ]
    assert (found.failures, found.differences, found.before) == ((), (), "3_c")


def test_an_irreversible_step_is_named_with_its_reason(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = {"1_a.sql": "-- sessmig: irreversible nobody wants it back\nCREATE TABLE a (x INTEGER);\n"}
    done = stage.command(migrations(files))
    assert done.returncode == 0, done.stderr
    assert "not rehearsed\n    the rollback of 1_a: irreversible: nobody wants it back\n" in done.stdout
    assert done.stdout.endswith("all of it held; nothing could be rolled back\n")


def test_several_steps_are_rolled_back_newest_first(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    more = {
        "0002_more.sql": "INSERT INTO tags VALUES (2, 'blue');\n",
        "0002_more.rollback.sql": "-- sessmig: may-lose tags\nDELETE FROM tags WHERE id = 2;\n",
    }
    found = stage.play(migrations(TAGS | more))
    assert [step.title for step in found.undone] == ["0002_more", "0001_tags"]
    assert [step.title for step in found.again] == ["0001_tags", "0002_more"]
    assert (found.failures, found.differences, found.before) == ((), (), "0001_tags")


def test_a_failing_check_of_a_rollback_is_told_and_ends_the_rehearsal(
    stage: Stage, migrations: WriteMigrations
) -> None:
    stage.build()
    verify = {"0001_tags.rollback.verify.sql": "-- check: notes are gone\nSELECT id FROM notes ORDER BY id;\n"}
    done = stage.command(migrations(TAGS | verify))
    assert done.returncode == 3
    assert "0001_tags.rollback.verify.sql:1: check failed: notes are gone\n    expected none, found 3 rows\n" in (
        done.stderr
    )
    assert "0001 tags, failed in" in done.stdout
    assert done.stdout.endswith("REHEARSAL FAILED (rollback)\n")


def test_a_failing_statement_of_a_rollback_exits_with_1(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations(TAGS | {"0001_tags.rollback.sql": "DROP INDEX idx_nowhere;\n"})
    done = stage.command(folder)
    assert done.returncode == 1
    assert f"{folder}/0001_tags.rollback.sql:1: " in done.stderr
    assert "idx_nowhere" in done.stderr


def test_the_loss_guard_watches_the_rollback_too(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    rollback = {"0001_tags.rollback.sql": "DROP INDEX idx_notes_body;\nDROP TABLE tags;\n"}
    found = stage.play(migrations(TAGS | rollback))
    assert [(failure.stage, failure.exit_code) for failure in found.failures] == [("rollback", 3)]
    assert "tags" in found.failures[0].what
