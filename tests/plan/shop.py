"""A small series that both databases take: tables, a merge with its proof, and a step that waits."""

from typing import Final

CREATE: Final = """-- Customers and their cities
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40));
INSERT INTO customers (id, name, city) VALUES (1, 'Ada', 'London'), (2, 'Bob', NULL), (3, 'Ö; "x" ''y''', 'Graz');
"""
MOVE: Final = """-- Each city to a table of its own
--
-- sessmig: may-lose customers.city
CREATE TABLE residents (customer_id INTEGER PRIMARY KEY, city VARCHAR(40) NOT NULL);

INSERT INTO residents (customer_id, city)
SELECT id, city
FROM customers
WHERE city IS NOT NULL;

CREATE INDEX idx_customers_name ON customers (name);
"""
VERIFY: Final = """-- require: there are customers
-- expect: some
SELECT id FROM customers;

-- measure before: customers_before
SELECT count(*) FROM customers;

-- measure: first_city
SELECT min(city) FROM residents;

-- measure: share
SELECT 0.5 * count(*) FROM residents;

-- check: nobody went
-- expect: :customers_before
SELECT count(*) FROM customers;

-- check: names are as before
-- expect: same
SELECT id, name FROM customers ORDER BY id;

-- check: there are two residents
-- expect: 2
SELECT count(*) FROM residents;

-- check: the first is from Graz
-- expect: 'Graz'
SELECT :first_city FROM residents WHERE city = :first_city;

-- check: every resident has a city
SELECT customer_id FROM residents WHERE city = '';

-- warn: customers without a city
SELECT id, name FROM customers WHERE city IS NULL;

-- merge: (SELECT id, city FROM customers WHERE city IS NOT NULL) into residents on id = customer_id comparing city
"""
BACK: Final = """-- sessmig: may-lose residents
DROP INDEX idx_customers_name;
DROP TABLE residents;
"""
CLEAN: Final = """-- sessmig: wait 7 days after 2
-- sessmig: irreversible nobody wants it back
UPDATE customers SET city = NULL;
"""
FILES: Final = {
    "0001_customers.sql": CREATE,
    "0002_residents.sql": MOVE,
    "0002_residents.verify.sql": VERIFY,
    "0002_residents.rollback.sql": BACK,
    "0003_clean.sql": CLEAN,
}
