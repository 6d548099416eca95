"""What each rule finds, at which line, and what it passes over."""

from __future__ import annotations

import pytest

from sessmig.lint import lint
from tests.fixtures.files import WriteMigrations
from tests.lint.looking import Looker, places

COPY = "INSERT INTO customers (id, name) SELECT id, name FROM old_customers"
FOUND = {
    "or-ignore in a list of changes": ("UPDATE OR IGNORE customers SET id = 2 WHERE id = 1;", 1, "or-ignore"),
    "or-replace by UPDATE": ("UPDATE OR REPLACE customers SET id = 2 WHERE id = 1;", 1, "or-replace"),
    "or-replace by REPLACE": ("REPLACE INTO customers (id, name) VALUES (1, 'x');", 1, "or-replace"),
    "or-replace of an unknown table": ("INSERT OR REPLACE INTO elsewhere (id) VALUES (1);", 1, "or-replace"),
    "conflict-target in the second line": (
        "INSERT INTO customers (id, name) VALUES (1, 'x')\nON CONFLICT DO NOTHING;",
        2,
        "conflict-target",
    ),
    "insert-columns with an alias": (
        "INSERT INTO customers AS c SELECT 1, 'x', 'y', 'z' FROM orders;",
        1,
        "insert-columns",
    ),
    "insert-columns with a query in parentheses": (
        "INSERT INTO customers (SELECT id, name, email, city FROM old_customers);",
        1,
        "insert-columns",
    ),
    "insert-columns with a WITH behind it": (
        "INSERT INTO customers WITH x AS (SELECT 1 AS a) SELECT a, a, a, a FROM x;",
        1,
        "insert-columns",
    ),
    "insert-columns with a WITH before it": (
        "WITH x AS (SELECT 1 AS a)\nINSERT INTO customers SELECT a, a, a, a FROM x;",
        2,
        "insert-columns",
    ),
    "select-star in the second arm": (
        "INSERT INTO orders (id, customer_id, total) SELECT 1, 2, 3 UNION ALL SELECT\n* FROM orders;",
        2,
        "select-star",
    ),
    "select-star behind DISTINCT": (
        "INSERT INTO orders (id, customer_id, total) SELECT DISTINCT * FROM orders;",
        1,
        "select-star",
    ),
    "select-star behind a column": (
        "INSERT INTO orders (id, customer_id, total) SELECT 1, o.* FROM orders AS o;",
        1,
        "select-star",
    ),
    "union-in-copy in a table of its own": (
        "CREATE TABLE x AS\nSELECT id FROM customers\nUNION\nSELECT id FROM old_customers;",
        3,
        "union-in-copy",
    ),
    "union-in-copy in a WITH": (
        "INSERT INTO orders (id) WITH x AS (SELECT 1 AS a UNION SELECT 2) SELECT a FROM x;",
        1,
        "union-in-copy",
    ),
    "union-in-copy in a FROM": (
        "INSERT INTO orders (id) SELECT a FROM (SELECT 1 AS a UNION SELECT 2) AS x;",
        1,
        "union-in-copy",
    ),
    "limit-without-order in a subquery": (
        "UPDATE customers SET city = (SELECT city FROM old_customers LIMIT 1) WHERE id = 1;",
        1,
        "limit-without-order",
    ),
    "limit-without-order with the order elsewhere": (
        "INSERT INTO orders (id) SELECT a FROM (SELECT id AS a FROM orders ORDER BY id) AS x LIMIT 1;",
        1,
        "limit-without-order",
    ),
    "not-in-nullable with the table before it": (
        "DELETE FROM orders WHERE total NOT IN (SELECT o.total FROM orders AS o);",
        1,
        "not-in-nullable",
    ),
    "not-in-nullable with an expression": (
        "DELETE FROM orders WHERE id NOT IN (SELECT max(id) FROM orders);",
        1,
        "not-in-nullable",
    ),
    "not-in-nullable with an unknown table": (
        "DELETE FROM orders WHERE id NOT IN (SELECT id FROM elsewhere);",
        1,
        "not-in-nullable",
    ),
    "without-where of an UPDATE with FROM": (
        "UPDATE customers SET city = o.city FROM old_customers AS o;",
        1,
        "without-where",
    ),
    "without-where where the WHERE is another's": (
        "UPDATE customers SET city = (SELECT city FROM old_customers WHERE id = 1);",
        1,
        "without-where",
    ),
    "without-where behind WITH": ("WITH x AS (SELECT 1 AS a)\nDELETE FROM orders;", 2, "without-where"),
    "without-where of an added column and another": (
        "ALTER TABLE customers ADD COLUMN age INTEGER;\nUPDATE customers SET age = 1, city = 'x';",
        2,
        "without-where",
    ),
    "drop-with-copy of a column": (
        f"{COPY} WHERE id > 5;\nALTER TABLE old_customers DROP COLUMN email;",
        2,
        "drop-with-copy",
    ),
    "drop-with-copy of a joined table": (
        "INSERT INTO orders (id) SELECT c.id FROM customers AS c JOIN old_customers AS o ON o.id = "
        "c.id;\nDROP TABLE old_customers;",
        2,
        "drop-with-copy",
    ),
    "drop-with-copy of the second of two tables": (
        "INSERT INTO orders (id) SELECT c.id FROM customers AS c, old_customers AS o WHERE o.id = c.id;\n"
        "DROP TABLE old_customers;",
        2,
        "drop-with-copy",
    ),
    "drop-with-copy read through a WITH": (
        "INSERT INTO orders (id) WITH x AS (SELECT id FROM old_customers) SELECT id FROM x;\nDROP TABLE old_customers;",
        2,
        "drop-with-copy",
    ),
    "changing-key by a text": (
        "INSERT INTO orders (id, total) SELECT strftime('%s', 'now'), total FROM orders;",
        1,
        "changing-key",
    ),
    "changing-key in an UPDATE": ("UPDATE orders SET total = 1, id = random() WHERE id = 1;", 1, "changing-key"),
    "changing-key that is unique": (
        "INSERT INTO customers (name, email) SELECT name, CURRENT_TIMESTAMP FROM old_customers;",
        1,
        "changing-key",
    ),
    "changing-key by its name": (
        "INSERT INTO elsewhere (visit_id) SELECT hex(randomblob(16)) FROM orders;",
        1,
        "changing-key",
    ),
    "double-quoted-text in VALUES": (
        'INSERT INTO customers (id, name) VALUES (7, "Ada Lovelace");',
        1,
        "double-quoted-text",
    ),
    "double-quoted-text in a list": ('DELETE FROM customers WHERE city IN ("Rome",\n"Bonn");', 1, "double-quoted-text"),
    "double-quoted-text in a function": (
        "UPDATE customers SET city = replace(city, \"x y\", 'z') WHERE id = 1;",
        1,
        "double-quoted-text",
    ),
    "double-quoted-text as a default": ('CREATE TABLE z (a TEXT DEFAULT "none at all");', 1, "double-quoted-text"),
}
SILENT = {
    "OR ABORT": "INSERT OR ABORT INTO customers (id, name) VALUES (1, 'x');",
    "OR REPLACE where nothing refers to it": "INSERT OR REPLACE INTO orders (id, customer_id) VALUES (1, 1);",
    "a target of its own": (
        "INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y';"
    ),
    "rows written out": "INSERT INTO customers VALUES (1, 'x', 'y', 'z'), (2, 'SELECT', '*', 'UNION');",
    "default values": "INSERT INTO orders DEFAULT VALUES;",
    "a star that multiplies": "INSERT INTO orders (id, total) SELECT 99, total * 2 FROM orders;",
    "a star that counts": "INSERT INTO orders (id, total) SELECT 99, count(*) FROM orders;",
    "a star in a list that is read by name": (
        "INSERT INTO orders (id) WITH x AS (SELECT * FROM customers) SELECT id FROM x;"
    ),
    "a star within EXISTS": f"{COPY} WHERE NOT EXISTS (SELECT * FROM customers AS c WHERE c.id = old_customers.id);",
    "UNION within IN": f"{COPY} WHERE id IN (SELECT id FROM orders UNION SELECT id FROM customers);",
    "UNION within EXISTS, deep": f"{COPY} WHERE EXISTS (SELECT 1 FROM (SELECT 1 UNION SELECT 2) AS x);",
    "UNION of a recursion": (
        "INSERT INTO orders (id) WITH RECURSIVE x (a) AS (SELECT 1 UNION SELECT a + 1 FROM x WHERE a < "
        "9) SELECT a FROM x;"
    ),
    "UNION of a view": "CREATE VIEW v AS SELECT id FROM customers UNION SELECT id FROM orders;",
    "LIMIT behind ORDER BY": "INSERT INTO orders (id) SELECT id FROM customers ORDER BY id LIMIT 3;",
    "LIMIT 0": "CREATE TABLE z AS SELECT id FROM customers LIMIT 0;",
    "LIMIT within EXISTS": f"{COPY} WHERE EXISTS (SELECT 1 FROM orders LIMIT 1);",
    "LIMIT of a view": "CREATE VIEW v AS SELECT id FROM customers LIMIT 3;",
    "a column called limit": 'CREATE TABLE z (limit_ INTEGER, "limit" INTEGER);',
    "NOT IN a column that is NOT NULL": "DELETE FROM customers WHERE id NOT IN (SELECT customer_id FROM orders);",
    "NOT IN a primary key": "DELETE FROM orders WHERE customer_id NOT IN (SELECT id FROM customers);",
    "NOT IN without NULL": "DELETE FROM orders WHERE total NOT IN (SELECT total FROM orders WHERE total IS NOT NULL);",
    "NOT IN literals": "DELETE FROM orders WHERE total NOT IN (1, 2);",
    "NOT IN a literal's query": "DELETE FROM orders WHERE total NOT IN (SELECT 1);",
    "an UPDATE that fills what the step adds": (
        "ALTER TABLE customers ADD COLUMN age INTEGER;\nUPDATE customers SET age = 1;"
    ),
    "a temporary table": (
        "CREATE TEMP TABLE z (a INTEGER);\nDELETE FROM z;\nINSERT INTO z SELECT 1 FROM orders;\nDROP TABLE z;"
    ),
    "FOR UPDATE and ON UPDATE": (
        "CREATE TABLE z (a INTEGER REFERENCES orders (id) ON UPDATE CASCADE ON DELETE SET NULL);"
    ),
    "a trigger": (
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM old_customers WHERE id = new.id; INSERT INTO "
        "customers SELECT * FROM old_customers; END;"
    ),
    "a drop of another table": f"{COPY} WHERE id > 5;\nDROP TABLE orders;",
    "a drop before the copy's name, compared": (
        "INSERT INTO orders (id) SELECT id FROM customers WHERE city IS DISTINCT FROM 'x';"
    ),
    "a rename without a new table": "ALTER TABLE old_customers RENAME TO older_customers;",
    "a new table of another name": "ALTER TABLE old_customers RENAME TO older_customers;\nCREATE TABLE z (a INTEGER);",
    "now() in a column that is no key": (
        "INSERT INTO orders (id, total) SELECT id, strftime('%s', 'now') FROM customers;"
    ),
    "random() in a condition": "INSERT INTO orders (id) SELECT id FROM customers WHERE random() > 0;",
    "a key in a query": (
        "UPDATE orders SET customer_id = (SELECT max(id) FROM customers WHERE CURRENT_TIMESTAMP > '2020') WHERE id = 1;"
    ),
    "names in quotes": 'UPDATE "customers" SET "city" = \'x\' WHERE "customers"."nowhere" = 1 AND "id" = 2;',
    "columns in quotes": 'INSERT INTO "new table" ("a b", "c d") SELECT "a b", "c d" FROM "new table" WHERE "a b" > 1;',
    "a table in quotes": 'CREATE TABLE "t t" ("x y" TEXT, UNIQUE ("x y"));\nCREATE INDEX "i i" ON "t t" ("x y");',
    "an alias in quotes": 'INSERT INTO orders (id) SELECT x."a b" FROM (SELECT 1 AS "a b") x;',
    "a constraint's name": 'CREATE TABLE z (a INTEGER CONSTRAINT "a is small" CHECK (a < 9));',
    "a name in backticks": "UPDATE customers SET city = `no such` WHERE id = 1;",
    "comments and texts": (
        "-- INSERT OR IGNORE INTO a SELECT * FROM b UNION SELECT 1 LIMIT 1\nSELECT 'DELETE FROM customers';"
    ),
}


