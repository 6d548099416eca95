"""The locks that a plan tells are those that PostgreSQL takes."""

from __future__ import annotations

from sessmig import reach, script
from sessmig.databases import connect
from sessmig.lock_modes import STRENGTH
from tests.adopt.inside import Inside
from tests.fixtures import postgres
from tests.fixtures.files import WriteMigrations

SETUP = """
CREATE SCHEMA other;
CREATE TABLE other.t (id INT PRIMARY KEY);
CREATE TABLE parent (id INT PRIMARY KEY, name TEXT);
CREATE TABLE child (id INT PRIMARY KEY, parent_id INT REFERENCES parent ON DELETE CASCADE, note TEXT);
CREATE TABLE grand (id INT PRIMARY KEY, child_id INT REFERENCES child ON DELETE CASCADE);
CREATE TABLE lone (id INT PRIMARY KEY, a INT, b TEXT);
CREATE TABLE part (id INT, d DATE) PARTITION BY RANGE (d);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE part_2 (id INT, d DATE);
CREATE TABLE inh (id INT);
CREATE TABLE inh_c () INHERITS (inh);
CREATE VIEW v AS SELECT * FROM parent;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM parent;
CREATE UNIQUE INDEX mv_i ON mv (id);
CREATE INDEX lone_a ON lone (a);
CREATE SEQUENCE sq;
CREATE TABLE "We ird" (id INT);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER tg BEFORE INSERT ON lone FOR EACH ROW EXECUTE FUNCTION f();
"""
STATEMENTS = """
CREATE TABLE n1 (id INT PRIMARY KEY, p INT REFERENCES parent (id));
CREATE TABLE n2 AS SELECT * FROM lone;
CREATE TABLE n4 () INHERITS (inh);
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE part DETACH PARTITION part_1;
ALTER TABLE lone ADD COLUMN c INT REFERENCES parent (id);
ALTER TABLE lone ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES parent (id) NOT VALID;
ALTER TABLE lone ADD CONSTRAINT ck CHECK (a > 0) NOT VALID;
ALTER TABLE lone ALTER COLUMN a SET STATISTICS 100;
ALTER TABLE lone ALTER COLUMN a SET (n_distinct = 5);
ALTER TABLE lone ALTER COLUMN a SET STATISTICS 100, ADD COLUMN c INT;
ALTER TABLE lone SET (fillfactor = 70);
ALTER TABLE lone SET (autovacuum_enabled = false);
ALTER TABLE lone RESET (fillfactor);
ALTER TABLE lone ENABLE TRIGGER tg;
ALTER TABLE lone DISABLE TRIGGER USER;
ALTER TABLE lone CLUSTER ON lone_pkey;
ALTER TABLE lone SET WITHOUT CLUSTER;
ALTER TABLE lone ALTER COLUMN a TYPE BIGINT;
ALTER TABLE lone RENAME TO lone2;
ALTER TABLE lone INHERIT inh;
ALTER TABLE inh_c NO INHERIT inh;
ALTER TABLE inh ADD COLUMN z INT;
ALTER TABLE ONLY lone ADD COLUMN z INT;
ALTER TABLE child DROP CONSTRAINT child_parent_id_fkey;
ALTER TABLE child DROP COLUMN parent_id;
ALTER TABLE public.child DROP COLUMN note;
ALTER TABLE parent DROP CONSTRAINT parent_pkey CASCADE;
ALTER VIEW v RENAME TO v9;
ALTER MATERIALIZED VIEW mv RENAME TO mv8;
ALTER SEQUENCE sq RESTART WITH 5;
ALTER SEQUENCE sq OWNED BY lone.id;
ALTER TRIGGER tg ON lone RENAME TO tg2;
DROP TABLE child CASCADE;
DROP TABLE public.grand;
DROP TABLE part_1;
DROP VIEW v;
DROP MATERIALIZED VIEW mv;
DROP INDEX lone_a;
DROP SEQUENCE sq;
DROP TRIGGER tg ON lone;
TRUNCATE lone;
TRUNCATE parent CASCADE;
TRUNCATE TABLE ONLY inh;
TRUNCATE TABLE lone, grand;
CREATE INDEX i1 ON lone (b);
CREATE INDEX i3 ON part (id);
CREATE TRIGGER t2 AFTER UPDATE ON child FOR EACH ROW EXECUTE FUNCTION f();
CREATE RULE r AS ON INSERT TO lone DO NOTHING;
CREATE POLICY pol ON lone USING (true);
CREATE STATISTICS st ON a, b FROM lone;
CREATE OR REPLACE VIEW v AS SELECT * FROM parent;
CREATE VIEW v3 AS SELECT * FROM lone;
REFRESH MATERIALIZED VIEW mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
REINDEX TABLE lone;
REINDEX INDEX lone_a;
CLUSTER lone USING lone_pkey;
ANALYZE lone;
COMMENT ON TABLE lone IS 'x';
COMMENT ON COLUMN lone.a IS 'x';
COMMENT ON COLUMN public.lone.a IS 'x';
COMMENT ON FUNCTION f() IS 'x';
LOCK lone IN SHARE MODE;
LOCK TABLE ONLY inh IN EXCLUSIVE MODE NOWAIT;
UPDATE inh SET id = 1;
DELETE FROM "We ird";
DELETE FROM other.t;
WITH gone AS (DELETE FROM lone RETURNING id, a) INSERT INTO part_2 (id) SELECT id FROM gone;
WITH up AS (UPDATE lone SET b = 'u' RETURNING *) SELECT * FROM up;
EXPLAIN ANALYZE DELETE FROM lone;
SELECT * FROM lone FOR UPDATE;
SELECT * FROM lone AS l, parent p FOR SHARE OF p;
SELECT id INTO n9 FROM lone;
""".strip().splitlines()
_NAMES = """
SELECT c.oid::bigint, c.oid::regclass::text FROM pg_class AS c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relnamespace <> 'pg_catalog'::regnamespace"""
_TAKEN = """
SELECT relation::bigint, upper(regexp_replace(regexp_replace(mode, 'Lock$', ''), '(?<=[a-z])(?=[A-Z])', ' ', 'g'))
FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"""


