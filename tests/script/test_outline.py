"""What `words`, `outline` and `placeholders` promise about the first words of a statement."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessmig.errors import FileError
from sessmig.model import DIALECTS, Dialect
from sessmig.script import Outline, outline, placeholders, split, words

OUTLINES: list[tuple[str, str, str]] = [
    ("INSERT INTO t (a) VALUES (1);", "INSERT", "t"),
    ("/* UPDATE u */ insert -- x\n into public.t select 1", "INSERT", "public.t"),
    ("UPDATE t SET a = 1", "UPDATE", "t"),
    ('DELETE FROM "my table" WHERE a', "DELETE", '"my table"'),
    ("REPLACE INTO t VALUES (1)", "REPLACE", "t"),
    ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE", "t"),
    ("SELECT a, extract(year FROM b) FROM main.t AS x", "SELECT", "main.t"),
    ("SELECT a IS DISTINCT FROM b FROM t", "SELECT", "t"),
    ("SELECT a INTO TEMP made FROM t", "SELECT", "made"),
    ("SELECT 1", "SELECT", ""),
    ("SELECT * FROM (SELECT 1 FROM t)", "SELECT", ""),
    ("(SELECT a FROM t) UNION (SELECT a FROM u)", "SELECT", "t"),
    ("VALUES (1), (2)", "VALUES", ""),
    ("WITH x AS (DELETE FROM u RETURNING *) INSERT INTO t SELECT * FROM x", "INSERT", "t"),
    ("WITH merge AS (SELECT 1), x (a, b) AS MATERIALIZED (SELECT 1, 2) UPDATE t SET a = 1", "UPDATE", "t"),
    ("WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM x", "SELECT", "x"),
    ("WITH x AS (SELECT 1) (SELECT * FROM x)", "SELECT", ""),
    ("EXPLAIN QUERY PLAN SELECT * FROM t", "EXPLAIN", ""),
    ("CREATE TABLE IF NOT EXISTS t (a INT)", "CREATE TABLE", "t"),
    ("CREATE TEMP TABLE temp (a INT)", "CREATE TABLE", "temp"),
    ('create unlogged table public."T x" as select 1', "CREATE TABLE", 'public."T x"'),
    ("CREATE VIRTUAL TABLE v USING fts5(a)", "CREATE TABLE", "v"),
    ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", "CREATE INDEX", "i"),
    ("CREATE INDEX ON ONLY t (a)", "CREATE INDEX", "t"),
    ("CREATE TEMP TRIGGER IF NOT EXISTS r AFTER INSERT ON t BEGIN DELETE FROM u; END;", "CREATE TRIGGER", "r"),
    ("CREATE CONSTRAINT TRIGGER r AFTER INSERT ON t EXECUTE FUNCTION f()", "CREATE TRIGGER", "r"),
    ("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE VIEW", "v"),
    ("CREATE OR REPLACE FUNCTION s.f(a int) RETURNS int RETURN 1", "CREATE FUNCTION", "s.f"),
    ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW", "v"),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", "REFRESH MATERIALIZED VIEW", "v"),
    ("CREATE FOREIGN DATA WRAPPER w", "CREATE FOREIGN DATA WRAPPER", "w"),
    ("CREATE TYPE \"Mode\" AS ENUM ('A')", "CREATE TYPE", '"Mode"'),
    ("DROP TABLE IF EXISTS t, u", "DROP TABLE", "t"),
    ("DROP INDEX CONCURRENTLY i", "DROP INDEX", "i"),
    ("ALTER TABLE IF EXISTS ONLY public.t ADD COLUMN a INT", "ALTER TABLE", "public.t"),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO u", "ALTER DEFAULT PRIVILEGES", ""),
    ("TRUNCATE TABLE ONLY t, u", "TRUNCATE", "t"),
    ("COMMENT ON COLUMN t.a IS 'x'", "COMMENT", "t.a"),
    ("COMMENT ON MATERIALIZED VIEW v IS 'x'", "COMMENT", "v"),
    ("GRANT SELECT, INSERT ON TABLE t TO u", "GRANT", "t"),
    ("REVOKE r FROM u", "REVOKE", ""),
    ("PRAGMA main.user_version = 3", "PRAGMA", "main.user_version"),
    ("SET LOCAL search_path = a", "SET", "search_path"),
    ("DO $$ BEGIN DELETE FROM t; END $$", "DO", ""),
    ("VACUUM (FULL) t", "VACUUM", "t"),
    ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX", "t"),
    ("LOCK TABLE t IN SHARE MODE", "LOCK", "t"),
    ("COPY t (a) FROM '/x'", "COPY", "t"),
    ("-- nothing", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("text", "verb", "target"), OUTLINES)
def test_a_statement_is_named_by_its_kind_and_table(text: str, verb: str, target: str, dialect: Dialect) -> None:
    assert outline(text, dialect) == Outline(verb, target)


@pytest.mark.parametrize(
    ("text", "verb", "target"),
    [
        ("INSERT OR REPLACE INTO [my table] VALUES (1)", "INSERT", "[my table]"),
        ("UPDATE OR IGNORE `a``b` SET c = 1", "UPDATE", "`a``b`"),
        ("UPDATE fail SET c = 1", "UPDATE", "fail"),
    ],
)
def test_sqlite_names_come_with_their_own_quotes(text: str, verb: str, target: str) -> None:
    assert outline(text, "sqlite") == Outline(verb, target)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create /* x */ unique index -- y\n concurrently i on t (a)", "CREATE UNIQUE INDEX CONCURRENTLY I ON T"),
        ("ALTER TYPE public.x ADD VALUE 'a'", "ALTER TYPE PUBLIC.X ADD VALUE"),
        ("ALTER TYPE public.\"x y\" ADD VALUE 'a'", 'ALTER TYPE public."x y" ADD VALUE'),
        ('DROP TABLE "concurrently"', 'DROP TABLE "concurrently"'),
        ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX TABLE CONCURRENTLY T"),
        ("VACUUM;", "VACUUM"),
        ("VACUUM; SELECT 1", "VACUUM"),
        ("SELECT 'begin', 12, N'x', t.a FROM t;", "SELECT T.A FROM T"),
        ("((SELECT 1) UNION SELECT 2)", "SELECT UNION SELECT"),
        ("  -- only a comment", ""),
    ],
)
def test_words_are_the_bare_words_outside_parentheses(text: str, expected: str, dialect: Dialect) -> None:
    assert " ".join(words(text, dialect)) == expected


def test_words_stop_at_the_limit() -> None:
    assert words("CREATE TABLE t (a INT)", "sqlite", limit=2) == ["CREATE", "TABLE"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_the_beginning_of_a_long_statement_is_read(dialect: Dialect) -> None:
    # Were it read to its end, the quote that is never closed would be met.
    assert outline("INSERT INTO t VALUES (" + "1, " * 10 + "'never closed", dialect) == Outline("INSERT", "t")


def test_placeholders_stand_outside_quotes_and_comments() -> None:
    text = "SELECT :a, ':b', \":c\" -- :d\n /* :e */ FROM t WHERE x = :_f1;"
    for dialect in DIALECTS:
        assert placeholders(text, dialect) == [(7, "a"), (text.index(":_f1"), "_f1")]


def test_casts_assignments_and_dollar_quotes_are_no_placeholders() -> None:
    text = "SELECT a::int, f(b := 1), $$ :c $$, $x$ :d $x$, E'\\':e', :f::bigint"
    assert placeholders(text, "postgres") == [(text.index(":f"), "f")]


def test_a_placeholder_is_found_right_behind_a_sign() -> None:
    assert [name for _, name in placeholders("x BETWEEN :first AND :last-:first OR x=:é OR x=:1", "sqlite")] == [
        "first",
        "last",
        "first",
    ]


@given(
    text=st.lists(st.sampled_from([*"'\"`[]();:.-/*$\\ \n", "a", "é", "WITH ", "AS ", "SELECT ", "ON ", "E'"])).map(
        "".join
    ),
    dialect=st.sampled_from(DIALECTS),
)
def test_no_text_makes_the_outline_fail(text: str, dialect: Dialect) -> None:
    outline(text, dialect)
    assert all(word for word in words(text, dialect))
    assert all(text[at + 1 :].startswith(name) for at, name in placeholders(text, dialect))
    try:
        statements = [piece.statement for piece in split(text, dialect, Path("x.sql")) if piece.is_statement]
    except FileError:
        return
    assert all(words(statement, dialect, 1) == words(statement, dialect)[:1] for statement in statements)
