"""Errors of verify files and their merges. Knows cases only."""

from __future__ import annotations

from tests.errors.scene import FIRST, Case


def _verify(title: str, text: str, note: str = "") -> Case:
    return Case(title, ({"0001_people.sql": FIRST, "0001_people.verify.sql": text}, "migrate"), note)


CASES = (
    _verify("An unknown word", "-- chekc: names\nSELECT id FROM people;\n"),
    _verify("A query without a verb", "SELECT id FROM people;\n"),
    _verify("A verb without its query", "-- check: names\n"),
    _verify("A verb without a name", "-- check:\nSELECT id FROM people;\n"),
    _verify("A verb over a block that has one", "-- check: names\n-- warn: names too\nSELECT id FROM people;\n"),
    _verify("A name given twice", "-- check: a\nSELECT 1 WHERE 0;\n\n-- check: a\nSELECT 1 WHERE 0;\n"),
    _verify("Not a query", "-- check: names\nPRAGMA table_info('people');\n"),
    _verify("Not an expectation", "-- check: names\n-- expect: many\nSELECT id FROM people;\n"),
    _verify("expect before its verb", "-- expect: none\n-- check: names\nSELECT id FROM people;\n"),
    _verify("A colon is missing", "-- check: names\n-- expect none\nSELECT id FROM people;\n"),
    _verify("A measure expects nothing", "-- measure: people\n-- expect: 2\nSELECT count(*) FROM people;\n"),
    _verify("same in a require", "-- require: names\n-- expect: same\nSELECT 1;\n"),
    _verify("A measure's name", "-- measure: all people\nSELECT count(*) FROM people;\n"),
    _verify("A measure that is not known", "-- check: as many\nSELECT 1 WHERE 2 <> :people;\n"),
    _verify("A head in a block comment", "/* check: names */\nSELECT id FROM people;\n"),
    _verify("A head inside a query", "-- check: names\nSELECT id FROM people\n-- check: more\nWHERE name = '';\n"),
    _verify("Parentheses that do not match", "-- check: names\nSELECT (id FROM people;\n"),
    _verify("A directive in a verify file", "-- sessmig: no-transaction\n-- check: names\nSELECT 1 WHERE 0;\n"),
    _verify("More than one value where one is expected", "-- check: one\n-- expect: 1\nSELECT id FROM people;\n"),
    _verify("A measure gives no single value", "-- measure: people\nSELECT id FROM people;\n"),
)

MERGES = (
    _verify("A line without its merge", "-- reject: empty where name = ''\n"),
    _verify("A line given twice", "-- merge: people into people on id\n-- differing: keep\n-- differing: keep\n"),
    _verify("The word into is missing", "-- merge: people on id\n"),
    _verify("Nothing stands behind a word", "-- merge: people into names on\n"),
    _verify("Not a table's name", "-- merge: my people into names on id\n"),
    _verify("Neither a table nor a query", "-- merge: (people) into names on id\n"),
    _verify("Columns that are not understood", "-- merge: people into names on id + 1\n"),
    _verify("A column given twice", "-- merge: people into names on id, id\n"),
    _verify("differing is fail or keep", "-- merge: people into names on id\n-- differing: maybe\n"),
    _verify(
        "A rule's condition is not whole", "-- merge: people into names on id\n-- reject: empty where (name = ''\n"
    ),
    _verify(
        "Two rules of one name",
        "-- merge: people into names on id\n-- reject: x where id = 1\n-- reject: x where id = 2\n",
    ),
    _verify("A second merge of the same", "-- merge: people into names on id\n-- merge: people into names on id\n"),
    _verify("A comment within the line", "-- merge: people into names on id /* the key */\n"),
    _verify("A line that may belong to the merge", "-- merge: people into names on id\n-- comparing name\n"),
    _verify(
        "A waiver below the head", "-- merge: people into names on id\n-- sessmig: allow copy-without-merge because\n"
    ),
)
