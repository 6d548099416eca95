"""Rows of ledger and log that no sessmig wrote: an error in words, or they are shown as they are."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessmig.halfway import Progress
from tests.faults.hostile import Ended, examples, held, run, write
from tests.fixtures.probe import SqliteProbe

FILES = {
    "0001_people.sql": "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n"
    "INSERT INTO people VALUES (1, 'Ada');\n",
    "0001_people.verify.sql": "-- check: named\nSELECT * FROM people WHERE name IS NULL;\n"
    "-- measure: people\nSELECT count(*) FROM people;\n",
    "0001_people.rollback.sql": "-- sessmig: may-lose people\nDROP TABLE people;\n",
    "0002_pets.sql": "CREATE TABLE pets (id INTEGER PRIMARY KEY);\n",
    "0002_pets.rollback.sql": "DROP TABLE pets;\n",
    "0003_batch.sql": "-- sessmig: no-transaction\nCREATE TABLE more (id INTEGER);\n",
}
LEDGER = (
    "version", "migration_id", "description", "status", "checksum", "applied_at", "duration_ms", "applied_by",
    "metadata",
)  # fmt: skip
LOG = (
    "version", "migration_id", "action", "started_at", "duration_ms", "outcome", "done_by", "sessmig_version", "detail",
)  # fmt: skip
ODD = (
    None, "x", "", -1, 2**63 - 1, 1e300, float("inf"), "99999999999999999999", b"\xff\x00", "\x1b[31mred", "a\0b",
    "\u202etxt", "{", "[1]", "null", '{"progress": 3}', '{"progress": {"batches": 5}}', '{"statements": [7]}',
    "success", "running", "baseline", "rolled_back", "2026-01-01", "two\nlines",
)  # fmt: skip
HALF = "what it keeps of migration 3, which is half done, cannot be read"
COMMANDS = (
    ("status",), ("status", "--json"), ("plan",), ("verify",), ("log",), ("log", "--version", "2"), ("report",),
    ("report", "--format", "html"), ("report", "--format", "markdown"), ("report", "--json"),
    ("migrate", "--no-backup"), ("rollback", "--dry-run"), ("rollback",), ("resign", "2"), ("rehearse",),
)  # fmt: skip


class Yard:
    """A database of which any row can be made odd, as its tables take any value."""

    def __init__(self, folder: Path) -> None:
        self.series = write(folder / "shop", FILES)
        self._whole, self._odd = folder / "whole.db", folder / "odd.db"
        held(run("migrate", "--no-backup", "--db", self._whole, "--dir", self.series), 0)
        with closing(sqlite3.connect(self._whole)) as connection:
            for name, key in (("schema_migrations", ", PRIMARY KEY (series, version)"), ("schema_migrations_log", "")):
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                connection.execute(f"CREATE TABLE kept AS SELECT * FROM {name}")
                connection.execute(f"DROP TABLE {name}")
                connection.execute(f"CREATE TABLE {name} ({', '.join(columns)}{key})")
                connection.execute(f"INSERT INTO {name} SELECT * FROM kept")
                connection.execute("DROP TABLE kept")
            connection.commit()

    def odd(self, table: str, **values: Any) -> SqliteProbe:
        """Make a copy in which the newest row has these values."""
        shutil.copy(self._whole, self._odd)
        with closing(sqlite3.connect(self._odd)) as connection:
            newest = f"(SELECT max(rowid) FROM {table})"
            sets = ", ".join(f"{name} = ?" for name in values)
            connection.execute(f"UPDATE {table} SET {sets} WHERE rowid = {newest}", tuple(values.values()))
            connection.commit()
        return SqliteProbe(self._odd)

    def run(self, *command: str) -> Ended:
        return run(*command, "--db", self._odd, "--dir", self.series)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(tmp_path_factory.mktemp("rows"))


@given(
    st.one_of(
        st.tuples(st.just("schema_migrations"), st.sampled_from(LEDGER)),
        st.tuples(st.just("schema_migrations_log"), st.sampled_from(LOG)),
    ),
    st.one_of(st.sampled_from(ODD), st.text(max_size=8), st.binary(max_size=4), st.integers(-(2**63), 2**63 - 1)),
    st.sampled_from(COMMANDS),
)
@examples(100)
def test_whatever_stands_in_a_row_no_command_ends_in_a_traceback(
    yard: Yard, place: tuple[str, str], value: Any, command: tuple[str, ...]
) -> None:
    table, column = place
    people = yard.odd(table, **{column: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value})
    held(yard.run(*command), 0, 1, 2, 3, 4)
    assert people.value("SELECT count(*) FROM people") == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"version": "x"}, "'x' is no version"),
        ({"version": None}, "'NULL' is no version"),
        ({"status": "done"}, "migration 3 has the status 'done'"),
        ({"status": "running", "metadata": "{"}, HALF),
        ({"status": "failed", "metadata": '{"progress": {"done": -2}}'}, HALF),
        ({"status": "failed", "metadata": '{"progress": {"done": 2, "hashes": ["x"]}}'}, HALF),
    ],
)
def test_a_row_that_does_not_tell_where_its_migration_stands_is_refused(
    yard: Yard, values: dict[str, Any], told: str
) -> None:
    probe = yard.odd("schema_migrations", **values)
    before = probe.snapshot(exclude=())
    for command in ("status", "migrate", "rollback", "verify", "plan"):
        ended = held(yard.run(command), 4)
        assert f"schema_migrations: a row is not as sessmig writes it: {told}\nNothing was touched.\n" in ended.err
        assert "Mend that row, or take it away, and run it again; sessmig log " in ended.err
    assert probe.snapshot(exclude=()) == before


def test_status_shows_a_row_whose_duration_is_a_text(yard: Yard) -> None:
    yard.odd("schema_migrations", duration_ms="long", applied_by=b"\xff")
    ended = held(yard.run("status"), 0)
    assert "3 applied, 0 pending, 0 problems" in ended.out
    assert "x'ff'" in ended.out


def _progress() -> st.SearchStrategy[Any]:
    anything = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.sampled_from(["", "x"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["0", "name", "by"]), inner)
        ),
        max_leaves=4,
    )
    names = st.sampled_from(sorted(Progress.__dataclass_fields__))
    return st.dictionaries(names, anything, max_size=3)


@given(_progress(), st.sampled_from(["running", "failed"]), st.sampled_from(["status", "migrate", "rollback", "plan"]))
@examples(40)
def test_whatever_a_half_done_row_keeps_no_command_ends_in_a_traceback(
    yard: Yard, progress: Any, status: str, command: str
) -> None:
    people = yard.odd("schema_migrations", status=status, metadata=json.dumps({"progress": progress}))
    held(yard.run(command), 0, 1, 3, 4)
    assert people.value("SELECT count(*) FROM people") == 1
