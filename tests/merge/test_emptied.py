"""A step that takes rows out of its own source: a copy is kept, and the account holds."""

from __future__ import annotations

import pytest

from sessmig import CheckError
from sessmig.accounts import Accounts
from sessmig.databases import connect
from sessmig.model import Holder
from sessmig.rows import Moved
from sessmig.touched import Touched
from sessmig.writes import Write
from tests.fixtures.files import WriteMigrations
from tests.merge.moving import ALL, COPY, ROWS, TABLES, Probes, files, moved, refused
from tests.merge.reading import merge
from tests.run.doing import is_postgres, migrate, state

GONE = "-- reject: no session where sess = 'gone'\n"
SOME = "INSERT INTO fresh SELECT * FROM old WHERE sess <> 'gone' AND id NOT IN (SELECT id FROM fresh);\n"


@pytest.mark.parametrize(
    "emptying",
    [
        "DELETE FROM old;",
        'delete from "old";',
        "WITH gone AS (SELECT id FROM fresh) DELETE FROM old WHERE id IN (SELECT id FROM gone);",
    ],
)
def test_rows_that_are_moved_need_no_may_lose(
    emptying: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    account = moved(database_url, migrations, COPY + emptying, ALL)
    assert (account.source, account.inserted, account.identical, account.outcome) == (5, 4, 1, "passed")
    assert database.value("SELECT count(*) FROM old") == 0
    assert database.value("SELECT count(*) FROM fresh") == 6


@pytest.mark.parametrize(
    "step",
    [
        "WITH gone AS (DELETE FROM old WHERE id <> 4 RETURNING *) INSERT INTO fresh SELECT * FROM gone;\n",
        "DO $$ BEGIN INSERT INTO fresh SELECT * FROM old WHERE id <> 4; DELETE FROM old; END $$;\n",
        "INSERT INTO fresh SELECT * FROM old WHERE id <> 4;\nDELETE FROM public.old;\n",
    ],
)
def test_on_postgres_rows_may_move_in_one_statement(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(postgres_url).execute(TABLES + ROWS)
    account = moved(postgres_url, migrations, step, ALL)
    assert (account.source, account.inserted, account.identical) == (5, 4, 1)


@pytest.mark.parametrize(
    "step",
    [
        COPY.replace(";", " LIMIT 3;") + "DELETE FROM old;\n",
        COPY.replace(";", " AND num < 5;") + "DELETE FROM old;\n",
        COPY + "UPDATE fresh SET body = upper(body);\nDELETE FROM old;\n",
    ],
)
def test_a_row_lost_while_moving_is_found(
    step: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, step, ALL)
    assert lines[0] == "0001_move.verify.sql:1: merge failed: old into fresh"
    assert "missing in the target" in lines[1] or "with other values" in lines[1]


def test_a_rejected_row_may_not_be_deleted_with_the_others(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    folder = files(migrations, SOME + "DELETE FROM old;\n", ALL + GONE)
    before = state(database)
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        migrate(database_url, folder)
    assert state(database) == before


@pytest.mark.parametrize(
    "step",
    [
        SOME + "DELETE FROM old WHERE sess = 'gone';\nUPDATE old SET id = id + 100;\n",
        SOME + "UPDATE old SET id = id + 100 WHERE sess <> 'gone';\nDELETE FROM old WHERE sess = 'gone';\n",
    ],
)
def test_rows_with_other_keys_do_not_hide_a_rejected_one_that_was_deleted(
    step: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    """To the account 1, 2 and 5 have left the source; the guard counts one row that was deleted, and it is another."""
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    before = state(database)
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        migrate(database_url, files(migrations, step, ALL + GONE))
    assert state(database) == before


PARTED = """
CREATE TABLE old (id INTEGER PRIMARY KEY, body TEXT, num INTEGER, sess TEXT) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF old FOR VALUES FROM (0) TO (3);
CREATE TABLE high PARTITION OF old DEFAULT;
CREATE TABLE fresh (id INTEGER PRIMARY KEY, body TEXT, num INTEGER, sess TEXT);
"""


def test_rows_of_a_part_may_be_moved(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(postgres_url)
    database.execute(PARTED + ROWS)
    step = "INSERT INTO fresh SELECT * FROM low;\nDELETE FROM low;\n"
    verify = ALL.replace("old", "low")
    before = state(database)
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        migrate(postgres_url, files(migrations, f"{step}DELETE FROM high WHERE id = 3;\n", verify))
    assert state(database) == before
    other = f"{step.partition('DELETE')[0]}UPDATE low SET id = 0 WHERE id = 1;\nDELETE FROM high WHERE id = 3;\n"
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        migrate(postgres_url, files(migrations, other, verify))
    assert moved(postgres_url, migrations, step, verify).inserted == 2


@pytest.mark.parametrize(
    "making",
    [
        "CREATE TEMP TABLE fresh AS SELECT * FROM old;\n",
        "CREATE TEMP VIEW fresh AS SELECT 1 AS id, 'a' AS body, 1 AS num, 's1' AS sess;\n",
    ],
)
@pytest.mark.parametrize("before", [TABLES, TABLES.partition("CREATE TABLE fresh")[0]], ids=["hides one", "alone"])
def test_rows_that_move_into_a_temporary_table_are_lost(
    before: str, making: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(before + "INSERT INTO old VALUES (1, 'a', 1, 's1');")
    lines = refused(database_url, migrations, database, making + "DELETE FROM old;\n", ALL)
    assert lines[0] == "0001_move.verify.sql:1: merge failed: old into fresh"
    assert "missing in the target" in lines[1] or "cannot be asked after the step" in lines[1]


def test_two_merges_may_share_a_source_that_is_emptied(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "CREATE TABLE lost (id INTEGER PRIMARY KEY, body TEXT);")
    parted = "INSERT INTO lost SELECT id, body FROM old WHERE sess = 'gone';\n"
    verify = f"{ALL}{GONE}-- merge: old into lost on id comparing body\n-- reject: has a session where sess <> 'gone'"
    folder = files(migrations, SOME + parted + "DELETE FROM old;\n", verify)
    accounts = migrate(database_url, folder).steps[0].merges
    assert [(account.source, account.inserted) for account in accounts] == [(5, 3), (5, 1)]
    assert database.value("SELECT count(*) FROM old") == 0


def test_what_neither_of_two_merges_takes_may_not_be_deleted(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "CREATE TABLE copy (id INTEGER PRIMARY KEY, body TEXT);")
    copied = "INSERT INTO copy SELECT id, body FROM old WHERE sess <> 'gone';\n"
    verify = f"{ALL}{GONE}-- merge: old into copy on id comparing body\n{GONE}"
    before = state(database)
    with pytest.raises(CheckError, match="loss guard: 1 row of old was deleted"):
        migrate(database_url, files(migrations, SOME + copied + "DELETE FROM old;\n", verify))
    assert state(database) == before


@pytest.mark.parametrize(
    "update",
    [
        "UPDATE old SET id = id + 100 WHERE id = 3;",
        'update /* all */ "old" set body = upper(body) where id = 3;',
        "UPDATE old AS o SET body = NULL;",
        "INSERT INTO old (id, body) VALUES (3, 'x') ON CONFLICT (id) DO UPDATE SET body = excluded.body;",
    ],
)
@pytest.mark.parametrize("renamed", [False, True])
def test_a_source_that_the_step_changes_first_is_compared_as_it_was(
    renamed: bool, update: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step, verify = f"{update}\n{COPY}", ALL
    if renamed:
        step, verify = step + "ALTER TABLE old RENAME TO older;\n", ALL + "-- source after: older\n"
    lines = refused(database_url, migrations, database, step, verify)
    assert "missing in the target" in lines[1] or "with other values" in lines[1]


@pytest.mark.parametrize(
    "retyped",
    [
        "ALTER TABLE old ALTER COLUMN body TYPE VARCHAR(9) USING nullif(body, 'a');",
        "alter table if exists only public.\"old\" alter body set data type text using nullif(body, 'a');",
    ],
)
def test_a_source_that_gets_another_type_first_is_compared_as_it_was(
    retyped: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(TABLES + ROWS)
    lines = refused(postgres_url, migrations, database, f"{retyped}\n{COPY}", ALL)
    assert "with other values" in lines[1]


def test_a_source_may_be_marked_once_it_was_copied(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS + "ALTER TABLE old ADD COLUMN is_moved INTEGER;")
    copy = COPY.replace("SELECT *", "SELECT id, body, num, sess", 1)
    account = moved(database_url, migrations, f"{copy}UPDATE old SET is_moved = 1;\n", ALL)
    assert (account.source, account.inserted, account.identical) == (5, 4, 1)


def test_a_source_that_is_dropped_is_still_accounted_for(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    account = moved(database_url, migrations, f"-- sessmig: may-lose old\n{COPY}DROP TABLE old;\n", ALL)
    assert (account.source, account.inserted) == (5, 4)
    assert "old" not in database.tables()


def test_a_source_that_a_cascade_empties_is_still_accounted_for(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    # Not called old: SQLite takes a child table of this name for the OLD of its own cascade.
    database = probe(database_url)
    database.execute(
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY);"
        "CREATE TABLE lines (id INTEGER PRIMARY KEY, s INTEGER REFERENCES sessions (id) ON DELETE CASCADE);"
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, s INTEGER);"
        "INSERT INTO sessions VALUES (1), (2); INSERT INTO lines VALUES (1, 1), (2, 1), (3, 2)"
    )
    step = "-- sessmig: may-lose sessions\nINSERT INTO fresh SELECT * FROM lines;\nDELETE FROM sessions;\n"
    account = moved(database_url, migrations, step, "-- merge: lines into fresh on id comparing s")
    assert (account.source, account.inserted) == (3, 3)
    assert database.value("SELECT count(*) FROM lines") == 0


def test_a_query_over_a_source_that_is_emptied_is_still_accounted_for(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    verify = "-- merge: (SELECT id AS n, body FROM old WHERE id <> 4) into fresh on n = id comparing body"
    account = moved(database_url, migrations, f"-- sessmig: may-lose old\n{COPY}DELETE FROM old;\n", verify)
    assert (account.source, account.inserted) == (4, 4)


def test_covered_says_how_many_rows_have_left_the_source_and_stand_in_the_target(
    database_url: str, migrations: WriteMigrations, probe: Probes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    dialect = "postgres" if is_postgres(database_url) else "sqlite"
    read = merge(tmp_path_factory.mktemp("verify"), ALL + GONE, dialect)  # type: ignore[arg-type]
    with connect(database_url) as database, database.transaction("lock", wait=10, on_wait=_unheard):
        accounts = Accounts(database, [read], Touched((Write("take", ("old",)),)))
        accounts.begin()
        database.query("INSERT INTO fresh SELECT * FROM old WHERE id IN (1, 2, 5)")
        database.query("DELETE FROM old WHERE id IN (1, 2, 3)")
        accounts.end()
        accounts.demand()
        # 1 and 2 are in the target; 3 was rejected, and its deletion is nobody's.
        assert accounts.covered == {"old": Moved(2, 3)}


def _unheard(holder: Holder) -> None:
    raise AssertionError(f"nobody else should hold the lock: {holder}")
