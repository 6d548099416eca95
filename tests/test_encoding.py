"""The bytes of a file: which are read as text, which are no difference, and which are refused by their position."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import FileError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe

TEXT = "-- Tea and \U0001f375\nCREATE TABLE tea (name TEXT);\nINSERT INTO tea VALUES ('grün');\n"
BOM = b"\xef\xbb\xbf"

Opened = Callable[[str], Probe]


def refusal(url: str, folder: Path) -> str:
    with pytest.raises(FileError) as refused:
        ensure_migrations(url, folder)
    return str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        BOM + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        BOM + TEXT.replace("\n", "\r\n").encode(),
    ],
    ids=["plain", "BOM", "CRLF", "both"],
)
def test_bom_and_line_ends_change_neither_the_checksum_nor_the_work(
    data: bytes, database_url: str, probe: Callable[[str], Probe], migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_tea.sql": data})
    ensure_migrations(database_url, folder)
    database = probe(database_url)
    assert database.rows("SELECT name FROM tea") == [("grün",)]
    assert database.rows("SELECT description, checksum FROM schema_migrations") == [
        ("Tea and \U0001f375", hashlib.sha256(TEXT.encode()).hexdigest())
    ]


def test_an_applied_file_saved_with_other_line_ends_has_not_changed(
    database_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_tea.sql": TEXT})
    ensure_migrations(database_url, folder)
    for data in (TEXT.replace("\n", "\r\n").encode(), BOM + TEXT.encode()):
        migrations({"0001_tea.sql": data})
        assert ensure_migrations(database_url, folder).applied == 0


@pytest.mark.parametrize("pair", ["", ".verify", ".rollback", ".rollback.verify"])
def test_other_encodings_are_refused_with_line_and_position(
    pair: str, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    files: dict[str, str | bytes] = {"0001_tea.sql": TEXT, "0001_tea.rollback.sql": "DROP TABLE tea;\n"}
    name = f"0001_tea{pair}.sql"
    folder = migrations({**files, name: "-- Café\n-- crème\n".encode("latin-1")})
    assert refusal(database_url, folder) == (
        f"{folder / name}:1: not UTF-8: byte 0xe9 at position 6\nSave the file as UTF-8."
    )
    assert probe(database_url).tables() == set()


def test_positions_are_those_of_the_file_as_it_stands(sqlite_url: str, migrations: WriteMigrations) -> None:
    data = BOM + b"-- one\r\n-- two\r\n-- \xe9\r\n"
    folder = migrations({"0001_a.sql": data})
    assert f"0001_a.sql:3: not UTF-8: byte 0xe9 at position {data.index(0xE9)}\n" in refusal(sqlite_url, folder)
    data = data.replace(b"\xe9", b"\0")
    migrations({"0001_a.sql": data})
    assert f"0001_a.sql:3: a NUL byte at position {data.index(0)}\n" in refusal(sqlite_url, folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_guessed_from_its_nul_bytes(
    encoding: str, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    data = "CREATE TABLE a (x INTEGER);\r\n".encode(encoding)
    folder = migrations({"0001_a.sql": data})
    assert refusal(database_url, folder) == (
        f"{folder}/0001_a.sql:1: a NUL byte at position {data.index(0)}\nIs it UTF-16? Save the file as UTF-8."
    )
    assert probe(database_url).tables() == set()


@pytest.mark.parametrize(
    "text", ["", "\n \n", ";\n;", "-- Nothing to do\n", "/* nothing */", "-- sessmig: irreversible it is empty"]
)
def test_empty_and_comment_only_files_are_steps_like_any_other(
    text: str, database_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    folder = migrations({"0001_nothing_here.sql": text, "0002_a.sql": "CREATE TABLE a (x INTEGER);"})
    report = ensure_migrations(database_url, folder)
    assert [(step.name, step.outcome) for step in report.steps] == [
        ("nothing_here", "applied"),
        ("a", "applied"),
    ]
    description = "Nothing to do" if "Nothing" in text else "nothing here"
    assert probe(database_url).rows("SELECT version, description, status FROM schema_migrations ORDER BY version") == [
        (1, description, "success"),
        (2, "a", "success"),
    ]
    assert ensure_migrations(database_url, folder).applied == 0