@pytest.mark.parametrize(("text", "line", "rule"), FOUND.values(), ids=FOUND)
def test_a_rule_finds(text: str, line: int, rule: str, looker: Looker) -> None:
    assert (line, rule) in looker.found(text)


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_nothing_is_found_in(text: str, looker: Looker) -> None:
    assert looker.found(text) == []


POSTGRES = {
    "a change in a WITH list": (
        "WITH gone AS (\nDELETE FROM orders RETURNING id\n) SELECT 1 FROM gone;",
        [(2, "without-where")],
    ),
    "a change in a WITH list that is materialized": (
        "WITH gone AS MATERIALIZED (UPDATE orders SET total = 1 RETURNING id) SELECT 1 FROM gone;",
        [(1, "without-where")],
    ),
    "ON CONSTRAINT": ("INSERT INTO orders (id) VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING;", []),
    "FETCH FIRST": (
        "INSERT INTO orders (id) SELECT id FROM customers FETCH FIRST 3 ROWS ONLY;",
        [(1, "limit-without-order")],
    ),
    "a FETCH from a cursor": ("FETCH FIRST FROM c;", []),
    "FOR UPDATE": ("SELECT id FROM orders FOR UPDATE;", []),
    "TABLE": ("INSERT INTO orders (id, customer_id, total) TABLE orders;", [(1, "select-star")]),
    "double quotes are names": ('UPDATE customers SET city = "London" WHERE id = 1;', []),
    "a renaming of the old table first": (
        "ALTER TABLE orders RENAME TO orders_old;\nCREATE TABLE orders (id INTEGER);",
        [],
    ),
    "uuids": ("INSERT INTO elsewhere (id) SELECT gen_random_uuid() FROM orders;", [(1, "changing-key")]),
    "set_config": ("SELECT set_config('search_path', 'shop', true);", [(1, "search-path")]),
    "SET LOCAL": ("SET LOCAL search_path TO shop;", [(1, "search-path")]),
    "another setting": ("SET LOCAL work_mem TO '64MB';", []),
    "the primary key of a text": ("DELETE FROM orders WHERE id NOT IN (SELECT id FROM old_customers);", []),
    "an enum's value used elsewhere": (
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad';\nUPDATE orders SET total = 1 WHERE id = 1;",
        [],
    ),
    "an enum's value used": (
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'sad' BEFORE 'glad';\nSELECT 1;\nSELECT\n'sad';",
        [(4, "enum-value-in-use")],
    ),
    "an enum's value in commits of their own": (
        "-- sessmig: no-transaction\n\nALTER TYPE mood ADD VALUE 'sad';\nSELECT 'sad';",
        [],
    ),
    "CONCURRENTLY with UNIQUE": (
        "-- sessmig: no-transaction\n\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON orders (total);",
        [(3, "concurrently-if-not-exists")],
    ),
    "IF NOT EXISTS alone": ("CREATE INDEX IF NOT EXISTS i ON orders (total);", []),
}


