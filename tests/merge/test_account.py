"""The row account: where each row of a source went, on both databases."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.files import WriteMigrations
from tests.fixtures.processes import Cli
from tests.merge.moving import ALL, COPY, ROWS, TABLES, Probes, balances, files, moved
from tests.run.doing import is_postgres, log, migrate, state

SOME = "INSERT INTO fresh SELECT * FROM old WHERE sess <> 'gone' AND id NOT IN (SELECT id FROM fresh);\n"
GONE = "-- reject: no session where sess = 'gone'\n"


def test_each_row_of_the_source_is_in_one_class(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS)
    account = moved(database_url, migrations, SOME, ALL + GONE)
    assert (account.name, account.outcome, account.found) == ("old into fresh", "passed", "")
    assert (account.source, account.inserted, account.identical, account.differing) == (5, 3, 1, 0)
    assert (account.rejected, account.absent, account.missing) == ((("no session", 1),), 1, 0)
    assert probe(database_url).rows("SELECT id FROM fresh ORDER BY id") == [(1,), (2,), (4,), (5,), (9,)]


def test_an_empty_source_balances(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES)
    account = moved(database_url, migrations, COPY, ALL + GONE)
    assert (account.source, account.inserted, account.rejected) == (0, 0, (("no session", 0),))
    assert account.outcome == "passed"


def test_keys_may_be_several_columns_with_other_names(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(
        "CREATE TABLE old (a INTEGER, b TEXT, body TEXT); CREATE TABLE fresh (x INTEGER, y TEXT, words TEXT);"
        "INSERT INTO old VALUES (1, 'p', 'one'), (1, 'q', 'two'), (2, 'p', 'three');"
        "INSERT INTO fresh VALUES (1, 'q', 'two'), (2, 'q', 'other')"
    )
    step = "INSERT INTO fresh SELECT * FROM old WHERE NOT EXISTS (SELECT 1 FROM fresh WHERE x = old.a AND y = old.b);\n"
    account = moved(database_url, migrations, step, "-- merge: old into fresh on a = x, b = y comparing body = words")
    assert (account.source, account.inserted, account.identical) == (3, 2, 1)


def test_the_source_may_bear_another_name_after_the_step(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    step = SOME + "ALTER TABLE old RENAME TO old_legacy;\n"
    account = moved(database_url, migrations, step, ALL + "-- source after: old_legacy\n" + GONE)
    assert (account.source, account.inserted, account.outcome) == (5, 3, "passed")


def test_the_source_may_be_a_query(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS)
    step = "INSERT INTO fresh SELECT id + 100, body, num, sess FROM old;\n"
    verify = "-- merge: (SELECT id + 100 AS moved, body FROM old) into fresh on moved = id comparing body"
    assert moved(database_url, migrations, step, verify).inserted == 5


def test_the_target_may_be_a_query_that_numbers_what_has_no_key(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    """The k-th time that a session says the same words is the k-th row with these words."""
    probe(database_url).execute(
        "CREATE TABLE old (sess TEXT, body TEXT); CREATE TABLE fresh (n INTEGER, sess TEXT, body TEXT);"
        "INSERT INTO old VALUES ('s', 'hi'), ('s', 'hi'), ('s', 'bye'), ('t', 'hi');"
        "INSERT INTO fresh VALUES (1, 's', 'hi')"
    )
    numbered = "SELECT sess, body, row_number() OVER (PARTITION BY sess, body ORDER BY body) AS k FROM"
    verify = f"-- merge: ({numbered} old) into ({numbered} fresh) on sess, body, k"
    rest = f"SELECT 2, sess, body FROM ({numbered} old) AS numbered WHERE NOT (sess = 's' AND body = 'hi' AND k = 1)"
    account = moved(database_url, migrations, f"INSERT INTO fresh {rest};\n", verify)
    assert (account.source, account.inserted, account.identical) == (4, 3, 1)


def test_a_row_that_two_rules_fit_counts_for_the_first(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    verify = ALL + "-- reject: low where num < 4\n" + GONE + "-- reject: never where 1 = 0"
    step = "INSERT INTO fresh SELECT * FROM old WHERE id IN (2, 5);\n"
    account = moved(database_url, migrations, step, verify)
    assert account.rejected == (("low", 2), ("no session", 0), ("never", 0))
    assert (account.source, account.inserted, account.identical) == (5, 2, 1)


def test_a_rule_that_is_null_for_a_row_does_not_reject_it(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    account = moved(database_url, migrations, COPY, ALL + "-- reject: not low where NOT num < 100\n")
    assert (account.rejected, account.inserted) == ((("not low", 0),), 4)


def test_a_rules_subquery_may_speak_of_the_source_by_its_name(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS + "CREATE TABLE sessions (id TEXT); INSERT INTO sessions VALUES ('s1');")
    rule = "NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = old.sess)"
    step = f"INSERT INTO fresh SELECT * FROM old WHERE NOT {rule} AND id <> 4;\n"
    account = moved(database_url, migrations, step, ALL + f"-- reject: no session where {rule}")
    assert (account.rejected, account.inserted, account.identical) == ((("no session", 2),), 2, 1)


def test_a_rejected_row_that_stood_in_the_target_before_may_stay_there(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS + "INSERT INTO fresh VALUES (3, 'other', 0, 'gone');")
    account = moved(database_url, migrations, SOME, ALL + GONE)
    assert (account.rejected, account.absent, account.outcome) == ((("no session", 1),), 0, "passed")


def test_a_row_that_differs_and_is_to_be_kept_stays_as_it_was(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS + "UPDATE fresh SET body = 'older' WHERE id = 4;")
    account = moved(database_url, migrations, COPY, ALL + "-- differing: keep")
    assert (account.inserted, account.identical, account.differing) == (4, 0, 1)
    assert probe(database_url).value("SELECT body FROM fresh WHERE id = 4") == "older"


def test_null_is_a_value_that_equals_itself(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS + "INSERT INTO fresh VALUES (2, NULL, NULL, 's1');")
    account = moved(database_url, migrations, COPY, ALL)
    assert (account.identical, account.differing) == (2, 0)


@pytest.mark.parametrize("value", ["NULL", "''"])
def test_null_and_the_empty_text_are_two_values(
    value: str, database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS + f"UPDATE old SET body = {value} WHERE id = 4;")
    probe(database_url).execute(f"UPDATE fresh SET body = {'NULL' if value != 'NULL' else chr(39) * 2} WHERE id = 4")
    assert moved(database_url, migrations, COPY, ALL + "-- differing: keep").differing == 1


def test_a_second_run_inserts_nothing(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS)
    again = {"0002_again.sql": SOME, "0002_again.verify.sql": ALL + GONE}
    migrations(again)
    (first,), (second,) = (step.merges for step in migrate(database_url, files(migrations, SOME, ALL + GONE)).steps)
    assert (first.source, first.inserted, first.identical, first.rejected) == (5, 3, 1, (("no session", 1),))
    assert (second.source, second.inserted, second.identical, second.rejected) == (5, 0, 4, (("no session", 1),))


def test_several_merges_have_an_account_each(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    probe(database_url).execute(TABLES + ROWS + "CREATE TABLE copy (id INTEGER PRIMARY KEY, body TEXT);")
    step = COPY + "INSERT INTO copy SELECT id, body FROM old;\n"
    folder = files(migrations, step, ALL + "-- merge: old into copy on id comparing body\n-- reject: none where 1 = 0")
    accounts = migrate(database_url, folder).steps[0].merges
    assert [(account.name, account.inserted) for account in accounts] == [("old into fresh", 4), ("old into copy", 5)]


def test_a_dry_run_gives_the_same_account_and_writes_nothing(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    before = state(probe(database_url))
    dry = moved(database_url, migrations, SOME, ALL + GONE, dry_run=True)
    assert state(probe(database_url)) == before
    assert dry == moved(database_url, migrations, SOME, ALL + GONE)


def test_in_a_single_transaction_each_step_has_its_own_account(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    again = {"0002_again.sql": SOME, "0002_again.verify.sql": ALL + GONE}
    migrations(again)
    folder = files(migrations, SOME, ALL + GONE)
    steps = migrate(database_url, folder, single_transaction=True).steps
    assert [step.merges[0].inserted for step in steps] == [3, 0]


def test_report_json_and_log_hold_the_account(
    database_url: str, migrations: WriteMigrations, probe: Probes, cli: Cli
) -> None:
    probe(database_url).execute(TABLES + ROWS)
    folder = files(migrations, SOME, ALL + GONE)
    done = cli("migrate", "-d", database_url, "--dir", folder, "--dry-run")
    assert (
        "  merge old into fresh\n"
        "    source  inserted  identical  differing  rejected: no session\n"
        "         5         3          1          0                     1\n"
    ) in done.stdout
    done = cli("migrate", "-d", database_url, "--dir", folder, "--json")
    (account,) = json.loads(done.stdout)["steps"][0]["merges"]
    expected = {"name": "old into fresh", "source": 5, "inserted": 3, "identical": 1, "differing": 0, "missing": 0}
    assert {key: account[key] for key in expected} == expected
    assert account["rejected"] == [["no session", 1]]
    ((_, _, _, detail),) = [row for row in log(probe(database_url)) if row[1] == "apply"]
    assert detail["merges"] == [account]


def test_names_with_quotes_blanks_capitals_umlauts_and_reserved_words_are_right(
    database_url: str, migrations: WriteMigrations, probe: Probes
) -> None:
    columns = '"or""der" INTEGER, "Größe x" TEXT, "select" TEXT, "CamelCase" TEXT, "it\'s" TEXT'
    probe(database_url).execute(
        f'CREATE TABLE "Old, Table" ({columns}); CREATE TABLE "table" ({columns});'
        "INSERT INTO \"Old, Table\" VALUES (1, 'a', 'b', 'c', 'd'), (2, 'a', 'b', 'c', 'd');"
        "INSERT INTO \"table\" VALUES (1, 'a', 'b', 'c', 'other')"
    )
    step = 'INSERT INTO "table" SELECT * FROM "Old, Table" WHERE "or""der" = 2;\n'
    verify = (
        '-- merge: "Old, Table" into "table" on "or""der" comparing "Größe x", "select", "CamelCase", "it\'s"\n'
        "-- reject: none where \"it's\" = 'no'\n-- differing: keep"
    )
    account = moved(database_url, migrations, step, verify)
    assert (account.inserted, account.differing) == (1, 1)


def test_two_hundred_columns_are_compared(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    names = [f"c{n}" for n in range(200)]
    columns = ", ".join(f"{name} TEXT" for name in names)
    probe(database_url).execute(
        f"CREATE TABLE old (id INTEGER PRIMARY KEY, {columns}); CREATE TABLE fresh (id INTEGER PRIMARY KEY, {columns});"
        "INSERT INTO old (id, c199) VALUES (1, 'x'), (2, 'y'); INSERT INTO fresh (id, c199) VALUES (2, 'z');"
    )
    verify = f"-- merge: old into fresh on id comparing {', '.join(names)}\n-- differing: keep"
    account = moved(database_url, migrations, "INSERT INTO fresh SELECT * FROM old WHERE id = 1;\n", verify)
    assert (account.inserted, account.differing, balances(account)) == (1, 1, True)


def test_tables_of_other_schemas_are_found(database_url: str, migrations: WriteMigrations, probe: Probes) -> None:
    if is_postgres(database_url):
        probe(database_url).execute("CREATE SCHEMA archive; CREATE SCHEMA shop")
        source, target = "archive.old", "shop.fresh"
    else:
        source, target = "main.old", "main.fresh"
    probe(database_url).execute(
        f"CREATE TABLE {source} (id INTEGER PRIMARY KEY); CREATE TABLE {target} (id INTEGER PRIMARY KEY);"
        f"INSERT INTO {source} VALUES (1), (2)"
    )
    step = f"INSERT INTO {target} SELECT id FROM {source} WHERE id = 1;\n"
    rule = "NOT EXISTS (SELECT 1 FROM (SELECT 1 AS n) AS one WHERE old.id = one.n)"
    account = moved(
        database_url, migrations, step, f"-- merge: {source} into {target} on id\n-- reject: r where {rule}"
    )
    assert (account.inserted, account.rejected) == (1, (("r", 1),))
