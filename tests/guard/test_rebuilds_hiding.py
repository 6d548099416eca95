"""A table made anew hides no loss: not what went before it, nor after it, nor from its parts or columns."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import passes, stopped

SHAPE = "(id INTEGER PRIMARY KEY, name TEXT, price INTEGER)"
ITEMS = f"""
CREATE TABLE items {SHAPE};
CREATE TABLE goods {SHAPE};
INSERT INTO items VALUES (1, 'tea', 3), (2, 'cake', NULL), (3, 'pie', 5);
INSERT INTO goods VALUES (1, 'saw', 3), (2, 'axe', 4), (3, 'file', 5);
"""
ANEW = f"""CREATE TABLE fresh {SHAPE};
INSERT INTO fresh SELECT * FROM items;
DROP TABLE items;
ALTER TABLE fresh RENAME TO items;
"""
NARROW = """CREATE TABLE fresh (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO fresh SELECT id, name FROM items;
DROP TABLE items;
ALTER TABLE fresh RENAME TO items;
"""
EVENTS = """
CREATE TABLE events (id INTEGER, year INTEGER, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE events_24 PARTITION OF events FOR VALUES IN (2024);
CREATE TABLE events_25 PARTITION OF events FOR VALUES IN (2025);
INSERT INTO events VALUES (1, 2024), (2, 2024), (3, 2025);
"""
PARTED_ANEW = """ALTER TABLE events RENAME TO events_old;
CREATE TABLE events (id INTEGER, year INTEGER, PRIMARY KEY (id, year)) PARTITION BY RANGE (year);
CREATE TABLE events_all PARTITION OF events DEFAULT;
INSERT INTO events SELECT * FROM events_old;
DROP TABLE events_old;
"""
DROPPED = "the column items.price was dropped, with 2 values"
COLUMNS = {
    "dropped before it": ("ALTER TABLE items DROP COLUMN price;\n" + NARROW, DROPPED),
    "dropped on the way": (ANEW.replace("ALTER", "ALTER TABLE fresh DROP COLUMN price;\nALTER"), DROPPED),
    "dropped after it": (ANEW + "ALTER TABLE items DROP COLUMN price;\n", DROPPED),
    "renamed after it, and dropped": (
        ANEW + "ALTER TABLE items RENAME COLUMN price TO cost;\nALTER TABLE items DROP COLUMN cost;\n",
        DROPPED,
    ),
    "left empty": (
        ANEW.replace("INTO fresh SELECT *", "INTO fresh (id, name) SELECT id, name"),
        "2 values of items.price did not come along (table made anew, DROP TABLE in line 3)",
    ),
}
EMPTIED = {
    "TRUNCATE before it": ("TRUNCATE items;\n" + ANEW, "the table items was truncated, with 3 rows"),
    "a hidden TRUNCATE before it": (
        "DO $$ BEGIN TRUNCATE items; END $$;\n" + ANEW,
        "the table items was truncated, with 3 rows (DO in line 1)",
    ),
    "TRUNCATE after it": (
        ANEW + "TRUNCATE items;\nINSERT INTO items SELECT * FROM goods;\n",
        "the table items was truncated, with 3 rows",
    ),
}
PARTS = {
    "DROP of a part": ("DROP TABLE events_24;\n", "the table events_24 was dropped, with 2 rows"),
    "a part detached and dropped": (
        "ALTER TABLE events DETACH PARTITION events_24;\nDROP TABLE events_24;\n",
        "the table events_24 was dropped, with 2 rows",
    ),
    "a hidden DROP of a part": (
        "DO $$ BEGIN DROP TABLE events_24; END $$;\n",
        "the table events_24 was dropped, with 2 rows (DO in line 1)",
    ),
    "DELETE in a part": ("DELETE FROM events_24;\n", "2 rows of events were deleted (DELETE in line 1)"),
    "a hidden DELETE": (
        "DO $$ BEGIN DELETE FROM events; END $$;\n",
        "3 rows of events were deleted (a trigger or function)",
    ),
    "TRUNCATE of a part": ("TRUNCATE events_24;\n", "the table events_24 was truncated, with 2 rows"),
    "a hidden TRUNCATE of a part": (
        "DO $$ BEGIN TRUNCATE events_24; END $$;\n",
        "the table events_24 was truncated, with 2 rows (DO in line 1)",
    ),
    "TRUNCATE of the whole": ("TRUNCATE events;\n", "the table events was truncated, with 3 rows"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_rebuild_hides_no_lost_column(
    name: str, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, what = COLUMNS[name]
    probe(database_url).execute(ITEMS)
    lines = stopped(database_url, migrations, probe(database_url), step)
    assert [line for line in lines if what in line], lines
    assert "may-lose items.price at" in lines[-2]
    passes(database_url, migrations, "-- sessmig: may-lose items.price\n" + step)


@pytest.mark.parametrize("name", EMPTIED)
def test_a_rebuild_hides_no_truncate(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, what = EMPTIED[name]
    probe(postgres_url).execute(ITEMS)
    lines = stopped(postgres_url, migrations, probe(postgres_url), step)
    assert [line for line in lines if what in line], lines
    passes(postgres_url, migrations, "-- sessmig: may-lose items\n" + step)


@pytest.mark.parametrize("name", PARTS)
def test_a_rebuild_of_a_partitioned_table_hides_no_loss_of_its_parts(
    name: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    step, what = PARTS[name]
    probe(postgres_url).execute(EVENTS)
    lines = stopped(postgres_url, migrations, probe(postgres_url), step + PARTED_ANEW)
    assert len([line for line in lines if "loss guard" in line]) == 1, lines
    assert what in lines[0]
    passes(postgres_url, migrations, "-- sessmig: may-lose events, events_*\n" + step + PARTED_ANEW)


@pytest.mark.parametrize(
    "step",
    [
        PARTED_ANEW,
        "UPDATE events SET year = 2025 WHERE id = 1;\n" + PARTED_ANEW,
        "ALTER TABLE events DETACH PARTITION events_24;\n"
        + PARTED_ANEW.replace("DROP", "INSERT INTO events SELECT * FROM events_24;\nDROP TABLE events_24;\nDROP"),
        "ALTER TABLE events DETACH PARTITION events_24;\n" + PARTED_ANEW,
    ],
    ids=["as it is", "after rows moved", "a part copied by itself", "a part that stays"],
)
def test_a_rebuild_of_a_partitioned_table_with_all_its_rows_is_no_loss(
    step: str, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(EVENTS)
    passes(postgres_url, migrations, step)


def test_one_table_stands_for_one_that_was_dropped_and_no_other(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(database_url).execute(ITEMS)
    step = (
        f"CREATE TABLE fresh {SHAPE};\nINSERT INTO fresh SELECT * FROM items;\nDROP TABLE items;\nDROP TABLE goods;\n"
        "ALTER TABLE fresh RENAME TO goods;\nALTER TABLE goods RENAME TO items;\n"
    )
    lines = stopped(database_url, migrations, probe(database_url), step)
    assert "was dropped, with 3 rows, and no may-lose names it" in lines[0]
    passes(database_url, migrations, "-- sessmig: may-lose items, goods\n" + step)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "all made first"])
def test_a_file_may_make_many_tables_anew(
    together: bool, database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    names = [f"t{number}" for number in range(12)]
    probe(database_url).execute(
        "".join(f"CREATE TABLE {name} {SHAPE}; INSERT INTO {name} VALUES ({len(name)}, 'x', 1);" for name in names)
    )
    made = [f"CREATE TABLE {name}_new {SHAPE};\nINSERT INTO {name}_new SELECT * FROM {name};\n" for name in names]
    put = [f"DROP TABLE {name};\nALTER TABLE {name}_new RENAME TO {name};\n" for name in names]
    pairs = zip(made, put, strict=True)
    passes(database_url, migrations, "".join(made + put if together else [text for pair in pairs for text in pair]))


@pytest.mark.parametrize(
    ("first", "rows"),
    [("DO $$ BEGIN DELETE FROM items; END $$;\n", 3), ("DO $$ BEGIN DELETE FROM items WHERE id = 1; END $$;\n", 1)],
    ids=["all", "one"],
)
def test_a_truncate_does_not_hide_what_was_deleted_before_it(
    first: str, rows: int, postgres_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(postgres_url).execute(ITEMS)
    lines = stopped(postgres_url, migrations, probe(postgres_url), first + "TRUNCATE items;\n")
    assert [line for line in lines if f"{rows} row" in line and "deleted (a trigger or function)" in line], lines
