"""The forms in which one fault can be written, and what looks like it and is none: one series for each rule."""

from __future__ import annotations

import pytest

from sessmig import SessmigError, ensure_migrations
from sessmig.lint import lint
from tests.lint.looking import PROVING, Looker

COPY = (
    "INSERT INTO customers (id, name) SELECT o.id, o.name FROM old_customers AS o "
    "WHERE NOT EXISTS (SELECT 1 FROM customers AS c WHERE c.id = o.id);\n"
)
KEEP = "CREATE TABLE kept (id INTEGER PRIMARY KEY, name TEXT);\n"
BOTH = {
    "drop-with-copy": (
        [
            "UPDATE customers SET city = (SELECT o.city FROM old_customers AS o WHERE o.id = customers.id) "
            "WHERE id > 0;\nDROP TABLE old_customers;",
            "UPDATE customers SET city = o.city FROM old_customers AS o WHERE o.id = 1;\nDROP TABLE old_customers;",
            "UPDATE customers SET city = email WHERE city IS NULL;\nALTER TABLE customers DROP COLUMN email;",
            COPY + "ALTER TABLE old_customers RENAME TO zzz;\nDROP TABLE zzz;",
            COPY + "DELETE FROM old_customers WHERE true;",
        ],
        [
            "UPDATE customers SET city = 'x' WHERE id IN (SELECT id FROM old_customers);\nDROP TABLE old_customers;",
            "UPDATE customers SET city = upper(name) WHERE id = 1;\nALTER TABLE customers DROP COLUMN email;",
            COPY + "DELETE FROM old_customers WHERE id = 1;",
            "DELETE FROM customers WHERE true;\n" + COPY,
            KEEP + "INSERT INTO kept (id, name) SELECT id, name FROM orders_of;\n"
            "ALTER TABLE orders_of RENAME TO gone;\nALTER TABLE kept RENAME TO orders_of;\nDROP TABLE gone;",
        ],
    ),
    "limit-without-order": (
        [
            "DELETE FROM orders WHERE id IN (SELECT id FROM customers LIMIT 5);",
            "INSERT INTO orders (id) SELECT id FROM customers WHERE EXISTS "
            "(SELECT 1 FROM orders WHERE id IN (SELECT id FROM customers LIMIT 5));",
            "INSERT INTO orders (id) SELECT max(id) FROM customers GROUP BY city LIMIT 1;",
        ],
        [
            "INSERT INTO orders (id) SELECT count(*) FROM customers LIMIT 1;",
            "INSERT INTO orders (id) SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM orders LIMIT 1);",
            "DELETE FROM orders WHERE id IN (SELECT id FROM customers ORDER BY id LIMIT 5 OFFSET 2);",
        ],
    ),
    "not-in-nullable": (
        [
            "DELETE FROM orders WHERE NOT total IN (SELECT total FROM orders);",
            "DELETE FROM orders WHERE NOT (total IN (SELECT total FROM orders));",
            "DELETE FROM orders WHERE NOT ((id = 1 OR total IN (SELECT total FROM orders)));",
            "DELETE FROM orders WHERE total NOT IN (1, NULL);",
            "DELETE FROM orders WHERE id NOT IN (SELECT coalesce(city, email) FROM customers);",
            "DELETE FROM orders WHERE id NOT IN (SELECT min(total) FROM orders GROUP BY customer_id);",
        ],
        [
            "DELETE FROM orders WHERE total IN (SELECT total FROM orders) AND NOT id = 1;",
            "DELETE FROM orders WHERE NOT id = 1 AND (total IN (SELECT total FROM orders));",
            "DELETE FROM orders WHERE NOT EXISTS (SELECT 1 FROM customers WHERE id IN (SELECT total FROM orders));",
            "DELETE FROM orders WHERE NOT id = 1 AND total IN (1, NULL);",
            "DELETE FROM customers WHERE name NOT IN (SELECT coalesce(email, '') FROM customers);",
            "DELETE FROM orders WHERE id NOT IN (SELECT count(*) FROM customers);",
            "DELETE FROM customers WHERE name NOT IN (SELECT email FROM customers WHERE email <> '');",
            "DELETE FROM customers WHERE name NOT IN (SELECT email FROM customers WHERE email >= 'a' AND id = 1);",
            "DELETE FROM orders WHERE id NOT IN (SELECT min(id) FROM orders GROUP BY customer_id);",
        ],
    ),
    "changing-key": (
        [
            "INSERT INTO orders (id) SELECT (SELECT random()) FROM customers;",
            "INSERT INTO orders (id) SELECT x.r FROM (SELECT random() AS r FROM customers) AS x;",
            "INSERT INTO orders (id) WITH x AS (SELECT 1 + random() AS r FROM customers) SELECT r FROM x;",
        ],
        [
            "INSERT INTO orders (id) SELECT x.id FROM (SELECT id, random() AS r FROM customers) AS x WHERE r > 0;",
            "INSERT INTO orders (id) SELECT (SELECT max(id) FROM customers WHERE random() > 0) FROM customers;",
        ],
    ),
    "union-in-copy": (
        [
            "INSERT INTO old_customers (name, city) SELECT DISTINCT name, city FROM customers;",
            "INSERT INTO old_customers (name, city) SELECT name, city FROM customers EXCEPT SELECT 'x', 'y';",
            "INSERT INTO old_customers (name, city) SELECT name, city FROM customers INTERSECT SELECT 'x', 'y';",
            "INSERT INTO old_customers (name, city) SELECT DISTINCT email, city FROM customers;",
            "CREATE TABLE w AS SELECT x.name, x.city FROM (SELECT DISTINCT name, city FROM customers) AS x;",
        ],
        [
            "INSERT INTO old_customers (id, name) SELECT DISTINCT c.id, c.name FROM customers AS c;",
            "INSERT INTO old_customers (name) SELECT DISTINCT city FROM customers;",
            "INSERT INTO old_customers (id, name) SELECT id, name FROM customers EXCEPT SELECT 1, 'y';",
            "INSERT INTO old_customers (id, name) SELECT count(DISTINCT city), 'x' FROM customers;",
            "INSERT INTO old_customers (name, city) SELECT name, city FROM customers WHERE city IS DISTINCT FROM 'x';",
        ],
    ),
    "empty-file": (
        ["", " \n\t\n", "-- sessmig: irreversible it is so\n\n;\n"],
        ["-- SQLite has nothing to do here\n", "SELECT 1;"],
    ),
}
SQLITE = {
    "or-ignore": (
        [
            "CREATE TABLE z (a INTEGER UNIQUE ON CONFLICT IGNORE);",
            "CREATE TRIGGER t AFTER INSERT ON orders BEGIN SELECT 1; INSERT OR IGNORE INTO customers (id) "
            "VALUES (CASE WHEN new.id > 1 THEN 1 ELSE 2 END); END;",
        ],
        ["CREATE TABLE z (a INTEGER UNIQUE ON CONFLICT ABORT);"],
    ),
    "or-replace": (
        [
            "CREATE TABLE z (a INTEGER PRIMARY KEY ON CONFLICT REPLACE);",
            "CREATE TEMP TRIGGER t AFTER INSERT ON orders BEGIN REPLACE INTO customers (id) VALUES (1); END;",
        ],
        [],
    ),
    "without-where": (
        ["CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM old_customers; END;"],
        ["CREATE TRIGGER t AFTER UPDATE OF total ON orders BEGIN DELETE FROM old_customers WHERE id = new.id; END;"],
    ),
    "changing-key": (
        [
            "INSERT INTO orders (id) SELECT datetime() FROM customers;",
            "INSERT INTO orders (id) SELECT julianday() FROM customers;",
            "INSERT INTO orders (id) SELECT strftime('%s') FROM customers;",
        ],
        ["INSERT INTO orders (id) SELECT julianday(city) FROM customers;"],
    ),
    "double-quoted-text": (
        [
            'UPDATE customers SET city = "text" WHERE id = 1;',
            'UPDATE customers SET city = "integer" WHERE id = 1;',
            'UPDATE customers SET city = "primary" WHERE id = 1;',
            "UPDATE customers SET city = \"lower\" WHERE id = CAST(lower('1') AS REAL);",
        ],
        [
            "UPDATE customers SET city = 'x' WHERE \"rowid\" = 1;",
            "CREATE TABLE z (date TEXT, key TEXT);\nUPDATE z SET key = 'x' WHERE \"date\" = 'y' OR \"key\" = 'z';",
            'SELECT "name" FROM sqlite_master WHERE "type" = \'table\';',
        ],
    ),
    "rebuild-cascades": (
        [
            "CREATE TEMP TABLE t AS SELECT id, name FROM customers;\nDROP TABLE customers;\n"
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"
            "INSERT INTO customers (id, name) SELECT id, name FROM t;",
        ],
        [
            "DROP TABLE orders;\nDROP TABLE customers;\nCREATE TABLE customers (id INTEGER PRIMARY KEY);",
            "DROP TABLE old_customers;\nCREATE TABLE old_customers (id INTEGER PRIMARY KEY);",
        ],
    ),
}
POSTGRES = {
    "drop-with-copy": (
        [
            COPY + "TRUNCATE old_customers;",
            "WITH g AS (DELETE FROM old_customers WHERE id > 1 RETURNING id)\n"
            "INSERT INTO customers (id) SELECT id FROM g;",
            "MERGE INTO customers AS c USING old_customers AS o ON o.id = c.id WHEN NOT MATCHED THEN "
            "INSERT (id) VALUES (o.id);\nDROP TABLE old_customers;",
        ],
        ["TRUNCATE customers;\n" + COPY],
    ),
    "limit-without-order": (
        [
            "INSERT INTO orders (id) SELECT id FROM customers OFFSET 3;",
            "INSERT INTO customers (id, name) SELECT DISTINCT ON (name) id, name FROM old_customers;",
        ],
        [
            "INSERT INTO orders (id) SELECT id FROM customers ORDER BY id OFFSET 3;",
            "INSERT INTO customers (id, name) SELECT DISTINCT ON (name) id, name FROM old_customers ORDER BY name, id;",
        ],
    ),
    "not-in-nullable": (
        ["DELETE FROM orders WHERE total <> ALL (SELECT total FROM orders);"],
        ["DELETE FROM orders WHERE total <> ALL (SELECT id FROM orders);"],
    ),
    "search-path": (
        [
            "SET SCHEMA 'shop';",
            "ALTER ROLE shop SET search_path = shop;",
            "ALTER DATABASE shop SET search_path TO shop, public;",
        ],
        ["CREATE FUNCTION f() RETURNS integer LANGUAGE sql SET search_path = shop AS 'SELECT 1';"],
    ),
    "enum-value-in-use": (
        [
            "ALTER TYPE mood ADD VALUE 'a';\nUPDATE customers SET humour = 'a' WHERE id = 1;",
            "CREATE TABLE z (m mood);\nALTER TYPE mood ADD VALUE 'a';\nINSERT INTO z (m) VALUES ('a');",
            "ALTER TYPE mood ADD VALUE 'a';\nUPDATE customers SET city = 'a'::mood::text WHERE id = 1;",
        ],
        [
            "CREATE TYPE fresh AS ENUM ('b');\nALTER TYPE fresh ADD VALUE 'a';\nCREATE TABLE y (m fresh DEFAULT 'a');",
            "ALTER TYPE mood ADD VALUE 'a';\nUPDATE customers SET city = 'a' WHERE id = 1;",
            "ALTER TYPE mood ADD VALUE 'a';\nCOMMENT ON TABLE customers IS 'a';",
            "ALTER TYPE mood ADD VALUE 'a';\nINSERT INTO customers (id, name, city) VALUES (1, 'b', 'a');",
        ],
    ),
}
CASES = [
    *((dialect, rule, *forms) for dialect in ("sqlite", "postgres") for rule, forms in BOTH.items()),
    *(("sqlite", rule, *forms) for rule, forms in SQLITE.items()),
    *(("postgres", rule, *forms) for rule, forms in POSTGRES.items()),
]


