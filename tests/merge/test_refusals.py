"""A merge that is not understood is refused while reading: with file, line, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessmig import FileError
from sessmig.model import Dialect
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.merge.reading import refusal
from tests.run.doing import migrate

BOTH = pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
GRAMMAR = "Write -- merge: SOURCE into TARGET on KEY[, KEY] comparing COLUMN[, COLUMN]."
PAIR = "Columns are names with commas between; where the two sides call one otherwise, source = target."
NAME = "A name with other signs stands in double quotes; a query in parentheses."
UNDER = "It stands under the merge's line."
MERGE = "-- merge: a into b on id\n"


@BOTH
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- merge:", f"1: the word 'into' is missing\n{GRAMMAR}"),
        ("-- merge: a", f"1: the word 'into' is missing\n{GRAMMAR}"),
        ("-- merge: a in b on id", f"1: the word 'into' is missing\n{GRAMMAR}"),
        ("-- merge: into b on id", f"1: nothing stands before 'into'\n{GRAMMAR}"),
        ("-- merge: a into", f"1: nothing stands behind 'into'\n{GRAMMAR}"),
        ("-- merge: a into b", f"1: the word 'on' is missing\n{GRAMMAR}"),
        ("-- merge: a into on id", f"1: nothing stands before 'on'\n{GRAMMAR}"),
        ("-- merge: a into b on", f"1: nothing stands behind 'on'\n{GRAMMAR}"),
        ("-- merge: a into b on id comparing", f"1: nothing stands behind 'comparing'\n{GRAMMAR}"),
        ("-- merge: a into b on comparing x", f"1: nothing stands before 'comparing'\n{GRAMMAR}"),
        ("-- merge: a b into c on id", f"1: no table's name: a b\n{NAME}"),
        ("-- merge: a-b into c on id", f"1: no table's name: a-b\n{NAME}"),
        ("-- merge: a into b.c. on id", f"1: no table's name: b.c.\n{NAME}"),
        ("-- merge: 'a' into b on id", f"1: no table's name: 'a'\n{NAME}"),
        ("-- merge: SELECT 1 into b on id", f"1: no table's name: SELECT 1\n{NAME}"),
        ("-- merge: (DELETE FROM a) into b on id", f"1: no table and no (SELECT ...): (DELETE FROM a)\n{GRAMMAR}"),
        ("-- merge: () into b on id", f"1: no table and no (SELECT ...): ()\n{GRAMMAR}"),
        ("-- merge: (SELECT 1; SELECT 2) into b on id", "1: no table and no (SELECT ...): (SELECT 1; SELECT 2)"),
        ("-- merge: (SELECT 1) (SELECT 2) into b on id", "1: no table and no (SELECT ...): (SELECT 1) (SELECT 2)"),
        ("-- merge: (SELECT 1 AS id) AS x into b on id", "1: no table and no (SELECT ...): (SELECT 1 AS id) AS x"),
        ("-- merge: (SELECT 1 into b on id", "1: the word 'into' is missing"),
        ("-- merge: a into b on id,", f"1: not understood: id,\n{PAIR}"),
        ("-- merge: a into b on id = ", f"1: not understood: id =\n{PAIR}"),
        ("-- merge: a into b on id = x = y", f"1: not understood: id = x = y\n{PAIR}"),
        ("-- merge: a into b on lower(id)", f"1: not understood: lower(id)\n{PAIR}"),
        ("-- merge: a into b on 1", f"1: not understood: 1\n{PAIR}"),
        ("-- merge: a into b on t.id", f"1: not understood: t.id\n{PAIR}"),
        ("-- merge: a into b on id, id", f"1: the column id stands there twice\n{PAIR}"),
        ("-- merge: a into b on id comparing x, y, x", f"1: the column x stands there twice\n{PAIR}"),
        ("-- merge: a into b on id comparing *", f"1: not understood: *\n{PAIR}"),
        (MERGE + "-- source after:", "2: no table's name: "),
        (MERGE + "-- source after: a b", f"2: no table's name: a b\n{NAME}"),
        (MERGE + "-- reject: no session", "2: the word 'where' is missing\nWrite -- reject: NAME where CONDITION."),
        (MERGE + "-- reject: where x", "2: nothing stands before 'where'\nWrite -- reject: NAME where CONDITION."),
        (MERGE + "-- reject: r where", "2: nothing stands behind 'where'\nWrite -- reject: NAME where CONDITION."),
        (MERGE + "-- reject: r where x; y", "2: the condition of this rule is not whole\nIt is one condition,"),
        (MERGE + "-- reject: r where x)", "2: the condition of this rule is not whole"),
        (MERGE + "-- reject: r where x = 'a", "2: the condition of this rule is not whole"),
        (
            MERGE + "-- reject: r where x -- y",
            "2: a comment within the line: r where x -- y\nWrite it as a line of its",
        ),
        ("-- merge: a into b on id -- comparing x", "1: a comment within the line: a into b on id -- comparing x\n"),
        ("-- merge: a into b /* c */ on id", "1: a comment within the line: a into b /* c */ on id\n"),
        (MERGE + "-- differing: keep -- or not", "2: a comment within the line: keep -- or not\n"),
        (MERGE + "-- reject: r where x /* y", "2: the condition of this rule is not whole"),
        (
            MERGE + "-- reject: r where x\n-- reject: r where y",
            "3: a second reject rule of the name 'r'\nGive each a name of its own.",
        ),
        (MERGE + "-- differing:", "2: differing is fail or keep, not ''"),
        (MERGE + "-- differing: overwrite", "2: differing is fail or keep, not 'overwrite'"),
        (MERGE + "-- differing: keep\n-- differing: keep", "3: differing stands there twice\nLeave one of them."),
        (MERGE + "-- source after: c\n-- source after: d", "3: source after stands there twice\nLeave one of them."),
        (MERGE + MERGE, "2: a second merge of a into b, beside line 1"),
        (MERGE + "-- expect: none", "2: expect without its query"),
        (MERGE + "-- require: x", "2: require without its query"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, dialect: Dialect, text: str, told: str
) -> None:
    assert refusal(tmp_path, text, dialect).startswith(f"x.verify.sql:{told}")


@BOTH
@pytest.mark.parametrize("head", ["source after: a", "reject: r where x", "differing: keep"])
@pytest.mark.parametrize(
    ("before", "behind", "line"),
    [
        ("", "", 1),
        ("", "\n-- merge: a into b on id", 1),
        ("", "\n-- check: c\nSELECT 1;", 1),
        ("-- merge: a into b on id\n-- check: c\nSELECT 1;\n", "\n-- check: d\nSELECT 1;", 4),
        ("-- merge: a into b on id\n-- check: c\nSELECT 1;\n", "", 4),
    ],
)
def test_a_head_that_has_no_merge_above_it_is_refused(
    tmp_path: Path, dialect: Dialect, head: str, before: str, behind: str, line: int
) -> None:
    word = head.partition(":")[0]
    assert refusal(tmp_path, f"{before}-- {head}{behind}", dialect) == (
        f"x.verify.sql:{line}: {word} without its merge\n{UNDER}"
    )


@BOTH
@pytest.mark.parametrize("head", ["merge: a into b on id", "source after: a", "reject: r where x", "differing: keep"])
def test_a_head_in_the_wrong_place_is_refused(tmp_path: Path, dialect: Dialect, head: str) -> None:
    word = head.partition(":")[0]
    for text, told in (
        (f"/* {head} */", f"1: a head in a block comment: {word}:"),
        (f"-- check: c\nSELECT 1; -- {head}", f"2: {word}: stands inside a query, or behind one"),
        (f"-- check: c\nSELECT 1\n-- {head}\n;", f"3: {word}: stands inside a query, or behind one"),
        (f"-- check: c\n-- {head}\nSELECT 1;", f"2: {word} stands over a block that has its head already"),
        (f"-- {head.capitalize()}", f"1: unknown word: {word.capitalize()}:"),
    ):
        assert refusal(tmp_path, text, dialect).startswith(f"x.verify.sql:{told}"), text


@BOTH
@pytest.mark.parametrize("line", ["on id", "comparing a", "where x", "and y = 1", "OR y = 1", ", b", "(SELECT 1)"])
def test_a_line_that_seems_to_go_on_and_is_not_indented_is_asked_about(
    tmp_path: Path, dialect: Dialect, line: str
) -> None:
    assert refusal(tmp_path, f"{MERGE}-- {line}", dialect) == (
        f"x.verify.sql:2: does this line belong to the merge above it? -- {line}\n"
        "Then indent it by four blanks behind the dashes; a remark stands above the merge."
    )


def test_a_merge_that_is_not_understood_stops_the_run_before_anything_is_touched(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "CREATE TABLE a (id INTEGER);\n",
            "0002_b.sql": "SELECT 1;\n",
            "0002_b.verify.sql": "-- A remark.\n-- merge: a into b\n",
        }
    )
    with pytest.raises(FileError, match=r"0002_b\.verify\.sql:2: the word 'on' is missing"):
        migrate(database_url, folder)
    assert probe(database_url).tables() == set()


def test_a_rollbacks_verify_file_is_read_as_strictly(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "CREATE TABLE a (id INTEGER);\n",
            "0001_a.rollback.sql": "DROP TABLE a;\n",
            "0001_a.rollback.verify.sql": "-- differing: keep\n",
        }
    )
    with pytest.raises(FileError, match=r"0001_a\.rollback\.verify\.sql:1: differing without its merge"):
        migrate(database_url, folder)
    assert probe(database_url).tables() == set()
