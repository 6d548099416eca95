"""A table made anew keeps its rows, or the guard says which it lost; done rightly it is no loss."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import passes, stopped

ITEMS = """
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER);
CREATE TABLE words (word TEXT, note TEXT);
INSERT INTO items VALUES (1, 'tea', 3), (2, 'cake', NULL), (3, 'pie', 5), (4, 'jam', 6);
INSERT INTO words VALUES ('a', 'x'), ('b', NULL), ('b', NULL);
"""
SHAPE = "(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER CHECK (price > 0))"
NEW_FIRST = f"""CREATE TABLE items_new {SHAPE};
INSERT INTO items_new (id, name, price) SELECT id, name, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
"""
OLD_FIRST = f"""ALTER TABLE items RENAME TO items_old;
CREATE TABLE items {SHAPE};
INSERT INTO items (id, name, price) SELECT id, name, price FROM items_old;
DROP TABLE items_old;
"""
RIGHT = {
    "new first": NEW_FIRST,
    "old first": OLD_FIRST,
    "without a key": "CREATE TABLE n (word TEXT NOT NULL, note TEXT);\nINSERT INTO n SELECT * FROM words;\n"
    "DROP TABLE words;\nALTER TABLE n RENAME TO words;\n",
    "with its index": "CREATE INDEX by_name ON items (name);\n" + NEW_FIRST + "CREATE INDEX by_name ON items (name);\n",
    "with another type of key": "CREATE TABLE n (id TEXT PRIMARY KEY, name TEXT, price INTEGER);\n"
    "INSERT INTO n SELECT CAST(id AS TEXT), name, price FROM items;\n"
    "DROP TABLE items;\nALTER TABLE n RENAME TO items;\n",
    "with its columns in another order": "CREATE TABLE n (price INTEGER, name TEXT, id INTEGER PRIMARY KEY);\n"
    "INSERT INTO n SELECT price, name, id FROM items;\nDROP TABLE items;\nALTER TABLE n RENAME TO items;\n",
    "through a table on the way": "CREATE TABLE way AS SELECT * FROM items;\n" + NEW_FIRST + "DROP TABLE way;\n",
    "twice": NEW_FIRST + NEW_FIRST,
    "and renamed after it": NEW_FIRST + "ALTER TABLE items RENAME TO goods;\nALTER TABLE goods RENAME TO things;\n"
    "CREATE TABLE items AS SELECT id FROM things;\n",
    "after it was renamed": "ALTER TABLE words RENAME TO items_words;\n"
    + "ALTER TABLE items RENAME TO goods;\n"
    + NEW_FIRST.replace("items", "goods")
    + "ALTER TABLE goods RENAME TO items;\n",
}
WRONG = {
    "a WHERE that forgets rows": (
        NEW_FIRST.replace("FROM items;", "FROM items WHERE price > 3;"),
        "2 rows of items were deleted (table made anew, DROP TABLE in line 3)",
        ["    id", "    1", "    2"],
    ),
    "old first, a WHERE that forgets rows": (
        OLD_FIRST.replace("FROM items_old;", "FROM items_old WHERE price > 3;"),
        "2 rows of items were deleted (table made anew, DROP TABLE in line 4)",
        ["    id", "    1", "    2"],
    ),
    "other rows in their place": (
        NEW_FIRST.replace("SELECT id,", "SELECT id + 2,"),
        "2 rows of items were deleted (table made anew, DROP TABLE in line 3)",
        ["    id", "    1", "    2"],
    ),
    "a column that is forgotten": (
        NEW_FIRST.replace(", price INTEGER CHECK (price > 0)", "").replace(", price", ""),
        "the column items.price was dropped, with 3 values",
        [],
    ),
    "rows without a key": (
        "CREATE TABLE n (word TEXT, note TEXT);\nINSERT INTO n SELECT DISTINCT * FROM words;\n"
        "DROP TABLE words;\nALTER TABLE n RENAME TO words;\n",
        "1 row of words was deleted (table made anew, DROP TABLE in line 3)",
        [],
    ),
    "no rows at all": (
        NEW_FIRST.replace("INSERT INTO items_new (id, name, price) SELECT id, name, price FROM items;", "SELECT 1;"),
        "4 rows of items were deleted (table made anew, DROP TABLE in line 3)",
        ["    id", "    1", "    2", "    3", "    4"],
    ),
    "rows deleted before it": (
        "DELETE FROM items WHERE price IS NULL;\n" + NEW_FIRST,
        "1 row of items was deleted (DELETE in line 1)",
        [],
    ),
    "rows deleted after it": (
        NEW_FIRST + "DELETE FROM items WHERE price IS NULL;\n",
        "1 row of items was deleted (DELETE in line 5)",
        [],
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_rebuild_that_keeps_every_row_is_no_loss(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    passes(database_url, migrations, RIGHT[name])
    assert probe(database_url).value("SELECT count(*) FROM items") == 4


@pytest.mark.parametrize("name", WRONG)
def test_a_rebuild_that_loses_something_is_undone_and_says_what(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, what, keys = WRONG[name]
    probe(database_url).execute(ITEMS)
    lines = stopped(database_url, migrations, probe(database_url), step)
    told = [line for line in lines if what in line]
    assert len(told) == 1, lines
    start = lines.index(told[0]) + 1
    assert lines[start : start + len(keys)] == keys


@pytest.mark.parametrize("name", WRONG)
def test_a_rebuild_may_lose_what_its_file_declares(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, _, _ = WRONG[name]
    probe(database_url).execute(ITEMS)
    passes(database_url, migrations, "-- sessmig: may-lose items, words\n" + step)


def test_a_rebuild_shows_the_rows_before_and_after_it(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    report = passes(database_url, migrations, NEW_FIRST + "INSERT INTO items VALUES (5, 'bun', 1);\n")
    (effect,) = report.effects
    assert (effect.table, effect.before, effect.after, effect.inserted, effect.deleted) == ("items", 4, 5, 1, 0)


def test_a_table_that_is_renamed_and_then_made_anew_under_its_new_name_keeps_its_rows(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    step = "ALTER TABLE items RENAME TO goods;\n" + OLD_FIRST.replace("items", "goods")
    report = passes(database_url, migrations, step)
    (effect,) = report.effects
    assert (effect.table, effect.before, effect.after, effect.inserted, effect.deleted) == ("goods", 4, 4, 0, 0)


def test_a_table_made_anew_twice_under_names_that_it_has_borne_keeps_its_rows(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    renamed = "ALTER TABLE items RENAME TO goods;\n"
    report = passes(database_url, migrations, NEW_FIRST + renamed + OLD_FIRST.replace("items", "goods"))
    assert [(effect.table, effect.before, effect.after) for effect in report.effects] == [("goods", 4, 4)]


def test_an_empty_table_that_is_made_anew_too_takes_no_other_ones_place(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute("CREATE TABLE apart (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);" + ITEMS)
    swap = "".join(
        f"ALTER TABLE {old} RENAME TO {new};\n" for old, new in [("items", "way"), ("apart", "items"), ("way", "apart")]
    )
    report = passes(database_url, migrations, OLD_FIRST + swap + OLD_FIRST)
    assert {effect.table: effect.after for effect in report.effects} == {"apart": 4, "items": 0}


def test_one_that_is_renamed_and_then_made_anew_with_fewer_rows_is_undone(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    step = "ALTER TABLE items RENAME TO goods;\n" + OLD_FIRST.replace("items", "goods")
    lines = stopped(
        database_url, migrations, probe(database_url), step.replace("_old;\nDROP", "_old WHERE id > 1;\nDROP")
    )
    told = "1 row of items was deleted (table made anew, DROP TABLE in line 5)"
    assert [line for line in lines if told in line]


@pytest.mark.parametrize("first", [NEW_FIRST, OLD_FIRST], ids=["new first", "old first"])
@pytest.mark.parametrize(
    ("after", "number"),
    [
        ("REPLACE INTO items VALUES (1, 'x', 1), (9, 'y', 1);\n", 1),
        (
            "CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items WHERE id < 3; END;\n"
            "INSERT INTO items VALUES (8, 'x', 1), (9, 'y', 1);\n",
            2,
        ),
    ],
    ids=["replace", "trigger"],
)
def test_rows_that_go_unseen_from_a_table_made_anew_are_counted(
    first: str, after: str, number: int, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(ITEMS)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), first + after)
    assert f"loss guard: {number} row{'s' * (number > 1)} of items " in lines[0]
    upsert = "INSERT INTO items VALUES (1, 'x', 1), (9, 'y', 1) ON CONFLICT (id) DO UPDATE SET name = excluded.name;\n"
    passes(sqlite_url, migrations, first + upsert)


FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO children VALUES (1, 1), (2, 1), (3, 2);
"""
NEW_PARENTS = """CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO parents_new SELECT id, name FROM parents;
DROP TABLE parents;
ALTER TABLE parents_new RENAME TO parents;
"""


