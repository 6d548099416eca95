"""Statements marked `idempotent` are run a second time, and must change no row."""

from collections.abc import Callable

import pytest

from sessmig.errors import FileError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.rehearse.playing import Stage
from tests.run.doing import migrate

ARCHIVE = """CREATE TABLE archive (id INTEGER, body TEXT);
-- sessmig: idempotent
INSERT INTO archive SELECT id, body FROM notes AS n WHERE {};
"""
ONCE = "NOT EXISTS (SELECT 1 FROM archive AS a WHERE a.id = n.id)"


def test_a_statement_that_changes_nothing_the_second_time_passes(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations({"1_a.sql": ARCHIVE.format(ONCE)})
    found = stage.play(folder)
    (repeat,) = found.repeats
    assert (repeat.where, repeat.statement) == (f"{folder}/1_a.sql:3", "INSERT archive")
    assert (repeat.differences, repeat.error, found.exit_code) == ((), "", 0)


def test_a_statement_that_writes_rows_again_is_found(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    folder = migrations({"1_a.sql": ARCHIVE.format("id < 3")})
    done = stage.command(folder)
    assert done.returncode == 3
    assert (
        f"{folder}/1_a.sql:3: marked idempotent, but a second time it changes the database: INSERT archive\n"
        "    table archive: 2 rows more (2 before, 4 now)\n"
        "Mend the statement, or take its mark away.\n"
    ) in done.stderr
    assert f"    FAILED  {folder}/1_a.sql:3: INSERT archive changes the database\n" in done.stdout
    assert done.stdout.endswith("REHEARSAL FAILED (a second time)\n")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE notes SET body = body || '!'", "as many rows (3), but not the same"),
        ("UPDATE notes SET body = upper(body)", None),
        ("UPDATE notes SET id = id", None),
    ],
)
def test_it_is_the_values_that_count_not_the_rows_that_are_written(
    stage: Stage, migrations: WriteMigrations, change: str, what: str | None
) -> None:
    stage.build()
    (repeat,) = stage.play(migrations({"1_a.sql": f"-- sessmig: idempotent\n{change};\n"})).repeats
    assert [difference.what for difference in repeat.differences] == ([what] if what else [])


def test_what_the_second_time_did_does_not_stay(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    back = {"1_a.rollback.sql": "-- sessmig: may-lose archive\nDROP TABLE archive;\n"}
    found = stage.play(migrations({"1_a.sql": ARCHIVE.format("id < 3")} | back))
    assert [failure.stage for failure in found.failures] == ["a second time"]
    assert (found.differences, found.again_differences) == ((), ())


def test_a_statement_that_fails_the_second_time_exits_with_1(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    marked = "-- sessmig: idempotent\nCREATE TABLE a (x INTEGER);\n"
    more = "-- sessmig: idempotent\nUPDATE notes SET id = id;\n"
    folder = migrations({"1_a.sql": marked + more})
    done = stage.command(folder)
    assert done.returncode == 1
    assert (
        f"{folder}/1_a.sql:2: marked idempotent, but cannot be run a second time: CREATE TABLE a\n    " in done.stderr
    )
    assert "already exists" in done.stderr
    assert f"    ok      {folder}/1_a.sql:4: UPDATE notes changes nothing\n" in done.stdout


def test_each_is_run_again_right_behind_its_own_step(stage: Stage, migrations: WriteMigrations) -> None:
    """The next step may well take away what it reads."""
    stage.build()
    files = {"1_a.sql": ARCHIVE.format(ONCE), "2_b.sql": "ALTER TABLE notes RENAME TO notes_legacy;\n"}
    found = stage.play(migrations(files))
    assert ([repeat.title for repeat in found.repeats], found.exit_code) == (["1_a"], 0)


def test_marks_in_a_rollback_file_count_too(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build()
    files = {
        "1_a.sql": "UPDATE notes SET body = body || '!' WHERE id = 1;\n",
        "1_a.rollback.sql": "-- sessmig: idempotent\nUPDATE notes SET body = rtrim(body, '!') WHERE id = 1;\n"
        "-- sessmig: idempotent\nUPDATE notes SET body = body || '' WHERE id = 1;\n",
    }
    folder = migrations(files)
    found = stage.play(folder)
    assert [repeat.where for repeat in found.repeats] == [f"{folder}/1_a.rollback.sql:{line}" for line in (2, 4)]
    assert (found.failures, found.differences) == ((), ())


def test_a_mark_without_a_statement_behind_it_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"1_a.sql": "BEGIN;\nCREATE TABLE a (x INTEGER);\n-- sessmig: idempotent\nCOMMIT;\n"})
    with pytest.raises(FileError) as refusal:
        migrate(database_url, folder)
    assert refusal.value.what == f"{folder}/1_a.sql:3: no statement behind this directive: sessmig: idempotent"
    assert probe(database_url).tables() == set()
