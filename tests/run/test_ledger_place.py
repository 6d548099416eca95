"""The ledger stands in the first schema of search_path; one that stands behind it is not passed over in silence."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from sessmig import LedgerError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer, connect
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli
from tests.run.doing import migrate

INSERT = "INSERT INTO public.orders VALUES (1);\n"
FILES = {"1_a.sql": "CREATE TABLE public.orders (x INTEGER);\n", "2_b.sql": INSERT}


def test_a_schema_that_a_migration_put_before_the_ledgers_own_applies_nothing_twice(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe], cli: Cli
) -> None:
    user = urlsplit(postgres_url).username
    folder = migrations(FILES | {"3_c.sql": f'CREATE SCHEMA "{user}";\n'})
    assert migrate(postgres_url, folder).applied == 3
    before = probe(postgres_url).snapshot(exclude=())
    with pytest.raises(LedgerError) as caught:
        migrate(postgres_url, folder)
    label = postgres_url.partition("?")[0]
    assert str(caught.value) == (
        f"{label}: the table schema_migrations stands in the schema public, but {user} comes first in search_path\n"
        "Nothing was touched.\n"
        f"Put public first (in the URL: ?options=-csearch_path%3Dpublic); or, if {user} is to have a ledger of its own,"
        f" make it with {user} alone in search_path."
    )
    done = cli("status", "--check", "--dir", folder, env={"DATABASE_URL": postgres_url})
    assert (done.returncode, "comes first in search_path" in done.stderr) == (4, True), done.stderr
    assert probe(postgres_url).snapshot(exclude=()) == before
    first = f"{postgres_url}?options=-csearch_path%3Dpublic"
    assert migrate(first, folder).applied == 0
    migrations({"4_d.sql": INSERT})
    assert migrate(first, folder).applied == 1
    assert probe(postgres_url).rows("SELECT x FROM orders") == [(1,), (1,)]


def test_an_older_systems_table_behind_the_first_schema_is_not_passed_over(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    database = probe(postgres_url)
    database.execute(
        f'CREATE SCHEMA "{urlsplit(postgres_url).username}";'
        "CREATE TABLE public.schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP, description TEXT,"
        " status TEXT, metadata TEXT)"
    )
    with pytest.raises(LedgerError):
        migrate(postgres_url, migrations(FILES))
    assert database.tables() == {"schema_migrations"}


def test_a_tenants_own_ledger_is_used_though_a_schema_that_all_share_has_one_too(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    files = {"1_a.sql": "CREATE TABLE orders (x INTEGER);\n"}
    folder = migrations(files)
    assert migrate(postgres_url, folder).applied == 1
    probe(postgres_url).execute("CREATE SCHEMA tenant")
    alone, both = (f"{postgres_url}?options=-csearch_path%3D{path}" for path in ("tenant", "tenant,public"))
    with pytest.raises(LedgerError):
        migrate(both, folder)
    assert migrate(alone, folder).applied == 1
    migrations({"2_b.sql": "INSERT INTO orders VALUES (2);\n"})
    assert migrate(both, folder).applied == 1
    assert probe(postgres_url).rows("SELECT x FROM tenant.orders") == [(2,)]
    assert probe(postgres_url).rows("SELECT x FROM public.orders") == []


def test_another_programs_table_in_a_later_schema_is_no_ledger_and_no_hindrance(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    user = urlsplit(postgres_url).username
    database = probe(postgres_url)
    database.execute(f'CREATE SCHEMA "{user}"; CREATE TABLE public.schema_migrations (version TEXT PRIMARY KEY)')
    assert migrate(postgres_url, migrations(FILES)).applied == 2
    assert database.tables() == {
        *("orders", "schema_migrations", f"{user}.schema_migrations", f"{user}.schema_migrations_log")
    }
    assert migrate(postgres_url, migrations(FILES)).applied == 0


def _takeover(server: PostgresServer, url: str) -> tuple[str, str, str]:
    """Make the old system's table, owned by one role, with rights for two others."""
    owner, writer, reader = server.new_role(), server.new_role(), server.new_role()
    with connect(url) as connection:
        for statement in (
            f'GRANT CREATE ON SCHEMA public TO "{owner}"',
            f'SET ROLE "{owner}"',
            "CREATE TABLE schema_migrations (migration_id TEXT PRIMARY KEY, applied_at TIMESTAMP DEFAULT now(),"
            " description TEXT, status TEXT, metadata TEXT)",
            "INSERT INTO schema_migrations (migration_id, status) VALUES ('first', 'success')",
            f'GRANT INSERT, SELECT ON schema_migrations TO "{writer}" WITH GRANT OPTION',
            f'GRANT SELECT (migration_id, status), UPDATE (status) ON schema_migrations TO "{reader}"',
            "GRANT SELECT ON schema_migrations TO PUBLIC",
            "RESET ROLE",
        ):
            connection.execute(statement.encode())
    return owner, writer, reader


_RIGHTS = """
SELECT pg_get_userbyid(relowner), (
    SELECT array_agg(g::text ORDER BY g::text) FROM (
        SELECT grantee::regrole::text, privilege_type, is_grantable FROM aclexplode(relacl) WHERE grantee <> relowner
        UNION ALL
        SELECT a.attname, x.grantee::regrole::text || x.privilege_type, x.is_grantable
        FROM pg_attribute AS a, aclexplode(a.attacl) AS x WHERE a.attrelid = c.oid) AS g)
FROM pg_class AS c WHERE oid = 'schema_migrations'::regclass"""


def test_a_table_that_is_taken_over_keeps_its_owner_and_its_rights(
    postgres_url: str, postgres_server: PostgresServer, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    owner, writer, reader = _takeover(postgres_server, postgres_url)
    database = probe(postgres_url)
    before = database.rows(_RIGHTS)
    assert migrate(postgres_url, migrations(FILES)).applied == 2
    assert database.rows(_RIGHTS) == before
    insert = "INSERT INTO schema_migrations (migration_id, status) VALUES ('{}', 'success')"
    for role, name in ((owner, "second"), (writer, "third")):
        database.execute(f'SET ROLE "{role}"; {insert.format(name)}; RESET ROLE')
    database.execute(f"SET ROLE \"{reader}\"; UPDATE schema_migrations SET status = 'x' WHERE migration_id = 'third'")
    database.execute("RESET ROLE")
    rows = database.rows(
        "SELECT version, migration_id, status FROM schema_migrations WHERE series = 'legacy' ORDER BY 1"
    )
    assert rows == [(1, "first", "baseline"), (2, "second", "success"), (3, "third", "x")]


def test_the_owner_can_take_its_own_table_over(
    postgres_url: str, postgres_server: PostgresServer, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    owner, *_ = _takeover(postgres_server, postgres_url)
    database = probe(postgres_url)
    before = database.rows(_RIGHTS)
    assert migrate(postgres_server.url(postgres_url, user=owner), migrations(FILES)).applied == 2
    assert database.rows(_RIGHTS) == before
