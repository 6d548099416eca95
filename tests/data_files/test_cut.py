"""A large file is cut while it is read, block by block: into the same statements as if it were read whole."""

import hashlib
from pathlib import Path

import pytest

from sessmig import FileError, script
from sessmig.bundles import cut
from sessmig.model import DIALECTS, Dialect

_WIDE = 300_000
"""More characters than lie ahead where something is cut."""


def _row(number: int, table: str = "data") -> str:
    return (
        f"INSERT INTO {table} (id, name) VALUES ({number}, 'it''s; -- \N{TEACUP WITHOUT HANDLE} {number}\nCOMMIT;');\n"
    )


def _rows(first: int, last: int, table: str = "data") -> str:
    return "".join(_row(number, table) for number in range(first, last))


_FUNCTION = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $a$ SELECT ';' $a$;\n"
_TRIGGER = "CREATE TRIGGER t AFTER INSERT ON data BEGIN UPDATE data SET name = 'x;'; DELETE FROM other; END;\n"
_ALMOST = (
    "INSERT INTO data VALUES (1, x'00', E'a;', 1e5);",
    "INSERT INTO data VALUES (1, N'a;');",
    "INSERT INTO data VALUES (1, nulls, 2);",
    "INSERT INTO data VALUES (1) -- 'a;",
    ";",
    "INSERT INTO data VALUES (1e, 2);",
    "INSERT INTO data VALUES (1) RETURNING id;",
    "INSERT INTO data SELECT 1;",
    'INSERT INTO "a(b" VALUES (1);',
    'INSERT INTO data ("a, b) VALUES (1);", c) VALUES (1, 2);',
    "INSERT INTO data VALUES (1)/* ; */;",
)
"""Statements that are no INSERTs of plain values, or not by the looks of it."""
_PG_DUMP = "INSERT INTO public.data VALUES (17, 'it''s; \\', true, NULL, -1.5e-07, '2026-01-31 10:00:00+00');\n"
_SQLITE_DUMP = """INSERT INTO "data" ("id",\t"values") VALUES(1,'a\n;',X'00ff',.5,9.99e+20),(2,'',NULL,-1,1E3);\n"""
_TEXTS = {
    "pg_dump": _PG_DUMP * 12_000,
    "sqlite_dump": _SQLITE_DUMP * 12_000,
    "rows": _rows(0, 12_000),
    "few_rows": _rows(0, 50),
    "head": f"-- Data\n-- sessmig: may-lose other\n\nCREATE TABLE data (id INT);\n{_rows(0, 10_000)}-- the end\n",
    "by_turns": "".join(_row(n, f"t{n % 2}") for n in range(10_000)),
    "in_between": "".join(f"{_rows(n, n + 500)}/* {n}; */ UPDATE data SET name = name || ';';\n" for n in range(9)),
    "long_row": f"{_rows(0, 300)}INSERT INTO data VALUES (1, '{'x;' * _WIDE}');\n{_rows(300, 9000)}",
    "long_statement": f"{_rows(0, 300)}UPDATE data SET name = '{'x;' * _WIDE}';\n{_rows(300, 9000)}",
    "long_comment": f"{_rows(0, 300)}-- {'x;' * _WIDE}\n{_rows(300, 9000)}",
    "no_end": f"{_rows(0, 9000)}INSERT INTO data VALUES (1, 'a')",
    "other_inserts": "".join(f"INSERT INTO data VALUES ({n}, lower('A;'));\n" for n in range(12_000)),
    "almost_plain": "".join(f"{one}\n" * 300 for one in _ALMOST) * 15,
    "on_one_line": _rows(0, 9000).replace(");\n", "); ; "),
}


@pytest.mark.parametrize("ends", ["LF", "CRLF"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", _TEXTS)
def test_the_statements_are_those_of_the_whole_file(name: str, dialect: Dialect, ends: str, tmp_path: Path) -> None:
    own = _FUNCTION if dialect == "postgres" else _TRIGGER
    text = _TEXTS[name] if name == "no_end" else f"{_TEXTS[name]}{own}{_rows(90_000, 90_300)}"
    path = tmp_path / "1_a.sql"
    data = text.encode() if ends == "LF" else b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    path.write_bytes(data)
    pieces = cut(path, dialect, hashlib.sha256(text.encode()).hexdigest())
    wanted, before = script.split(text, dialect, path), 0
    for piece in pieces:
        for number in {0, piece.statements // 2, piece.statements - 1}:
            assert piece.at(number) == wanted[before + number]
        before += piece.statements
    assert before == len(wanted)
    assert [piece.end for piece in pieces] == [*[piece.offset for piece in pieces[1:]], len(text)]
    if name in ("pg_dump", "sqlite_dump", "rows", "head", "in_between"):
        assert len(pieces) < 400


@pytest.mark.parametrize(
    ("dialect", "end", "line", "reason"),
    [
        ("sqlite", "SELECT 'open;\n", 12_001, "the quote ' that opens here is never closed"),
        ("postgres", "SELECT 1;\nSELECT $x$ open;\n", 12_002, "the dollar quote $x$ that opens here is never closed"),
        ("postgres", "\\restrict a\n", 12_001, r"`\restrict` is not SQL"),
        ("postgres", "COPY data FROM STDIN;\n1\n", 12_001, "COPY … FROM STDIN reads rows"),
        ("sqlite", "SELECT 1;\n\0\n", 12_002, "a NUL byte at position"),
        ("postgres", "SELECT 1;\n\n\udcff\n", 12_003, "not UTF-8: byte 0xff at position"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(
    dialect: Dialect, end: str, line: int, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "1_a.sql"
    path.write_bytes((_rows(0, 6000) + end).encode(errors="surrogateescape") + _rows(0, 9000).replace("'", "").encode())
    with pytest.raises(FileError) as refused:
        cut(path, dialect)
    assert str(refused.value).startswith(f"{path}:{line}: {reason}")


def test_a_file_that_is_not_what_was_hashed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1_a.sql"
    path.write_text(_rows(0, 9000), encoding="utf-8")
    with pytest.raises(FileError, match="changed while it was read"):
        cut(path, "sqlite", hashlib.sha256(b"").hexdigest())
