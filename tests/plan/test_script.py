"""The script of `plan --format sql` does what a run does, and stops at the first thing that does not hold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from tests.adopt.inside import Inside
from tests.fixtures.files import WriteMigrations
from tests.fixtures.programs import RunScript
from tests.plan.pictures import Probes, ledger, log, picture
from tests.plan.shop import FILES

ByScript = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def by_script(inside: Inside, by_hand: RunScript, tmp_path: Path) -> ByScript:
    """Plan a series and run the script."""

    def run(url: str, folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "by hand" / "script.sql"
        script.parent.mkdir(exist_ok=True)
        planned = inside("plan", "-d", url, "--dir", folder, *options, "-o", script)
        assert planned.returncode == 0, planned.stderr
        return by_hand(url, script)

    return run


@pytest.fixture
def twin(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another empty database of the same kind."""
    if database_url.startswith("sqlite:"):
        return f"sqlite:///{tmp_path / 'twin.db'}"
    url: str = request.getfixturevalue("new_postgres_url")()
    return url


def test_a_script_gives_what_a_run_gives(
    database_url: str, twin: str, shop: Path, by_script: ByScript, inside: Inside, probe: Probes
) -> None:
    done = by_script(database_url, shop)
    assert done.returncode == 0, done.stderr
    ensure_migrations(twin, shop, backup="never")

    assert ledger(probe(database_url)) == ledger(probe(twin))
    assert log(probe(database_url)) == log(probe(twin))
    assert picture(probe(database_url)) == picture(probe(twin))
    assert ledger(probe(database_url))[1][-1] == {
        "customers_before": 3,
        "first_city": "Graz",
        "share": "1.0" if "postgres" in database_url else 1.0,
    }
    assert inside("status", "-d", database_url, "--dir", shop, "--check").returncode == 0
    assert inside("verify", "-d", database_url, "--dir", shop).returncode == 0


def test_a_script_says_what_a_warn_found_and_that_each_step_is_done(
    database_url: str, shop: Path, by_script: ByScript
) -> None:
    told = by_script(database_url, shop).stdout
    assert "warn: customers without a city" in told
    assert "Bob" in told
    assert "0001_customers applied" in told
    assert "0002_residents applied" in told
    assert told.rstrip().endswith("all of it is done")


def test_the_head_says_that_accounts_and_guard_are_not_in_it(
    database_url: str, shop: Path, inside: Inside, tmp_path: Path
) -> None:
    text = inside("plan", "-d", database_url, "--dir", shop, "--format", "sql").stdout
    head = text.partition("-- ------")[0]
    assert "--   * the row accounts (merge): nobody counts where each row went;" in head
    assert "--   * the loss guard: rows that are deleted, cascaded away or dropped undeclared are not noticed;" in head
    assert "merge (SELECT id, city FROM customers WHERE city IS NOT NULL) into residents" in head
    assert "-- Not in it: 0003_clean is held back: 7 days after 2" in head
    program = "sqlite3 -bail DATABASE < SCRIPT" if "sqlite" in database_url else "psql -X -v ON_ERROR_STOP=1 -f SCRIPT"
    assert f"-- Run it: {program}" in head


STOPS = {
    "a require": ("-- require: there are customers\n-- expect: some", "SELECT 1 FROM customers WHERE id = 99"),
    "a check that expects none": ("-- check: nobody is called Ada", "SELECT id FROM customers WHERE name = 'Ada'"),
    "a check that expects some": ("-- check: Zoe is there\n-- expect: some", "SELECT 1 FROM customers WHERE id = 9"),
    "a number": ("-- check: four customers\n-- expect: 4", "SELECT count(*) FROM customers"),
    "a text": ("-- check: the first is Bob\n-- expect: 'Bob'", "SELECT name FROM customers WHERE id = 1"),
    "no value": ("-- check: a value\n-- expect: 'Bob'", "SELECT city FROM customers WHERE id = 2"),
    "no row": ("-- check: a row\n-- expect: 1", "SELECT id FROM customers WHERE id = 9"),
    "two rows": ("-- check: one row\n-- expect: 1", "SELECT 1 FROM customers"),
    "a truth": ("-- check: it is true\n-- expect: true", "SELECT 1 = 2"),
    "the same": ("-- check: as before\n-- expect: same", "SELECT count(*) FROM stock"),
    "a measure": (
        "-- measure before: then\nSELECT count(*) FROM stock;\n\n-- check: as then\n-- expect: :then",
        "SELECT count(*) FROM stock",
    ),
    "a measure that is NULL": (
        "-- measure before: then\nSELECT CAST(NULL AS INTEGER);\n\n-- check: as then\n-- expect: none",
        "SELECT 1 WHERE :then > 5",
    ),
    "a measure of no row": ("-- measure: none_there", "SELECT id FROM customers WHERE id = 9"),
}
STOCK = "CREATE TABLE stock (id INTEGER);\nINSERT INTO stock VALUES (1);\n"


