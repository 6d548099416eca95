"""What the counters do not see, the rows before and after tell; and no statement is taken for another table's."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from sessmig import CheckError
from sessmig.course import Course
from sessmig.declared import Declared
from sessmig.evidence import Evidence
from sessmig.losses import losses
from sessmig.rows import Change, Loss, Moved, Table
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped
from tests.run.doing import migrate

QUIET = """
CREATE FUNCTION quiet() RETURNS void LANGUAGE plpgsql SET track_counts = off AS $$
BEGIN DELETE FROM notes WHERE body = 'two'; END $$;
"""
UNSEEN = Loss("rows deleted", "t", 2, by=("cause unknown",))


@pytest.mark.parametrize(
    ("alone", "told", "covered", "lost"),
    [
        ({1}, 0, 0, [UNSEEN]),
        (set(), 0, 0, []),
        ({1}, 0, 2, []),
        ({1}, 2, 0, ["rows deleted"]),
    ],
    ids=["unseen", "others may write", "a merge accounts for them", "seen"],
)
def test_fewer_rows_where_nobody_else_writes_are_a_loss_of_their_own(
    alone: set[int], told: int, covered: int, lost: list[Loss | str]
) -> None:
    table = Table(1, "t", '"main"."t"', (), storage=7)
    seen = Evidence(Course([table], "sqlite"), {1: table}, {1: table}, {1: 3}, {1: 1}, {1: Change(deleted=told)})
    seen.alone = frozenset(alone)
    found = losses(seen, Declared((), "sqlite", Path("a.sql")), {1: Moved(covered, covered)} if covered else {})
    assert [loss if loss == UNSEEN else loss.kind for loss in found] == lost


def test_behind_a_lock_rows_that_no_counter_saw_going_are_a_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT + QUIET)
    step = "LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE;\nSELECT quiet();\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert lines[0] == (
        "0001_step.sql: loss guard: 2 rows of notes were deleted (cause unknown), and no may-lose names it"
    )
    passes(postgres_url, migrations, "-- sessmig: may-lose notes\n" + step)


def test_what_others_delete_before_a_lock_is_had_is_no_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(CHAT)
    with psycopg.connect(postgres_url) as other:
        other.execute("DELETE FROM notes WHERE body = 'two'")
        step = "LOCK TABLE notes;\nUPDATE notes SET body = 'three';\n"
        thread = threading.Thread(target=lambda: passes(postgres_url, migrations, step))
        thread.start()
        while thread.is_alive() and not database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)
        other.commit()
        thread.join()
    assert database.rows("SELECT body FROM notes") == [("three",)]


@pytest.mark.parametrize(
    "step",
    [
        "LOCK TABLE below;\nLOCK TABLE above;\nINSERT INTO above VALUES (9);\nALTER TABLE below NO INHERIT above;\n",
        "LOCK TABLE parted;\nINSERT INTO parted VALUES (9);\nALTER TABLE parted DETACH PARTITION part;\n",
    ],
    ids=["inherited", "partitioned"],
)
def test_rows_that_go_with_a_table_that_is_set_apart_are_no_loss(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE above (x INTEGER); CREATE TABLE below () INHERITS (above); INSERT INTO below VALUES (1), (2);"
        "CREATE TABLE parted (x INTEGER) PARTITION BY LIST (x); CREATE TABLE part PARTITION OF parted DEFAULT;"
        "INSERT INTO parted VALUES (1), (2)"
    )
    passes(postgres_url, migrations, step)


@pytest.mark.parametrize("makes", ["CREATE TABLE {}.notes (x INTEGER);", "CREATE TEMP TABLE notes (x INTEGER);"])
def test_a_temporary_table_is_not_taken_for_the_one_that_it_hides(
    makes: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(CHAT)
    schema = "temp" if database_url.startswith("sqlite") else "pg_temp"
    step = f"{makes.format(schema)}\nINSERT INTO notes VALUES (1), (2);\nDELETE FROM notes;\n"
    passes(database_url, migrations, step)
    again = migrations({"0002_again.sql": step + f"DROP TABLE {schema}.notes;\nDELETE FROM notes;\n"})
    with pytest.raises(CheckError, match=r"0002_again\.sql:5: loss guard: 3 rows of notes were deleted"):
        migrate(database_url, again)
    assert probe(database_url).value("SELECT count(*) FROM notes") == 3


def test_a_temporary_table_that_is_renamed_hides_nothing_any_more(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    step = "CREATE TEMP TABLE notes (x INTEGER);\nALTER TABLE notes RENAME TO other;\nDROP TABLE notes;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert "0001_step.sql:3: loss guard: the table notes was dropped, with 3 rows" in lines[0]


def test_a_delete_is_taken_for_the_table_that_the_search_path_means(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT + "CREATE SCHEMA o; CREATE TABLE o.notes AS SELECT * FROM notes;")
    step = "SET LOCAL search_path = o;\nDELETE FROM notes;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), "-- sessmig: may-lose notes\n" + step)
    assert "3 rows of o.notes were deleted" in lines[0]
    passes(postgres_url, migrations, "-- sessmig: may-lose o.notes\n" + step)
    temporary = "SELECT * INTO TEMP notes FROM public.notes;\nDELETE FROM notes;\nDROP TABLE notes;\n"
    passes(postgres_url, migrations, temporary, version=2)


def test_where_the_database_does_not_count_the_statements_own_number_does(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute("CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('a'), ('b');")
    step = "DELETE FROM f WHERE rowid = 1;\nINSERT INTO f VALUES ('c');\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert "1 row of f was deleted (DELETE in line 1)" in lines[0]


def test_a_truncate_of_what_may_not_be_read_is_a_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    probe(postgres_url).execute(
        f'{CHAT} GRANT CREATE ON SCHEMA public TO "{role}"; GRANT TRUNCATE ON notes TO "{role}";'
        "CREATE TABLE hidden (x INTEGER); INSERT INTO hidden VALUES (1); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;"
        f'ALTER TABLE hidden FORCE ROW LEVEL SECURITY; ALTER TABLE hidden OWNER TO "{role}"'
    )
    url = postgres_server.url(postgres_url, user=role)
    with pytest.raises(CheckError, match="the table notes was truncated, with an unknown number of rows"):
        migrate(url, migrations({"0001_step.sql": "DO $$ BEGIN TRUNCATE notes; END $$;\n"}))
    assert probe(postgres_url).value("SELECT count(*) FROM notes") == 3
    passes(url, migrations, "ALTER TABLE hidden ALTER COLUMN x TYPE BIGINT;\nSELECT pg_sleep(0);\n")