@pytest.mark.parametrize(("dialect", "rule", "found", "silent"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_a_rule_finds_each_form_of_its_fault_and_nothing_that_only_looks_like_it(
    dialect: str, rule: str, found: list[str], silent: list[str], looker: Looker
) -> None:
    files = {f"{place:04}_x.sql": text for place, text in enumerate((*found, *silent), 2)}
    findings = looker.report(files, dialect, squawk=False).findings
    told = {f.path.name for f in findings if f.rule == rule}
    assert [text for name, text in files.items() if (name in told) is not (text in found)] == []


def test_an_enums_value_is_found_in_the_verify_file_too(looker: Looker) -> None:
    files = {
        "0002_x.sql": "ALTER TYPE mood ADD VALUE 'sad';\n",
        "0002_x.verify.sql": (
            "-- check: a\nSELECT id FROM customers WHERE humour = 'sad';\n\n"
            "-- check: b\nSELECT id FROM customers WHERE city = 'sad';\n"
        ),
        "0003_y.sql": "-- sessmig: no-transaction\n\nALTER TYPE mood ADD VALUE 'glad';\n",
        "0003_y.verify.sql": "-- check: a\nSELECT id FROM customers WHERE humour = 'glad';\n",
        "0004_z.sql": "ALTER TYPE mood ADD VALUE 'calm';\n",
        "0004_z.verify.sql": "-- merge: old_customers into customers on id\n-- reject: calm where humour = 'calm'\n",
    }
    assert looker.all(files, "postgres") == [
        ("0002_x.verify.sql", 2, "enum-value-in-use"),
        ("0004_z.verify.sql", 1, "enum-value-in-use"),
    ]


@pytest.mark.postgres
def test_what_lint_says_of_enums_is_what_postgres_does(postgres_url: str, looker: Looker) -> None:
    made = (
        "CREATE TYPE mood AS ENUM ('glad');\nALTER TYPE mood ADD VALUE 'calm';\n"
        "CREATE TABLE z (m mood DEFAULT 'calm');\n"
    )
    folder = looker.folder({"0002_x.sql": made}, "postgres")
    assert lint([folder], squawk=False).findings == ()
    ensure_migrations(postgres_url, folder)
    used = {
        "0002_x.sql": made,
        "0003_y.sql": "ALTER TYPE mood ADD VALUE 'sad';\n",
        "0003_y.verify.sql": "-- check: none\nSELECT m FROM z WHERE m = 'sad';\n",
    }
    assert looker.all(used, "postgres") == [("0003_y.verify.sql", 2, "enum-value-in-use")]
    with pytest.raises(SessmigError, match="unsafe use of new value"):
        ensure_migrations(postgres_url, folder)


TAKING = {
    "DROP TABLE orders;": "this step takes rows away (DROP orders)",
    "ALTER TABLE orders DROP COLUMN total;": "this step takes values away (DROP COLUMN total)",
    "TRUNCATE orders;": "this step takes rows away (TRUNCATE orders)",
    "DROP SCHEMA public CASCADE;": "this step takes tables away (DROP SCHEMA … CASCADE)",
    "COPY orders FROM '/tmp/rows';": "this step brings rows that no file here shows (COPY … FROM)",
}


def test_what_is_taken_away_needs_a_check_and_a_way_back_and_a_require_is_a_check(looker: Looker) -> None:
    files = {f"{place:04}_x.sql": text for place, text in enumerate(TAKING, 2)}
    require = "-- require: a\nSELECT id FROM orders;\n"
    files |= {
        "0020_x.sql": "CREATE TABLE z (a INTEGER);\nDROP TABLE z;\nCREATE TEMP TABLE y (a INTEGER);\nDROP TABLE y;",
        "0021_x.sql": "-- sessmig: irreversible it is so\n\nDROP TABLE customers;",
        "0021_x.verify.sql": require,
        "0022_x.sql": "-- sessmig: irreversible it is so\n\nDROP TABLE orders;\nDELETE FROM customers WHERE id = 1;",
        "0022_x.verify.sql": require,
    }
    findings = [f for f in looker.report(files, "postgres", squawk=False).findings if f.rule in PROVING]
    said = {(f.path.name, f.what.partition(", and ")[0]) for f in findings if f.rule == "data-without-rollback"}
    assert said == {(f"{place:04}_x.sql", what) for place, what in enumerate(TAKING.values(), 2)}
    unverified = [f for f in findings if f.rule == "data-without-verify"]
    assert [f.path.name for f in unverified] == [f"{n:04}_x.sql" for n in (*range(2, 2 + len(TAKING)), 22)]


def test_a_source_that_is_renamed_before_the_copy_is_the_same_table(looker: Looker) -> None:
    text = (
        "-- sessmig: irreversible it is so\n\nALTER TABLE orders RENAME TO kept;\n"
        "INSERT INTO customers (id) SELECT id FROM kept;\n"
    )
    verify = "-- merge: orders into customers on id\n-- source after: kept\n"
    assert looker.all({"0002_x.sql": text, "0002_x.verify.sql": verify}) == []


SOURCES = {
    "orders into customers on id": True,
    "old_customers into customers on id": False,
    "seen into customers on id": False,
    "(SELECT id FROM orders) into customers on id\n-- source after: old_customers": False,
}


@pytest.mark.parametrize(("head", "is_found"), SOURCES.items(), ids=SOURCES)
def test_a_merge_accounts_for_a_copy_only_if_its_source_is_copied_from(
    head: str, is_found: bool, looker: Looker
) -> None:
    text = (
        "-- sessmig: irreversible it is so\n\nCREATE VIEW seen AS SELECT id FROM old_customers;\n"
        "CREATE TEMP TABLE stage AS SELECT id FROM old_customers;\n"
        "INSERT INTO customers (id) SELECT s.id FROM stage AS s JOIN seen AS o ON o.id = s.id;\n"
    )
    found = looker.all({"0002_x.sql": text, "0002_x.verify.sql": f"-- merge: {head}\n"})
    assert found == ([("0002_x.sql", 5, "copy-without-merge")] if is_found else [])


def test_a_waiver_of_two_rules_waives_neither(looker: Looker) -> None:
    for written in (
        "without-where, or-ignore it is",
        "without-where and or-ignore: it is",
        "without-where or-ignore x",
    ):
        report = looker.report({"0002_x.sql": f"-- sessmig: allow {written}\nUPDATE orders SET total = 1;"})
        found = [(f.line, f.what) for f in report.findings if f.rule in ("waiver", "without-where")]
        told = "a waiver of without-where that names or-ignore too"
        assert found == [(1, told), (2, "UPDATE of every row of orders")]