@pytest.mark.parametrize(("verify", "query"), STOPS.values(), ids=STOPS.keys())
def test_a_script_stops_at_the_first_thing_that_does_not_hold_with_its_name(
    database_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes, verify: str, query: str
) -> None:
    folder = migrations(
        {
            "0001_customers.sql": FILES["0001_customers.sql"] + STOCK,
            "0002_next.sql": "INSERT INTO stock VALUES (2);\n",
            "0002_next.verify.sql": f"{verify}\n{query};\n\n-- check: never asked\nSELECT 1 FROM nowhere;\n",
            "0003_more.sql": "CREATE TABLE more (id INTEGER);\n",
        }
    )

    done = by_script(database_url, folder)

    assert done.returncode != 0
    label = [
        line.removeprefix("-- ") for line in verify.splitlines() if line.startswith(("-- check", "-- re", "-- mea"))
    ]
    assert f"{label[-1]} (" in done.stderr
    assert "0002_next.verify.sql:" in done.stderr
    assert "nowhere" not in done.stderr
    assert probe(database_url).rows("SELECT id FROM stock") == [(1,)]
    assert [row[1] for row in ledger(probe(database_url))] == [1]
    assert "more" not in probe(database_url).tables()


def test_a_script_stops_also_where_the_program_was_not_told_to(
    database_url: str, shop: Path, inside: Inside, by_hand: RunScript, probe: Probes, tmp_path: Path
) -> None:
    (shop / "0002_residents.verify.sql").write_text("-- check: nobody\nSELECT id FROM customers;\n")
    script = tmp_path / "script.sql"
    inside("plan", "-d", database_url, "--dir", shop, "-o", script)

    done = by_hand(database_url, script, careless=True)

    assert done.returncode != 0
    assert "check: nobody (" in done.stderr
    assert "Ada" not in done.stderr
    assert {"1", "2", "3"} <= {line.strip() for line in done.stdout.splitlines()}  # the rows that should not be
    assert "all of it is done" not in done.stdout
    assert "residents" not in probe(database_url).tables()
    assert [row[1] for row in ledger(probe(database_url))] == [1]


HOLDS = {
    "a number as text": ("-- expect: 7", "SELECT '7'"),
    "a real": ("-- expect: 0.5", "SELECT 0.5"),
    "a negative": ("-- expect: -3", "SELECT -3"),
    "a text of a number": ("-- expect: '7'", "SELECT 7"),
    "quotes": ("-- expect: 'it''s \"so\"'", "SELECT 'it''s \"so\"'"),
    "false": ("-- expect: false", "SELECT 1 = 2"),
    "no row at all": ("-- expect: none", "SELECT 1 WHERE 1 = 2"),
}


