"""`foreign-keys-off`: a table that others refer to is made anew, and no row of theirs goes."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import CheckError, FileError, StepError, UsageError
from sessmig.databases import connect
from sessmig.job import Job
from sessmig.run import migrate as run
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate, roll_back, state

Opened = Callable[[str], Probe]

OFF = "-- sessmig: foreign-keys-off\n"
TABLES = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE kids (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 'Ada'), (2, NULL);
INSERT INTO kids VALUES (10, 1), (11, 1), (20, 2);
"""
REBUILD = """CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO parents_new SELECT id, coalesce(name, '') FROM parents;
DROP TABLE parents;
ALTER TABLE parents_new RENAME TO parents;
"""
PAGE = (Path(__file__).parents[2] / "docs" / "sqlite-rebuild.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`shop/([0-9a-z_.]+)`\n\n```sql\n(.*?)```", PAGE, flags=re.DOTALL))
OUTPUTS = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def shop(sqlite_url: str, migrations: WriteMigrations) -> Path:
    folder = migrations({"0001_tables.sql": TABLES})
    migrate(sqlite_url, folder)
    return folder


def _stops(url: str, folder: Path, probe: Opened, error: type[Exception], **options: bool) -> list[str]:
    """Run what has to be stopped and leave nothing; return the message's lines."""
    before = state(probe(url))
    with pytest.raises(error) as caught, connect(url) as database:
        run(Job(database, folder, **options))  # type: ignore[arg-type]
    assert state(probe(url)) == before
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_table_with_children_is_made_anew_and_they_keep_their_rows(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    (step,) = migrate(sqlite_url, migrations({"0002_anew.sql": OFF + REBUILD})).steps
    assert step.losses == ()
    assert probe(sqlite_url).rows("SELECT id, parent FROM kids ORDER BY id") == [(10, 1), (11, 1), (20, 2)]
    assert probe(sqlite_url).rows("SELECT id, name FROM parents ORDER BY id") == [(1, "Ada"), (2, "")]
    assert probe(sqlite_url).rows("PRAGMA foreign_key_check") == []


def test_without_it_the_guard_stops_the_same_file(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    lines = _stops(sqlite_url, migrations({"0002_anew.sql": REBUILD}), probe, CheckError)
    assert "3 rows of kids were deleted (cascade from parents)" in lines[0]


def test_rows_left_without_their_row_roll_the_step_back(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    step = "-- sessmig: may-lose parents\n" + OFF + "DELETE FROM parents WHERE id = 2;\n"
    lines = _stops(sqlite_url, migrations({"0002_anew.sql": step}), probe, CheckError)
    assert lines[0] == "0002_anew.sql: check failed: foreign key without its row: kids (parent) -> parents"
    assert lines[1] == "    1 row of kids: no row of parents has this parent"


def test_rows_that_were_without_their_row_before_are_no_reason_to_stop(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:  # its foreign keys are off, as they are by default
        connection.execute("INSERT INTO kids VALUES (30, 3)")
    migrate(sqlite_url, migrations({"0002_anew.sql": OFF + REBUILD}))
    assert probe(sqlite_url).value("SELECT count(*) FROM kids") == 4


def test_the_old_table_renamed_first_is_found(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    step = OFF + (
        "ALTER TABLE parents RENAME TO old;\nCREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO parents SELECT * FROM old;\nDROP TABLE old;\n"
    )
    lines = _stops(sqlite_url, migrations({"0002_anew.sql": step}), probe, CheckError)
    assert lines[0] == "0002_anew.sql: check failed: foreign key that points to no table: kids (parent) -> old"


def test_they_are_enforced_again_in_the_step_behind_it(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0002_anew.sql": OFF + REBUILD, "0003_bad.sql": "INSERT INTO kids VALUES (40, 4);\n"})
    with pytest.raises(StepError) as caught:
        migrate(sqlite_url, folder)
    assert "0003_bad.sql:1: FOREIGN KEY constraint failed" in str(caught.value)
    assert probe(sqlite_url).value("SELECT count(*) FROM schema_migrations") == 2


def test_they_are_enforced_again_after_a_failure(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0002_anew.sql": OFF + REBUILD + "SELECT nope;\n"})
    before = state(probe(sqlite_url))
    with connect(sqlite_url) as database:
        with pytest.raises(StepError):
            run(Job(database, folder))
        assert database.query("PRAGMA foreign_keys").rows == ((1,),)
    assert state(probe(sqlite_url)) == before


def test_an_open_connection_gets_its_own_switch_back(migrations: WriteMigrations) -> None:
    folder = migrations({"0001_tables.sql": TABLES, "0002_anew.sql": OFF + REBUILD})
    for switch in (0, 1):
        connection = sqlite3.connect(":memory:")
        connection.execute(f"PRAGMA foreign_keys = {switch}")
        with connect(connection) as database:
            run(Job(database, folder))
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (switch,)
        assert connection.execute("SELECT count(*) FROM kids").fetchone() == (3,)
        connection.close()


def test_a_database_that_is_not_there_yet_is_made(sqlite_url: str, migrations: WriteMigrations, probe: Opened) -> None:
    migrate(sqlite_url, migrations({"0001_tables.sql": OFF + TABLES}))
    assert probe(sqlite_url).value("SELECT count(*) FROM kids") == 3


def test_a_rollback_file_says_it_for_itself(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    back = OFF + REBUILD.replace(" NOT NULL", "").replace("coalesce(name, '')", "nullif(name, '')")
    declared = "-- sessmig: may-lose parents.name\n"
    folder = migrations({"0002_anew.sql": OFF + REBUILD, "0002_anew.rollback.sql": declared + back})
    migrate(sqlite_url, folder)
    roll_back(sqlite_url, folder)
    assert probe(sqlite_url).rows("SELECT id, name FROM parents ORDER BY id") == [(1, "Ada"), (2, None)]
    assert probe(sqlite_url).value("SELECT count(*) FROM kids") == 3


def test_a_rehearsal_tries_it_and_its_way_back(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, cli: Cli, probe: Opened
) -> None:
    back = REBUILD.replace(" NOT NULL", "").replace("coalesce(name, '')", "nullif(name, '')")
    declared = "-- sessmig: may-lose parents.name\n"
    files = {"0002_anew.sql": OFF + REBUILD, "0002_anew.rollback.sql": declared + OFF + back}
    before = state(probe(sqlite_url))
    done = cli("rehearse", "-d", sqlite_url, "--dir", str(migrations(files)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert state(probe(sqlite_url)) == before


def test_a_single_transaction_takes_it_with_its_like_alone(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0002_anew.sql": OFF + REBUILD, "0003_more.sql": "CREATE TABLE more (x INTEGER);\n"})
    assert _stops(sqlite_url, folder, probe, UsageError, single_transaction=True) == [
        "--single-transaction: 0003_more.sql has no foreign-keys-off, which stands in those before it: "
        "SQLite switches foreign keys between two transactions only",
        "Nothing was touched.",
        "Run without --single-transaction, or up to that file first (--to).",
    ]
    migrations({"0003_more.sql": OFF + "CREATE TABLE more (x INTEGER);\n"})
    migrate(sqlite_url, folder, single_transaction=True)
    assert probe(sqlite_url).value("SELECT count(*) FROM kids") == 3
    assert "more" in probe(sqlite_url).tables()


def test_a_dry_run_shows_the_steps_up_to_the_first_that_cannot_share_its_transaction(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, cli: Cli, probe: Opened
) -> None:
    files = {"0002_more.sql": "CREATE TABLE more (x INTEGER);\n", "0003_anew.sql": OFF + REBUILD, "0004_end.sql": ""}
    before = state(probe(sqlite_url))
    done = cli("migrate", "--dry-run", "-d", sqlite_url, "--dir", str(migrations(files)))
    assert done.returncode == 0, done.stderr
    assert (
        "not previewed: 0003_anew, 0004_end: 0003_anew.sql has foreign-keys-off: "
        "SQLite switches foreign keys between two transactions only\n"
    ) in done.stdout
    assert "1 migration would be applied" in done.stdout
    assert state(probe(sqlite_url)) == before


def test_a_dry_run_of_its_like_has_them_off(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    before = state(probe(sqlite_url))
    (step,) = migrate(sqlite_url, migrations({"0002_anew.sql": OFF + REBUILD}), dry_run=True).steps
    assert (step.outcome, step.losses) == ("would apply", ())
    assert state(probe(sqlite_url)) == before


def test_a_dry_rollback_shows_those_that_can_share_its_transaction(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations(
        {
            "0002_a.sql": "CREATE TABLE a (x INTEGER);\n",
            "0002_a.rollback.sql": "-- sessmig: may-lose a\n" + OFF + "DROP TABLE a;\n",
            "0003_b.sql": "CREATE TABLE b (x INTEGER);\n",
            "0003_b.rollback.sql": "-- sessmig: may-lose b\nDROP TABLE b;\n",
        }
    )
    migrate(sqlite_url, folder)
    before = state(probe(sqlite_url))
    report = roll_back(sqlite_url, folder, 1, dry_run=True)
    assert [step.title for step in report.steps] == ["0003_b"]
    assert report.unpreviewed == ("0002_a",)
    assert state(probe(sqlite_url)) == before


@pytest.mark.postgres
def test_on_postgresql_it_is_refused(postgres_url: str, migrations: WriteMigrations, probe: Opened) -> None:
    with pytest.raises(FileError) as refused:
        migrate(postgres_url, migrations({"0001_a.sql": OFF + "CREATE TABLE a (x INTEGER);\n"}))
    assert "0001_a.sql:1: foreign-keys-off is for SQLite\nLeave it out: " in str(refused.value)
    assert probe(postgres_url).tables() == set()


def test_a_pragma_that_would_do_nothing_is_refused_with_this_way_out(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations({"0002_anew.sql": "PRAGMA foreign_keys = OFF;\n" + REBUILD})
    assert _stops(sqlite_url, folder, probe, FileError) == [
        "0002_anew.sql:1: `PRAGMA foreign_keys` does nothing inside a transaction",
        "Leave it out: sessmig has foreign_keys ON. Where the step needs them off, put "
        "`-- sessmig: foreign-keys-off` at the file's top.",
    ]


def test_generated_statements_make_tables_anew_with_it(
    sqlite_url: str, shop: Path, migrations: WriteMigrations, probe: Opened
) -> None:
    query = "SELECT 'DROP TABLE ' || name FROM sqlite_master WHERE name = 'parents'"
    step = OFF + REBUILD.replace("DROP TABLE parents;\n", f"-- sessmig: run-each-row\n{query};\n")
    (report,) = migrate(sqlite_url, migrations({"0002_anew.sql": step})).steps
    assert report.losses == ()
    assert probe(sqlite_url).value("SELECT count(*) FROM kids") == 3


def test_the_page_shows_what_its_example_does(migrations: WriteMigrations, cli: Cli, probe: Opened) -> None:
    folder = migrations(FILES)
    assert list(FILES) == ["0001_chat.sql", "0002_titles.sql"]
    done = cli("migrate", "--database", "app.db", "--dir", "shop", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert OUTPUTS[0] in done.stdout
    assert probe(folder.parent / "app.db").value("SELECT count(*) FROM messages") == 3  # type: ignore[arg-type]


def test_the_page_shows_what_stops_its_example_without_the_directive(migrations: WriteMigrations, cli: Cli) -> None:
    folder = migrations(FILES | {"0002_titles.sql": FILES["0002_titles.sql"].replace(OFF, "")})
    done = cli("migrate", "--database", "app.db", "--dir", "shop", "--quiet", cwd=folder.parent)
    assert done.returncode == 3
    assert OUTPUTS[1] in done.stderr


@pytest.mark.parametrize(
    "files",
    [
        {"0001_a.sql": OFF + "-- sessmig: no-transaction\nVACUUM;\n"},
        {"0001_a.sql": "", "0001_a.rollback.sql": "-- sessmig: no-transaction\n" + OFF + "VACUUM;\n"},
    ],
)
def test_it_is_refused_in_a_step_of_several_commits(
    files: dict[str, str], sqlite_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    with pytest.raises(FileError) as refused:
        migrate(sqlite_url, migrations(files))
    assert "foreign-keys-off in a step that is not one transaction\nGive what needs it a file of its own" in str(
        refused.value
    )
    assert not Path(sqlite_url.removeprefix("sqlite:///")).exists()
