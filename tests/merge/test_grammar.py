"""The grammar of a merge: what its lines say, over how many of them they go, and where it stands in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessmig.merge import Reject
from sessmig.model import Dialect
from sessmig.reading import read_blocks
from tests.merge.reading import merge, merges

BOTH = pytest.mark.parametrize("dialect", ["sqlite", "postgres"])


@BOTH
def test_a_merge_says_source_target_keys_and_compared_columns(tmp_path: Path, dialect: Dialect) -> None:
    found = merge(tmp_path, "-- merge: old into fresh on id, place comparing body, num\n", dialect)
    assert (found.source, found.target) == ("old", "fresh")
    assert found.keys == (("id", "id"), ("place", "place"))
    assert found.comparing == (("body", "body"), ("num", "num"))
    assert (found.after, found.rejects, found.differing) == ("", (), "fail")
    assert (found.name, found.standing) == ("old into fresh", "old")
    assert found.where == f"{tmp_path / 'x.verify.sql'}:1"


@BOTH
def test_nothing_need_be_compared(tmp_path: Path, dialect: Dialect) -> None:
    assert merge(tmp_path, "-- merge: old into fresh on id", dialect).comparing == ()


@BOTH
def test_a_column_that_the_target_calls_otherwise_is_written_with_an_equals_sign(
    tmp_path: Path, dialect: Dialect
) -> None:
    found = merge(tmp_path, "-- merge: a into b on id = uid, x=y comparing body = text , n", dialect)
    assert found.keys == (("id", "uid"), ("x", "y"))
    assert found.comparing == (("body", "text"), ("n", "n"))


def test_names_in_quotes_keep_them(tmp_path: Path) -> None:
    text = '-- merge: "Old table" into "shop"."New ""one""" on "into" = "on" comparing "a, b", "comparing"'
    found = merge(tmp_path, text, "postgres")
    assert (found.source, found.target) == ('"Old table"', '"shop"."New ""one"""')
    assert found.keys == (('"into"', '"on"'),)
    assert found.comparing == (('"a, b"', '"a, b"'), ('"comparing"', '"comparing"'))


def test_on_sqlite_a_name_in_double_quotes_can_be_nothing_else(tmp_path: Path) -> None:
    found = merge(tmp_path, '-- merge: "Old" into [new one] on "id" = `uid`\n-- reject: x where "nmae" = \'a\'')
    assert (found.source, found.target, found.keys) == ("`Old`", "[new one]", (("`id`", "`uid`"),))
    assert found.rejects == (Reject("x", "`nmae` = 'a'"),)


@BOTH
def test_a_table_may_be_named_with_its_schema(tmp_path: Path, dialect: Dialect) -> None:
    found = merge(tmp_path, "-- merge: main.old into other.fresh on id", dialect)
    assert (found.source, found.target) == ("main.old", "other.fresh")


@BOTH
@pytest.mark.parametrize("side", ["(SELECT id, 'into on' AS x FROM a JOIN b ON a.id = b.id)", "(VALUES (1), (2))"])
def test_either_side_may_be_a_query(tmp_path: Path, dialect: Dialect, side: str) -> None:
    left = merge(tmp_path, f"-- merge: {side} into fresh on id", dialect)
    right = merge(tmp_path, f"-- merge: old into {side} on id\n-- source after: {side}", dialect)
    assert (left.source, left.target) == (side, "fresh")
    assert (right.target, right.after) == (side, side)


@BOTH
@pytest.mark.parametrize("word", ["WITH", "with"])
def test_a_query_may_begin_with_its_table_expressions(tmp_path: Path, dialect: Dialect, word: str) -> None:
    query = f"({word} a AS (SELECT 1 AS id) SELECT id FROM a)"
    assert merge(tmp_path, f"-- merge: {query} into fresh on id", dialect).source == query


@BOTH
def test_words_of_the_grammar_may_be_in_capitals(tmp_path: Path, dialect: Dialect) -> None:
    found = merge(tmp_path, "-- merge: a INTO b ON id COMPARING x\n-- reject: r WHERE x = 1", dialect)
    assert (found.source, found.target, found.comparing, found.rejects[0].condition) == (
        "a", "b", (("x", "x"),), "x = 1",
    )  # fmt: skip