def _strongest(found: list[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, mode in found:
        name = name.removeprefix("public.")
        if mode != "ACCESS SHARE" and STRENGTH[mode] > STRENGTH.get(kept.get(name, ""), -1):
            kept[name] = mode
    return kept


def test_the_locks_of_a_statement_are_those_that_postgresql_takes(postgres_url: str) -> None:
    told, taken = {}, {}
    with postgres.connect(postgres_url) as connection, connect(postgres_url) as database:
        connection.execute(SETUP)
        ties = database.scripting().ties()
        names = dict(connection.execute(_NAMES).fetchall())
        for statement in STATEMENTS:
            connection.execute("BEGIN")
            connection.execute(statement)
            rows = connection.execute(_TAKEN).fetchall()
            connection.execute("ROLLBACK")
            taken[statement] = _strongest([(names[oid], mode) for oid, mode in rows if oid in names])
            told[statement] = _strongest(list(reach.locks(statement, ties, "postgres")))
            assert script.locks_are_known(statement, "postgres")
    assert told == taken


def test_where_a_text_does_not_tell_its_locks_the_page_says_so(
    inside: Inside, postgres_url: str, migrations: WriteMigrations
) -> None:
    folder = migrations(
        {
            "0001_a.sql": "DO $$ BEGIN DELETE FROM t; END $$;\nSELECT f(1);\nSELECT * FROM f(2);\n"
            "SELECT count(*) FROM t;\n"
            "DROP TYPE y CASCADE;\n-- sessmig: run-each-row\nSELECT 'DROP TABLE t';\n",
        }
    )
    page = inside("plan", "-d", postgres_url, "--dir", folder).stdout
    assert [line.split("not known ")[1] for line in page.splitlines() if "not known " in line] == [
        "(line 1: DO)",
        "(line 2: SELECT)",
        "(line 3: SELECT)",
        "(line 5: DROP TYPE)",
        "(line 7: what its rows say)",
    ]


def test_a_plan_names_the_tables_that_a_foreign_key_has_locked_too(
    inside: Inside, postgres_url: str, migrations: WriteMigrations
) -> None:
    with postgres.connect(postgres_url) as connection:
        connection.execute(SETUP)
    folder = migrations({"0001_a.sql": "-- sessmig: may-lose child, grand\nDROP TABLE grand;\nDROP TABLE child;\n"})
    page = inside("plan", "-d", postgres_url, "--dir", folder).stdout
    assert "parent: ACCESS EXCLUSIVE (line 3), blocks reads and writes" in page
