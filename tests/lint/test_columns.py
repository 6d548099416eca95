"""Which columns are known never to be NULL, through copies, WITH lists and joins: NOT IN may ask for these."""

from __future__ import annotations

import pytest

from tests.lint.looking import Looker

FILLED = {
    "a table made of a column that is NOT NULL": "CREATE TABLE z AS SELECT customer_id FROM orders;",
    "a column under another name": "CREATE TABLE IF NOT EXISTS z AS SELECT o.id AS customer_id FROM orders o;",
    "a table made of it in parentheses": "CREATE TABLE z AS (SELECT customer_id FROM orders);",
    "a text, and lower() of it": "CREATE TABLE z AS SELECT 'x' AS a, lower(name) AS customer_id FROM customers;",
    "a table made through a WITH list": (
        "CREATE TABLE z AS WITH y AS (SELECT DISTINCT customer_id FROM orders) SELECT customer_id FROM y;"
    ),
    "a table made of both arms": (
        "CREATE TABLE z AS SELECT customer_id FROM orders UNION ALL SELECT id FROM customers ORDER BY 1;"
    ),
    "a table made of a query": "CREATE TABLE z AS SELECT customer_id FROM (SELECT customer_id FROM orders) AS y;",
    "a column that a join compares": (
        "CREATE TABLE z AS SELECT o.total AS customer_id FROM orders AS o JOIN customers AS c ON c.id = o.total;"
    ),
    "a column that WHERE compares, behind another condition": (
        "CREATE TABLE z AS SELECT total AS customer_id FROM orders WHERE id > 3 AND total = 5 GROUP BY total;"
    ),
    "a name in the database's own list": "CREATE TABLE z AS SELECT name AS customer_id FROM sqlite_master;",
}
MAYBE = {
    "a table made of a column that may be NULL": "CREATE TABLE z AS SELECT total AS customer_id FROM orders;",
    "a table made of a table that nobody knows": "CREATE TABLE z AS SELECT customer_id FROM elsewhere;",
    "a table made of every column": "CREATE TABLE z AS SELECT * FROM orders;",
    "a table made of an expression": "CREATE TABLE z AS SELECT nullif(customer_id, 3) AS customer_id FROM orders;",
    "a table made of an aggregate": "CREATE TABLE z AS SELECT max(customer_id) AS customer_id FROM orders;",
    "lower() of what may be NULL": "CREATE TABLE z AS SELECT lower(email) AS customer_id FROM customers;",
    "arms in parentheses": "CREATE TABLE z AS (SELECT customer_id FROM orders) UNION ALL (SELECT total FROM orders);",
    "the second arm": "CREATE TABLE z AS SELECT customer_id FROM orders UNION ALL SELECT total FROM orders;",
    "the outer side of a join": (
        "CREATE TABLE z AS SELECT o.customer_id FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id;"
    ),
    "a comparison that need not hold": (
        "CREATE TABLE z AS SELECT total AS customer_id FROM orders WHERE total = 5 OR total IS NULL;"
    ),
    "a comparison that is selected": (
        "CREATE TABLE z AS SELECT id = 1 AND total = 1 AS a, total AS customer_id FROM orders WHERE id = 2;"
    ),
    "a comparison in a query of a condition": (
        "CREATE TABLE z AS SELECT total AS customer_id FROM orders WHERE EXISTS (SELECT 1 FROM orders WHERE total = 1);"
    ),
    "one of two WITH lists of a name": (
        "CREATE TABLE z AS WITH y AS (SELECT customer_id FROM orders) SELECT customer_id FROM y WHERE id IN ("
        "WITH y AS (SELECT total AS customer_id FROM orders) SELECT customer_id FROM y);"
    ),
    "a WITH list that calls its columns otherwise": (
        "CREATE TABLE z AS WITH y (total, customer_id) AS (SELECT customer_id, total FROM orders) "
        "SELECT customer_id FROM y;"
    ),
    "a WITH list that names itself": (
        "CREATE TABLE z AS WITH RECURSIVE y AS (SELECT customer_id FROM orders UNION ALL SELECT customer_id FROM y) "
        "SELECT customer_id FROM y;"
    ),
    "the text of a definition": "CREATE TABLE z AS SELECT sql AS customer_id FROM sqlite_master;",
    "a table of unknown columns beside it": (
        "CREATE TABLE z AS SELECT customer_id FROM orders JOIN json_each('[]') AS part WHERE part.key > 1;"
    ),
}
ASKED = "DELETE FROM orders WHERE total NOT IN (SELECT customer_id FROM z);"


@pytest.mark.parametrize("text", FILLED.values(), ids=FILLED)
def test_a_column_is_never_null_in(text: str, looker: Looker) -> None:
    assert looker.found(f"{text}\n{ASKED}") == []


@pytest.mark.parametrize("text", MAYBE.values(), ids=MAYBE)
def test_a_column_may_be_null_in(text: str, looker: Looker) -> None:
    assert looker.found(f"{text}\n{ASKED}") == [(2, "not-in-nullable")]


def test_what_a_migration_makes_is_known_to_its_verify_and_rollback_files(looker: Looker) -> None:
    files = {
        "0002_x.sql": "-- sessmig: allow copy-without-merge a list\nCREATE TABLE z AS SELECT customer_id FROM orders;",
        "0002_x.verify.sql": "-- check: a\nSELECT id FROM orders WHERE total NOT IN (SELECT customer_id FROM z);",
        "0002_x.rollback.sql": f"{ASKED}\nDROP TABLE z;",
    }
    assert looker.all(files) == []
    files["0002_x.sql"] = files["0002_x.sql"].replace("customer_id", "total AS customer_id")
    found = [("0002_x.rollback.sql", 1, "not-in-nullable"), ("0002_x.verify.sql", 2, "not-in-nullable")]
    assert looker.all(files) == found


def test_a_query_is_read_once_however_often_a_with_list_names_it(looker: Looker) -> None:
    """Read at each of its places it would be read 2 to the power of 40 times."""
    lists = [f"y{n} AS (SELECT a.customer_id FROM y{n - 1} AS a JOIN y{n - 1} AS b ON 1 = 1)" for n in range(1, 41)]
    text = f"CREATE TABLE z AS WITH y0 AS (SELECT customer_id FROM orders), {', '.join(lists)} "
    assert looker.found(f"{text}SELECT customer_id FROM y40;\n{ASKED}") == []
