"""A plain `sessmig migrate` is understood without the command line's own reader, and nobody can tell the difference."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from sessmig import cli, ensure_migrations, group
from sessmig.idle import Look, look
from sessmig.plain_migrate import read_plain
from sessmig.streams import flush_streams, open_streams
from tests.fixtures.files import WriteMigrations
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.probe import Probe

Opened = Callable[[str], Probe]
Capture = pytest.CaptureFixture[str]

FILES = {
    "0001_a.sql": "CREATE TABLE a (x INTEGER);\n",
    "0002_b.sql": "-- Two\nCREATE TABLE b (x INTEGER);\n",
    "0002_b.verify.sql": "-- check: none\nSELECT x FROM b;\n",
    "0002_b.rollback.sql": "-- sessmig: may-lose b\nDROP TABLE b;\n",
}
UPDATE = "UPDATE schema_migrations SET "
INSERT = "INSERT INTO schema_migrations (series, version, migration_id, status) VALUES "

# What there is to be seen: SQL for the ledger, files to be written (None: taken away), and whether all is surely done.
STATES: dict[str, tuple[str, dict[str, str | bytes | None], bool]] = {
    "all applied": ("", {}, True),
    "baseline": (UPDATE + "status = 'baseline' WHERE version = 1", {}, True),
    "CRLF and BOM": ("", {"0002_b.sql": b"\xef\xbb\xbf-- Two\r\nCREATE TABLE b (x INTEGER);\r\n"}, True),
    "another series": (INSERT + "('other', 9, 'x', 'running')", {}, True),
    "an older system's rows": (INSERT + "('legacy', 1, 'a', 'baseline')", {}, True),
    "a folder legacy": ("", {"legacy/sqlite.sql": ""}, True),
    "a note": ("", {"README.md": "x"}, True),
    "its pair gone": ("", {"0002_b.verify.sql": None}, True),
    "changed": ("", {"0002_b.sql": "SELECT 1;\n"}, False),
    "renamed": ("", {"0001_a.sql": None, "0001_c.sql": FILES["0001_a.sql"]}, False),
    "missing": ("", {"0001_a.sql": None}, False),
    "ahead": (INSERT + "('shop', 9, 'x', 'success')", {}, False),
    "late": (INSERT + "('shop', 9, 'x', 'success')", {"0003_c.sql": "SELECT 1;\n", "0009_x.sql": "SELECT 1;\n"}, False),
    "held": ("", {"0003_c.sql": "-- sessmig: wait 9 weeks after 2\nSELECT 1;\n"}, False),
    "without a checksum": (UPDATE + "checksum = NULL", {}, False),
    "adopted": (
        "DELETE FROM schema_migrations WHERE version = 1; " + INSERT + "('legacy', 1, 'a', 'baseline')",
        {},
        False,
    ),
    "a wrong name": ("", {"0003-c.sql": ""}, False),
    "in capitals": ("", {"0003_c.SQL": ""}, False),
    "one version twice": ("", {"2_b.sql": ""}, False),
    "a pair without its file": ("", {"0003_c.rollback.sql": ""}, False),
    "a rollback's pair without it": ("", {"0001_a.rollback.verify.sql": ""}, False),
    "a folder too many": ("", {"more/x.txt": ""}, False),
    "dialects beside files": ("", {"sqlite/0001_a.sql": "", "postgres/0001_a.sql": ""}, False),
    "no files": ("", dict.fromkeys(FILES), False),
    "not UTF-8": ("", {"0003_c.sql": b"\xff"}, False),
    "another program's table": ("ALTER TABLE schema_migrations RENAME COLUMN metadata TO data", {}, False),
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have nothing set, and work where no settings stand."""
    for name in list(os.environ):
        if name.startswith(("SESSMIG_", "DATABASE_URL", "NO_COLOR")):
            monkeypatch.delenv(name)
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)


def _through(door: Callable[[list[str]], int], arguments: list[str], capfd: Capture) -> tuple[int, str, str]:
    code = door(arguments)
    told = capfd.readouterr()
    return code, told.out, told.err


def _by_all(arguments: list[str]) -> int:
    """Run the command line as it is without a first look."""
    open_streams()
    code = group.run(arguments, Look())
    flush_streams()
    return code


