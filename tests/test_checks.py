"""Verify files: their blocks as they are read, and every refusal of what is none, with file and line."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from sessmig import CheckError, FileError, ensure_migrations
from sessmig.model import DIALECTS, Block, Dialect
from sessmig.reading import read_blocks
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.run.doing import state

KNOWN = (
    "require, measure before, measure, check, warn, and expect under a verb; "
    "merge, with source after, reject and differing under it"
)
NO_HEAD = f"Write a head over it; known are: {KNOWN}."
ONE_QUERY = "a block holds one SELECT, WITH ... SELECT or VALUES"

Opened = Callable[[str], Probe]


def blocks(tmp_path: Path, text: str, dialect: Dialect = "sqlite") -> tuple[Block, ...]:
    path = tmp_path / "x.verify.sql"
    path.write_text(text)
    return read_blocks(path, dialect)[0]


def refusal(tmp_path: Path, text: str) -> str:
    """Both dialects refuse in the same words."""
    told = set()
    for dialect in DIALECTS:
        with pytest.raises(FileError) as refused:
            blocks(tmp_path, text, dialect)
        told.add(str(refused.value).replace(f"{tmp_path}/", ""))
    (words,) = told
    return words


def test_a_block_is_a_verb_a_name_and_a_query(tmp_path: Path) -> None:
    text = (
        "-- A remark on the whole file.\n\n"
        "-- require: users exist\n-- expect: some\nSELECT 1 FROM users;\n"
        "-- measure before: users_before\nSELECT count(*) FROM users;\n"
        "-- measure: users_after\nWITH u AS (SELECT 1) SELECT count(*) FROM u;\n"
        "-- check: none was lost\n-- (a remark between)\n-- expect: :users_before\nVALUES (1);\n"
        "-- warn :  Names:   all lower  \nselect name from users where name <> lower(name)\n"
    )
    for dialect in DIALECTS:
        found = blocks(tmp_path, text, dialect)
        assert [(b.verb, b.name, b.before, b.expected_text, b.line) for b in found] == [
            ("require", "users exist", True, "some", 3),
            ("measure", "users_before", True, "none", 6),
            ("measure", "users_after", False, "none", 8),
            ("check", "none was lost", False, ":users_before", 10),
            ("warn", "Names:   all lower", False, "none", 14),
        ]
        assert [b.query.line for b in found] == [5, 7, 9, 13, 15]


def test_a_file_of_remarks_only_has_no_blocks(tmp_path: Path) -> None:
    assert blocks(tmp_path, "") == blocks(tmp_path, "-- Nothing to verify, see https://example.org: why\n;\n") == ()


@pytest.mark.parametrize(
    "remark",
    [
        "-- https://example.org/why",
        "-- See https://example.org: the reason",
        "-- as in the old system: rows that nobody owns",
        "-- ",
        "-- check",
        "-- ::",
        "/* Old checks: this is no head */",
        "/* a remark, see expect: none */",
        "/* see */",
        "-- # check: switched off",
        "-- 2 checks: this one, and the next",
    ],
)
def test_any_other_comment_is_a_remark(remark: str, tmp_path: Path) -> None:
    (block,) = blocks(tmp_path, f"{remark}\n-- check: a\n{remark}\nSELECT 1 {remark}\n;")
    assert (block.name, block.expects) == ("a", "none")


def test_a_remark_inside_a_query_may_have_any_form(tmp_path: Path) -> None:
    (block,) = blocks(tmp_path, "-- check: a\nSELECT 1 -- note: this\n-- TODO: and that\n;")
    assert block.name == "a"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- chek: a\nSELECT 1;", f"1: unknown word: chek:\nKnown are: {KNOWN}."),
        ("-- Check: a\nSELECT 1;", f"1: unknown word: Check:\nKnown are: {KNOWN}."),
        ("-- check: a\n-- expect_rows: some\nSELECT 1;", f"2: unknown word: expect_rows:\nKnown are: {KNOWN}."),
        ("-- check: a\n-- note: b\nSELECT 1;", f"2: unknown word: note:\nKnown are: {KNOWN}."),
        ("-- check before: a\nSELECT 1;", f"1: unknown word: check before:\nKnown are: {KNOWN}."),
        ("-- check: a\nSELECT 1;\n-- expct: 1", f"3: unknown word: expct:\nKnown are: {KNOWN}."),
        ("SELECT 1;", f"1: a query without a verb\n{NO_HEAD}"),
        ("-- check: a\nSELECT 1;\n\n-- a remark\nSELECT 2;", f"5: a query without a verb\n{NO_HEAD}"),
        ("-- measure  before: a\nSELECT 1;", f"2: a query without a verb\n{NO_HEAD}"),
        ("-- check: a\n", "1: check without its query\nWrite one SELECT under it."),
        ("-- check: a\nSELECT 1;\n-- warn: b\n-- expect: 1", "3: warn without its query\nWrite one SELECT under it."),
        ("-- check: a\n;\n", "1: check without its query\nWrite one SELECT under it."),
        ("-- check:\nSELECT 1;", "1: check without a name\nWrite -- check: NAME."),
        ("-- expect: 1\n-- check: a\nSELECT 1;", "1: expect stands before its verb\nWrite the verb's line first."),
        (
            "-- check: a\nSELECT 1;\n-- expect: some\n-- check: b\nSELECT 1;",
            "3: expect stands before its verb\nWrite the verb's line first.",
        ),
        (
            "-- check: a\n-- expect: 1\n-- expect: 2\nSELECT 1;",
            "3: expect stands over a block that has its head already\n"
            "Each verb needs a query of its own, and one expect at most.",
        ),
        (
            "-- check: a\n-- warn: b\nSELECT 1;",
            "2: warn stands over a block that has its head already\n"
            "Each verb needs a query of its own, and one expect at most.",
        ),
        ("-- measure: a\n-- expect: 1\nSELECT 1;", "2: a measure expects nothing\nUse a check for that."),
        (
            "-- require: a\n-- expect: same\nSELECT 1;",
            "2: a require is asked once, before the step\nUse a check for same.",
        ),
        ("-- measure: a b\nSELECT 1;", "1: a measure's name is letters, digits and _: 'a b'\nAs in messages_before."),
        (
            "-- check: a\nSELECT 1;\n-- warn: a\nSELECT 1;",
            "3: the name 'a' stands in line 1 already\nGive each block a name of its own.",
        ),
        (
            "-- measure before: a\nSELECT 1;\n-- measure: a\nSELECT 1;",
            "3: the name 'a' stands in line 1 already\nGive each block a name of its own.",
        ),
        ("-- check: a\nSELECT 'open", "2: the quote ' that opens here is never closed\n"),
        ("-- check: a\n\\d t", "2: `\\d` is not SQL; commands with a backslash are known to psql alone\n"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text).startswith(f"x.verify.sql:{told}")


@pytest.mark.parametrize("word", ["merge", "source after", "reject", "differing"])
def test_the_heads_of_a_merge_do_not_stand_under_a_verb(word: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, f"-- check: a\n-- {word}: x\nSELECT 1;") == (
        f"x.verify.sql:2: {word} stands over a block that has its head already\n"
        "Each verb needs a query of its own, and one expect at most."
    )


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("-- check: a\nSELECT 1; -- expect: some\n", 2, "expect"),
        ("-- check: a\nSELECT 1 -- expect: some\n;", 2, "expect"),
        ("-- check: a\nSELECT 1 FROM t\n-- expect: some\n;", 3, "expect"),
        ("-- check: a\nSELECT 1 FROM t\n-- check: b\nWHERE false;", 3, "check"),
        ("-- check: a\nSELECT 1; -- measure before: b\nSELECT 1;", 2, "measure before"),
        ("-- check: a\nSELECT 1; -- merge: b into c on id", 2, "merge"),
    ],
)
def test_a_head_that_stands_inside_a_query_or_behind_one_is_not_overlooked(
    text: str, line: int, word: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, text) == (
        f"x.verify.sql:{line}: {word}: stands inside a query, or behind one\n"
        "Give it a line of its own, above its query. Is a semicolon missing?"
    )


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("/* check: a */\nSELECT 1;", 1, "check"),
        ("-- check: a\n/* expect: some */\nSELECT 1;", 2, "expect"),
        ("-- check: a\n/*\n * Expect: some\n */\nSELECT 1;", 2, "Expect"),
        ("-- check: a\nSELECT 1 /* expect: 1 */;", 2, "expect"),
        ("-- check: a\nSELECT 1;\n/** measure before: b **/", 3, "measure before"),
        ("-- check: a\nSELECT 1;\n/* merge: b into c on id\n*/", 3, "merge"),
    ],
)
def test_a_head_in_a_block_comment_is_not_overlooked(text: str, line: int, word: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text) == (
        f"x.verify.sql:{line}: a head in a block comment: {word}:\n"
        f"Write it as a line of its own: -- {word.lower()}: ..."
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 WHERE 1 = 2) AS asked, (SELECT 7 WHERE 1 = 2",
        "SELECT 1) SELECT 2 --",
        "SELECT (1",
        "SELECT 1 FROM t WHERE x IN (SELECT 2 /* ) */ || ')'",
    ],
)
def test_parentheses_that_do_not_match_are_refused(query: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, f"-- check: a\n{query}\n;") == (
        "x.verify.sql:2: the parentheses of this query do not match\nA block holds one whole query."
    )


def test_a_parenthesis_in_a_text_a_name_or_a_remark_is_none(tmp_path: Path) -> None:
    (block,) = blocks(tmp_path, "-- check: a\nSELECT ')' AS \"(\" /* ) */ FROM t WHERE (x = ('(')) -- )\n;")
    assert block.name == "a"


@pytest.mark.parametrize(
    ("query", "verb"),
    [
        ("PRAGMA query_only = 0", "PRAGMA"),
        ("PRAGMA table_info(t)", "PRAGMA"),
        ("INSERT INTO t VALUES (1) RETURNING x", "INSERT"),
        ("UPDATE t SET x = 1", "UPDATE"),
        ("DELETE FROM t", "DELETE"),
        ("WITH gone AS (SELECT 1) DELETE FROM t", "DELETE"),
        ("/* SELECT */ DROP TABLE t", "DROP TABLE"),
        ("CREATE TABLE u AS SELECT 1", "CREATE TABLE"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("COMMIT", "COMMIT"),
        ("SET search_path = x", "SET"),
        ("nonsense", "NONSENSE"),
    ],
)
def test_a_block_holds_a_query_and_nothing_else(query: str, verb: str, tmp_path: Path) -> None:
    told = refusal(tmp_path, f"-- check: a\n{query};")
    assert told == (
        f"x.verify.sql:2: check 'a' holds {verb}; {ONE_QUERY}\n"
        "For a PRAGMA use its table function, as in SELECT * FROM pragma_table_info('t')."
    )


def test_two_queries_under_one_head_are_refused(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path, "-- check: a\nSELECT 1;\nSELECT 2;") == f"x.verify.sql:3: a query without a verb\n{NO_HEAD}"
    )


@pytest.mark.parametrize(
    ("written", "expects", "expected"),
    [
        ("none", "none", ""),
        ("some", "some", ""),
        ("same", "same", ""),
        ("0", "value", Decimal(0)),
        ("-1.50", "value", Decimal("-1.50")),
        ("1e3", "value", Decimal(1000)),
        ("'chat'", "value", "chat"),
        ("''", "value", ""),
        ("'it''s: :m'", "value", "it's: :m"),
        ("true", "value", True),
        ("FALSE", "value", False),
        (":m", "measure", ""),
    ],
)
def test_these_are_the_expectations(written: str, expects: str, expected: str | Decimal | bool, tmp_path: Path) -> None:
    block = blocks(tmp_path, f"-- measure before: m\nSELECT 1;\n-- check: a\n-- expect: {written}\nSELECT 1;")[1]
    assert (block.expects, block.expected, block.expected_text) == (expects, expected, written)
    assert block.measure == ("m" if expects == "measure" else "")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "nothing",
        "None",
        "NULL",
        "1 row",
        "chat",
        '"chat"',
        "'it's'",
        "> 0",
        ":",
        ":a-b",
        "1,5",
        "1e99999999999999999999",
    ],
)
def test_any_other_expectation_is_refused(written: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, f"-- check: a\n-- expect: {written}\nSELECT 1;") == (
        f"x.verify.sql:2: not an expectation: {written!r}\n"
        "Known are: none, some, same, a number, a 'text', true, false, :measure."
    )


@pytest.mark.parametrize(
    ("text", "line", "name", "asking", "known"),
    [
        ("-- check: a\nSELECT 1 WHERE 1 = :m;", 2, "m", "check 'a'", "none"),
        ("-- check: a\n-- expect: :m\nSELECT 1;", 3, "m", "check 'a'", "none"),
        ("-- check: a\n-- expect: :m\nSELECT 1;\n-- measure: m\nSELECT 1;", 3, "m", "check 'a'", "none"),
        ("-- measure: m\nSELECT :m;", 2, "m", "measure 'm'", "none"),
        ("-- measure: m\nSELECT 1;\n-- require: a\n-- expect: :m\nSELECT 1;", 5, "m", "require 'a'", "none"),
        ("-- measure: m\nSELECT 1;\n-- measure before: n\nSELECT :m;", 4, "m", "measure 'n'", "none"),
        (
            "-- measure before: k\nSELECT 1;\n-- measure: m\nSELECT 1;\n-- check: a\n-- expect: same\nSELECT :k + :m;",
            7,
            "m",
            "check 'a'",
            "k",
        ),
        ("-- measure: m\nSELECT 1;\n-- check: a\nSELECT :M;", 4, "M", "check 'a'", "m"),
    ],
)
def test_a_measure_has_to_be_known_when_it_is_asked_for(
    text: str, line: int, name: str, asking: str, known: str, tmp_path: Path
) -> None:
    assert refusal(tmp_path, text) == (
        f"x.verify.sql:{line}: :{name} is no measure known to {asking}\n"
        f"Known here are: {known}. In a slice, write a blank behind the colon."
    )


def test_no_measure_is_looked_for_in_texts_names_casts_and_comments(tmp_path: Path) -> None:
    (block,) = blocks(tmp_path, "-- check: a\nSELECT ':m', \"a:m\", 1::int, now()::text /* :m */ -- :m\n;", "postgres")
    assert block.query.names == ()


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM kept RETURNING x) SELECT x FROM gone",
        "SELECT x INTO stolen FROM kept",
        "SELECT nextval('counted')",
        "SELECT wipe()",
    ],
)
@pytest.mark.parametrize("verb", ["measure before", "measure", "require", "check"])
def test_a_query_that_writes_all_the_same_is_stopped_by_the_server(
    query: str, verb: str, postgres_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    database = probe(postgres_url)
    database.execute(
        "CREATE TABLE kept (x INTEGER); INSERT INTO kept VALUES (1); CREATE SEQUENCE counted;"
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM kept; SELECT 1';"
    )
    before = database.snapshot()
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);", "0001_a.verify.sql": f"-- {verb}: m\n{query};"})
    with pytest.raises(CheckError, match="cannot be asked"):
        ensure_migrations(postgres_url, folder)
    assert database.snapshot() == before


def test_a_pragma_cannot_lift_the_protection_of_checks(
    sqlite_url: str, probe: Opened, migrations: WriteMigrations
) -> None:
    text = "-- check: a\n-- expect: 1\nSELECT query_only FROM pragma_query_only;\n"
    folder = migrations({"0001_a.sql": "CREATE TABLE a (x INTEGER);", "0001_a.verify.sql": text})
    assert ensure_migrations(sqlite_url, folder).applied == 1
    migrations(
        {"0002_b.sql": "CREATE TABLE b (x INTEGER);", "0002_b.verify.sql": "-- check: b\nPRAGMA query_only = 0;"}
    )
    before = state(probe(sqlite_url))
    with pytest.raises(FileError, match="holds PRAGMA"):
        ensure_migrations(sqlite_url, folder)
    assert state(probe(sqlite_url)) == before
