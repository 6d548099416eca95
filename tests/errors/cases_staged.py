"""Errors of files that are no single transaction: batches and no-transaction. Knows cases only."""

from __future__ import annotations

from tests.errors.scene import Case

_MADE = (
    "CREATE TABLE old (id INTEGER PRIMARY KEY, plain INTEGER NOT NULL, many INTEGER NOT NULL, maybe INTEGER UNIQUE);\n"
    "CREATE TABLE new (id INTEGER PRIMARY KEY, plain INTEGER NOT NULL, many INTEGER NOT NULL, maybe INTEGER);\n"
    "CREATE INDEX old_many ON old (many);\nINSERT INTO old VALUES (1, 1, 1, 1), (2, 2, 2, NULL);\n"
)
_COPY = (
    "INSERT INTO new (id, plain, many, maybe)\n"
    "SELECT id, plain, many, maybe FROM old WHERE {} BETWEEN :first AND :last;\n"
)
_BATCH = "-- sessmig: batch old by {}\n"
_GOOD = _BATCH.format("id") + _COPY.format("id")


def _file(title: str, text: str, note: str = "", **files: str) -> Case:
    return Case(title, ({"0001_tables.sql": _MADE, "0002_copy.sql": text, **files}, "migrate --no-backup"), note)


CASES = (
    _file("batch is not understood", _BATCH.format("") + _COPY.format("id")),
    _file("batch with size 0", _BATCH.format("id size 0") + _COPY.format("id")),
    _file("batch over another statement", _BATCH.format("id") + "DROP TABLE old;\n"),
    _file("batch without its bounds", _BATCH.format("id") + "DELETE FROM old WHERE id >= :first;\n"),
    _file("batch leaves a bound out", _BATCH.format("id") + "DELETE FROM old WHERE id > :first AND id <= :last;\n"),
    _file("batch given twice", _BATCH.format("id") + _GOOD),
    _file("batch beside no-transaction", "-- sessmig: no-transaction\n" + _GOOD),
    _file("batch and idempotent", "-- sessmig: idempotent\n" + _GOOD),
    _file("The batched table is taken away", _GOOD + "DROP TABLE old;\n"),
    _file("batch: the column has no index", _BATCH.format("plain") + _COPY.format("plain")),
    _file("batch: the column is not unique", _BATCH.format("many") + _COPY.format("many")),
    _file("batch: the column may be NULL", _BATCH.format("maybe") + _COPY.format("maybe")),
    _file("batch: there is no such column", _BATCH.format("nothing") + _COPY.format("nothing")),
    _file("batch: there is no such table", "-- sessmig: batch nowhere by id\n" + _COPY.format("id")),
    _file("batch: each range would read it all", _BATCH.format("id") + _COPY.format("id + 0")),
    _file(
        "batch: a statement that feeds itself",
        _BATCH.format("id") + "INSERT INTO old SELECT id + 9, 1, 1, NULL FROM old WHERE id BETWEEN :first AND :last;\n",
    ),
    _file(
        "batch: a statement that sets its key",
        _BATCH.format("id") + "UPDATE old SET id = id + 9 WHERE id BETWEEN :first AND :last;\n",
    ),
    _file(
        "A merge that no batch accounts for",
        _GOOD,
        **{"0002_copy.verify.sql": "-- merge: other into new on id\n"},
    ),
    _file(
        "A merge that a batch accounts for, and whose source another statement changes",
        "UPDATE old SET plain = 0;\n" + _GOOD,
        **{"0002_copy.verify.sql": "-- merge: old into new on id comparing plain\n"},
    ),
    _file(
        "A batch fails",
        _BATCH.format("id") + _COPY.format("id").replace("plain, many, maybe FROM", "maybe, many, maybe FROM"),
        "What is committed stays, and the next run goes on there: [steps of several commits](../staged.md).",
    ),
    _file(
        "A no-transaction file fails half-way",
        "-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABLE old (x INTEGER);\n",
        "The statements before it are done, and are not run again.",
    ),
    Case(
        "A no-transaction file in one transaction",
        ({"0001_a.sql": "-- sessmig: no-transaction\nVACUUM;\n"}, "migrate --single-transaction"),
    ),
    Case(
        "A check at the end does not hold",
        (
            {
                "0001_tables.sql": _MADE,
                "0002_copy.sql": _GOOD,
                "0002_copy.verify.sql": "-- check: nothing came\nSELECT id FROM new;\n",
            },
            "migrate --no-backup",
        ),
        "Nothing is undone: mend the data or the verify file, and migrate again.",
    ),
    Case(
        "A half-done step was changed in what is done",
        (
            {"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABEL b (x INTEGER);\n"},
            "migrate",
            {"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE z (x INTEGER);\nCREATE TABLE b (x INTEGER);\n"},
            "migrate",
        ),
    ),
    Case(
        "A half-done step stands in the way",
        (
            {"0001_a.sql": "-- sessmig: no-transaction\nCREATE TABLE a (x INTEGER);\nCREATE TABEL b (x INTEGER);\n"},
            "migrate",
            {"0002_b.sql": "CREATE TABLE c (x INTEGER);\n"},
            "migrate --only 2",
        ),
    ),
    Case(
        "A rollback is half done",
        (
            {
                "0001_a.sql": "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (x INTEGER);\n",
                "0001_a.rollback.sql": "-- sessmig: no-transaction\nDROP TABLE b;\nDROP TABEL a;\n",
            },
            "migrate",
            "rollback",
            "migrate",
        ),
    ),
    Case(
        "A setting that reaches no other statement",
        ({"0001_a.sql": "-- sessmig: no-transaction\nSET work_mem = '1GB';\nVACUUM;\n"}, "migrate"),
        postgres=True,
    ),
    Case(
        "An index of that name is another one",
        (
            {
                "0001_a.sql": "CREATE TABLE a (x INTEGER, y INTEGER);\nCREATE INDEX a_x ON a (y);\n",
                "0002_b.sql": "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a_x ON a (x);\n",
            },
            "migrate",
        ),
        "PostgreSQL's own `IF NOT EXISTS` would have passed it over.",
        postgres=True,
    ),
    Case(
        "An index of that name is on another table",
        (
            {
                "0001_a.sql": "CREATE TABLE a (x INTEGER);\nCREATE TABLE b (x INTEGER);\nCREATE INDEX a_x ON b (x);\n",
                "0002_b.sql": "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY a_x ON a (x);\n",
            },
            "migrate",
        ),
        postgres=True,
    ),
    Case(
        "Another thing bears the index's name",
        (
            {
                "0001_a.sql": "CREATE TABLE a (x INTEGER);\nCREATE TABLE a_x (x INTEGER);\n",
                "0002_b.sql": "-- sessmig: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a_x ON a (x);\n",
            },
            "migrate",
        ),
        postgres=True,
    ),
)
