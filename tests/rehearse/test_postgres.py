"""PostgreSQL: the locks of each step, and one transaction beside others that go on writing."""

import signal
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from sessmig.databases import connect
from sessmig.job import Job
from sessmig.rehearse import rehearse
from sessmig.results import Event
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.rehearse.playing import TAGS, Stage


@pytest.fixture(
    params=[
        pytest.param(False, id="one transaction", marks=pytest.mark.postgres),
        pytest.param(True, id="on a copy", marks=pytest.mark.postgres),
    ]
)
def stage(
    request: pytest.FixtureRequest, new_postgres_url: Callable[[], str], probe: Callable[[str], Probe], cli: Cli
) -> Stage:
    """A PostgreSQL database with notes, and its copy where it is rehearsed on one."""
    made = Stage(new_postgres_url(), new_postgres_url() if request.param else None, probe, cli)
    made.build()
    return made


@pytest.mark.parametrize(
    ("statement", "mode", "blocks"),
    [
        ("ALTER TABLE notes ADD COLUMN colour TEXT", "ACCESS EXCLUSIVE", "reads and writes"),
        ("CREATE INDEX ON notes (body)", "SHARE", "writes"),
        ("LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE", "SHARE ROW EXCLUSIVE", "writes"),
        ("UPDATE notes SET body = body", "ROW EXCLUSIVE", "CREATE INDEX and changes to the table itself"),
        ("SELECT count(*) FROM notes", "ACCESS SHARE", "changes to the table itself"),
    ],
)
def test_the_lock_of_a_statement_is_shown_and_what_it_blocks(
    stage: Stage, migrations: WriteMigrations, statement: str, mode: str, blocks: str
) -> None:
    (step,) = stage.play(migrations({"1_a.sql": f"{statement};\n"})).locks
    assert (step.title, [(lock.table, lock.mode, lock.blocks) for lock in step.locks]) == (
        "1_a",
        [("notes", mode, blocks)],
    )


def test_the_strongest_lock_counts_and_is_held_from_its_own_statement_on(
    stage: Stage, migrations: WriteMigrations
) -> None:
    sql = "UPDATE notes SET body = body;\nCREATE INDEX ON notes (body);\nSELECT pg_sleep(0.3);\n"
    (step,) = stage.play(migrations({"1_a.sql": sql})).locks
    (lock,) = step.locks
    assert lock.mode == "SHARE"
    assert lock.held_ms >= 300


def test_a_table_that_the_step_makes_is_nobodys_and_one_that_it_drops_is_named(
    stage: Stage, migrations: WriteMigrations
) -> None:
    files = {"1_a.sql": "-- sessmig: may-lose notes\nCREATE TABLE a (x INTEGER);\nDROP TABLE notes;\n"}
    (step,) = stage.play(migrations(files)).locks
    assert [(lock.table, lock.mode) for lock in step.locks] == [("notes", "ACCESS EXCLUSIVE")]


def test_what_an_earlier_step_took_is_no_lock_of_the_next(stage: Stage, migrations: WriteMigrations) -> None:
    files = {
        "1_a.sql": "CREATE TABLE a (x INTEGER);\nALTER TABLE notes ADD COLUMN colour TEXT;\n",
        "2_b.sql": "INSERT INTO a SELECT id FROM notes;\n",
    }
    found = stage.play(migrations(files))
    first, second = found.locks
    assert [(lock.table, lock.mode) for lock in first.locks] == [("notes", "ACCESS EXCLUSIVE")]
    assert next((lock.table, lock.mode) for lock in second.locks) == ("a", "ROW EXCLUSIVE")
    assert "ACCESS EXCLUSIVE" not in [lock.mode for lock in second.locks]
    told = [missing.subject for missing in found.unrehearsed if missing.subject.startswith("the locks")]
    assert told == ([] if stage.on else ["the locks of later steps, each by itself"])


def test_a_file_of_many_statements_shows_its_locks_too(stage: Stage, migrations: WriteMigrations) -> None:
    rows = "".join(f"INSERT INTO notes VALUES ({n}, 'x');\n" for n in range(10, 300))
    (step,) = stage.play(migrations({"1_a.sql": f"{rows}ALTER TABLE notes ADD COLUMN colour TEXT;\n"})).locks
    assert [(lock.table, lock.mode) for lock in step.locks] == [("notes", "ACCESS EXCLUSIVE")]


def test_the_command_shows_the_locks_in_a_table(stage: Stage, migrations: WriteMigrations) -> None:
    done = stage.command(migrations(TAGS))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    at = lines.index(["step", "table", "lock", "held", "blocks"])
    assert [word for word in lines[at + 1] if not word.isdigit()] == ["0001_tags", "notes", "SHARE", "ms", "writes"]