def _both(arguments: list[str], capfd: Capture) -> tuple[int, str, str]:
    """Run the command by both doors, which have to say the same; return it."""
    first = _through(cli.main, arguments, capfd)
    assert first == _through(_by_all, arguments, capfd)
    return first


def _write(folder: Path, files: dict[str, str | bytes | None]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["loud", "quiet"])
@pytest.mark.parametrize("state", STATES)
def test_in_every_state_it_says_what_the_whole_command_line_says(
    database_url: str, migrations: WriteMigrations, probe: Opened, capfd: Capture, state: str, quiet: tuple[str, ...]
) -> None:
    folder = migrations(FILES)
    ensure_migrations(database_url, folder)
    statements, files, is_done = STATES[state]
    _write(folder, files)
    seen = probe(database_url)
    for statement in filter(None, statements.split("; ")):
        seen.execute(statement)
    seen.close()
    code, out, _ = _both(["migrate", "-d", database_url, "--dir", str(folder), *quiet], capfd)
    found = look(database_url, str(folder))
    found.close()
    assert (found.report is not None) is is_done
    if is_done:
        last = "nothing to do: 2 migrations applied, none pending\n"
        assert (code, out) == (0, last if quiet else f"shop on {database_url}\n\n{last}")


def test_what_is_pending_is_applied_and_told_the_same(
    tmp_path: Path, migrations: WriteMigrations, capfd: Capture
) -> None:
    folder, path = migrations(FILES), tmp_path / "app.db"
    ensure_migrations(path, folder)
    shutil.copy(path, tmp_path / "kept.db")
    migrations({"0003_c.sql": "CREATE TABLE c (x INTEGER);\n", "0004_d.sql": "SELECT nix;\n"})
    told = []
    for door in (cli.main, _by_all):
        shutil.copy(tmp_path / "kept.db", path)
        code, *texts = _through(door, ["migrate", "--db", str(path), "--dir", str(folder)], capfd)
        told.append((code, [re.sub(r"backup \S+|[\d.]+ (?:ms|s|min)\b", "...", text) for text in texts]))
    assert told[0] == told[1]
    assert told[0][0] == 1


PLACES = ["none", "database", "folder", "database in memory", "folder of it", "text file", "link", "dead link"]


@pytest.mark.parametrize("missing", PLACES)
def test_what_is_not_there_is_told_the_same(
    tmp_path: Path, migrations: WriteMigrations, capfd: Capture, missing: str
) -> None:
    folder, path = migrations(FILES), tmp_path / "app.db"
    ensure_migrations(path, folder)
    database = str(path)
    if missing == "database":
        database = str(tmp_path / "nowhere" / "app.db")
    elif missing == "folder":
        folder = tmp_path / "nowhere"
    elif missing == "database in memory":
        database = ":memory:"
    elif missing == "folder of it":
        database = str(tmp_path)
    elif missing == "text file":
        path.write_text("no database\n" * 500)
    elif missing == "link":
        (folder / "0001_a.sql").rename(tmp_path / "elsewhere.sql")
        (folder / "0001_a.sql").symlink_to(tmp_path / "elsewhere.sql")
    elif missing == "dead link":
        (folder / "0003_c.sql").symlink_to(tmp_path / "nowhere.sql")
    code, _, _ = _both(["migrate", "--db", database, "--dir", str(folder)], capfd)
    assert (code == 0) is (missing in ("none", "link"))


NAMES = ["app", "sp ace", "ü", "50%", "a?b#c", "a&b", "%41", "-x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_and_a_folder_may_have_any_name(
    tmp_path: Path, migrations: WriteMigrations, capfd: Capture, name: str
) -> None:
    folder, path = migrations(FILES, series=name), tmp_path / f"{name}.db"
    ensure_migrations(path, folder)
    code, out, err = _both(["migrate", "--db", str(path), "--dir", str(folder)], capfd)
    assert (code, out.splitlines()[0], err) == (0, f"{name} on sqlite:///{path}", "")