@BOTH
def test_lines_with_an_open_parenthesis_go_on(tmp_path: Path, dialect: Dialect) -> None:
    text = (
        "-- merge: (\n-- SELECT id\n-- FROM old\n-- ) into fresh on id\n-- reject: none where NOT EXISTS (\n"
        "-- SELECT 1\n-- WHERE '(' = ')'\n-- ) AND id > 1"
    )
    found = merge(tmp_path, text, dialect)
    assert found.source == "( SELECT id FROM old )"
    assert found.rejects == (Reject("none", "NOT EXISTS ( SELECT 1 WHERE '(' = ')' ) AND id > 1"),)


@BOTH
def test_lines_indented_by_four_blanks_go_on(tmp_path: Path, dialect: Dialect) -> None:
    text = "--merge: old into fresh\n--    on id\n--     comparing a,\n--      b\n-- source after: gone"
    found = merge(tmp_path, text, dialect)
    assert (found.keys, found.comparing, found.after) == ((("id", "id"),), (("a", "a"), ("b", "b")), "gone")


@BOTH
def test_a_remark_near_a_merge_is_no_part_of_it(tmp_path: Path, dialect: Dialect) -> None:
    text = (
        "-- Every row has a place.\n-- merge: old into fresh on id\n-- The old ones stay\n-- source after: older\n"
        "--\n-- reject: bad where id < 0\n\n--      far away\n-- differing: keep\n"
    )
    found = merge(tmp_path, text, dialect)
    assert (found.keys, found.after, found.differing) == ((("id", "id"),), "older", "keep")
    assert found.rejects == (Reject("bad", "id < 0"),)


@BOTH
def test_a_merge_may_have_several_rules(tmp_path: Path, dialect: Dialect) -> None:
    text = "-- merge: old into fresh on id\n-- reject: no such session where s IS NULL\n-- reject: too old where n < 5"
    assert merge(tmp_path, text, dialect).rejects == (
        Reject("no such session", "s IS NULL"), Reject("too old", "n < 5"),
    )  # fmt: skip


@BOTH
def test_the_word_where_inside_a_rule_belongs_to_its_condition(tmp_path: Path, dialect: Dialect) -> None:
    text = "-- merge: old into fresh on id\n-- reject: gone where id IN (SELECT id FROM x where y = 'where')"
    assert merge(tmp_path, text, dialect).rejects == (Reject("gone", "id IN (SELECT id FROM x where y = 'where')"),)


@BOTH
def test_dashes_within_a_text_are_no_comment(tmp_path: Path, dialect: Dialect) -> None:
    text = "-- merge: old into fresh on id\n-- reject: odd where body = 'a -- b /* c'"
    assert merge(tmp_path, text, dialect).rejects == (Reject("odd", "body = 'a -- b /* c'"),)


@BOTH
@pytest.mark.parametrize("word", ["fail", "keep"])
def test_differing_is_fail_or_keep(tmp_path: Path, dialect: Dialect, word: str) -> None:
    assert merge(tmp_path, f"-- merge: old into fresh on id\n-- differing: {word}", dialect).differing == word


@BOTH
def test_merges_stand_anywhere_among_the_blocks(tmp_path: Path, dialect: Dialect) -> None:
    text = (
        "-- merge: a into b on id\n-- differing: keep\n\n-- check: one\nSELECT 1;\n"
        "-- merge: c into d on id\n-- check: two\nSELECT 2;\n-- merge: e into f on id\n-- source after: g\n"
    )
    path = tmp_path / "x.verify.sql"
    path.write_text(text)
    blocks, found = read_blocks(path, dialect)
    assert [block.name for block in blocks] == ["one", "two"]
    assert [(m.name, m.line, m.differing, m.after) for m in found] == [
        ("a into b", 1, "keep", ""),
        ("c into d", 6, "fail", ""),
        ("e into f", 9, "fail", "g"),
    ]


@BOTH
def test_a_file_may_hold_nothing_but_merges(tmp_path: Path, dialect: Dialect) -> None:
    found = merges(tmp_path, "-- merge: a into b on id\n-- merge: b into a on id", dialect)
    assert [one.name for one in found] == ["a into b", "b into a"]


@BOTH
def test_what_stands_under_a_merge_belongs_to_that_one(tmp_path: Path, dialect: Dialect) -> None:
    text = "-- merge: a into b on id\n-- reject: r where x\n-- merge: c into d on id\n-- reject: r where y"
    one, other = merges(tmp_path, text, dialect)
    assert (one.rejects, other.rejects) == ((Reject("r", "x"),), (Reject("r", "y"),))