@pytest.mark.parametrize(("text", "expected"), POSTGRES.values(), ids=POSTGRES)
def test_on_postgres_is_found(text: str, expected: list[tuple[int, str]], looker: Looker) -> None:
    assert looker.found(text, "postgres") == expected


def test_a_primary_key_of_sqlite_that_is_no_integer_may_be_null(looker: Looker) -> None:
    tables = "CREATE TABLE z (a TEXT PRIMARY KEY);\n"
    text = f"{tables}DELETE FROM orders WHERE total NOT IN (SELECT a FROM z);"
    assert looker.found(text) == [(2, "not-in-nullable")]
    assert looker.found(text, "postgres") == []


def test_what_the_legacy_folder_tells_of_tables_is_known(migrations: WriteMigrations) -> None:
    text = "DELETE FROM orders WHERE id NOT IN (SELECT a FROM old);\nINSERT OR REPLACE INTO old (a) VALUES (1);\n"
    folder = migrations({"sqlite/0001_x.sql": f"-- sessmig: irreversible it is so\n\n{text}"})
    found = [(3, "not-in-nullable"), (4, "or-replace")]
    assert [p[1:] for p in places(lint([folder]).findings) if p[2] != "data-without-verify"] == found
    migrations({"legacy/sqlite_1_schema.sql": "CREATE TABLE old (a TEXT NOT NULL);", "legacy/postgres_1.sql": "'open"})
    assert [p[1:] for p in places(lint([folder]).findings) if p[2] != "data-without-verify"] == []
    migrations({"legacy/sqlite_1_schema.sql": "CREATE TABLE old (a TEXT); CREATE TABLE b (a TEXT REFERENCES old (a));"})
    assert [p[1:] for p in places(lint([folder]).findings) if p[2] != "data-without-verify"] == found


