"""Made-up migrations: whatever a series does undeclared, no row is lost; and what loses none is let through."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.faults.hostile import IS_LONG, Ended, run, write
from tests.faults.shuffled import FIRST, Maker, quoted
from tests.fixtures.postgres import PostgresServer, connect

CASES = 4_000 if IS_LONG else 60
SEEDS = range(start := random.SystemRandom().randrange(10**9) if IS_LONG else 0, start + CASES)
"""In CI always the same; a seed that shows something is told."""
_OURS = {"schema_migrations", "schema_migrations_log"}
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname),
       CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""

Rows = dict[str, list[dict[str, Any]]]


class Case(NamedTuple):
    """What came of one series."""

    ended: Ended
    before: list[str]
    after: Rows

    @property
    def lost(self) -> set[str]:
        """The keys that stand nowhere any more; where a row only refers to one, it does not stand."""
        standing = {
            value for rows in self.after.values() for row in rows for column, value in row.items() if column != "up"
        }
        return set(self.before) - standing


class Yard:
    """Fresh databases of one kind."""

    def __init__(self, place: Path, server: PostgresServer | None) -> None:
        self._place, self._server = place, server
        self._seen = 0

    def met(self, seed: int, *, is_harmless: bool = False, by_hand: bool = False, declared: str = "") -> Case | None:
        """Run one series, by sessmig or without it; None where a name would not tell which table is declared."""
        maker = Maker(seed, is_postgres=self._server is not None, is_harmless=is_harmless)
        keys = maker.keys()
        laid, files = maker.database(keys), maker.files()
        if declared:
            if any("RENAME" in text or "SCHEMA" in text for text in files.values()):
                return None
            files = {name: f"-- sessmig: may-lose {quoted(declared)}\n{text}" for name, text in files.items()}
        self._seen += 1
        url = self._server.new_database() if self._server else f"sqlite:///{self._place}/{self._seen}.db"
        try:
            _execute(url, laid)
            ended = _by_hand(url, files) if by_hand else self._migrated(url, files, seed)
            return Case(ended, [key for _, key in keys], _rows(url))
        finally:  # of thousands no disk has room for all
            if self._server:
                self._server.drop_database(url)

    def _migrated(self, url: str, files: dict[str, str], seed: int) -> Ended:
        folder = write(self._place / f"series{self._seen}" / "shop", files)
        is_apart = any("foreign-keys-off" in text for text in files.values())
        more = ["--single-transaction"] if seed % 5 == 0 and not is_apart else []
        return run("migrate", "--dir", folder, "--no-backup", "--json", *more, env={"SESSMIG_DATABASE": url})


def _execute(url: str, sql: str) -> None:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as made:
            made.executescript(sql)
        return
    with connect(url) as made:
        made.execute(sql.encode())


def _by_hand(url: str, files: dict[str, str]) -> Ended:
    """Run each file as a program without a guard would: whole, in a transaction, until one fails."""
    text = ""
    try:
        for text in files.values():
            _execute(url, f"{'PRAGMA foreign_keys=1;' if url.startswith('sqlite') else ''} BEGIN; {text} COMMIT;")
    except Exception as error:
        return Ended(1, "", f"{error}: {text}")
    return Ended(0, "", "")


def _rows(url: str) -> Rows:
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as seen:
            seen.row_factory = sqlite3.Row
            names = [name for (name,) in seen.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            queries = {name: f"SELECT * FROM {quoted(name)}" for name in names if name not in _OURS}
            return {name: [dict(row) for row in seen.execute(query)] for name, query in queries.items()}
    with connect(url) as seen:
        found: Rows = {}
        for table, name in seen.execute(_TABLES).fetchall():
            if name not in _OURS:
                cursor = seen.execute(f"SELECT * FROM ONLY {table}".encode())
                columns = [column.name for column in cursor.description or ()]
                found[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
        return found


@pytest.fixture
def yard(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Yard:
    is_sqlite = database_url.startswith("sqlite")
    return Yard(tmp_path, None if is_sqlite else request.getfixturevalue("postgres_server"))


@pytest.mark.timeout(3_600 if IS_LONG else 240)
def test_whatever_a_series_does_undeclared_no_row_is_lost(yard: Yard) -> None:
    codes: Counter[int] = Counter()
    for seed in SEEDS:
        case = yard.met(seed)
        assert case
        assert not case.lost, (seed, case.lost, case.ended)
        assert case.ended.code in (0, 1, 3), (seed, case.ended)
        codes[case.ended.code] += 1
    assert codes[0] > CASES / 8
    assert codes[3] > CASES / 8


def test_the_same_series_without_a_guard_lose_rows(yard: Yard) -> None:
    """Else the test above would show nothing."""
    met = [yard.met(seed, by_hand=True) for seed in SEEDS[:100]]
    assert sum(bool(case and case.lost) for case in met) > 20


@pytest.mark.timeout(3_600 if IS_LONG else 240)
def test_of_what_is_declared_rows_may_go_and_of_nothing_else(yard: Yard) -> None:
    went = 0
    for seed in SEEDS:
        case = yard.met(seed, declared=FIRST[seed % len(FIRST)])
        if case:
            assert {key[0] for key in case.lost} <= {FIRST[seed % len(FIRST)][0]}, (seed, case.lost, case.ended)
            went += bool(case.lost)
    assert went > CASES / 100


@pytest.mark.timeout(3_600 if IS_LONG else 240)
def test_what_loses_nothing_is_let_through(yard: Yard) -> None:
    codes: Counter[int] = Counter()
    for seed in SEEDS:
        case = yard.met(seed, is_harmless=True)
        assert case
        assert not case.lost, (seed, case.lost, case.ended)
        assert case.ended.code in (0, 1), (seed, case.ended)
        codes[case.ended.code] += 1
        _demand_counted(case, seed)
    assert codes[0] > CASES / 2


def _demand_counted(case: Case, seed: int) -> None:
    """What the report says of the rows of each table behind the last step is what stands there."""
    told = json.loads(case.ended.out)["steps"] if case.ended.out else []
    effects = [step["effects"] for step in told if step["outcome"] == "applied"]
    standing = {name: len(rows) for name, rows in case.after.items()}
    for effect in effects[-1] if effects else ():
        if effect["after"] is not None:
            assert standing.get(effect["table"]) == effect["after"], (seed, effect, standing)
