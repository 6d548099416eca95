"""A step that changes its source by another name, or by another table: the account speaks of before all the same."""

from __future__ import annotations

import pytest

from sessmig import CheckError
from sessmig.merge_sql import MergeSql
from sessmig.terms import relations
from tests.fixtures.files import WriteMigrations
from tests.merge.moving import Probes, files, moved, refused
from tests.run.doing import migrate

NOTES = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, b TEXT);"
    "INSERT INTO notes VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e');"
)
TARGET = "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);"
MERGE = "-- merge: notes into t on id comparing b\n"
COPY = "INSERT INTO t SELECT * FROM notes;\n"
KEYED = (
    "CREATE TABLE s (id INTEGER PRIMARY KEY); INSERT INTO s VALUES (1), (2);"
    "CREATE TABLE m (id INTEGER PRIMARY KEY, sid INTEGER REFERENCES s (id) ON {});"
    "INSERT INTO m VALUES (1, 1), (2, 2); CREATE TABLE t (id INTEGER PRIMARY KEY, sid INTEGER);"
)
PARTS = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, b TEXT) PARTITION BY RANGE (id);"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (6); CREATE TABLE p2 PARTITION OF p DEFAULT;"
    "INSERT INTO p SELECT g, 'r' || g FROM generate_series(1, 10) AS g;"
)
HEIR = "CREATE TABLE heir () INHERITS (notes); INSERT INTO heir VALUES (7, 'z');"
VIEW = "CREATE VIEW v AS SELECT * FROM notes;"
TOUCH = (
    "CREATE TRIGGER touch AFTER {} ON t BEGIN UPDATE notes SET b = ''; END;",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN UPDATE notes SET b = ''''; RETURN NULL; END';"
    "CREATE TRIGGER touch AFTER {} ON t FOR EACH ROW EXECUTE FUNCTION touch();",
)


@pytest.mark.parametrize(
    ("before", "step", "verify"),
    [
        (
            NOTES + TARGET,
            "ALTER TABLE notes RENAME TO old;\nUPDATE old SET b = '';\nINSERT INTO t SELECT * FROM old;\n",
            MERGE + "-- source after: old\n",
        ),
        (
            NOTES + TARGET,
            "ALTER TABLE notes RENAME TO way;\nALTER TABLE way RENAME TO old;\n"
            "UPDATE old SET b = 'x';\nINSERT INTO t SELECT * FROM old;\n",
            MERGE + "-- source after: old\n",
        ),
        (
            NOTES + TARGET,
            "ALTER TABLE notes RENAME TO way;\nUPDATE way SET b = '';\nALTER TABLE way RENAME TO notes;\n" + COPY,
            MERGE,
        ),
        (
            NOTES + TARGET,
            "-- sessmig: may-lose notes, old\nALTER TABLE notes RENAME TO old;\nDELETE FROM old WHERE id < 3;\n"
            "INSERT INTO old VALUES (11, 'x'), (12, 'y');\nINSERT INTO t SELECT * FROM old;\n",
            MERGE + "-- source after: old\n",
        ),
        (
            NOTES + TARGET + VIEW,
            "UPDATE notes SET b = '';\nINSERT INTO t SELECT * FROM v;\n",
            "-- merge: v into t on id comparing b\n",
        ),
        (
            NOTES + TARGET + VIEW,
            "UPDATE notes SET b = '';\nINSERT INTO t SELECT * FROM v;\n",
            "-- merge: (SELECT w.id, w.b FROM t AS u RIGHT JOIN v AS w ON w.id = u.id) into t on id comparing b\n",
        ),
        (
            NOTES + TARGET,
            "ALTER TABLE notes RENAME COLUMN b TO old_b;\nALTER TABLE notes ADD COLUMN b TEXT DEFAULT '';\n"
            "INSERT INTO t SELECT id, b FROM notes;\n",
            MERGE,
        ),
        (
            NOTES + TARGET,
            "-- sessmig: may-lose notes.b\nALTER TABLE notes DROP COLUMN b;\n"
            "ALTER TABLE notes ADD COLUMN b TEXT DEFAULT '';\n" + COPY,
            MERGE,
        ),
        (
            KEYED.format("UPDATE CASCADE"),
            "UPDATE s SET id = id + 100;\nINSERT INTO t SELECT * FROM m;\n",
            "-- merge: m into t on id comparing sid\n",
        ),
        (
            KEYED.format("UPDATE CASCADE"),
            "ALTER TABLE s RENAME TO other;\nUPDATE other SET id = id + 100;\nINSERT INTO t SELECT * FROM m;\n",
            "-- merge: m into t on id comparing sid\n",
        ),
        (
            KEYED.format("DELETE SET NULL"),
            "-- sessmig: may-lose s\nDELETE FROM s;\nINSERT INTO t SELECT * FROM m;\n",
            "-- merge: m into t on id comparing sid\n",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b INTEGER); INSERT INTO t VALUES (8, NULL), (9, NULL);"
            "CREATE TABLE m (id INTEGER PRIMARY KEY, b INTEGER REFERENCES t (id) ON UPDATE CASCADE);"
            "INSERT INTO m VALUES (1, 8), (2, 9);",
            "UPDATE t SET id = id + 100;\nINSERT INTO t SELECT * FROM m;\n",
            "-- merge: m into t on id comparing b\n",
        ),
        (
            NOTES + TARGET,
            "CREATE TABLE n2 (id INTEGER PRIMARY KEY, b TEXT);\nDROP TABLE n2;\nUPDATE \"notes\" SET b = '';\n" + COPY,
            MERGE,
        ),
        (NOTES + TARGET, "UPDATE /* all */ notes AS n SET b = '';\n" + COPY, MERGE),
    ],
)
def test_a_source_that_is_changed_by_way_of_something_else_is_compared_as_it_was(
    before: str, step: str, verify: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(before)
    lines = refused(database_url, migrations, database, step, verify)
    assert "missing in the target" in lines[1] or "with other values" in lines[1]


@pytest.mark.parametrize(
    "update",
    [
        "UPDATE 'notes' SET b = '';",
        "UPDATE main/**/.notes SET b = '';",
        "UPDATE main . [notes] SET b = '';",
        "UPDATE `main`.'notes' SET b = '';",
        "UPDATE OR IGNORE NOTES SET b = '';",
        "CREATE TEMP TRIGGER n AFTER INSERT ON x BEGIN UPDATE notes SET b = ''; END;\nINSERT INTO x VALUES (1);\n"
        "DROP TRIGGER temp.n;",
        "CREATE TEMP VIEW w AS SELECT * FROM notes;\n"
        "CREATE TEMP TRIGGER n INSTEAD OF INSERT ON w BEGIN UPDATE notes SET b = ''; END;\n"
        "INSERT INTO w VALUES (1, '');\nDROP VIEW temp.w;",
    ],
)
def test_on_sqlite_a_source_is_known_however_it_is_written(
    update: str, sqlite_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(sqlite_url)
    database.execute(NOTES + TARGET + "CREATE TABLE x (i INTEGER);")
    lines = refused(sqlite_url, migrations, database, f"{update}\n{COPY}", MERGE)
    assert "with other values" in lines[1]


@pytest.mark.parametrize(
    ("before", "step", "verify"),
    [
        (NOTES + VIEW, "UPDATE v SET b = '';\n" + COPY, MERGE),
        (PARTS, "UPDATE p SET b = '';\nINSERT INTO t SELECT * FROM p1;\n", "-- merge: p1 into t on id comparing b\n"),
        (PARTS, "UPDATE p1 SET b = '';\nINSERT INTO t SELECT * FROM p;\n", "-- merge: p into t on id comparing b\n"),
        (
            NOTES + HEIR,
            "UPDATE notes SET b = '';\nINSERT INTO t SELECT * FROM heir;\n",
            "-- merge: heir into t on id comparing b\n",
        ),
        (
            PARTS,
            "-- sessmig: may-lose p\nDELETE FROM p1 WHERE id < 3;\nINSERT INTO p VALUES (21, 'x'), (22, 'y');\n"
            "INSERT INTO t SELECT * FROM p;\n",
            "-- merge: p into t on id comparing b\n",
        ),
        (
            PARTS,
            "-- sessmig: may-lose p\nDELETE FROM p WHERE id = 1;\nINSERT INTO p VALUES (0, 'x');\n"
            "INSERT INTO t SELECT * FROM p1;\n",
            "-- merge: p1 into t on id comparing b\n",
        ),
        (
            NOTES,
            "CREATE TABLE whole (id INTEGER NOT NULL, b TEXT) PARTITION BY RANGE (id);\n"
            "ALTER TABLE whole ATTACH PARTITION notes DEFAULT;\nUPDATE whole SET b = '';\n" + COPY,
            MERGE,
        ),
        (
            NOTES,
            "DO $$ BEGIN IF true THEN UPDATE notes SET b = ''; END IF; END $$;\n" + COPY,
            MERGE,
        ),
        (NOTES, "DO $$ BEGIN EXECUTE 'UP' || 'DATE notes SET b = NULL'; END $$;\n" + COPY, MERGE),
        (
            NOTES + "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'UPDATE notes SET b = NULL';",
            "SELECT f();\n" + COPY,
            MERGE,
        ),
        (
            NOTES + "CREATE SCHEMA s2; CREATE TABLE x (id int, b text); CREATE VIEW s2.x AS SELECT * FROM notes;",
            "SET LOCAL search_path TO s2, public;\nUPDATE x SET b = '';\n" + COPY,
            MERGE,
        ),
        (
            TARGET + NOTES + "ALTER TABLE notes INHERIT t;",
            "UPDATE t SET b = '';\nINSERT INTO t SELECT * FROM notes ON CONFLICT DO NOTHING;\n",
            "-- merge: notes into (SELECT * FROM ONLY t) on id comparing b\n",
        ),
    ],
)
def test_on_postgres_views_parts_heirs_and_functions_change_a_source_too(
    before: str, step: str, verify: str, postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(before if "TABLE t " in before else before + TARGET)
    lines = refused(postgres_url, migrations, database, step, verify)
    assert "missing in the target" in lines[1] or "with other values" in lines[1]


def test_a_trigger_of_the_target_that_changes_the_source_is_seen(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    trigger = TOUCH[database_url.startswith("postgres")].format("INSERT")
    database.execute(NOTES + TARGET + trigger)
    step = "INSERT INTO t VALUES (9, 'z');\n" + COPY
    lines = refused(database_url, migrations, database, step, MERGE)
    assert "5 rows in the target with other values" in lines[1]


def test_a_source_under_another_name_may_not_have_fewer_rows_than_before(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(database_url)
    database.execute(NOTES + TARGET)
    step = f"-- sessmig: may-lose notes, old\n{COPY}ALTER TABLE notes RENAME TO old;\nDELETE FROM old WHERE id = 1;\n"
    lines = refused(database_url, migrations, database, step, MERGE + "-- source after: old\n")
    assert lines[1] == "the source held 5 rows before the step, and 4 after it"


QUIET = [
    COPY,
    "INSERT INTO t SELECT * FROM notes WHERE true ON CONFLICT (id) DO UPDATE SET b = excluded.b;\n",
    COPY + "UPDATE t SET b = trim(b) WHERE id > 3;\n",
    "CREATE TABLE fresh (id INTEGER, b TEXT);\nINSERT INTO fresh SELECT * FROM notes;\nUPDATE fresh SET b = trim(b);\n"
    "INSERT INTO t SELECT * FROM fresh;\nDROP TABLE fresh;\n",
    "CREATE INDEX t_b ON t (b);\n" + COPY + "INSERT INTO x VALUES (1), (2);\n",
    "ALTER TABLE t ADD COLUMN c TEXT;\nINSERT INTO t (id, b) SELECT id, b FROM notes;\n",
    COPY + "CREATE TABLE IF NOT EXISTS x (i INTEGER);\nINSERT INTO x (i) SELECT id FROM notes;\n",
]


@pytest.mark.parametrize("step", QUIET)
def test_an_ordinary_merge_keeps_no_copy(
    step: str, database_url: str, migrations: WriteMigrations, probe: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With millions of rows it would take its time."""
    monkeypatch.setattr(MergeSql, "copy", _uncalled)
    probe(database_url).execute(NOTES + TARGET + "CREATE TABLE x (i INTEGER);")
    assert moved(database_url, migrations, step, MERGE).inserted == 5


@pytest.mark.parametrize(
    ("step", "verify"),
    [
        (COPY + "ALTER TABLE notes RENAME TO old;\n", MERGE + "-- source after: old\n"),
        (COPY, "-- merge: (SELECT n.id, b FROM notes AS n) into t on id comparing b\n"),
        (
            "CREATE TABLE IF NOT EXISTS made (id INTEGER PRIMARY KEY, b TEXT);\n"
            "INSERT INTO made SELECT * FROM notes;\n",
            "-- merge: notes into made on id comparing b\n",
        ),
        (COPY + "INSERT INTO x SELECT 9 WHERE 1 = 0;\nCREATE TABLE later AS SELECT * FROM x;\n", MERGE),
    ],
)
def test_a_rename_a_query_and_a_target_that_the_step_makes_need_no_copy_either(
    step: str,
    verify: str,
    database_url: str,
    migrations: WriteMigrations,
    probe: Probes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MergeSql, "copy", _uncalled)
    probe(database_url).execute(NOTES + TARGET + "CREATE TABLE x (i INTEGER);")
    assert moved(database_url, migrations, step, verify).inserted == 5


def _uncalled(_: MergeSql) -> str:
    raise AssertionError("a copy is kept")


def test_an_heir_may_hold_a_key_a_second_time(postgres_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    database = probe(postgres_url)
    database.execute(NOTES + TARGET + HEIR + "INSERT INTO heir VALUES (1, 'a');")
    step = "INSERT INTO t SELECT * FROM notes ON CONFLICT DO NOTHING;\n"
    lines = refused(postgres_url, migrations, database, step, MERGE)
    assert lines[1] == "1 key of the source stands there more than once"


def test_merges_share_a_source_however_each_writes_it(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(NOTES + TARGET + "CREATE TABLE u (id INTEGER PRIMARY KEY, b TEXT);")
    step = "INSERT INTO t SELECT * FROM notes WHERE id < 3;\nINSERT INTO u SELECT * FROM notes WHERE id >= 3;\n"
    verify = (
        f"{MERGE}-- reject: other where id >= 3\n\n"
        "-- merge: public.notes into u on id comparing b\n-- reject: other where id < 3\n"
    )
    accounts = migrate(postgres_url, files(migrations, step + "DELETE FROM notes;\n", verify)).steps[0].merges
    assert [account.inserted for account in accounts] == [2, 3]
    assert database.value("SELECT count(*) FROM notes") == 0


def test_what_neither_merge_takes_is_lost_however_each_writes_the_source(
    postgres_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    database = probe(postgres_url)
    database.execute(NOTES + TARGET + "CREATE TABLE u (id INTEGER PRIMARY KEY, b TEXT);")
    step = "INSERT INTO t SELECT * FROM notes WHERE id < 3;\nINSERT INTO u SELECT * FROM notes WHERE id > 3;\n"
    verify = (
        f"{MERGE}-- reject: other where id >= 3\n\n"
        "-- merge: public.notes into u on id comparing b\n-- reject: other where id <= 3\n"
    )
    with pytest.raises(CheckError, match="loss guard: 1 row of notes was deleted"):
        migrate(postgres_url, files(migrations, step + "DELETE FROM notes;\n", verify))
    assert database.value("SELECT count(*) FROM notes") == 5


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("(SELECT o.id FROM (x.o AS o JOIN x.us AS u ON o.u = u.u))", [("x", "o"), ("x", "us")]),
        ('(SELECT o.id FROM ("O" AS o JOIN us AS u ON o.u = u.u), more)', [("O",), ("us",), ("more",)]),
        ("(SELECT 1 FROM ((a JOIN x.b USING (id)) JOIN c USING (id)))", [("a",), ("x", "b"), ("c",)]),
        ("(SELECT 1 FROM (SELECT id FROM a) AS s, (x.b))", [("a",), ("x", "b")]),
        ("(SELECT 1 FROM f(a.b) AS s)", [("f",)]),
    ],
)
def test_the_tables_of_a_source_are_found_behind_parentheses(query: str, names: list[tuple[str, ...]]) -> None:
    """So pg_dump writes the joins of views."""
    assert list(relations(query, "postgres")) == names
