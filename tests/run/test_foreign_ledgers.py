"""A `schema_migrations` that is another program's is named, refused with a way out, and left alone."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

OTHERS = {
    "golang-migrate": (
        "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, dirty BOOLEAN NOT NULL)",
        "dirty, version",
    ),
    "dbmate (or an old Rails)": ("CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)", "version"),
    "Rails": (
        "CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);"
        "CREATE TABLE ar_internal_metadata (key VARCHAR(255) PRIMARY KEY, value VARCHAR(255))",
        "version",
    ),
    "Ecto": (
        "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, inserted_at TIMESTAMP)",
        "inserted_at, version",
    ),
    "Sequel": ("CREATE TABLE schema_migrations (filename TEXT PRIMARY KEY)", "filename"),
}
UNKNOWN = ("CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, what TEXT)", "id, what")
FILES = {"1_a.sql": "CREATE TABLE a (x INTEGER);\n"}


@pytest.mark.parametrize("command", ["migrate", "status", "verify", "resign"])
@pytest.mark.parametrize("owner", [*OTHERS, ""])
def test_another_programs_table_is_named_and_refused(
    owner: str, command: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    sql, columns = OTHERS.get(owner, UNKNOWN)
    database = probe(database_url)
    database.execute(sql)
    before = database.snapshot(exclude=())
    version = ["1"] if command == "resign" else []
    folder = migrations(FILES)
    done = cli(command, "-d", database_url, "--dir", folder, *version)
    place, adopted = f" -d {database_url} --dir {folder}", owner not in ("Sequel", "")
    whose = f"it is {owner}'s" if owner else "it is no ledger that sessmig knows"
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"{database_url}: the table schema_migrations is not sessmig's: {whose} (columns: {columns})\n"
        "Nothing was touched.\n"
        "Keep it, and give sessmig a table of its own with --table sessmig_migrations"
        ' (or table = "sessmig_migrations" in [tool.sessmig]).\n'
    ) + (f"What it tells is taken over by sessmig adopt{place} --table sessmig_migrations\n" if adopted else "")
    assert database.snapshot(exclude=()) == before


def test_the_way_out_is_one(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    database.execute(OTHERS["golang-migrate"][0])
    arguments = ("-d", database_url, "--dir", migrations(FILES), "--table", "sessmig_migrations")
    assert cli("migrate", *arguments).returncode == 0
    assert database.tables() == {"a", "schema_migrations", "sessmig_migrations", "sessmig_migrations_log"}
    assert cli("status", "--check", *arguments).returncode == 0
    assert database.rows("SELECT * FROM schema_migrations") == []


@pytest.mark.parametrize("standing", [False, True], ids=["with no ledger", "beside our ledger"])
def test_a_log_that_is_not_ours_is_refused_before_anything_runs(
    standing: bool, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    folder = migrations(FILES)
    if standing:
        assert cli("migrate", "-d", database_url, "--dir", folder).returncode == 0
        database.execute("DROP TABLE schema_migrations_log")
        folder = migrations({"2_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    database.execute("CREATE TABLE schema_migrations_log (id INTEGER PRIMARY KEY, line TEXT)")
    before = database.snapshot(exclude=())
    done = cli("migrate", "-d", database_url, "--dir", folder)
    assert (done.returncode, done.stdout) == (4, "")
    assert (
        f"{database_url}: the table schema_migrations_log is not sessmig's log (columns: id, line)\n"
        "Nothing was touched.\n"
        "Keep it, and give sessmig a table of its own with --table NAME; its log is then NAME_log.\n"
    ) in done.stderr
    after = database.snapshot(exclude=())
    assert (after["schema"], after["rows"]) == (before["schema"], before["rows"])


def test_a_log_that_is_gone_is_made_again(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    database = probe(database_url)
    assert cli("migrate", "-d", database_url, "--dir", migrations(FILES)).returncode == 0
    database.execute("DROP TABLE schema_migrations_log")
    folder = migrations({"2_b.sql": "CREATE TABLE b (x INTEGER);\n"})
    done = cli("migrate", "--no-backup", "-d", database_url, "--dir", folder)
    assert done.returncode == 0, done.stderr
    assert database.rows("SELECT version, outcome FROM schema_migrations_log") == [(2, "success")]