def test_every_kind_of_expectation_holds_where_it_does_in_a_run(
    database_url: str, twin: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    blocks = [f"-- check: {name}\n{expect}\n{query};\n" for name, (expect, query) in HOLDS.items()]
    values = ("'it''s :so \\ \"x\"'", "-4", "12345678901234567890", "1 = 1", "0.25", "'ü ☃'")
    for n, value in enumerate(values):
        blocks += [
            f"-- measure before: m{n}\nSELECT {value};\n",
            f"-- check: m{n} is itself\n-- expect: :m{n}\nSELECT {value};\n",
            f"-- check: m{n} in a query\nSELECT 1 WHERE NOT (:m{n} = ({value}));\n",
        ]
    blocks += ["-- measure: CAPITALS\nSELECT 5;\n", "-- check: capitals\n-- expect: 6\nSELECT :CAPITALS + 1;\n"]
    folder = migrations({"0001_a.sql": "CREATE TABLE a (id INTEGER);\n", "0001_a.verify.sql": "\n".join(blocks)})

    done = by_script(database_url, folder)
    ensure_migrations(twin, folder, backup="never")

    assert done.returncode == 0, done.stderr
    assert ledger(probe(database_url)) == ledger(probe(twin))


def test_a_script_stops_where_somebody_has_migrated_since_it_was_planned(
    database_url: str, shop: Path, inside: Inside, by_hand: RunScript, probe: Probes, tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    inside("plan", "-d", database_url, "--dir", shop, "-o", script)
    ensure_migrations(database_url, shop, to=1, backup="never")
    before = probe(database_url).snapshot(exclude=())

    done = by_hand(database_url, script)

    assert done.returncode != 0
    assert "the ledger is not as it was when this script was planned: plan anew" in done.stderr
    assert probe(database_url).snapshot(exclude=()) == before


def test_a_script_is_not_run_a_second_time(database_url: str, shop: Path, by_script: ByScript, inside: Inside) -> None:
    first = by_script(database_url, shop, "--to", "1")
    assert first.returncode == 0, first.stderr
    second = by_script(database_url, shop)
    assert second.returncode == 0, second.stderr
    third = inside("plan", "-d", database_url, "--dir", shop, "--format", "sql")
    assert "-- Nothing would run." in third.stdout
    assert "BEGIN" not in third.stdout


def test_a_row_that_was_rolled_back_is_applied_again_by_a_script(
    database_url: str, shop: Path, by_script: ByScript, inside: Inside, probe: Probes
) -> None:
    ensure_migrations(database_url, shop, backup="never")
    assert inside("rollback", "-d", database_url, "--dir", shop).returncode == 0
    assert ledger(probe(database_url))[1][4] == "rolled_back"
    done = by_script(database_url, shop)
    assert done.returncode == 0, done.stderr
    assert ledger(probe(database_url))[1][4] == "success"


OLD_LEDGER = """
CREATE TABLE schema_migrations (migration_id VARCHAR(80) PRIMARY KEY, applied_at TIMESTAMP, description TEXT,
    status TEXT, metadata TEXT);
INSERT INTO schema_migrations VALUES ('it''s old', '2026-01-02 03:04:05', 'd', 'success', '{"a": 1}'),
    ('another', '2026-01-01 03:04:05', NULL, 'failed', NULL);
"""


def test_the_webui_systems_ledger_is_taken_over_by_a_script_as_by_a_run(
    database_url: str, twin: str, shop: Path, by_script: ByScript, probe: Probes
) -> None:
    for url in (database_url, twin):
        probe(url).execute(OLD_LEDGER)
    done = by_script(database_url, shop)
    ensure_migrations(twin, shop, backup="never")
    assert done.returncode == 0, done.stderr
    assert ledger(probe(database_url)) == ledger(probe(twin))
    probe(database_url).execute("INSERT INTO schema_migrations (migration_id) VALUES ('new')")


def test_a_batch_statement_is_one_statement_and_the_head_says_so(
    database_url: str, twin: str, migrations: WriteMigrations, by_script: ByScript, inside: Inside, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_customers.sql": FILES["0001_customers.sql"],
            "0002_batch.sql": "-- sessmig: batch customers by id size 1\n"
            "UPDATE customers SET city = 'None' WHERE id BETWEEN :first AND :last AND city IS NULL;\n"
            "CREATE INDEX idx_city ON customers (city);\n",
            "0002_batch.verify.sql": "-- measure before: lacking\nSELECT count(*) FROM customers WHERE city IS NULL;\n"
            "-- check: as many\n-- expect: :lacking\nSELECT count(*) FROM customers WHERE city = 'None';\n",
        }
    )
    text = inside("plan", "-d", database_url, "--dir", folder, "--format", "sql").stdout
    assert "-- 0002_batch.sql:2: a batch statement, here as one statement in one transaction." in text

    done = by_script(database_url, folder)
    ensure_migrations(twin, folder, backup="never")

    assert done.returncode == 0, done.stderr
    assert ledger(probe(database_url)) == ledger(probe(twin))
    assert picture(probe(database_url)) == picture(probe(twin))


def test_a_run_goes_on_where_the_script_of_a_staged_step_has_stopped(
    database_url: str, migrations: WriteMigrations, by_script: ByScript, inside: Inside, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_customers.sql": FILES["0001_customers.sql"],
            "0002_batch.sql": "-- sessmig: batch customers by id\n"
            "UPDATE customers SET city = 'None' WHERE id BETWEEN :first AND :last AND city IS NULL;\n"
            "INSERT INTO customers (id, name) VALUES (1, 'twice');\n",
        }
    )
    done = by_script(database_url, folder)
    assert done.returncode != 0
    assert probe(database_url).value("SELECT status FROM schema_migrations WHERE version = 2") == "running"

    refused = inside("plan", "-d", database_url, "--dir", folder, "--format", "sql")
    assert refused.returncode == 4
    assert "2 batch is half done, and no script knows where to go on" in refused.stderr

    probe(database_url).execute("DELETE FROM customers WHERE id = 1")
    assert inside("migrate", "-d", database_url, "--dir", folder, "-q", "--no-backup").returncode == 0
    assert probe(database_url).value("SELECT count(*) FROM customers WHERE city = 'None'") == 1