def test_in_one_transaction_others_go_on_writing_and_are_no_difference(
    postgres_url: str, probe: Callable[[str], Probe], cli: Cli, migrations: WriteMigrations
) -> None:
    stage = Stage(postgres_url, None, probe, cli)
    stage.build()
    stage.build("CREATE TABLE busy (x INTEGER)")

    def write(event: Event) -> None:
        if event.kind == "step":
            stage.probe(stage.url).execute("INSERT INTO busy VALUES (1)")

    with connect(stage.url) as database:
        found = rehearse(Job(database, migrations(TAGS), on_event=write))
    assert (found.failures, found.differences, found.again_differences) == ((), (), ())
    assert stage.probe(stage.url).value("SELECT count(*) FROM busy") == 3


def test_in_one_transaction_nothing_is_left_after_ctrl_c(
    postgres_url: str, probe: Callable[[str], Probe], cli: Cli, migrations: WriteMigrations
) -> None:
    stage = Stage(postgres_url, None, probe, cli)
    stage.build()
    folder = migrations({"1_a.sql": "INSERT INTO notes VALUES (4, 'four');\nSELECT pg_sleep(600);\n"})
    with stage.untouched():
        process = cli.start("rehearse", "-d", postgres_url, "--dir", folder)
        assert process.stderr is not None
        while "begin   1_a" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert cli("rehearse", "-d", postgres_url, "--dir", migrations({"1_a.sql": "SELECT 1;\n"})).returncode == 0


def test_two_rehearsals_at_once_wait_for_each_other(
    postgres_url: str, probe: Callable[[str], Probe], cli: Cli, migrations: WriteMigrations
) -> None:
    stage = Stage(postgres_url, None, probe, cli)
    stage.build()
    folder = migrations(TAGS)
    with stage.untouched():
        processes = [cli.start("rehearse", "-d", postgres_url, "--dir", folder) for _ in range(2)]
        told = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told


def test_the_copy_ends_migrated(
    postgres_url: str,
    new_postgres_url: Callable[[], str],
    probe: Callable[[str], Probe],
    cli: Cli,
    migrations: WriteMigrations,
) -> None:
    stage = Stage(postgres_url, new_postgres_url(), probe, cli)
    stage.build()
    done = stage.command(migrations(TAGS))
    assert done.returncode == 0, done.stderr
    assert stage.on is not None
    assert probe(stage.on).rows("SELECT version, status FROM schema_migrations") == [(1, "success")]
    log = probe(stage.on).rows("SELECT action, outcome FROM schema_migrations_log ORDER BY id")
    assert log == [("apply", "success"), ("rollback", "success"), ("apply", "success")]


def test_rows_that_the_role_may_not_read_are_named_as_not_rehearsed(
    postgres_server: PostgresServer,
    postgres_url: str,
    probe: Callable[[str], Probe],
    cli: Cli,
    migrations: WriteMigrations,
) -> None:
    role = postgres_server.new_role()
    database = probe(postgres_url)
    database.execute("CREATE TABLE secret (x INTEGER); CREATE TABLE veiled (x INTEGER)")
    database.execute("ALTER TABLE veiled ENABLE ROW LEVEL SECURITY")
    database.execute(f'GRANT ALL ON SCHEMA public TO "{role}"; GRANT SELECT ON veiled TO "{role}"')
    folder = migrations(
        {"1_a.sql": "CREATE TABLE a (x INTEGER);\n", "1_a.rollback.sql": "-- sessmig: may-lose a\nDROP TABLE a;\n"}
    )
    stage = Stage(postgres_server.url(postgres_url, user=role), None, probe, cli)
    with connect(stage.url) as opened:
        found = rehearse(Job(opened, folder))
    database.execute(f'REVOKE ALL ON SCHEMA public FROM "{role}"; REVOKE ALL ON veiled FROM "{role}"')
    assert [(missing.subject, missing.reason) for missing in found.unrehearsed] == [
        ("the rows of secret", "they may not or cannot be read"),
        ("the rows of veiled", "they may not or cannot be read"),
    ]
    assert (found.failures, found.differences) == ((), ())


