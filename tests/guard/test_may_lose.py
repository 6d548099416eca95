"""`may-lose` names what may go, however it is written; what it does not name is guarded."""

from collections.abc import Callable

import pytest

from sessmig import FileError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped
from tests.run.doing import is_postgres, migrate

STEP = "DELETE FROM notes WHERE body = 'two';\n"


@pytest.mark.parametrize(
    "names", ["notes", "NOTES", '"notes"', "n*", "*tes", "*", "users, notes", "users,notes", "  notes  ", "not*s, x"]
)
def test_a_table_is_named_by_its_name_in_any_case_by_a_pattern_or_in_quotes(
    names: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    passes(database_url, migrations, f"-- sessmig: may-lose {names}\n{STEP}")
    assert probe(database_url).value("SELECT count(*) FROM notes") == 1


@pytest.mark.parametrize("names", ["note", "notes.body", "users", "notes_*", '"n*"', "other.notes"])
def test_what_no_entry_names_is_guarded(
    names: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    lines = stopped(database_url, migrations, probe(database_url), f"-- sessmig: may-lose {names}\n{STEP}")
    assert lines[0].startswith("0001_step.sql:2: loss guard: 2 rows of notes were deleted")


def test_quotes_keep_a_name_as_written_where_the_database_does(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute('CREATE TABLE "Odd Name" (x INTEGER);\nINSERT INTO "Odd Name" VALUES (1);')
    step = 'DELETE FROM "Odd Name";\n'
    lines = (
        stopped(database_url, migrations, probe(database_url), f"-- sessmig: may-lose odd*\n{step}")
        if is_postgres(database_url)
        else stopped(database_url, migrations, probe(database_url), step)
    )
    assert "1 row of Odd Name was deleted" in lines[0]
    assert '-- sessmig: may-lose "Odd Name" at' in lines[-2]
    passes(database_url, migrations, f'-- sessmig: may-lose "Odd Name"\n{step}')


@pytest.mark.parametrize("names", ["sessions.title", "sessions", "s*.t*", "SESSIONS.TITLE", '"sessions"."title"'])
def test_a_column_is_named_with_its_table_or_by_it(
    names: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    passes(database_url, migrations, f"-- sessmig: may-lose {names}\nALTER TABLE sessions DROP COLUMN title;\n")


def test_a_column_that_may_go_gives_no_leave_to_delete_rows(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    step = "-- sessmig: may-lose sessions.title\nALTER TABLE sessions DROP COLUMN title;\nDELETE FROM messages;\n"
    (first, *_) = stopped(database_url, migrations, probe(database_url), step)
    assert (
        first
        == "0001_step.sql:3: loss guard: 4 rows of messages were deleted (DELETE in line 3), and no may-lose names it"
    )


@pytest.mark.parametrize("names", ["notes", "remarks"])
def test_the_name_before_a_rename_and_the_one_after_it_count(
    names: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    step = f"-- sessmig: may-lose {names}\nALTER TABLE notes RENAME TO remarks;\nDELETE FROM remarks;\n"
    passes(database_url, migrations, step)


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("", "a name of a table is missing"),
        ("notes,", "a name of a table is missing"),
        ("notes,, users", "a name of a table is missing"),
        ("DROP TABLE notes", "'DROP TABLE notes' is no name of a table"),
        ('"notes', "'\"notes' is no name of a table"),
        ("notes..body", "'notes..body' is no name of a table"),
        ("notes; users", "'notes; users' is no name of a table"),
    ],
)
def test_an_entry_that_is_no_name_is_refused_with_its_line_before_anything_is_touched(
    names: str, what: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0002_b.sql": f"-- b\n-- sessmig: may-lose {names}\n{STEP}"}
    )
    with pytest.raises(FileError) as caught:
        migrate(database_url, folder)
    assert caught.value.what == f"{folder / '0002_b.sql'}:2: may-lose: {what}"
    assert caught.value.remedy.startswith("Write -- sessmig: may-lose TABLE")
    assert probe(database_url).tables() == set()


def test_in_postgres_a_table_of_another_schema_is_named_with_it(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute("CREATE SCHEMA archive; CREATE TABLE archive.old_notes AS SELECT 1 AS x")
    step = "SET search_path = archive;\nDROP TABLE old_notes;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), f"-- sessmig: may-lose old_*\n{step}")
    assert lines[0].endswith("the table archive.old_notes was dropped, with 1 row, and no may-lose names it")
    assert lines[-2] == "If that is meant, write -- sessmig: may-lose archive.old_notes at the file's top."
    passes(postgres_url, migrations, f"-- sessmig: may-lose archive.old_*\n{step}")


def test_the_ledgers_schema_and_main_may_be_written_too(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    schema = "public" if is_postgres(database_url) else "main"
    passes(database_url, migrations, f"-- sessmig: may-lose {schema}.notes\n{STEP}")


RENAMED = {
    "a table that is dropped then": "-- sessmig: may-lose old_notes\n"
    "ALTER TABLE notes RENAME TO old_notes;\nDROP TABLE old_notes;\n",
    "a column that is dropped then": "-- sessmig: may-lose sessions.old_title\n"
    "ALTER TABLE sessions RENAME COLUMN title TO old_title;\nALTER TABLE sessions DROP COLUMN old_title;\n",
}


@pytest.mark.parametrize("name", RENAMED)
def test_the_new_name_counts_too_for(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    passes(database_url, migrations, RENAMED[name])
