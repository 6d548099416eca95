"""Partitions on PostgreSQL, tables that are attached and inherited from, and tables made anew as parts."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import passes, stopped

PARTS = """
CREATE TABLE p (id INTEGER PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c'), (101, 'd'), (102, 'e'), (103, 'f');
CREATE VIEW v AS SELECT * FROM p;
"""
NO_MOVES = {
    "a MERGE that deletes and inserts": "MERGE INTO p USING (VALUES (1), (2), (11), (12)) AS s (id) ON p.id = s.id "
    "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'new');",
    "a DELETE beside a MERGE that inserts": "DELETE FROM p1 WHERE id < 3;\n"
    "MERGE INTO p USING (VALUES (11), (12)) AS s (id) ON p.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id);",
    "a DELETE beside a view that inserts": "DELETE FROM p WHERE id < 3;\nINSERT INTO v VALUES (11, 'n'), (12, 'n');\n"
    "UPDATE p SET t = t || 'x' WHERE id > 100;",
    "a DELETE beside a block that inserts": "DELETE FROM p WHERE id < 3;\n"
    "DO $$ BEGIN INSERT INTO p VALUES (11, 'n'), (12, 'n'); END $$;\nUPDATE p SET t = t || 'x' WHERE id > 100;",
    "all in one statement": "WITH d AS (DELETE FROM p WHERE id < 3), i AS (INSERT INTO p VALUES (11, 'n'), (12, 'n')) "
    "UPDATE p SET t = t || 'x' WHERE id > 100;",
}


@pytest.mark.parametrize("name", NO_MOVES)
def test_rows_of_partitions_that_are_deleted_do_not_pass_as_moved(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTS)
    lines = stopped(postgres_url, migrations, probe(postgres_url), NO_MOVES[name])
    assert "loss guard: 2 rows of p were deleted" in lines[0]


def test_where_rows_move_from_a_part_those_that_another_one_loses_are_told(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTS)
    step = "UPDATE p SET id = id + 110 WHERE id < 3;\nDELETE FROM p2 WHERE id < 103;\nDROP TABLE p1;\n"
    told = [line for line in stopped(postgres_url, migrations, probe(postgres_url), step) if "loss guard" in line]
    assert any("2 rows of p were deleted" in line for line in told), told


@pytest.mark.parametrize(
    "step",
    [
        "UPDATE p SET id = id + 110 WHERE id < 3;",
        "UPDATE p SET id = id + 110, t = 'x' WHERE id < 3;\nUPDATE p SET t = 'y';\nINSERT INTO p VALUES (50, 'z');",
        "MERGE INTO p USING (VALUES (1), (2)) AS s (id) ON p.id = s.id WHEN MATCHED THEN UPDATE SET t = 'm';\n"
        "UPDATE p SET id = 150 WHERE id = 3;",
    ],
)
def test_rows_that_updates_move_to_another_part_are_no_loss(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTS)
    (effect,) = passes(postgres_url, migrations, step).effects
    assert (effect.table, effect.deleted, effect.inserted) == ("p", 0, 1 if "INSERT" in step else 0)


def test_a_truncate_that_nobody_saw_is_found_behind_one_that_found_no_row(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2), (3);"
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE plpgsql AS 'BEGIN TRUNCATE t; RETURN 1; END';"
    )
    step = "SELECT wipe();\nTRUNCATE t;\nINSERT INTO t VALUES (7);\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert "loss guard: the table t was truncated, with 3 rows" in lines[0]


def test_what_was_written_anew_and_emptied_by_delete_is_told_once(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2), (3);")
    step = "ALTER TABLE t ALTER COLUMN id TYPE BIGINT;\nDELETE FROM t;\nTRUNCATE t;\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert [line for line in lines if "loss guard" in line] == [
        "0001_step.sql:2: loss guard: 3 rows of t were deleted (DELETE in line 2), and no may-lose names it"
    ]


INHERITED = """
CREATE TABLE t (id INTEGER, x TEXT);
CREATE TABLE c () INHERITS (t);
INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO c VALUES (11, 'a'), (12, 'a'), (13, 'a'), (14, 'x');
"""


@pytest.mark.parametrize("step", ["DO $$ BEGIN TRUNCATE ONLY t; END $$;", "TRUNCATE ONLY t;"])
def test_of_a_table_that_others_inherit_from_its_own_rows_count(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(INHERITED)
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert [line for line in lines if "loss guard: the table t was truncated, with 3 rows" in line]
    assert not [line for line in lines if "table c" in line]


def test_an_update_of_another_table_of_that_name_moves_no_row(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTS + "CREATE SCHEMA s2; CREATE TABLE s2.p AS SELECT * FROM p;")
    step = (
        "SET LOCAL search_path TO s2, public;\nUPDATE p SET t = 'x';\nDELETE FROM public.p WHERE id < 4;\n"
        "INSERT INTO public.p VALUES (21, 'n'), (22, 'n'), (23, 'n');\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("3 rows of p were deleted" in line for line in lines), lines


MADE_ANEW = """
CREATE TABLE n2 (id INTEGER PRIMARY KEY, t TEXT){};
{}INSERT INTO n2 SELECT id, t FROM q;
DROP TABLE q;
ALTER TABLE n2 RENAME TO q;
"""
TWO_PARTS = "CREATE TABLE na PARTITION OF n2 FOR VALUES FROM (0) TO (4);\nCREATE TABLE nb PARTITION OF n2 DEFAULT;\n"
MADE_ANEW_IN_PARTS = MADE_ANEW.format(" PARTITION BY RANGE (id)", TWO_PARTS)
EMPTIED_LATER = {
    "a part is truncated": MADE_ANEW_IN_PARTS + "TRUNCATE na;\n",
    "a part is truncated and filled": MADE_ANEW_IN_PARTS
    + "TRUNCATE na;\nINSERT INTO q VALUES (0, 'n'), (1, 'n'), (2, 'n');\n",
    "a part is dropped": MADE_ANEW_IN_PARTS + "DROP TABLE na;\n",
    "a part is detached and dropped": MADE_ANEW_IN_PARTS + "ALTER TABLE q DETACH PARTITION na;\nDROP TABLE na;\n",
    "it is truncated": MADE_ANEW.format("", "") + "TRUNCATE q;\n",
}


@pytest.mark.parametrize("name", EMPTIED_LATER)
def test_a_table_made_anew_that_is_emptied_and_filled_again_has_lost_its_rows(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE q (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO q SELECT g, 'x' FROM generate_series(1, 5) AS g;"
    )
    step = (
        EMPTIED_LATER[name] + "DO $$ BEGIN INSERT INTO q SELECT g, 'new' FROM generate_series(101, 109) AS g; END $$;\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    rows = 5 if name == "it is truncated" else 3
    told = f"the table q was truncated, with {rows} rows" if "truncated" in name else f"{rows} rows of q were deleted"
    assert any(told in line for line in lines), lines
    passes(postgres_url, migrations, MADE_ANEW_IN_PARTS if MADE_ANEW_IN_PARTS in step else MADE_ANEW.format("", ""))


def test_a_dropped_table_is_no_part_of_the_one_in_its_place(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE q (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO q VALUES (1, 'a'), (2, 'b');"
    )
    step = (
        "CREATE TABLE n2 (id INTEGER NOT NULL PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);\n"
        "ALTER TABLE n2 ATTACH PARTITION q DEFAULT;\nDROP TABLE q;\nALTER TABLE n2 RENAME TO q;\n"
        "CREATE TABLE nd PARTITION OF q DEFAULT;\nINSERT INTO q VALUES (11, 'n'), (12, 'n');\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("the table q was dropped, with 2 rows" in line for line in lines), lines


@pytest.mark.parametrize("name", ["archive", "notes"])
def test_what_may_be_lost_of_a_partitioned_table_is_not_what_was_attached_to_it(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO notes VALUES (1, 'a');"
    )
    step = (
        f"-- sessmig: may-lose {name}\nCREATE TABLE archive (id INTEGER PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);\n"
        "ALTER TABLE archive ATTACH PARTITION notes DEFAULT;\nDELETE FROM notes;\n"
    )
    if name == "notes":
        passes(postgres_url, migrations, step)
        return
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("1 row of archive was deleted" in line for line in lines), lines


def test_a_part_is_dropped_and_its_rows_go_from_the_copy_before_the_whole_is_dropped(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(PARTS)
    copied = "CREATE TABLE n2 (id INTEGER PRIMARY KEY, t TEXT);\nINSERT INTO n2 SELECT * FROM p;\n"
    copied += "DROP VIEW v;\nDROP TABLE p1;\n"
    rest = "DROP TABLE p;\nALTER TABLE n2 RENAME TO p;\n"
    step = f"{copied}DELETE FROM n2 WHERE id < 100;\n{rest}"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("3 rows of p1 were deleted" in line for line in lines), lines
    passes(postgres_url, migrations, copied + rest)


OLDER = """
CREATE TABLE notes (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO notes VALUES (1, 'a'), (2, 'b');
CREATE TABLE archive (id INTEGER NOT NULL PRIMARY KEY, t TEXT); INSERT INTO archive VALUES (1, 'other'), (2, 'b');
"""


def test_an_older_table_that_is_attached_holds_no_rows_of_the_dropped_one(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(OLDER)
    step = (
        "CREATE TABLE n2 (id INTEGER PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);\n"
        "ALTER TABLE n2 ATTACH PARTITION archive DEFAULT;\nDROP TABLE notes;\nALTER TABLE n2 RENAME TO notes;\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("the table notes was dropped, with 2 rows" in line for line in lines), lines


def test_a_declared_column_is_not_that_of_a_table_which_is_attached_later(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(OLDER + "CREATE TABLE p (id INTEGER, t TEXT) PARTITION BY RANGE (id);")
    step = (
        "-- sessmig: may-lose p.t\nALTER TABLE p DROP COLUMN t;\nALTER TABLE notes DROP COLUMN t;\n"
        "ALTER TABLE p ATTACH PARTITION notes DEFAULT;\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("the column notes.t was dropped, with 2 values" in line for line in lines), lines


AS_PARTS = {
    "a table made anew becomes a part": (
        "CREATE TABLE n2 (id INTEGER PRIMARY KEY, t TEXT);\nINSERT INTO n2 SELECT * FROM notes;\nDROP TABLE notes;\n"
        "ALTER TABLE n2 RENAME TO notes;\nCREATE TABLE q (id INTEGER PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);\n"
        "ALTER TABLE q ATTACH PARTITION notes DEFAULT;\n"
    ),
    "a default part is parted": (
        "ALTER TABLE p DETACH PARTITION pd;\nCREATE TABLE pd2 PARTITION OF p DEFAULT;\n"
        "INSERT INTO p SELECT * FROM pd;\nDROP TABLE pd;\nALTER TABLE pd2 RENAME TO pd;\n"
    ),
}


@pytest.mark.parametrize("name", AS_PARTS)
def test_a_table_made_anew_may_be_a_part_in_the_end(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        OLDER + "CREATE TABLE p (id INTEGER PRIMARY KEY, t TEXT) PARTITION BY RANGE (id);"
        "CREATE TABLE pd PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, 'a'), (2, 'b');"
    )
    last = AS_PARTS[name].split()[-1].rstrip(";") if "parted" in name else "notes"
    lines = stopped(
        postgres_url, migrations, probe(postgres_url), f"{AS_PARTS[name]}DELETE FROM {last} WHERE id = 1;\n"
    )
    assert any("1 row of" in line and "was deleted" in line for line in lines), lines
    passes(postgres_url, migrations, AS_PARTS[name])


UNSEEN_ARRIVALS = {
    "a MERGE": "MERGE INTO p USING src ON p.id = src.id WHEN NOT MATCHED THEN INSERT VALUES (src.id, 'n');\n",
    "a WITH": "WITH n AS (INSERT INTO p SELECT * FROM src RETURNING id) SELECT count(*) FROM n;\n",
}


@pytest.mark.parametrize("name", UNSEEN_ARRIVALS)
@pytest.mark.parametrize("gone", ["DROP TABLE p1;\n", "TRUNCATE p1;\n"])
def test_the_counters_of_a_part_that_is_gone_do_not_hide_what_was_deleted_in_another(
    gone: str, name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        PARTS + "CREATE TABLE src AS SELECT g AS id, 'n' AS t FROM generate_series(151, 153) AS g;"
    )
    step = f"-- sessmig: may-lose p1\nUPDATE p SET t = 'u';\n{gone}{UNSEEN_ARRIVALS[name]}"
    step += "DELETE FROM p WHERE id IN (101, 102);\n"
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("2 rows of p were deleted" in line for line in lines), lines


@pytest.mark.parametrize("name", UNSEEN_ARRIVALS)
def test_an_update_of_another_schema_hides_no_delete_beside_rows_that_arrive_unseen(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        PARTS + "CREATE TABLE src AS SELECT g AS id, 'n' AS t FROM generate_series(151, 153) AS g;"
        "CREATE SCHEMA s2; CREATE TABLE s2.p AS SELECT * FROM p;"
    )
    step = (
        "SET search_path TO s2;\nUPDATE p SET t = 'u';\nSET search_path TO public;\n"
        f"{UNSEEN_ARRIVALS[name]}DELETE FROM p WHERE id IN (101, 102);\n"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert any("2 rows of p were deleted" in line for line in lines), lines


EMPTY = {
    "that inherits": ("ALTER TABLE par ALTER COLUMN x TYPE bigint;\n", "CREATE TABLE ch () INHERITS (par);"),
    "of a type": ("ALTER TYPE ty ALTER ATTRIBUTE a TYPE bigint CASCADE;\n", "CREATE TABLE tt OF ty;"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_table_that_is_written_anew_with_another_has_lost_nothing(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, making = EMPTY[name]
    probe(postgres_url).execute(
        "CREATE TABLE par (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO par VALUES (1, 1);"
        f"CREATE TYPE ty AS (a INTEGER);{making}"
    )
    passes(postgres_url, migrations, step)


def test_what_a_cascade_from_a_table_of_an_extension_takes_is_told(
    postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(
        "CREATE TABLE par (id INTEGER PRIMARY KEY); INSERT INTO par VALUES (1), (2);"
        "CREATE TABLE ch (id INTEGER PRIMARY KEY REFERENCES par ON DELETE CASCADE); INSERT INTO ch VALUES (1), (2);"
        "CREATE EXTENSION hstore; ALTER EXTENSION hstore ADD TABLE par;"
    )
    lines = stopped(postgres_url, migrations, probe(postgres_url), "DELETE FROM par WHERE id = 1;\n")
    assert any("1 row of ch was deleted" in line for line in lines), lines
    passes(postgres_url, migrations, "-- sessmig: may-lose ch\nDELETE FROM par WHERE id = 1;\n")