def test_of_a_password_in_an_option_the_warning_is_given(
    postgres_server: PostgresServer, postgres_url: str, migrations: WriteMigrations, capfd: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = migrations(FILES)
    ensure_migrations(postgres_url, folder)
    secret = "s3cret, really"
    user = postgres_url.partition("//")[2].partition("@")[0]
    url = postgres_server.url(postgres_url, user=user, password=secret)
    for given in (url, f"{postgres_url}?password={quote(secret)}"):
        code, out, err = _both(["migrate", "-d", given, "--dir", str(folder)], capfd)
        assert (code, err.count("warning: a password in --database")) == (0, 1)
        assert "s3cret" not in out + err
        monkeypatch.setenv("DATABASE_URL", given)
        assert _both(["migrate", "--dir", str(folder)], capfd)[::2] == (0, "")


@contextmanager
def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def test_each_place_of_a_setting_is_found_as_the_whole_command_line_finds_it(
    tmp_path: Path, migrations: WriteMigrations, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = migrations(FILES), migrations({"0001_x.sql": "SELECT 1;\n"}, series="other")
    one, two = f"sqlite:///{tmp_path / 'one.db'}", f"sqlite:///{tmp_path / 'two.db'}"
    Path("sql").symlink_to(folder)
    ensure_migrations(one, "sql")
    ensure_migrations(two, other)
    ensure_migrations(two, other, table="another")
    here = {"SESSMIG_DATABASE": one}
    cases: list[tuple[list[str], dict[str, str], dict[str, str]]] = [
        ([], here, {}),
        ([], {"DATABASE_URL": one, "SESSMIG_DATABASE": ""}, {}),
        ([], {"DATABASE_URL": two, "SESSMIG_DATABASE": one}, {}),
        (["-d", two], here | {"SESSMIG_DIR": str(other)}, {}),
        (["--database", two, "--dir", str(other)], here, {}),
        (["--db", one, "-d", two], {}, {}),
        (["-d", ""], here, {}),
        (["-d", two, "--dir", str(other), "--table", "another"], {}, {}),
        (["-d", two, "--dir", str(other)], {"SESSMIG_TABLE": "another"}, {}),
        ([], here | {"SESSMIG_SERIES": "legacy"}, {}),
        ([], here | {"SESSMIG_BACKUP": "perhaps"}, {}),
        ([], here | {"SESSMIG_KEEP": "none"}, {}),
        (["--to", "1"], here, {}),
        (["--only", "7"], here, {}),
        (["--ahead", "nonsense"], here, {}),
        (["--nonsense"], here, {}),
        (["nonsense"], here, {}),
        (["--dir"], here, {}),
        (["--json"], here, {}),
        (["--help"], here, {}),
        ([], {}, {}),
        ([], {}, {".env": f"DATABASE_URL={one}\n"}),
        ([], here, {".env": f"SESSMIG_DIR={tmp_path}/nowhere\n"}),
        ([], here, {"sessmig.toml": 'backup = "perhaps"\n'}),
        ([], here, {"pyproject.toml": '[tool.sessmig]\nkeep = "none"\n'}),
        ([], here, {"pyproject.toml": '[tool."\\u0073essmig"]\nkeep = "none"\n'}),
        ([], here, {"pyproject.toml": '[project]\nname = "mine"\n'}),
    ]
    codes = []
    for arguments, environment, files in cases:
        for name, text in files.items():
            Path(name).write_text(text)
        with _set(monkeypatch, environment):
            codes.append(_both(["migrate", "-q", *arguments], capfd)[0])
        for name in files:
            Path(name).unlink()
    assert set(codes) == {0, 2}


def test_only_what_is_understood_whole_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = read_plain(["migrate", "-d", "app.db", "--dir", "sql/shop", "-q"])
    assert asked is not None
    assert (asked.database, asked.directory, asked.quiet) == ("app.db", "sql/shop", True)
    for arguments in (
        [], ["status"], ["--help"], ["migrate"], ["migrate", "app.db"], ["migrate", "-d"], ["migrate", "-dapp.db"],
        ["migrate", "-d", "--dir"], ["migrate", "-d", "a", "-d", "b"], ["migrate", "-d", "a", "--dry-run"],
        ["migrate", "--", "-d", "a"],
    ):  # fmt: skip
        assert read_plain(arguments) is None, arguments
    for name in ("SESSMIG_TABLE", "SESSMIG_SERIES", "SESSMIG_BACKUP", "SESSMIG_KEEP", "_SESSMIG_COMPLETE"):
        with _set(monkeypatch, {name: "x"}):
            assert read_plain(["migrate", "-d", "app.db"]) is None, name
    for file in (".env", "sessmig.toml"):
        Path(file).touch()
        assert read_plain(["migrate", "-d", "app.db"]) is None, file
        Path(file).unlink()
