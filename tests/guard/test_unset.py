"""Values that go while their rows stay: SQLite's DROP TABLE sets them, by ON DELETE SET NULL or SET DEFAULT."""

from collections.abc import Callable

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.guard.shop import passes, stopped

MEMBERS = """
CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id) ON DELETE SET NULL);
INSERT INTO rooms VALUES (1, 'kitchen'), (2, 'attic');
INSERT INTO members VALUES (1, 1), (2, 2), (3, 1), (4, NULL);
"""
NEW_ROOMS = """CREATE TABLE rooms_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO rooms_new SELECT id, name FROM rooms;
DROP TABLE rooms;
ALTER TABLE rooms_new RENAME TO rooms;
"""
ROOMS = "SELECT room_id FROM members ORDER BY id"


def test_a_rebuild_that_empties_a_column_of_the_children_is_undone(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), NEW_ROOMS)
    assert lines == [
        "0001_step.sql:3: loss guard: 3 values of members.room_id were unset "
        "(ON DELETE SET NULL from rooms, DROP TABLE in line 3), and no may-lose names it",
        "The database holds what it held before; nothing of 0001_step stays.",
        "If that is meant, write -- sessmig: may-lose members.room_id at the file's top; "
        "to make a table anew that others refer to, write -- sessmig: foreign-keys-off.",
        "Else mend the migration, and run it again.",
    ]