def test_a_key_by_which_a_merge_matches_is_a_key(looker: Looker) -> None:
    files = {
        "0002_x.sql": "-- sessmig: irreversible it is so\n\nINSERT INTO elsewhere (label) SELECT random() FROM orders;",
        "0002_x.verify.sql": "-- merge: orders into elsewhere on id = label\n",
    }
    assert looker.all(files) == [("0002_x.sql", 3, "changing-key")]


def test_a_column_that_is_renamed_keeps_what_is_known_of_its_table(looker: Looker) -> None:
    text = "ALTER TABLE customers RENAME TO people;\nINSERT OR REPLACE INTO people (id, name) VALUES (1, 'x');"
    assert looker.found(text) == [(2, "or-replace")]


def test_a_rebuild_is_found_only_while_foreign_keys_are_on_and_others_refer_to_the_table(looker: Looker) -> None:
    rebuild = (
        "CREATE TABLE n (id INTEGER PRIMARY KEY);\nINSERT INTO n (id) SELECT id FROM {0};\n"
        "DROP TABLE {0};\nALTER TABLE n RENAME TO {0};\n"
    )
    assert looker.found(rebuild.format("customers")) == [(3, "rebuild-cascades")]
    assert looker.found("-- sessmig: foreign-keys-off\n\n" + rebuild.format("customers")) == []
    assert looker.found(rebuild.format("orders")) == []


