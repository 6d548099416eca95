"""Many and big: small in CI, whole in the long run by hand (SESSMIG_FAULTS=long), where memory is looked at too."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.hostile import IS_LONG, held, run, write
from tests.fixtures.probe import Probe
from tests.fixtures.processes import Cli

Probes = Callable[[str], Probe]

MIGRATIONS = 1_000 if IS_LONG else 40
FILES = 10_000 if IS_LONG else 200
STATEMENTS = 200_000 if IS_LONG else 1_000
STATEMENT_MB = 50 if IS_LONG else 1
FILE_MB = 500 if IS_LONG else 2
_LIMIT = 3_600.0


class Place:
    def __init__(self, folder: Path, url: str, cli: Cli) -> None:
        self.folder, self.env, self._cli = folder, {"DATABASE_URL": url, "SESSMIG_BACKUP": "never"}, cli

    def done(self, files: dict[str, str], *command: str) -> str:
        series = write(self.folder / "shop", files)
        ended = self._cli(*(command or ("migrate",)), "--dir", series, env=self.env, timeout=_LIMIT)
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout


@pytest.fixture
def place(tmp_path: Path, database_url: str, cli: Cli) -> Place:
    return Place(tmp_path, database_url, cli)


def _peak_mb() -> float:
    """The most memory that any process that was waited for has had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _told(what: str) -> None:
    if IS_LONG:
        print(f"{what}: peak {_peak_mb():,.0f} MB")


@pytest.mark.timeout(_LIMIT)
def test_many_migrations_are_applied_each_and_then_none(place: Place, database_url: str, probe: Probes) -> None:
    files = {f"{n:04}_step.sql": f"CREATE TABLE t{n} (x INTEGER);\n" for n in range(1, MIGRATIONS + 1)}
    assert f"{MIGRATIONS} migrations applied" in place.done(files).replace(",", "")
    assert probe(database_url).value("SELECT count(*) FROM schema_migrations") == MIGRATIONS
    assert "0 pending" in place.done({}, "status")
    _told("migrations")


@pytest.mark.timeout(_LIMIT)
def test_many_files_are_planned_and_every_one_is_named(place: Place, database_url: str, probe: Probes) -> None:
    files: dict[str, str] = {}
    for number in range(1, FILES // 2 + 1):
        files[f"{number:05}_step.sql"] = ""
        files[f"{number:05}_step.rollback.sql"] = ""
    assert f"{FILES // 2} pending" in place.done(files, "status").replace(",", "")
    assert probe(database_url).tables() == set()
    _told("files")


@pytest.mark.timeout(_LIMIT)
def test_many_statements_in_one_file_are_one_step(place: Place, database_url: str, probe: Probes) -> None:
    rows = "".join(f"INSERT INTO t VALUES ({number});\n" for number in range(STATEMENTS))
    place.done({"0001_rows.sql": f"CREATE TABLE t (x INTEGER);\n{rows}"})
    assert probe(database_url).value("SELECT count(*) FROM t") == STATEMENTS
    _told("statements")


@pytest.mark.timeout(_LIMIT)
def test_one_long_statement_is_run_whole(place: Place, database_url: str, probe: Probes) -> None:
    text = "x''" * (STATEMENT_MB * (1 << 20) // 3)
    place.done({"0001_text.sql": f"CREATE TABLE t (x TEXT);\nINSERT INTO t VALUES ('{text}');\n"})
    assert probe(database_url).value("SELECT length(x) FROM t") == len(text) // 3 * 2
    _told("statement")


@pytest.mark.timeout(_LIMIT)
@pytest.mark.parametrize("of", ["comments", "rows"])
def test_a_big_file_is_hashed_and_run(place: Place, database_url: str, probe: Probes, of: str) -> None:
    remark, text = "-- " + "x" * 125 + "\n", "it''s " * 200
    statements = 100 if of == "comments" else FILE_MB * (1 << 20) // len(text)
    lines = remark * (FILE_MB * (1 << 20) // len(remark) // statements) if of == "comments" else ""
    series = write(place.folder / "shop", {})
    with (series / "0001_big.sql").open("w", encoding="utf-8") as file:
        file.write("CREATE TABLE t (x INTEGER, y TEXT);\n")
        for number in range(statements):
            file.write(f"{lines}INSERT INTO t VALUES ({number}, '{'' if lines else text}');\n")
    place.done({})
    assert probe(database_url).rows("SELECT count(*), max(x) FROM t") == [(statements, statements - 1)]
    assert "0 pending" in place.done({}, "status")
    _told(f"file of {of}")


def test_a_statement_nested_too_deep_for_the_database_is_told_in_words(
    place: Place, database_url: str, probe: Probes
) -> None:

    series = write(place.folder / "shop", {"0001_deep.sql": f"SELECT {'(' * 20_000}1{')' * 20_000};\n"})
    ended = held(run("migrate", "--dir", series, env=place.env), 1)
    assert "0001_deep.sql:1: " in ended.err
    assert "nothing of 0001_deep stays" in ended.err