def test_a_rebuild_with_foreign_keys_on_that_empties_the_children_is_undone(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), NEW_PARENTS)
    assert lines[:5] == [
        "0001_step.sql:3: loss guard: 3 rows of children were deleted (cascade from parents), and no may-lose names it",
        "    id",
        "    1",
        "    2",
        "    3",
    ]


def test_a_rebuild_that_empties_children_made_anew_just_before_is_undone(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    children = """CREATE TABLE children_new (
    id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE
);
INSERT INTO children_new SELECT * FROM children;
DROP TABLE children;
ALTER TABLE children_new RENAME TO children;
"""
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), children + NEW_PARENTS)
    assert any("loss guard: 3 rows of children were deleted" in line for line in lines), lines


def test_rows_that_wait_in_another_table_while_theirs_is_made_anew_are_no_loss(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    step = (
        "CREATE TABLE kept AS SELECT * FROM items;\nDROP TABLE items;\n"
        f"CREATE TABLE items {SHAPE};\nINSERT INTO items SELECT * FROM kept{{}};\nDROP TABLE kept;\n"
    )
    lines = stopped(database_url, migrations, probe(database_url), step.format(" WHERE id <> 2"))
    assert lines[0] == (
        "0001_step.sql:5: loss guard: 1 row of items was deleted (table made anew, DROP TABLE in line 5), "
        "and no may-lose names it"
    )
    passes(database_url, migrations, step.format(""))


def test_children_that_wait_while_their_parents_are_made_anew_are_no_loss(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(FAMILY)
    step = (
        "CREATE TABLE kept AS SELECT * FROM children;\n"
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE);\n"
        f"DROP TABLE children;\n{NEW_PARENTS}INSERT INTO fresh SELECT * FROM kept{{}};\n"
        "ALTER TABLE fresh RENAME TO children;\nDROP TABLE kept;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step.format(" WHERE id > 1"))
    assert "1 row of children was deleted" in lines[0]
    passes(sqlite_url, migrations, step.format(""))
    assert probe(sqlite_url).value("SELECT count(*) FROM children") == 3


@pytest.mark.parametrize(
    "shape",
    [
        "(a TEXT, b INTEGER, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID",
        "(a TEXT, b INTEGER, c TEXT, PRIMARY KEY (a, b))",
    ],
)
def test_a_key_of_several_columns_is_compared_as_one(
    shape: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        f"CREATE TABLE t {shape}; INSERT INTO t VALUES ('x', 1, 'p'), ('x', 2, 'q'), ('y', 1, 'r');"
    )
    step = f"CREATE TABLE n {shape};\nINSERT INTO n SELECT * FROM t{{}};\nDROP TABLE t;\nALTER TABLE n RENAME TO t;\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step.format(" WHERE NOT (a = 'x' AND b = 2)"))
    assert lines[:3] == [
        "0001_step.sql:3: loss guard: 1 row of t was deleted (table made anew, DROP TABLE in line 3), "
        "and no may-lose names it",
        "    a  b",
        "    x  2",
    ]
    passes(sqlite_url, migrations, step.format(""))


def test_keys_that_are_null_are_compared_by_their_number(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT);INSERT INTO t VALUES (NULL, 'a'), (NULL, 'b'), ('k', 'c');"
    )
    step = (
        "CREATE TABLE n (k TEXT PRIMARY KEY, v TEXT);\nINSERT INTO n SELECT * FROM t{};\n"
        "DROP TABLE t;\nALTER TABLE n RENAME TO t;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step.format(" WHERE v <> 'b'"))
    assert "1 row of t was deleted" in lines[0]
    passes(sqlite_url, migrations, step.format(""))


def test_a_rebuild_with_its_triggers_and_views_made_anew_is_no_loss(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    trigger = "CREATE TRIGGER t AFTER DELETE ON items BEGIN DELETE FROM words WHERE word = OLD.name; END;\n"
    view = "CREATE VIEW v AS SELECT name FROM items;\n"
    probe(sqlite_url).execute(ITEMS + trigger + view)
    passes(sqlite_url, migrations, "DROP TRIGGER t;\nDROP VIEW v;\n" + NEW_FIRST + trigger + view)
    assert probe(sqlite_url).value("SELECT count(*) FROM v") == 4


@pytest.mark.parametrize(("old", "new"), [("TEXT", "INTEGER"), ("TEXT", "REAL")])
def test_two_keys_that_are_one_in_the_new_table_are_a_row_less(
    old: str, new: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    is_sqlite = database_url.startswith("sqlite")
    probe(database_url).execute(
        f"CREATE TABLE codes (code {old} PRIMARY KEY, t TEXT NOT NULL);"
        "INSERT INTO codes VALUES ('1', 'x'), ('01', 'y'), ('2', 'z');"
    )
    once = "INSERT OR IGNORE INTO anew SELECT code, t FROM codes;" if is_sqlite else (
        f"INSERT INTO anew SELECT CAST(code AS {new}), t FROM codes ON CONFLICT DO NOTHING;"
    )  # fmt: skip
    step = (
        f"CREATE TABLE anew (code {new} PRIMARY KEY, t TEXT);\n{once}\nINSERT INTO anew VALUES (99, 'q');\n"
        "DROP TABLE codes;\nALTER TABLE anew RENAME TO codes;\n"
    )
    lines = stopped(database_url, migrations, probe(database_url), step)
    assert "1 row of codes was deleted (table made anew, DROP TABLE in line 4)" in lines[0]


def test_keys_of_several_columns_that_are_one_in_the_new_table_are_a_row_less(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE codes (a TEXT, b TEXT, PRIMARY KEY (a, b)); INSERT INTO codes VALUES ('1', 'x'), ('1.0', 'x');"
    )
    step = (
        "CREATE TABLE anew (a REAL, b TEXT, PRIMARY KEY (a, b));\nINSERT OR REPLACE INTO anew SELECT a, b FROM codes;\n"
        "INSERT INTO anew VALUES (9, 'q');\nDROP TABLE codes;\nALTER TABLE anew RENAME TO codes;\n"
    )
    assert "1 row of codes was deleted" in stopped(sqlite_url, migrations, probe(sqlite_url), step)[0]
