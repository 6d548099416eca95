"""What is special in PostgreSQL: TRUNCATE, drops that no statement names, partitions, statements within a WITH."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from sessmig import CheckError, LockError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import CHAT, passes, stopped
from tests.run.doing import migrate

GUARD = "0001_step.sql:{}: loss guard: {}, and no may-lose names it"
PURGE = """
CREATE FUNCTION purge() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN DELETE FROM notes WHERE body = 'two'; RETURN 1; END $$;
CREATE SCHEMA archive;
CREATE TABLE archive.old (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO archive.old SELECT g, 'x' FROM generate_series(1, 7) AS g;
"""
LOSSES = {
    "TRUNCATE": ("TRUNCATE notes;", 1, "the table notes was truncated, with 3 rows", "notes"),
    "TRUNCATE, then rows anew": (
        "TRUNCATE TABLE notes;\nINSERT INTO notes VALUES ('a'), ('b'), ('c');",
        1,
        "the table notes was truncated, with 3 rows",
        "notes",
    ),
    "TRUNCATE of several": (
        "TRUNCATE notes, archive.old RESTART IDENTITY;",
        1,
        "the table archive.old was truncated, with 7 rows",
        "notes, archive.old",
    ),
    "TRUNCATE … CASCADE": (
        "TRUNCATE users CASCADE;",
        1,
        "the table messages was truncated, with 4 rows (TRUNCATE in line 1)",
        "users, sessions, messages",
    ),
    "TRUNCATE in a DO block": (
        "DO $$ BEGIN TRUNCATE notes; END $$;",
        1,
        "the table notes was truncated, with 3 rows (DO in line 1)",
        "notes",
    ),
    "DROP in a DO block": (
        "SELECT now();\nDO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$;",
        2,
        "the table notes was dropped, with 3 rows (DO in line 2)",
        "notes",
    ),
    "DELETE in a DO block": (
        "DO $$ BEGIN DELETE FROM notes; END $$;",
        0,
        "3 rows of notes were deleted (a trigger or function)",
        "notes",
    ),
    "DELETE in a function": ("SELECT purge();", 0, "2 rows of notes were deleted (a trigger or function)", "notes"),
    "DROP SCHEMA … CASCADE": (
        "DROP SCHEMA archive CASCADE;",
        1,
        "the table archive.old was dropped, with 7 rows (DROP SCHEMA in line 1)",
        "archive.*",
    ),
    "DELETE within a WITH": (
        "CREATE TABLE gone (body TEXT);\n"
        "WITH taken AS (DELETE FROM notes WHERE body = 'two' RETURNING body) INSERT INTO gone SELECT body FROM taken;",
        2,
        "2 rows of notes were deleted (DELETE within a WITH in line 2)",
        "notes",
    ),
    "several dropped columns": (
        'ALTER TABLE sessions DROP title, ADD COLUMN "x" TEXT, DROP COLUMN IF EXISTS user_id CASCADE;',
        1,
        "the column sessions.user_id was dropped, with 3 values",
        "sessions.title, sessions.user_id",
    ),
    "a column dropped in a DO block": (
        "DO $$ BEGIN ALTER TABLE sessions DROP COLUMN title; END $$;",
        1,
        "the column sessions.title was dropped, with an unknown number of values (DO in line 1)",
        "sessions.title",
    ),
}
PARTED = """
CREATE TABLE log (id INTEGER, day DATE NOT NULL, body TEXT) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE log_3 (id INTEGER, day DATE NOT NULL, body TEXT);
INSERT INTO log SELECT g, DATE '2026-01-01' + g, 'x' FROM generate_series(1, 50) AS g;
INSERT INTO log_3 VALUES (100, '2026-03-05', 'y');
"""


@pytest.mark.parametrize("name", LOSSES)
def test_what_only_postgres_can_lose_undoes_the_step(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, line, what, names = LOSSES[name]
    probe(postgres_url).execute(CHAT + PURGE)
    lines = stopped(postgres_url, migrations, probe(postgres_url), step + "\n")
    assert GUARD.format(line, what).replace(":0:", ":") in lines
    passes(postgres_url, migrations, f"-- sessmig: may-lose {names}\n{step}\n")


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("DELETE FROM log WHERE id < 11;", "10 rows of log were deleted (DELETE in line 1)"),
        ("DELETE FROM log_2;", "20 rows of log were deleted (DELETE in line 1)"),
        ("DROP TABLE log_2;", "the table log_2 was dropped, with 20 rows"),
        ("DROP TABLE log;", "the table log was dropped, with 50 rows"),
        ("TRUNCATE log_1;", "the table log_1 was truncated, with 30 rows"),
        ("TRUNCATE log;", "the table log was truncated, with 50 rows"),
        ("ALTER TABLE log DROP COLUMN body;", "the column log.body was dropped, with 50 values"),
        (
            "UPDATE log SET day = '2026-02-02' WHERE id < 4;\nDELETE FROM log WHERE id = 1;",
            "1 row of log was deleted (DELETE in line 2)",
        ),
    ],
)
def test_a_partitioned_table_is_judged_as_a_whole(
    step: str, what: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTED)
    lines = stopped(postgres_url, migrations, probe(postgres_url), step + "\n")
    told = [line.partition("loss guard: ")[2].removesuffix(", and no may-lose names it") for line in lines[:-3]]
    assert told == [what]
    passes(postgres_url, migrations, f"-- sessmig: may-lose log\n{step}\n")


@pytest.mark.parametrize(
    "step",
    [
        "UPDATE log SET day = '2026-02-02' WHERE day < '2026-01-20';",
        "ALTER TABLE log DETACH PARTITION log_2;",
        "ALTER TABLE log ATTACH PARTITION log_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');",
        "ALTER TABLE log ATTACH PARTITION log_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');\n"
        "UPDATE log SET day = '2026-02-02' WHERE id = 100;",
        "ALTER TABLE log ADD COLUMN note TEXT;\nALTER TABLE log ALTER COLUMN id TYPE BIGINT;",
        "CREATE TABLE log_4 PARTITION OF log FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');\n"
        "UPDATE log SET day = day + 60 WHERE id = 40;",
    ],
)
def test_rows_that_move_between_partitions_are_no_loss(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTED)
    passes(postgres_url, migrations, step + "\n")


def test_a_partitions_own_name_may_be_declared(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTED)
    step = "-- sessmig: may-lose log_1\nDELETE FROM log_1;\n"
    passes(postgres_url, migrations, step)
    assert probe(postgres_url).value("SELECT count(*) FROM log") == 20


def test_a_number_that_nobody_counted_before_is_counted_once_the_step_is_undone(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    step = "DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert lines[0] == GUARD.format(1, "the table notes was dropped, with 3 rows (DO in line 1)")


def test_a_temporary_table_of_a_real_ones_name_is_no_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    step = "CREATE TEMP TABLE notes AS SELECT * FROM public.notes;\nDELETE FROM notes;\nDROP TABLE notes;\n"
    passes(postgres_url, migrations, step)
    assert probe(postgres_url).value("SELECT count(*) FROM notes") == 3


def test_a_table_that_was_emptied_long_ago_is_no_loss_when_it_is_written_anew(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT + "DELETE FROM notes; ALTER TABLE notes ADD COLUMN n INTEGER;")
    passes(postgres_url, migrations, "ALTER TABLE notes ALTER COLUMN n TYPE BIGINT;\nTRUNCATE notes;\n")


def test_a_hidden_rewrite_is_no_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    passes(postgres_url, migrations, "DO $$ BEGIN ALTER TABLE sessions ALTER COLUMN title TYPE VARCHAR(9); END $$;\n")
    passes(
        postgres_url, migrations, "DO $$ BEGIN ALTER TABLE sessions ALTER COLUMN id TYPE BIGINT; END $$;\n", version=2
    )


def test_a_trigger_that_truncates_is_found_without_any_statement_that_says_so(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        CHAT + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN TRUNCATE notes; RETURN NEW; END $$;"
        "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), "INSERT INTO users VALUES (4, 'Don');\n")
    assert lines[0] == (
        "0001_step.sql: loss guard: the table notes was truncated, with 3 rows, and no may-lose names it"
    )


def test_empty_partitions_that_are_written_anew_are_no_loss(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTED + "CREATE TABLE log_9 PARTITION OF log DEFAULT;")
    passes(postgres_url, migrations, "ALTER TABLE log ALTER COLUMN id TYPE BIGINT;\n")


def test_rows_that_a_merge_deletes_are_told(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    step = "MERGE INTO notes AS n USING users AS u ON n.body = 'two' AND u.id = 1 WHEN MATCHED THEN DELETE;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert lines[0] == GUARD.format(1, "2 rows of notes were deleted (MERGE in line 1)")


_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'notes'::regclass"


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (
            "CREATE TABLE n (body TEXT);\nINSERT INTO n SELECT * FROM notes;\n"
            "DROP TABLE notes;\nALTER TABLE n RENAME TO notes;\n",
            "1 row of notes was deleted (table made anew, DROP TABLE in line 3)",
        ),
        ("TRUNCATE notes;\n", "the table notes was truncated, with 4 rows"),
        ("ALTER TABLE notes DROP COLUMN body;\n", "the column notes.body was dropped, with 4 values"),
    ],
)
def test_a_row_that_somebody_writes_just_before_a_table_goes_is_counted(
    step: str, what: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(CHAT)
    # One try: the row is committed while the statement waits.
    folder, caught = migrations({"0001_step.sql": f"SET LOCAL lock_timeout = '60s'; {step}"}), []

    def run() -> None:
        try:
            migrate(postgres_url, folder)
        except CheckError as error:
            caught.append(error)

    with psycopg.connect(postgres_url) as other:
        other.execute("INSERT INTO notes VALUES ('while you were out')")
        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive() and not database.value(_WAITING):
            time.sleep(0.02)
        other.commit()
        thread.join()
    assert [what in str(error) for error in caught] == [True]
    assert database.value("SELECT count(*) FROM notes") == 4


def test_a_lock_that_is_not_had_in_time_is_the_statements_own_failure(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(CHAT)
    folder = migrations({"0001_step.sql": "SET LOCAL lock_timeout = '50ms';\nSELECT 1;\nDROP TABLE notes;\n"})
    with psycopg.connect(postgres_url) as other:
        other.execute("INSERT INTO notes VALUES ('busy')")
        with pytest.raises(LockError) as caught:
            migrate(postgres_url, folder, lock_wait=0.2)
    assert f"{folder / '0001_step.sql'}:3: " in str(caught.value)
    assert probe(postgres_url).value("SELECT count(*) FROM notes") == 4