def test_verify_files_are_asked_where_their_answer_would_lie(looker: Looker) -> None:
    queries = (
        "-- check: a\nSELECT id FROM orders WHERE total NOT IN (SELECT total FROM orders);\n\n"
        "-- check: examples\nSELECT id FROM orders LIMIT 3;\n\n"
        "-- measure: first\nSELECT total FROM orders LIMIT 1;\n\n"
        "-- check: same\n-- expect: same\nSELECT id FROM orders LIMIT 2;\n\n"
        '-- check: b\nSELECT DISTINCT * FROM orders WHERE "nowhere" = 1 UNION SELECT 1, 2, 3;\n'
    )
    assert looker.found(queries, name="0002_x.verify.sql") == [
        (2, "not-in-nullable"),
        (8, "limit-without-order"),
        (12, "limit-without-order"),
    ]


PROOFS = {
    "a plain insert": ("INSERT INTO orders (id) VALUES (1);", []),
    "an insert that may leave out": (
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO NOTHING;",
        ["data-without-rollback", "data-without-verify"],
    ),
    "a row that is made once": (
        "INSERT INTO orders (id) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = 1);",
        ["data-without-rollback", "data-without-verify"],
    ),
    "a table made of another": (
        "CREATE TABLE z AS SELECT id FROM orders;",
        ["copy-without-merge", "data-without-rollback", "data-without-verify"],
    ),
    "a copy through a WITH list": (
        "INSERT INTO old_customers (id) WITH x AS (SELECT id FROM orders) SELECT id FROM x;",
        ["copy-without-merge", "data-without-rollback", "data-without-verify"],
    ),
    "tables and indexes": (
        "CREATE TABLE z (a INTEGER);\nCREATE INDEX i ON z (a);\nALTER TABLE z ADD COLUMN b TEXT;",
        [],
    ),
    "a temporary table": ("CREATE TEMP TABLE z AS SELECT id FROM orders;\nUPDATE z SET id = 1 WHERE id = 2;", []),
}


@pytest.mark.parametrize(("text", "rules"), PROOFS.values(), ids=PROOFS)
def test_what_has_to_stand_beside(text: str, rules: list[str], looker: Looker) -> None:
    assert [rule for _, _, rule in looker.all({"0002_x.sql": text})] == rules


COPIES = {
    "MERGE": "MERGE INTO customers AS c USING orders AS o ON o.id = c.id WHEN MATCHED THEN DELETE;",
    "SELECT INTO": "SELECT id INTO z FROM orders;",
    "a WITH list before it": "WITH x AS (SELECT id FROM orders) INSERT INTO customers (id) SELECT id FROM x;",
    "rows that are taken out": "WITH x AS (DELETE FROM orders WHERE id = 1 RETURNING id)\n"
    "INSERT INTO customers (id) SELECT id FROM x;",
    "queries in parentheses": "INSERT INTO customers (id) (SELECT id FROM orders) UNION ALL (SELECT id FROM orders);",
}


@pytest.mark.parametrize("text", COPIES.values(), ids=COPIES)
def test_a_copy_is_known_whatever_its_form(text: str, looker: Looker) -> None:
    report = looker.report({"0002_x.sql": text}, "postgres", squawk=False)
    assert [f.what.partition(" into ")[0] for f in report.findings if f.rule == "copy-without-merge"] == [
        "rows of orders are copied"
    ]


def test_a_temporary_copy_needs_no_proof(looker: Looker) -> None:
    assert looker.all({"0002_x.sql": "SELECT id INTO TEMP TABLE z FROM orders;"}, "postgres") == []


