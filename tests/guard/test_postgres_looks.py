"""What a step is judged by on PostgreSQL is its own, however little is asked around it.

Nothing is asked twice that cannot have changed; each test here has something change that is not in plain sight.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from sessmig import CheckError, Event, ensure_migrations
from sessmig.results import StepReport
from tests.fixtures.probe import Probe
from tests.fixtures.proxy import dropping

_MADE = "CREATE TABLE kept (id INTEGER PRIMARY KEY);\nINSERT INTO kept SELECT generate_series(1, 5);\n"
# A block's rows that are taken back are counted all the same: they have to be declared.
_TAKEN_BACK = """-- sessmig: may-lose kept
DO $$ BEGIN
    DELETE FROM kept;
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
"""


def _did(step: StepReport) -> dict[str, tuple[int | None, int | None, int | None]]:
    return {effect.table: (effect.inserted, effect.updated, effect.deleted) for effect in step.effects}


def test_rows_that_an_earlier_step_deleted_and_took_back_are_not_lost_by_a_later_one(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    more = "INSERT INTO kept VALUES (6);\n"
    folder = migrations({"0001_a.sql": _MADE, "0002_b.sql": _TAKEN_BACK, "0003_c.sql": more})
    report = ensure_migrations(postgres_url, folder)
    assert _did(report.steps[-1]) == {"kept": (1, 0, 0)}


def test_rows_deleted_outside_of_transactions_are_not_lost_by_the_step_behind(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": _MADE,
            "0002_b.sql": "-- sessmig: no-transaction\n-- sessmig: may-lose kept\nDELETE FROM kept WHERE id < 4;\n",
            "0003_c.sql": "INSERT INTO kept VALUES (6);\n",
        }
    )
    report = ensure_migrations(postgres_url, folder)
    assert _did(report.steps[-1]) == {"kept": (1, 0, 0)}


def test_rows_that_a_try_wrote_before_it_was_rolled_back_do_not_count_for_the_next_run(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as open_one:
        ensure_migrations(open_one, migrations({"0001_a.sql": _MADE}))
        with pytest.raises(CheckError):
            ensure_migrations(open_one, migrations({"0001_a.sql": _MADE, "0002_b.sql": "DELETE FROM kept;\n"}))
        more = "INSERT INTO kept VALUES (6);\n"
        report = ensure_migrations(open_one, migrations({"0001_a.sql": _MADE, "0002_b.sql": more}))
    assert _did(report.steps[-1]) == {"kept": (1, 0, 0)}


def test_what_a_step_deletes_from_the_ledger_itself_is_no_less_and_no_more(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    files = {f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (x INTEGER);\n" for n in range(1, 7)}
    files["0007_own.sql"] = (
        "-- sessmig: may-lose schema_migrations_log\nDELETE FROM schema_migrations_log WHERE version < 3;\n"
    )
    report = ensure_migrations(postgres_url, migrations(files))
    assert _did(report.steps[-1]) == {"schema_migrations_log": (0, 0, 2)}


@pytest.mark.parametrize("single", [False, True])
def test_a_table_that_a_step_has_renamed_in_the_catalogue_itself_is_known_by_its_new_name(
    postgres_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe], single: bool
) -> None:
    from sessmig.databases import connect
    from sessmig.job import Job
    from sessmig.run import migrate

    renamed = "UPDATE pg_catalog.pg_class SET relname = 'other' WHERE oid = 'kept'::regclass;\n"
    folder = migrations({"0001_a.sql": _MADE, "0002_b.sql": renamed, "0003_c.sql": "DROP TABLE other;\n"})
    with (
        pytest.raises(CheckError, match=r"table dropped: other \(5 rows\)|other.*5 rows"),
        connect(postgres_url) as database,
    ):
        migrate(Job(database, folder, single_transaction=single))
    name = "kept" if single else "other"
    assert probe(postgres_url).value(f"SELECT to_regclass('{name}') IS NULL") is single


def test_what_an_earlier_step_of_one_transaction_has_changed_is_known_in_a_later_one(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    from sessmig.databases import connect
    from sessmig.job import Job
    from sessmig.run import migrate

    # Of so many tables the locks tell nothing any more.
    files = {f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT);\n" for n in range(1, 31)}
    files["0031_rows.sql"] = "INSERT INTO t30 VALUES (1, 'a'), (2, 'b');\nALTER TABLE t2 ADD COLUMN more TEXT;\n"
    files["0032_more.sql"] = "INSERT INTO t2 (id, name, more) VALUES (1, 'a', 'b');\n"
    files["0033_less.sql"] = "ALTER TABLE t2 DROP COLUMN more;\n"
    with pytest.raises(CheckError, match=r"t2\.more"), connect(postgres_url) as database:
        migrate(Job(database, migrations(files), single_transaction=True))


def test_a_constraint_that_another_leaves_unvalidated_between_two_steps_is_not_the_second_ones(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    files = {"0001_a.sql": _MADE, "0002_b.sql": "CREATE TABLE b (x INTEGER);\nINSERT INTO kept VALUES (6);\n"}

    def told(event: Event) -> None:
        if event.kind == "step" and event.title == "0002_b":
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute("ALTER TABLE kept ADD CONSTRAINT small CHECK (id < 9) NOT VALID")

    report = ensure_migrations(postgres_url, migrations(files), on_event=told)
    assert [step.checks for step in report.steps] == [(), ()]


def test_a_setting_that_a_step_changes_for_the_session_is_as_before_in_each_step_behind(
    postgres_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe]
) -> None:
    seen = "INSERT INTO seen SELECT current_setting('work_mem'), current_setting('search_path');\n"
    files = {"0001_a.sql": "CREATE TABLE seen (memory TEXT, path TEXT);\n" + seen}
    for n in range(2, 7):
        changed = "SET work_mem = '123MB';\nSET search_path = pg_catalog, public;\n" if n % 2 else ""
        files[f"{n:04}_b.sql"] = seen.replace("seen", "public.seen") + changed
    ensure_migrations(postgres_url, migrations(files))
    assert len(probe(postgres_url).rows("SELECT DISTINCT memory, path FROM seen")) == 1


def test_a_step_costs_no_more_messages_among_a_hundred_tables_than_among_ten(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    files = {
        f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (x INTEGER PRIMARY KEY, y TEXT);\nCREATE INDEX i{n} ON t{n} (y);\n"
        for n in range(1, 101)
    }
    said: list[bytes] = []
    counts: list[int] = []
    with dropping(postgres_url, b"a word that nobody says", said) as url:

        def told(event: Event) -> None:
            if event.kind == "step":
                counts.append(len(said))

        ensure_migrations(url, migrations(files), on_event=told)
    steps = [later - earlier for earlier, later in pairwise(counts)]
    assert max(steps[90:]) <= min(steps[9:19]) <= 12


def test_a_query_that_files_ask_again_and_again_may_give_other_types_each_time(
    postgres_url: str, migrations: Callable[..., Path]
) -> None:
    same = "-- check: every id is as it was\n-- expect: same\nSELECT * FROM kept ORDER BY id;\n"
    files = {"0001_a.sql": _MADE}
    for n, kind in enumerate(("BIGINT", "INTEGER", "BIGINT", "INTEGER", "BIGINT"), 2):
        files |= {f"{n:04}_b.sql": f"ALTER TABLE kept ALTER id TYPE {kind};\n", f"{n:04}_b.verify.sql": same}
    report = ensure_migrations(postgres_url, migrations(files))
    assert [(check.verb, check.outcome) for step in report.steps for check in step.checks] == [("check", "passed")] * 5