def test_each_row_of_a_query_is_run(
    database_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_customers.sql": FILES["0001_customers.sql"],
            "0002_rows.sql": "CREATE TABLE made (n INTEGER);\n-- sessmig: run-each-row\n"
            "SELECT 'INSERT INTO made (n) -- a comment\n' || ' VALUES (' || id || ')' FROM customers ORDER BY id;\n",
        }
    )
    done = by_script(database_url, folder)
    assert done.returncode == 0, done.stderr
    assert probe(database_url).rows("SELECT n FROM made ORDER BY n") == [(1,), (2,), (3,)]


def test_what_cannot_share_a_transaction_stands_outside_and_its_settings_end_with_it(
    database_url: str, twin: str, migrations: WriteMigrations, by_script: ByScript, inside: Inside, probe: Probes
) -> None:
    alone = "VACUUM;" if "sqlite" in database_url else "CREATE INDEX CONCURRENTLY idx ON customers (name);"
    folder = migrations(
        {
            "0001_customers.sql": FILES["0001_customers.sql"],
            "0002_alone.sql": f"-- sessmig: no-transaction\n{alone}\nUPDATE customers SET city = 'x' WHERE id = 2;\n",
            "0002_alone.verify.sql": "-- check: as many\n-- expect: same\nSELECT count(*) FROM customers;\n",
        }
    )
    text = inside("plan", "-d", database_url, "--dir", folder, "--format", "sql").stdout
    assert "-- 0002_alone.sql:2: outside transactions." in text

    done = by_script(database_url, folder)
    ensure_migrations(twin, folder, backup="never")

    assert done.returncode == 0, done.stderr
    assert ledger(probe(database_url)) == ledger(probe(twin))
    assert picture(probe(database_url)) == picture(probe(twin))


def test_a_setting_that_a_file_changes_reaches_neither_the_ledger_nor_the_next_step(
    postgres_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "SELECT pg_catalog.set_config('search_path', '', false);\n"
            "CREATE TEMP TABLE a (x INTEGER);\nCREATE TABLE public.a (id INTEGER);\n",
            "0001_a.verify.sql": "-- check: it is empty\nSELECT id FROM a;\n",
            "0002_b.sql": "INSERT INTO a VALUES (1);\nCREATE TABLE b AS SELECT (ARRAY[1, 2, 3])[1:id] AS n FROM a;\n",
        }
    )
    done = by_script(postgres_url, folder)
    assert done.returncode == 0, done.stderr
    assert probe(postgres_url).rows("SELECT n FROM b") == [([1],)]


