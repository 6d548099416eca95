"""What others do to rows that the batches have passed already is seen at the end, or said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import CheckError, Event, LockError, SessmigError, ensure_migrations
from tests.batch.filling import demand_recorded, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

COPY = (
    "-- sessmig: batch source by id size 20\n"
    "INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last;\n"
)
MERGE = "-- merge: source into target on id comparing word\n"
FIVE = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0);"
ADD = "-- sessmig: batch t by id size {}\nUPDATE t SET n = n + 1 WHERE id BETWEEN :first AND :last{};\n"


def _once(seen: Probe, sql: str, *, at: int = 1) -> Callable[[Event], None]:
    told: list[Event] = []

    def watch(event: Event) -> None:
        if event.kind == "progress":
            told.append(event)
            if len(told) == at:
                seen.execute(sql)

    return watch


def test_a_row_that_was_changed_behind_the_cursor_fails_the_merge_and_a_statement_behind_mends_it(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_tables.sql": tables(100), "0002_copy.sql": COPY, "0002_copy.verify.sql": MERGE})
    seen = probe(database_url)
    change = "UPDATE source SET word = 'changed' WHERE id = 7;"
    with pytest.raises(CheckError) as caught:
        ensure_migrations(database_url, folder, on_event=_once(seen, change))
    assert (
        "1 row in the target with other values: changed behind the place the batches had reached" in caught.value.what
    )
    assert "changed" in caught.value.what
    assert seen.value("SELECT status FROM schema_migrations WHERE version = 2") == "failed"
    assert seen.value("SELECT count(*) FROM target") == 100
    bring = "UPDATE target SET word = (SELECT s.word FROM source AS s WHERE s.id = target.id);\n"
    migrations({"0002_copy.sql": COPY + bring})
    ensure_migrations(database_url, folder)
    assert seen.value("SELECT word FROM target WHERE id = 7") == "changed"
    demand_recorded(seen)


def test_a_merge_that_keeps_what_differs_counts_it_at_the_end(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    keeping = MERGE + "-- differing: keep\n"
    folder = migrations({"0001_tables.sql": tables(100), "0002_copy.sql": COPY, "0002_copy.verify.sql": keeping})
    change = "UPDATE source SET word = 'changed' WHERE id = 7;"
    report = ensure_migrations(database_url, folder, on_event=_once(probe(database_url), change))
    assert report.steps[1].merges[0].differing == 1


def test_a_row_that_comes_in_again_behind_a_batched_delete_is_deleted(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(database_url)
    seen.execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5), (6), (7);")
    delete = (
        "-- sessmig: may-lose t\n-- sessmig: batch t by id size 3\nDELETE FROM t WHERE id BETWEEN :first AND :last{};\n"
    )
    again = _once(seen, "INSERT INTO t (id) VALUES (2);", at=2)
    ensure_migrations(database_url, migrations({"0001_thin.sql": delete.format(" AND id <> 5")}), on_event=again)
    assert seen.rows("SELECT id FROM t") == [(5,)]


def test_a_late_row_beside_one_that_is_gone_is_done_once(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen = probe(database_url)
    seen.execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (4), (10), (11);")
    folder = migrations({"0001_add.sql": ADD.format(4, "") + "INSERT INTO nowhere VALUES (1);\n"})
    with pytest.raises(SessmigError):
        ensure_migrations(
            database_url, folder, on_event=_once(seen, "DELETE FROM t WHERE id = 10; INSERT INTO t (id) VALUES (3);")
        )
    seen.execute("INSERT INTO t (id) VALUES (9); CREATE TABLE nowhere (x INTEGER);")
    ensure_migrations(database_url, folder)
    assert seen.rows("SELECT id, n FROM t ORDER BY id") == [(id_, 1) for id_ in (1, 2, 3, 4, 9, 11)]


def test_a_statement_that_leaves_rows_out_is_told_once_with_the_numbers(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    report = ensure_migrations(database_url, migrations({"0001_add.sql": ADD.format(2, " AND id <> 3")}))
    (told,) = [notice for notice in report.steps[0].notices if "in its ranges" in notice]
    assert "0001_add.sql:2: 4 of the 5 rows of t in its ranges were changed" in told


def test_the_last_progress_is_told_once(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    told: list[int] = []
    ensure_migrations(
        database_url,
        migrations({"0001_add.sql": ADD.format(2, "")}),
        on_event=lambda event: told.append(event.progress.rows) if event.progress else None,
    )
    assert told == sorted(set(told))
    assert told[-1] == 5


def test_a_transaction_that_has_written_to_the_table_is_waited_for_before_the_end(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    writer = probe(postgres_url)
    writer.execute("BEGIN; INSERT INTO t (id) VALUES (-1);")
    folder = migrations({"0001_add.sql": ADD.format(2, "")})
    with pytest.raises(LockError) as caught:
        ensure_migrations(postgres_url, folder, lock_wait=0.5)
    assert "a transaction was open that has written to the batched table, held by pid " in caught.value.what
    seen = probe(postgres_url)
    assert seen.value("SELECT status FROM schema_migrations") == "failed"

    def end(event: Event) -> None:
        if "waiting for the writers" in event.text:
            writer.execute("COMMIT;")

    ensure_migrations(postgres_url, folder, on_event=end)
    assert seen.rows("SELECT n, count(*) FROM t GROUP BY n") == [(1, 6)]


def test_a_row_that_somebody_holds_ends_the_batches_within_the_lock_wait_and_names_who_it_is(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    seen, holder = probe(postgres_url), probe(postgres_url)
    seen.execute(f"{FIVE} INSERT INTO t (id) VALUES (1), (2), (3), (4), (5);")
    holder.execute("BEGIN; UPDATE t SET n = 5 WHERE id = 5;")
    told: list[str] = []
    with pytest.raises(LockError) as caught:
        ensure_migrations(
            postgres_url,
            migrations({"0001_add.sql": ADD.format(2, "")}),
            lock_wait=1,
            on_event=lambda event: told.append(event.text) if event.kind == "waiting" else None,
        )
    assert "0001_add.sql:2" in caught.value.what
    assert "Others were in the way, in " in caught.value.what
    assert "within 1 s; at last held by pid " in caught.value.what
    assert "one transaction there is one try" not in str(caught.value)
    assert "held by pid " in told[0]
    holder.execute("ROLLBACK;")
    assert seen.rows("SELECT id, n FROM t WHERE id IN (1, 2, 5) ORDER BY id") == [(1, 1), (2, 1), (5, 0)]
