"""What PostgreSQL databases hold that a migration does not expect: it works, or nothing of the step stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.hostile import Ended, held, run, write
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe

Probes = Callable[[str], Probe]

HOSTILE = 'we"ird; DROP TABLE people; --\x1b[31m'
QUOTED = '"' + HOSTILE.replace('"', '""') + '"'


class Shop:
    """A database as somebody left it, and what is then to be done to it."""

    def __init__(self, folder: Path, url: str, probe: Probe) -> None:
        self.folder, self.url, self.probe = folder, url, probe

    def migrate(self, sql: str, verify: str = "", *, url: str = "") -> Ended:
        files = {"0001_step.sql": sql} | ({"0001_step.verify.sql": verify} if verify else {})
        self.series = write(self.folder / "shop", files)
        return self.run("migrate", url=url)

    def run(self, *command: str, url: str = "") -> Ended:
        return run(*command, "--dir", self.series, env={"DATABASE_URL": url or self.url})


@pytest.fixture
def shop(tmp_path: Path, postgres_url: str, probe: Probes) -> Shop:
    return Shop(tmp_path, postgres_url, probe(postgres_url))


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path = evil;\nINSERT INTO people VALUES (2);\n",
        "SELECT set_config('search_path', 'evil', false);\nINSERT INTO people VALUES (2);\n",
        "ALTER ROLE CURRENT_USER SET search_path = evil;\nSET search_path = '';\nINSERT INTO evil.people VALUES (2);\n",
    ],
)
def test_a_search_path_that_a_file_sets_moves_neither_checks_nor_ledger(sql: str, shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1); CREATE SCHEMA evil; "
        "CREATE TABLE evil.people (id INTEGER); CREATE TABLE evil.schema_migrations (x INTEGER)"
    )
    try:
        held(shop.migrate(sql, "-- check: ours\n-- expect: 1\nSELECT count(*) FROM people;\n"), 0)
    finally:
        shop.probe.execute("ALTER ROLE CURRENT_USER RESET search_path")
    assert shop.probe.value("SELECT count(*) FROM public.schema_migrations") == 1
    assert shop.probe.value("SELECT count(*) FROM evil.people") == 1


def test_functions_and_operators_put_before_the_systems_own_are_not_asked(shop: Shop) -> None:
    """A role that may make objects in a schema of search_path shadows what is called without its schema."""
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER); "
        "CREATE FUNCTION public.count(integer) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'; "
        "CREATE FUNCTION public.to_regclass(text) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass'; "
        "CREATE FUNCTION public.pg_backend_pid() RETURNS integer LANGUAGE sql AS 'SELECT 1'"
    )
    held(shop.migrate("INSERT INTO people VALUES (1);\n"), 0)
    assert "0 pending" in held(shop.run("status"), 0).out


def test_rows_that_row_level_security_hides_make_a_check_fail_not_pass(
    shop: Shop, postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    shop.probe.execute(
        f'GRANT ALL ON SCHEMA public TO "{role}"; CREATE TABLE people (id INTEGER); '
        "INSERT INTO people VALUES (1), (2); "
        f'GRANT ALL ON people TO "{role}"; ALTER TABLE people ENABLE ROW LEVEL SECURITY; '
        "CREATE POLICY few ON people USING (id = 1)"
    )
    ended = held(
        shop.migrate(
            "CREATE TABLE a (x INTEGER);\n",
            "-- check: nobody but the first\nSELECT * FROM people WHERE id > 1;\n",
            url=postgres_server.url(shop.url, user=role),
        ),
        1,
        3,
    )
    assert "row-level security" in ended.err
    assert "a" not in shop.probe.tables()


def test_rows_of_the_ledger_that_a_policy_hides_are_not_taken_for_absent(
    shop: Shop, postgres_server: PostgresServer
) -> None:
    role = postgres_server.new_role()
    url = postgres_server.url(shop.url, user=role)
    shop.probe.execute(f'GRANT ALL ON SCHEMA public TO "{role}"; CREATE TABLE people (id INTEGER)')
    shop.probe.execute(f'GRANT ALL ON people TO "{role}"')
    held(shop.migrate("INSERT INTO people VALUES (1);\n", url=url), 0)
    shop.probe.execute(
        "ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY"
    )
    ended = held(shop.run("migrate", url=url), 1, 4)
    assert "schema_migrations" in ended.err
    assert shop.probe.value("SELECT count(*) FROM people") == 1


@pytest.mark.parametrize("event", ["ddl_command_start", "ddl_command_end", "sql_drop"])
def test_an_event_trigger_that_refuses_undoes_the_step_and_names_its_line(event: str, shop: Shop) -> None:
    shop.probe.execute("CREATE TABLE people (id INTEGER)")
    held(shop.migrate("SELECT 1;\n"), 0)
    shop.probe.execute(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not on my watch'; END$$; "
        f"CREATE EVENT TRIGGER no ON {event} EXECUTE FUNCTION no()"
    )
    write(
        shop.series,
        {"0002_more.sql": "INSERT INTO people VALUES (1);\n-- sessmig: may-lose people\nDROP TABLE people;\n"},
    )
    write(
        shop.series,
        {"0002_more.sql": "-- sessmig: may-lose people\nINSERT INTO people VALUES (1);\nDROP TABLE people;\n"},
    )
    ended = held(shop.run("migrate"), 1)
    assert "0002_more.sql:3: not on my watch" in ended.err
    assert shop.probe.value("SELECT count(*) FROM people") == 0


def test_an_event_trigger_that_writes_does_not_hinder(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE seen (tag TEXT); CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO seen VALUES (tg_tag); END$$; "
        "CREATE EVENT TRIGGER n ON ddl_command_end EXECUTE FUNCTION note()"
    )
    held(shop.migrate("CREATE TABLE a (x INTEGER);\n"), 0)
    assert ("CREATE TABLE",) in shop.probe.rows("SELECT tag FROM seen")


def test_a_deferred_constraint_fails_its_own_step(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY); CREATE TABLE pets (id INTEGER, "
        "owner INTEGER REFERENCES people DEFERRABLE INITIALLY DEFERRED)"
    )
    ended = held(shop.migrate("CREATE TABLE a (x INTEGER);\nINSERT INTO pets VALUES (1, 7);\n"), 1, 3)
    assert "0001_step.sql" in ended.err
    assert "pets_owner_fkey" in ended.err
    assert shop.probe.value("SELECT count(*) FROM pets") == 0
    assert "a" not in shop.probe.tables()


def test_rows_lost_from_a_partition_or_a_child_are_found(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE logs (id INTEGER, day INTEGER) PARTITION BY LIST (day); "
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1); CREATE TABLE logs_2 PARTITION OF logs DEFAULT; "
        "INSERT INTO logs VALUES (1, 1), (2, 2); "
        "CREATE TABLE parent (id INTEGER); CREATE TABLE child () INHERITS (parent); "
        "INSERT INTO child VALUES (1)"
    )
    before = shop.probe.snapshot()
    for sql in ("DELETE FROM logs WHERE id = 2;", "TRUNCATE logs_1;", "DELETE FROM parent;", "DROP TABLE logs_2;"):
        ended = held(shop.migrate(f"{sql}\n"), 3)
        assert "logs" in ended.err or "child" in ended.err
    assert shop.probe.snapshot() == before
    held(shop.migrate("UPDATE logs SET day = 1 WHERE id = 2;\n"), 0)  # a row that moves is not lost
    assert shop.probe.value("SELECT count(*) FROM logs_1") == 2


def test_generated_columns_are_carried_through_a_merge(shop: Shop) -> None:
    columns = "(id INTEGER PRIMARY KEY, n TEXT, up TEXT GENERATED ALWAYS AS (upper(n)) STORED)"
    shop.probe.execute(
        f"CREATE TABLE old {columns}; CREATE TABLE new {columns}; INSERT INTO old VALUES (1, 'a'), (2, NULL)"
    )
    verify = "-- merge: old into new on id comparing n, up\n"
    held(shop.migrate("INSERT INTO new (id, n) SELECT id, n FROM old;\n", verify), 0)
    assert shop.probe.rows("SELECT * FROM new ORDER BY id") == [(1, "a", "A"), (2, None, None)]


def test_a_view_that_can_be_written_hides_no_loss(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1), (2); CREATE VIEW v AS SELECT * FROM people"
    )
    assert "people" in held(shop.migrate("DELETE FROM v WHERE id = 1;\n"), 3).err
    assert shop.probe.value("SELECT count(*) FROM people") == 2


def test_a_table_with_a_hostile_name_is_watched_told_and_never_run_as_sql(shop: Shop) -> None:
    shop.probe.execute(
        "CREATE TABLE people (id INTEGER); INSERT INTO people VALUES (1); "
        f"CREATE TABLE {QUOTED} (id INTEGER PRIMARY KEY, {QUOTED} TEXT); INSERT INTO {QUOTED} VALUES (1, 'a'), (2, 'b')"
    )
    before = shop.probe.snapshot()
    ended = held(shop.migrate(f"DELETE FROM {QUOTED} WHERE id = 1;\n"), 3)
    assert HOSTILE.replace("\x1b", r"\x1b") in ended.err
    assert shop.probe.snapshot() == before
    held(shop.migrate(f"UPDATE {QUOTED} SET {QUOTED} = 'c';\n"), 0)
    for command in (("report", "--format", "html"), ("report",), ("log",), ("rehearse",)):
        held(shop.run(*command), 0)
    assert shop.probe.value("SELECT count(*) FROM people") == 1


def test_a_schema_with_a_hostile_name_holds_the_ledger(shop: Shop) -> None:
    shop.probe.execute(f"CREATE SCHEMA {QUOTED}")
    path = quote("-csearch_path=" + QUOTED.replace("\\", "\\\\").replace(" ", "\\ "), safe="")
    url = f"{shop.url}?options={path}"
    held(shop.migrate("CREATE TABLE a (x INTEGER);\n", url=url), 0)
    assert "0 pending" in held(shop.run("status", url=url), 0).out
    assert shop.probe.value(f"SELECT count(*) FROM {QUOTED}.schema_migrations") == 1


def test_without_any_right_it_says_what_is_missing(shop: Shop, postgres_server: PostgresServer) -> None:
    url = postgres_server.url(shop.url, user=postgres_server.new_role())
    ended = held(shop.migrate("CREATE TABLE a (x INTEGER);\n", url=url), 1)
    assert "the ledger schema_migrations cannot be made: permission denied for schema public" in ended.err
    assert "Whoever runs this for the first time needs the right to make tables there.\n" in ended.err
    assert shop.probe.tables() == set()
    held(shop.migrate("CREATE TABLE a (x INTEGER);\n"), 0)
    for command in ("status", "log", "migrate"):
        assert "permission denied for table schema_migrations" in held(shop.run(command, url=url), 1).err