def test_a_rebuild_with_foreign_keys_off_leaves_the_children_as_they_are(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    passes(sqlite_url, migrations, f"-- sessmig: foreign-keys-off\n{NEW_ROOMS}")
    assert probe(sqlite_url).rows(ROOMS) == [(1,), (2,), (1,), (None,)]


@pytest.mark.parametrize("entry", ["members.room_id", "members", "memb*.room_*"])
def test_values_may_be_unset_where_the_file_declares_the_column_or_the_table(
    entry: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    passes(sqlite_url, migrations, f"-- sessmig: may-lose {entry}\n{NEW_ROOMS}")
    assert probe(sqlite_url).rows(ROOMS) == [(None,)] * 4


def test_who_declares_the_dropped_table_has_not_declared_what_refers_to_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    step = "-- sessmig: may-lose rooms\nDROP TABLE rooms;\nCREATE TABLE rooms (id INTEGER PRIMARY KEY);\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert lines[0].startswith("0001_step.sql:2: loss guard: 3 values of members.room_id were unset")


@pytest.mark.parametrize("drop", ["DROP TABLE 'Rooms'", "DROP TABLE IF EXISTS main . 'rooms'", "DROP TABLE [rooms]"])
def test_however_the_dropped_table_is_written_its_children_are_looked_at(
    drop: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    step = NEW_ROOMS.replace("DROP TABLE rooms", drop)
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert [line.partition(" (")[0] for line in lines if "loss guard:" in line] == [
        "0001_step.sql:3: loss guard: 3 values of members.room_id were unset"
    ]
    generated = f"-- sessmig: run-each-row\nSELECT '{drop.replace(chr(39), chr(39) * 2)}';\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), NEW_ROOMS.replace("DROP TABLE rooms;\n", generated))
    assert any("3 values of members.room_id were unset" in line for line in lines)


def test_each_column_of_a_key_is_told(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        'CREATE TABLE rooms (house TEXT COLLATE NOCASE, no INTEGER, "the name" TEXT, PRIMARY KEY (house, no));'
        'CREATE TABLE members (id INTEGER PRIMARY KEY, "in" TEXT, room INTEGER, seat INTEGER, '
        'FOREIGN KEY ("in", room) REFERENCES rooms ON DELETE SET NULL);'
        "INSERT INTO rooms VALUES ('a', 1, 'x'), ('b', 1, 'y');"
        "INSERT INTO members VALUES (1, 'A', 1, 1), (2, 'b', '1', 2), (3, 'b', NULL, 3);"
    )
    step = (
        'CREATE TABLE made (house TEXT COLLATE NOCASE, no INTEGER, "the name" TEXT, PRIMARY KEY (house, no));\n'
        "INSERT INTO made SELECT * FROM rooms;\nDROP TABLE rooms;\nALTER TABLE made RENAME TO rooms;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert ["2 values of members.in were unset" in lines[0], "2 values of members.room were unset" in lines[1]] == [
        True,
        True,
    ]
    assert "may-lose members.in, members.room at" in lines[-2]
    passes(sqlite_url, migrations, f"-- sessmig: may-lose members.in, members.room\n{step}")
    assert probe(sqlite_url).rows('SELECT "in", room FROM members ORDER BY id') == [
        (None, None),
        (None, None),
        ("b", None),
    ]


def test_a_table_that_refers_to_itself_and_is_made_anew_loses_no_value_unseen(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    shape = "(id INTEGER PRIMARY KEY, up INTEGER REFERENCES items (id) ON DELETE SET NULL)"
    probe(sqlite_url).execute(f"CREATE TABLE items {shape}; INSERT INTO items VALUES (1, NULL), (2, 1), (3, 2);")
    step = (
        f"CREATE TABLE made {shape};\nINSERT INTO made SELECT * FROM items;\n"
        "DROP TABLE items;\nALTER TABLE made RENAME TO items;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert lines[0].startswith(
        "0001_step.sql:3: loss guard: 2 values of items.up were unset (ON DELETE SET NULL from items, "
    )
    passes(sqlite_url, migrations, f"-- sessmig: foreign-keys-off\n{step}")
    assert probe(sqlite_url).rows("SELECT up FROM items ORDER BY id") == [(None,), (1,), (2,)]


def test_values_that_are_set_to_their_default_are_told_too_but_for_those_that_have_it(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        MEMBERS.replace("room_id INTEGER", "room_id INTEGER DEFAULT 2").replace("NULL);", "DEFAULT);", 1)
    )
    # Not deferred, SQLite itself refuses it: the default refers to a row that is gone.
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), f"PRAGMA defer_foreign_keys = ON;\n{NEW_ROOMS}")
    assert lines[0].startswith(
        "0001_step.sql:4: loss guard: 2 values of members.room_id were unset (ON DELETE SET DEFAULT from rooms, "
    )


def test_children_made_anew_just_before_lose_no_value_unseen(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    children = (
        "CREATE TABLE made (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id) ON DELETE SET NULL);\n"
        "INSERT INTO made SELECT * FROM members;\nDROP TABLE members;\nALTER TABLE made RENAME TO members;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), children + NEW_ROOMS)
    assert lines[0].startswith("0001_step.sql:7: loss guard: 3 values of members.room_id were unset")
    passes(sqlite_url, migrations, f"-- sessmig: may-lose members.room_id\n{children}{NEW_ROOMS}")


@pytest.mark.parametrize(("parent", "filled"), [("rooms", "before"), ("rooms_new", "before"), ("rooms_new", "after")])
def test_children_made_anew_just_behind_have_their_values_if_they_were_copied_before(
    parent: str, filled: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    make = f"CREATE TABLE made (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES {parent} (id) ON DELETE SET NULL);\n"
    fill = "INSERT INTO made SELECT * FROM members;\n"
    rooms = NEW_ROOMS.splitlines(keepends=True)
    parts = [*rooms[:2], make, *([fill] if filled == "before" else []), rooms[2]]
    parts += [
        *([fill] if filled == "after" else []),
        "DROP TABLE members;\n",
        rooms[3],
        "ALTER TABLE made RENAME TO members;\n",
    ]
    if filled == "before" and parent == "rooms_new":
        passes(sqlite_url, migrations, "".join(parts))
        assert probe(sqlite_url).rows(ROOMS) == [(1,), (2,), (1,), (None,)]
    else:
        lines = stopped(sqlite_url, migrations, probe(sqlite_url), "".join(parts))
        told = [line for line in lines if "loss guard:" in line]
        assert len(told) == 1
        assert "3 values of members.room_id were unset" in told[0]


@pytest.mark.parametrize(
    "first",
    [
        "UPDATE members SET room_id = NULL;\n",
        "-- sessmig: may-lose members\nDELETE FROM members;\n",
        "-- sessmig: may-lose members\nDROP TABLE members;\n",
        "-- sessmig: may-lose rooms\nDELETE FROM rooms;\n",
    ],
)
def test_where_nothing_refers_to_the_old_rows_any_more_no_value_is_unset(
    first: str, sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    passes(sqlite_url, migrations, first + NEW_ROOMS)


def test_a_table_that_the_step_makes_and_drops_again_may_have_its_values_unset(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO rooms VALUES (1, 'x');"
    )
    work = "CREATE TABLE work (id INTEGER REFERENCES rooms ON DELETE SET NULL);\nINSERT INTO work VALUES (1);\n"
    passes(sqlite_url, migrations, f"{work}{NEW_ROOMS}DROP TABLE work;\n")


def test_a_table_that_goes_with_the_one_it_refers_to_is_told_once(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    step = f"{NEW_ROOMS}DROP TABLE members;\n"
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert [line for line in lines if "loss guard:" in line] == [
        "0001_step.sql:5: loss guard: the table members was dropped, with 4 rows, and no may-lose names it"
    ]
    passes(sqlite_url, migrations, f"-- sessmig: may-lose members\n{step}")


def test_a_value_that_referred_to_nothing_is_left_as_it_is(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(f"PRAGMA foreign_keys = OFF; {MEMBERS} UPDATE members SET room_id = 7;")
    passes(sqlite_url, migrations, NEW_ROOMS)
    assert probe(sqlite_url).rows(ROOMS) == [(7,)] * 4


def test_a_parent_made_anew_under_its_own_name_after_a_rename_unsets_as_well(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    probe(sqlite_url).execute(MEMBERS)
    step = (
        "ALTER TABLE rooms RENAME TO old;\nCREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT);\n"
        "INSERT INTO rooms SELECT * FROM old;\nALTER TABLE members RENAME COLUMN room_id TO place;\nDROP TABLE old;\n"
    )
    lines = stopped(sqlite_url, migrations, probe(sqlite_url), step)
    assert any("3 values of members.place were unset (ON DELETE SET NULL from old" in line for line in lines), lines