def test_a_union_and_a_drop_are_found_through_a_with_list_before_the_insert(looker: Looker) -> None:
    text = "WITH x AS (SELECT id FROM orders UNION SELECT 1) INSERT INTO customers (id) SELECT id FROM x;\n"
    assert looker.found(f"{text}DROP TABLE orders;") == [(1, "union-in-copy"), (2, "drop-with-copy")]


def test_a_merge_accounts_for_its_target_alone_also_after_a_renaming(looker: Looker) -> None:
    text = (
        "-- sessmig: irreversible it is so\n\n"
        "INSERT INTO old_customers (id) SELECT id FROM orders;\n"
        "INSERT INTO customers (id, name) SELECT id, 'x' FROM orders;\n"
        "ALTER TABLE customers RENAME TO people;\n"
    )
    verify = {"0002_x.verify.sql": "-- merge: orders into people on id\n"}
    assert looker.all({"0002_x.sql": text, **verify}) == [("0002_x.sql", 3, "copy-without-merge")]


QUERIES = {
    "a query of the target": "merge: orders into (SELECT id FROM customers) on id",
    "queries on both sides": "merge: (SELECT id FROM orders) into (SELECT id FROM customers) on id",
    "a WITH list in a query": (
        "merge: orders into (SELECT id FROM (WITH x AS (SELECT id FROM customers) SELECT id FROM x) AS y) on id"
    ),
    "a join": "merge: orders into (SELECT c.id FROM old_customers AS o JOIN customers AS c ON c.id = o.id) on id",
}
OTHERS = {
    "another target": "merge: orders into (SELECT id FROM old_customers) on id",
    "a target that is only asked": (
        "merge: orders into (SELECT id FROM old_customers WHERE id IN (SELECT id FROM customers)) on id"
    ),
    "another source": "merge: (SELECT id FROM old_customers) into (SELECT id FROM customers) on id",
    "a source that is only asked": (
        "merge: (SELECT id FROM old_customers WHERE EXISTS (SELECT 1 FROM orders)) "
        "into (SELECT id FROM customers) on id"
    ),
}


@pytest.mark.parametrize("head", [*QUERIES.values(), *OTHERS.values()], ids=[*QUERIES, *OTHERS])
def test_a_merge_with_queries_accounts_for_the_tables_whose_rows_they_give(head: str, looker: Looker) -> None:
    files = {
        "0002_x.sql": "-- sessmig: irreversible it is so\n\nINSERT INTO customers (id) SELECT id FROM orders;\n",
        "0002_x.verify.sql": f"-- {head}\n",
    }
    found = [] if head in QUERIES.values() else [("0002_x.sql", 3, "copy-without-merge")]
    assert looker.all(files) == found


def test_a_rollback_that_copies_back_needs_a_merge_too(looker: Looker) -> None:
    files = {
        "0002_x.sql": "CREATE TABLE z (id INTEGER PRIMARY KEY);",
        "0002_x.rollback.sql": "INSERT INTO orders (id) SELECT id FROM z;\nDROP TABLE z;",
    }
    assert looker.all(files) == [("0002_x.rollback.sql", 1, "copy-without-merge")]
    files["0002_x.rollback.verify.sql"] = "-- merge: z into orders on id\n"
    assert looker.all(files) == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_rows_that_are_written_out_are_passed_over_and_what_they_tell_is_kept(dialect: str, looker: Looker) -> None:
    rows = "".join(f"INSERT INTO elsewhere (\"a b\", c) VALUES ({n}, 'LIM');\n" for n in range(3))
    asking = (
        'UPDATE orders SET total = 1 WHERE "a b" = 2;\nINSERT INTO elsewhere (c) VALUES (1) ON CONFLICT DO NOTHING;'
    )
    assert looker.found(rows + asking, dialect) == [(5, "conflict-target")]
    enum = "ALTER TYPE mood ADD VALUE 'sad';\n"
    used = [(2, "enum-value-in-use")] if dialect == "postgres" else []
    assert looker.found(enum + "INSERT INTO elsewhere (id) VALUES ('sad');", dialect) == used


def test_a_verify_file_that_only_measures_is_no_proof(looker: Looker) -> None:
    files = {
        "0002_x.sql": "-- sessmig: irreversible it is so\n\nUPDATE orders SET total = 1 WHERE id = 1;",
        "0002_x.verify.sql": "-- measure: orders\nSELECT count(*) FROM orders;\n",
    }
    (finding,) = looker.report(files).findings
    assert finding.what == "this step changes rows (UPDATE orders), and 0002_x.verify.sql holds no check and no merge"
