"""A SQLite file is left to others for as long as they need to find it free, and rows that they bring are looked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sessmig import ensure_migrations
from sessmig.databases import connect
from sessmig.databases.sqlite_turns import Turns
from sessmig.model import Answer, Cell
from tests.batch.filling import LEDGER, demand_recorded, tables
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

LONG = 0.101
"""Somebody who has waited for long looks every so many seconds."""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    with (
        closing(sqlite3.connect(tmp_path / "file.db", isolation_level=None)) as ours,
        closing(sqlite3.connect(tmp_path / "file.db", isolation_level=None)) as other,
    ):
        ours.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        yield ours, other


def _turns(connection: sqlite3.Connection) -> Turns:
    def query(sql: str) -> Answer:
        return Answer((), tuple(tuple(row) for row in connection.execute(sql)))

    return Turns(query)


def _after(turns: Turns, batches: int, seconds: float = 0.01) -> list[float]:
    pauses = []
    for _ in range(batches):
        turns.look_around()
        pauses.append(turns.pause(seconds))
    return pauses


def test_behind_a_long_batch_whoever_waits_finds_the_file_free(
    file: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    assert _after(_turns(file[0]), 1, 0.3)[0] > LONG


def test_where_nobody_writes_the_pauses_are_short_but_for_one_now_and_then(
    file: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    pauses = _after(_turns(file[0]), 33, 0.1)[3:]
    assert [pause > LONG for pause in pauses].count(True) == 2
    assert sum(pauses) < 0.3


def test_as_long_as_somebody_writes_there_is_a_pause_behind_each_batch(
    file: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    ours, other = file
    turns = _turns(ours)
    _after(turns, 10)
    assert not turns.has_met
    other.execute("INSERT INTO t DEFAULT VALUES")
    assert min(_after(turns, 20, 0.3)) > LONG
    assert turns.has_met


def test_what_we_write_ourselves_is_nobody_elses(file: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    turns = _turns(file[0])
    before = turns.version()
    file[0].execute("INSERT INTO t DEFAULT VALUES")
    assert turns.version() == before


def test_rows_that_the_statement_itself_brings_behind_the_cursor_are_taken_too(
    sqlite_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    made = tables(2_500) + (
        "CREATE TRIGGER more AFTER INSERT ON target WHEN NEW.id = 2000 BEGIN"
        " INSERT INTO source VALUES (-7, 'by the trigger'); END;\n"
    )
    filled = (
        "-- sessmig: batch source by id size 500\n"
        "INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last;\n"
    )
    ensure_migrations(sqlite_url, migrations({"0001_tables.sql": made, "0002_filled.sql": filled}))
    seen = probe(sqlite_url)
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(2_501, 2_501)]
    assert seen.value("SELECT word FROM target WHERE id = -7") == "by the trigger"
    demand_recorded(seen)


def test_rows_that_a_later_statement_brings_behind_the_cursor_are_taken_too(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    filled = (
        "-- sessmig: batch source by id size 500\n"
        "INSERT INTO target SELECT id, word, 0 FROM source WHERE id BETWEEN :first AND :last;\n"
        "INSERT INTO source VALUES (-7, 'by the file');\n"
    )
    ensure_migrations(database_url, migrations({"0001_tables.sql": tables(2_500), "0002_filled.sql": filled}))
    seen = probe(database_url)
    assert seen.rows("SELECT count(*), count(DISTINCT id) FROM target") == [(2_501, 2_501)]
    assert seen.value("SELECT word FROM target WHERE id = -7") == "by the file"
    demand_recorded(seen)


@pytest.mark.parametrize("gap", [None, 1, 1_250, 2_500])
def test_the_rows_between_two_keys_are_as_many_as_there_are_whatever_gaps_the_numbers_have(
    sqlite_url: str, probe: Callable[[str], Probe], gap: int | None
) -> None:
    seen = probe(sqlite_url)
    seen.execute(tables(2_500) + f"DELETE FROM source WHERE id = {gap or 0};")
    expected: list[Cell] = [number for number in range(1, 2_501) if number != gap]
    with connect(sqlite_url) as database:
        keyset = database.keyset("source", "id")
        assert keyset.unfit() == ""
        assert keyset.estimate() == pytest.approx(len(expected), abs=1)
        after, found = None, list[int]()
        while taken := keyset.following(after, "2500", 500):
            found += [int(key) for key in taken.listed()]
            assert len(taken.listed()) == taken.rows
            after = taken.last
        assert found == expected
    assert not seen.tables() & LEDGER
