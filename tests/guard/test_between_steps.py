"""What others do to the schema between two steps of a run: the guard knows the tables as they stand then."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sessmig import CheckError, Event, ensure_migrations
from tests.fixtures.probe import Probe

_OTHER = ("CREATE TABLE other (id INTEGER PRIMARY KEY)", "INSERT INTO other VALUES (1), (2), (3)")


def _connected(url: str) -> Any:
    if url.startswith("sqlite"):
        return closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None))
    return psycopg.connect(url, autocommit=True)


def _before(title: str, act: Callable[[], None]) -> Callable[[Event], None]:
    def told(event: Event) -> None:
        if event.kind == "step" and event.title == title:
            act()

    return told


def test_a_table_that_another_makes_between_two_steps_is_guarded(
    database_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0002_b.sql": "DROP TABLE other;\n"})

    def make() -> None:
        with _connected(database_url) as other:
            for statement in _OTHER:
                other.execute(statement)

    with pytest.raises(CheckError, match=r"loss guard: table dropped: other \(3 rows\)|other.*3 rows"):
        ensure_migrations(database_url, folder, on_event=_before("0002_b", make), backup="never")
    assert probe(database_url).value("SELECT count(*) FROM other") == 3


def test_a_table_whose_maker_began_before_the_run_and_commits_within_it_is_guarded(
    postgres_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe]
) -> None:
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0002_b.sql": "DROP TABLE other;\n"})
    with psycopg.connect(postgres_url) as other:
        for statement in _OTHER:
            other.execute(statement.encode())
        with pytest.raises(CheckError, match=r"other.*3 rows"):
            ensure_migrations(postgres_url, folder, on_event=_before("0002_b", other.commit))
    assert probe(postgres_url).value("SELECT count(*) FROM other") == 3


def test_rows_of_a_table_that_an_earlier_step_has_made_and_a_later_one_has_changed_are_guarded(
    database_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "CREATE TABLE a (x INTEGER, y INTEGER);\nINSERT INTO a VALUES (1, 2), (3, 4);\n",
            "0002_b.sql": "CREATE TABLE b (x INTEGER);\nALTER TABLE a RENAME TO c;\n",
            "0003_c.sql": "ALTER TABLE c DROP COLUMN y;\n",
        }
    )
    with pytest.raises(CheckError, match=r"column dropped.*|c\.y"):
        ensure_migrations(database_url, folder, backup="never")
    assert probe(database_url).rows("SELECT x, y FROM c ORDER BY x") == [(1, 2), (3, 4)]


def test_a_file_may_have_the_server_forget_its_plans(
    postgres_url: str, migrations: Callable[..., Path], probe: Callable[[str], Probe]
) -> None:
    files = {f"{n:04}_t{n}.sql": f"CREATE TABLE t{n} (x INTEGER);\n" for n in range(1, 13)}
    files["0008_t8.sql"] = "DEALLOCATE ALL;\nCREATE TABLE t8 (x INTEGER);\n"
    report = ensure_migrations(postgres_url, migrations(files))
    assert len(report.steps) == 12
    assert probe(postgres_url).value("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'") == 12
