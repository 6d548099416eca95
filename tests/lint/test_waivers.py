"""`-- sessmig: allow RULE REASON`: what it waives, and when it is a finding itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sessmig import FileError, ensure_migrations
from tests.fixtures.files import WriteMigrations
from tests.fixtures.probe import Probe
from tests.lint.looking import TABLES, Looker

TWO = "{0}UPDATE orders SET total = 1;\n{1}UPDATE orders SET total = 2;\n"
ALLOW = "-- sessmig: allow without-where every order is meant\n"


def test_a_waiver_speaks_of_the_statement_below_it_alone(looker: Looker) -> None:
    assert looker.found(TWO.format("", "")) == [(1, "without-where"), (2, "without-where")]
    assert looker.found(TWO.format(ALLOW, "")) == [(3, "without-where")]
    assert looker.found(TWO.format("", ALLOW)) == [(1, "without-where")]
    assert looker.found(TWO.format("", ALLOW + "-- and a remark\n")) == [(1, "without-where")]


def test_a_waiver_may_stand_apart_from_a_later_statement(looker: Looker) -> None:
    assert looker.found(TWO.format("", ALLOW + "\n")) == [(1, "without-where")]


@pytest.mark.parametrize("between", ["\n", "BEGIN;\n", "BEGIN;\n\n", "/* a remark */\n\n"])
def test_a_waiver_above_the_first_statement_and_apart_from_it_speaks_of_the_file(between: str, looker: Looker) -> None:
    end = "COMMIT;\n" if "BEGIN" in between else ""
    assert looker.found(TWO.format(f"-- All orders\n{ALLOW}{between}", "") + end) == []


def test_a_waiver_waives_its_own_rule_only(looker: Looker) -> None:
    text = f"{ALLOW}INSERT OR IGNORE INTO orders (id) VALUES (1);"
    assert looker.found(text) == [(1, "waiver"), (2, "or-ignore")]


def test_what_is_said_of_the_whole_file_is_waived_at_its_top_or_above_the_statement_that_is_named(
    looker: Looker,
) -> None:
    waivers = "".join(f"-- sessmig: allow data-without-{what} it is a try\n" for what in ("verify", "rollback"))
    update = "UPDATE orders SET total = 1 WHERE id = 1;\n"
    for text in (f"{waivers}{update}", f"{waivers}\n{update}", f"{waivers}CREATE TABLE z (a INTEGER);\n{update}"):
        assert looker.all({"0002_x.sql": text}) == []
    below = looker.all({"0002_x.sql": f"CREATE TABLE z (a INTEGER);\n{update}{waivers}{update}"})
    assert [rule for _, _, rule in below] == ["data-without-rollback", "data-without-verify", "waiver", "waiver"]


def test_a_statement_of_many_lines_is_waived_whole(looker: Looker) -> None:
    insert = "INSERT INTO orders (id)\nSELECT id FROM customers\nUNION\nSELECT id FROM old_customers;\n"
    allow = "-- sessmig: allow union-in-copy the ids are unique\n"
    assert looker.found(f"SELECT 1;\n{allow}{insert}") == []
    assert looker.found(f"SELECT 1;\n{insert}") == [(4, "union-in-copy")]


WRONG = {
    "": ("a waiver without a rule", "Write -- sessmig: allow RULE REASON above the statement; "),
    "without-where": ("a waiver of without-where without a reason", "Write -- sessmig: allow RULE REASON"),
    "without-were it is meant": ("a waiver of an unknown rule: without-were", "Did you mean without-where?"),
    "nonsense it is meant": ("a waiver of an unknown rule: nonsense", "Take it away."),
    "select-star it is meant": ("a waiver of select-star that waives nothing", "Take it away."),
    "waiver it is meant": ("waiver cannot be waived", "Mend what it says."),
    "refused it is meant": ("refused cannot be waived", "Mend what it says."),
}


@pytest.mark.parametrize("written", WRONG)
def test_a_waiver_that_does_not_do_what_it_says_is_a_finding(written: str, looker: Looker) -> None:
    what, remedy = WRONG[written]
    report = looker.report({"0002_x.sql": f"SELECT 1;\n-- sessmig: allow {written}\nUPDATE orders SET total = 1;"})
    found = [(f.line, f.rule, f.what) for f in report.findings if f.rule in ("waiver", "without-where")]
    assert found == [(2, "waiver", what), (3, "without-where", "UPDATE of every row of orders")]
    assert next(f for f in report.findings if f.rule == "waiver").remedy.startswith(remedy)
    assert report.waived == ()


def test_a_colon_behind_the_rule_does_no_harm(looker: Looker) -> None:
    report = looker.report({"0002_x.sql": "-- sessmig: allow without-where: it is meant\nUPDATE orders SET total = 1;"})
    assert [(f.rule, f.reason) for f in report.waived] == [("without-where", "it is meant")]


def test_a_waiver_stands_in_rollback_and_verify_files_too(looker: Looker) -> None:
    files = {
        "0002_x.sql": "CREATE TABLE z (a INTEGER);",
        "0002_x.rollback.sql": (
            "DROP TABLE z;\n-- sessmig: allow without-where it is meant\nUPDATE orders SET total = 1;"
        ),
        "0002_x.verify.sql": (
            "-- measure: an_order\n"
            "-- sessmig: allow limit-without-order any will do\nSELECT id FROM orders LIMIT 1;\n\n"
            "-- sessmig: allow not-in-nullable there is none\n-- check: b\n"
            "SELECT 1 FROM orders WHERE total NOT IN (SELECT total FROM orders);\n"
        ),
    }
    report = looker.report(files)
    assert report.findings == ()
    assert [(f.path.name, f.rule, f.reason) for f in report.waived] == [
        ("0002_x.rollback.sql", "without-where", "it is meant"),
        ("0002_x.verify.sql", "limit-without-order", "any will do"),
        ("0002_x.verify.sql", "not-in-nullable", "there is none"),
    ]


def test_migrate_passes_waivers_over(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": TABLES,
            "0002_b.sql": "-- sessmig: allow nonsense\nINSERT INTO customers (id, name) VALUES (1, 'x');\n",
            "0002_b.verify.sql": (
                "-- sessmig: allow nonsense it is\n-- check: a\n-- expect: 1\nSELECT count(*) FROM customers;"
            ),
        }
    )
    report = ensure_migrations(database_url, folder)
    assert [check.outcome for check in report.steps[1].checks] == ["passed"]
    assert probe(database_url).value("SELECT count(*) FROM customers") == 1


def test_a_waiver_that_parts_the_head_of_a_merge_is_refused(
    database_url: str, migrations: WriteMigrations, probe: Callable[[str], Probe]
) -> None:
    folder = migrations(
        {
            "0001_a.sql": TABLES,
            "0001_a.verify.sql": (
                "-- merge: old_customers into customers on id\n-- sessmig: allow x y\n--     comparing name\n"
            ),
        }
    )
    with pytest.raises(FileError) as refused:
        ensure_migrations(database_url, folder)
    assert str(refused.value) == (
        f"{folder}/0001_a.verify.sql:2: a waiver below the head of a merge\nWrite it above the block that it speaks of."
    )
    assert probe(database_url).tables() == set()


def test_a_waiver_inside_a_query_or_behind_the_last_statement_is_refused(looker: Looker) -> None:
    inside = "-- check: x\nSELECT 1\n-- sessmig: allow select-star it is meant\nWHERE 1 = 0;\n"
    assert looker.all({"0002_x.sql": "SELECT 1;", "0002_x.verify.sql": inside}) == [("0002_x.verify.sql", 3, "refused")]
    behind = "SELECT 1;\n-- sessmig: allow select-star it is meant\n"
    assert ("0003_y.sql", 2, "refused") in looker.all({"0003_y.sql": behind})
