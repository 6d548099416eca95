"""The first look at a start: it answers only where all is surely done, and then as the full story would."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessmig import ConnectError, PendingError, Report, SessmigError, ensure_migrations
from sessmig.files import checksum
from sessmig.idle import Look, look
from sessmig.start import ensure
from tests.fixtures.files import WriteMigrations
from tests.fixtures.pgbouncer import Pooler
from tests.fixtures.postgres import connect
from tests.fixtures.probe import Probe
from tests.fixtures.proxy import dropping

Opened = Callable[[str], Probe]

FILES = {"0001_a.sql": "CREATE TABLE a (x INTEGER);\n", "0002_b.sql": "-- Two\nCREATE TABLE b (x INTEGER);\n"}
_CHECKOUT = Path(__file__).parents[2]


def _full(url: str, folder: Path | str, **options: Any) -> Report:
    """Do as `ensure_migrations` without a first look, but apply nothing."""
    return ensure(Look(), url, folder, pending="error", **options)


# Random states: every row and file of a small series may be as it should, or odd in one way or another.


class Row(NamedTuple):
    """How a ledger row differs from what its file would give."""

    version: int
    status: str = "success"
    name: str = ""
    checksum: str = "right"
    series: str = "shop"


_TEXT = b"-- %d\nSELECT 1;\n"
_versions = st.integers(1, 4)
_ODDITIES: dict[str, bytes] = {
    "0009_late.txt": b"",
    "README.md": b"",
    "0001_m.verify.sql": b"-- check: x\nSELECT 1 WHERE 0 = 1;\n",
    "0001_m.rollback.sql": b"SELECT 1;\n",
    "0001_m.rollback.verify.sql": b"-- check: x\nSELECT 1 WHERE 0 = 1;\n",
    "0001_other.verify.sql": b"",
    "01_m.sql": b"",
    "0005_m.sql": b"-- sessmig: wait 3 days after 1\nSELECT 1;\n",
    "0006_M.sql": b"",
    "0007_m.SQL": b"",
    "legacy/tables.sql": b"",
    "sqlite/0001_m.sql": _TEXT % 1,
    "postgres/0001_m.sql": _TEXT % 1,
    "other/0001_m.sql": b"",
    ".git/config": b"",
}
_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "changed": lambda text: text + b" ",
}
# Each is odd in one way alone: where all is odd, anything would find it.
_ODD_ROWS: list[dict[str, str]] = [
    {},
    *({"status": status} for status in ("baseline", "running", "failed", "rolled_back")),
    *({"checksum": checksum} for checksum in ("wrong", "none")),
    *({"series": series} for series in ("legacy", "other")),
    {"name": "other"},
]
_odd_rows = st.builds(lambda version, odd: Row(version, **odd), _versions, st.sampled_from(_ODD_ROWS))
_odd_files = st.sampled_from(sorted(_ODDITIES))
_odd_forms = st.tuples(_versions, st.sampled_from(sorted(_FORMS)))
_gaps = _versions
_odd = st.one_of(_odd_rows, _odd_files, _odd_forms, _gaps)


def _write(folder: Path, number: int, forms: dict[int, str], oddities: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for version in range(1, number + 1):
        text = _TEXT % version
        text = _FORMS[forms[version]](text) if version in forms else text
        (folder / f"{version:04}_m.sql").write_bytes(text)
    for name in oddities:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_ODDITIES[name])


def _fill(seen: Probe, number: int, gaps: set[int], odd: list[Row]) -> None:
    """Write the ledger: a right row for each version but the gaps, then the odd ones over them."""
    rows = {("shop", version): Row(version) for version in range(1, number + 1) if version not in gaps}
    rows |= {(row.series, row.version): row for row in odd}
    seen.execute("DELETE FROM schema_migrations")
    for row in rows.values():
        digest = {"right": f"'{checksum(_TEXT % row.version)}'", "wrong": "'00'", "none": "NULL"}[row.checksum]
        seen.execute(
            "INSERT INTO schema_migrations (series, version, migration_id, status, checksum) "
            f"VALUES ('{row.series}', {row.version}, '{row.name or 'm'}', '{row.status}', {digest})"
        )


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(number=st.integers(1, 3), odd=st.lists(_odd, max_size=2))
def test_in_any_state_it_says_nothing_or_what_the_full_story_says(
    database_url: str, tmp_path: Path, probe: Opened, number: int, odd: list[Row | str | tuple[int, str] | int]
) -> None:
    folder = tmp_path / "sql" / "shop"
    seen = probe(database_url)
    if not seen.tables():
        _write(folder, 1, {}, [])
        ensure_migrations(database_url, folder)
    forms = dict(one for one in odd if isinstance(one, tuple) and not isinstance(one, Row))
    gaps = {one for one in odd if isinstance(one, int)}
    rows = [one for one in odd if isinstance(one, Row)]
    oddities = [one for one in odd if isinstance(one, str)]
    _write(folder, number, forms, oddities)
    _fill(seen, number, gaps, rows)
    found = look(database_url, folder)
    try:
        told: Report | str = _full(database_url, folder)
    except SessmigError as error:
        told = str(error)
    found.close()
    seen.close()
    assert found.report in (None, told)
    # Nor does it leave to others what is plain: every file as it was, each with its row, and no other row.
    if not rows and not oddities and not gaps & set(range(1, number + 1)) and "changed" not in forms.values():
        assert found.report == told


@pytest.mark.parametrize("place", ["folder", "relative", "dialect", "inner", "link", "named", "path", "slash"])
def test_it_answers_wherever_a_series_plainly_stands(
    database_url: str, tmp_path: Path, migrations: WriteMigrations, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = "postgres" if database_url.startswith("postgresql") else "sqlite"
    within = f"{dialect}/" if place in ("dialect", "inner") else ""
    folder: Path | str = migrations({f"{within}{name}": text for name, text in FILES.items()})
    options: dict[str, Any] = {"series": "by_name"} if place == "named" else {}
    if place == "inner":
        folder = Path(folder, dialect)
    elif place == "link":
        (tmp_path / "current").symlink_to(folder)
        folder = tmp_path / "current"
    elif place == "relative":
        monkeypatch.chdir(tmp_path)
        folder = "sql/shop"
    elif place == "slash":
        folder = f"{folder}/"
    database: Any = database_url
    if place == "path" and dialect == "sqlite":
        database = Path(database_url.removeprefix("sqlite:///"))
    ensure_migrations(database, folder, **options)
    found = look(database, folder, **options)
    assert found.report is not None
    assert found.report == _full(database, folder, **options)
    assert (found.report.standing, found.report.series) == (
        2,
        {"named": "by_name", "link": "current"}.get(place, "shop"),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"to": 9}, {"to": "2"}, {"plan": "no_such_plan.json"}, {"table": "a b"}, {"series": "legacy"},
        {"series": "a\nb"}, {"pending": "ask"}, {"ahead": "no"}, {"backup": "yes"}, {"keep": 0}, {"lock_wait": -1},
        {"lock_wait": float("nan")}, {"lock_wait": True},
    ],
    ids=str,
)  # fmt: skip
def test_an_option_that_is_wrong_is_refused_though_nothing_is_pending(
    sqlite_url: str, migrations: WriteMigrations, options: dict[str, Any]
) -> None:
    folder = migrations(FILES)
    ensure_migrations(sqlite_url, folder)
    with pytest.raises(SessmigError):
        ensure_migrations(sqlite_url, folder, **options)


def test_a_view_in_the_ledgers_place_is_left_to_the_full_story(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    probe(postgres_url).execute(
        "ALTER TABLE schema_migrations RENAME TO kept; CREATE VIEW schema_migrations AS SELECT * FROM kept"
    )
    found = look(postgres_url, folder)
    found.close()
    assert found.report is None
    assert _full(postgres_url, folder).standing == 2


@pytest.mark.parametrize("missing", ["metadata", "applied_by", "duration_ms"])
def test_a_table_without_one_of_the_ledgers_columns_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Opened, missing: str
) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    probe(database_url).execute(f"ALTER TABLE schema_migrations RENAME COLUMN {missing} TO another")
    with pytest.raises(SessmigError, match="is not sessmig's"):
        ensure_migrations(database_url, folder)


def test_a_ledger_behind_the_first_schema_is_refused_though_all_stands_in_it(
    postgres_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    probe(postgres_url).execute("CREATE SCHEMA tenant")
    with pytest.raises(SessmigError, match="stands in the schema public, but tenant comes first"):
        ensure_migrations(f"{postgres_url}?options=-csearch_path%3Dtenant,public", folder)


# What it costs.


def _modules(code: str, tmp_path: Path) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after some code."""
    told = f"import sys\n{code}\nimport json; print(); print(json.dumps(sorted(sys.modules)))"
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SESSMIG_", "DATABASE_URL", "COV"))
    }
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=tmp_path, env=clean | {"PYTHONPATH": str(_CHECKOUT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("door", ["api", "cli"])
def test_a_start_of_sqlite_with_nothing_pending_loads_nothing_that_python_can_do_without(
    sqlite_url: str, migrations: WriteMigrations, tmp_path: Path, door: str
) -> None:
    folder = migrations(FILES)
    ensure_migrations(sqlite_url, folder)
    code = {
        "api": f"import sessmig; assert sessmig.ensure_migrations({sqlite_url!r}, {str(folder)!r}).standing == 2",
        "cli": "import sessmig.cli; "
        f"assert sessmig.cli.main(['migrate', '-d', {sqlite_url!r}, '--dir', {str(folder)!r}]) == 0",
    }[door]
    bare = _modules("import sqlite3, hashlib, gc", tmp_path)  # gc is a part of the interpreter
    brought = {name for name in _modules(code, tmp_path) - bare if not name.startswith("sessmig")}
    assert brought == {"__future__"}


def test_of_postgresql_it_asks_one_question(postgres_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    said: list[bytes] = []
    with dropping(postgres_url, b"nobody says this", said) as url:
        assert ensure_migrations(url, folder).standing == 2
    begin, start, asked, *rest = said
    assert (begin, b"sessmig" in start, asked[:1], b"FROM" in asked) == (b"", True, b"P", True)
    assert rest in ([], [b"X\0\0\0\4"])  # the good-bye, unless the proxy was gone before


def test_where_something_is_pending_the_connection_is_used_on(postgres_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    said: list[bytes] = []
    with dropping(postgres_url, b"nobody says this", said) as url:
        with pytest.raises(PendingError):
            ensure_migrations(url, folder, pending="error")
        assert said.count(b"") == 1
        assert ensure_migrations(url, folder).applied == 2
    assert said.count(b"") == 2


def test_a_server_that_does_not_let_us_in_is_asked_once(postgres_url: str, migrations: WriteMigrations) -> None:
    said: list[bytes] = []
    with dropping(postgres_url, b"sessmig", said) as url, pytest.raises(ConnectError):
        ensure_migrations(url, migrations(FILES))
    assert said.count(b"") == 1


def test_behind_a_pooler_it_answers_and_leaves_nothing_prepared(
    postgres_url: str, migrations: WriteMigrations, pgbouncer: Pooler
) -> None:
    folder, url = migrations(FILES), pgbouncer(postgres_url)
    ensure_migrations(url, folder)
    for _ in range(8):
        found = look(url, folder)
        assert found.report == _full(url, folder)
    with connect(url) as client:
        assert client.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_it_closes_its_connection(postgres_url: str, migrations: WriteMigrations, probe: Opened) -> None:
    folder, seen = migrations(FILES), probe(postgres_url)
    ensure_migrations(postgres_url, folder)
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sessmig' AND datname = current_database()"
    for folder_ in (folder, migrations({"0003_c.sql": "SELECT 1;\n", "0004_d.txt.sql": ""}, series="odd")):
        with suppress(SessmigError):
            ensure_migrations(postgres_url, folder_)
        until = time.monotonic() + 20
        while seen.value(query) and time.monotonic() < until:
            time.sleep(0.02)
        assert seen.value(query) == 0


def test_while_somebody_lets_nobody_read_it_leaves_the_waiting_to_the_full_story(
    sqlite_url: str, migrations: WriteMigrations, probe: Opened
) -> None:
    folder = migrations(FILES)
    ensure_migrations(sqlite_url, folder)
    seen = probe(sqlite_url)
    seen.execute("BEGIN EXCLUSIVE")
    try:
        assert look(sqlite_url, folder).report is None
        with pytest.raises(SessmigError) as caught:
            ensure_migrations(sqlite_url, folder, lock_wait=0)
        assert caught.value.exit_code == 5
    finally:
        seen.execute("ROLLBACK")
    assert ensure_migrations(sqlite_url, folder).standing == 2


# The report.


def test_a_report_is_a_value(sqlite_url: str, migrations: WriteMigrations) -> None:
    folder = migrations(FILES)
    report = ensure_migrations(sqlite_url, folder)
    for same in (copy.deepcopy(report), pickle.loads(pickle.dumps(report)), report.with_()):
        assert same == report
        assert same is not report
        assert (hash(same), repr(same)) == (hash(report), repr(report))
    other = report.with_(standing=7)
    assert (other.standing, other.steps, report.standing) == (7, report.steps, 0)
    assert other != report
    assert report != "a report"
    with pytest.raises(AttributeError):
        report.standing = 1
    with pytest.raises(AttributeError):
        del report.standing
    with pytest.raises(TypeError):
        report.with_(nothing=1)
