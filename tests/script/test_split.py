"""What `split` promises: golden files for the hard cases, properties for all others, SQLite itself for a judge."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessmig.errors import FileError
from sessmig.model import DIALECTS, Dialect, Piece
from sessmig.script import split

GOLDEN = Path(__file__).parent / "golden"
CASES: list[tuple[Dialect, Path]] = [
    (dialect, file) for dialect in DIALECTS for of in ("both", dialect) for file in sorted((GOLDEN / of).glob("*.sql"))
]
GOOD = [case for case in CASES if "✗" not in case[1].read_text()]
BAD = [case for case in CASES if "✗" in case[1].read_text()]
SQL = Path("0001_case.sql")


def name_of(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)


def script_of(marked: str) -> str:
    return re.sub("[▸✂]", "", marked).replace("␍", "\r")


def marked_script(file: Path) -> str:
    text = file.read_text()
    return text.partition("␄")[0].partition("✗")[0] if "␄" in text or "✗" in text else text


def marked_cut(pieces: list[Piece]) -> str:
    """Write a cut as the golden files do."""
    marked = (piece.comments + (f"▸{piece.statement}" if piece.is_statement else "") for piece in pieces)
    return "✂".join(marked).replace("\r", "␍")


@pytest.mark.parametrize(("dialect", "file"), GOOD, ids=name_of)
def test_a_golden_script_is_cut_as_marked(dialect: Dialect, file: Path) -> None:
    marked = marked_script(file)
    assert marked_cut(split(script_of(marked), dialect, SQL)) == marked


@pytest.mark.parametrize(("dialect", "file"), BAD, ids=name_of)
def test_a_golden_script_that_is_no_sql_is_refused_with_its_line(dialect: Dialect, file: Path) -> None:
    line, _, reason = file.read_text().partition("✗ ")[2].strip().partition(": ")
    with pytest.raises(FileError) as refused:
        split(script_of(marked_script(file)), dialect, SQL)
    assert refused.value.what == f"{SQL}:{line}: {reason}"
    assert refused.value.remedy


def test_there_are_sixty_golden_cases_at_least() -> None:
    assert len({file for _, file in CASES}) >= 60


# What is hard by itself is harder side by side.
NASTY = [
    *(
        "'",
        "''",
        '"',
        "`",
        "[",
        "]",
        ";",
        "--",
        "/*",
        "*/",
        "/",
        "-",
        "*",
        "\\",
        "\n",
        "\r",
        " ",
        "$",
        "$$",
        "$a$",
        "$1",
    ),
    *("E'", "e'", "\\'", "type'", "U&'", "x'", "(", ")", ".", ":", "::", "a", "a$b$c", "é", "😀", "1", "'\n'", ";END;"),
    *("BEGIN ", "END", "CASE ", " ATOMIC ", "CREATE ", "TEMP ", "TRIGGER ", "FUNCTION f() ", "RULE r ", "EXPLAIN "),
    *("COPY t FROM STDIN", "SET standard_conforming_strings = off", "SELECT 1", "DROP ", "\ufeff", "\v", "\t"),
    "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; ",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; ",
]
scripts = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.lists(st.sampled_from(NASTY)).map("".join),
)


def cut_or_refusal(text: str, dialect: Dialect) -> tuple[list[Piece], FileError | None]:
    try:
        return split(text, dialect, SQL), None
    except FileError as refused:
        return [], refused


@settings(max_examples=500, deadline=None)
@given(text=scripts, dialect=st.sampled_from(DIALECTS))
def test_the_joined_pieces_are_the_input(text: str, dialect: Dialect) -> None:
    pieces, refused = cut_or_refusal(text, dialect)
    if refused:
        assert refused.remedy
        assert refused.line in range(1, text.count("\n") + 2)
        return
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text.endswith(";") for piece in pieces[:-1])
    offset = 0
    for piece in pieces:
        assert piece.text
        assert piece.offset == offset
        assert piece.line == text.count("\n", 0, offset) + 1
        offset = piece.end


@settings(max_examples=500, deadline=None)
@given(text=scripts)
def test_every_statement_is_a_whole_one_to_sqlite(text: str) -> None:
    pieces, _ = cut_or_refusal(text, "sqlite")
    *first, last = [piece.statement for piece in pieces if piece.is_statement] or [";"]
    assert all(sqlite3.complete_statement(statement) for statement in [*first, last + "\n;"])


@settings(max_examples=200, deadline=None)
@given(text=scripts, dialect=st.sampled_from(DIALECTS))
def test_a_piece_cut_again_stays_whole(text: str, dialect: Dialect) -> None:
    for piece in cut_or_refusal(text, dialect)[0]:
        assert [again.text for again in split(piece.text, dialect, SQL)] == [piece.text]


def schema_and_rows(connection: sqlite3.Connection) -> list[str]:
    return [*connection.iterdump(), *map(str, connection.execute("SELECT * FROM temp.sqlite_master"))]


def runs_whole(script: str) -> list[str] | None:
    with_whole = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with_whole.executescript(script)
        return schema_and_rows(with_whole)
    except sqlite3.Error:
        return None
    finally:
        with_whole.close()


RUNNABLE = [
    file for dialect, file in GOOD if dialect == "sqlite" and runs_whole(script_of(marked_script(file))) is not None
]


@pytest.mark.parametrize("file", RUNNABLE, ids=name_of)
def test_the_pieces_do_what_the_whole_script_does_on_sqlite(file: Path) -> None:
    script = script_of(marked_script(file))
    piecewise = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for piece in split(script, "sqlite", file):
            if piece.is_statement:
                piecewise.execute(piece.statement)
        assert schema_and_rows(piecewise) == runs_whole(script)
    finally:
        piecewise.close()


def test_most_sqlite_goldens_are_run() -> None:
    assert len(RUNNABLE) >= 25


def test_a_statement_is_named_by_its_own_line_not_its_comments() -> None:
    first, second = split("-- one\n\nSELECT 1;\n\n/* two\n */ SELECT\n 2;", "sqlite", SQL)
    assert (first.line, first.statement_line, second.line, second.statement_line) == (1, 3, 3, 6)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("SELECT 'a", "Close it, and write a quote inside text twice: 'it''s'."),
        ("DO $x$ a", "Close it with $x$, in the same letters."),
        ("/* /* */", "Close it with */; in PostgreSQL comments nest, and each /* needs its own."),
        ("\\restrict abc", "Plain pg_dump output needs psql; use pg_dump -Fc and pg_restore."),
        ("SELECT 1 \\gexec", "Write `-- sessmig: run-each-row` above the query."),
        ("COPY t FROM STDIN", "Write the rows as INSERT … VALUES, or let COPY read a file on the server."),
        (
            "SET standard_conforming_strings TO off",
            "Leave it out, and write E'…\\'…' where a backslash escapes.",
        ),
    ],
)
def test_a_refusal_names_the_way_out(text: str, remedy: str) -> None:
    with pytest.raises(FileError) as refused:
        split(text, "postgres", SQL)
    assert refused.value.remedy == remedy


# Each of these took minutes, or all memory, with one of the usual ways to write the pattern.
LONG = 1_000_000
HEAVY = {
    "one literal": "SELECT '" + "x" * LONG + "';",
    "doubled quotes": "SELECT '" + "''" * LONG + "';",
    "doubled quotes, never closed": "SELECT '" + "''" * LONG,
    "escaped quotes": "SELECT E'" + "\\'" * LONG + "';",
    "blank lines behind a literal": "SELECT E'a'" + "\n" * LONG + ";",
    "dollars in a name": "SELECT " + "a$" * LONG + ";",
    "open comments": "/*" * LONG,
    "open parentheses": "SELECT " + "(" * LONG + ";",
    "lone minus signs": "SELECT " + "- " * LONG + ";",
    "a long trigger": "CREATE TRIGGER a AFTER INSERT ON t BEGIN " + "SELECT 1; " * (LONG // 10) + "END;",
    "many rows": "INSERT INTO t (a, b) VALUES (1, 'it''s - so');\n" * (LONG // 50),
}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_long_script_is_cut_without_the_time_or_memory_growing_as_its_square(text: str, dialect: Dialect) -> None:
    # Nothing is measured: at the square of these lengths the suite's timeout, or the machine's memory, ends it.
    cut, refused = cut_or_refusal(text, dialect)
    assert refused is not None or "".join(piece.text for piece in cut) == text


_PLAIN = [
    "INSERT INTO t VALUES (1, 'a;b', NULL);",
    "insert into t (a, b)\nvalues (-1, '-- no comment'), (2.5, 'it''s; /* none */');",
    "\nINSERT INTO t VALUES ('E');",
    "INSERT INTO public.t VALUES (1, true, -1.5e-07, '2026-01-31 10:00:00+00');",
    """INSERT INTO "t" ("id", "values") VALUES(X'00ff',9.99e+20),(.5,FALSE);""",
]
_NOT_PLAIN = [
    "INSERT INTO t VALUES (E'it\\'; x');",
    "INSERT INTO t VALUES (1) -- said; so\n;",
    "INSERT INTO t VALUES (1 /* ; */);",
    "INSERT INTO t VALUES (2--1;\n);",
    'INSERT INTO t VALUES ("a;b");',
    "INSERT INTO t VALUES (B'00');",
    "INSERT INTO t VALUES (1x'00');",
    "INSERT INTO t VALUES (1e, nulls, true1);",
    'INSERT INTO t ("a, b) VALUES (1);", c) VALUES (1);',
    'INSERT INTO "t(" VALUES (1);',
    "INSERT INTO t VALUES ((SELECT max(id) FROM u));",
    "INSERT INTO t SELECT 1;",
    "INSERT INTO t VALUES ($$;$$);",
    "INSERT INTO t VALUES (1) RETURNING id;",
    "INSERT INTO t VALUES (NULLIF(1, 1));",
]


@pytest.mark.parametrize("statement", _PLAIN)
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_an_insert_of_plain_values_is_known_at_a_glance_and_cut_where_it_ends(dialect: Dialect, statement: str) -> None:
    pieces = split(f"{statement}\nSELECT 1;", dialect, Path("a.sql"))
    assert [(piece.text, piece.is_plain) for piece in pieces] == [(statement, True), ("\nSELECT 1;", False)]
    assert pieces[0].statement == statement.lstrip()


@pytest.mark.parametrize("statement", _NOT_PLAIN)
def test_any_other_insert_is_read_word_by_word(statement: str) -> None:
    pieces = split(f"{statement}\nSELECT 1;", "postgres", Path("a.sql"))
    assert [(piece.text, piece.is_plain) for piece in pieces] == [(statement, False), ("\nSELECT 1;", False)]