def test_a_script_stops_where_search_path_begins_with_another_schema(
    postgres_url: str, shop: Path, inside: Inside, by_psql: RunScript, probe: Probes, tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    inside("plan", "-d", postgres_url, "--dir", shop, "-o", script)
    probe(postgres_url).execute("CREATE SCHEMA other")

    done = by_psql(f"{postgres_url}?options=-csearch_path%3Dother", script)

    assert done.returncode == 3
    assert "search_path has to begin with public" in done.stderr
    assert "customers" not in probe(postgres_url).tables()


def test_a_script_is_for_the_database_that_it_was_planned_for(
    postgres_url: str,
    new_postgres_url: Callable[[], str],
    shop: Path,
    inside: Inside,
    by_psql: RunScript,
    probe: Probes,
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.sql"
    inside("plan", "-d", postgres_url, "--dir", shop, "-o", script)
    twin = new_postgres_url()
    done = by_psql(twin, script)
    assert done.returncode == 3
    assert f"this script was planned for another database: {postgres_url.rpartition('/')[2]}, oid " in done.stderr
    assert probe(twin).tables() == set()


def test_a_script_says_how_long_it_waits_for_locks_and_waits_no_longer(
    postgres_url: str, shop: Path, inside: Inside, by_psql: RunScript, probe: Probes, tmp_path: Path
) -> None:
    ensure_migrations(postgres_url, shop, to=1)
    script = tmp_path / "script.sql"
    inside("plan", "-d", postgres_url, "--dir", shop, "-o", script)
    text = script.read_text()
    head = text.partition("-- ------")[0]
    assert "A statement waits 5 s for the locks of others; then its step is rolled back, and the script stops." in head
    assert "psql -v sessmig_lock_timeout=1s" in head
    assert r"\set sessmig_lock_timeout 5s" in text
    script.write_text(rf"\set sessmig_lock_timeout 50ms{chr(10)}{text}")
    holder = probe(postgres_url)
    holder.execute("BEGIN; LOCK TABLE customers")
    done = by_psql(postgres_url, script)
    assert done.returncode == 3
    assert "canceling statement due to lock timeout" in done.stderr


def test_a_script_says_which_wait_is_overruled_and_the_log_what_a_warn_found(
    database_url: str, shop: Path, inside: Inside, by_hand: RunScript, probe: Probes, tmp_path: Path
) -> None:
    verify = shop / "0002_residents.verify.sql"
    verify.write_text(verify.read_text() + "\n-- warn: a value\n-- expect: 7\nSELECT count(*) FROM residents;\n")
    script = tmp_path / "script.sql"
    inside("plan", "-d", database_url, "--dir", shop, "--ignore-wait", "-o", script)
    words = "held back: 7 days after 2, and sessmig has not applied 2"
    head = script.read_text().partition("-- ------")[0]
    assert f"-- A wait is overruled (--ignore-wait): 0003_clean is run, though it would be {words}." in head
    done = by_hand(database_url, script)
    assert done.returncode == 0, done.stderr
    rows = probe(database_url).rows("SELECT CAST(detail AS TEXT) FROM schema_migrations_log ORDER BY version")
    details = [json.loads(row[0]) for row in rows]
    warns = [(c["outcome"], c["found"], c["total"]) for c in details[1]["checks"] if c["verb"] == "warn"]
    assert warns == [("warned", "1 row", 1), ("warned", "2", 0)]
    assert [detail.get("ignored_wait") for detail in details] == [None, None, words.removeprefix("held ")]


def test_a_script_stops_where_another_process_migrates(
    postgres_url: str, shop: Path, inside: Inside, by_psql: RunScript, probe: Probes, tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    inside("plan", "-d", postgres_url, "--dir", shop, "-o", script)
    lock = next(line for line in script.read_text().splitlines() if "pg_try_advisory_xact_lock(" in line)
    holder = probe(postgres_url)
    holder.execute(f"BEGIN; {lock}")

    done = by_psql(postgres_url, script)

    assert done.returncode == 3
    assert "another process migrates this database; run the script again when it is done" in done.stderr
    holder.execute("ROLLBACK")
    assert probe(postgres_url).tables() == set()


def test_tables_are_made_anew_with_foreign_keys_off_and_a_new_orphan_stops_the_script(
    sqlite_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    rebuild = (
        "-- sessmig: foreign-keys-off\nCREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO new (id, name) SELECT id, name FROM customers{};\nDROP TABLE customers;\n"
        "ALTER TABLE new RENAME TO customers;\n"
    )
    orders = "CREATE TABLE orders (customer INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE);\n"
    folder = migrations(
        {
            "0001_customers.sql": f"{FILES['0001_customers.sql']}{orders}INSERT INTO orders VALUES (1), (2);\n",
            "0002_rebuild.sql": rebuild.format(""),
            "0003_spoil.sql": rebuild.format(" WHERE id <> 2"),
        }
    )

    done = by_script(sqlite_url, folder)

    assert done.returncode == 1
    assert "free check: no new row without the row it refers to" in done.stderr
    assert "0002_rebuild applied" in done.stdout
    assert probe(sqlite_url).rows("SELECT id FROM customers ORDER BY id") == [(1,), (2,), (3,)]
    assert probe(sqlite_url).rows("SELECT customer FROM orders ORDER BY 1") == [(1,), (2,)]


def test_a_line_that_sqlite3_takes_for_an_end_is_refused_with_its_place(
    sqlite_url: str, migrations: WriteMigrations, inside: Inside, by_script: ByScript, probe: Probes
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a AS\nSELECT 8\n/\n4 AS n;\n"})
    refused = inside("plan", "-d", sqlite_url, "--dir", folder, "--format", "sql")
    assert refused.returncode == 1
    assert f"{folder}/0001_a.sql:1: sqlite3 takes a line of nothing but `/` for a statement's end" in refused.stderr
    assert "Put it beside the words before it." in refused.stderr
    migrations({"0001_a.sql": "CREATE TABLE a AS\nSELECT '8\n/\n4' AS n;\n"})
    done = by_script(sqlite_url, folder)
    assert done.returncode == 0, done.stderr
    assert probe(sqlite_url).rows("SELECT n FROM a") == [("8\n/\n4",)]


def test_settings_of_sqlite_that_a_file_changes_end_with_its_step(
    sqlite_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "PRAGMA ignore_check_constraints = ON;\nCREATE TABLE a (id INTEGER CHECK (id > 1));\n"
            "INSERT INTO a VALUES (1);\n",
            "0001_a.verify.sql": "-- measure: rows\nSELECT count(*) FROM a;\n",
            "0002_b.sql": "INSERT INTO a VALUES (0);\n",
        }
    )
    done = by_script(sqlite_url, folder)
    assert done.returncode == 1
    assert "CHECK constraint failed: id > 1" in done.stderr
    assert probe(sqlite_url).rows("SELECT id FROM a") == [(1,)]


def test_no_name_ends_a_comment_of_the_script_early(
    database_url: str, migrations: WriteMigrations, by_script: ByScript, probe: Probes
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "-- \u2028 A $sessmig$ 'description'\nCREATE TABLE a (id INTEGER);\n",
            "0001_a.verify.sql": "-- measure: n\nSELECT count(*) FROM a;\n"
            '-- check: it\'s "so" $sessmig$ \\ `x` :n %\nSELECT id FROM a;\n'
            '-- warn: it\'s "so" $sessmig$ \\ `x` :n % too\n-- expect: 1\nSELECT :n;\n'
            "-- merge: (SELECT id\n--     FROM a) into a on id\n",
        },
        "odd\nDROP TABLE a; --'\"",
    )
    done = by_script(database_url, folder, "--series", "odd")
    assert done.returncode == 0, done.stderr
    assert 'it\'s "so" $sessmig$ \\ `x` :n % too' in done.stdout
    assert "a" in probe(database_url).tables()


def test_a_report_and_the_log_tell_of_a_script(
    database_url: str, shop: Path, by_script: ByScript, inside: Inside
) -> None:
    by_script(database_url, shop)
    program = "sqlite3" if "sqlite" in database_url else "psql"
    for command in ("report", "log"):
        told = inside(command, "-d", database_url, "--dir", shop)
        assert told.returncode == 0
        assert "residents" in told.stdout
        assert "0 rows" not in told.stdout
        assert {"report": "1 merge and the loss guard were not asked", "log": "run by script, rows not counted"}[
            command
        ] in told.stdout
    assert f"run by: {program}, with a script planned by " in inside("report", "-d", database_url, "--dir", shop).stdout
