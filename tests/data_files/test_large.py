"""A file of more rows than are held in memory: it is carried out, watched and told as any other."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessmig import CheckError, Event, FileError, StepError
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import is_postgres, log, migrate, roll_back, state

Opened = Callable[[str], Probe]

_ROWS = 6000
_BODY = "the quick brown fox; " * 10
TABLES = (
    "CREATE TABLE data (id INTEGER PRIMARY KEY, body TEXT NOT NULL);\nCREATE TABLE other (id INTEGER PRIMARY KEY);\n"
)


def _rows(first: int, last: int, body: str = _BODY) -> str:
    return "".join(f"INSERT INTO data (id, body) VALUES ({n}, '{body}{n}');\n" for n in range(first, last))


def _told(report: Any) -> list[tuple[int, str, str, int | None, int]]:
    return [(s.line, s.verb, s.target, s.rows, s.statements) for s in report.steps[-1].statements]


def test_every_statement_is_counted_by_its_kind_and_first_line(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    text = (
        f"-- Rows\n{_rows(0, _ROWS)}UPDATE data SET body = 'new' WHERE id < 10;\n"
        f"{''.join(f'INSERT INTO other VALUES ({n});{os.linesep}' for n in range(300))}"
        f"-- more\n{_rows(_ROWS, 2 * _ROWS)}"
    )
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": text})
    assert len(text) > 1 << 20
    report = migrate(database_url, folder)
    assert _told(report) == [
        (3 - 1, "INSERT", "data", 2 * _ROWS, 2 * _ROWS),
        (2 + _ROWS, "UPDATE", "data", 10, 1),
        (3 + _ROWS, "INSERT", "other", 300, 300),
    ]
    effects = {effect.table: (effect.inserted, effect.updated, effect.deleted) for effect in report.steps[-1].effects}
    assert effects == {"data": (2 * _ROWS, 10, 0), "other": (300, 0, 0)}
    database = probe(database_url)
    assert database.rows("SELECT count(*), sum(id) FROM data") == [(2 * _ROWS, _ROWS * (2 * _ROWS - 1))]
    assert database.rows(f"SELECT body FROM data WHERE id = {_ROWS}") == [(f"{_BODY}{_ROWS}",)]
    assert "text" not in log(database)[-1][3]
    assert migrate(database_url, folder).applied == 0


def test_a_file_of_few_long_statements_names_the_line_of_each(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    text = "".join(f"INSERT INTO data VALUES ({n}, '{'x' * 40_000}');\n" for n in range(30))
    report = migrate(database_url, migrations({"1_a.sql": TABLES, "2_b.sql": text}))
    assert _told(report) == [(n + 1, "INSERT", "data", 1, 1) for n in range(30)]
    assert probe(database_url).rows("SELECT count(*), sum(length(body)) FROM data") == [(30, 1_200_000)]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "wrong",
    [
        "INSERT INTO data (id, body) VALUES (17, 'twice');\n",
        "INSERT INTO data (id, body) VALUES (99999, 'grün', 3);\n",
        "INSERT INTO data (id, body) VALUES (99999, NULL);\n",
    ],
    ids=["key", "columns", "null"],
)
def test_a_statement_that_fails_amid_the_rows_is_named_by_its_line_and_nothing_stays(
    wrong: str, ends: str, database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    body = f"grün, {_BODY}\n"
    text = _rows(0, 4321, body) + wrong + _rows(4321, _ROWS, body)
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": text.replace("\n", ends)})
    with pytest.raises(StepError) as failed:
        migrate(database_url, folder)
    line = 2 * 4321 + 1
    said = str(failed.value).splitlines()
    assert said[0].startswith(f"{folder / '2_b.sql'}:{line}: ")
    assert f" {line} | {wrong.strip()}" in said
    assert "The database: 1_a stands applied; nothing of 2_b stays." in said
    assert probe(database_url).rows("SELECT count(*) FROM data") == [(0,)]


def test_a_file_that_changes_while_it_is_carried_out_fails_the_step(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    text = _rows(0, _ROWS)
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": text})

    def write(event: Event) -> None:
        if event.kind == "step" and event.title.startswith("2_"):
            migrations({"2_b.sql": text.replace("'the quick brown fox; ", "'the quick black fox; ")})

    with pytest.raises(FileError) as failed:
        migrate(database_url, folder, on_event=write)
    assert str(failed.value).splitlines() == [
        f"{folder / '2_b.sql'}: changed while it was carried out",
        "The database: 1_a stands applied; nothing of 2_b stays.",
        "Run again when nobody writes to it.",
    ]
    database = probe(database_url)
    assert database.rows("SELECT count(*) FROM data") == [(0,)]
    assert [row[:3] for row in log(database)] == [(1, "apply", "success"), (2, "apply", "failed")]


def test_rows_that_a_trigger_takes_away_roll_the_step_back(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    take = "DELETE FROM other WHERE id = NEW.id;"
    trigger = f"CREATE TRIGGER t AFTER INSERT ON data BEGIN {take} END;\n"
    if is_postgres(database_url):
        trigger = (
            f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {take} RETURN NEW; END $$;\n"
            "CREATE TRIGGER t AFTER INSERT ON data FOR EACH ROW EXECUTE FUNCTION f();\n"
        )
    first = f"{TABLES}{trigger}INSERT INTO other VALUES (5000), (5001);\n"
    folder = migrations({"1_a.sql": first, "2_b.sql": _rows(0, _ROWS)})
    with pytest.raises(CheckError, match="2 rows"):
        migrate(database_url, folder)
    database = probe(database_url)
    assert database.rows("SELECT count(*) FROM other") == [(2,)]
    assert database.rows("SELECT count(*) FROM data") == [(0,)]


def test_checks_of_a_large_file_are_asked_behind_its_last_row(
    database_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    check = f"-- check: all rows\n-- expect: {_ROWS}\nSELECT count(*) FROM data;\n"
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": _rows(0, _ROWS - 1), "2_b.verify.sql": check})
    with pytest.raises(CheckError, match="all rows"):
        migrate(database_url, folder)
    migrations({"2_b.sql": _rows(0, _ROWS)})
    assert migrate(database_url, folder).applied == 1
    assert probe(database_url).rows("SELECT count(*) FROM data") == [(_ROWS,)]


def test_a_large_way_back_brings_the_rows_back(database_url: str, migrations: WriteMigrations, probe: Opened) -> None:
    drop = "-- sessmig: may-lose data\nDELETE FROM data;\n"
    folder = migrations({"1_a.sql": TABLES + _rows(0, _ROWS)})
    migrate(database_url, folder)
    before = state(probe(database_url))
    migrations({"2_b.sql": drop, "2_b.rollback.sql": _rows(0, _ROWS)})
    migrate(database_url, folder)
    roll_back(database_url, folder)
    assert state(probe(database_url)) == before


_MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "sessmig", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Run by a small process of its own: what the one that starts it has in memory is counted too."""


def test_two_files_of_fifteen_megabytes_in_one_transaction_are_not_held_in_memory(
    database_url: str, migrations: WriteMigrations, probe: Opened, tmp_path: Path
) -> None:
    body = "x" * 1000
    texts = [_rows(first, first + 15_000, body) for first in (0, 15_000)]
    folder = migrations({"1_a.sql": TABLES, "2_b.sql": texts[0], "3_c.sql": texts[1]})
    command = [
        sys.executable,
        "-c",
        _MEASURED,
        "migrate",
        "-d",
        database_url,
        "--dir",
        str(folder),
        "--single-transaction",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert int(said) < 70 * 1024  # in KB; some 45 MB are Python and what it imports
    assert probe(database_url).rows("SELECT count(*), sum(length(body)) FROM data") == [(30_000, 30_138_890)]
