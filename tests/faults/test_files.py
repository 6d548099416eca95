"""Hostile files: any bytes as content and as a name, and whatever else can stand in a folder."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessmig import FileError, ensure_migrations
from tests.faults.hostile import examples, held, run, write
from tests.fixtures.probe import Probe, SqliteProbe
from tests.fixtures.processes import AsNobody

Probes = Callable[[str], Probe]

FIRST = (
    "CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT);\nCREATE TABLE b (x INTEGER PRIMARY KEY, y TEXT);\n"
    "INSERT INTO a VALUES (1, '1'), (2, NULL);\n"
)
WORDS = (
    "CREATE TABLE c (x INTEGER);", "INSERT INTO a VALUES (1);", "DELETE FROM a;", "DROP TABLE b;", "-- sessmig: ",
    "may-lose ", "batch a by x", "no-transaction", "wait 7 days after ", "irreversible ", "run-each-row\n",
    "idempotent", "foreign-keys-off", "allow select-star because", "-- check: c\n",
    "-- merge: a into b on x comparing y\n",
    "-- measure: n\n", "-- measure before: n\n", "-- require: r\n", "-- warn: w\n", "-- expect: ", "same", "none",
    "some", "0", "'x'", ":n", "-- source after: a\n", "-- reject: r where x = 1\n", "-- differing: keep\n", "SELECT ",
    "* FROM a", "'", '"', "$$", "$t$", "/*", "*/", "--", ";", "BEGIN;", "COMMIT;", "(", ")", ",", "\n", "\r\n", "\r",
    "\0", "\ufeff", "\x1b", "\u2028", "\x85", "`", "[", "]", "E'\\", "CREATE TRIGGER t AFTER INSERT ON a BEGIN ",
    "END;", "CASE WHEN", "\\d", "COPY a FROM STDIN;", "PRAGMA foreign_keys = off;", "VACUUM;", "WITH x AS (",
    "VALUES (1)",
    "\U0001f375", "1e999", ":first AND :last", "9" * 30,
)  # fmt: skip
CONTENT = st.one_of(
    st.binary(max_size=60),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=14).map(
        lambda words: " ".join(words).encode("utf-8", "surrogatepass")
    ),
)
KINDS = ("", ".verify", ".rollback", ".rollback.verify")
COMMANDS = (
    ("lint",), ("plan",), ("plan", "--all"), ("plan", "--format", "sql"), ("migrate", "--no-backup"), ("status",),
    ("verify",), ("report",), ("rehearse",), ("rollback", "--dry-run"), ("rollback",),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KINDS), CONTENT, min_size=1), st.sampled_from(COMMANDS))
@examples(80)
def test_whatever_stands_in_a_file_no_command_ends_in_a_traceback_and_no_row_goes_unseen(
    contents: dict[str, bytes], last: tuple[str, ...]
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        files: dict[str, str | bytes] = {"0001_a.sql": FIRST, "0002_b.sql": "CREATE TABLE d (x INTEGER);\n"}
        series = write(folder / "shop", files | {f"0002_b{kind}.sql": data for kind, data in contents.items()})
        place = ("--db", folder / "app.db", "--dir", series)
        lost = b"may-lose" in b"".join(contents.values())
        held(run("migrate", "--no-backup", *place), 0, 1, 3)
        ended = run(*last, series) if last == ("lint",) else run(*last, *place)
        assert ended.code in (0, 1, 2, 3, 4), ended
        if last[-1] != "sql":
            held(ended, 0, 1, 2, 3, 4)
        probe = SqliteProbe(folder / "app.db")
        if not lost and "a" in probe.tables():
            assert probe.value("SELECT count(*) FROM a") >= 2
    finally:
        shutil.rmtree(folder)


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda name: not set(name) & {0, 47}), max_size=3))
@examples(40)
def test_whatever_a_file_is_named_it_is_taken_refused_by_name_or_no_sql(names: list[bytes]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        series = write(folder / "shop", {"0001_a.sql": FIRST})
        for name in names:
            if name not in (b".", b".."):
                (series / os.fsdecode(name + b".sql")).write_text("SELECT 1;\n")
                (series / os.fsdecode(name)).write_text("no SQL\n")
        for command in ("lint", "migrate"):
            place = (series,) if command == "lint" else ("--no-backup", "--db", folder / "app.db", "--dir", series)
            ended = held(run(command, *place), *((1,) if names else (0, 1)))
            if names and command == "migrate":
                assert "name is not understood" in ended.err or "there is no migration to this file" in ended.err
                assert not (folder / "app.db").exists()
    finally:
        shutil.rmtree(folder)


def _make(kind: str, path: Path) -> None:
    match kind:
        case "loop":
            path.symlink_to(path.name)
        case "dangling":
            path.symlink_to("nowhere")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(str(path))
        case "device":
            path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("dangling", "cannot be read: No such file or directory"),
        ("folder", "a folder that does not belong into a series"),
        ("pipe", "cannot be read: it is no ordinary file"),
        ("socket", "cannot be read: "),
        ("device", "cannot be read: it is no ordinary file"),
    ],
)
@pytest.mark.parametrize("name", ["0002_b.sql", "0001_a.verify.sql", "0001_a.rollback.sql"])
def test_what_is_no_file_is_refused_and_never_waited_for(kind: str, told: str, name: str, tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # the name of a socket may not be long
    try:
        series = write(folder / "shop", {"0001_a.sql": FIRST})
        _make(kind, series / name)
        for command in ("lint", "plan", "migrate"):
            place = (series,) if command == "lint" else ("--db", folder / "app.db", "--dir", series)
            ended = held(run(command, *place), 1)
            assert f"{name}" in ended.said
            assert told in ended.said
        assert not (folder / "app.db").exists()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["0001_a.sql", "0001_a.verify.sql", "0001_a.rollback.sql"])
def test_a_file_that_may_not_be_read_stops_the_run_by_name(
    name: str, tmp_path: Path, as_nobody: AsNobody, probe: Probes
) -> None:
    files = {"0001_a.sql": FIRST, "0001_a.verify.sql": "", "0001_a.rollback.sql": "DROP TABLE a;\nDROP TABLE b;\n"}
    series = write(tmp_path / "shop", files)
    (series / name).chmod(0)
    place = tmp_path / "db"
    place.mkdir(mode=0o777)
    place.chmod(0o777)

    def work() -> tuple[int, str]:
        ended = run("migrate", "--db", place / "app.db", "--dir", series)
        return ended.code, ended.err

    assert as_nobody(work) == (1, f"{series / name}: cannot be read: Permission denied\n")
    assert not (place / "app.db").exists()


def test_a_file_that_changes_while_it_is_read_stops_the_run(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probe: Probes
) -> None:
    series = write(tmp_path / "shop", {"0001_a.sql": FIRST, "0002_b.sql": "CREATE TABLE c (x INTEGER);\n"})
    was, count = os.open, 0

    def opened(path: str | Path, *rest: int, **more: int) -> int:
        nonlocal count
        if str(path).endswith("0002_b.sql"):
            count += 1
            if count > 2:  # it was hashed, by the first look too, and is read now
                (series / "0002_b.sql").write_text("DROP TABLE a;\n")
        return was(path, *rest, **more)

    monkeypatch.setattr("os.open", opened)
    with pytest.raises(FileError) as refused:
        ensure_migrations(sqlite_url, series)
    told = f"{series / '0002_b.sql'}: changed while it was read"
    assert str(refused.value).startswith(told)
    assert "c" not in probe(sqlite_url).tables()


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"\xef\xbb\xbfINSERT INTO a VALUES (3, 'x\r\ny');\r\n", "x\ny"),
        (b"INSERT INTO a VALUES (3, 'x\ry');\r", "x\ry"),
        (b"-- one\r\rINSERT INTO a VALUES (3, 'z');", None),
        (b"INSERT INTO a VALUES (3, '\xef\xbb\xbf');\n", "\ufeff"),
    ],
    ids=["BOM and CRLF", "lone CR", "a comment that never ends", "BOM inside"],
)
def test_line_ends_and_marks_are_read_as_the_databases_own_shell_reads_them(
    data: bytes, rows: str | None, database_url: str, probe: Probes, tmp_path: Path
) -> None:
    series = write(tmp_path / "shop", {"0001_a.sql": FIRST, "0002_b.sql": data})
    held(run("migrate", "--no-backup", "--dir", series, env={"DATABASE_URL": database_url}), 0)
    found = probe(database_url).rows("SELECT y FROM a WHERE x = 3")
    if rows is None and not database_url.startswith("sqlite"):
        rows = "z"  # to PostgreSQL a lone CR ends a comment
    assert found == ([(rows,)] if rows is not None else [])
