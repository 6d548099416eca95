"""A merge that does not balance undoes its step, and shows the rows that do not fit."""

from __future__ import annotations

import pytest

from tests.fixtures.files import WriteMigrations
from tests.merge.moving import ALL, COPY, ROWS, TABLES, Probes, refused

FAILED = "0001_move.verify.sql:1: merge failed: old into fresh"
GONE = "-- reject: no session where sess = 'gone'\n"
KEEP = "-- differing: keep\n"


def test_a_missing_row_is_shown(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = COPY.replace(";", " AND sess <> 'gone';")
    assert refused(database_url, migrations, database, step, ALL)[:4] == [
        FAILED,
        "1 row missing in the target",
        "id  body  num  sess",
        "3   c     3    gone",
    ]


def test_five_missing_rows_are_shown_and_the_others_counted(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    values = ", ".join(f"({n})" for n in range(2000))
    database.execute(TABLES + f"INSERT INTO old (id) VALUES {values};")
    lines = refused(database_url, migrations, database, "SELECT 1;\n", "-- merge: old into fresh on id")
    assert lines[1:3] == ["2,000 rows missing in the target", "id"]
    assert len(set(lines[3:8])) == 5
    assert lines[8] == "... and 1,995 more"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("upper(body), num, sess", ["1   body        a          A"]),
        ("substr(body, 1, 0), num, sess", ["1   body        a          ''"]),
        ("body, num + 1, sess", ["1   num         1          2"]),
        ("body, num, sess || ' '", ["1   sess        s1         's1 '"]),
        ("coalesce(body, ''), num, sess", ["2   body        NULL       ''"]),
        ("upper(body), num * 10, sess", ["1   body num    a          A"]),
    ],
)
def test_a_value_that_changed_on_its_way_is_shown_beside_the_old_one(
    change: str, found: list[str], database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = f"INSERT INTO fresh SELECT id, {change} FROM old WHERE id <> 4;\n"
    lines = refused(database_url, migrations, database, step, ALL)
    assert lines[0] == FAILED
    assert lines[1].endswith("in the target with other values")
    assert lines[2].split() == ["id", "differs_in", "in_source", "in_target"]
    assert set(found) <= set(lines)


def test_a_row_of_another_value_stops_the_step_before_a_statement_runs(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "UPDATE fresh SET body = NULL, num = 5 WHERE id = 4;")
    assert refused(database_url, migrations, database, "SELECT this_would_fail;\n", ALL)[:4] == [
        FAILED,
        "1 key stands in the target already, with other values",
        "id  differs_in  in_source  in_target",
        "4   body num    d          NULL",
    ]


def test_a_row_to_be_kept_that_was_overwritten_is_shown(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "UPDATE fresh SET body = 'older' WHERE id = 4;")
    step = (
        "INSERT INTO fresh SELECT * FROM old WHERE true ON CONFLICT (id) DO UPDATE SET body = excluded.body, num = 0;\n"
    )
    lines = refused(database_url, migrations, database, step, ALL + KEEP)
    assert lines[:4] == [FAILED, "1 row of the target that differed did not stay as they were", "id", "4"]


def test_a_row_to_be_kept_that_was_deleted_is_shown(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "UPDATE fresh SET body = 'older' WHERE id = 4;")
    step = COPY + "DELETE FROM fresh WHERE id = 4;\n"
    assert "1 row of the target that differed did not stay as they were" in refused(
        database_url, migrations, database, step, ALL + KEEP
    )


def test_or_replace_does_not_overwrite_in_silence(sqlite_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(sqlite_url)
    database.execute(TABLES + ROWS + "UPDATE fresh SET body = 'older' WHERE id = 4;")
    lines = refused(sqlite_url, migrations, database, "INSERT OR REPLACE INTO fresh SELECT * FROM old;\n", ALL + KEEP)
    assert lines[:2] == [FAILED, "1 row of the target that differed did not stay as they were"]


def test_an_identical_row_that_the_step_changes_is_shown(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, COPY + "UPDATE fresh SET num = 0 WHERE id = 4;\n", ALL)
    assert lines[1:4] == [
        "1 row in the target with other values",
        "id  differs_in  in_source  in_target",
        "4   num         4          0",
    ]


def test_a_rejected_row_that_came_all_the_same_is_shown(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, COPY, ALL + GONE)
    assert lines[:4] == [FAILED, "1 row rejected, yet in the target", "id", "3"]


def test_a_rejected_row_that_stood_in_the_target_is_not_overwritten(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS + "INSERT INTO fresh VALUES (3, 'mine', 0, 'x');")
    step = "INSERT INTO fresh SELECT * FROM old WHERE true ON CONFLICT (id) DO UPDATE SET body = excluded.body;\n"
    lines = refused(database_url, migrations, database, step, ALL + GONE)
    assert lines[:4] == [FAILED, "1 row of the target that differed did not stay as they were", "id", "3"]


@pytest.mark.parametrize("key", ["id INTEGER, place TEXT", "id INTEGER, place TEXT, UNIQUE (id, place)"])
def test_a_key_that_stands_twice_in_the_source_is_shown(
    key: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(
        f"CREATE TABLE old ({key}); CREATE TABLE fresh (id INTEGER PRIMARY KEY);"
        "INSERT INTO old VALUES (1, 'a'), (1, 'b'), (2, 'a'), (3, 'a'), (3, 'b'), (3, 'c')"
    )
    lines = refused(database_url, migrations, database, "SELECT 1;\n", "-- merge: old into fresh on id")
    assert lines[:3] == [FAILED, "2 keys of the source stand there more than once", "id  times"]
    assert set(lines[3:5]) == {"1   2", "3   3"}


def test_a_source_row_without_a_key_is_shown(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE old (id TEXT, part TEXT, body TEXT); CREATE TABLE fresh (id TEXT, part TEXT, body TEXT);"
        "INSERT INTO old VALUES ('a', NULL, 'one'), ('a', 'b', 'two')"
    )
    verify = "-- merge: old into fresh on id, part comparing body"
    assert refused(database_url, migrations, database, "SELECT 1;\n", verify)[:4] == [
        FAILED,
        "1 row of the source without a key (NULL)",
        "id  part  body",
        "a   NULL  one",
    ]


def test_a_primary_key_of_text_that_sqlite_lets_be_null_is_no_key(
    sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(
        "CREATE TABLE old (id TEXT PRIMARY KEY); CREATE TABLE fresh (id TEXT PRIMARY KEY);"
        "INSERT INTO old VALUES (NULL), (NULL), ('a')"
    )
    lines = refused(
        sqlite_url, migrations, database, "INSERT INTO fresh SELECT id FROM old;\n", "-- merge: old into fresh on id"
    )
    assert lines[1] == "2 rows of the source without a key (NULL)"


def test_a_row_that_came_twice_is_shown(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE old (id INTEGER); CREATE TABLE fresh (id INTEGER); INSERT INTO old VALUES (1), (2), (3)"
    )
    step = "INSERT INTO fresh SELECT id FROM old;\nINSERT INTO fresh SELECT id FROM old WHERE id > 1;\n"
    lines = refused(database_url, migrations, database, step, "-- merge: old into fresh on id")
    assert lines[:3] == [FAILED, "the target has 2 rows more than the source has keys", "id  times"]
    assert set(lines[3:5]) == {"2   2", "3   2"}


def test_a_lost_row_is_not_made_up_for_by_one_that_came_twice(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE old (id INTEGER); CREATE TABLE fresh (id INTEGER); INSERT INTO old VALUES (1), (2), (3)"
    )
    step = "INSERT INTO fresh SELECT id FROM old WHERE id < 3;\nINSERT INTO fresh VALUES (2);\n"
    lines = refused(database_url, migrations, database, step, "-- merge: old into fresh on id")
    assert (lines[1].startswith("1 row missing in the target"), lines[3]) == (True, "3")


def test_a_target_that_holds_a_key_twice_with_other_values_does_not_balance(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(
        "CREATE TABLE old (id INTEGER, b TEXT); CREATE TABLE fresh (id INTEGER, b TEXT);"
        "INSERT INTO old VALUES (1, 'x'), (2, 'y'); INSERT INTO fresh VALUES (1, 'x'), (1, 'other')"
    )
    step = "INSERT INTO fresh SELECT * FROM old WHERE id = 2;\n"
    assert FAILED in refused(database_url, migrations, database, step, "-- merge: old into fresh on id comparing b")
    database.execute("DROP TABLE schema_migrations; DROP TABLE schema_migrations_log")
    verify = "-- merge: old into fresh on id comparing b\n-- differing: keep"
    assert FAILED in refused(database_url, migrations, database, step, verify)


@pytest.mark.parametrize(
    "verify",
    [
        "-- merge: nowhere into fresh on id",
        "-- merge: old into fresh on nowhere",
        "-- merge: old into fresh on id comparing nowhere",
        "-- merge: old into fresh on id\n-- reject: r where nowhere = 1",
        '-- merge: old into fresh on id\n-- reject: r where "nowhere" = body',
    ],
)
def test_a_name_that_is_not_there_is_told_before_the_step(
    verify: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, "SELECT this_would_fail;\n", verify)
    assert lines[1].startswith("cannot be asked before the step: ")
    assert "nowhere" in lines[1]


def test_a_target_that_is_not_there_afterwards_is_told(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, COPY, "-- merge: old into nowhere on id")
    assert lines[1].startswith("cannot be asked after the step: ")
    assert "nowhere" in lines[1]


def test_a_source_that_is_not_there_afterwards_is_told(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = COPY + "ALTER TABLE old RENAME TO older;\n"
    lines = refused(database_url, migrations, database, step, ALL)
    assert lines[0] == FAILED
    assert lines[1].startswith("cannot be asked after the step: ")
    assert "old" in lines[1]


def test_a_source_that_loses_rows_by_its_way_to_another_name_is_found(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    step = COPY + "CREATE TABLE older AS SELECT * FROM old WHERE sess <> 'gone';\n"
    lines = refused(database_url, migrations, database, step, ALL + "-- source after: older\n")
    assert lines[1] == "the source held 5 rows before the step, and 4 after it"


def test_checks_and_accounts_that_fail_are_shown_together(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(TABLES + ROWS)
    lines = refused(database_url, migrations, database, "SELECT 1;\n", ALL + "-- check: one\nSELECT 1;\n")
    assert "0001_move.verify.sql:2: check failed: one" in lines
    assert FAILED in lines


def test_long_values_are_cut_in_the_message(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(database_url)
    database.execute(TABLES + f"INSERT INTO old VALUES (1, '{'x' * 5000}', 1, 's');")
    lines = refused(database_url, migrations, database, "SELECT 1;\n", ALL)
    assert lines[1] == "1 row missing in the target"
    assert len(lines[3]) < 200