@pytest.mark.parametrize(
    ("forward", "back", "subject", "what"),
    [
        ("SELECT 1", "CREATE TYPE mood AS ENUM ('a')", "type mood", "left behind"),
        ("SELECT 1", "CREATE SCHEMA extra", "schema extra", "left behind"),
        ("SELECT 1", "CREATE SEQUENCE s", "sequence s", "left behind"),
        ("SELECT 1", "COMMENT ON TABLE notes IS 'x'", "table notes", "defined otherwise"),
        ("SELECT 1", "GRANT SELECT ON notes TO PUBLIC", "table notes", "defined otherwise"),
        ("SELECT 1", "ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "table notes", "defined otherwise"),
        ("SELECT 1", "CREATE POLICY p ON notes USING (true)", "policy notes.p", "left behind"),
        ("SELECT 1", "CREATE RULE r AS ON DELETE TO notes DO INSTEAD NOTHING", "rule notes.r", "left behind"),
        ("SELECT 1", "ALTER TABLE notes ALTER body SET NOT NULL", "column notes.body", "defined otherwise"),
        ("SELECT 1", "ALTER TABLE notes ADD CONSTRAINT c CHECK (id > 0)", "constraint notes.c", "left behind"),
        ("ALTER TABLE notes DROP CONSTRAINT notes_pkey", "SELECT 1", "constraint notes.notes_pkey", "gone"),
        ("SELECT 1", "CREATE STATISTICS st ON id, body FROM notes", "statistics st", "left behind"),
        ("SELECT 1", "CREATE VIEW v AS SELECT 1 AS x", "view v", "left behind"),
        ("SELECT 1", "CREATE MATERIALIZED VIEW v AS SELECT 1 AS x", "view v", "left behind"),
        ("SELECT 1", "CREATE DOMAIN d AS INTEGER CHECK (VALUE > 0)", "type d", "left behind"),
        ("SELECT 1", "CREATE AGGREGATE g (int) (SFUNC = int4pl, STYPE = int)", "function g(integer)", "left behind"),
    ],
)
def test_whatever_of_the_schema_is_another_is_named(
    stage: Stage, migrations: WriteMigrations, forward: str, back: str, subject: str, what: str
) -> None:
    if "notes_pkey" in forward:
        stage.build("ALTER TABLE notes DROP CONSTRAINT notes_pkey; ALTER TABLE notes ADD PRIMARY KEY (id)")
    if "VIEW v" in back or "SET NOT NULL" in back:
        stage.build("UPDATE notes SET body = '' WHERE body IS NULL")
    found = stage.play(migrations({"1_a.sql": f"{forward};\n", "1_a.rollback.sql": f"{back};\n"}))
    assert found.differences is not None, found.failures
    assert (subject, what) in [(difference.subject, difference.what) for difference in found.differences]
    assert found.exit_code == 3


NASTY = """
CREATE SCHEMA "Other one";
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (a INTEGER, b TEXT);
CREATE DOMAIN positive AS INTEGER NOT NULL CHECK (VALUE > 0);
CREATE TABLE "Other one"."Odd ""t" ("sessmig_row" TEXT, "SELECT" mood, p pair, d positive, j JSON, i INTERVAL, b BYTEA,
    f DOUBLE PRECISION, n NUMERIC, tz TIMESTAMPTZ, a TEXT[] DEFAULT '{}', g INTEGER GENERATED ALWAYS AS (1) STORED);
INSERT INTO "Other one"."Odd ""t" VALUES ('x', 'sad', (1, NULL), 1, '{"a": 1}', '1 day', '\\x00', 'NaN', 1.0, now());
CREATE TABLE parts (id BIGINT GENERATED ALWAYS AS IDENTITY, at DATE) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON parts (at);
INSERT INTO parts (at) VALUES ('2026-02-02');
CREATE TABLE parent (x INTEGER); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1);
CREATE UNLOGGED TABLE "nothing" ();
CREATE VIEW seen AS SELECT * FROM notes; CREATE MATERIALIZED VIEW kept AS SELECT * FROM notes WITH NO DATA;
CREATE FUNCTION twice(i INTEGER) RETURNS INTEGER LANGUAGE sql AS 'SELECT i * 2';
CREATE PROCEDURE nop() LANGUAGE sql AS '';
CREATE EXTENSION IF NOT EXISTS plpgsql;
"""


def test_a_schema_of_all_sorts_ends_as_it_was(stage: Stage, migrations: WriteMigrations) -> None:
    stage.build(NASTY)
    change = (
        'ALTER TABLE "Other one"."Odd ""t" ADD COLUMN y INTEGER;\nINSERT INTO parts (at) VALUES (\'2026-03-03\');\n'
    )
    back = (
        '-- sessmig: may-lose "Other one".*, parts*\n'
        'ALTER TABLE "Other one"."Odd ""t" DROP COLUMN y;\nDELETE FROM parts WHERE at = \'2026-03-03\';\n'
    )
    found = stage.play(migrations({"1_a.sql": change, "1_a.rollback.sql": back}))
    assert (found.failures, found.differences, found.again_differences) == ((), (), ())
    assert [name for name, _, _ in found.sequences] == ["parts_id_seq"]
    migrations({"1_a.rollback.sql": back.replace("'2026-03-03'", "'2026-02-02'")})
    if not stage.on:
        told = [(d.subject, d.what) for d in stage.play(migrations({})).differences or ()]
        assert told == [("table parts_1", "as many rows (1), but not the same")]


def test_it_is_right_behind_a_pooler(
    pgbouncer: Callable[[str], str],
    new_postgres_url: Callable[[], str],
    probe: Callable[[str], Probe],
    cli: Cli,
    migrations: WriteMigrations,
) -> None:
    for on in (None, new_postgres_url()):
        stage = Stage(new_postgres_url(), on, probe, cli)
        stage.build()
        with (
            stage.untouched(),
            connect(pgbouncer(stage.url)) as database,
            connect(pgbouncer(on)) if on else nullcontext() as copy,
        ):
            found = rehearse(Job(database, migrations(TAGS)), copy)
        assert (found.failures, found.differences, found.again_differences) == ((), (), ())
        assert [(lock.table, lock.mode) for lock in found.locks[0].locks] == [("notes", "SHARE")]
